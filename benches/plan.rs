//! How long planning takes for a large estate: 1,000 clusters and 100 registries.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start ends with a panic")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use tether::model::{
    Cluster, ClusterState, Identity, IdentityOrigin, Inventory, PrincipalId, Registry,
    RegistryMode, Scope,
};
use tether::plan::{plan, project};
use tether::policy::Policy;
use uuid::Uuid;

const CLUSTERS: u128 = 1_000;
const REGISTRIES: u128 = 100;
const TEAMS: u128 = 20;

const POLICY: &str = "
owner: bench
mode: attach-only
rules:
  - name: named-registry
    registry: { tags: { acr-attach: { present: true } } }
    join: [{ registry_named_in: acr-attach }]
  - name: same-team
    cluster: { tags: { acr-attach: auto } }
    registry: { tags: { acr-attach: auto } }
    join: [{ same_tag: team }]
";

fn id(kind: &str, number: u128) -> String {
    let subscription = Uuid::from_u128(number % 10);
    format!("/subscriptions/{subscription}/resourceGroups/rg/providers/{kind}{number}")
}

fn cluster(number: u128) -> Cluster {
    let team = format!("team-{}", number % TEAMS);
    let attach = if number.is_multiple_of(10) { "registry1,registry2" } else { "auto" };
    let principal = PrincipalId(Uuid::from_u128(number));
    Cluster {
        id: id("Microsoft.ContainerService/managedClusters/cluster", number).parse().unwrap(),
        tags: [("acr-attach", attach), ("team", &team)].into_iter().collect(),
        location: "westeurope".into(),
        tenant: None,
        state: ClusterState::Settled,
        identity: Identity::Kubelet { principal, origin: IdentityOrigin::Aks },
        service_account_pull: false,
    }
}

fn registry(number: u128) -> Registry {
    let team = format!("team-{}", number % TEAMS);
    Registry {
        id: id("Microsoft.ContainerRegistry/registries/registry", number).parse().unwrap(),
        login_server: format!("registry{number}.azurecr.io"),
        tags: [("acr-attach", "auto"), ("team", &team)].into_iter().collect(),
        location: "westeurope".into(),
        tenant: None,
        mode: if number.is_multiple_of(2) { RegistryMode::Abac } else { RegistryMode::Legacy },
    }
}

fn planning(criterion: &mut Criterion) {
    let policy = Policy::parse("policy.yaml", POLICY).unwrap();
    let mut empty = Inventory::new(Scope::Everything);
    (0..CLUSTERS).for_each(|number| empty.add_cluster(cluster(number)));
    (0..REGISTRIES).for_each(|number| empty.add_registry(registry(number)));
    let full = project(&empty, &plan(&empty, &policy));

    let mut group = criterion.benchmark_group("plan, 1,000 clusters x 100 registries");
    let wanted = plan(&empty, &policy).attach.len();
    group.bench_function(format!("nothing attached, {wanted} to attach"), |bencher| {
        bencher.iter(|| plan(black_box(&empty), black_box(&policy)));
    });
    group.bench_function("everything attached, nothing to do", |bencher| {
        bencher.iter(|| plan(black_box(&full), black_box(&policy)));
    });
    group.finish();
}

criterion_group!(benches, planning);
criterion_main!(benches);
