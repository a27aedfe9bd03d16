//! Mistakes in reading what is not always there.

use super::{MAIN, check, fine, problems, sources};

const TOPIC: &str = "infra/modules/event-topic.bicep";
const RIGHT: &str = "isThere ? found!.outputs.principalId : made!.outputs.principalId";

#[test]
fn what_is_read_of_something_that_may_not_be_there_is_found() {
    for (wrong, missing) in [
        ("isThere ? found.outputs.principalId : made!.outputs.principalId", "found"),
        ("isThere ? found!.outputs.principalId : made.outputs.principalId", "made"),
        ("isThere ? found!.outputs.principalId : made['outputs']['principalId']", "made"),
        ("isThere ? made!.outputs.principalId : found!.outputs.principalId", "made"),
        ("!isThere ? found!.outputs.principalId : made!.outputs.principalId", "found"),
        ("empty(location) ? found!.outputs.principalId : ''", "found"),
        ("found!.outputs.principalId", "found"),
        ("made['outputs']['principalId']", "made"),
        ("(made).outputs.principalId", "made"),
        ("(made)!.outputs.principalId", "made"),
        ("(isThere ? found : made).outputs.principalId", "found"),
        ("(isThere ? found : made).outputs.principalId", "made"),
        ("(isThere ? found! : made!).outputs.principalId", "made"),
        ("'x' == made.outputs.principalId ? 'a' : 'b'", "made"),
        ("made.outputs.principalId == 'x' ? 'a' : 'b'", "made"),
        ("isThere && found!.outputs.principalId == 'x' ? 'a' : 'b'", "found"),
        ("'${made!.outputs.principalId}'", "made"),
        ("toLower(made!.outputs.principalId)", "made"),
        ("made.?outputs.principalId", "made"),
        ("(made.?outputs).principalId ?? ''", "made"),
        ("'' ?? made.?outputs.principalId", "made"),
        ("made.outputs.?principalId ?? ''", "made"),
        ("[for isThere in [true]: isThere ? found!.outputs.principalId : ''][0]", "found"),
    ] {
        check(TOPIC, RIGHT, wrong, &format!("`{missing}` is not always there"));
    }
    check(TOPIC, "string = topicName\n", "string = group.name\n", "`group` is not always there");
    check(TOPIC, "string = topicName\n", "string = group['id']\n", "`group` is not always there");
    check(
        MAIN,
        "output resourceGroup string = group.name",
        "output resourceGroup string = readerDefinition.name",
        "`readerDefinition` is not always there",
    );
}

#[test]
fn what_may_not_be_there_is_no_value_as_a_whole() {
    let output = "output topicName string";
    check(TOPIC, output, &format!("var copy = made\n{output}"), "`made` is not always there");
    check(TOPIC, "    tags: tags\n", "    tags: group\n", "`group` is not always there");
    check(TOPIC, "    tags: tags\n", "    tags: { a: group }\n", "`group` is not always there");
    check(TOPIC, "    group\n", "    made!\n", "`made` is not always there");
}

#[test]
fn a_module_of_a_loop_over_a_list_that_may_be_empty_is_not_always_there() {
    let output = "output serviceBus string = bus.outputs.name";
    let logs = "`activityLogs` is not always there";
    check(MAIN, output, "output serviceBus string = activityLogs[0].outputs.name", logs);
    check(MAIN, output, "output serviceBus string = activityLogs[0].?outputs.name ?? ''", logs);
    check(
        MAIN,
        output,
        "output serviceBus string = mayWrite ? activityLogs[0].outputs.name : ''",
        logs,
    );
    check(
        MAIN,
        output,
        "output serviceBus string = watchRoleAssignments ? '' : activityLogs[0].outputs.name",
        logs,
    );
    let mut sources = sources();
    let main = sources.get_mut(MAIN).unwrap();
    *main = main
        .replace("(watchRoleAssignments ? subscriptions : [])", "watched")
        .replace(
            "module activityLogs",
            "var watched = mayWrite ? subscriptions : []\n\nmodule activityLogs",
        )
        .replace(output, "output serviceBus string = string(activityLogs)");
    let found = problems(&sources);
    assert!(found.iter().any(|problem| problem.ends_with(logs)), "{found:#?}");
}

/// A resource and its child, each under a condition or none
fn family(of_parent: &str, of_child: &str) -> String {
    format!(
        "resource account 'Microsoft.Storage/storageAccounts@2025-08-01' = {of_parent} {{\n  \
         name: 'a'\n  location: 'b'\n  kind: 'StorageV2'\n  sku: {{\n    name: 'Standard_LRS'\n  }}\n}}\n\n\
         resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' = {of_child} {{\n  \
         parent: account\n  name: 'default'\n}}\n\noutput topicName string"
    )
}

#[test]
fn a_parent_or_a_scope_that_may_not_be_there_is_found() {
    let output = "output topicName string";
    let account = "`account` is not always there";
    check(TOPIC, output, &family("if (isThere)", ""), account);
    check(TOPIC, output, &family("if (isThere)", "if (!isThere)"), account);
    check(TOPIC, output, &family("if (isThere)", "if (empty(location))"), account);
    fine(TOPIC, output, &family("if (isThere)", "if (isThere)"));
    fine(TOPIC, output, &family("", "if (isThere)"));
    let found = "-found'\n  scope: resourceGroup(groupName)";
    check(TOPIC, found, &found.replace("resourceGroup(groupName)", "group"), "`group` is not");
    let made = "-made'\n  scope: resourceGroup(groupName)";
    fine(TOPIC, made, &made.replace("resourceGroup(groupName)", "group"));
    check(TOPIC, made, &made.replace("resourceGroup(groupName)", "(group)"), "`group` is not");
}

#[test]
fn what_is_there_under_the_same_condition_may_be_read() {
    for right in [
        "found.?outputs.principalId ?? ''",
        "(found.?outputs.principalId ?? made.?outputs.principalId) ?? ''",
        "!isThere ? made!.outputs.principalId : found!.outputs.principalId",
        "(!(isThere)) ? made!.outputs.principalId : found!.outputs.principalId",
        "isThere ? found!.outputs.principalId : (isThere ? '' : made!.outputs.principalId)",
    ] {
        fine(TOPIC, RIGHT, right);
    }
    let output = "output serviceBus string = bus.outputs.name";
    let alert = "assignedOutside!.outputs.name";
    let mut sources = sources();
    let alerts = sources.get_mut("infra/modules/log-alert.bicep").unwrap();
    alerts.push_str("\noutput name string = rule.name\n");
    let logs = sources.get_mut("infra/modules/activity-log.bicep").unwrap();
    logs.push_str("\noutput name string = toWorkspace.name\n");
    for right in [
        format!("watchRoleAssignments ? {alert} : ''"),
        format!("!watchRoleAssignments ? '' : {alert}"),
        "[for (id, index) in (watchRoleAssignments ? subscriptions : []): activityLogs[index].outputs.name][0]".to_owned(),
    ] {
        let mut sources = sources.clone();
        let main = sources.get_mut(MAIN).unwrap();
        *main = main.replace(output, &format!("output more string = {right}\n{output}"));
        assert_eq!(problems(&sources), Vec::<String>::new(), "{right}");
    }
}

#[test]
fn a_condition_that_is_a_call_is_the_same_wherever_it_stands() {
    let mut sources = sources();
    let topic = sources.get_mut(TOPIC).unwrap();
    *topic = topic
        .replace("if (!isThere)", "if (!empty(groupName))")
        .replace("if (isThere)", "if (empty(groupName))")
        .replace("param isThere bool", "param isThere bool\nvar known = isThere")
        .replace(RIGHT, "known && empty( groupName ) ? '' : RIGHT");
    for (right, is_fine) in [
        ("empty( groupName ) ? found!.outputs.principalId : made!.outputs.principalId", true),
        ("!empty(groupName) ? made!.outputs.principalId : found!.outputs.principalId", true),
        ("empty(location) ? found!.outputs.principalId : ''", false),
        ("empty(groupName) ? made!.outputs.principalId : ''", false),
    ] {
        let mut sources = sources.clone();
        let topic = sources.get_mut(TOPIC).unwrap();
        *topic = topic.replace("RIGHT", right);
        assert_eq!(problems(&sources).is_empty(), is_fine, "{right}: {:#?}", problems(&sources));
    }
}
