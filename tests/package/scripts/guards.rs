//! What `infra/remove.sh` must not take for tether's, and what it must not overlook.

use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use super::{OTHER, SUB, Stage};

/// Puts a resource into a group.
pub(super) fn put(
    stage: &Stage,
    subscription: &str,
    group: &str,
    kind: &str,
    name: &str,
) -> String {
    let id =
        format!("/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}");
    stage.change_world(|world| {
        let resource = json!({ "type": kind, "location": "westeurope", "properties": {} });
        world["resources"][&id] = resource;
    });
    id
}

fn has(stage: &Stage, id: &str) -> bool {
    stage.world()["resources"].get(id).is_some()
}

/// Role assignments of tether's identity at whole subscriptions
pub(super) fn rights(stage: &Stage) -> Vec<Value> {
    let world = stage.world();
    let all = world["roleAssignments"].as_array().unwrap().iter();
    let is_wide = |one: &&Value| one["scope"].as_str().unwrap().split('/').count() == 3;
    all.filter(is_wide).cloned().collect()
}

fn principal(stage: &Stage) -> String {
    let outputs = &stage.world()["deployments"]["tether"]["outputs"];
    outputs["identityPrincipalId"].as_str().unwrap().to_owned()
}

/// Gives tether's identity a role in the first subscription.
fn give(stage: &Stage, role: &str) {
    let principal = principal(stage);
    stage.change_world(|world| {
        world["roleAssignments"].as_array_mut().unwrap().push(json!({
            "scope": format!("/subscriptions/{SUB}"), "principalId": principal, "roleDefinitionId": role,
        }));
    });
}

pub(super) fn two() -> Stage {
    let stage = Stage::two(&json!({}));
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    stage
}

#[test]
fn a_name_that_holds_tethers_is_not_tethers() {
    for (kind, name) in [
        ("Microsoft.Sql/servers", "sql-prod"),
        ("Microsoft.Web/sites", "func-prod-other"),
        ("Microsoft.Storage/storageAccounts", "stprodbackup"),
    ] {
        let stage = Stage::fine();
        stage.parameter("name", &json!("prod"));
        stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
        let strange = put(&stage, SUB, "rg-prod", kind, name);
        let ended = stage.run("remove.sh", &["all", "--yes"]);
        ended.refuses(&[
            "the resource group rg-prod holds what is not tether's; move it or delete it first: ",
            &strange,
        ]);
        assert!(has(&stage, &strange));
    }
}

#[test]
fn a_group_of_events_with_other_things_in_it_stays() {
    let stage = two();
    let strange =
        put(&stage, OTHER, "rg-tether-events", "Microsoft.Storage/storageAccounts", "stbackup");
    for words in [vec!["subscription", OTHER, "--yes"], vec!["all", "--yes"]] {
        let ended = stage.run("remove.sh", &words);
        ended
            .refuses(&["the resource group rg-tether-events holds what is not tether's", &strange]);
        assert!(has(&stage, &strange));
    }
}

#[test]
fn names_with_hyphens_and_stated_ones_are_tethers() {
    let stage = Stage::fine();
    stage.parameter("name", &json!("my-tether"));
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    stage.run("remove.sh", &["all", "--yes"]).is_fine();
    assert_eq!(stage.world()["resources"], json!({}));
    let stage = Stage::fine();
    for (name, value) in [
        ("functionAppName", "Contoso-Attach"),
        ("serviceBusName", "contoso-bus"),
        ("storageAccountName", "stcontoso"),
    ] {
        stage.parameter(name, &json!(value));
    }
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    stage
        .run("remove.sh", &["all", "--yes"])
        .is_fine()
        .says(&["the app Contoso-Attach is stopped"]);
    assert_eq!(stage.world()["resources"], json!({}));
}

#[test]
fn the_brake_knows_the_estate_whatever_became_of_the_record() {
    for record in ["failed", "gone"] {
        let stage = Stage::two(&json!({}));
        stage.parameter("useBuiltInRoles", &json!(true));
        stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
        stage.change_world(|world| {
            let deployments = world["deployments"].as_object_mut().unwrap();
            if record == "gone" {
                deployments.clear();
            } else {
                deployments["tether"]["outputs"] = Value::Null;
                deployments["tether"]["parameters"] = json!({ "name": "tether" });
            }
        });
        assert_eq!(rights(&stage).len(), 4);
        stage.run("remove.sh", &["writing", "--yes"]).is_fine();
        assert_eq!(rights(&stage).len(), 2, "{record}: the readers");
    }
}

#[test]
fn the_brake_takes_what_it_can_see_and_names_what_it_cannot() {
    let stage = two();
    stage.fail(
        &format!("role assignment list --all --subscription {OTHER}"),
        1,
        "ERROR: (AuthorizationFailed) no",
    );
    let ended = stage.run("remove.sh", &["writing", "--yes"]);
    ended.refuses(&[&format!(
        "these could not be looked at or taken away, so the right may still be there: {OTHER}"
    )]);
    let left = rights(&stage);
    let writes: Vec<_> = left.iter().filter(|one| one["condition"].is_string()).collect();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(writes[0]["scope"], format!("/subscriptions/{OTHER}"));
    stage.run("remove.sh", &["writing", "--yes"]).is_fine();
}

#[test]
fn whatever_role_lets_it_write_is_taken_away() {
    let stage = two();
    let custom = "aaaa0000-0000-4000-8000-000000000001";
    stage.change_world(|world| {
        world["roleDefinitions"].as_array_mut().unwrap().push(json!({
            "name": custom, "roleName": "Our RBAC people", "roleType": "CustomRole",
            "assignableScopes": [format!("/subscriptions/{SUB}")],
            "permissions": [{ "actions": ["Microsoft.Authorization/*"], "notActions": [], "dataActions": [], "notDataActions": [] }],
        }));
    });
    let [owner, reader] =
        ["8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "acdd72a7-3385-48ef-bd42-f606fba81ae7"];
    for role in [custom, owner, reader] {
        give(&stage, role);
    }
    let principal = principal(&stage).to_uppercase();
    stage.run_with("remove.sh", &["writing", "--yes"], &[("PRINCIPAL", &principal)]).is_fine();
    let roles: Vec<String> = rights(&stage)
        .iter()
        .map(|one| one["roleDefinitionId"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
        .collect();
    assert!(!roles.iter().any(|role| [custom, owner].contains(&role.as_str())), "{roles:?}");
    assert_eq!(roles.iter().filter(|role| **role == reader).count(), 1);
}

#[test]
fn another_installation_of_the_same_name_is_left_alone() {
    let stage = Stage::two(&json!({}));
    for (group, estate) in [("rg-one", SUB), ("rg-two", OTHER)] {
        stage.parameter("resourceGroupName", &json!(group));
        stage.parameter("subscriptions", &json!([estate]));
        stage
            .run_with(
                "deploy.sh",
                &["westeurope", &group[3..], "--yes"],
                &[("POLICY", "policy.yaml")],
            )
            .is_fine();
    }
    let of_two = |stage: &Stage| -> Vec<String> {
        let world = stage.world();
        let ids = world["resources"].as_object().unwrap().keys().cloned();
        ids.filter(|id| id.contains("/rg-two")).collect()
    };
    let before = of_two(&stage);
    stage.run("remove.sh", &["all", "one", "--yes"]).is_fine();
    assert_eq!(of_two(&stage), before);
    let world = stage.world();
    assert_eq!(world["roleDefinitions"].as_array().unwrap().len(), 2, "those of the other one");
    assert!(!world["resources"].as_object().unwrap().keys().any(|id| id.contains("/rg-one/")));
}

#[test]
fn a_topic_without_its_event_subscription_goes_and_one_that_others_use_stays_and_is_named() {
    let stage = two();
    let topic = format!(
        "/subscriptions/{OTHER}/resourceGroups/rg-tether-events/providers/Microsoft.EventGrid/systemTopics/egst-tether"
    );
    stage.change_world(|world| {
        world["resources"]
            .as_object_mut()
            .unwrap()
            .remove(&format!("{topic}/eventSubscriptions/tether"));
    });
    let theirs = topic.replace(OTHER, SUB);
    stage.change_world(|world| {
        world["resources"][format!("{theirs}/eventSubscriptions/audit")] = json!({
            "type": "Microsoft.EventGrid/systemTopics/eventSubscriptions", "properties": {},
        });
    });
    let ended = stage.run("remove.sh", &["all", "--yes"]);
    ended.is_fine().says(&[&format!(
        "the system topic egst-tether in rg-tether-events of {SUB}, which others use: audit"
    )]);
    assert_eq!((has(&stage, &topic), has(&stage, &theirs)), (false, true));
    assert!(!has(&stage, &format!("{theirs}/eventSubscriptions/tether")));
}

#[test]
fn a_script_that_does_not_find_its_library_does_nothing() {
    let stage = Stage::deployed();
    let before = stage.calls().len();
    for script in ["remove.sh", "deploy.sh", "change-policy.sh", "package.sh"] {
        symlink(stage.path("infra").join(script), stage.path(script)).unwrap();
        assert_ne!(
            stage.type_in(&format!("./{script} all --yes </dev/null")).code,
            Some(0),
            "{script}"
        );
    }
    assert_eq!(stage.calls().len(), before);
}

#[test]
fn the_activity_log_goes_no_longer_to_a_workspace_that_goes() {
    let setting = |name: &str, group: &str| {
        let workspace = format!(
            "/subscriptions/{SUB}/resourcegroups/{group}/providers/Microsoft.OperationalInsights/workspaces/log-tether"
        );
        json!({ "name": name, "workspaceId": workspace, "logs": [] })
    };
    let settings = json!([
        setting("tether", "RG-tether"),
        setting("audit", "rg-tether"),
        setting("tether", "rg-two")
    ]);
    let second = json!({ "diagnosticSettings": [settings[0], settings[1]] });
    let stage = Stage::two(&second);
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    let ended = stage.run("remove.sh", &["subscription", OTHER, "--yes"]);
    ended.is_fine().says(&["the activity log's way into tether's workspace:"]);
    let world = stage.world();
    let left = world["subscriptions"][1]["diagnosticSettings"].as_array().unwrap();
    let names: Vec<_> = left.iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["audit"]);
    // Another installation's setting has the same name and another workspace.
    let stage = Stage::two(&json!({ "diagnosticSettings": [settings[2]] }));
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    stage.run("remove.sh", &["subscription", OTHER, "--yes"]).is_fine();
    assert_eq!(
        stage.world()["subscriptions"][1]["diagnosticSettings"].as_array().unwrap().len(),
        1
    );
}
