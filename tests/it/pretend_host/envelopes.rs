//! What is posted to the handler, held to the recorded envelopes.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tether::emulator::queue::Message;

use super::{FINE, LIMIT, World, configured, shape, start, with};

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

/// Runs a function by hand, as the portal does.
async fn run(world: &World, function: &str, input: &str) -> u16 {
    let client = tether::azure::http_client().unwrap();
    let request = client.post(world.host.admin_url(function));
    let request = request.header("content-type", "application/json");
    let answer = request.body(json!({ "input": input }).to_string()).send().await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn a_message_made_up_by_hand_is_encoded_as_recorded() {
    let world = with(FINE).await;
    let recorded = recorded("service-bus-by-hand");
    let input: String =
        serde_json::from_str(recorded["Metadata"]["message"].as_str().unwrap()).unwrap();
    assert_eq!(run(&world, "command-received", &input).await, 202);
    world.host.wait_until(LIMIT, || world.got().len() == 1).await.unwrap();
    let mut got = world.got().remove(0).body;
    // What is new each time, and what this namespace is called.
    for part in ["sys", "Client"] {
        assert_eq!(shape(&got["Metadata"][part]), shape(&recorded["Metadata"][part]), "{part}");
        got["Metadata"][part] = recorded["Metadata"][part].clone();
    }
    assert_eq!(got, recorded);
    assert_eq!(world.namespace.sent(), [], "no queue has seen it");
}

#[tokio::test]
async fn every_function_gets_its_input_once_more_when_it_is_run_by_hand() {
    let world = with(FINE).await;
    let event = r#"{"id":"e-1","data":{}}"#;
    assert_eq!(run(&world, "reconcile-tick", "now").await, 202);
    assert_eq!(run(&world, "resource-changed", event).await, 202);
    world.host.wait_until(LIMIT, || world.got().len() == 2).await.unwrap();
    let got = world.got();
    let of = |path: &str| got.iter().find(|got| got.path == path).unwrap().body.clone();
    let tick = of("/reconcile-tick");
    assert_eq!(tick["Metadata"]["tick"], "\"now\"");
    assert_eq!(shape(&tick["Data"]), shape(&recorded("timer-first")["Data"]));
    let changed = of("/resource-changed");
    assert_eq!(changed["Data"]["event"], serde_json::from_str::<Value>(event).unwrap());
    assert_eq!(changed["Metadata"]["event"], json!(event).to_string());
    assert_eq!(run(&world, "no-such", "").await, 404);
    let url = world.host.admin_url("reconcile-tick").replace("emulated-master-key", "guessed");
    let answer = tether::azure::http_client().unwrap().post(url).body("{}").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 401);
}

#[tokio::test]
async fn a_trace_context_comes_with_application_insights_and_else_not() {
    let insights = [("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=1")];
    let (off, on) = (with(FINE).await, configured(FINE, &insights, |_, _| ()).await);
    for world in [&off, &on] {
        world.host.fire_timer("reconcile-tick").await.unwrap();
        world.send("{}");
        world.idle().await;
    }
    assert!(off.got().iter().all(|got| got.traceparent.is_none()));
    let contexts: BTreeSet<_> = on.got().into_iter().map(|got| got.traceparent.unwrap()).collect();
    assert_eq!(contexts.len(), 2, "each invocation is a trace of its own");
    for context in contexts {
        let parts: Vec<_> = context.split('-').map(str::len).collect();
        assert_eq!(parts, [2, 32, 16, 2], "{context}");
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
