//! What becomes of messages and events, by what the handler answers.

use std::time::Duration;

use serde_json::json;
use tether::emulator::event_grid::{Destination, Schema, Subscription};

use super::{FINE, LIMIT, Says, start, with};

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
    check((200, JSON, r#"{"Logs":["x",["y"]]}"#), false, false).await;
    check((500, JSON, "{}"), false, false).await;
    check((404, JSON, "{}"), false, false).await;
}

#[tokio::test]
async fn what_the_real_host_would_hang_on_is_a_violation_and_a_failure() {
    for nothing in [(200, JSON, ""), (204, JSON, ""), (200, JSON, "null"), (200, "", "")] {
        check(nothing, false, true).await;
    }
}

#[tokio::test]
async fn logs_may_be_numbers_and_nulls() {
    let world = with((200, JSON, r#"{"Logs":["x",7,null,true]}"#)).await;
    world.send("{}");
    world.idle().await;
    let [invocation] = &world.host.invocations()[..] else { panic!("not called once") };
    assert_eq!(invocation.failure, None);
    assert_eq!(invocation.logs, ["x", "7", "null", "true"]);
}

/// What a timer's function sends with such an answer, and what the host did that nobody can have meant
async fn tick(says: &'static str) -> (Vec<String>, Vec<String>) {
    // What is sent triggers nothing here: the same handler would answer again.
    let world = start((200, JSON, says), |name, json| {
        if name == "command-received" {
            json["bindings"][0]["queueName"] = "rejected".into();
        }
    })
    .await;
    let ended = world.host.fire_timer("reconcile-tick").await;
    assert_eq!(ended, Ok(()), "{says}");
    let sent = world.namespace.sent().into_iter();
    let bodies = sent.map(|sent| String::from_utf8(sent.body).unwrap()).collect();
    (bodies, world.host.violations())
}

/// An answer comes to these messages, and nothing is wrong with it.
async fn check_sent(says: &'static str, expected: &[&str]) {
    let (bodies, violations) = tick(says).await;
    assert_eq!(bodies, expected, "{says}");
    assert_eq!(violations, Vec::<String>::new(), "{says}");
}

/// An answer comes to these messages without a word, and the stand-in tells what nobody can have meant.
async fn check_distorted(says: &'static str, expected: &[&str], told: &str) {
    let (bodies, violations) = tick(says).await;
    assert_eq!(bodies, expected, "{says}");
    assert!(violations.len() == 1 && violations[0].contains(told), "{says}: {violations:?}");
}

#[tokio::test]
async fn outputs_are_sent_as_the_host_understands_them() {
    check_sent(r#"{"Outputs":{"commands":["{\"a\":1}","two"]}}"#, &["{\"a\":1}", "two"]).await;
    check_sent(r#"{"outputs":{"commands":{"a":1}}}"#, &["{\n  \"a\": 1\n}"]).await;
    check_sent(r#"{"Outputs":{"commands":"[\"x\",\"y\"]"}}"#, &["x", "y"]).await;
    check_sent(r#"{"Outputs":{"commands":["test"]}}"#, &["test"]).await;
    check_sent(r#"{"Outputs":{"commands":null}}"#, &[]).await;
}

#[tokio::test]
async fn a_lone_text_with_json_in_it_is_indented_anew() {
    let says = r#"{"Outputs":{"commands":"{\"a\":1,\"b\":[2]}"}}"#;
    check_sent(says, &["{\n  \"a\": 1,\n  \"b\": [\n    2\n  ]\n}"]).await;
}

#[tokio::test]
async fn a_lone_text_that_is_base64_is_sent_as_what_dotnet_calls_bytes() {
    for says in [r#"{"Outputs":{"commands":"test"}}"#, r#"{"Outputs":{"commands":"abcd1234"}}"#] {
        check_distorted(says, &["System.Byte[]"], "System.Byte[]").await;
    }
}

#[tokio::test]
async fn a_text_that_is_exactly_a_date_is_written_as_dotnet_writes_dates() {
    let date = "12/01/2026 09:00:00";
    let element = r#"{"Outputs":{"commands":["2026-12-01T09:00:00Z"]}}"#;
    check_distorted(element, &[date], date).await;
    check_distorted(r#"{"Outputs":{"commands":"2026-12-01T09:00:00"}}"#, &[date], date).await;
    let elsewhere = r#"{"Outputs":{"commands":["2026-12-01T11:00:00.123+02:00"]}}"#;
    check_distorted(elsewhere, &[date], date).await;
    let more = r#"{"Outputs":{"commands":["at 2026-12-01T09:00:00Z","2026-12-01"]}}"#;
    check_sent(more, &["at 2026-12-01T09:00:00Z", "2026-12-01"]).await;
}

#[tokio::test]
async fn an_output_that_is_not_declared_or_not_spelled_so_is_dropped_in_silence() {
    let undeclared = r#"{"Outputs":{"nowhere":["x"],"commands":["y"]}}"#;
    check_distorted(undeclared, &["y"], "`nowhere` is dropped").await;
    check_distorted(r#"{"Outputs":{"Commands":["x"]}}"#, &[], "`Commands` is dropped").await;
}

#[tokio::test]
async fn members_of_a_return_value_are_outputs_by_name() {
    check_sent(r#"{"ReturnValue":{"commands":["x"]}}"#, &["x"]).await;
    check_sent(r#"{"Outputs":{"commands":["x"]},"ReturnValue":{"commands":["y"]}}"#, &["y"]).await;
    check_sent(r#"{"ReturnValue":{"commands":"test"}}"#, &["test"]).await;
    check_distorted(r#"{"ReturnValue":{"Commands":["x"]}}"#, &[], "`Commands` is dropped").await;
    check_distorted(r#"{"ReturnValue":"x"}"#, &[], "goes nowhere").await;
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
