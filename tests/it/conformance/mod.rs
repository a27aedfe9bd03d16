//! What is said to Azure, and what the pretend Azure answers, beside Azure's own API documents: in a
//! whole corridor, of every client by itself, and of answers as odd as Azure gives them.

mod clients;
mod documents;
mod examples;
mod odd;
mod wire;

use std::collections::BTreeSet;

use serde_json::json;
use tether::emulator::azure::{AssignmentSpec, Fault, LockKind};
use tether::emulator::world::{PAYMENTS, World, WorldOptions};
use uuid::Uuid;

use self::documents::Documents;
use self::wire::{Exchange, Wire};
use crate::corridor::commands::{ask, with_pins};
use crate::corridor::{REPOSITORY_READER, cluster, registry, settle, start};

/// What a corridor asks for in any case
const ASKED: [&str; 9] = [
    "ManagedClusters_Get",
    "ManagedClusters_List",
    "Registries_Get",
    "Resources",
    "RoleAssignments_Create",
    "RoleAssignments_Delete",
    "RoleAssignments_Get",
    "RoleAssignments_ListForResource",
    "RoleAssignments_ListForSubscription",
];

/// The operations that were asked for, after each was held to the documents
#[track_caller]
fn check(exchanges: &[Exchange]) -> BTreeSet<String> {
    let documents = Documents::load();
    let mut asked = BTreeSet::new();
    let mut wrong = Vec::new();
    for exchange in exchanges {
        match documents.check(exchange) {
            Ok(name) => drop(asked.insert(name.to_owned())),
            Err(problems) => wrong.push(format!(
                "{} {} → {}: {problems:#?}",
                exchange.method, exchange.url, exchange.status
            )),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), exchanges.len(), wrong.join("\n"));
    asked
}

async fn world() -> (World, Wire) {
    let wire = Wire::start().await;
    let mut options = with_pins();
    options.policy = options.policy.replace("mode: attach-only", "mode: sync");
    let address = wire.address().to_owned();
    options.environment.insert("TETHER_ARM_ENDPOINT".into(), address);
    let world = start(WorldOptions { ..options }).await;
    wire.lead_to(world.azure.endpoint());
    (world, wire)
}

/// Attachments of both roles, a shared registry, pins, refusals, removals, dry runs
async fn everything_happens(world: &World) {
    let azure = &world.azure;
    let auto = |name: &str| registry(name).tag("acr-attach", "auto").tag("team", "a");
    let legacy = azure.create_registry(&auto("acr1")).unwrap();
    let abac = azure.create_registry(&auto("acr2")).unwrap();
    azure.set_registry_mode(&abac, true).unwrap();
    let free = azure.create_registry(&registry("acr3").tag("pin", "yes")).unwrap();
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = azure.create_cluster(&aks).unwrap();
    azure.create_cluster(&cluster("aks2")).unwrap();
    settle(world).await;
    let principal = azure.kubelet_principal(&aks).unwrap();
    let foreign = format!("/subscriptions/{PAYMENTS}/resourceGroups/shop");
    azure
        .assign(&AssignmentSpec {
            scope: foreign,
            name: Uuid::from_u128(77),
            principal,
            role: REPOSITORY_READER,
            description: None,
            condition: None,
        })
        .unwrap();
    for (id, body) in [
        ("1", json!({ "command": "attach", "cluster": "aks1", "registry": free })),
        ("2", json!({ "command": "detach", "cluster": aks, "registry": "acr3" })),
        ("3", json!({ "command": "reconcile", "scope": "everything", "dryRun": true })),
        ("4", json!({ "command": "reconcile", "scope": aks.replace("aks1", "gone") })),
        ("5", json!({ "command": "attach", "cluster": "aks1", "registry": "gone" })),
    ] {
        ask(world, id, &body);
        settle(world).await;
    }
    azure.lock(&legacy, LockKind::ReadOnly);
    azure.set_tags(&aks, &std::collections::BTreeMap::new()).unwrap();
    world.host.fire_timer("reconcile-tick").await.unwrap();
    settle(world).await;
    let faults = azure.faults();
    faults.inject(Fault::on("GET", "managedClusters/aks1").html(403, "<html>no</html>"));
    faults.inject(Fault::on("POST", "ResourceGraph").refusing(400, "BadRequest", "no"));
    azure.unlock(&legacy);
    world.host.fire_timer("reconcile-tick").await.unwrap();
    settle(world).await;
}

#[tokio::test]
async fn every_request_and_every_answer_of_a_corridor_is_as_azure_documents_it() {
    let (world, wire) = world().await;
    everything_happens(&world).await;
    let asked = check(&wire.seen());
    let missing: Vec<_> = ASKED.iter().filter(|name| !asked.contains(**name)).collect();
    assert!(missing.is_empty(), "never asked: {missing:?}; asked: {asked:?}");
    let statuses: BTreeSet<u16> = wire.seen().iter().map(|exchange| exchange.status).collect();
    for status in [200, 201, 400, 403, 404] {
        assert!(statuses.contains(&status), "{statuses:?}");
    }
}
