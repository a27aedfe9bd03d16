//! What becomes of messages and events, by what the handler answers.

use std::time::Duration;

use serde_json::json;
use tether::emulator::event_grid::{Destination, Schema, Subscription};

use super::{FINE, LIMIT, Says, World, with};

const JSON: &str = "application/json";

/// The one message ends so: completed or dead, and with a violation or without.
async fn check(says: Says, completed: bool, violated: bool) {
    let world = with(says).await;
    world.send("{}");
    world.idle().await;
    let dead = world.namespace.dead_letters("commands");
    assert_eq!(dead.is_empty(), completed, "{says:?}");
    assert_eq!(!world.host.violations().is_empty(), violated, "{says:?}");
    let deliveries = world.got().len();
    assert_eq!(deliveries, if completed { 1 } else { 10 }, "{says:?}");
    if let Some(dead) = dead.first() {
        assert_eq!(dead.dead_letter_reason.as_deref(), Some("MaxDeliveryCountExceeded"));
    }
}

#[tokio::test]
async fn only_a_json_object_is_a_success() {
    check(FINE, true, false).await;
    check((200, JSON, r#"{"Outputs":null,"Logs":["x"],"ReturnValue":null}"#), true, false).await;
    check((200, "text/plain", "{}"), false, false).await;
    check((200, JSON, "[]"), false, false).await;
    check((200, JSON, "{"), false, false).await;
    check((200, JSON, r#"{"Logs":[{}]}"#), false, false).await;
    check((500, JSON, "{}"), false, false).await;
    check((404, JSON, "{}"), false, false).await;
}

#[tokio::test]
async fn what_the_real_host_would_hang_on_or_distort_is_a_violation() {
    check((200, JSON, ""), false, true).await;
    check((204, JSON, ""), false, true).await;
    check((200, JSON, "null"), false, true).await;
    check((200, JSON, r#"{"Outputs":{"nowhere":["x"]}}"#), false, true).await;
}

async fn tick(outputs: &'static str) -> (World, Vec<String>) {
    let world = with((200, JSON, outputs)).await;
    // Only the sent messages matter here, not what the same handler says to them.
    let _ = world.host.fire_timer("reconcile-tick").await;
    let sent = world.namespace.sent().into_iter();
    let bodies = sent.map(|sent| String::from_utf8(sent.body).unwrap()).collect();
    (world, bodies)
}

#[tokio::test]
async fn outputs_are_sent_as_the_host_understands_them() {
    let (_, bodies) = tick(r#"{"Outputs":{"commands":["{\"a\":1}","two"]}}"#).await;
    assert_eq!(bodies[..2], ["{\"a\":1}", "two"]);
    let (_, bodies) = tick(r#"{"outputs":{"commands":{"a":1}}}"#).await;
    assert_eq!(bodies[0], "{\n  \"a\": 1\n}");
    let (_, bodies) = tick(r#"{"Outputs":{"commands":"[\"x\",\"y\"]"}}"#).await;
    assert_eq!(bodies[..2], ["x", "y"]);
    let (world, bodies) = tick(r#"{"Outputs":{"commands":"abcd1234"}}"#).await;
    assert_eq!(bodies, Vec::<String>::new());
    assert!(world.host.violations()[0].contains("System.Byte[]"));
}

#[tokio::test]
async fn the_webhook_answers_as_the_host_does() {
    let world = with(FINE).await;
    let client = tether::azure::http_client().unwrap();
    let url = world.host.webhook_url("resource-changed");
    let status = async |url: &str, kind: &str, body: &str| {
        let post = client.post(url).header("aeg-event-type", kind).body(body.to_owned());
        post.send().await.unwrap().status().as_u16()
    };
    let event = json!([{ "id": "1", "data": {} }]).to_string();
    assert_eq!(status(&url, "Notification", &event).await, 202);
    assert_eq!(status(&url, "notification", "nonsense").await, 400);
    assert_eq!(status(&url, "Unsubscribe", "").await, 202);
    assert_eq!(status(&url, "Other", "").await, 400);
    assert_eq!(
        status(&url.replace("resource-changed", "Resource-Changed"), "Notification", &event).await,
        404
    );
    assert_eq!(
        status(&url.replace("resource-changed", "reconcile-tick"), "Notification", &event).await,
        404
    );
    assert_eq!(status(&format!("{url}x"), "Notification", &event).await, 401);
    let failing = with((500, JSON, "{}")).await;
    assert_eq!(
        status(&failing.host.webhook_url("resource-changed"), "Notification", &event).await,
        500
    );
}

#[tokio::test]
async fn an_event_that_fails_is_delivered_again_later() {
    for schema in [Schema::EventGrid, Schema::CloudEvents] {
        let world = with((500, JSON, "{}")).await;
        let webhook = Destination::Webhook(world.host.webhook_url("resource-changed"));
        let events = Subscription::create(webhook, schema, world.clock.clone()).await.unwrap();
        events.deliver(&json!({ "id": "1", "eventType": "x", "data": {} }));
        world.host.wait_until(LIMIT, || world.got().len() == 1).await.unwrap();
        assert!(!events.is_idle());
        // The wait starts when the first answer is there, which is a moment after the request.
        let again = || {
            world.clock.advance(Duration::from_secs(1));
            world.got().len() == 2
        };
        world.host.wait_until(LIMIT, again).await.unwrap();
    }
}

#[tokio::test]
async fn filters_and_duplicates_are_event_grids() {
    let world = with(FINE).await;
    let webhook = Destination::Webhook(world.host.webhook_url("resource-changed"));
    let events = Subscription::create(webhook, Schema::EventGrid, world.clock.clone()).await;
    let events = events.unwrap().only(&["A/Write"]).duplicate_every(2);
    for operation in ["a/write", "b/write", "A/WRITE"] {
        events.deliver(&json!({ "id": operation, "data": { "operationName": operation } }));
    }
    world.host.wait_until(LIMIT, || events.is_idle()).await.unwrap();
    assert_eq!(world.got().len(), 3, "the second that gets through comes twice");
}
