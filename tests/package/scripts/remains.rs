//! What is left of an installation after failures, and what the scripts know without its record.

use serde_json::{Value, json};

use super::guards::{put, rights, two};
use super::{OTHER, SUB, Stage};

#[test]
fn a_subscription_that_left_the_estate_is_not_forgotten() {
    let stage = Stage::two(&json!({}));
    stage.parameter("useBuiltInRoles", &json!(true));
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    stage.parameter("subscriptions", &json!([SUB]));
    let before = stage.changes();
    let line = format!(
        "the subscription {OTHER} leaves the estate, and tether still has rights there: infra/remove.sh subscription {OTHER} tether first"
    );
    stage.run("deploy.sh", &["westeurope", "--yes"]).refuses(&[&line]);
    assert_eq!(stage.changes(), before);
    stage.run("remove.sh", &["subscription", OTHER, "--yes"]).is_fine();
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
}

#[test]
fn one_name_is_for_one_group() {
    let stage = two();
    stage.parameter("resourceGroupName", &json!("rg-new"));
    let before = stage.changes();
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended.refuses(&["the deployment tether made the resource group rg-tether, not rg-new: use another NAME for another installation"]);
    assert_eq!(stage.changes(), before);
}

#[test]
fn without_the_outputs_only_whole_names_are_tethers() {
    let stage = two();
    stage.change_world(|world| world["deployments"]["tether"]["outputs"] = Value::Null);
    let strange =
        put(&stage, SUB, "rg-tether", "Microsoft.Storage/storageAccounts", "sttetherbackup");
    stage.run("remove.sh", &["all", "--yes"]).refuses(&["holds what is not tether's", &strange]);
    stage.change_world(|world| {
        world["resources"].as_object_mut().unwrap().remove(&strange);
    });
    stage.run("remove.sh", &["all", "--yes"]).is_fine();
    assert_eq!(stage.world()["resources"], json!({}));
}

#[test]
fn custom_roles_of_the_same_name_that_its_identity_does_not_have_stay_and_are_named() {
    let stage = Stage::two(&json!({}));
    stage.parameter("useBuiltInRoles", &json!(true));
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    let role = "bbbb0000-0000-4000-8000-000000000002";
    stage.change_world(|world| {
        world["roleDefinitions"].as_array_mut().unwrap().push(json!({
            "name": role, "roleName": "tether writer (zzz)", "roleType": "CustomRole",
            "assignableScopes": [format!("/subscriptions/{SUB}")],
            "permissions": [{ "actions": [], "notActions": [], "dataActions": [], "notDataActions": [] }],
        }));
    });
    let ended = stage.run("remove.sh", &["all", "--yes"]);
    ended.is_fine().says(&[&format!("the custom role {role}, which has the name of tether's")]);
    assert_eq!(stage.world()["roleDefinitions"].as_array().unwrap().len(), 1);
}

#[test]
fn the_brake_goes_on_after_a_refusal() {
    let stage = two();
    stage.fail(
        &format!("role assignment delete --ids /subscriptions/{SUB}/"),
        1,
        "ERROR: (ScopeLocked) no",
    );
    let ended = stage.run("remove.sh", &["writing", "--yes"]);
    ended.refuses(&["ScopeLocked", "so the right may still be there"]);
    let left = rights(&stage);
    let writes: Vec<_> = left.iter().filter(|one| one["condition"].is_string()).collect();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(writes[0]["scope"], format!("/subscriptions/{SUB}"));
}

#[test]
fn a_wrong_principal_and_a_running_deployment_are_refused() {
    let stage = two();
    let other = "dddddddd-0000-4000-8000-000000000009";
    let ended = stage.run_with("remove.sh", &["writing", "--yes"], &[("PRINCIPAL", other)]);
    ended.refuses(&[
        "the identity of tether is ",
        &format!("and PRINCIPAL is {other}: leave PRINCIPAL out"),
    ]);
    stage.change_world(|world| {
        world["deployments"]["tether"]["provisioningState"] = "Running".into()
    });
    stage
        .run("remove.sh", &["writing", "--yes"])
        .refuses(&["az deployment sub cancel --name tether"]);
}

#[test]
fn what_a_stopped_removal_or_deployment_left_goes() {
    let stage = two();
    // The app is gone, and a group of events has lost its topic.
    let topic = format!(
        "/subscriptions/{OTHER}/resourceGroups/rg-tether-events/providers/Microsoft.EventGrid/systemTopics/egst-tether"
    );
    stage.change_world(|world| {
        let resources = world["resources"].as_object_mut().unwrap();
        resources.retain(|id, _| !id.starts_with(&topic) && !id.contains("Microsoft.Web/sites/"));
    });
    stage.run("remove.sh", &["all", "--yes"]).is_fine();
    let world = stage.world();
    assert_eq!((&world["resources"], &world["groups"]), (&json!({}), &json!([])));
}
