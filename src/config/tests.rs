//! What is said about settings that are missing or wrong: all of it, on one line.

use super::*;

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policy.yaml");

/// The error for these variables reads so.
#[track_caller]
fn check(variables: &[(&str, &str)], expected: &str) {
    let error = read(|name| {
        let variable = variables.iter().find(|(known, _)| *known == name);
        variable.map(|(_, value)| (*value).to_owned())
    });
    assert_eq!(error.unwrap_err().to_string(), expected);
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    check(
        &[],
        "4 of the settings cannot be used: \
         FUNCTIONS_CUSTOMHANDLER_PORT is missing: the Functions host sets it; to try tether without the host, run `tether demo`; \
         TETHER_AUTH is missing: state `managed-identity` on Azure or `developer` on a laptop; \
         ServiceBus__fullyQualifiedNamespace is missing: state the namespace's host, such as `contoso.servicebus.windows.net`; \
         TETHER_SUBSCRIPTIONS is missing: state subscription ids separated by commas, or a group's name in TETHER_MANAGEMENT_GROUP",
    );
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    check(
        &[
            ("FUNCTIONS_CUSTOMHANDLER_PORT", "many"),
            ("TETHER_AUTH", "magic"),
            ("TETHER_CLOUD", "moon"),
            ("TETHER_ARM_ENDPOINT", "http://management.azure.com"),
            ("ServiceBus__fullyQualifiedNamespace", "https://contoso.servicebus.windows.net/"),
            ("TETHER_SUBSCRIPTIONS", "one, two"),
            ("TETHER_TENANT", "contoso"),
            ("TETHER_REPLY_QUEUES", "answers, Commands"),
            ("TETHER_STATUS", "yes"),
        ],
        "9 of the settings cannot be used: \
         FUNCTIONS_CUSTOMHANDLER_PORT is `many`: the Functions host sets it; to try tether without the host, run `tether demo`; \
         TETHER_AUTH is `magic`: state `managed-identity` on Azure or `developer` on a laptop; \
         TETHER_CLOUD is `moon`: state `public`, `us-government` or `china`, or leave it out for `public`; \
         TETHER_ARM_ENDPOINT is `http://management.azure.com`: state an https address that ends after its host; http is taken only for a loopback address such as `http://127.0.0.1:8080`; \
         ServiceBus__fullyQualifiedNamespace is `https://contoso.servicebus.windows.net/`: state the namespace's host, such as `contoso.servicebus.windows.net`; \
         TETHER_SUBSCRIPTIONS is `one, two`: state subscription ids separated by commas, or a group's name in TETHER_MANAGEMENT_GROUP; \
         TETHER_TENANT is `contoso`: state the tenant's id, or leave it out; \
         TETHER_REPLY_QUEUES is `answers, Commands`: state names of queues separated by commas, none of them `commands` or `rejected`; \
         TETHER_STATUS is `yes`: state `on` or `off`, or leave it out for `off`",
    );
}

#[test]
fn what_is_wrong_hides_nothing_else_that_is() {
    check(
        &[
            RIGHT[0],
            ("TETHER_SERVICE_BUS_ENDPOINT", "https://127.0.0.1/p"),
            ("TETHER_SUBSCRIPTIONS", "11111111-1111-1111-1111-111111111111"),
            ("TETHER_MANAGEMENT_GROUP", "contoso"),
            ("TETHER_LOG", "info,tehter"),
        ],
        "4 of the settings cannot be used: \
         TETHER_AUTH is missing: state `managed-identity` on Azure or `developer` on a laptop; \
         TETHER_SERVICE_BUS_ENDPOINT is `https://127.0.0.1/p`: state an https address that ends after its host; http is taken only for a loopback address such as `http://127.0.0.1:8080`; \
         TETHER_MANAGEMENT_GROUP stands beside TETHER_SUBSCRIPTIONS: state one of the two; without the other it counts; \
         TETHER_LOG is `info,tehter` (`tehter` is no level): state a log filter such as `info` or `warn,tether=debug`, or leave it out",
    );
}

#[test]
fn an_address_is_a_scheme_a_host_and_a_port() {
    for good in ["https://a.example", "https://a.example:8443/", "http://127.0.0.1:9"] {
        assert!(endpoint(good).is_some(), "{good}");
    }
    for more in ["/p", "/?", "/?x=1", "#part", "//"] {
        assert_eq!(endpoint(&format!("https://a.example{more}")), None, "{more}");
    }
    for user in ["u@", "u:p@", ":p@"] {
        assert_eq!(endpoint(&format!("https://{user}a.example")), None, "{user}");
    }
}

#[test]
fn a_value_that_may_hold_a_secret_is_not_repeated() {
    let key = "Endpoint=sb://a.example/;SharedAccessKeyName=n;SharedAccessKey=hunter2";
    for text in ["https://u:hunter2@a.example/", "http://:hunter2@a.example", key] {
        assert!(!told(text).contains("hunter2"), "{text}");
    }
}

const RIGHT: [(&str, &str); 4] = [
    ("FUNCTIONS_CUSTOMHANDLER_PORT", "7071"),
    ("TETHER_AUTH", "managed-identity"),
    ("ServiceBus__fullyQualifiedNamespace", "contoso.servicebus.windows.net"),
    ("TETHER_SUBSCRIPTIONS", "11111111-1111-1111-1111-111111111111"),
];

#[test]
fn a_policy_that_is_not_there_is_named_with_its_setting() {
    check(
        &[&RIGHT[..], &[("TETHER_POLICY", "/nowhere/policy.yaml")]].concat(),
        "cannot read the policy file `/nowhere/policy.yaml`; TETHER_POLICY names it",
    );
}

#[test]
fn the_policy_that_ships_asks_for_an_owner_of_ones_own() {
    let error = read(|name| {
        let right = RIGHT.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        right.or_else(|| (name == "TETHER_POLICY").then_some(POLICY)).map(str::to_owned)
    });
    assert!(matches!(error, Err(ConfigError::Policy(_))), "{error:?}");
}
