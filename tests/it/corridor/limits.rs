//! Many commands at once under Azure's limits, made small: everything is attached all the same.

use tether::emulator::azure::{Bucket, RateLimits};
use tether::emulator::world::WorldOptions;

use super::{ACR_PULL, attached, cluster, options, registry, settle, start};

#[tokio::test]
async fn a_burst_of_clusters_is_attached_within_the_limits() {
    let writes = Bucket { capacity: 8.0, refill: 8.0 };
    let rate_limits = RateLimits { writes, ..RateLimits::default() };
    let mut options = WorldOptions { throttled: true, rate_limits, ..options() };
    // Here virtual time passes as the handler's own does, so refusals hold for as long as they say,
    // and the quota of queries is shared as it is meant to be.
    options.environment.remove("TETHER_RETRY_AFTER_CAP");
    options.environment.remove("TETHER_GRAPH_AGE");
    let world = start(options).await;
    let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
    world.azure.create_registry(&acr).unwrap();
    settle(&world).await;
    let clusters: Vec<_> = (0..24)
        .map(|number| cluster(&format!("aks{number}")).tag("acr-attach", "auto").tag("team", "a"))
        .map(|spec| world.azure.create_cluster(&spec).unwrap())
        .collect();
    settle(&world).await;
    for id in clusters {
        assert_eq!(attached(&world, &id), [("acr1".to_owned(), ACR_PULL)]);
    }
    let refused = world.azure.log().iter().filter(|one| one.status == 429).count();
    assert!(refused <= 2, "{refused} refusals");
}
