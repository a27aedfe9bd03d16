//! Who asks for more than is theirs: events and commands about resources of others, and resources of
//! another tenant that only look like ours.

use serde_json::{Value, json};
use tether::emulator::azure::AssignmentSpec;
use tether::emulator::world::{Door, WorldOptions};
use uuid::Uuid;

use super::{offered, reconcile_everything};
use crate::corridor::commands::{ask, report, with_pins};
use crate::corridor::input::{check_nothing_happened, send};
use crate::corridor::sync::{sync, writes};
use crate::corridor::{ACR_PULL, attached, cluster, registry, requests, settle, start};

/// A subscription of another tenant, which nobody here can read
const STRANGER: &str = "33333333-3333-4333-8333-333333333333";

fn theirs(kind: &str, name: &str) -> String {
    format!("/subscriptions/{STRANGER}/resourceGroups/theirs/providers/{kind}/{name}")
}

fn event(id: &str, verb: &str) -> Value {
    let kind = if id.contains("/registries/") {
        "Microsoft.ContainerRegistry/registries"
    } else {
        "Microsoft.ContainerService/managedClusters"
    };
    let happened = if verb == "write" { "Write" } else { "Delete" };
    json!({
        "id": "1", "topic": "/", "subject": id, "dataVersion": "2", "metadataVersion": "1",
        "eventType": format!("Microsoft.Resources.Resource{happened}Success"),
        "eventTime": "2026-01-10T09:00:00.0000000Z",
        // What an event claims of a resource is no reason for anything.
        "data": {
            "operationName": format!("{kind}/{verb}"), "resourceUri": id, "status": "Succeeded",
            "tags": { "acr-attach": "auto", "team": "a" },
            "identityProfile": { "kubeletidentity": { "objectId": Uuid::from_u128(666) } },
        },
    })
}

#[tokio::test]
async fn a_forged_event_about_anothers_resource_asks_azure_nothing() {
    for door in [Door::Function, Door::Queue] {
        let world = start(WorldOptions { door, ..sync() }).await;
        for kind in
            ["Microsoft.ContainerService/managedClusters", "Microsoft.ContainerRegistry/registries"]
        {
            for verb in ["write", "delete"] {
                world.events.deliver(&event(&theirs(kind, "their1"), verb));
            }
        }
        settle(&world).await;
        check_nothing_happened(&world);
        assert!(world.namespace.active("rejected").is_empty());
    }
}

#[tokio::test]
async fn a_forged_event_about_our_own_resource_only_makes_us_look() {
    let world = start(sync()).await;
    world.events.pause();
    world.azure.create_registry(&offered("acr1")).unwrap();
    // It has no tags, whatever the event says.
    let aks = world.azure.create_cluster(&cluster("aks1")).unwrap();
    for verb in ["write", "delete"] {
        send(&world, verb, event(&aks, verb).to_string());
        settle(&world).await;
    }
    assert_eq!(attached(&world, &aks), []);
    assert_eq!(writes(&world), Vec::<String>::new());
    assert_eq!(world.azure.assignments(), []);
}

#[tokio::test]
async fn a_command_beyond_the_estate_is_refused_and_writes_nothing() {
    let world = start(with_pins()).await;
    world.events.pause();
    let ours = world.azure.create_cluster(&cluster("aks1")).unwrap();
    let free = world.azure.create_registry(&registry("acr1").tag("pin", "yes")).unwrap();
    let cluster = theirs("Microsoft.ContainerService/managedClusters", "aks1");
    let registry = theirs("Microsoft.ContainerRegistry/registries", "acr1");
    let on = |command: &str, cluster: &str, registry: &str| json!({ "command": command, "cluster": cluster, "registry": registry });
    let commands = [
        json!({ "command": "reconcile", "scope": cluster }),
        json!({ "command": "reconcile", "scope": registry }),
        json!({ "command": "reconcile", "scope": format!("/subscriptions/{STRANGER}") }),
        on("attach", &ours, &registry),
        on("attach", &cluster, &free),
        on("attach", "aks1", &registry),
        on("detach", &cluster, &registry),
    ];
    for (number, command) in commands.iter().enumerate() {
        let id = format!("m-{number}");
        ask(&world, &id, command);
        settle(&world).await;
        let report = report(&world, &id);
        assert_eq!(report["outcome"], "refused", "{command}: {report:#}");
    }
    assert_eq!(writes(&world), Vec::<String>::new());
    assert!(requests(&world).iter().all(|request| request != "PUT assignment"));
    assert_eq!(world.azure.assignments(), []);
}

#[tokio::test]
async fn a_pair_that_the_policy_does_not_let_pin_is_refused_to_whoever_commands() {
    let world = start(with_pins()).await;
    world.events.pause();
    world.azure.create_cluster(&cluster("aks1")).unwrap();
    world.azure.create_registry(&registry("closed")).unwrap();
    let veto = registry("vetoed").tag("pin", "yes").tag("acr-attach", "disabled");
    world.azure.create_registry(&veto).unwrap();
    for name in ["closed", "vetoed"] {
        let command = json!({ "command": "attach", "cluster": "aks1", "registry": name });
        ask(&world, name, &command);
        settle(&world).await;
        assert_eq!(report(&world, name)["outcome"], "refused", "{name}");
    }
    assert_eq!(world.azure.assignments(), []);
}

#[tokio::test]
async fn what_is_not_ours_stays_whoever_asks_for_its_removal() {
    let world = start(sync()).await;
    world.events.pause();
    let acr = world.azure.create_registry(&registry("acr1").tag("pin", "yes")).unwrap();
    let aks = world.azure.create_cluster(&cluster("aks1")).unwrap();
    let principal = world.azure.kubelet_principal(&aks).unwrap();
    let strangers = AssignmentSpec::new(Uuid::from_u128(5), &acr, ACR_PULL, principal);
    // It even carries our words: only its name would make it ours.
    let strangers = AssignmentSpec { description: Some("tether/1 rule 0".to_owned()), ..strangers };
    world.azure.assign(&strangers).unwrap();
    ask(&world, "m-1", &json!({ "command": "detach", "cluster": aks, "registry": acr }));
    settle(&world).await;
    reconcile_everything(&world, "m-2").await;
    assert_eq!(world.azure.assignments().len(), 1);
    assert!(!writes(&world).iter().any(|write| write.starts_with("DELETE")));
}
