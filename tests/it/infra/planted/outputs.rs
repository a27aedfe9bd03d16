//! Mistakes in outputs, secrets and decorators.

use super::{APP, BUS, EVENTS, MAIN, check, fine};

const HEADERS: &str = "@secure()\nparam otlpHeaders string";

#[test]
fn a_secret_that_is_not_secure_or_is_put_out_is_found() {
    for file in [MAIN, APP] {
        check(file, HEADERS, "param otlpHeaders string", "`otlpHeaders` is not secure");
        check(file, "@secure()", "@description('@secure()')", "`otlpHeaders` is not secure");
    }
    let output = "output functionApp string = app.outputs.name";
    for value in [
        "otlpHeaders",
        "'x-${otlpHeaders}'",
        "empty(otlpHeaders) ? '' : toLower(otlpHeaders)",
        "headers",
    ] {
        check(
            MAIN,
            output,
            &format!(
                "var sent = '${{otlpHeaders}}'\nvar headers = sent\noutput functionApp string = {value}"
            ),
            "`functionApp` puts out a secret",
        );
    }
    let list = "output all string[] = [for one in collectorHeaders: one.value]\noutput id string";
    check(APP, "output id string", list, "`all` puts out a secret");
    check(
        MAIN,
        "    policyHash: policyHash\n",
        "    policyHash: '${otlpHeaders}'\n",
        "`policyHash` is given a secret and is not secure",
    );
}

#[test]
fn a_decorator_is_one_of_bicep_and_not_a_word_in_a_text() {
    let events = "infra/events.bicep";
    for (wrong, name) in [
        ("@maxLenght(12)", "maxLenght(12,)"),
        ("@maxlength(12)", "maxlength(12,)"),
        ("@maxLength", "maxLength"),
        ("@sys.maxLenght(12)", "sys.maxLenght(12,)"),
    ] {
        check(MAIN, "@maxLength(12)", wrong, &format!("there is no decorator `{name}`"));
    }
    let sealed = "@sealed()\ntype setting";
    let setting = "`setting` is sealed elsewhere and not here";
    check(MAIN, sealed, "@description('not @sealed()')\ntype setting", setting);
    check(APP, sealed, "@description('not @sealed()')\ntype setting", setting);
    check(APP, sealed, "type setting", setting);
    fine(APP, sealed, "@description('not @secure()')\n@sealed()\ntype setting");
    check(events, "@sealed()\ntype existingTopic", "@seal()\ntype existingTopic", "no decorator");
}

#[test]
fn an_output_that_may_be_anything_is_found() {
    let output = "output functionApp string = app.outputs.name";
    for kind in ["array", "object", "object[]", "{ a: array }", "object?"] {
        let wrong = format!("output more {kind} = tags\n{output}");
        check(MAIN, output, &wrong, "`more` may put out anything");
    }
    check(BUS, "output id string", "output installation object", "`installation` may put out");
    fine(MAIN, output, &format!("output more {{ *: string }} = tags\n{output}"));
}

#[test]
fn an_output_of_another_type_is_found() {
    let output = "output resourceGroup string = group.name";
    for (kind, value) in [
        ("int", "app.outputs.id"),
        ("string[]", "app.outputs.id"),
        ("string", "tags"),
        ("string", "alwaysReady"),
        ("string", "'a' == name"),
        ("string", "alwaysReady + 1"),
        ("string", "!mayWrite"),
        ("string", "empty(name)"),
        ("string", "length(subscriptions)"),
        ("int", "guid(name)"),
        ("int", "mayWrite ? 1 : app.outputs.id"),
        ("int", "app.?outputs.id ?? 0"),
        ("int", "group.id"),
        ("string", "group.tags"),
        ("string", "readerRoles"),
        ("string[]", "[app.outputs.id, alwaysReady]"),
        ("int[]", "[for id in subscriptions: app.outputs.id]"),
        ("{ a: int }", "{ a: app.outputs.id }"),
        ("{ a: int }", "{ b: 1 }"),
        ("registryGroup", "{ subscription: name, resourceGroup: mayWrite }"),
        ("string", "[for id in subscriptions: id]"),
    ] {
        let wrong =
            format!("var readerRoles = empty(name)\noutput more {kind} = {value}\n{output}");
        check(MAIN, output, &wrong, "the output `more` does not fit");
    }
    for (kind, value) in [
        ("string", "mayWrite ? app.outputs.id : (group.name)"),
        ("int", "length(subscriptions) - 1"),
        ("string[]", "[for id in subscriptions: '${id}-${app.outputs.id}']"),
        ("registryGroup", "{ subscription: name, resourceGroup: group.name }"),
        ("registryGroup[]", "registryResourceGroups"),
        ("bool", "mayWrite && !empty(name)"),
    ] {
        fine(MAIN, output, &format!("output more {kind} = {value}\n{output}"));
    }
    check(EVENTS, "// Both alerts", "output more int = topic.id\n// Both", "`more` does not fit");
}

#[test]
fn an_output_that_is_not_what_its_name_says_is_found() {
    for (member, value, wrong) in [
        ("name", "name", "resourceGroupName"),
        ("resourceGroup", "group.name", "name"),
        ("functionApp", "app.outputs.name", "app.outputs.id"),
        ("functionApp", "app.outputs.name", "functionAppName"),
        ("serviceBus", "bus.outputs.name", "storage.outputs.name"),
        ("storageAccount", "storage.outputs.name", "bus.outputs.name"),
        ("actionGroupId", "monitoring.outputs.actionGroupId", "monitoring.outputs.workspaceId"),
    ] {
        check(
            MAIN,
            &format!("\n  {member}: {value}\n"),
            &format!("\n  {member}: {wrong}\n"),
            &format!("`installation.{member}` is {wrong} and not {value}"),
        );
    }
    let last = "actionGroupId: monitoring.outputs.actionGroupId\n  tags: tags\n";
    let without = last.replace("  tags: tags\n", "");
    check(MAIN, last, &without, "`installation.tags` is nothing");
    check(MAIN, last, &format!("{last}  a: 1\n"), "what is this member?");
    let ids = "\n  subscriptions: [\n    subscription().subscriptionId\n  ]\n";
    check(MAIN, "\n  subscriptions: subscriptions\n", ids, "`installation.subscriptions` is");
    let outputs = "functionAppId string = app.outputs.";
    check(MAIN, &format!("{outputs}id"), &format!("{outputs}name"), "`functionAppId` is");
    check(BUS, "output name string = namespace.name", "output name string = name", "`name` is");
    check(APP, "output name string = app.name", "output name string = plan.name", "`name` is");
}
