//! Planning for estates of any size: time and peak memory, beside holding every cluster against every
//! registry where that ends within reason.
//!
//! Each size runs in a process of its own, so that its peak memory is its own. `cargo bench --bench
//! scale` prints a table; the count of matches is checked against the slow way where both run.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start ends with a panic")]
#![expect(clippy::print_stdout, reason = "the table is what was asked for")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::fmt::Write as _;
use std::process::Command;
use std::time::Instant;

use tether::model::{
    Cluster, ClusterState, Identity, IdentityOrigin, Inventory, PrincipalId, Registry,
    RegistryMode, Scope,
};
use tether::plan::plan;
use tether::policy::{Decision, Policy, RegistryNames};
use uuid::Uuid;

/// Clusters, registries, and whether the slow way is tried too
const SIZES: [(usize, usize, bool); 7] = [
    (1_000, 100, true),
    (2_000, 200, true),
    (4_000, 400, true),
    (10_000, 1_000, false),
    (10_000, 10_000, false),
    (100_000, 1_000, false),
    (100_000, 10_000, false),
];

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

/// The most memory that this process has held so far, in MiB
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

/// One size, as one line
fn measure(clusters: usize, registries: usize, slowly: bool) -> String {
    let policy = policy();
    let mut inventory = Inventory::new(Scope::Everything);
    (0..clusters).for_each(|number| inventory.add_cluster(cluster(number, registries)));
    (0..registries).for_each(|number| inventory.add_registry(registry(number, registries)));
    let held = peak();
    let all: (Vec<_>, Vec<_>) =
        (inventory.clusters.values().collect(), inventory.registries.values().collect());
    let names = RegistryNames::new(inventory.registries.values());
    let is_wanted = |cluster: &Cluster, registry: &Registry| {
        let decision = policy.decision(cluster, registry, &names);
        matches!(decision, Decision::Attach { .. } | Decision::Ambiguous { .. })
    };
    let start = Instant::now();
    let found = policy.candidates(&all.0, &all.1);
    let pairs = found.iter().filter_map(|(r, c)| all.0.get(*c).zip(all.1.get(*r)));
    let wanted = pairs.filter(|(cluster, registry)| is_wanted(cluster, registry)).count();
    let matching = start.elapsed();
    drop(found);
    let start = Instant::now();
    let planned = plan(&inventory, &policy);
    let planning = start.elapsed();
    assert_eq!(planned.attach.len() + planned.held.len(), wanted);
    let peak = peak();
    let slow = slowly.then(|| {
        let start = Instant::now();
        let pairs = all.0.iter().flat_map(|c| all.1.iter().map(move |r| (*c, *r)));
        assert_eq!(pairs.filter(|(c, r)| is_wanted(c, r)).count(), wanted);
        format!("{:.3}", start.elapsed().as_secs_f64())
    });
    format!(
        "{clusters:>9} {registries:>11} {wanted:>9} {:>11.3} {:>11} {:>9.3} {held:>15} {peak:>9}",
        matching.as_secs_f64(),
        slow.unwrap_or_else(|| "-".to_owned()),
        planning.as_secs_f64(),
    )
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, clusters, registries, slowly] = &arguments[..]
        && flag == "--one"
    {
        let (clusters, registries) = (clusters.parse().unwrap(), registries.parse().unwrap());
        println!("{}", measure(clusters, registries, slowly == "true"));
        return;
    }
    println!(
        " clusters  registries   matches  matching s  pairwise s    plan s  inventory MiB  peak MiB"
    );
    for (clusters, registries, slowly) in SIZES {
        let size = [clusters.to_string(), registries.to_string(), slowly.to_string()];
        let mut command = Command::new(std::env::current_exe().unwrap());
        let output = command.arg("--one").args(size).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        print!("{}", String::from_utf8_lossy(&output.stdout));
    }
}
