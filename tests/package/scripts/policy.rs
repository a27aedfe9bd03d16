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
        "  - {app} runs another policy than {}: name the one that is to run by POLICY",
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
    stage.run("deploy.sh", &["westeurope", "--yes"]).refuses(&["runs another policy than"]);
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
