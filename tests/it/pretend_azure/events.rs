//! The events that changes cause.

use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::azure::{CreationEvent, Event};
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use super::{FIRST, Setup, assignment, assignment_path};

const CREATION: Duration = Duration::from_secs(60);

/// Type, operation and subject of the next event, which must be there already
#[track_caller]
fn next(events: &mut UnboundedReceiver<Event>) -> (Value, [String; 3]) {
    let event = events.try_recv().unwrap();
    assert_eq!(event.subscription, FIRST);
    let text = |pointer: &str| event.json.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let kind = text("/eventType").replace("Microsoft.Resources.", "");
    let seen = [kind, text("/data/operationName"), text("/subject")];
    (event.json, seen)
}

#[tokio::test]
async fn every_change_tells_what_it_was() {
    let setup = Setup::new().await;
    let mut events = setup.azure.events();
    let cluster = format!(
        "/subscriptions/{FIRST}/resourcegroups/Rg/providers/microsoft.containerservice/\
         managedclusters/aks1"
    );
    let body = json!({"location": "westeurope"});
    let tags = format!("{cluster}/providers/Microsoft.Resources/tags/default");
    let tagged = json!({"operation": "Merge", "properties": {"tags": {"a": "b"}}});
    setup.ask("PUT", &cluster, body).await.expect(201);
    setup.ask("PATCH", &cluster, json!({"tags": {}})).await.expect(200);
    setup.ask("PATCH", &tags, tagged.clone()).await.expect(200);
    setup.ask("PUT", &tags, tagged).await.expect(200);
    setup.ask("DELETE", &cluster, Value::Null).await.expect(202);
    let (write, delete) = ("ResourceWriteSuccess", "ResourceDeleteSuccess");
    let type_written = "microsoft.containerservice/managedclusters";
    let expected = [
        (write, format!("{type_written}/write"), &cluster),
        (write, format!("{type_written}/write"), &cluster),
        (write, "Microsoft.Resources/tags/write".to_owned(), &cluster),
        (write, "Microsoft.Resources/tags/write".to_owned(), &tags),
        (delete, format!("{type_written}/delete"), &cluster),
    ];
    for (number, (kind, operation, subject)) in expected.into_iter().enumerate() {
        let (json, seen) = next(&mut events);
        assert_eq!(seen, [kind.to_owned(), operation, subject.clone()]);
        let created = number == 0;
        assert_eq!(json["data"].get("httpRequest").is_none(), created, "event {number}");
    }
    assert!(events.try_recv().is_err(), "no more events than changes");
}

#[tokio::test]
async fn an_event_looks_as_documented_and_holds_personal_data() {
    let setup = Setup::new().await;
    let mut events = setup.azure.events();
    let registry = setup.registry("r1");
    let (json, _) = next(&mut events);
    assert_eq!(json["topic"], format!("/subscriptions/{FIRST}"));
    assert_eq!(json["eventTime"], "2026-01-10T09:00:00.0000000Z");
    assert_eq!((&json["dataVersion"], &json["metadataVersion"]), (&json!("2"), &json!("1")));
    assert!(json["id"].as_str().unwrap().parse::<Uuid>().is_ok());
    let data = &json["data"];
    assert_eq!(data["resourceUri"], registry);
    assert_eq!(data["resourceProvider"], "Microsoft.ContainerRegistry");
    assert_eq!(data["authorization"]["scope"], registry);
    assert_eq!(data["status"], "Succeeded");
    assert_eq!(data["subscriptionId"], FIRST.to_string());
    assert_eq!(data["claims"]["name"], "Pretend Person");
}

#[tokio::test]
async fn role_assignments_cause_events_of_their_own() {
    let setup = Setup::new().await;
    let cluster = setup.cluster("aks1");
    let registry = setup.registry("r1");
    let principal = setup.azure.kubelet_principal(&cluster).unwrap();
    let mut events = setup.azure.events();
    let path = assignment_path(&registry, Uuid::from_u128(1));
    setup.ask("PUT", &path, assignment(principal)).await.expect(201);
    setup.ask("DELETE", &path, Value::Null).await.expect(200);
    setup.ask("DELETE", &path, Value::Null).await.expect(204);
    for verb in ["write", "delete"] {
        let (_, [_, operation, subject]) = next(&mut events);
        assert_eq!(operation, format!("Microsoft.Authorization/roleAssignments/{verb}"));
        assert_eq!(subject, path);
    }
    assert!(events.try_recv().is_err(), "deleting nothing is no event");
}

#[tokio::test]
async fn refused_changes_cause_no_event() {
    let setup = Setup::new().await;
    let mut events = setup.azure.events();
    let path = format!("{}/x", setup.azure.endpoint());
    setup.ask("PUT", &path, json!({})).await.expect(404);
    let path = format!(
        "/subscriptions/{FIRST}/resourceGroups/r/providers/Microsoft.ContainerRegistry/registries/r"
    );
    setup.ask("PUT", &path, json!({})).await.refused(400, "LocationRequired");
    assert!(events.try_recv().is_err());
}

#[tokio::test]
async fn the_event_of_a_new_cluster_may_wait_until_it_is_finished() {
    let setup = Setup::with(|options| {
        options.cluster_creation = CREATION;
        options.creation_event = CreationEvent::Finished;
    })
    .await;
    let mut events = setup.azure.events();
    let path = format!(
        "/subscriptions/{FIRST}/resourceGroups/r/providers/Microsoft.ContainerService/\
         managedClusters/aks1"
    );
    setup.ask("PUT", &path, json!({"location": "x"})).await.expect(201);
    assert!(events.try_recv().is_err());
    setup.clock.advance(CREATION);
    // Nobody asks anything: the world goes on by itself.
    let event = tokio::time::timeout(Duration::from_secs(20), events.recv()).await.unwrap();
    assert_eq!(event.unwrap().json["subject"], path);
}
