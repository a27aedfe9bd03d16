//! What is received over HTTP: locks, their ends, dead letters, and who may.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tether::emulator::queue::{Claim, Message};

use super::{Setup, ask, check_bodies, check_refused, identified};

/// A message as it came, and where its lock is
struct Taken {
    status: u16,
    location: Option<String>,
    broker: Value,
    answer: Response,
}

async fn take(setup: &Setup, method: Method, path: &str) -> Taken {
    let request = setup.http.request(method, setup.url(path)).bearer_auth("token");
    let answer = request.send().await.unwrap();
    let text = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap());
    Taken {
        status: answer.status().as_u16(),
        location: text("location").map(str::to_owned),
        broker: text("brokerproperties").map_or(Value::Null, |json| json.parse().unwrap()),
        answer,
    }
}

async fn peek(setup: &Setup, queue: &str) -> Taken {
    take(setup, Method::POST, &format!("/{queue}/messages/head?timeout=0")).await
}

async fn end(setup: &Setup, method: Method, location: &str) -> (u16, String) {
    ask(setup.http.request(method, location).bearer_auth("token")).await
}

#[tokio::test]
async fn a_message_is_locked_with_all_its_properties_and_then_completed() {
    let setup = Setup::new().await;
    let some = |text: &str| Some(text.to_owned());
    let message = Message {
        content_type: some("application/json"),
        correlation_id: some("Łódź"),
        reply_to: some("replies"),
        properties: [("reason".to_owned(), json!("no \"x\" ż")), ("n".to_owned(), json!(3))].into(),
        ..identified("m1")
    };
    setup.namespace.send("commands", message).unwrap();
    let first = peek(&setup, "Commands").await;
    assert_eq!(first.status, 201);
    let headers = first.answer.headers().clone();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["reason"], r#""no \"x\" \u017c""#);
    assert_eq!(headers["n"], "3");
    let broker = &first.broker;
    assert_eq!(broker["MessageId"], "m1");
    assert_eq!((&broker["CorrelationId"], &broker["ReplyTo"]), (&json!("Łódź"), &json!("replies")));
    assert_eq!((&broker["DeliveryCount"], &broker["State"]), (&json!(1), &json!("Active")));
    assert!(broker["EnqueuedSequenceNumber"].as_i64().unwrap() > i64::from(i32::MAX));
    assert!(broker["EnqueuedTimeUtc"].as_str().unwrap().ends_with(" GMT"));
    assert_eq!(headers["date"], broker["EnqueuedTimeUtc"].as_str().unwrap());
    let location = first.location.unwrap();
    let token = broker["LockToken"].as_str().unwrap();
    let start = setup.url("/commands/messages/");
    assert!(location.starts_with(&start) && location.ends_with(token), "{location}");
    assert_eq!(first.answer.text().await.unwrap(), "m1");
    assert_eq!(peek(&setup, "commands").await.status, 204);
    assert_eq!(end(&setup, Method::DELETE, &location).await, (200, String::new()));
    assert_eq!(setup.namespace.locked("commands"), 0);
    for method in [Method::DELETE, Method::PUT, Method::POST] {
        let again = setup.http.request(method, &location).bearer_auth("token");
        check_refused(again, 404, "lock").await;
    }
}

#[tokio::test]
async fn a_lock_is_given_back_renewed_or_runs_out() {
    let setup = Setup::new().await;
    setup.send("a");
    let first = peek(&setup, "commands").await.location.unwrap();
    assert_eq!(end(&setup, Method::PUT, &first).await.0, 200);
    let second = peek(&setup, "commands").await;
    assert_eq!(second.broker["DeliveryCount"], 2);
    let location = second.location.unwrap();
    setup.clock.advance(Duration::from_secs(50));
    assert_eq!(end(&setup, Method::POST, &location).await.0, 200);
    setup.clock.advance(Duration::from_secs(50));
    assert_eq!(peek(&setup, "commands").await.status, 204);
    setup.clock.advance(Duration::from_secs(11));
    let third = peek(&setup, "commands").await;
    assert_eq!((third.status, &third.broker["DeliveryCount"]), (201, &json!(3)));
    assert_eq!(end(&setup, Method::DELETE, &location).await.0, 404);
}

#[tokio::test]
async fn dead_letters_have_a_queue_of_their_own_that_nothing_dies_in() {
    let setup = Setup::new().await;
    for id in ["a", "b"] {
        setup.namespace.send("commands", identified(id)).unwrap();
    }
    for _ in 0..20 {
        setup.receive().await.abandon();
    }
    let dead = "commands/$DeadLetterQueue";
    for count in 11..30 {
        let taken = peek(&setup, dead).await;
        assert_eq!(taken.broker["DeliveryCount"], count);
        let headers = taken.answer.headers();
        assert_eq!(headers["deadletterreason"], r#""MaxDeliveryCountExceeded""#);
        assert!(headers.contains_key("deadlettererrordescription"));
        let location = taken.location.unwrap();
        assert!(location.contains("/commands/$DeadLetterQueue/messages/"), "{location}");
        assert_eq!(end(&setup, Method::PUT, &location).await.0, 200);
    }
    let (first, second) = (peek(&setup, dead).await, peek(&setup, dead).await);
    assert_eq!(
        (&first.broker["MessageId"], &second.broker["MessageId"]),
        (&json!("a"), &json!("b"))
    );
    assert_eq!(peek(&setup, dead).await.status, 204);
    assert_eq!(end(&setup, Method::DELETE, &second.location.unwrap()).await.0, 200);
    check_bodies(&setup.namespace.dead_letters("commands"), &["a"]);
    setup.clock.advance(super::MINUTE);
    assert_eq!(peek(&setup, dead).await.broker["MessageId"], "a");
}

#[tokio::test]
async fn receive_and_delete_leaves_nothing_behind() {
    let setup = Setup::new().await;
    setup.send("a");
    let path = "/commands/messages/head?timeout=0";
    let taken = take(&setup, Method::DELETE, path).await;
    assert_eq!((taken.status, taken.location), (200, None));
    assert_eq!(taken.broker.get("LockToken"), None);
    assert!(taken.broker["MessageId"].as_str().is_some_and(|id| id.len() == 32));
    assert_eq!(taken.answer.text().await.unwrap(), "a");
    let empty = take(&setup, Method::DELETE, path).await;
    assert_eq!((empty.status, empty.broker), (204, Value::Null));
    assert!(setup.namespace.active("commands").is_empty());
    assert_eq!(setup.namespace.locked("commands"), 0);
}

#[tokio::test]
async fn whoever_waits_gets_the_message_that_comes() {
    let setup = Setup::new().await;
    let waiting = take(&setup, Method::POST, "/commands/messages/head");
    let (taken, ()) = tokio::join!(waiting, async { setup.send("a") });
    assert_eq!(taken.status, 201);
}

#[tokio::test]
async fn only_who_may_listen_receives() {
    let setup = Setup::new().await;
    setup.send("a");
    let head = setup.url("/commands/messages/head?timeout=0");
    check_refused(setup.http.post(&head), 401, "claim").await;
    check_refused(setup.http.get(&head).bearer_auth("token"), 405, "GET").await;
    let wrong = setup.url("/commands/messages/head?timeout=soon");
    check_refused(setup.http.post(wrong).bearer_auth("token"), 400, "timeout").await;
    let nowhere = setup.url("/nowhere/messages/head?timeout=0");
    check_refused(setup.http.post(nowhere).bearer_auth("token"), 410, "nowhere").await;
    setup.namespace.forbid(Claim::Listen);
    check_refused(setup.http.post(&head).bearer_auth("token"), 401, "'Listen' claim").await;
    assert_eq!(ask(setup.post("commands").body("b")).await.0, 201);
    setup.namespace.forbid(Claim::Send);
    check_refused(setup.post("commands").body("c"), 401, "'Send' claim").await;
    check_bodies(&setup.namespace.active("commands"), &["a", "b"]);
}
