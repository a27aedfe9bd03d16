//! What is sent over HTTP: who may, what arrives, and what is refused. Receiving is in `receive`.

use reqwest::Client;
use serde_json::json;
use tether::emulator::queue::{Message, QueueError};

use super::{Setup, ask, check_bodies, check_refused, message};

/// Largest message of the Standard tier
const LARGEST: usize = 256 * 1024;

#[tokio::test]
async fn what_is_sent_arrives_with_all_its_properties() {
    let setup = Setup::new().await;
    let properties = json!({
        "MessageId": "m1", "CorrelationId": "c1", "Label": "reconcile", "ReplyTo": "replies",
        "To": "worker", "SessionId": "s1", "TimeToLive": 60,
    });
    let request = setup
        .http
        .post(setup.url("/commands/messages?timeout=60&api-version=2015-01"))
        .bearer_auth("token")
        .header("Content-Type", "application/json")
        .header("BrokerProperties", properties.to_string())
        .header("tenantId", "\"2222\"")
        .header("attempt", "3")
        .header("dry-run", "true")
        .header("x-ms-retrypolicy", "NoRetry")
        .body(r#"{"command":"reconcile"}"#);
    assert_eq!(ask(request).await, (201, String::new()));
    let stored = setup.receive().await.stored;
    let some = |text: &str| Some(text.to_owned());
    let expected = Message {
        message_id: some("m1"),
        content_type: some("application/json"),
        subject: some("reconcile"),
        correlation_id: some("c1"),
        reply_to: some("replies"),
        to: some("worker"),
        session_id: some("s1"),
        scheduled: None,
        properties: [
            ("tenantid".to_owned(), json!("2222")),
            ("attempt".to_owned(), json!(3)),
            ("dry-run".to_owned(), json!(true)),
        ]
        .into(),
        ..message(r#"{"command":"reconcile"}"#)
    };
    assert_eq!(stored.message, expected);
    assert_eq!((stored.sequence_number, stored.delivery_count), (1, 1));
    assert_eq!(stored.enqueued_at, setup.clock.now());
    assert_eq!(stored.expires_at, setup.clock.now() + super::MINUTE);
}

#[tokio::test]
async fn only_bearers_of_a_token_may_send() {
    let setup = Setup::new().await;
    check_refused(setup.anonymous("commands"), 401, "claim").await;
    for other in ["SharedAccessSignature sr=x&sig=y&se=1&skn=z", "Basic eDp5", "Bearer", "Bearer "]
    {
        let request = setup.anonymous("commands").header("Authorization", other);
        check_refused(request, 401, "claim").await;
    }
    check_refused(setup.anonymous("nowhere"), 401, "claim").await;
    assert!(setup.namespace.sent().is_empty());
}

#[tokio::test]
async fn a_queue_that_nobody_made_is_gone() {
    let setup = Setup::new().await;
    check_refused(setup.post("nowhere"), 410, "nowhere").await;
    let refused = setup.namespace.send("nowhere", message(""));
    assert!(matches!(refused, Err(QueueError::NoSuchQueue { .. })));
    assert!(setup.namespace.receive("nowhere").await.is_err());
    assert!(setup.namespace.active("nowhere").is_empty());
}

#[tokio::test]
async fn names_of_queues_have_no_letter_case() {
    let setup = Setup::new().await;
    assert_eq!(ask(setup.post("Commands").body("a")).await.0, 201);
    check_bodies(&setup.namespace.active("COMMANDS"), &["a"]);
    assert_eq!(setup.namespace.sent()[0].queue, "commands");
}

#[tokio::test]
async fn a_message_of_256_kib_fits_and_no_more() {
    let setup = Setup::new().await;
    assert_eq!(ask(setup.post("commands").body("x".repeat(LARGEST))).await.0, 201);
    for size in [LARGEST + 1, 16 * LARGEST] {
        check_refused(setup.post("commands").body("x".repeat(size)), 403, "large").await;
    }
    let with_property = setup.post("commands").header("name", r#""value""#);
    check_refused(with_property.body("x".repeat(LARGEST)), 403, "large").await;
    let refused = setup.namespace.send("commands", message(&"x".repeat(LARGEST + 1)));
    assert!(matches!(refused, Err(QueueError::TooLarge { .. })));
    assert_eq!(setup.namespace.sent().len(), 1);
}

#[tokio::test]
async fn what_is_malformed_is_refused_and_leaves_nothing() {
    let setup = Setup::new().await;
    for (properties, reason) in [
        (json!({"ScheduledEnqueueTimeUtc": "Sat, 10 Jan 2026 10:07:31 +0000"}), "Scheduled"),
        (json!({"MessageId": "x".repeat(129)}), "MessageId"),
        (json!({"SessionId": "x".repeat(129)}), "SessionId"),
        (json!({"Colour": "blue"}), "Colour"),
        (json!("text"), "BrokerProperties"),
    ] {
        let request = setup.post("commands").header("BrokerProperties", properties.to_string());
        check_refused(request, 400, reason).await;
    }
    check_refused(setup.post("commands").header("tenant", "bare"), 400, "tenant").await;
    let batch = setup.post("commands").body("[]");
    let batch = batch.header("Content-Type", "application/vnd.microsoft.servicebus.json");
    check_refused(batch, 400, "Batches").await;
    let elsewhere = setup.http.post(setup.url("/commands/subscriptions")).bearer_auth("token");
    check_refused(elsewhere, 404, "nothing at this address").await;
    let get = setup.http.get(setup.url("/commands/messages")).bearer_auth("token");
    check_refused(get, 405, "GET").await;
    assert!(setup.namespace.sent().is_empty());
}

#[tokio::test]
async fn sends_fail_as_often_as_told() {
    let setup = Setup::new().await;
    setup.namespace.fail_sends(2, 503);
    check_refused(setup.post("commands").body("a"), 503, "fail").await;
    setup.send("from rust");
    check_refused(setup.anonymous("commands"), 401, "claim").await;
    check_refused(setup.post("commands").body("a"), 503, "fail").await;
    assert_eq!(ask(setup.post("commands").body("a")).await.0, 201);
    check_bodies(&setup.namespace.active("commands"), &["from rust", "a"]);
}

#[tokio::test]
async fn later_faults_replace_earlier_ones() {
    let setup = Setup::new().await;
    setup.namespace.fail_sends(9, 500);
    setup.namespace.fail_sends(1, 429);
    check_refused(setup.post("commands"), 429, "fail").await;
    assert_eq!(ask(setup.post("commands")).await.0, 201);
    setup.namespace.fail_sends(9, 500);
    setup.namespace.fail_sends(0, 500);
    assert_eq!(ask(setup.post("commands")).await.0, 201);
}

#[tokio::test]
async fn the_server_stops_with_the_last_clone() {
    let setup = Setup::new().await;
    let url = setup.url("/commands/messages");
    let clone = setup.namespace.clone();
    drop(setup);
    let ask = async || Client::builder().no_proxy().build().unwrap().post(&url).send().await;
    assert_eq!(ask().await.unwrap().status(), 401);
    let (changed, endpoint) = (clone.changed(), clone.endpoint().to_owned());
    assert!(endpoint.starts_with("http://127.0.0.1:"));
    assert_eq!(clone.host_name(), "pretend.servicebus.windows.net");
    drop(clone);
    tokio::time::timeout(super::PATIENCE, changed).await.unwrap();
    let gone = async {
        while ask().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, gone).await.unwrap();
}
