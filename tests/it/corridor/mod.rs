//! End to end: the real executable under the host stand-in, against the pretend Azure. What is
//! asserted is the world afterwards.

mod attach;
mod bad_commands;
pub(crate) mod commands;
mod events;
mod former_identities;
pub(crate) mod input;
mod limits;
mod migrations;
mod modes;
mod removals;
pub(crate) mod sync;
mod tenants;
mod unread;
mod waiting;
mod waiting_commands;

use std::path::PathBuf;
use std::time::Duration;

use tether::emulator::azure::{
    Assignment, ClusterIdentity, ClusterSpec, KubeletIdentity, RegistrySpec,
};
use tether::emulator::world::{PAYMENTS, PLATFORM, World, WorldOptions};
use uuid::{Uuid, uuid};

pub(crate) const ACR_PULL: Uuid = uuid!("7f951dda-4ed3-4680-a7ca-43fe172d538d");
pub(crate) const PUSH: Uuid = uuid!("8311e382-0749-4cb8-b61a-304f252e45ec");
pub(crate) const REPOSITORY_READER: Uuid = uuid!("b93aa761-3e63-49ed-ac28-beffa264f7ac");

/// The longest that any test waits for the world to become quiet
const LIMIT: Duration = Duration::from_secs(30);

/// The policy that ships, with an owner
pub(crate) fn policy() -> String {
    include_str!("../../../policy.yaml").replace("change-me", "contoso")
}

pub(crate) fn options() -> WorldOptions {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tether"));
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    let mut options = WorldOptions::new(&policy(), program.parent().unwrap().to_owned(), root);
    // Virtual time may be skipped, but the handler's own time passes as it does.
    options.environment.insert("TETHER_GRAPH_AGE".into(), "0".into());
    options.environment.insert("TETHER_RETRY_AFTER_CAP".into(), "0".into());
    options
}

pub(crate) async fn start(options: WorldOptions) -> World {
    World::start(options).await.unwrap()
}

/// Waits until nothing moves, and checks what no test may leave behind.
pub(crate) async fn settle(world: &World) {
    world.settle(LIMIT).await.unwrap();
    assert_eq!(world.host.violations(), Vec::<String>::new());
    for line in world.host.console() {
        let header = world.azure.identity_header();
        for secret in ["pretend.person", "Pretend Person", "203.0.113", "eyJ", "Bearer", header] {
            assert!(!line.text.contains(secret), "a log line holds `{secret}`: {}", line.text);
        }
    }
}

pub(crate) fn cluster(name: &str) -> ClusterSpec {
    ClusterSpec::new(PAYMENTS, "shop", name)
}

pub(crate) fn registry(name: &str) -> RegistrySpec {
    RegistrySpec::new(PLATFORM, "images", name)
}

pub(crate) fn shared() -> KubeletIdentity {
    KubeletIdentity {
        resource_id: format!(
            "/subscriptions/{PAYMENTS}/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shared"
        ),
        client_id: Uuid::from_u128(8),
        object_id: Uuid::from_u128(9),
    }
}

/// The same cluster with an identity that others have too
pub(crate) fn sharing(spec: ClusterSpec) -> ClusterSpec {
    ClusterSpec { identity: ClusterIdentity::BroughtAlong(shared()), ..spec }
}

/// The pull assignments of a cluster: registry name and role
pub(crate) fn attached(world: &World, cluster: &str) -> Vec<(String, Uuid)> {
    let Some(principal) = world.azure.kubelet_principal(cluster) else { return Vec::new() };
    let assignments = world.azure.assignments().into_iter();
    let mut attached: Vec<_> = assignments
        .filter(|assignment| assignment.principal == principal)
        .map(|assignment| (name(&assignment), assignment.role))
        .collect();
    attached.sort();
    attached
}

/// How many messages to come are scheduled
fn waiting(world: &World) -> usize {
    world.namespace.scheduled("commands").len()
}

fn name(assignment: &Assignment) -> String {
    assignment.scope.rsplit('/').next().unwrap().to_owned()
}

/// The requests that the handler sent to ARM since the log was cleared: method and what was asked
pub(crate) fn requests(world: &World) -> Vec<String> {
    let log = world.azure.log().into_iter();
    log.filter(|request| {
        request.path.starts_with("/subscriptions") || request.path.starts_with("/providers")
    })
    .map(|request| format!("{} {}", request.method, kind(&request.path)))
    .collect()
}

fn kind(path: &str) -> &'static str {
    let path = path.to_lowercase();
    match () {
        () if path.contains("/roleassignments/") => "assignment",
        () if path.contains("/roleassignments") => "assignments",
        () if path.contains("resourcegraph") => "graph",
        () if path.contains("/managedclusters/") => "cluster",
        () if path.contains("/registries/") => "registry",
        () => "other",
    }
}

fn count(requests: &[String], what: &str) -> usize {
    requests.iter().filter(|request| *request == what).count()
}
