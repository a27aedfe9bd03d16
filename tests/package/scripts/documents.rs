//! The commands of README.md and infra/README.md, word for word, with the files as shipped.

use std::fs;

use serde_json::json;

use super::super::tests::root;
use super::{SUB, Stage};

/// The shell lines in a section of a document
fn lines(document: &str, section: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let heading = format!("\n{section}\n");
    let (_, after) = text.split_once(&heading).unwrap_or_else(|| panic!("{document}: {section}"));
    let level = section.split(' ').next().unwrap();
    let is_end = |line: &&str| {
        let marks = line.split(' ').next().unwrap();
        !marks.is_empty() && marks.chars().all(|c| c == '#') && marks.len() <= level.len()
    };
    let section: Vec<&str> = after.lines().take_while(|line| !is_end(line)).collect();
    let section = section.join("\n");
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// Files as shipped, and an editor that does what the page says
fn stage() -> Stage {
    let stage = Stage::fine();
    let shipped = fs::read_to_string(root().join("policy.yaml")).unwrap();
    stage.write("policy.yaml", &shipped);
    let edit = "case $1 in\n  policy.yaml) sed 's/^owner: change-me$/owner: contoso/' policy.yaml >edited && mv edited policy.yaml ;;\n  *) echo \"vi $1\" ;;\nesac";
    stage.tool("vi", edit);
    stage.tool("git", "true");
    stage
}

/// What a person types in place of the words in capitals
fn filled(lines: &[String], stage: &Stage) -> String {
    let app = stage.world()["apps"].as_object().unwrap().keys().next().cloned().unwrap_or_default();
    let text = lines.join("\n");
    text.replace("SUBSCRIPTION", SUB)
        .replace("FUNCTION_APP", &app)
        .replace("cargo run -- check-install", "cargo run --locked -- check-install")
}

#[test]
fn the_readme_deploys() {
    let stage = stage();
    let mut lines = lines("README.md", "## Deploy it");
    let end = lines.iter().position(|line| line.starts_with("$ cargo run")).unwrap();
    lines.truncate(end);
    assert_eq!(lines.last().map(String::as_str), Some("infra/deploy.sh westeurope"));
    let ended = stage.type_on_terminal(&filled(&lines, &stage), "y\n");
    ended.is_fine().says(&[
        "Deploy this? [y/N]",
        "(owner contoso mode ",
        "== deployed: func-tether-",
    ]);
    assert_eq!(stage.world()["apps"][stage.app()]["functions"].as_array().unwrap().len(), 4);
}

#[test]
fn step_by_step_comes_to_the_same() {
    let stage = stage();
    let all = lines("infra/README.md", "## From nothing to the first cluster");
    let start = all.iter().position(|line| line == "infra/package.sh").unwrap();
    let end = all.iter().position(|line| line.starts_with("cargo run -- check-install")).unwrap();
    stage.type_in("vi policy.yaml").is_fine();
    stage.type_in(&filled(&all[start..=end], &stage)).is_fine();
    let by_hand = stage.world();
    let script = self::stage();
    script.type_in("vi policy.yaml").is_fine();
    script.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    let by_script = script.world();
    let ids = |world: &serde_json::Value| -> Vec<String> {
        world["resources"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(ids(&by_hand), ids(&by_script));
    for name in ["tether", "tether-events"] {
        let state = &by_hand["deployments"][name]["provisioningState"];
        assert_eq!(*state, "Succeeded", "{name}");
    }
    // What the script alone records is missing, so it does not replace the policy unasked.
    stage.run("deploy.sh", &["westeurope", "--yes"]).refuses(&["may run another policy than"]);
}

#[test]
fn a_registry_and_a_cluster_are_tagged_and_looked_at() {
    for (document, section) in
        [("README.md", "## Deploy it"), ("infra/README.md", "## From nothing to the first cluster")]
    {
        let registry = format!(
            "/subscriptions/{SUB}/resourceGroups/rg-shop/providers/Microsoft.ContainerRegistry/registries/acrshop"
        );
        let cluster = format!(
            "/subscriptions/{SUB}/resourceGroups/rg-shop/providers/Microsoft.ContainerService/managedClusters/aks-shop"
        );
        let resources = json!({
            registry.clone(): { "type": "Microsoft.ContainerRegistry/registries", "location": "westeurope" },
            cluster.clone(): { "type": "Microsoft.ContainerService/managedClusters", "location": "westeurope" },
        });
        let groups = json!([{ "subscription": SUB, "name": "rg-shop", "location": "westeurope" }]);
        let stage = Stage::new(&json!({ "resources": resources, "groups": groups }));
        let lines = lines(document, section);
        let start = lines.iter().position(|line| line.starts_with("az acr import")).unwrap();
        stage.type_in(&filled(&lines[start..], &stage)).is_fine();
        for id in [registry, cluster] {
            let tags = &stage.world()["resources"][&id]["tags"];
            assert_eq!(*tags, json!({ "acr-attach": "auto", "team": "shop" }), "{document}");
        }
    }
}

#[test]
fn what_comes_later_works_as_printed() {
    let stage = stage();
    stage.type_in("vi policy.yaml").is_fine();
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    let names = format!("group=rg-tether app={}\n", stage.app());
    let on_terminal = |lines: &[String]| {
        stage.type_on_terminal(&(names.clone() + &filled(lines, &stage)), "y\ny\ny\n").is_fine();
    };
    stage.write("../estate/policy.yaml", &stage.read("policy.yaml"));
    on_terminal(&lines("infra/README.md", "## Changing the policy"));
    on_terminal(&lines("infra/README.md", "## Upgrade"));
    on_terminal(&lines("infra/README.md", "## See who may pull"));
    let rights = lines("infra/README.md", "### Taking rights away");
    // Built-in roles, whose Reader is left over
    stage.change_world(|world| {
        let principal = world["deployments"]["tether"]["outputs"]["identityPrincipalId"].clone();
        let reader = json!({
            "scope": format!("/subscriptions/{SUB}"), "principalId": principal,
            "roleDefinitionId": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        });
        world["roleAssignments"].as_array_mut().unwrap().push(reader);
    });
    let [brake, leave, .., principal, delete] = &rights[..] else { panic!("{rights:?}") };
    assert_eq!(
        [brake, leave],
        ["infra/remove.sh writing", "infra/remove.sh subscription SUBSCRIPTION"]
    );
    on_terminal(&[principal.clone(), delete.clone()]);
    on_terminal(&rights[..rights.len() - 2]);
    on_terminal(&lines("infra/README.md", "## Uninstall"));
    assert_eq!(stage.world()["resources"], json!({}));
}

#[test]
fn the_switch_and_what_is_no_switch_are_named() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for sentence in [
        "The switch is that right: `infra/remove.sh writing` takes it away everywhere and shows that it is gone.",
        "Stopping the app may leave triggers running on Flex Consumption, and is not enough.",
        "other clouds than the public one are promised for the command line only",
    ] {
        assert!(readme.contains(sentence), "README.md does not say: {sentence}");
    }
}

#[test]
fn the_lines_for_single_cases_work_as_printed() {
    let stage = stage();
    stage.change_world(|world| {
        world["managementGroups"] = json!({ "GROUP": { "subscriptions": [SUB] } })
    });
    stage.type_in("vi policy.yaml").is_fine();
    stage.parameter("watchRoleAssignments", &json!(true));
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    let names = format!("group=rg-tether app={}\n", stage.app());
    let bus = stage.world()["deployments"]["tether"]["outputs"]["serviceBus"]
        .as_str()
        .unwrap()
        .to_owned();
    let principal = stage.world()["deployments"]["tether"]["outputs"]["identityPrincipalId"]
        .as_str()
        .unwrap()
        .to_owned();
    let text = fs::read_to_string(root().join("infra/README.md")).unwrap();
    let mut count = 0;
    for start in [
        "az rest --method get --url \"/providers/Microsoft.Management",
        "az eventgrid system-topic list",
        "az eventgrid system-topic update",
        "az role assignment create --role",
        "az servicebus queue show",
        "az monitor diagnostic-settings subscription delete",
    ] {
        let line = text
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("no line begins {start}"));
        let line = line.replace("NAMESPACE", &bus).replace("PRINCIPAL", &principal).replace(
            "--resource-group GROUP --name TOPIC",
            "--resource-group rg-tether-events --name egst-tether",
        );
        stage.type_in(&(names.clone() + &filled(&[line], &stage))).is_fine();
        count += 1;
    }
    assert_eq!(count, 6);
}
