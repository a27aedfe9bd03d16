//! Mode `sync`: what is detached, what never is, and what is put right by the timer alone.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tether::emulator::azure::{
    AssignmentSpec, ClusterSpec, Fault, GraphHides, LockKind, RegistrySpec, Right,
};
use tether::emulator::world::{Door, PAYMENTS, World, WorldOptions};
use uuid::Uuid;

use super::commands::{ask, pinning, report, with_pins};
use super::input::line;
use super::{
    ACR_PULL, REPOSITORY_READER, attached, cluster, count, options, registry, requests, settle,
    sharing, start,
};

pub(super) const AUTO: [(&str, &str); 2] = [("acr-attach", "auto"), ("team", "a")];

pub(crate) fn sync() -> WorldOptions {
    WorldOptions { policy: policy(), door: Door::Queue, ..options() }
}

/// With one of the switches for what was replaced at `remove`
pub(crate) fn removing(switch: &str) -> WorldOptions {
    let policy = policy();
    let keeps = format!("{switch}: keep");
    assert!(policy.contains(&keeps));
    WorldOptions { policy: policy.replace(&keeps, &format!("{switch}: remove")), ..sync() }
}

fn policy() -> String {
    // One of two, and two of two, are more than a fifth.
    pinning()
        .replace("mode: attach-only", "mode: sync")
        .replace("max_detach_percent: 20", "max_detach_percent: 100")
}

pub(crate) fn tags(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn auto(name: &str) -> ClusterSpec {
    cluster(name).tag("acr-attach", "auto").tag("team", "a")
}

pub(crate) fn of_team(name: &str) -> RegistrySpec {
    registry(name).tag("acr-attach", "auto").tag("team", "a")
}

/// A cluster that is attached to a registry
pub(crate) async fn attached_pair(
    options: WorldOptions,
    aks: ClusterSpec,
) -> (World, String, String) {
    let world = start(options).await;
    let acr = world.azure.create_registry(&of_team("acr1")).unwrap();
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)]);
    world.events.pause();
    (world, aks, acr)
}

pub(crate) async fn tick(world: &World) {
    world.azure.clear_log();
    world.host.fire_timer("reconcile-tick").await.unwrap();
    settle(world).await;
}

pub(crate) fn writes(world: &World) -> Vec<String> {
    let mut all = requests(world);
    all.retain(|request| request.starts_with("PUT") || request.starts_with("DELETE"));
    all
}

#[tokio::test]
async fn what_no_rule_wants_any_more_is_detached_and_nothing_else() {
    let (world, aks, acr) = attached_pair(sync(), auto("aks1")).await;
    let principal = world.azure.kubelet_principal(&aks).unwrap();
    let other = world.azure.create_registry(&registry("other").tag("pin", "yes")).unwrap();
    let foreign = world.azure.create_registry(&registry("foreign")).unwrap();
    let spec = AssignmentSpec::new(Uuid::from_u128(1), &foreign, ACR_PULL, principal);
    world.azure.assign(&spec).unwrap();
    ask(&world, "m-1", &json!({ "command": "attach", "cluster": aks, "registry": other }));
    settle(&world).await;
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    tick(&world).await;
    let names: Vec<_> = attached(&world, &aks).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["foreign", "other"], "the pin and the stranger stay");
    assert_eq!(writes(&world), ["DELETE assignment"]);
    let first = requests(&world);
    assert_eq!(count(&first, "GET assignment"), 1, "read again before it goes: {first:?}");
    tick(&world).await;
    assert_eq!(writes(&world), Vec::<String>::new(), "nothing is left to do");
    assert!(world.azure.resource(&acr).is_some());
}

#[tokio::test]
async fn an_event_leaves_removals_to_the_timer_whose_limits_see_everything() {
    let (world, aks, _) = attached_pair(sync(), auto("aks1")).await;
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    ask(&world, "m-1", &json!({ "command": "reconcile", "scope": aks }));
    settle(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    tick(&world).await;
    assert_eq!(attached(&world, &aks), []);
}

#[tokio::test]
async fn a_limit_holds_the_whole_lot_and_says_so() {
    for limit in ["max_detach: 1", "max_detach_percent: 50"] {
        let key = limit.split(':').next().unwrap();
        let mut policy = policy().replace("max_detach_percent: 100", "max_detach_percent: 99");
        let old =
            policy.lines().find(|line| line.starts_with(&format!("{key}:"))).unwrap().to_owned();
        policy = policy.replace(&old, limit);
        let (world, aks, _) = attached_pair(WorldOptions { policy, ..sync() }, auto("aks1")).await;
        let second = world.azure.create_cluster(&auto("aks2")).unwrap();
        tick(&world).await;
        assert_eq!(attached(&world, &second).len(), 1);
        for id in [&aks, &second] {
            world.azure.set_tags(id, &tags(&[])).unwrap();
        }
        tick(&world).await;
        assert_eq!(world.azure.assignments().len(), 2, "{limit}");
        line(&world, &["WARN", "not detached: 2 planned", &format!("`{key}` allows")]).await;
    }
}

#[tokio::test]
async fn what_a_deleted_cluster_leaves_behind_goes_with_its_event() {
    let (world, aks, _) = attached_pair(sync(), auto("aks1")).await;
    let second = world.azure.create_registry(&of_team("acr2")).unwrap();
    tick(&world).await;
    assert_eq!(attached(&world, &aks).len(), 2);
    world.azure.delete(&aks).unwrap();
    ask(&world, "m-1", &json!({ "command": "reconcile", "scope": aks }));
    settle(&world).await;
    assert_eq!(world.azure.assignments(), [], "{second}");
}

#[tokio::test]
async fn the_timer_finds_what_a_deleted_cluster_left_and_another_cluster_keeps_its_identity() {
    let (world, aks, _) = attached_pair(sync(), sharing(auto("aks1"))).await;
    let twin = world.azure.create_cluster(&sharing(auto("aks2"))).unwrap();
    let alone = world.azure.create_cluster(&auto("aks3")).unwrap();
    tick(&world).await;
    assert_eq!(world.azure.assignments().len(), 2);
    world.azure.delete(&aks).unwrap();
    world.azure.delete(&alone).unwrap();
    tick(&world).await;
    assert_eq!(attached(&world, &twin).len(), 1);
    assert_eq!(world.azure.assignments().len(), 1);
    world.azure.delete(&twin).unwrap();
    tick(&world).await;
    assert_eq!(world.azure.assignments(), []);
}

#[tokio::test]
async fn a_cluster_that_resource_graph_does_not_know_yet_keeps_its_identitys_access() {
    let lag = Duration::from_secs(3600);
    let options = WorldOptions { graph_lag: lag, speed: 0.0, ..sync() };
    let world = start(options).await;
    world.events.pause();
    let acr = world.azure.create_registry(&of_team("acr1")).unwrap();
    let aks = world.azure.create_cluster(&sharing(auto("aks1"))).unwrap();
    world.azure.catch_up_graph();
    tick(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    world.azure.catch_up_graph();
    // Made just now, with the same identity, and it wants the registry.
    let twin = world.azure.create_cluster(&sharing(auto("aks2"))).unwrap();
    tick(&world).await;
    assert_eq!(attached(&world, &twin).len(), 1, "{acr}");
    assert_eq!(writes(&world), ["PUT assignment"], "its mark names the twin");
}

#[tokio::test]
async fn tags_that_came_back_before_resource_graph_noticed_keep_the_attachment() {
    let lag = Duration::from_secs(3600);
    let world = start(WorldOptions { graph_lag: lag, speed: 0.0, ..sync() }).await;
    world.events.pause();
    world.azure.create_registry(&of_team("acr1")).unwrap();
    let aks = world.azure.create_cluster(&auto("aks1")).unwrap();
    world.azure.catch_up_graph();
    tick(&world).await;
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    world.azure.catch_up_graph();
    world.azure.set_tags(&aks, &tags(&AUTO)).unwrap();
    tick(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    assert_eq!(writes(&world), Vec::<String>::new());
}

#[tokio::test]
async fn assignments_at_a_registry_that_is_gone_are_removed() {
    let (world, aks, acr) = attached_pair(sync(), auto("aks1")).await;
    world.azure.delete(&acr).unwrap();
    tick(&world).await;
    assert_eq!(world.azure.assignments(), []);
    assert!(world.azure.resource(&aks).is_some());
}

#[tokio::test]
async fn what_was_deleted_by_hand_is_made_again_and_a_double_is_left() {
    let (world, aks, acr) = attached_pair(sync(), auto("aks1")).await;
    let ours = world.azure.assignments()[0].name;
    world.azure.unassign(&acr, ours).unwrap();
    tick(&world).await;
    assert_eq!(world.azure.assignments()[0].name, ours);
    world.azure.unassign(&acr, ours).unwrap();
    let principal = world.azure.kubelet_principal(&aks).unwrap();
    let foreign = AssignmentSpec::new(Uuid::from_u128(1), &acr, ACR_PULL, principal);
    world.azure.assign(&foreign).unwrap();
    tick(&world).await;
    assert_eq!(writes(&world), Vec::<String>::new());
    assert_eq!(world.azure.assignments().len(), 1);
}

#[tokio::test]
async fn a_registry_that_switches_its_mode_keeps_the_way_back() {
    let (world, aks, acr) = attached_pair(sync(), auto("aks1")).await;
    world.azure.set_registry_mode(&acr, true).unwrap();
    tick(&world).await;
    let both = [("acr1".to_owned(), ACR_PULL), ("acr1".to_owned(), REPOSITORY_READER)];
    assert_eq!(attached(&world, &aks), both);
    world.azure.set_registry_mode(&acr, false).unwrap();
    tick(&world).await;
    assert_eq!((attached(&world, &aks), writes(&world)), (both.to_vec(), Vec::new()));
}

#[tokio::test]
async fn a_registry_that_switches_its_mode_is_carried_over_without_a_gap() {
    let (world, aks, acr) = attached_pair(removing("former_roles"), auto("aks1")).await;
    world.azure.set_registry_mode(&acr, true).unwrap();
    tick(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), REPOSITORY_READER)]);
    assert_eq!(writes(&world), ["PUT assignment", "DELETE assignment"], "the new one first");
}

#[tokio::test]
async fn a_replacement_that_does_not_come_keeps_the_old_one() {
    let (world, aks, acr) = attached_pair(sync(), auto("aks1")).await;
    world.azure.set_registry_mode(&acr, true).unwrap();
    let refused = Fault::on("PUT", "/roleAssignments/").refusing(400, "Odd", "no");
    world.azure.faults().inject(refused.always());
    tick(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)]);
}

#[tokio::test]
async fn a_subscription_that_cannot_be_seen_holds_every_removal_it_may_matter_to() {
    let (world, aks, _) = attached_pair(sync(), sharing(auto("aks1"))).await;
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    world.azure.revoke(PAYMENTS, Right::Read);
    tick(&world).await;
    assert_eq!(world.azure.assignments().len(), 1);
    assert_eq!(writes(&world), Vec::<String>::new());
    world.azure.allow(PAYMENTS, Right::Read);
    tick(&world).await;
    assert_eq!(attached(&world, &aks), []);
}

#[tokio::test]
async fn clusters_that_cannot_be_listed_hold_what_they_may_need() {
    let (world, aks, _) = attached_pair(sync(), sharing(auto("aks1"))).await;
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    let fault = Fault::on("GET", "/managedClusters?").refusing(500, "Odd", "no");
    world.azure.faults().inject(fault.always());
    tick(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    world.azure.faults().clear();
    tick(&world).await;
    assert_eq!(attached(&world, &aks), []);
}

#[tokio::test]
async fn where_resource_graph_refuses_the_subscriptions_are_listed() {
    let options = sync();
    let world = start(options).await;
    world.events.pause();
    let refuse = || {
        let fault = Fault::on("POST", "ResourceGraph");
        world.azure.faults().inject(fault.refusing(403, "AuthorizationFailed", "no").always());
    };
    world.azure.create_registry(&of_team("acr1")).unwrap();
    let aks = world.azure.create_cluster(&auto("aks1")).unwrap();
    refuse();
    tick(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    tick(&world).await;
    assert_eq!(attached(&world, &aks), []);
}

#[tokio::test]
async fn marks_that_resource_graph_does_not_show_are_read_where_they_matter() {
    let options = WorldOptions { graph_hides: GraphHides::Descriptions, ..sync() };
    let (world, aks, _) = attached_pair(options, auto("aks1")).await;
    let free = world.azure.create_registry(&registry("free").tag("pin", "yes")).unwrap();
    ask(&world, "m-1", &json!({ "command": "attach", "cluster": aks, "registry": free }));
    settle(&world).await;
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    tick(&world).await;
    let names: Vec<_> = attached(&world, &aks).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["free"]);
    world.azure.delete(&free).unwrap();
    tick(&world).await;
    assert_eq!(world.azure.assignments(), [], "nothing is there to pull from");
}

#[tokio::test]
async fn a_pin_whose_mark_resource_graph_does_not_show_follows_its_cluster_in_every_mode() {
    for options in [with_pins(), sync()] {
        let options =
            WorldOptions { graph_hides: GraphHides::Descriptions, door: Door::Queue, ..options };
        let world = start(options).await;
        let free = world.azure.create_registry(&registry("free").tag("pin", "yes")).unwrap();
        let aks = world.azure.create_cluster(&cluster("aks1")).unwrap();
        ask(&world, "m-1", &json!({ "command": "attach", "cluster": aks, "registry": free }));
        settle(&world).await;
        world.azure.set_identity(&aks, None).unwrap();
        tick(&world).await;
        assert_eq!(attached(&world, &aks), [("free".to_owned(), ACR_PULL)]);
    }
}

#[tokio::test]
async fn a_hidden_pin_follows_its_cluster_from_an_identity_that_a_rule_wants() {
    for options in [with_pins(), sync()] {
        let options =
            WorldOptions { graph_hides: GraphHides::Descriptions, door: Door::Queue, ..options };
        let world = start(options).await;
        let names = (0..30).map(|number| format!("acr{number}"));
        let make =
            |name: String| world.azure.create_registry(&of_team(&name).tag("pin", "yes")).unwrap();
        let acrs: Vec<_> = names.map(make).collect();
        let acr = acrs.last().unwrap();
        let pinned = world.azure.create_cluster(&sharing(cluster("aks1"))).unwrap();
        world.azure.create_cluster(&sharing(auto("aks2"))).unwrap();
        settle(&world).await;
        ask(&world, "m-1", &json!({ "command": "attach", "cluster": pinned, "registry": acr }));
        settle(&world).await;
        world.azure.set_identity(&pinned, None).unwrap();
        world.azure.clear_log();
        tick(&world).await;
        assert_eq!(attached(&world, &pinned), [("acr29".to_owned(), ACR_PULL)]);
        let asked = requests(&world);
        assert!(count(&asked, "GET assignments") > 0, "thirty are not read one by one: {asked:?}");
        assert!(count(&asked, "GET assignment") < 10, "thirty are not read one by one: {asked:?}");
    }
}

#[tokio::test]
async fn a_lock_on_what_has_to_go_is_told_and_stops_nothing_else() {
    let (world, aks, acr) = attached_pair(sync(), auto("aks1")).await;
    world.azure.create_registry(&of_team("acr2")).unwrap();
    tick(&world).await;
    world.azure.lock(&acr, LockKind::CannotDelete);
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    tick(&world).await;
    let names: Vec<_> = attached(&world, &aks).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["acr1"]);
    line(&world, &["not detached: held", "ScopeLocked"]).await;
}

#[tokio::test]
async fn two_ticks_at_once_do_no_harm() {
    let (mut world, aks, _) = attached_pair(sync(), auto("aks1")).await;
    world.add_host().await.unwrap();
    let second = world.azure.create_cluster(&auto("aks2")).unwrap();
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    for number in 0..6 {
        let body = json!({ "command": "reconcile", "scope": "everything" });
        ask(&world, &format!("m-{number}"), &body);
    }
    settle(&world).await;
    assert_eq!(attached(&world, &aks), []);
    assert_eq!(attached(&world, &second).len(), 1);
    for number in 0..6 {
        assert_eq!(report(&world, &format!("m-{number}"))["outcome"], json!("done"));
    }
}
