//! Matching and planning for estates of any size, beside holding every cluster against every registry.

use std::fmt::Write as _;
use std::time::Instant;

use tether::model::{
    BootRegistry, Cluster, ClusterState, Identity, IdentityOrigin, Inventory, PrincipalId,
    Registry, RegistryMode, Scope,
};
use tether::plan::plan;
use tether::policy::{Decision, Policy, RegistryNames};
use uuid::Uuid;

/// Registries of one team: a cluster of the team gets all of them
const PER_TEAM: usize = 4;

/// 20 rules: ten joins on tags, five on names, one on a place, four vetoes
fn policy() -> Policy {
    let mut text = "owner: bench\nmode: attach-only\nmax_attach: 100000\nrules:\n".to_owned();
    for number in 0..10 {
        writeln!(
            text,
            "  - {{name: team{number}, cluster: {{tags: {{kind: k{number}}}}}, registry: {{tags: {{acr-attach: auto}}}}, join: [same_tag: team]}}"
        )
        .unwrap();
    }
    for number in 0..5 {
        writeln!(
            text,
            "  - {{name: named{number}, cluster: {{tags: {{group: g{number}}}}}, registry: {{tags: {{acr-attach: {{present: true}}}}}}, join: [registry_named_in: acr-attach]}}"
        )
        .unwrap();
    }
    text += "  - {name: place, cluster: {tags: {kind: k10}, location: westeurope}, registry: {tags: {kind: k10}}, join: [same_tag: team]}\n";
    for number in 0..4 {
        writeln!(
            text,
            "  - {{name: veto{number}, effect: veto, cluster: {{tags: {{stage: s{number}}}}}, registry: {{tags: {{stage: {{glob: 'p{number}*'}}}}}}}}"
        )
        .unwrap();
    }
    let policy = Policy::parse("policy.yaml", &text).unwrap();
    assert_eq!(policy.rules().len(), 20);
    policy
}

fn id(kind: &str, number: usize) -> String {
    let subscription = Uuid::from_u128(number as u128 % 50);
    format!("/subscriptions/{subscription}/resourceGroups/rg/providers/{kind}{number}")
}

fn cluster(number: usize, registries: usize) -> Cluster {
    let team = format!("team-{}", number % registries.div_ceil(PER_TEAM));
    let named = format!("registry{}, registry{}", number % registries, (number + 1) % registries);
    let attach = if number.is_multiple_of(10) { &named } else { "auto" };
    let (kind, group) = (format!("k{}", number % 11), format!("g{}", number % 6));
    let stage = format!("s{}", number % 9);
    let tags = [
        ("acr-attach", attach),
        ("team", &team),
        ("kind", &kind),
        ("group", &group),
        ("stage", &stage),
    ];
    let principal = PrincipalId(Uuid::from_u128(number as u128));
    Cluster {
        id: id("Microsoft.ContainerService/managedClusters/cluster", number).parse().unwrap(),
        tags: tags.into_iter().collect(),
        location: if number.is_multiple_of(2) { "westeurope" } else { "northeurope" }.into(),
        tenant: None,
        state: ClusterState::Settled,
        identity: Identity::Kubelet { principal, origin: IdentityOrigin::Aks },
        service_account_pull: false,
        created_at: None,
        is_succeeded: true,
        boot_registry: BootRegistry::None,
    }
}

fn registry(number: usize, registries: usize) -> Registry {
    let team = format!("team-{}", number % registries.div_ceil(PER_TEAM));
    let stage = format!("p{}-x", number % 9);
    let tags = [("acr-attach", "auto"), ("team", &team), ("kind", "k10"), ("stage", &stage)];
    Registry {
        id: id("Microsoft.ContainerRegistry/registries/registry", number).parse().unwrap(),
        login_server: format!("registry{number}.azurecr.io"),
        tags: tags.into_iter().collect(),
        location: "westeurope".into(),
        tenant: None,
        mode: if number.is_multiple_of(2) { RegistryMode::Abac } else { RegistryMode::Legacy },
    }
}

/// An estate of this size, in which nothing is attached
fn estate(clusters: usize, registries: usize) -> Inventory {
    let mut inventory = Inventory::new(Scope::Everything);
    (0..clusters).for_each(|number| inventory.add_cluster(cluster(number, registries)));
    (0..registries).for_each(|number| inventory.add_registry(registry(number, registries)));
    inventory
}

/// How long planning takes, in ms: half of the tries took less.
pub(crate) fn planning(clusters: usize, registries: usize, tries: usize) -> f64 {
    let (policy, inventory) = (policy(), estate(clusters, registries));
    let measured = (0..tries).map(|_| {
        let start = Instant::now();
        let planned = plan(&inventory, &policy);
        let took = milliseconds(start);
        assert!(planned.attach.len() > clusters, "much is wanted");
        took
    });
    super::median(measured.collect())
}

/// How long it takes to find the wanted pairs, in ms: by looking them up, and pair by pair. Both find
/// the same.
pub(crate) fn matching(clusters: usize, registries: usize) -> (f64, f64) {
    let (policy, inventory) = (policy(), estate(clusters, registries));
    let names = RegistryNames::new(inventory.registries.values());
    let is_wanted = |cluster: &Cluster, registry: &Registry| {
        let decision = policy.decision(cluster, registry, &names);
        matches!(decision, Decision::Attach { .. } | Decision::Ambiguous { .. })
    };
    let start = Instant::now();
    let clusters = policy.stands_of_clusters(inventory.clusters.values());
    let registries = policy.stands_of_registries(inventory.registries.values());
    let candidates = policy.candidates(&clusters, &registries);
    let pairs = candidates.iter().map(|(r, c)| (clusters[*c].0, registries[*r].0));
    let found = pairs.filter(|(cluster, registry)| is_wanted(cluster, registry)).count();
    let looked_up = milliseconds(start);
    let start = Instant::now();
    let pairs = clusters.iter().flat_map(|c| registries.iter().map(move |r| (c.0, r.0)));
    assert_eq!(pairs.filter(|(c, r)| is_wanted(c, r)).count(), found);
    (looked_up, milliseconds(start))
}

fn milliseconds(since: Instant) -> f64 {
    1000.0 * since.elapsed().as_secs_f64()
}
