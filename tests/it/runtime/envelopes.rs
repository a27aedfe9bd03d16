//! Every envelope of the host, and what a function sees of it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde_json::{Value, json};
use tether::runtime::{
    App, Context, EventGridTrigger, Failure, FromInvocation, HttpTrigger, Invocation, Options,
    Payload, ServiceBusTrigger, State, TimerTrigger,
};
use time::macros::datetime;
use tokio::sync::mpsc;

use super::client::{Answer, ID, fixture, serve};

type Seen<T> = mpsc::UnboundedSender<(T, Context)>;

/// Posts an envelope to a function that takes a `T`, and gives the answer and what it saw.
async fn see<T>(envelope: &str, options: Options) -> (Answer, Option<(T, Context)>)
where
    T: FromInvocation<Seen<T>> + Send + Sync + 'static,
{
    let (seen, mut arrived) = mpsc::unbounded_channel();
    let handler = async |value: T, context: Context, State(seen): State<Seen<T>>| {
        seen.send((value, context)).unwrap();
        Ok::<_, Failure>(())
    };
    let running = serve(App::new(seen).function_with("it", options, handler)).await;
    let answer = running.post("it", envelope).await;
    (answer, arrived.try_recv().ok())
}

async fn check<T>(envelope: &str, expected: T) -> Context
where
    T: FromInvocation<Seen<T>> + Debug + PartialEq + Send + Sync + 'static,
{
    let (answer, seen) = see::<T>(envelope, Options::default()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json(), json!({ "Outputs": {} }));
    let (value, context) = seen.unwrap();
    assert!(value == expected, "{value:?} is not {expected:?}");
    context
}

async fn check_refused<T>(envelope: &str, expected_kind: &str, expected_message: &str)
where
    T: FromInvocation<Seen<T>> + Debug + Send + Sync + 'static,
{
    let (answer, seen) = see::<T>(envelope, Options::default()).await;
    let (kind, message) = answer.failure();
    assert!(answer.status >= 500 && seen.is_none(), "{answer:?}");
    assert_eq!(kind, expected_kind);
    assert!(message.contains(expected_message), "{message}");
}

fn member(envelope: &str, name: &str) -> Value {
    serde_json::from_str::<Value>(envelope).unwrap()["Data"][name].clone()
}

#[tokio::test]
async fn a_binary_message_comes_with_what_the_broker_knows() {
    let envelope = fixture("service-bus-binary.json");
    let properties = [("tenant", json!("contoso")), ("attempt", json!(3))];
    let expected = ServiceBusTrigger {
        body: r#"{"command":"reconcile","messageId":"forged","DeliveryCount":99}"#.into(),
        message_id: Some("m-1".into()),
        delivery_count: Some(2),
        enqueued_at: Some(datetime!(2026-09-01 10:00 UTC)),
        expires_at: Some(datetime!(2026-09-15 10:00 UTC)),
        sequence_number: Some(42),
        content_type: Some("application/json".into()),
        subject: Some("reconcile".into()),
        correlation_id: Some("c-9".into()),
        reply_to: Some("reports".into()),
        session_id: None,
        dead_letter_source: None,
        application_properties: properties.map(|(name, value)| (name.into(), value)).into(),
    };
    let context = check(&envelope, expected).await;
    assert_eq!(context.delivery_count, Some(2));
    assert_eq!(context.invocation_id, ID);
    assert_eq!(&*context.function, "it");
    assert!(context.remaining() <= Options::default().timeout);
}

#[tokio::test]
async fn a_message_made_up_by_hand_was_in_no_queue() {
    let expected = ServiceBusTrigger {
        body: r#"{"command":"reconcile","scope":"everything"}"#.into(),
        delivery_count: None,
        enqueued_at: None,
        expires_at: Some(datetime!(9999-12-31 23:59:59 UTC)),
        sequence_number: Some(-1),
        ..Default::default()
    };
    let context = check(&fixture("service-bus-by-hand.json"), expected).await;
    assert_eq!(context.delivery_count, None);
}

#[tokio::test]
async fn a_text_message_comes_without_properties() {
    let envelope = fixture("service-bus-string.json");
    let (answer, seen) = see::<ServiceBusTrigger>(&envelope, Options::default()).await;
    let (message, context) = seen.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(message.body, r#"{"orderId":7,"note":"grüße"}"#);
    assert_eq!(message, ServiceBusTrigger { body: message.body.clone(), ..Default::default() });
    assert_eq!(context.delivery_count, None);
}

#[tokio::test]
async fn a_body_never_chooses_its_own_message_id() {
    let envelope = fixture("service-bus-leak.json");
    let (_, seen) = see::<ServiceBusTrigger>(&envelope, Options::default()).await;
    let (message, context) = seen.unwrap();
    assert_eq!((message.message_id, message.delivery_count), (None, None));
    assert_eq!((message.application_properties, context.delivery_count), (BTreeMap::new(), None));
}

#[tokio::test]
async fn several_messages_at_once_are_refused_with_the_remedy() {
    let envelope = fixture("service-bus-many.json");
    check_refused::<ServiceBusTrigger>(&envelope, "SeveralMessages", "`cardinality` to `one`")
        .await;
}

#[tokio::test]
async fn a_message_encoded_once_is_read_all_the_same() {
    let expected = ServiceBusTrigger { body: r#"{"orderId":7}"#.into(), ..Default::default() };
    check(&fixture("documented.json"), expected).await;
}

#[tokio::test]
async fn an_event_comes_as_it_is_in_both_schemas() {
    for name in ["event-grid.json", "cloud-event.json"] {
        let envelope = fixture(name);
        let expected = EventGridTrigger { events: vec![member(&envelope, "event")] };
        check(&envelope, expected).await;
    }
}

#[tokio::test]
async fn events_come_out_of_an_array_in_a_string() {
    let envelope = fixture("event-grid-many.json");
    let events = serde_json::from_str(member(&envelope, "events").as_str().unwrap()).unwrap();
    check(&envelope, EventGridTrigger { events }).await;
}

#[tokio::test]
async fn an_event_in_a_string_in_a_string_is_an_event() {
    let envelope = r#"{"Data":{"event":"\"{\\\"id\\\":\\\"e-1\\\"}\""}}"#;
    check(envelope, EventGridTrigger { events: vec![json!({ "id": "e-1" })] }).await;
}

#[tokio::test]
async fn what_is_no_event_is_refused_unquoted() {
    let refused = check_refused::<EventGridTrigger>;
    refused(r#"{"Data":{"event":"\"a person\""}}"#, "UnreadableInput", "line 1 column 1").await;
    refused(r#"{"Data":{"event":1}}"#, "UnreadableInput", "it is a single value").await;
    refused(r#"{"Data":{}}"#, "MissingInput", "no binding").await;
    refused(r#"{"Data":{"a":{},"b":{}}}"#, "MissingInput", "which is meant? `a`, `b`").await;
    refused(r#"{"Data":{"event":"\ud800"}}"#, "UnreadableInput", "line 1").await;
}

#[tokio::test]
async fn ticks_are_read_monitored_or_not() {
    let late = TimerTrigger {
        is_past_due: true,
        last: Some(datetime!(2026-09-01 10:00 UTC)),
        next: Some(datetime!(2026-09-01 10:15 UTC)),
    };
    let first = TimerTrigger { is_past_due: false, last: None, ..late.clone() };
    check(&fixture("timer.json"), late).await;
    check(&fixture("timer-first.json"), first).await;
    check(&fixture("timer-unmonitored.json"), TimerTrigger::default()).await;
    check(r#"{"Data":{"tick":{"New":1}}}"#, TimerTrigger::default()).await;
    check_refused::<TimerTrigger>(
        r#"{"Data":{"tick":{"IsPastDue":"a person"}}}"#,
        "UnreadableInput",
        "an unexpected type",
    )
    .await;
}

#[tokio::test]
async fn a_request_is_read_whatever_the_case_of_its_names_and_shows_no_key() {
    let (answer, seen) = see::<HttpTrigger>(&fixture("http-status.json"), Options::default()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let request = seen.unwrap().0;
    assert_eq!(request.method, "GET");
    assert_eq!((request.query("cluster"), request.query("registry")), (Some("aks1"), None));
    assert_eq!(request.header("ACCEPT"), Some("text/html, application/json;q=0.9"));
    assert_eq!(request.header("if-match"), None);
    assert!(!format!("{request:?}").contains("secret"), "{request:?}");
    let (_, seen) = see::<HttpTrigger>(&fixture("http.json"), Options::default()).await;
    assert_eq!(seen.unwrap().0.method, "PUT");
    let (_, seen) =
        see::<HttpTrigger>(r#"{"Data":{"request":{"Method":"get","New":1}}}"#, Options::default())
            .await;
    assert_eq!(seen.unwrap().0.method, "GET");
    for envelope in [
        r#"{"Data":{"request":"\"a person\""}}"#,
        r#"{"Data":{"request":{"Method":"GET","Query":"a person"}}}"#,
        r#"{"Data":{"request":{"Query":{"a person":"x"}}}}"#,
    ] {
        check_refused::<HttpTrigger>(envelope, "UnreadableInput", "").await;
    }
}

#[tokio::test]
async fn any_other_trigger_can_be_read_raw() {
    let forged = r#""Metadata":{"DeliveryCount":"\"2\"","#;
    let envelope = fixture("http.json").replace(r#""Metadata":{"#, forged);
    let (answer, seen) = see::<Invocation>(&envelope, Options::default()).await;
    let (invocation, context) = seen.unwrap();
    assert_eq!(answer.status, 200);
    let (binding, payload) = invocation.trigger().unwrap();
    assert_eq!(binding, "req");
    assert!(matches!(payload, Payload::Json(_)));
    assert_eq!(serde_json::from_slice::<Value>(payload.as_bytes()).unwrap()["Method"], "PUT");
    assert_eq!(context.delivery_count, None, "a caller can't count deliveries");
    assert!(invocation.metadata("DeliveryCount").is_some());
    assert!(invocation.metadata("Query").is_some());
}

#[tokio::test]
async fn a_stated_binding_is_taken_among_several() {
    let options = Options { input: Some("b".into()), ..Options::default() };
    let envelope = r#"{"Data":{"a":{"id":1},"b":{"id":2}}}"#;
    let (_, seen) = see::<EventGridTrigger>(envelope, options.clone()).await;
    assert_eq!(seen.unwrap().0.events, [json!({ "id": 2 })]);
    let (answer, _) = see::<EventGridTrigger>(r#"{"Data":{"a":{}}}"#, options).await;
    assert!(answer.failure().1.contains("no binding `b`; it has: `a`"), "{answer:?}");
}

#[tokio::test]
async fn debug_shows_neither_bodies_nor_claims() {
    let message = ServiceBusTrigger { body: "a person".into(), ..Default::default() };
    let event = EventGridTrigger { events: vec![json!({ "claims": "a person" })] };
    let (_, seen) = see::<Invocation>(&fixture("event-grid.json"), Options::default()).await;
    let shown = format!("{message:?} {event:?} {:?}", seen.unwrap().0);
    assert!(!shown.contains("a person"), "{shown}");
}
