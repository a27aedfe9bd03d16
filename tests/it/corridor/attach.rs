//! Attaching: from an event to the right assignments, with few requests.

use tether::emulator::event_grid::Schema;
use tether::emulator::world::Door;

use super::{
    ACR_PULL, REPOSITORY_READER, attached, cluster, count, options, registry, requests, settle,
    start,
};

#[tokio::test]
async fn a_tagged_cluster_gets_the_registries_of_its_team() {
    let world = start(options()).await;
    world
        .azure
        .create_registry(&registry("acr1").tag("acr-attach", "auto").tag("team", "a"))
        .unwrap();
    world
        .azure
        .create_registry(&registry("acr2").abac().tag("acr-attach", "auto").tag("team", "a"))
        .unwrap();
    world
        .azure
        .create_registry(&registry("acr3").tag("acr-attach", "auto").tag("team", "b"))
        .unwrap();
    world.azure.create_registry(&registry("acr4").tag("team", "a")).unwrap();
    settle(&world).await;
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    assert_eq!(
        attached(&world, &aks),
        [("acr1".to_owned(), ACR_PULL), ("acr2".to_owned(), REPOSITORY_READER)]
    );
}
