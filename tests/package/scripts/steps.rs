//! Each step of `infra/deploy.sh` that fails, and the run after it.

use serde_json::json;

use super::{POLICY, Stage};

const MAIN: &str = "deployment sub create --name tether --";
const CODE: &str = "config-zip";
const EVENTS: &str = "deployment sub create --name tether-events";

/// Refusals that waiting fixes, and by which step they are known
const PASSING: [(&str, &str); 10] = [
    (
        CODE,
        "ERROR: HTTPSConnectionPool(host='management.azure.com', port=443): Max retries exceeded with url: /",
    ),
    (
        MAIN,
        r#"ERROR: {"code": "DeploymentFailed", "message": "At least one"} Inner Errors: {"code": "PrincipalNotFound", "message": "Principal 1 does not exist in the directory 2."}"#,
    ),
    (
        MAIN,
        r#"ERROR: {"code": "RoleDefinitionDoesNotExist", "message": "The specified role definition with ID '1' does not exist."}"#,
    ),
    (
        MAIN,
        r#"ERROR: {"code": "RoleAssignmentScopeNotAssignableToRoleDefinition", "message": "The role tether reader is not available for assignment at the requested scope."}"#,
    ),
    (
        MAIN,
        r#"ERROR: {"code": "DeploymentActive", "message": "Unable to edit or replace deployment 'tether': previous deployment is still active."}"#,
    ),
    (
        CODE,
        "ERROR: An error occured during deployment. Status Code: 400, Details: {\"Message\":\"[StorageAccessibleCheck]\n Failed to upload blob to storage account: 403 (This request is not authorized to perform this operation using this permission.).\"}",
    ),
    (
        CODE,
        "ERROR: There may be an ongoing deployment. Please track your deployment in https://app.scm.azurewebsites.net/api/deployments/latest",
    ),
    (
        CODE,
        "ERROR: An error occured during deployment. Status Code: 503, Details: Site Unavailable",
    ),
    (
        EVENTS,
        r#"ERROR: {"code": "Endpoint validation", "message": "Destination endpoint not found. Resource should pre-exist before attempting this operation."}"#,
    ),
    (
        EVENTS,
        r#"ERROR: {"code": "InternalServerError", "message": "The operation failed due to an internal server error."}"#,
    ),
];

/// Refusals that nothing but a person fixes
const LASTING: [(&str, &str); 7] = [
    (
        MAIN,
        r#"ERROR: {"code": "AuthorizationFailed", "message": "The client 'user@example.com' with object id '1' does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '/subscriptions/1'."}"#,
    ),
    (
        MAIN,
        r#"ERROR: {"code": "InvalidTemplateDeployment", "message": "Authorization failed for template resource 'x'. The client 'user@example.com' with object id '1' does not have permission to perform action 'Microsoft.Authorization/roleAssignments/write' at scope '/subscriptions/1'."}"#,
    ),
    (
        MAIN,
        r#"ERROR: {"code": "RoleScopeBeingRemovedContainsAssignments", "message": "Role assignments found under scope '/subscriptions/1' which is being removed."}"#,
    ),
    (
        MAIN,
        r#"ERROR: {"code": "RoleAssignmentExists", "message": "The role assignment already exists."}"#,
    ),
    (
        CODE,
        "ERROR: An error occured during deployment. Status Code: 400, Details: The zip is corrupt",
    ),
    (
        EVENTS,
        r#"ERROR: {"code": "InvalidTemplate", "message": "The template parameter 'deliverTo' is not valid."}"#,
    ),
    (
        EVENTS,
        r#"ERROR: {"code": "BadRequest", "message": "Only one system topic is allowed per source."}"#,
    ),
];

#[test]
fn what_time_fixes_is_tried_again_in_the_same_run() {
    for (step, said) in PASSING {
        let stage = Stage::fine();
        stage.fail(step, 2, said);
        let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
        ended.is_fine().says(&[said, "this may pass: once more in a minute (1 of 5)", "(2 of 5)"]);
        assert_eq!(stage.waits(), 2, "{said}");
    }
}

#[test]
fn it_waits_for_minutes_and_not_for_ever() {
    for step in [MAIN, CODE, EVENTS] {
        let (_, said) = PASSING[1];
        let stage = Stage::fine();
        stage.fail(step, 6, said);
        let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
        ended.refuses(&[
            "this was refused 6 times. Run the same command again later: what is there stays",
        ]);
        assert_eq!(stage.waits(), 5);
        stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    }
}

#[test]
fn what_time_does_not_fix_ends_the_run_at_once_and_the_next_one_goes_on() {
    for (step, said) in LASTING {
        let stage = Stage::fine();
        stage.fail(step, 1, said);
        let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
        ended.refuses(&[said, "waiting does not fix this. Fix what is said above, then run the same command again: what is there stays"]);
        assert_eq!(stage.waits(), 0, "{said}");
        stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
        assert!(stage.runs(POLICY));
    }
}

#[test]
fn stopped_after_any_step_the_same_command_goes_on() {
    for step in [
        MAIN,
        "\\{installation: ",
        CODE,
        "function list --resource-group rg-tether --name func-tether-.* --query \\[\\]",
        EVENTS,
    ] {
        let stage = Stage::fine();
        // The step was done, and the script was stopped before it heard of it.
        stage.fail_after(step, "");
        stage.tool("sleep", "kill -9 $PPID");
        assert_ne!(stage.run("deploy.sh", &["westeurope", "--yes"]).code, Some(0), "{step}");
        stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
        assert!(stage.runs(POLICY), "{step}");
    }
}

#[test]
fn an_unhealthy_app_is_deployed_and_the_check_says_more() {
    let stage = Stage::new(&json!({ "faults": [{ "like": "zip-unhealthy" }] }));
    stage.check_finds("  WRONG  the host knows no function status\n", 1);
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended.refuses(&[
        "appears to be unhealthy",
        "the code is deployed; the check below says whether the app works",
        "== the events",
        "the check above found something",
    ]);
    assert_eq!(stage.waits(), 0);
}

#[test]
fn a_package_that_azure_refused_is_not_kept() {
    let stage = Stage::fine();
    stage.fail(CODE, 1, LASTING[4].1);
    stage.run("deploy.sh", &["westeurope", "--yes"]).refuses(&["The zip is corrupt"]);
    assert!(!stage.path("target/deployed.zip").exists());
}

#[test]
fn functions_that_the_host_does_not_know_yet_are_waited_for() {
    let stage = Stage::fine();
    let listed = |times: u32| json!({ "match": "function list .*name", "times": times, "code": 0, "stdout": "" });
    stage.change_world(|world| world["faults"] = json!([listed(2)]));
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended.is_fine().says(&["the host does not know these functions yet: command-received reconcile-tick resource-changed status. Once more in a minute"]);
    assert_eq!(
        stage.changes().iter().filter(|call| call.starts_with("functionapp restart")).count(),
        1
    );
    let stage = Stage::fine();
    stage.change_world(|world| world["faults"] = json!([listed(9)]));
    stage
        .run("deploy.sh", &["westeurope", "--yes"])
        .refuses(&["the host does not know these functions after five minutes: command-received"]);
}

#[test]
fn what_was_made_and_is_not_told_ends_the_run_with_a_word() {
    for question in ["outputs.\\[resourceGroup", "\\{installation: "] {
        let stage = Stage::fine();
        stage.fail(question, 1, "ERROR: (InternalServerError) Something went wrong");
        let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
        ended.refuses(&["Something went wrong", "what was made was not answered: see above, and run the same command again: what is there stays"]);
        stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    }
}

#[test]
fn what_is_set_meanwhile_does_not_matter() {
    let stage = Stage::two(&json!({}));
    // The account is set to another subscription while the package is built.
    let cargo = "case $1 in\n  build) az account set --subscription Sandbox ;;\nesac\n";
    stage.before("cargo", cargo);
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    let world = stage.world();
    assert_eq!(world["current"], super::OTHER);
    let ids: Vec<&String> = world["resources"].as_object().unwrap().keys().collect();
    assert!(
        ids.iter().all(|id| id.contains(super::SUB) || id.contains("rg-tether-events")),
        "{ids:?}"
    );
    stage
        .run("remove.sh", &["all", "--yes"])
        .refuses(&["there is no identity id-tether in the resource group rg-tether of Sandbox"]);
}
