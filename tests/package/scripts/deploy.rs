//! `infra/deploy.sh` where nothing is wrong: the first run, further runs, with and without Rust.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::super::zip::unpack;
use super::{OTHER, POLICY, SUB, Stage};

/// What reaches Azure in a run that goes well, without what depends on the stage
fn steps(stage: &Stage) -> Vec<String> {
    let shown = |call: &String| call.split(" --").next().unwrap().to_owned();
    stage.changes().iter().map(shown).collect()
}

const STEPS: [&str; 3] =
    ["deployment sub create", "functionapp deployment source config-zip", "deployment sub create"];

#[test]
fn a_first_run_with_the_files_as_shipped_goes_from_questions_to_a_checked_installation() {
    let stage = Stage::fine();
    stage.check_finds("  ok     it is `Running`\n", 0);
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended.is_fine().says(&[
        "signed in as  user@example.com\ninto          Production (11111111-1111-1111-1111-111111111111), westeurope, resource group rg-tether\n",
        "(owner contoso mode observe )",
        "writes        role assignments of two pull roles\n",
        "estate\n  - Production (11111111-1111-1111-1111-111111111111)\n",
        "\n== the check\n",
    ]);
    assert_eq!(steps(&stage), STEPS);
    let app = stage.app();
    let expected = format!(
        "\n== deployed: {app} in rg-tether\n  function command-received\n  function reconcile-tick\n  function resource-changed\n  function status\n\nWhat to do next:\n"
    );
    let (_, end) = ended.said.split_once(&expected).unwrap_or_else(|| panic!("{}", ended.said));
    let next: Vec<&str> = end.lines().map(|line| line.trim().split("  ").next().unwrap()).collect();
    let plan = format!("TETHER_SUBSCRIPTIONS={SUB} cargo run -- plan");
    let change = format!("infra/change-policy.sh policy.yaml rg-tether {app}");
    assert_eq!(next, [&plan, &change, "infra/remove.sh writing tether"]);
    assert_eq!(ended.out, "  ok     it is `Running`\n");
    // What runs is what is kept, and on record.
    assert!(stage.runs(POLICY));
    let kept = unpack(&stage.path("target/deployed.zip")).join("policy.yaml");
    assert_eq!(fs::read_to_string(kept).unwrap(), POLICY);
    let id = format!(
        "/subscriptions/{SUB}/resourceGroups/rg-tether/providers/Microsoft.Web/sites/{app}"
    );
    assert!(
        stage.programs().contains(&format!("tether check-install {id}")),
        "{:?}",
        stage.programs()
    );
}

#[test]
fn a_second_run_changes_nothing_that_it_should_not() {
    let stage = Stage::deployed();
    let before = stage.world();
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended.is_fine().says(&["deployment    tether, which is there: func-tether-"]);
    assert_eq!(
        [steps(&stage)[..3].to_vec(), steps(&stage)[3..].to_vec()],
        [STEPS.to_vec(), STEPS.to_vec()]
    );
    let after = stage.world();
    for what in ["groups", "resources", "roleDefinitions", "roleAssignments"] {
        assert_eq!(before[what], after[what], "{what}");
    }
}

#[test]
fn a_yes_on_the_terminal_goes_on() {
    let stage = Stage::fine();
    stage
        .run_on_terminal("deploy.sh", &["westeurope"], "y\n")
        .is_fine()
        .says(&["Deploy this? [y/N]", "== deployed: "]);
    assert_eq!(steps(&stage), STEPS);
}

#[test]
fn with_a_package_it_needs_no_rust() {
    let stage = Stage::fine();
    let package = stage.package("released package.zip", "owner: other\nmode: observe\nrules: []\n");
    stage.without(&["cargo", "rustc", "musl-gcc"]);
    let set = [("PACKAGE", package.to_str().unwrap())];
    stage
        .run_with("deploy.sh", &["westeurope", "--yes"], &set)
        .is_fine()
        .says(&["released package.zip's own", "== the check"]);
    assert!(stage.runs("owner: other\nmode: observe\nrules: []\n"));
    assert!(stage.programs().iter().any(|call| call.starts_with("tether check-install")));
    // With its own policy in it
    let set = [
        ("PACKAGE", package.to_str().unwrap()),
        ("POLICY", "policy.yaml"),
        ("OUT", "kept/runs.zip"),
    ];
    stage.run_with("deploy.sh", &["westeurope", "--yes"], &set).is_fine();
    assert!(stage.runs(POLICY));
    let policy = |package: &Path| fs::read_to_string(unpack(package).join("policy.yaml")).unwrap();
    assert_eq!(policy(&stage.path("kept/runs.zip")), POLICY);
    assert!(policy(&package).starts_with("owner: other"), "what was named stays");
}

#[test]
fn two_subscriptions_are_one_statement_in_one_file() {
    let stage = Stage::two(&json!({}));
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine().says(&["- Sandbox (22222222"]);
    let world = stage.world();
    let topics =
        world["resources"].as_object().unwrap().keys().filter(|id| id.ends_with("/egst-tether"));
    assert_eq!(topics.count(), 2);
    let settings = &world["apps"][stage.app()]["settings"];
    assert_eq!(settings["TETHER_SUBSCRIPTIONS"], format!("{SUB},{OTHER}"));
}

#[test]
fn a_second_installation_has_files_of_its_own() {
    let stage = Stage::deployed();
    stage.write("second/policy.yaml", "owner: second\nmode: observe\nrules: []\n");
    stage.write(
        "second/parameters.json",
        &json!({ "parameters": { "name": { "value": "second" } } }).to_string(),
    );
    let topic = json!({ SUB: { "resourceGroup": "rg-tether-events", "topic": "egst-tether" } });
    let events = json!({ "parameters": { "existingTopics": { "value": topic } } });
    stage.write("second/events.json", &events.to_string());
    let set = [
        ("POLICY", "second/policy.yaml"),
        ("PARAMETERS", "second/parameters.json"),
        ("EVENTS_PARAMETERS", "second/events.json"),
        ("OUT", "second/tether.zip"),
    ];
    stage.run_with("deploy.sh", &["westeurope", "second", "--yes"], &set).is_fine();
    let world = stage.world();
    assert_eq!(world["apps"].as_object().unwrap().len(), 2);
    let kept =
        |name: &str| fs::read_to_string(unpack(&stage.path(name)).join("policy.yaml")).unwrap();
    assert_eq!(kept("target/deployed.zip"), POLICY);
    assert!(kept("second/tether.zip").starts_with("owner: second"));
}

#[test]
fn what_the_check_finds_decides_the_end() {
    let stage = Stage::fine();
    stage.check_finds("  WRONG  the app may not send to `rejected`\n", 1);
    let ended = stage.run("deploy.sh", &["westeurope", "--yes"]);
    ended.refuses(&["What to do next:", "it is deployed, and the check above found something"]);
    assert_eq!(ended.out, "  WRONG  the app may not send to `rejected`\n");
}
