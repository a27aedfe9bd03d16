//! Clusters and registries of different tenants: no way of asking attaches one to the other, though
//! Azure itself does not say where a registry lives.

use serde_json::{Value, json};
use tether::emulator::azure::Fault;
use tether::emulator::world::World;
use uuid::Uuid;

use super::input::{EVERYTHING, send};
use super::{attached, cluster, count, options, registry, requests, settle, start};

const ELSEWHERE: Uuid = Uuid::from_u128(0x7e7e);

/// Resource Graph's row of a cluster or a registry, with the columns that are asked for
fn row(shown: &Value, tenant: Option<Uuid>) -> Value {
    let mut row = shown["properties"].clone();
    for column in ["id", "type", "location", "tags"] {
        row[column] = shown[column].clone();
    }
    // The same answer serves the question which subscriptions there are.
    row["subscriptionId"] = shown["id"].as_str().unwrap().split('/').nth(2).unwrap().into();
    row["tenantId"] = json!(tenant);
    row
}

/// A cluster and a registry that are entitled to each other, in these tenants as Resource Graph knows
/// them; nothing else says the cluster's.
async fn pair(cluster_in: Option<Uuid>, registry_in: Option<Uuid>) -> (World, [String; 2]) {
    let mut options = options();
    options.environment.insert("TETHER_TENANT".into(), String::new());
    let world = start(options).await;
    world.events.pause();
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&aks).unwrap();
    let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
    let acr = world.azure.create_registry(&acr).unwrap();
    let [mut shown, shown_registry] =
        [&aks, &acr].map(|id| world.azure.resource(id).expect("it was made"));
    let rows = [row(&shown, cluster_in), row(&shown_registry, registry_in)];
    shown.as_object_mut().unwrap().remove("identity");
    let faults = world.azure.faults();
    faults.inject(Fault::on("GET", "managedClusters/aks1").json(200, shown).always());
    let page = json!({ "totalRecords": 2, "count": 2, "data": rows, "resultTruncated": "false" });
    faults.inject(Fault::on("POST", "ResourceGraph").json(200, page).always());
    (world, [aks, acr])
}

async fn reconcile(world: &World, scope: &str) {
    let body = EVERYTHING.replace("everything", scope);
    send(world, &Uuid::new_v4().to_string(), body);
    settle(world).await;
}

#[tokio::test]
async fn different_tenants_never_match_whatever_is_asked_for() {
    let (here, there) = (Some(Uuid::from_u128(1)), Some(ELSEWHERE));
    let (world, [aks, acr]) = pair(here, there).await;
    for scope in ["everything", &aks, &acr] {
        reconcile(&world, scope).await;
        assert_eq!(attached(&world, &aks), [], "{scope}");
    }
    let asked = requests(&world);
    assert_eq!(count(&asked, "PUT assignment"), 0, "{asked:?}");
    assert!(count(&asked, "GET cluster") > 0 && count(&asked, "GET registry") > 0, "{asked:?}");
    assert!(world.host.invocations().iter().all(|one| one.failure.is_none()));
}

#[tokio::test]
async fn a_cluster_that_does_not_say_its_tenant_is_asked_for_in_resource_graph() {
    let (world, [aks, _]) = pair(Some(ELSEWHERE), Some(ELSEWHERE)).await;
    reconcile(&world, &aks).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    let log = world.azure.log();
    let body = log.iter().filter(|one| one.path.contains("ResourceGraph"));
    let queries: Vec<_> = body.filter_map(|one| one.body.as_ref()?["query"].as_str()).collect();
    let principal = world.azure.kubelet_principal(&aks).unwrap().to_string();
    assert!(queries.iter().any(|query| query.contains(&principal)), "{queries:?}");
}

#[tokio::test]
async fn the_same_tenant_or_an_unknown_one_matches() {
    for (cluster_in, registry_in) in [(Some(ELSEWHERE), Some(ELSEWHERE)), (None, Some(ELSEWHERE))] {
        let (world, [aks, _]) = pair(cluster_in, registry_in).await;
        reconcile(&world, "everything").await;
        assert_eq!(attached(&world, &aks).len(), 1, "{cluster_in:?} {registry_in:?}");
    }
}
