//! `infra/remove.sh`: lists first, deletes in an order that leaves nothing behind, says what it leaves.

use serde_json::{Value, json};

use super::{OTHER, SUB, Stage};

fn deployed(second: &Value) -> Stage {
    let stage = Stage::two(second);
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    stage
}

/// Ids of tether's writer assignments
fn writers(stage: &Stage) -> Vec<String> {
    let world = stage.world();
    let all = world["roleAssignments"].as_array().unwrap();
    let writers = all.iter().filter(|one| one["condition"].is_string());
    writers.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

fn principal(stage: &Stage) -> String {
    stage.world()["deployments"]["tether"]["outputs"]["identityPrincipalId"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Puts a pull assignment at a registry of a subscription, made by tether or by another.
fn attach(stage: &Stage, subscription: &str, by: &str) -> String {
    let scope = format!(
        "/subscriptions/{subscription}/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/acr"
    );
    let name = format!("{by:0<8.8}-0000-5000-8000-{}", &subscription[24..]);
    let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
    stage.change_world(|world| {
        world["roleAssignments"].as_array_mut().unwrap().push(json!({
            "id": id, "name": name, "scope": scope, "principalId": "cccccccc-0000-4000-8000-000000000001",
            "principalType": "ServicePrincipal", "roleDefinitionId": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
            "createdBy": by, "description": null, "condition": null,
        }));
    });
    id
}

fn is_there(stage: &Stage, id: &str) -> bool {
    stage.world()["roleAssignments"].as_array().unwrap().iter().any(|one| one["id"] == id)
}

/// Which kind of thing was deleted, in order
fn deleted(stage: &Stage, before: usize) -> Vec<String> {
    let kinds = stage
        .changes()
        .split_off(before)
        .into_iter()
        .map(|call| call.split(" --").next().unwrap().trim_end_matches(" delete").to_owned());
    let mut kinds: Vec<String> = kinds.collect();
    kinds.dedup();
    kinds
}

#[test]
fn the_brake_takes_the_right_to_write_away_everywhere_and_shows_that_it_is_gone() {
    let stage = deployed(&json!({}));
    assert_eq!(writers(&stage).len(), 2);
    let before = stage.changes().len();
    let ended = stage.run("remove.sh", &["writing", "--yes"]);
    ended.is_fine().says(&[
        "role assignments that let it write role assignments:\n  /subscriptions/",
        &format!(
            "remove: in {SUB} no role of tether's identity itself lets it write role assignments any more\n"
        ),
        &format!(
            "remove: in {OTHER} no role of tether's identity itself lets it write role assignments any more\n"
        ),
        "The app runs, reads and reports, and its changes are refused.",
    ]);
    assert_eq!(writers(&stage), Vec::<String>::new());
    assert_eq!(deleted(&stage, before), ["role assignment"]);
    // Again, with nothing left to do
    let before = stage.changes().len();
    stage
        .run("remove.sh", &["writing", "--yes"])
        .is_fine()
        .says(&["there is nothing to delete", "any more"]);
    assert_eq!(stage.changes().len(), before);
    // A deployment gives it back.
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    assert_eq!(writers(&stage).len(), 2);
}

#[test]
fn it_works_without_microsoft_graph_and_waits_for_lists_that_are_behind() {
    let stage = deployed(&json!({}));
    stage.change_world(|world| world["graph"] = false.into());
    let shown = writers(&stage)[0].clone();
    let stale = json!({ "match": "role assignment list", "skip": 2, "times": 2, "code": 0, "stdout": shown });
    stage.change_world(|world| world["faults"] = json!([stale]));
    stage.run("remove.sh", &["writing", "--yes"]).is_fine();
    assert_eq!((stage.waits(), writers(&stage).len()), (2, 0));
}

#[test]
fn it_lists_first_and_asks() {
    for what in [vec!["writing"], vec!["subscription", OTHER], vec!["all"]] {
        let stage = deployed(&json!({}));
        let before = stage.changes().len();
        let ended = stage.run("remove.sh", &what);
        ended.refuses(&[
            "What is deleted, in this order:",
            "there is no terminal to ask on: with --yes it goes on without asking",
        ]);
        let ended = stage.run_on_terminal("remove.sh", &what, "n\n");
        ended.refuses(&["Delete all of this? [y/N]", "nothing was changed"]);
        assert_eq!(stage.changes().len(), before);
        stage.run_on_terminal("remove.sh", &what, "y\n").is_fine();
        assert!(stage.changes().len() > before);
    }
}

#[test]
fn a_subscription_leaves_the_estate_before_it_is_cancelled() {
    let stage = deployed(&json!({}));
    let ours = attach(&stage, OTHER, &principal(&stage));
    // The other way round is what Azure refuses.
    stage.parameter("subscriptions", &json!([SUB]));
    stage
        .run("deploy.sh", &["westeurope", "--yes"])
        .refuses(&["leaves the estate, and tether still has rights there: infra/remove.sh subscription 22222222-2222-2222-2222-222222222222 tether first"]);
    let before = stage.changes().len();
    let ended = stage.run("remove.sh", &["subscription", OTHER, "--yes"]);
    ended.is_fine().says(&[
        &format!("Take {OTHER} out of `subscriptions` and `registryResourceGroups` in the parameters"),
        "Role assignments that tether made: clusters still pull by them. --assignments deletes them too.",
    ]);
    assert_eq!(deleted(&stage, before), ["role assignment", "group"]);
    let world = stage.world();
    let left = world["roleAssignments"].as_array().unwrap().iter();
    let left = left.filter(|one| one["scope"].as_str().unwrap().contains(OTHER));
    assert_eq!(left.map(|one| one["id"].as_str().unwrap()).collect::<Vec<_>>(), [&ours]);
    assert_eq!(writers(&stage).len(), 1, "the other subscription keeps its own");
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    let scopes = &stage.world()["roleDefinitions"][0]["assignableScopes"];
    assert_eq!(*scopes, json!([format!("/subscriptions/{SUB}")]));
}

#[test]
fn where_tether_lives_it_keeps_what_it_needs_when_the_subscription_leaves_the_estate() {
    let stage = deployed(&json!({}));
    let group = format!("/subscriptions/{SUB}/resourceGroups/rg-tether/");
    let own = |stage: &Stage| {
        let world = stage.world();
        let all = world["roleAssignments"].as_array().unwrap().iter();
        all.filter(|one| one["scope"].as_str().unwrap().starts_with(&group)).count()
    };
    let before = own(&stage);
    stage.run("remove.sh", &["subscription", SUB, "--yes"]).is_fine();
    // Its topic there goes, with the two rights that it had.
    assert_eq!((own(&stage), writers(&stage).len()), (before - 2, 1));
    assert!(stage.world()["apps"][stage.app()].is_object());
}

#[test]
fn all_of_it_goes_in_an_order_that_leaves_nothing() {
    let stage = deployed(&json!({}));
    let [ours, others] = [principal(&stage), "dddddddd-0000-4000-8000-000000000009".into()]
        .map(|by| attach(&stage, OTHER, &by));
    let before = stage.changes().len();
    stage.run("remove.sh", &["all", "--yes"]).is_fine().says(&[
        "The records of the deployments tether and tether-events",
        "clusters still pull by them",
    ]);
    assert_eq!(
        deleted(&stage, before),
        ["role assignment", "functionapp stop", "role assignment", "role definition", "group"]
    );
    let world = stage.world();
    assert_eq!(
        (&world["resources"], &world["groups"], &world["roleDefinitions"]),
        (&json!({}), &json!([]), &json!([]))
    );
    let left: Vec<&str> = world["roleAssignments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(left, [&ours, &others]);
    stage.run("remove.sh", &["all", "--yes"]).is_fine().says(&["there is nothing to delete"]);
}

#[test]
fn with_assignments_it_takes_what_tether_made_and_nothing_else() {
    let stage = deployed(&json!({}));
    let by = principal(&stage);
    let [ours, others] = [by.clone(), "dddddddd-0000-4000-8000-000000000009".into()]
        .map(|by| attach(&stage, OTHER, &by));
    stage
        .run("remove.sh", &["all", "--assignments", "--yes"])
        .is_fine()
        .does_not_say("clusters still pull");
    assert_eq!((is_there(&stage, &ours), is_there(&stage, &others)), (false, true));
}

#[test]
fn what_others_use_stays() {
    // A topic that was there before tether, and a group with other things in it
    let topic = format!(
        "/subscriptions/{SUB}/resourceGroups/rg-net/providers/Microsoft.EventGrid/systemTopics/theirs"
    );
    let their_topic = json!({ topic.clone(): {
        "type": "Microsoft.EventGrid/systemTopics", "location": "global",
        "identity": { "type": "SystemAssigned", "principalId": "eeeeeeee-0000-4000-8000-000000000007" },
        "properties": { "source": format!("/subscriptions/{SUB}"), "topicType": "Microsoft.Resources.Subscriptions" },
    } });
    let groups = json!([{ "subscription": SUB, "name": "rg-net", "location": "westeurope" }]);
    let stage = Stage::new(&json!({ "groups": groups, "resources": their_topic }));
    stage.events_parameter(
        "existingTopics",
        &json!({ SUB: { "resourceGroup": "rg-net", "topic": "theirs" } }),
    );
    stage.run("deploy.sh", &["westeurope", "--yes"]).is_fine();
    let strange = format!(
        "/subscriptions/{SUB}/resourceGroups/rg-tether/providers/Microsoft.Compute/virtualMachines/build"
    );
    stage.change_world(|world| world["resources"][&strange] = json!({ "type": "Microsoft.Compute/virtualMachines", "location": "westeurope", "properties": {} }));
    let before = stage.changes().len();
    let ended = stage.run("remove.sh", &["all", "--yes"]);
    ended.refuses(&[
        "nothing was deleted. This is in the way:",
        "the resource group rg-tether holds what is not tether's; move it or delete it first: ",
        &strange,
    ]);
    assert_eq!(stage.changes().len(), before);
    stage.change_world(|world| {
        world["resources"].as_object_mut().unwrap().remove(&strange);
    });
    stage.run("remove.sh", &["all", "--yes"]).is_fine();
    let world = stage.world();
    assert_eq!(
        world["resources"].as_object().unwrap().keys().collect::<Vec<_>>(),
        [&topic],
        "the topic, without our subscription and alerts"
    );
    assert_eq!(world["groups"][0]["name"], "rg-net");
}

#[test]
fn a_failure_in_the_middle_is_made_good_by_the_same_command() {
    for step in [
        "role assignment delete",
        "functionapp stop",
        "role definition delete",
        "group delete --subscription 2",
        "group delete --subscription 1",
    ] {
        let stage = deployed(&json!({}));
        stage.fail(step, 1, "ERROR: (InternalServerError) Something went wrong");
        let ended = stage.run("remove.sh", &["all", "--yes"]);
        assert_ne!(ended.code, Some(0), "{step}");
        ended.says(&["Something went wrong"]).does_not_say("what is left");
        stage.run("remove.sh", &["all", "--yes"]).is_fine();
        let world = stage.world();
        assert_eq!(
            (&world["resources"], &world["groups"], &world["roleDefinitions"]),
            (&json!({}), &json!([]), &json!([])),
            "{step}"
        );
    }
}

#[test]
fn what_cannot_be_asked_stops_it_before_anything_is_deleted() {
    let stage = deployed(&json!({}));
    let before = stage.changes().len();
    for question in [
        "role assignment list",
        "system-topic list",
        "event-subscription list",
        "diagnostic-settings",
        "resource list",
    ] {
        stage.fail(question, 1, "ERROR: (AuthorizationFailed) no");
        stage
            .run("remove.sh", &["all", "--yes"])
            .refuses(&["nothing was deleted. This is in the way:", "cannot be listed: see above"]);
    }
    for (question, said) in [
        ("role definition list", "which custom roles there are was not answered"),
        ("group exists", "whether there is a resource group rg-tether was not answered"),
        ("deployment sub show", "the record of the deployment tether was not answered"),
    ] {
        stage.fail(question, 1, "ERROR: (InternalServerError) no");
        stage.run("remove.sh", &["all", "--yes"]).refuses(&[said]);
    }
    assert_eq!(stage.changes().len(), before);
    stage.sign_out();
    stage.run("remove.sh", &["all", "--yes"]).refuses(&["sign in first: az login"]);
}

#[test]
fn words_that_are_none_and_records_that_are_gone() {
    let stage = deployed(&json!({}));
    for words in [vec![], vec!["everything"], vec!["writing", "a", "b"], vec!["all", "--force"]] {
        assert_eq!(
            stage.run("remove.sh", &words).refuses(&["usage: infra/remove.sh"]).code,
            Some(1)
        );
    }
    let third = "33333333-3333-3333-3333-333333333333";
    stage
        .run("remove.sh", &["subscription", third])
        .refuses(&["33333333-3333-3333-3333-333333333333 is not of the estate of tether"]);
    stage.run("remove.sh", &["writing", "second"]).refuses(&[
        "there is no identity id-second in the resource group rg-second of Production (11111111",
    ]);
    let principal = principal(&stage);
    stage.change_world(|world| world["deployments"] = json!({}));
    let estate = format!("{SUB} {OTHER}");
    let set = [("PRINCIPAL", principal.as_str()), ("ESTATE", estate.as_str())];
    stage.run_with("remove.sh", &["writing", "--yes"], &set).is_fine();
    assert_eq!(writers(&stage), Vec::<String>::new());
}
