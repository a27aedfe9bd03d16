//! Sending to Service Bus against a server that answers from a script: what is sent, when it is sent
//! again, and what a refusal is called. How texts become headers is tested beside that code.

use std::collections::{BTreeMap, VecDeque};
use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use serde_json::{Value, json};
use tether::azure::{Cloud, Endpoint, Message, Queue, QueueError};
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::net::TcpListener;
use tokio::time::timeout;

const TOKEN: &str = "eyJ0eXAi.token";

/// Gives `TOKEN` for Service Bus, and nothing at all if told so
#[derive(Debug)]
struct Fake {
    is_signed_in: bool,
}

#[async_trait::async_trait]
impl TokenCredential for Fake {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://servicebus.azure.net/.default"]);
        if self.is_signed_in {
            return Ok(AccessToken::new(TOKEN, OffsetDateTime::UNIX_EPOCH));
        }
        Err(Error::with_message(ErrorKind::Credential, "nobody is signed in"))
    }
}

/// A request as it arrived
struct Received {
    target: String,
    headers: HeaderMap,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// An answer: status, `Retry-After`, the sentence in the body
type Answer = (u16, Option<&'static str>, &'static str);

#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    received: Mutex<Vec<Received>>,
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    script.received.lock().unwrap().push(Received {
        target: format!("{} {}", parts.method, parts.uri),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let answer = script.answers.lock().unwrap().pop_front();
    let (status, retry_after, detail) = answer.unwrap_or((201, None, ""));
    let body = format!("<Error><Code>{status}</Code><Detail>{detail}</Detail></Error>");
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.parse().unwrap());
    }
    response
}

/// A namespace on loopback that gives these answers, then yes
struct Namespace {
    queue: Queue,
    script: Arc<Script>,
}

impl Namespace {
    async fn new<const N: usize>(answers: [Answer; N]) -> Self {
        let script = Arc::new(Script { answers: Mutex::new(answers.into()), ..Script::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { queue: queue(&address, true).unwrap(), script }
    }

    async fn send(&self, message: Message) -> Result<(), QueueError> {
        send(&self.queue, message).await
    }

    fn received(&self) -> Vec<Received> {
        std::mem::take(&mut *self.script.received.lock().unwrap())
    }
}

fn queue(address: &str, is_signed_in: bool) -> Result<Queue, QueueError> {
    // Fails when there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let endpoint: Endpoint = address.parse().unwrap();
    Queue::new(&endpoint, Cloud::Public, Arc::new(Fake { is_signed_in }), client)
}

async fn send(queue: &Queue, message: Message) -> Result<(), QueueError> {
    timeout(Duration::from_secs(20), queue.send("commands", message)).await.unwrap()
}

fn hello() -> Message {
    Message { body: "hello".to_owned(), ..Message::default() }
}

#[tokio::test]
async fn a_message_arrives_whole_with_our_token_and_no_signature() {
    let namespace = Namespace::new([]).await;
    let message = Message {
        body: r#"{"command":"reconcile"}"#.to_owned(),
        message_id: Some("3f8d1c62/r1".to_owned()),
        scheduled: Some(datetime!(2026-01-10 11:07:31.9 +01:00)),
        correlation_id: Some("Łódź".to_owned()),
        reply_to: Some("replies".to_owned()),
        content_type: Some("application/json".to_owned()),
        properties: BTreeMap::from([("reason".to_owned(), "says \"no\"\r\nHost: b".to_owned())]),
    };
    namespace.send(message).await.unwrap();
    let received = namespace.received();
    assert_eq!(received.len(), 1);
    let request = &received[0];
    assert_eq!(request.target, "POST /commands/messages");
    assert_eq!(request.body, r#"{"command":"reconcile"}"#);
    assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(request.headers.get_all("authorization").iter().count(), 1);
    assert!(!format!("{:?}", request.headers).contains("SharedAccessSignature"));
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("reason"), r#""says \"no\"\r\nHost: b""#);
    assert!(request.header("host").starts_with("127.0.0.1:"));
    assert_eq!(
        serde_json::from_str::<Value>(request.header("brokerproperties")).unwrap(),
        json!({
            "MessageId": "3f8d1c62/r1",
            "CorrelationId": "Łódź",
            "ReplyTo": "replies",
            "ScheduledEnqueueTimeUtc": "Sat, 10 Jan 2026 10:07:31 GMT",
        })
    );
}

#[tokio::test]
async fn a_property_cannot_take_the_place_of_a_header() {
    let namespace = Namespace::new([]).await;
    let names = ["Authorization", "Host", "Content-Length", "BrokerProperties", "a\r\nb: c", "ż"];
    let properties = names.map(|name| (name.to_owned(), "999".to_owned())).into();
    namespace.send(Message { properties, ..hello() }).await.unwrap();
    let request = &namespace.received()[0];
    assert_eq!(request.header("authorization"), format!("Bearer {TOKEN}"));
    assert!(request.header("host").starts_with("127.0.0.1:"));
    assert_eq!(request.header("content-length"), "5");
    assert!(!request.headers.contains_key("brokerproperties"));
    assert_eq!(request.header("propertyhost"), "\"999\"");
    assert_eq!(request.header("abc"), "\"999\"");
}

#[tokio::test]
async fn a_busy_namespace_is_asked_three_times_at_most() {
    let namespace = Namespace::new([(503, None, ""), (429, Some("0"), "")]).await;
    namespace.send(hello()).await.unwrap();
    let received = namespace.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|request| request.body == "hello"));

    let namespace = Namespace::new([(500, Some("0"), ""); 4]).await;
    let error = namespace.send(hello()).await.unwrap_err();
    assert!(matches!(error, QueueError::Unavailable { .. }), "{error:?}");
    assert_eq!(namespace.received().len(), 3);
}

#[tokio::test]
async fn a_long_wait_is_left_to_the_caller() {
    let namespace = Namespace::new([(429, Some("60"), "")]).await;
    let error = namespace.send(hello()).await.unwrap_err();
    assert_eq!(namespace.received().len(), 1);
    let minute = Some(Duration::from_secs(60));
    assert!(
        matches!(error, QueueError::Throttled { retry_after, .. } if retry_after == minute),
        "{error:?}"
    );
}

#[track_caller]
fn check_refusal(error: &QueueError, sentence: &str, answer: &str) {
    assert!(error.to_string().contains(sentence), "{error}");
    assert!(error.to_string().contains("`commands`"), "{error}");
    assert_eq!(error.source().unwrap().to_string(), answer);
    let shown = format!("{error:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains("SharedAccess"), "{shown}");
}

#[tokio::test]
async fn a_refusal_says_what_is_missing_and_is_not_tried_again() {
    let role = "role `Azure Service Bus Data Sender`";
    for (status, detail, sentence, answer) in [
        (400, "Bad.", "does not take the message", "Service Bus answered 400: Bad."),
        (401, "Invalid issuer.", role, "Service Bus answered 401: Invalid issuer."),
        (403, "", role, "Service Bus answered 403"),
        (
            403,
            "The quota is used up.",
            "is full",
            "Service Bus answered 403: The quota is used up.",
        ),
        (404, "", "there is no queue", "Service Bus answered 404"),
        (410, "", "there is no queue", "Service Bus answered 410"),
        (413, "", "too large", "Service Bus answered 413"),
    ] {
        let namespace = Namespace::new([(status, None, detail)]).await;
        let error = namespace.send(hello()).await.unwrap_err();
        check_refusal(&error, sentence, answer);
        assert_eq!(namespace.received().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn nothing_is_sent_without_a_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let error = send(&queue(&address, false).unwrap(), hello()).await.unwrap_err();
    assert!(matches!(error, QueueError::Token(_)), "{error:?}");
    assert_eq!(error.source().unwrap().to_string(), "nobody is signed in");
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = send(&queue(&address, true).unwrap(), hello()).await.unwrap_err();
    assert!(matches!(error, QueueError::Unreachable(_)), "{error:?}");
}

#[tokio::test]
async fn a_message_that_cannot_be_right_is_not_sent() {
    let namespace = Namespace::new([]).await;
    let long = Message { message_id: Some("i".repeat(129)), ..hello() };
    assert!(matches!(namespace.send(long).await, Err(QueueError::MessageId(_))));
    let old = Message { scheduled: Some(datetime!(1850-01-01 0:00 UTC)), ..hello() };
    assert!(matches!(namespace.send(old).await, Err(QueueError::Scheduled(_))));
    let outside = namespace.queue.send("../commands", hello()).await;
    assert!(matches!(outside, Err(QueueError::Name(_))));
    assert!(namespace.received().is_empty());
}

#[test]
fn there_is_no_queue_behind_an_address_that_may_not_receive_a_token() {
    // A queue is made of an endpoint, and these are none.
    for insecure in ["http://tether.servicebus.windows.net", "http://localhost", "http://10.0.0.1"]
    {
        assert!(insecure.parse::<Endpoint>().is_err(), "{insecure}");
    }
    for more in ["https://user:pass@bus.example", "https://bus.example/a", "https://bus.example?a"]
    {
        let error = queue(more, true).unwrap_err();
        assert!(matches!(&error, QueueError::Endpoint(host) if host == "bus.example"), "{error:?}");
        assert!(!error.to_string().contains("pass"), "{error}");
    }
}

#[test]
fn a_queue_shows_where_it_sends_to_and_nothing_else() {
    let shown = format!("{:?}", queue("https://bus.example", true).unwrap());
    assert!(shown.contains("https://bus.example/") && !shown.contains("Fake"), "{shown}");
}
