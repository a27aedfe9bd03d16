//! What is posted to the handler, held to the recorded envelopes.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tether::emulator::queue::Message;

use super::{FINE, shape, start, with};

fn recorded(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/host/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn message(body: &str) -> Message {
    let text = |text: &str| Some(text.to_owned());
    Message {
        body: body.into(),
        message_id: text("m-1"),
        content_type: text("application/json"),
        subject: text("reconcile"),
        correlation_id: text("c-9"),
        reply_to: text("reports"),
        to: text(""),
        properties: [("tenant".into(), json!("contoso")), ("attempt".into(), json!(3))].into(),
        ..Message::default()
    }
}

#[tokio::test]
async fn a_binary_message_is_encoded_as_recorded() {
    let world = with(FINE).await;
    let body = r#"{"command":"reconcile","messageId":"forged","DeliveryCount":99}"#;
    world.namespace.send("commands", message(body)).unwrap();
    world.idle().await;
    let [got] = &world.got()[..] else { panic!("not delivered once") };
    assert_eq!(got.path, "/command-received");
    assert!(got.invocation.is_some());
    let recorded = recorded("service-bus-binary");
    assert_eq!(got.body["Data"], recorded["Data"]);
    assert_eq!(shape(&got.body["Metadata"]), shape(&recorded["Metadata"]));
    assert_eq!(got.body["Metadata"]["MessageId"], "\"m-1\"");
    assert_eq!(got.body["Metadata"]["DeliveryCount"], "1");
}

#[tokio::test]
async fn fields_of_a_text_message_overwrite_metadata() {
    let world = start(FINE, |name, json| {
        if name == "command-received" {
            json["bindings"][0].as_object_mut().unwrap().remove("dataType");
        }
    })
    .await;
    let recorded = recorded("service-bus-leak");
    let body: String = serde_json::from_str(recorded["Data"]["message"].as_str().unwrap()).unwrap();
    world.namespace.send("commands", message(&body)).unwrap();
    world.idle().await;
    let [got] = &world.got()[..] else { panic!("not delivered once") };
    assert_eq!(got.body["Data"], recorded["Data"]);
    for name in ["MessageId", "DeliveryCount", "ApplicationProperties"] {
        assert_eq!(got.body["Metadata"][name], recorded["Metadata"][name], "{name}");
    }
}

#[tokio::test]
async fn a_timer_is_encoded_as_recorded() {
    let world = with(FINE).await;
    world.host.fire_timer("reconcile-tick").await.unwrap();
    let [got] = &world.got()[..] else { panic!("not called once") };
    assert_eq!(shape(&got.body), shape(&recorded("timer-first")));
    assert_eq!(got.body["Data"]["tick"]["ScheduleStatus"]["Last"], "0001-01-01T00:00:00");
}

#[tokio::test]
async fn an_event_travels_raw_and_its_data_is_in_the_metadata() {
    for name in ["event-grid", "cloud-event"] {
        let world = with(FINE).await;
        let recorded = recorded(name);
        let event = &recorded["Data"]["event"];
        let client = tether::azure::http_client().unwrap();
        let post = client.post(world.host.webhook_url("resource-changed"));
        let post = post.header("aeg-event-type", "Notification").body(json!([event]).to_string());
        assert_eq!(post.send().await.unwrap().status().as_u16(), 202);
        let [got] = &world.got()[..] else { panic!("not called once") };
        assert_eq!(got.body["Data"], recorded["Data"]);
        assert_eq!(got.body["Metadata"]["data"], recorded["Metadata"]["data"]);
    }
}

#[tokio::test]
async fn bodies_come_in_chunks_and_in_one_piece() {
    let world = with(FINE).await;
    for number in 0..4 {
        world.send(&number.to_string());
    }
    world.idle().await;
    let framings: BTreeSet<_> = world.got().iter().map(|got| got.chunked).collect();
    assert_eq!(framings, BTreeSet::from([false, true]));
}
