//! The policy and the package that `infra/deploy.sh` takes, and those that it refuses.

use serde_json::json;

use super::Stage;
use super::refusals::{check, check_alone};

#[test]
fn a_policy_that_cannot_be_used() {
    let stage = Stage::fine();
    stage.write("policy.yaml", "owner: change-me\nmode: observe\nrules: []\n");
    check(&stage, &["change-me", "  - the policy ", " cannot be used: see above"]);
}

#[test]
fn another_policy_in_the_place_of_the_one_that_runs() {
    let stage = Stage::deployed();
    let before = stage.changes();
    stage.write("policy.yaml", "owner: contoso\nmode: sync\nrules: []\n");
    let app = stage.app();
    let problem = format!(
        "  - {app} runs another policy than {}, or was given one: name the one that is to run by POLICY",
        stage.path("policy.yaml").display()
    );
    stage.run("deploy.sh", &["westeurope", "--yes"]).refuses(&[&problem]);
    assert_eq!(stage.changes(), before);
    stage.run_with("deploy.sh", &["westeurope", "--yes"], &[("POLICY", "policy.yaml")]).is_fine();
    assert!(stage.runs("owner: contoso\nmode: sync\nrules: []\n"));
    // Without a record it may be any policy.
    stage.change_world(|world| {
        for resource in world["resources"].as_object_mut().unwrap().values_mut() {
            resource["tags"] = json!({});
        }
    });
    stage.run("deploy.sh", &["westeurope", "--yes"]).refuses(&["may run another policy than"]);
}

#[test]
fn what_is_no_package_or_no_rust_to_make_one() {
    let stage = Stage::fine();
    stage.write("text.zip", "no zip");
    let ended = stage.run_with("deploy.sh", &["westeurope", "--yes"], &[("PACKAGE", "text.zip")]);
    ended.refuses(&["PACKAGE: ", "text.zip is no package of tether"]);
    stage.without(&["cargo", "rustc"]);
    check_alone(
        &stage,
        "  - there is no Rust here to build the package with: install it, or name a package by PACKAGE\n",
    );
}

#[test]
fn a_question_about_the_policy_that_is_not_answered_is_no_leave_to_replace_it() {
    let other = "owner: contoso\nmode: sync\nrules: []\n";
    for question in ["group exists", "resource list .*tether-policy"] {
        let stage = Stage::deployed();
        stage.write("policy.yaml", other);
        stage.fail(question, 1, "ERROR: Too Many Requests");
        check_after(&stage, &["Too Many Requests", "see above"]);
    }
    // Functions that the host does not tell are no sign that nothing runs.
    let stage = Stage::deployed();
    stage.write("policy.yaml", other);
    let none = json!({ "match": "function list", "code": 0, "stdout": "0" });
    stage.change_world(|world| world["faults"] = json!([none]));
    check_after(&stage, &["runs another policy than"]);
}

/// Refused in an installation that is there, with nothing changed
#[track_caller]
fn check_after(stage: &Stage, words: &[&str]) {
    let before = stage.changes();
    stage.run("deploy.sh", &["westeurope", "--yes"]).refuses(words);
    assert_eq!(stage.changes(), before);
}

#[test]
fn another_installation_in_the_same_group() {
    let stage = Stage::deployed();
    stage.parameter("name", &json!("second"));
    stage.parameter("resourceGroupName", &json!("rg-tether"));
    let set = [("POLICY", "policy.yaml")];
    let (before, app) = (stage.changes(), stage.app());
    let ended = stage.run_with("deploy.sh", &["westeurope", "second", "--yes"], &set);
    ended.refuses(&[&format!("the resource group rg-tether holds the installation {app}")]);
    assert_eq!(stage.changes(), before);
}

#[test]
fn a_place_for_the_package_that_cannot_be_written() {
    let stage = Stage::fine();
    stage.write("blocker", "");
    let set = [("OUT", "blocker/t.zip")];
    let ended = stage.run_with("deploy.sh", &["westeurope", "--yes"], &set);
    ended.refuses(&[
        "the package that is deployed cannot be kept at",
        "blocker/t.zip: name another place by OUT",
    ]);
    assert_eq!(stage.changes(), Vec::<String>::new());
    let stage = Stage::deployed();
    let before = stage.changes();
    stage.write("blocker", "");
    let app = stage.app();
    let ended = stage.run_with("change-policy.sh", &["policy.yaml", "rg-tether", &app], &set);
    ended.refuses(&["the changed package cannot be kept at"]);
    assert_eq!(stage.changes(), before);
}
