//! What `infra/deploy.sh` asks about the subscriptions of the estate, and refuses of them.

use serde_json::{Value, json};

use super::refusals::{PARAMETERS, check, check_alone, in_file};
use super::{OTHER, SUB, Stage};

#[test]
fn placeholders_and_lists_that_cannot_be_meant() {
    let check = |subscriptions: Value, problem: &str| {
        let stage = Stage::fine();
        stage.parameter("subscriptions", &subscriptions);
        check(&stage, &[&in_file(&stage, PARAMETERS, problem)]);
    };
    let zeros = "00000000-0000-0000-0000-000000000000";
    check(
        json!([zeros]),
        "the subscription 00000000-0000-0000-0000-000000000000 is a placeholder: name your own, or leave `subscriptions` out for the one that is set",
    );
    check(
        json!([]),
        "`subscriptions` is empty: name at least one, or leave it out for the one that is set",
    );
    let twice = format!("the subscription {SUB} is named twice");
    check(json!([SUB, SUB]), &twice);
    check(json!(["Production"]), "Production is no subscription id");
    check(json!(["1111-1111"]), "1111-1111 is no subscription id");
    let two_in_one = format!("{SUB} {OTHER}");
    check(json!([two_in_one]), &format!("{SUB} {OTHER} is no subscription id"));
    check(json!(["*"]), "* is no subscription id");
    check(json!(SUB), "`subscriptions` is no list of ids");
    let other_case = "ABCDEFAB-1111-1111-1111-111111111111";
    let twice = format!("the subscription {other_case} is named twice");
    check(json!([other_case.to_lowercase(), other_case]), &twice);
    let capitals = format!("write the subscription {other_case} in small letters");
    check(json!([other_case]), &capitals);
}

#[test]
fn subscriptions_that_cannot_be_used() {
    let check = |second: Value, problem: &str| check_alone(&Stage::two(&second), problem);
    let unseen = format!(
        "  - the subscription {OTHER} cannot be seen by user@example.com: is the id right, and is it of the tenant"
    );
    check(json!({ "visible": false, "cached": false }), &unseen);
    // What az remembers of it is old.
    check(json!({ "visible": false, "cached": true }), &unseen);
    check(
        json!({ "state": "Disabled" }),
        &format!("  - the subscription Sandbox ({OTHER}) is Disabled, not Enabled\n"),
    );
    let tenant = "eeeeeeee-0000-4000-8000-000000000002";
    let elsewhere = format!(
        "  - the subscription Sandbox ({OTHER}) is of the tenant {tenant}, and tether's identity would be of"
    );
    check(json!({ "tenant": tenant }), &elsewhere);
}

#[test]
fn a_provider_that_one_of_two_subscriptions_lacks() {
    let stage = Stage::two(
        &json!({ "providers": { "Microsoft.EventGrid": "NotRegistered", "Microsoft.Insights": "Registered" } }),
    );
    let line = format!(
        "  - Sandbox: the provider Microsoft.EventGrid is not registered: az provider register --subscription {OTHER} --namespace Microsoft.EventGrid --wait\n"
    );
    check_alone(&stage, &line);
    // The line is what helps.
    stage.type_in(line.trim().split(": ").last().unwrap()).is_fine();
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
}

#[test]
fn the_subscription_of_tether_is_asked_for_wherever_the_estate_is() {
    let own = json!({ "id": SUB, "providers": ["Microsoft.Insights", "Microsoft.Web"] });
    let stage = Stage::new(&json!({ "subscriptions": [own, { "id": OTHER, "name": "Sandbox" }] }));
    stage.parameter("subscriptions", &json!([OTHER]));
    let lacking = ["ServiceBus", "Storage", "ManagedIdentity", "OperationalInsights"];
    let lines = lacking
        .map(|name| format!("  - Production: the provider Microsoft.{name} is not registered"));
    check(&stage, &lines.each_ref().map(String::as_str));
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended.does_not_say("Production: the provider Microsoft.EventGrid");
}

#[test]
fn groups_of_registries_that_are_not_there() {
    let stage = Stage::fine();
    let group = json!([{ "subscription": SUB, "resourceGroup": "rg-images" }]);
    stage.parameter("registryResourceGroups", &group);
    let problem =
        format!("`registryResourceGroups` names the group rg-images, which is not found in {SUB}");
    check_alone(&stage, &in_file(&stage, PARAMETERS, &problem));
}

#[test]
fn rights_that_are_missing() {
    let actions = |allowed: Value, excluded: Value| json!({ "permissions": [{ "actions": allowed, "notActions": excluded }] });
    let contributor =
        json!(["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]);
    let stage = Stage::two(&actions(json!(["*"]), contributor));
    for action in [
        "Microsoft.Authorization/roleAssignments/write",
        "Microsoft.Authorization/roleDefinitions/write",
    ] {
        let problem = format!(
            "  - Sandbox: user@example.com may not do {action} there: Owner may, and so may Contributor with User Access Administrator"
        );
        check(&stage, &[&problem]);
    }
    let stage = Stage::two(&actions(json!(["*/read"]), json!([])));
    check(
        &stage,
        &["Sandbox: user@example.com may not do Microsoft.Resources/deployments/write there"],
    );
    // Built-in roles need no role to be made.
    let assigns = json!([
        "Microsoft.Resources/deployments/*",
        "microsoft.authorization/roleassignments/*",
        "Microsoft.Resources/subscriptions/resourceGroups/*",
        "Microsoft.EventGrid/*",
        "*/read"
    ]);
    let stage = Stage::two(&actions(assigns.clone(), json!([])));
    check(&stage, &["may not do Microsoft.Authorization/roleDefinitions/write"]);
    let stage = Stage::two(&actions(assigns, json!([])));
    stage.parameter("useBuiltInRoles", &json!(true));
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
}

#[test]
fn rights_that_azure_does_not_tell_beforehand_are_no_refusal() {
    let stage = Stage::fine();
    stage.fail(
        "permissions",
        1,
        "ERROR: Not Found({\"error\":{\"code\":\"InvalidResourceType\"}})",
    );
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended
        .is_fine()
        .says(&["Production: what user@example.com may do there is not known beforehand"]);
}
