//! What an installation is unless somebody says otherwise: what is said once, who owns what, what is kept,
//! and what is watched.

use std::collections::BTreeSet;

use super::bicep::{Declaration, File, Value};
use super::kinds::{Fit, problems_of_parameters};
use super::rules::{body, file, guids, json, settings};
use super::syntax::What;
use super::{PARAMETERS, read};

#[test]
fn parameter_files_fit_their_templates() {
    for (parameters, template) in PARAMETERS {
        let problems = problems_of_parameters(parameters, &read(parameters), &file(template));
        assert_eq!(problems, Vec::<String>::new());
    }
}

/// A file as it ships is of the subscription that is set: it names none.
#[test]
fn shipped_parameters_name_no_subscription_and_say_nothing_twice() {
    let [main, events] = PARAMETERS.map(|(parameters, _)| {
        let text = read(parameters);
        assert_eq!(guids(&text), BTreeSet::new(), "{parameters}");
        let keys = json(parameters)["parameters"].as_object().unwrap().clone();
        keys.into_iter().map(|(key, _)| key).collect::<BTreeSet<_>>()
    });
    assert!(!main.contains("subscriptions"), "the default is the subscription that is set");
    assert_eq!(main.intersection(&events).next(), None);
}

#[test]
fn the_second_deployment_asks_for_what_the_first_one_puts_out() {
    let (main, events) = (file("infra/main.bicep"), file("infra/events.bicep"));
    let Some(Declaration::Param { kind, default: None }) = events.declarations.get("installation")
    else {
        panic!("`installation` has no default")
    };
    let fit = Fit { file: &main, its: &events };
    let problems = fit.problems("installation", &main.outputs["installation"], kind);
    assert_eq!(problems, Vec::<String>::new());
    for name in main.declarations.keys().filter(|name| *name != "location") {
        let is_param =
            |file: &File| matches!(file.declarations.get(name), Some(Declaration::Param { .. }));
        assert!(!(is_param(&main) && is_param(&events)), "`{name}` has to be said twice");
    }
}

#[test]
fn what_people_fill_in_has_a_sealed_type() {
    for template in ["infra/main.bicep", "infra/events.bicep"] {
        for (name, declaration) in file(template).declarations {
            if let Declaration::Type { is_sealed, .. } = declaration {
                assert!(is_sealed, "{template}: `{name}` takes misspelled members");
            }
        }
    }
}

#[test]
fn what_is_overwritten_can_be_had_back_and_the_hosts_own_goes_after_a_week() {
    let storage = file("infra/modules/storage.bicep");
    let blobs = body(&storage, "blobs");
    let blobs = blobs.get("properties").unwrap();
    assert_eq!(blobs.get("isVersioningEnabled"), Some(&Value::Bool(true)));
    for policy in ["deleteRetentionPolicy", "containerDeleteRetentionPolicy"] {
        let policy = blobs.get(policy).unwrap();
        assert_eq!(policy.get("enabled"), Some(&Value::Bool(true)));
        assert_eq!(policy.get("days"), Some(&Value::Number(14)));
    }
    let lifecycle = body(&storage, "lifecycle");
    let policy = lifecycle.get("properties").unwrap().get("policy").unwrap();
    let Some(Value::Array(rules)) = policy.get("rules") else { panic!() };
    let found: Vec<_> = rules.iter().map(old_versions).collect();
    let text = |text: &str| Value::Text(Some(text.to_owned()));
    let lists = [["azure-webjobs-hosts/", "azure-webjobs-secrets/"], ["package/", "dead-events/"]];
    let [own, rest] = lists.map(|list| Value::Array(list.map(text).to_vec()));
    assert_eq!(found, [(own, Value::Number(7)), (rest, Value::Number(30))]);
}

/// Where a rule of the lifecycle deletes old versions, and after how many days; it does nothing else.
fn old_versions(rule: &Value) -> (Value, Value) {
    let definition = rule.get("definition").unwrap();
    let Some(Value::Object(actions)) = definition.get("actions") else { panic!() };
    let kinds: Vec<_> = actions.iter().map(|action| action.key.as_str()).collect();
    assert_eq!(kinds, ["version"], "what is current stays");
    let prefixes = definition.get("filters").unwrap().get("prefixMatch").unwrap().clone();
    let delete = actions[0].value.get("delete").unwrap();
    (prefixes, delete.get("daysAfterCreationGreaterThan").unwrap().clone())
}

#[test]
fn the_queue_of_commands_alone_is_owned_unless_that_is_turned_off() {
    let main = file("infra/main.bicep");
    let Some(Declaration::Param { default, .. }) = main.declarations.get("ownsCommandsQueue")
    else {
        panic!()
    };
    assert_eq!(*default, Some(Value::Bool(true)));
    let bus = file("infra/modules/bus.bicep");
    let Some(Declaration::Var(Value::Choice(owner, others))) = bus.declarations.get("queueRoles")
    else {
        panic!()
    };
    let names = |names: &[&str]| {
        Value::Array(names.iter().map(|name| Value::Name((*name).to_owned())).collect())
    };
    assert_eq!(**owner, names(&["dataOwner"]));
    assert_eq!(**others, names(&["dataReceiver", "dataSender"]));
    let mut scopes = BTreeSet::new();
    for (name, declaration) in &bus.declarations {
        if let Declaration::Resource { kind, body, .. } = declaration
            && kind.starts_with("Microsoft.Authorization/roleAssignments@")
        {
            let body = if let Value::Each(each) = body { each } else { body };
            let Some(Value::Name(scope)) = body.get("scope") else { panic!("{name}") };
            scopes.insert((name.as_str(), scope.clone()));
        }
    }
    let expected = [("commandRoles", "commands"), ("rejectedRole", "rejected")];
    assert_eq!(scopes, expected.map(|(name, scope)| (name, scope.to_owned())).into());
}

#[test]
fn storage_is_named_by_its_address_and_not_by_a_name_of_the_public_cloud() {
    let settings = settings();
    assert!(settings.contains(&"AzureWebJobsStorage__blobServiceUri".to_owned()));
    assert!(!settings.contains(&"AzureWebJobsStorage__accountName".to_owned()));
    let app = read("infra/modules/function-app.bicep");
    assert!(app.contains("value: storage.properties.primaryEndpoints.blob\n"));
    for name in settings.iter().filter(|name| name.starts_with("AzureWebJobsStorage__")) {
        let check = read("src/cli/check_install/app.rs");
        assert!(check.contains(&format!("\"{name}\"")), "{name} is not checked");
    }
}

#[test]
fn role_assignments_are_watched_only_if_asked_for_and_by_whoever_tether_may_be() {
    let main = file("infra/main.bicep");
    let Some(Declaration::Param { default, .. }) = main.declarations.get("watchRoleAssignments")
    else {
        panic!()
    };
    assert_eq!(*default, Some(Value::Bool(false)));
    let alert = main.items.iter().find(|item| item.name == "assignedOutside").unwrap();
    let What::If(parts) = &alert.body.as_ref().unwrap().what else { panic!("it is always made") };
    assert_eq!(parts[0].name(), Some("watchRoleAssignments"));
    let text = read("infra/main.bicep");
    assert!(text.contains(
        "[for id in (watchRoleAssignments ? subscriptions : []): {\n  name: '${name}-activity-log-"
    ));
    let query = read("infra/queries/role-assignments-outside.kql");
    for placeholder in ["PRINCIPAL_ID", "CLIENT_ID"] {
        assert!(query.contains(&format!("\"{placeholder}\"")), "{placeholder}");
        assert!(text.contains(&format!("'{placeholder}', identity.outputs.")), "{placeholder}");
    }
    for word in ["union isfuzzy=true", "roleAssignments/write", "roleAssignments/delete"] {
        assert!(query.contains(word), "{word}");
    }
}

#[test]
fn the_policys_hash_is_a_tag_of_the_app_and_only_if_it_is_stated() {
    let main = file("infra/main.bicep");
    let Some(Declaration::Param { default, .. }) = main.declarations.get("policyHash") else {
        panic!()
    };
    assert_eq!(*default, Some(Value::Text(Some(String::new()))));
    let app = file("infra/modules/function-app.bicep");
    let Some(Value::Choice(none, tagged)) = body(&app, "app").get("tags").cloned() else {
        panic!()
    };
    let tags = Value::Name("tags".into());
    assert_eq!(*none, tags);
    assert_eq!(*tagged, Value::Call("union".into(), vec![tags, Value::Name("policyTag".into())]));
    let Some(Declaration::Var(tag)) = app.declarations.get("policyTag") else { panic!() };
    assert_eq!(tag.get("tether-policy"), Some(&Value::Name("policyHash".into())));
}

#[test]
fn events_that_are_given_up_or_dropped_raise_alerts_that_nothing_waits_for() {
    let events = file("infra/modules/event-subscription.bicep");
    for (alert, metric) in [("lost", "DeadLetteredCount"), ("dropped", "DroppedEventCount")] {
        let body = body(&events, alert);
        let params = body.get("params").unwrap();
        assert_eq!(params.get("metricName").unwrap().text(), Some(metric));
        for code in ["400", "403", "413"] {
            assert!(params.get("text").unwrap().text().unwrap().contains(code), "{alert} {code}");
        }
        assert!(
            !events.uses.used.iter().any(|(_, name)| name == alert),
            "something waits for {alert}"
        );
    }
}
