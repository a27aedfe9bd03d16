//! `infra/change-policy.sh`: another policy for the same program, and a package that always is the one
//! that runs.

use std::fs;
use std::path::Path;

use super::super::zip::{entries, unpack};
use super::{Ended, Stage};

const OTHER_POLICY: &str = "owner: contoso\nmode: attach-only\nrules: []\n";

/// A stage with tether deployed, and another policy beside it
fn deployed() -> Stage {
    let stage = Stage::deployed();
    stage.write("my policies/other.yaml", OTHER_POLICY);
    stage
}

fn change(stage: &Stage, set: &[(&str, &str)]) -> Ended {
    let arguments = ["my policies/other.yaml", "rg-tether", &stage.app()];
    stage.run_with("change-policy.sh", &arguments, set)
}

fn policy_in(package: &Path) -> String {
    fs::read_to_string(unpack(package).join("policy.yaml")).unwrap()
}

#[test]
fn the_same_program_is_deployed_with_the_other_policy_and_its_package_is_kept() {
    let stage = deployed();
    let kept = stage.path("target/deployed.zip");
    let old = (
        entries(&kept).into_iter().map(|one| (one.name, one.mode)).collect::<Vec<_>>(),
        unpack(&kept),
    );
    change(&stage, &[]).is_fine().says(&["is in force once the app has started anew"]);
    assert!(stage.runs(OTHER_POLICY));
    assert_eq!(policy_in(&kept), OTHER_POLICY);
    assert_eq!(
        entries(&kept).into_iter().map(|one| (one.name, one.mode)).collect::<Vec<_>>(),
        old.0
    );
    let program = |folder: &Path| fs::read(folder.join("tether")).unwrap();
    assert!(program(&old.1) == program(&unpack(&kept)), "it is another program");
    assert!(
        !stage
            .programs()
            .iter()
            .any(|call| call.starts_with("cargo build") && call.contains("other"))
    );
    // What runs is on record, so the folder's own policy does not replace it by accident.
    stage.run("deploy.sh", &["westeurope", "--yes"]).refuses(&["runs another policy than"]);
}

#[test]
fn after_a_failed_upload_the_package_is_what_it_was() {
    let stage = deployed();
    let before = fs::read(stage.path("target/deployed.zip")).unwrap();
    let refusal =
        "ERROR: An error occured during deployment. Status Code: 400, Details: The zip is corrupt";
    stage.fail("config-zip", 1, refusal);
    change(&stage, &[]).refuses(&[
        refusal,
        "the policy was not changed",
        "Run the same command again",
    ]);
    // Which policy runs is not on record any more, so neither is put there unasked.
    stage.run("deploy.sh", &["westeurope", "--yes"]).refuses(&["may run another policy than"]);
    assert!(fs::read(stage.path("target/deployed.zip")).unwrap() == before, "it was changed");
    let folder = fs::read_dir(stage.path("target")).unwrap();
    assert!(folder.count() <= 2, "something else was left");
    change(&stage, &[]).is_fine();
    assert!(stage.runs(OTHER_POLICY));
}

#[test]
fn deployed_but_unhealthy_is_told_apart_from_not_deployed() {
    let stage = deployed();
    let said = "ERROR: Deployment was successful but the app appears to be unhealthy. Please check the app logs.";
    stage.fail_after("config-zip", said);
    change(&stage, &[]).refuses(&[said, "is deployed, but the app does not answer as healthy"]);
    assert!(stage.runs(OTHER_POLICY));
    assert_eq!(policy_in(&stage.path("target/deployed.zip")), OTHER_POLICY, "that is what runs");
}

#[test]
fn another_package_that_is_named_is_the_one_that_changes() {
    let stage = deployed();
    let before = fs::read(stage.path("target/deployed.zip")).unwrap();
    let named = stage.package("its package.zip", "owner: contoso\nmode: observe\nrules: []\n");
    change(&stage, &[("PACKAGE", named.to_str().unwrap())]).is_fine();
    assert_eq!(policy_in(&named), OTHER_POLICY);
    assert!(fs::read(stage.path("target/deployed.zip")).unwrap() == before, "it was changed");
    let before = fs::read(&named).unwrap();
    stage.write("my policies/other.yaml", "owner: contoso\nmode: sync\nrules: []\n");
    change(&stage, &[("PACKAGE", named.to_str().unwrap()), ("OUT", "out.zip")]).is_fine();
    assert!(policy_in(&stage.path("out.zip")).contains("mode: sync"));
    assert!(fs::read(&named).unwrap() == before, "OUT was to be changed");
}

#[test]
fn nothing_is_sent_where_anything_is_wrong() {
    let stage = deployed();
    let sent = stage.changes().len();
    stage.write("my policies/other.yaml", "owner: other\nmode: observ\nrules: []\n");
    change(&stage, &[]).refuses(&["observ", "this policy is not packed"]);
    let app = stage.app();
    let missing = stage.path("nowhere.yaml");
    let missing = format!("there is no policy file {}", missing.display());
    stage.run("change-policy.sh", &["nowhere.yaml", "rg-tether", &app]).refuses(&[&missing]);
    stage
        .run("change-policy.sh", &["policy.yaml", "rg-tether"])
        .refuses(&["usage: infra/change-policy.sh"]);
    stage
        .run("change-policy.sh", &["policy.yaml", "rg-tether", "func-none"])
        .refuses(&["there is no function app func-none in the resource group rg-tether of"]);
    let set = [("PACKAGE", "none.zip")];
    change(&stage, &set).refuses(&["there is no package", "infra/package.sh"]);
    stage.sign_out();
    stage
        .run("change-policy.sh", &["policy.yaml", "rg-tether", &app])
        .refuses(&["sign in first: az login"]);
    assert_eq!(stage.changes().len(), sent);
}

#[test]
fn what_is_not_known_to_have_failed_is_not_called_unchanged() {
    for fault in ["zip-timeout", "zip-cancelled"] {
        let stage = deployed();
        stage.change_world(|world| world["faults"] = serde_json::json!([{ "like": fault }]));
        let ended = change(&stage, &[]);
        ended.refuses(&["whether the policy was changed is not known. Run the same command again"]);
        ended.does_not_say("was not changed");
        change(&stage, &[]).is_fine();
        assert!(stage.runs(OTHER_POLICY));
    }
}

#[test]
fn the_package_is_replaced_as_a_whole() {
    let stage = deployed();
    // Whoever has the older file open keeps it whole.
    fs::hard_link(stage.path("target/deployed.zip"), stage.path("open.zip")).unwrap();
    let before = fs::read(stage.path("open.zip")).unwrap();
    change(&stage, &[]).is_fine();
    assert!(fs::read(stage.path("open.zip")).unwrap() == before, "it was written over");
    assert_eq!(policy_in(&stage.path("target/deployed.zip")), OTHER_POLICY);
}

#[test]
fn an_app_that_is_not_tethers_is_left_alone() {
    let stage = deployed();
    let app = stage.app();
    stage.change_world(|world| {
        for resource in world["resources"].as_object_mut().unwrap().values_mut() {
            resource["tags"] = serde_json::json!({});
        }
        world["apps"][&app]["functions"] = serde_json::json!(["checkout"]);
    });
    let before = stage.changes();
    change(&stage, &[]).refuses(&[&format!("{app} is no installation of tether")]);
    assert_eq!(stage.changes(), before);
}
