//! What must never stand in `infra`, and what stands both there and in the code.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use tether::functions::NAMES;
use tether::model::Role;
use uuid::Uuid;

use super::bicep::{Declaration, File, Value};
use super::kinds::Kind;
use super::{files, read, sources};

/// Built-in roles that may be assigned to someone, from Microsoft's list
const ROLES: [(&str, &str); 8] = [
    ("Azure Service Bus Data Owner", "090c5cfd-751d-490a-894a-3ce6f1109419"),
    ("Azure Service Bus Data Receiver", "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0"),
    ("Azure Service Bus Data Sender", "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39"),
    ("Monitoring Metrics Publisher", "3913510d-42f4-4e42-8a64-420c390055eb"),
    ("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
    ("Role Based Access Control Administrator", "f58310d9-a9f6-439a-9e8d-f62e7b41a168"),
    ("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
    ("Storage Blob Data Owner", "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"),
];

/// Flex Consumption refuses these, or they would start the app in another way
const FORBIDDEN: [&str; 10] = [
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_EXTENSION_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_MOUNT_ENABLED",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
    "linuxFxVersion",
    "alwaysOn",
];

/// Ways to get at a key
const KEYS: [&str; 6] = [
    "listKeys",
    "listAccountSas",
    "AccountKey=",
    "SharedAccessKey",
    "primaryKey",
    "AuthorizationRules",
];

pub(super) fn body(file: &File, name: &str) -> Value {
    match file.declarations.get(name) {
        Some(Declaration::Resource { body, .. } | Declaration::Module { body, .. }) => body.clone(),
        other => panic!("{name} in {}: {other:?}", file.name),
    }
}

/// The files, and one of them
pub(super) fn file(name: &str) -> File {
    files(&sources()).remove(name).unwrap()
}

/// The app settings by name
pub(super) fn settings() -> Vec<String> {
    let app = body(&file("infra/modules/function-app.bicep"), "app");
    let site = app.get("properties").unwrap().get("siteConfig").unwrap().clone();
    let Some(Value::Call(_, lists)) = site.get("appSettings") else { panic!() };
    let Value::Array(settings) = &lists[0] else { panic!() };
    settings.iter().map(|one| one.get("name").unwrap().text().unwrap().to_owned()).collect()
}

#[test]
fn nothing_that_flex_consumption_refuses_and_no_key_is_set() {
    for (name, text) in sources() {
        for word in FORBIDDEN.iter().chain(&KEYS) {
            assert!(!text.contains(word), "{name} holds `{word}`");
        }
    }
    assert!(!settings().contains(&"AzureWebJobsStorage".to_owned()), "that is a connection string");
}

#[test]
fn keys_and_passwords_are_switched_off_wherever_there_is_a_switch() {
    #[track_caller]
    fn check(name: &str, resource: &str, path: &[&str], expected: bool) {
        let body = body(&file(&format!("infra/modules/{name}.bicep")), resource);
        let value = path.iter().fold(body, |value, key| value.get(key).unwrap().clone());
        assert_eq!(value, Value::Bool(expected), "{name} {path:?}");
    }
    check("bus", "namespace", &["properties", "disableLocalAuth"], true);
    check("storage", "account", &["properties", "allowSharedKeyAccess"], false);
    check("storage", "account", &["properties", "allowBlobPublicAccess"], false);
    check("monitoring", "insights", &["properties", "DisableLocalAuth"], true);
    check("monitoring", "workspace", &["properties", "features", "disableLocalAuth"], true);
    check("function-app", "app", &["properties", "httpsOnly"], true);
    check("function-app", "noPasswordForFtp", &["properties", "allow"], false);
    check("function-app", "noPasswordForDeployment", &["properties", "allow"], false);
}

/// Every GUID in a text
pub(super) fn guids(text: &str) -> BTreeSet<Uuid> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    words.filter(|word| word.len() == 36).filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn role_ids_are_those_of_microsofts_list_and_of_the_code() {
    let known: BTreeSet<Uuid> = ROLES.iter().map(|(_, id)| id.parse().unwrap()).collect();
    let mut found = BTreeSet::new();
    for (name, text) in sources() {
        for id in guids(&text) {
            assert!(known.contains(&id), "{name}: {id} is no role that tether assigns");
            found.insert(id);
        }
    }
    assert_eq!(found, known);
    let pull = BTreeSet::from(Role::ALL.map(Role::guid));
    assert_eq!(guids(&read("infra/condition.txt")), pull);
}

#[test]
fn every_right_to_assign_roles_is_under_the_condition() {
    let main = file("infra/main.bicep");
    let condition = Value::Name("condition".into());
    for (name, role, condition) in [
        ("readers", "readerRole", Value::Text(Some(String::new()))),
        ("writers", "writerRole", condition.clone()),
        ("writersOfGroups", "writerRole", condition),
    ] {
        let Value::Each(body) = body(&main, name) else { panic!("{name}") };
        let given = body.get("params").unwrap();
        assert_eq!(given.get("roleId"), Some(&Value::Name(role.into())), "{name}");
        assert_eq!(given.get("condition"), Some(&condition), "{name}");
    }
    let Some(Declaration::Var(loaded)) = main.declarations.get("condition") else { panic!() };
    let path = Value::Text(Some("condition.txt".into()));
    assert_eq!(*loaded, Value::Call("loadTextContent".into(), vec![path]));
}

#[test]
fn custom_roles_allow_what_is_listed_and_what_is_checked() {
    let main = file("infra/main.bicep");
    let rights = read("src/cli/check_install/rights.rs");
    let readme = read("infra/README.md");
    let mut all = Vec::new();
    for name in ["readerDefinition", "writerDefinition"] {
        let body = body(&main, name);
        let Some(Value::Array(permissions)) = body.get("properties").unwrap().get("permissions")
        else {
            panic!()
        };
        let Some(Value::Array(actions)) = permissions[0].get("actions") else { panic!() };
        all.extend(actions.iter().map(|action| action.text().unwrap().to_owned()));
        for key in ["notActions", "dataActions", "notDataActions"] {
            assert_eq!(permissions[0].get(key), Some(&Value::Array(Vec::new())), "{name} {key}");
        }
    }
    assert_eq!(all.len(), 7);
    for action in all {
        assert!(!action.contains('*'), "{action} is more than one thing");
        assert!(rights.contains(&format!("\"{action}\"")), "{action} is not checked");
        assert!(readme.contains(&format!("`{action}`")), "{action} is not in infra/README.md");
    }
}

pub(super) fn json(path: &str) -> Json {
    serde_json::from_str(&read(path)).unwrap()
}

#[test]
fn queues_functions_and_connections_have_one_name_everywhere() {
    let mut queues = BTreeSet::from(["rejected".to_owned()]);
    for name in NAMES {
        let definition = json(&format!("function-definitions/{name}/function.json"));
        for binding in definition["bindings"].as_array().unwrap() {
            if let Some(queue) = binding["queueName"].as_str() {
                queues.insert(queue.to_owned());
                let connection = binding["connection"].as_str().unwrap();
                for setting in ["fullyQualifiedNamespace", "credential", "clientId"] {
                    let setting = format!("{connection}__{setting}");
                    assert!(settings().contains(&setting), "{setting}");
                }
            }
        }
    }
    let bus = file("infra/modules/bus.bicep");
    let made: BTreeSet<String> = ["commands", "rejected"]
        .map(|name| body(&bus, name).get("name").unwrap().text().unwrap().to_owned())
        .into();
    assert_eq!(made, queues);
    let function = |text: &str, before: &str| {
        let name = text.split(before).nth(1).unwrap().split('\'').next().unwrap().to_owned();
        assert!(NAMES.contains(&name.as_str()), "there is no function `{name}`");
        name
    };
    function(&read("infra/modules/function-app.bicep"), "'function:");
    let door = function(&read("infra/events.bicep"), "installation.functionApp, '");
    let door = json(&format!("function-definitions/{door}/function.json"));
    assert_eq!(door["bindings"][0]["type"], "eventGridTrigger");
}

#[test]
fn the_queue_of_commands_keeps_what_the_code_relies_on() {
    let body = body(&file("infra/modules/bus.bicep"), "commands");
    let properties = body.get("properties").unwrap();
    assert_eq!(properties.get("requiresDuplicateDetection"), Some(&Value::Bool(true)));
    assert_eq!(properties.get("maxDeliveryCount"), Some(&Value::Number(10)));
    assert_eq!(properties.get("requiresSession"), None, "Event Grid cannot send to sessions");
}

#[test]
fn what_is_refused_does_not_vanish_and_both_queues_are_watched() {
    let refused = body(&file("infra/modules/bus.bicep"), "rejected");
    let properties = refused.get("properties").unwrap();
    assert_eq!(properties.get("deadLetteringOnMessageExpiration"), Some(&Value::Bool(true)));
    assert_eq!(properties.get("maxDeliveryCount"), Some(&Value::Number(1000)));
    let monitoring = file("infra/modules/monitoring.bicep");
    let watched = |alert: &str| {
        let body = body(&monitoring, alert);
        let params = body.get("params").unwrap();
        let Some(Value::Array(queues)) = params.get("values") else { panic!("{alert}") };
        let queues: Vec<_> = queues.iter().map(|queue| queue.text().unwrap().to_owned()).collect();
        (params.get("metricName").unwrap().text().unwrap().to_owned(), queues.join(" "))
    };
    assert_eq!(watched("deadLetters"), ("DeadletteredMessages".into(), "commands rejected".into()));
    assert_eq!(watched("refused"), ("ActiveMessages".into(), "rejected".into()));
    assert_eq!(watched("waiting"), ("ActiveMessages".into(), "commands".into()));
}

#[test]
fn settings_of_ours_are_read_by_the_code() {
    let config = ["src/config/mod.rs", "src/config/sender.rs"].map(read).concat();
    let readme = read("infra/README.md");
    let ours: Vec<_> = settings().into_iter().filter(|name| name.starts_with("TETHER_")).collect();
    assert!(ours.len() > 2, "{ours:?}");
    for name in ours.iter().map(String::as_str).chain(["AZURE_CLIENT_ID"]) {
        assert!(config.contains(&format!("\"{name}\"")), "nothing reads {name}");
        assert!(readme.contains(&format!("`{name}`")), "{name} is not in infra/README.md");
    }
}

#[test]
fn the_status_page_is_off_unless_it_is_asked_for() {
    let main = file("infra/main.bicep");
    let Some(Declaration::Param { kind, .. }) = main.declarations.get("statusPage") else {
        panic!()
    };
    assert_eq!(*kind, Kind::Named("bool".to_owned()));
    assert!(read("infra/main.bicep").contains("\nparam statusPage bool = false\n"));
    let app = read("infra/modules/function-app.bicep");
    let disabled = format!("AzureWebJobs.{}.Disabled", NAMES[3]);
    for (name, value) in [("TETHER_STATUS", "'on' : 'off'"), (&disabled, "'false' : 'true'")] {
        let setting = format!("name: '{name}'\n          value: statusPage ? {value}\n");
        assert!(app.contains(&setting), "{name}");
    }
}

#[test]
fn the_collector_is_off_unless_stated_and_its_settings_are_read_by_the_code() {
    let app = file("infra/modules/function-app.bicep");
    let main = file("infra/main.bicep");
    let given = body(&main, "app");
    for (parameter, variable) in
        [("otlpEndpoint", "collector"), ("otlpHeaders", "collectorHeaders")]
    {
        let Some(Declaration::Param { default, .. }) = main.declarations.get(parameter) else {
            panic!("infra/main.bicep has no {parameter}")
        };
        assert_eq!(*default, Some(Value::Text(Some(String::new()))));
        let passed = given.get("params").unwrap().get(parameter);
        assert_eq!(passed, Some(&Value::Name(parameter.to_owned())));
        let Some(Declaration::Var(Value::Choice(none, some))) = app.declarations.get(variable)
        else {
            panic!("{variable} is no choice")
        };
        assert_eq!(**none, Value::Array(Vec::new()));
        let Value::Array(settings) = &**some else { panic!("{variable}") };
        let name = settings[0].get("name").unwrap().text().unwrap();
        assert_eq!(settings[0].get("value"), Some(&Value::Name(parameter.to_owned())));
        let read_by = read("src/config/telemetry.rs");
        assert!(read_by.contains(&format!("\"{name}\"")), "nothing reads {name}");
    }
}

#[test]
fn what_is_said_of_the_collector_is_what_the_code_reads_and_counts() {
    let readme = read("infra/README.md");
    let named = |text: &str, start: &str| -> BTreeSet<String> {
        let quoted = text.split(['"', '`']).filter(|word| word.starts_with(start));
        let is_name = |word: &&str| !word.contains([' ', '=', '*', '\n']);
        quoted.filter(is_name).map(str::to_owned).collect()
    };
    assert_eq!(named(&readme, "OTEL_"), named(&read("src/config/telemetry.rs"), "OTEL_"));
    let counted = ["src/functions/metrics.rs", "src/azure/trace.rs"].map(read).concat();
    assert_eq!(named(&readme, "tether."), named(&counted, "tether."));
}

#[test]
fn the_filter_lets_through_what_the_check_and_the_pretend_world_expect() {
    let events = file("infra/modules/event-subscription.bicep");
    let Some(Declaration::Var(filter)) = events.declarations.get("eventFilter") else { panic!() };
    let Some(Value::Array(filters)) = filter.get("advancedFilters") else { panic!() };
    let mut values = 0;
    for filter in filters {
        let Some(Value::Array(all)) = filter.get("values") else { panic!() };
        values += all.len();
    }
    // What Event Grid takes in one subscription.
    assert!(filters.len() <= 25 && values <= 25);
    let Some(Value::Array(operations)) = filters[0].get("values") else { panic!() };
    for place in ["src/cli/check_install/events.rs", "src/emulator/world.rs"] {
        let text = read(place);
        for operation in operations {
            let operation = operation.text().unwrap();
            assert!(text.contains(&format!("\"{operation}\"")), "{place} lacks {operation}");
        }
    }
}

#[test]
fn outputs_that_the_scripts_ask_for_are_there() {
    let main = file("infra/main.bicep");
    let mut count = 0;
    for path in ["infra/deploy.sh", "infra/remove.sh", "infra/README.md"] {
        for rest in read(path).split("properties.outputs.").skip(1) {
            let list = rest.strip_prefix('[').map_or(rest, |list| list.split(']').next().unwrap());
            let names = if list == rest { vec![rest] } else { list.split(", ").collect() };
            for name in names.into_iter().map(|name| name.split('.').next().unwrap()) {
                assert!(main.outputs.contains_key(name), "{path} asks for `{name}`");
                count += 1;
            }
        }
    }
    assert!(count > 3);
}
