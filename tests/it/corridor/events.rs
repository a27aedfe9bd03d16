//! Events that lead to nothing: those that do not matter, that make no sense or that come from
//! elsewhere, at both doors; and what no event may leave behind.

use serde_json::{Value, json};
use tether::emulator::event_grid::Schema;
use tether::emulator::world::{Door, PAYMENTS, WorldOptions};
use uuid::Uuid;

use super::input::{check_nothing_happened, line, logged, sent, traced};
use super::{attached, cluster, options, registry, settle, start};

const WRITE: &str = "Microsoft.Resources.ResourceWriteSuccess";

#[tokio::test]
async fn the_whole_log_holds_no_token_and_nobodys_claims() {
    for door in [Door::Function, Door::Queue] {
        let world = start(WorldOptions { door, filtered: false, ..traced() }).await;
        let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
        world.azure.create_registry(&acr).unwrap();
        let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
        let aks = world.azure.create_cluster(&aks).unwrap();
        settle(&world).await;
        assert_eq!(attached(&world, &aks).len(), 1);
        line(&world, &["TRACE"]).await;
        settle(&world).await;
        for word in ["claims", "evidence", "httpRequest"] {
            assert!(!logged(&world).contains(word), "`{word}` is logged");
        }
    }
}

#[tokio::test]
async fn events_that_come_to_the_queue_are_never_refused() {
    for schema in [Schema::EventGrid, Schema::CloudEvents] {
        let door = Door::Queue;
        let world = start(WorldOptions { door, schema, filtered: false, ..options() }).await;
        for event in irrelevant() {
            world.events.deliver(&event);
        }
        let aks = world.azure.create_cluster(&cluster("aks1")).unwrap();
        world.azure.delete(&aks).unwrap();
        settle(&world).await;
        assert_eq!(sent(&world, "rejected"), Vec::<String>::new());
        assert_eq!(world.namespace.dead_letters("commands"), []);
        assert!(world.host.invocations().iter().all(|one| one.failure.is_none()));
        for record in world.namespace.sent().iter().filter(|record| record.scheduled.is_some()) {
            let body = String::from_utf8_lossy(&record.body);
            assert!(!body.contains("claims") && body.starts_with("{\"command\""), "{body}");
        }
    }
}

fn event(kind: &str, operation: &str, id: &str) -> Value {
    json!({
        "id": Uuid::new_v4(), "topic": format!("/subscriptions/{PAYMENTS}"), "subject": id,
        "eventType": kind, "eventTime": "2026-01-10T09:00:00.0000000Z",
        "dataVersion": "2", "metadataVersion": "1",
        "data": {
            "operationName": operation, "resourceUri": id, "status": "Succeeded",
            "claims": { "name": "Pretend Person" },
        },
    })
}

/// Events that a subscription without filters gets too
fn irrelevant() -> Vec<Value> {
    let group = format!("/subscriptions/{PAYMENTS}/resourceGroups/shop");
    let aks = format!("{group}/providers/Microsoft.ContainerService/managedClusters/aks1");
    let acr = format!("{group}/providers/Microsoft.ContainerRegistry/registries/acr1");
    let assignment = format!("{acr}/providers/Microsoft.Authorization/roleAssignments/1");
    let deployment = format!("{group}/providers/Microsoft.Resources/deployments/d1");
    vec![
        event(
            WRITE,
            "Microsoft.ContainerService/managedClusters/agentPools/write",
            &format!("{aks}/agentPools/pool1"),
        ),
        event(WRITE, "Microsoft.Resources/deployments/write", &deployment),
        event(WRITE, "Microsoft.Authorization/roleAssignments/write", &assignment),
        event("Microsoft.ContainerRegistry.ImagePushed", "", &acr),
        event(
            "Microsoft.Resources.ResourceWriteFailure",
            "Microsoft.ContainerService/managedClusters/write",
            &aks,
        ),
    ]
}

#[tokio::test]
async fn events_that_do_not_matter_lead_to_no_command() {
    for schema in [Schema::EventGrid, Schema::CloudEvents] {
        let world = start(WorldOptions { filtered: false, schema, ..options() }).await;
        for event in irrelevant() {
            world.events.deliver(&event);
        }
        settle(&world).await;
        assert_eq!(world.host.invocations().len(), 5);
        for what in ["agentPools/write", "deployments/write", "roleAssignments/write"] {
            line(&world, &["event ignored", what, "does not matter"]).await;
        }
        for what in ["ImagePushed", "ResourceWriteFailure"] {
            line(&world, &["event ignored", what, "do not matter"]).await;
        }
        assert_eq!(sent(&world, "commands"), Vec::<String>::new());
        check_nothing_happened(&world);
    }
}

#[tokio::test]
async fn garbage_from_event_grid_is_taken_and_told() {
    let world = start(options()).await;
    let url = world.host.webhook_url("resource-changed");
    let client = tether::azure::http_client().unwrap();
    let cases = [
        (json!({}), "not an event"),
        (json!({ "eventType": 7, "data": [] }), "not an event"),
        (json!({ "eventType": "Nobody.Knows", "data": null }), "`Nobody.Knows`"),
        (json!({ "eventType": WRITE, "data": "text" }), "neither a cluster nor a registry"),
        (json!({ "eventType": WRITE, "data": { "resourceUri": ["x"] } }), "neither a cluster"),
        (event(WRITE, "Microsoft.Resources/tags/write", "//../%2f"), "`//../%2f` is neither"),
    ];
    for (event, what) in cases {
        let request = client.post(&url).header("aeg-event-type", "Notification");
        let answer = request.body(json!([event]).to_string()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 202, "{event}");
        line(&world, &["event ignored", what]).await;
    }
    settle(&world).await;
    assert_eq!(sent(&world, "commands"), Vec::<String>::new());
    check_nothing_happened(&world);
}

#[tokio::test]
async fn an_event_from_outside_the_estate_is_told_and_nothing_else() {
    let stranger = "/subscriptions/33333333-3333-4333-8333-333333333333/resourceGroups/shop";
    let aks = format!("{stranger}/providers/Microsoft.ContainerService/managedClusters/aks1");
    for door in [Door::Function, Door::Queue] {
        let world = start(WorldOptions { door, ..options() }).await;
        let write = "Microsoft.ContainerService/managedClusters/write";
        world.events.deliver(&event(WRITE, write, &aks));
        settle(&world).await;
        line(&world, &["outside the estate", &aks]).await;
        assert_eq!(sent(&world, "rejected"), Vec::<String>::new());
        check_nothing_happened(&world);
    }
}
