//! Removals that must not happen: what was seen may be old by the time something is removed.

use std::time::Duration;

use serde_json::json;
use tether::emulator::azure::{AssignmentSpec, Fault};
use tether::emulator::world::{Door, World, WorldOptions};
use uuid::Uuid;

use super::commands::{ask, report, with_pins};
use super::sync::{AUTO, attached_pair, auto, of_team, removing, sync, tags, tick, writes};
use super::{
    ACR_PULL, REPOSITORY_READER, attached, cluster, registry, settle, sharing, start, waiting,
};

/// Resource Graph knows nothing new before it is told to catch up.
fn lagging(options: WorldOptions) -> WorldOptions {
    WorldOptions { graph_lag: Duration::from_secs(3600), speed: 0.0, ..options }
}

async fn pin(world: &World, id: &str, cluster: &str, registry: &str) {
    ask(world, id, &json!({ "command": "attach", "cluster": cluster, "registry": registry }));
    settle(world).await;
    assert_eq!(report(world, id)["changes"][0]["outcome"], "applied");
}

#[tokio::test]
async fn the_events_of_many_registries_take_nothing_that_the_limits_would_hold() {
    let (world, aks, first) = attached_pair(sync(), auto("aks1")).await;
    let mut registries = vec![first];
    for number in 2..=4 {
        registries.push(world.azure.create_registry(&of_team(&format!("acr{number}"))).unwrap());
    }
    tick(&world).await;
    assert_eq!(attached(&world, &aks).len(), 4);
    for id in &registries {
        world.azure.set_tags(id, &tags(&[("team", "a")])).unwrap();
        ask(&world, id, &json!({ "command": "reconcile", "scope": id }));
    }
    settle(&world).await;
    assert_eq!(attached(&world, &aks).len(), 4, "each by itself would have been few enough");
    tick(&world).await;
    assert_eq!(attached(&world, &aks), []);
}

#[tokio::test]
async fn a_person_detaches_nothing_that_a_cluster_needs_which_resource_graph_does_not_know_yet() {
    for is_pinned in [false, true] {
        let options = WorldOptions { door: Door::Queue, ..with_pins() };
        let world = start(lagging(options)).await;
        world.events.pause();
        let acr = world.azure.create_registry(&of_team("acr1").tag("pin", "yes")).unwrap();
        let aks = world.azure.create_cluster(&sharing(cluster("aks1"))).unwrap();
        world.azure.catch_up_graph();
        let twin = if is_pinned { cluster("aks2") } else { auto("aks2") };
        let twin = world.azure.create_cluster(&sharing(twin)).unwrap();
        if is_pinned {
            pin(&world, "m-1", &twin, &acr).await;
        } else {
            ask(&world, "m-1", &json!({ "command": "reconcile", "scope": twin }));
            settle(&world).await;
        }
        ask(&world, "m-2", &json!({ "command": "detach", "cluster": aks, "registry": acr }));
        settle(&world).await;
        assert_eq!(attached(&world, &twin), [("acr1".to_owned(), ACR_PULL)], "pinned: {is_pinned}");
        let report = report(&world, "m-2");
        assert_ne!(report["changes"][0]["outcome"], "applied", "{report:#}");
    }
}

async fn later(world: &World, seconds: u64) {
    world.clock.advance(Duration::from_secs(seconds));
    settle(world).await;
}

/// Two clusters with one identity: the older one was attached and has lost its tag; the younger one was
/// created just now, its event has led to a look, and neither Resource Graph nor, for so many seconds,
/// a list has it.
async fn old_and_young(lag: u64) -> (World, String) {
    let cluster_list_lag = Duration::from_secs(lag);
    let world = start(WorldOptions { cluster_list_lag, ..lagging(sync()) }).await;
    world.azure.create_registry(&of_team("acr1")).unwrap();
    let old = world.azure.create_cluster(&sharing(auto("aks1"))).unwrap();
    world.azure.catch_up_graph();
    later(&world, 900).await;
    assert_eq!(attached(&world, &old), [("acr1".to_owned(), ACR_PULL)]);
    world.azure.set_tags(&old, &tags(&[])).unwrap();
    world.azure.catch_up_graph();
    settle(&world).await;
    later(&world, 900).await;
    assert_eq!(waiting(&world), 0);
    let young = world.azure.create_cluster(&sharing(auto("aks2"))).unwrap();
    settle(&world).await;
    assert_eq!(waiting(&world), 1, "its own follow-up");
    assert_eq!(attached(&world, &young), [("acr1".to_owned(), ACR_PULL)]);
    (world, young)
}

#[tokio::test]
async fn a_cluster_that_no_list_has_yet_may_lose_a_shared_identitys_access_until_its_follow_up() {
    // None at all, one that is over before the follow-up, and one that is not
    for lag in [0, 60, 600] {
        let (world, young) = old_and_young(lag).await;
        tick(&world).await;
        let (expected, left) =
            if lag == 0 { ("PUT assignment", 1) } else { ("DELETE assignment", 0) };
        assert_eq!(
            (writes(&world), attached(&world, &young).len()),
            (vec![expected.to_owned()], left)
        );
        later(&world, 269).await;
        assert_eq!(attached(&world, &young).len(), left, "lag {lag}: not due yet");
        // Due times are rounded up to half a minute.
        later(&world, 61).await;
        assert_eq!(attached(&world, &young), [("acr1".to_owned(), ACR_PULL)], "lag {lag}");
        tick(&world).await;
        assert_eq!(writes(&world), Vec::<String>::new(), "lag {lag}: its mark names it");
        assert_eq!(attached(&world, &young).len(), 1, "lag {lag}");
    }
}

#[tokio::test]
async fn if_its_follow_up_came_before_the_removal_the_timer_attaches_it_once_resource_graph_has_it()
{
    let (world, young) = old_and_young(600).await;
    later(&world, 330).await;
    assert_eq!((waiting(&world), attached(&world, &young).len()), (0, 1));
    tick(&world).await;
    assert_eq!(attached(&world, &young), []);
    later(&world, 600).await;
    tick(&world).await;
    assert_eq!(attached(&world, &young), [], "lists are for removals");
    world.azure.catch_up_graph();
    tick(&world).await;
    assert_eq!(attached(&world, &young), [("acr1".to_owned(), ACR_PULL)]);
}

#[tokio::test]
async fn a_cluster_tagged_again_before_its_delete_keeps_its_registries() {
    let (world, aks, _) = attached_pair(sync(), auto("aks1")).await;
    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    let other = world.azure.create_cluster(&auto("aks2")).unwrap();
    // Removals follow the attachments, so this one waits after everything was decided.
    let slow = Fault::on("PUT", "/roleAssignments/").delayed(Duration::from_secs(3));
    world.azure.faults().inject(slow);
    world.azure.clear_log();
    world.host.fire_timer("reconcile-tick").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.azure.set_tags(&aks, &tags(&AUTO)).unwrap();
    settle(&world).await;
    assert_eq!(writes(&world), ["PUT assignment"]);
    for cluster in [&aks, &other] {
        assert_eq!(attached(&world, cluster), [("acr1".to_owned(), ACR_PULL)]);
    }
}

#[tokio::test]
async fn a_pin_outlives_a_strangers_assignment_of_the_role_that_is_honoured_now() {
    let world = start(sync()).await;
    world.events.pause();
    let acr = world.azure.create_registry(&registry("acr1").tag("pin", "yes")).unwrap();
    let aks = world.azure.create_cluster(&cluster("aks1")).unwrap();
    pin(&world, "m-1", &aks, &acr).await;
    let principal = world.azure.kubelet_principal(&aks).unwrap();
    let stranger = Uuid::from_u128(1);
    let spec = AssignmentSpec::new(stranger, &acr, REPOSITORY_READER, principal);
    world.azure.assign(&spec).unwrap();
    world.azure.set_registry_mode(&acr, true).unwrap();
    tick(&world).await;
    world.azure.unassign(&acr, stranger).unwrap();
    tick(&world).await;
    let honoured = ("acr1".to_owned(), REPOSITORY_READER);
    assert!(attached(&world, &aks).contains(&honoured), "{:?}", attached(&world, &aks));
}

#[tokio::test]
async fn a_cluster_that_lists_show_is_not_gone_because_a_read_says_so() {
    let (world, aks, _) = attached_pair(sync(), auto("aks1")).await;
    let absent = Fault::on("GET", "/managedClusters/aks1");
    world.azure.faults().inject(absent.refusing(404, "SubscriptionNotFound", "not found").always());
    ask(&world, "m-1", &json!({ "command": "reconcile", "scope": aks }));
    settle(&world).await;
    tick(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)]);
}

#[tokio::test]
async fn a_command_on_a_pair_heeds_the_tags_that_it_read_last() {
    let world = start(WorldOptions { door: Door::Queue, ..with_pins() }).await;
    world.events.pause();
    let slow = |method, part| Fault::on(method, part).delayed(Duration::from_secs(2)).times(2);
    let acr = world.azure.create_registry(&of_team("acr1").tag("pin", "yes")).unwrap();
    let aks = world.azure.create_cluster(&sharing(cluster("aks1"))).unwrap();
    world.azure.faults().inject(slow("POST", "/Microsoft.ResourceGraph/"));
    ask(&world, "m-1", &json!({ "command": "attach", "cluster": aks, "registry": acr }));
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.azure.set_tags(&aks, &tags(&[("acr-attach", "disabled")])).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [], "{:#}", report(&world, "m-1"));

    world.azure.set_tags(&aks, &tags(&[])).unwrap();
    pin(&world, "m-2", &aks, &acr).await;
    world.azure.faults().clear();
    world.azure.faults().inject(slow("GET", "/managedClusters?"));
    ask(&world, "m-3", &json!({ "command": "detach", "cluster": aks, "registry": acr }));
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.azure.set_tags(&aks, &tags(&AUTO)).unwrap();
    settle(&world).await;
    let report = report(&world, "m-3");
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)], "{report:#}");
}

#[tokio::test]
async fn a_role_that_is_not_honoured_any_more_goes_only_beside_one_that_is_there() {
    let world = start(lagging(removing("former_roles"))).await;
    world.events.pause();
    let acr = world.azure.create_registry(&of_team("acr1")).unwrap();
    let aks = world.azure.create_cluster(&auto("aks1")).unwrap();
    world.azure.catch_up_graph();
    tick(&world).await;
    let principal = world.azure.kubelet_principal(&aks).unwrap();
    let stranger = Uuid::from_u128(1);
    let spec = AssignmentSpec::new(stranger, &acr, REPOSITORY_READER, principal);
    world.azure.assign(&spec).unwrap();
    world.azure.set_registry_mode(&acr, true).unwrap();
    world.azure.catch_up_graph();
    // Resource Graph does not notice.
    world.azure.unassign(&acr, stranger).unwrap();
    tick(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)]);
    world.azure.catch_up_graph();
    tick(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), REPOSITORY_READER)]);
}

#[tokio::test]
async fn a_pin_at_an_earlier_identity_goes_only_beside_one_that_is_there() {
    let world = start(lagging(removing("former_identities"))).await;
    world.events.pause();
    let acr = world.azure.create_registry(&registry("free").tag("pin", "yes")).unwrap();
    let aks = world.azure.create_cluster(&cluster("aks1")).unwrap();
    pin(&world, "m-1", &aks, &acr).await;
    world.azure.set_identity(&aks, None).unwrap();
    world.azure.catch_up_graph();
    // An event leaves removals to the timer.
    ask(&world, "m-2", &json!({ "command": "reconcile", "scope": acr }));
    settle(&world).await;
    assert_eq!(world.azure.assignments().len(), 2);
    world.azure.catch_up_graph();
    let principal = world.azure.kubelet_principal(&aks).unwrap();
    let all = world.azure.assignments();
    let moved = all.iter().find(|one| one.principal == principal).unwrap();
    // Resource Graph does not notice.
    world.azure.unassign(&acr, moved.name).unwrap();
    tick(&world).await;
    assert_eq!(world.azure.assignments().len(), 1, "the only memory of the pin");
    world.azure.catch_up_graph();
    tick(&world).await;
    assert_eq!(attached(&world, &aks), [("free".to_owned(), ACR_PULL)]);
    world.azure.catch_up_graph();
    tick(&world).await;
    assert_eq!(attached(&world, &aks), [("free".to_owned(), ACR_PULL)]);
    assert_eq!(world.azure.assignments().len(), 1);
}

#[tokio::test]
async fn a_replaced_identity_takes_its_attachment_along_and_the_old_one_goes_if_the_policy_says_so()
{
    let (world, aks, _) = attached_pair(sync(), auto("aks1")).await;
    let old = world.azure.kubelet_principal(&aks).unwrap();
    world.azure.set_identity(&aks, None).unwrap();
    tick(&world).await;
    tick(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    assert!(world.azure.assignments().iter().any(|one| one.principal == old));
    let (world, aks, _) = attached_pair(removing("former_identities"), auto("aks1")).await;
    let old = world.azure.kubelet_principal(&aks).unwrap();
    world.azure.set_identity(&aks, None).unwrap();
    tick(&world).await;
    assert!(
        world.azure.assignments().iter().any(|one| one.principal == old),
        "seen to stand first"
    );
    tick(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    assert!(world.azure.assignments().iter().all(|one| one.principal != old));
}
