//! Settings of commands that a person gives on a laptop: no port, no policy, and a default wherever
//! a laptop has one.

use super::{
    AUTH, BUS, ConfigError, MANAGEMENT_GROUP, NAMESPACE, Reader, SUBSCRIPTIONS, namespace, told,
};
use crate::azure::{Auth, Endpoints, Estate};

/// What `tether send` needs to know
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderSettings {
    /// How to get tokens
    pub auth: Auth,
    /// Where Azure is
    pub endpoints: Endpoints,
    /// Which subscriptions are looked after, where that is stated: names are looked up there
    pub estate: Option<Estate>,
}

const FLAG: &str = "--namespace";
const FLAG_HINT: &str = "give the namespace's host, such as `contoso.servicebus.windows.net`, or set \
                         ServiceBus__fullyQualifiedNamespace to it";
pub(super) const AUTH_HINT: &str =
    "state `developer` or `managed-identity`, or leave it out for `developer`";

/// Reads the settings of `tether send` from the process's environment; the namespace may be given as
/// a flag instead, which then counts.
pub fn sender_from_environment(flag: Option<&str>) -> Result<SenderSettings, ConfigError> {
    read_sender(super::environment, flag)
}

/// Reads the settings of a sender through a look-up of variables.
pub fn read_sender(
    variable: impl Fn(&str) -> Option<String>,
    flag: Option<&str>,
) -> Result<SenderSettings, ConfigError> {
    let mut reader = Reader { variable: &variable, problems: Vec::new() };
    let auth = match reader.optional(AUTH) {
        Some(_) => reader.auth(AUTH_HINT),
        None => Some(Auth::Developer),
    };
    let endpoints = reader.sender_endpoints(flag);
    let states_estate =
        [SUBSCRIPTIONS, MANAGEMENT_GROUP].iter().any(|name| reader.optional(name).is_some());
    let estate = if states_estate { reader.estate() } else { None };
    match (auth, endpoints, reader.problems.is_empty()) {
        (Some(auth), Some(endpoints), true) => Ok(SenderSettings { auth, endpoints, estate }),
        _ => Err(ConfigError::Settings(reader.problems)),
    }
}

impl Reader<'_> {
    fn sender_endpoints(&mut self, flag: Option<&str>) -> Option<Endpoints> {
        if flag.is_none() && self.optional(BUS).or_else(|| self.optional(NAMESPACE)).is_none() {
            // The rest is read all the same, so that everything wrong is said at once.
            self.cloud();
            self.arm();
            return self.problem(FLAG, "is missing".into(), FLAG_HINT);
        }
        let Some(flag) = flag else { return self.endpoints() };
        let (cloud, arm) = (self.cloud(), self.arm());
        let service_bus = namespace(flag.trim());
        let service_bus = service_bus.or_else(|| self.problem(FLAG, told(flag), FLAG_HINT));
        Some(Endpoints { cloud: cloud?, arm: arm?, service_bus: service_bus? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)], flag: Option<&str>) -> Result<SenderSettings, ConfigError> {
        let find = |name: &str| {
            let variable = variables.iter().find(|(known, _)| *known == name);
            variable.map(|(_, value)| (*value).to_owned())
        };
        read_sender(find, flag)
    }

    #[track_caller]
    fn check(variables: &[(&str, &str)], flag: Option<&str>, expected: &str) {
        assert_eq!(read(variables, flag).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_laptop_needs_to_know_the_namespace_and_nothing_else() {
        let settings = read(&[], Some(" contoso.servicebus.windows.net ")).unwrap();
        assert_eq!((settings.auth, settings.estate), (Auth::Developer, None));
        let host = settings.endpoints.service_bus.url().to_string();
        assert_eq!(host, "https://contoso.servicebus.windows.net/");
        check(
            &[],
            None,
            "1 of the settings cannot be used: --namespace is missing: give the namespace's host, \
             such as `contoso.servicebus.windows.net`, or set ServiceBus__fullyQualifiedNamespace to it",
        );
    }

    #[test]
    fn the_flag_counts_more_than_the_environment() {
        let variables = [(NAMESPACE, "a.example"), (BUS, "http://127.0.0.1:1")];
        let host = |flag| read(&variables, flag).unwrap().endpoints.service_bus.url().to_string();
        assert_eq!(host(Some("b.example")), "https://b.example/");
        assert_eq!(host(None), "http://127.0.0.1:1/");
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        check(
            &[(AUTH, "magic"), ("TETHER_CLOUD", "moon"), (SUBSCRIPTIONS, "one")],
            Some("https://contoso.servicebus.windows.net/"),
            "4 of the settings cannot be used: \
             TETHER_AUTH is `magic`: state `developer` or `managed-identity`, or leave it out for `developer`; \
             TETHER_CLOUD is `moon`: state `public`, `us-government` or `china`, or leave it out for `public`; \
             --namespace is `https://contoso.servicebus.windows.net/`: give the namespace's host, such as \
             `contoso.servicebus.windows.net`, or set ServiceBus__fullyQualifiedNamespace to it; \
             TETHER_SUBSCRIPTIONS is `one`: state subscription ids separated by commas, or a group's name in TETHER_MANAGEMENT_GROUP",
        );
    }

    #[test]
    fn an_estate_is_read_where_there_is_one() {
        let estate = |name| read(&[(name, "11111111-1111-1111-1111-111111111111")], Some("a.b"));
        let by_subscription = estate(SUBSCRIPTIONS).unwrap().estate.unwrap();
        assert_eq!(by_subscription.subscriptions.len(), 1);
        let by_group = estate(MANAGEMENT_GROUP).unwrap().estate.unwrap();
        assert!(by_group.subscriptions.is_empty() && by_group.management_group.is_some());
    }
}
