//! Worlds to look at: a small one with a pair in every state, and one whose owner means harm.

use std::path::PathBuf;

use serde_json::json;
use tether::emulator::azure::{AssignmentSpec, ClusterIdentity, ClusterSpec, RegistrySpec, Right};
use tether::emulator::world::{Door, PAYMENTS, PLATFORM, World, WorldOptions};
use tether::model::{AssignmentName, GrantKey, Mark, MarkKind, Owner, PrincipalId, Role};
use uuid::Uuid;

const OWNER: &str = "contoso";

/// Names and values that would like to be something else
pub(crate) const TRICKS: [&str; 5] = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\"'` onfocus=alert(1) autofocus",
    "\u{202e}gnp.exe",
    "{{constructor}}\u{2028}\u{7f}",
];

/// What can be seen of this world by the status function, and nothing is done in it
pub(crate) async fn empty() -> World {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tether"));
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    let policy = include_str!("../../policy.yaml").replace("change-me", OWNER);
    let mut options = WorldOptions::new(&policy, program.parent().unwrap().to_owned(), root);
    // Events stay in the queue.
    options.door = Door::Queue;
    for (name, value) in
        [("TETHER_STATUS", "on"), ("AzureWebJobs.command-received.Disabled", "true")]
    {
        options.environment.insert(name.into(), value.into());
    }
    World::start(options).await.unwrap()
}

pub(crate) fn url(world: &World) -> String {
    world.host.function_url("status").unwrap()
}

/// A world with a pair in every state
pub(crate) async fn every_state() -> World {
    let world = empty().await;
    let shop = registry(&world, "acrshop", "shop", "auto");
    let base = registry(&world, "acrbase", "platform", "shared");
    let billing = registry(&world, "acrbilling", "billing", "auto");
    let search = registry(&world, "acrsearch", "search", "auto");
    let legal = RegistrySpec::new(PAYMENTS, "images", "acrlegal").tag("team", "shop");
    world.azure.create_registry(&legal.tag("acr-attach", "disabled")).unwrap();
    let odd = registry(&world, "acrodd", "search", "auto");
    let mode = json!("SomethingNew");
    world.azure.set_property(&odd, "roleAssignmentMode", mode).unwrap();

    let cart = cluster(&world, "aks-cart", "shop", "auto");
    let checkout = cluster(&world, "aks-checkout", "shop", "auto");
    let payments = cluster(&world, "aks-payments", "billing", "auto");
    let finder = cluster(&world, "aks-search", "search", "auto");
    let tools = cluster(&world, "aks-tools", "platform", "acrbase");
    let mut young = spec("aks-young", "shop", "auto");
    young.ready = false;
    world.azure.create_cluster(&young).unwrap();

    assign(&world, &cart, &shop, MarkKind::Rule);
    assign(&world, &checkout, &shop, MarkKind::Rule);
    assign(&world, &finder, &search, MarkKind::Rule);
    assign(&world, &tools, &base, MarkKind::Rule);
    assign(&world, &cart, &base, MarkKind::Pin);
    assign(&world, &tools, &billing, MarkKind::Rule);
    let principal = world.azure.kubelet_principal(&payments).unwrap();
    let role = Role::AcrPull.guid();
    let by_hand = AssignmentSpec::new(Uuid::from_u128(1), &base, role, principal);
    world.azure.assign(&by_hand).unwrap();
    world
}

/// That world, of which a part cannot be seen
pub(crate) async fn unseen() -> World {
    let world = every_state().await;
    world.azure.revoke(PLATFORM, Right::Read);
    world
}

/// A world with a cluster of which it cannot be known what it pulls as
pub(crate) async fn unstated() -> World {
    let world = empty().await;
    for name in ["acrbase", "acrshop"] {
        registry(&world, name, "shop", "auto");
    }
    cluster(&world, "aks-bare", "search", "auto");
    let mut legacy = spec("aks-legacy", "legal", "auto");
    legacy.identity = ClusterIdentity::ServicePrincipal { client_id: Uuid::from_u128(7) };
    world.azure.create_cluster(&legacy).unwrap();
    world
}

/// A world in which tags hold what a browser must not take for anything but text
pub(crate) async fn hostile() -> World {
    let world = empty().await;
    let mut aks = spec("aks-shop", TRICKS[0], "auto");
    let mut acr = RegistrySpec::new(PLATFORM, "images", "acrshop")
        .tag("acr-attach", "auto")
        .tag("team", TRICKS[0]);
    for (number, trick) in TRICKS.into_iter().enumerate() {
        aks = aks.tag(&format!("trick{number}"), trick);
        acr = acr.tag(&format!("trick{number}"), trick);
    }
    world.azure.create_cluster(&aks).unwrap();
    world.azure.create_registry(&acr).unwrap();
    world
}

fn spec(name: &str, team: &str, attach: &str) -> ClusterSpec {
    ClusterSpec::new(PAYMENTS, "shop", name).tag("team", team).tag("acr-attach", attach)
}

fn cluster(world: &World, name: &str, team: &str, attach: &str) -> String {
    world.azure.create_cluster(&spec(name, team, attach)).unwrap()
}

fn registry(world: &World, name: &str, team: &str, attach: &str) -> String {
    let spec = RegistrySpec::new(PLATFORM, "images", name).tag("team", team);
    world.azure.create_registry(&spec.tag("acr-attach", attach)).unwrap()
}

/// An assignment as tether makes it
fn assign(world: &World, cluster: &str, registry: &str, kind: MarkKind) {
    let principal = world.azure.kubelet_principal(cluster).unwrap();
    let role = Role::AcrPull;
    let grant =
        GrantKey { registry: registry.parse().unwrap(), principal: PrincipalId(principal), role };
    let owner: Owner = OWNER.parse().unwrap();
    let name = AssignmentName::new(&owner, &grant).0;
    let mark = Mark::of(kind, &cluster.parse().unwrap());
    let mut assignment = AssignmentSpec::new(name, registry, role.guid(), principal);
    assignment.description = Some(mark.describe("made for a test"));
    world.azure.assign(&assignment).unwrap();
}
