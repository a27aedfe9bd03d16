//! What people may try who can write a tag, an event or a command, or reach the handler's port, and
//! what it comes to. SECURITY.md says which claim each of these tests proves.

mod beyond;
mod large;
mod look_alikes;
mod loopback;
mod secrets;
mod seeds;
mod threats;
mod tricks;

use tether::emulator::azure::{ClusterSpec, RegistrySpec};
use tether::emulator::world::World;

use crate::corridor::input::{EVERYTHING, send};
use crate::corridor::{cluster, registry, settle};

/// A registry that is entitled to every cluster that names it, and is of a team
fn offered(name: &str) -> RegistrySpec {
    registry(name).tag("acr-attach", "auto").tag("team", "a")
}

/// A cluster that asks for this
fn asking(name: &str, wish: &str) -> ClusterSpec {
    cluster(name).tag("acr-attach", wish)
}

async fn reconcile_everything(world: &World, id: &str) {
    send(world, id, EVERYTHING);
    settle(world).await;
}
