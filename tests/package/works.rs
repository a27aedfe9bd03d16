//! The unpacked package under the stand-in of the Functions host.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use tether::emulator::azure::{ClusterSpec, RegistrySpec};
use tether::emulator::world::{PAYMENTS, PLATFORM, World, WorldOptions};

use super::tests::package;
use super::zip::unpack;

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn unpacked_it_starts_and_attaches_a_cluster() {
    let folder = unpack(&package());
    let policy = fs::read_to_string(folder.join("policy.yaml")).unwrap();
    let policy = policy.replace("mode: observe", "mode: attach-only");
    let mut options = WorldOptions::new(&policy, folder.clone(), folder);
    options.environment.insert("TETHER_GRAPH_AGE".into(), "0".into());
    let world = World::start(options).await.unwrap();
    let registry = RegistrySpec::new(PLATFORM, "images", "acrshop").tag("acr-attach", "auto");
    world.azure.create_registry(&registry.tag("team", "shop")).unwrap();
    let cluster = world.azure.create_cluster(&ClusterSpec::new(PAYMENTS, "shop", "aks")).unwrap();
    world.settle(LIMIT).await.unwrap();
    assert_eq!(world.azure.assignments(), []);
    let tags = [("acr-attach", "auto"), ("team", "shop")];
    let tags: BTreeMap<_, _> = tags.map(|(name, value)| (name.into(), value.into())).into();
    world.azure.set_tags(&cluster, &tags).unwrap();
    world.settle(LIMIT).await.unwrap();
    let assignments = world.azure.assignments();
    assert_eq!(assignments.len(), 1, "{assignments:?}");
    assert!(assignments[0].scope.ends_with("/acrshop"), "{assignments:?}");
    assert_eq!(Some(assignments[0].principal), world.azure.kubelet_principal(&cluster));
    assert_eq!(world.host.violations(), Vec::<String>::new());
}
