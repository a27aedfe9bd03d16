//! The checks find what they are for: errors planted into the real files.

mod deployments;
mod outputs;
mod reads;

use super::kinds::problems_of_parameters;
use super::{files, problems, read, sources};

/// With this text replaced in a file, a problem is found there that says so.
#[track_caller]
fn check(file: &str, text: &str, replacement: &str, expected: &str) {
    let mut sources = sources();
    let source = sources.get_mut(file).unwrap();
    assert!(source.contains(text), "{file} does not hold {text}");
    *source = source.replacen(text, replacement, 1);
    let found = problems(&sources);
    let is_it = |problem: &String| problem.starts_with(file) && problem.contains(expected);
    assert!(found.iter().any(is_it), "{expected}: {found:#?}");
}

/// With this text replaced in a file, nothing is wrong.
#[track_caller]
fn fine(file: &str, text: &str, replacement: &str) {
    let mut sources = sources();
    let source = sources.get_mut(file).unwrap();
    assert!(source.contains(text), "{file} does not hold {text}");
    *source = source.replacen(text, replacement, 1);
    assert_eq!(problems(&sources), Vec::<String>::new(), "{replacement}");
}

const APP: &str = "infra/modules/function-app.bicep";
const BUS: &str = "infra/modules/bus.bicep";
const EVENTS: &str = "infra/modules/event-subscription.bicep";
const MAIN: &str = "infra/main.bicep";

#[test]
fn an_unknown_property_is_found() {
    check(APP, "httpsOnly: true", "httpOnly: true", "there is no property `httpOnly`");
    check(APP, "value: tenant().tenantId", "values: 'x'", "there is no property `values`");
    check(EVENTS, "blobContainerName", "containerName", "there is no property `containerName`");
    check(EVENTS, "maxEventsPerBatch: 1", "maxEvents: 1", "there is no property `maxEvents`");
}

#[test]
fn a_value_of_the_wrong_kind_is_found() {
    check(APP, "httpsOnly: true", "httpsOnly: 'yes'", "`yes` where `bool` is expected");
    check(
        APP,
        "instanceMemoryMB: instanceMemoryMB",
        "instanceMemoryMB: name",
        "a text where `int`",
    );
    check(BUS, "lockDuration: 'PT5M'", "lockDuration: 300", "a number where `string`");
    check(BUS, "sku: {", "sku: [] //", "this cannot be read");
}

#[test]
fn a_word_that_the_compiler_does_not_know_is_found() {
    check(APP, "name: 'custom'", "name: 'rust'", "`rust` is none of");
    check(
        EVENTS,
        "operatorType: 'StringIn'",
        "operatorType: 'StringAmong'",
        "no `operatorType` `StringAmong`",
    );
    check(
        EVENTS,
        "endpointType: 'ServiceBusQueue'",
        "endpointType: 'Queue'",
        "no `endpointType` `Queue`",
    );
}

#[test]
fn a_property_that_is_missing_or_only_read_is_found() {
    check(
        BUS,
        "    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)\n",
        "",
        "`roleDefinitionId` is missing",
    );
    check(
        "infra/modules/storage.bicep",
        "    accessTier: 'Hot'",
        "    provisioningState: 'Hot'",
        "`provisioningState` can only be read",
    );
}

#[test]
fn a_version_that_does_not_exist_is_found() {
    check(
        "infra/modules/identity.bicep",
        "@2024-11-30'",
        "@2024-11-32'",
        "there is no resource type",
    );
}

#[test]
fn a_name_that_stands_for_nothing_is_found() {
    check(APP, "kind: 'functionapp,linux'", "kind: kinds", "nothing is called `kinds`");
    check(APP, "tenant().tenantId", "tenants().tenantId", "there is no function `tenants`");
    check(APP, "= app.name", "= app.naem", "has no such property");
    check(
        APP,
        "param tags { *: string }\n",
        "param tags { *: string }\nparam more string\n",
        "`more` is never used",
    );
    check(
        MAIN,
        "storage.outputs.packageContainer",
        "storage.outputs.container",
        "puts out no `container`",
    );
}

#[test]
fn a_module_that_is_given_the_wrong_things_is_found() {
    check(
        MAIN,
        "    ownsCommandsQueue: ownsCommandsQueue\n",
        "    ownsCommandsQueue: name\n",
        "takes a bool",
    );
    check(MAIN, "    planName: 'plan-${name}'\n", "", "needs `planName`");
    check(
        MAIN,
        "    alertEmail: alertEmail\n",
        "    alertEmail: alertEmail\n    more: 1\n",
        "has no parameter `more`",
    );
    check(
        MAIN,
        "scope: subscription(id)",
        "scope: resourceGroup('a')",
        "is made for a subscription",
    );
    check(MAIN, "'modules/bus.bicep'", "'modules/bas.bicep'", "there is no file");
}

#[test]
fn a_name_that_hides_one_of_bicep_is_found() {
    check(
        "infra/modules/assign-at-group.bicep",
        "param text string",
        "param description string",
        "`description` hides what Bicep itself calls so",
    );
    check(EVENTS, "var eventFilter =", "var filter =", "`filter` hides");
    check(BUS, "resource namespace ", "resource reference ", "`reference` hides");
    check(MAIN, "module storage ", "module environment ", "`environment` hides");
    check(MAIN, "type setting =", "type secure =", "`secure` hides");
    check(MAIN, "[for id in subscriptions:", "[for range in subscriptions:", "`range` hides");
    check(APP, "param planName", "param listKeys", "`listKeys` hides");
}

#[test]
fn a_parameter_that_may_be_anything_is_found() {
    check(MAIN, "param settings setting[]", "param settings array", "`settings` may be anything");
    check(MAIN, "param tags { *: string }", "param tags object", "`tags` may be anything");
    check(MAIN, "  value: string\n", "  value: object\n", "`settings` may be anything");
    check(
        MAIN,
        "param settings setting[]",
        "param settings object[]",
        "`settings` may be anything",
    );
}

#[test]
fn a_member_that_a_type_does_not_have_is_found() {
    let events = "infra/events.bicep";
    check(events, "installation.storageAccount\n", "installation.storage\n", "has no such member");
    check(events, "existingTopics[id].topic ", "existingTopics[id].name ", "has no such member");
    check(
        MAIN,
        "param mayWrite bool = true",
        "param mayWrite bool = 'yes'",
        "takes a bool for `mayWrite`",
    );
    check(
        MAIN,
        "  name: string\n  value: string\n",
        "  name: string\n",
        "takes a setting[] for `settings`",
    );
    check(MAIN, "param settings setting[]", "param settings sett[]", "nothing is called");
}

/// What is found in a file of parameters with this text replaced
#[track_caller]
fn check_parameters(name: &str, template: &str, text: &str, replacement: &str, expected: &str) {
    let source = read(name);
    assert!(source.contains(text), "{name} does not hold {text}");
    let files = files(&sources());
    let source = source.replacen(text, replacement, 1);
    let found = problems_of_parameters(name, &source, &files[template]);
    let is_it = |problem: &String| problem.starts_with(name) && problem.ends_with(expected);
    assert!(found.iter().any(is_it), "{expected}: {found:#?}");
}

#[test]
fn a_mistake_in_a_file_of_parameters_is_found() {
    let main = |text: &str, replacement: &str, expected: &str| {
        check_parameters("infra/parameters.json", MAIN, text, replacement, expected);
    };
    let groups = r#""registryResourceGroups": { "value": [] }"#;
    let with = |group: &str| format!(r#""registryResourceGroups": {{ "value": [{group}] }}"#);
    main(
        groups,
        &with(r#"{ "subscription": "s", "resourcegroup": "g" }"#),
        "has no member `resourcegroup` in `registryResourceGroups[0]`",
    );
    main(
        groups,
        &with(r#"{ "subscription": "s" }"#),
        "needs the member `resourceGroup` in `registryResourceGroups[0]`",
    );
    main(groups, &with("\"rg-images\""), "takes a registryGroup for `registryResourceGroups[0]`");
    main(
        r#""tags": { "value": {} }"#,
        r#""tags": { "value": { "a": 1 } }"#,
        "takes a string for `tags.a`",
    );
    main(r#""mayWrite""#, r#""mayWrit""#, "has no parameter `mayWrit`");
    main(r#""value": true"#, r#""value": "true""#, "takes a bool for `mayWrite`");
    let events = |text: &str, replacement: &str, expected: &str| {
        check_parameters(
            "infra/events.parameters.json",
            "infra/events.bicep",
            text,
            replacement,
            expected,
        );
    };
    events(
        r#""value": {}"#,
        r#""value": { "s": { "resourceGroup": "g", "name": "t" } }"#,
        "has no member `name` in `existingTopics.s`",
    );
    events(
        r#""value": {}"#,
        r#""value": { "s": { "resourceGroup": "g" } }"#,
        "needs the member `topic` in `existingTopics.s`",
    );
}

#[test]
fn parameters_in_bicep_and_mistakes_outside_infra_are_found() {
    let with = |name: &str, text: &str| {
        let mut sources = sources();
        sources.insert(name.to_owned(), text.to_owned());
        problems(&sources)
    };
    let [found] = with("infra/main.bicepparam", "using 'main.bicep'").try_into().unwrap();
    assert!(found.starts_with("infra/main.bicepparam: nothing here reads"), "{found}");
    let [found] = with("docs/more.bicep", "output a string = b").try_into().unwrap();
    assert_eq!(found, "docs/more.bicep:1: nothing is called `b`");
}

#[test]
fn the_files_as_they_are_have_no_problem() {
    assert_eq!(problems(&sources()), Vec::<String>::new());
}
