//! Attaching: from an event to the right assignments, with few requests.

use std::collections::BTreeMap;
use std::time::Duration;

use tether::emulator::azure::{AssignmentSpec, GraphHides};
use tether::emulator::event_grid::Schema;
use tether::emulator::world::{Door, WorldOptions};
use uuid::Uuid;

use super::{
    ACR_PULL, REPOSITORY_READER, attached, cluster, count, options, registry, requests, settle,
    sharing, start,
};

const AUTO: [(&str, &str); 2] = [("acr-attach", "auto"), ("team", "a")];

fn pulls(name: &str) -> (String, Uuid) {
    (name.to_owned(), ACR_PULL)
}

fn reads(name: &str) -> (String, Uuid) {
    (name.to_owned(), REPOSITORY_READER)
}

fn tags(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A cluster that is tagged after it was made gets its team's registries, and only those.
async fn check_a_tagged_cluster(options: WorldOptions) {
    let world = start(options).await;
    let team = |name: &str, team: &str| registry(name).tag("acr-attach", "auto").tag("team", team);
    world.azure.create_registry(&team("legacy", "a")).unwrap();
    world.azure.create_registry(&team("abac", "a").abac()).unwrap();
    world.azure.create_registry(&team("others", "b")).unwrap();
    world.azure.create_registry(&registry("silent").tag("team", "a")).unwrap();
    world
        .azure
        .create_registry(&registry("off").tag("acr-attach", "disabled").tag("team", "a"))
        .unwrap();
    let aks = world.azure.create_cluster(&cluster("aks1")).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), []);
    world.azure.set_tags(&aks, &tags(&AUTO)).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [reads("abac"), pulls("legacy")]);
}

#[tokio::test]
async fn a_tagged_cluster_gets_the_registries_of_its_team() {
    check_a_tagged_cluster(options()).await;
}

#[tokio::test]
async fn events_may_come_as_cloud_events_and_unfiltered() {
    let options = options();
    check_a_tagged_cluster(WorldOptions {
        schema: Schema::CloudEvents,
        filtered: false,
        ..options
    })
    .await;
}

#[tokio::test]
async fn events_may_come_straight_to_the_queue() {
    for schema in [Schema::EventGrid, Schema::CloudEvents] {
        check_a_tagged_cluster(WorldOptions { door: Door::Queue, schema, ..options() }).await;
    }
}

#[tokio::test]
async fn a_registry_whose_mode_resource_graph_does_not_know_is_read() {
    check_a_tagged_cluster(WorldOptions { graph_hides: GraphHides::RegistryModes, ..options() })
        .await;
}

#[tokio::test]
async fn a_new_registry_is_attached_to_the_clusters_of_its_team() {
    let world = start(options()).await;
    let one =
        world.azure.create_cluster(&cluster("one").tag("acr-attach", "auto").tag("team", "a"));
    let two = world.azure.create_cluster(&cluster("two").tag("acr-attach", "acr1"));
    let three = world.azure.create_cluster(&cluster("three").tag("team", "a"));
    settle(&world).await;
    world
        .azure
        .create_registry(&registry("acr1").tag("acr-attach", "auto").tag("team", "a"))
        .unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &one.unwrap()), [pulls("acr1")]);
    assert_eq!(attached(&world, &two.unwrap()), [pulls("acr1")]);
    assert_eq!(attached(&world, &three.unwrap()), []);
}

#[tokio::test]
async fn an_attachment_costs_few_requests_and_an_event_without_effect_writes_nothing() {
    let world = start(options()).await;
    for name in ["acr1", "acr2", "acr3"] {
        let spec = registry(name).tag("acr-attach", "auto").tag("team", "a");
        world.azure.create_registry(&spec).unwrap();
    }
    let aks = world.azure.create_cluster(&cluster("aks1")).unwrap();
    settle(&world).await;
    world.azure.clear_log();

    world.azure.set_tags(&aks, &tags(&AUTO)).unwrap();
    settle(&world).await;
    let first = requests(&world);
    assert_eq!(attached(&world, &aks).len(), 3);
    assert_eq!(count(&first, "GET cluster"), 1, "{first:?}");
    assert!(count(&first, "POST graph") <= 1, "{first:?}");
    assert_eq!(count(&first, "GET assignments"), 1, "{first:?}");
    assert_eq!(count(&first, "GET registry"), 3, "{first:?}");
    assert_eq!(count(&first, "PUT assignment"), 3, "{first:?}");
    assert!(first.len() <= 9, "{first:?}");

    world.azure.clear_log();
    world.azure.set_tags(&aks, &tags(&[AUTO[0], AUTO[1], ("cost", "low")])).unwrap();
    settle(&world).await;
    let second = requests(&world);
    assert!(second.iter().all(|request| !request.starts_with("PUT")), "{second:?}");
    assert!(second.len() <= 3, "{second:?}");
}

#[tokio::test]
async fn what_someone_else_attached_counts_and_is_never_touched() {
    let world = start(options()).await;
    let aks = world.azure.create_cluster(&cluster("aks1")).unwrap();
    let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
    let acr = world.azure.create_registry(&acr).unwrap();
    let principal = world.azure.kubelet_principal(&aks).unwrap();
    let foreign = AssignmentSpec::new(Uuid::from_u128(1), &acr, ACR_PULL, principal);
    world.azure.assign(&foreign).unwrap();
    world.azure.set_tags(&aks, &tags(&AUTO)).unwrap();
    settle(&world).await;
    let names: Vec<_> = world.azure.assignments().iter().map(|found| found.name).collect();
    assert_eq!(names, [Uuid::from_u128(1)]);
}

#[tokio::test]
async fn clusters_that_share_an_identity_share_its_assignment_and_its_vetoes() {
    let world = start(options()).await;
    world
        .azure
        .create_registry(&registry("acr1").tag("acr-attach", "auto").tag("team", "a"))
        .unwrap();
    let one = world.azure.create_cluster(&sharing(cluster("one"))).unwrap();
    let two =
        world.azure.create_cluster(&sharing(cluster("two")).tag("acr-attach", "disabled")).unwrap();
    world.azure.set_tags(&one, &tags(&AUTO)).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &one), [], "one holder vetoes");
    world.azure.set_tags(&two, &tags(&[])).unwrap();
    world.azure.set_tags(&one, &tags(&AUTO)).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &two), [pulls("acr1")], "one wish is enough");
}

#[tokio::test]
async fn what_resource_graph_does_not_know_yet_is_attached_by_the_second_look() {
    let lag = Duration::from_secs(60);
    let world = start(WorldOptions { graph_lag: lag, speed: 0.0, ..options() }).await;
    world
        .azure
        .create_registry(&registry("acr1").tag("acr-attach", "auto").tag("team", "a"))
        .unwrap();
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), []);
    assert_eq!(world.namespace.scheduled("commands").len(), 2, "one for each");
    world.clock.advance(Duration::from_secs(6 * 60));
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [pulls("acr1")]);
    assert_eq!(world.namespace.scheduled("commands"), [], "a second look has no third");
}

#[tokio::test]
async fn the_timer_finds_what_no_event_told() {
    let world = start(WorldOptions { door: Door::Queue, ..options() }).await;
    world.events.pause();
    world
        .azure
        .create_registry(&registry("acr1").tag("acr-attach", "auto").tag("team", "a"))
        .unwrap();
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), []);
    world.host.fire_timer("reconcile-tick").await.unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [pulls("acr1")]);
}
