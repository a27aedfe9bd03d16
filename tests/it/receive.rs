//! Receiving from Service Bus: against the pretend one, and against a server that answers what no
//! library should be asked to read.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use tether::azure::{Cloud, Endpoint, Inbox, Locked, Queue, QueueError, http_client};
use tether::emulator::Clock;
use tether::emulator::queue::{Message, Namespace, QueueOptions};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct Fake;

#[async_trait::async_trait]
impl TokenCredential for Fake {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        Ok(AccessToken::new("eyJ0eXAi.token", OffsetDateTime::UNIX_EPOCH))
    }
}

fn queue(address: &str) -> Queue {
    let endpoint: Endpoint = address.parse().unwrap();
    Queue::new(&endpoint, Cloud::Public, Arc::new(Fake), http_client().unwrap()).unwrap()
}

async fn receive(queue: &Queue, inbox: &Inbox) -> Result<Option<Locked>, QueueError> {
    timeout(LIMIT, queue.receive(inbox, Duration::ZERO)).await.unwrap()
}

fn commands() -> Inbox {
    Inbox::Queue("commands".to_owned())
}

async fn namespace() -> (Namespace, Clock) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Clock::new(0.0);
    let options = QueueOptions { max_delivery_count: 2, ..QueueOptions::new("commands") };
    (Namespace::start(clock.clone(), vec![options]).await.unwrap(), clock)
}

#[tokio::test]
async fn a_message_is_received_given_back_and_taken_out() {
    let (namespace, clock) = namespace().await;
    let queue = queue(namespace.endpoint());
    assert!(receive(&queue, &commands()).await.unwrap().is_none());
    let some = |text: &str| Some(text.to_owned());
    let message = Message {
        body: "żółw".into(),
        message_id: some("m1"),
        correlation_id: some("Łódź"),
        reply_to: some("replies"),
        content_type: some("text/plain"),
        properties: [("reason".to_owned(), "no ż".into()), ("n".to_owned(), 3.into())].into(),
        ..Message::default()
    };
    namespace.send("commands", message).unwrap();
    let locked = receive(&queue, &commands()).await.unwrap().unwrap();
    let first = locked.message.clone();
    assert_eq!(first.body.as_deref(), Some("żółw"));
    assert_eq!(first.message_id.as_deref(), Some("m1"));
    assert_eq!(first.correlation_id.as_deref(), Some("Łódź"));
    assert_eq!(first.reply_to.as_deref(), Some("replies"));
    assert_eq!(first.content_type.as_deref(), Some("text/plain"));
    let properties: Vec<_> = first.properties.iter().collect();
    assert_eq!(
        properties,
        [(&"n".to_owned(), &"3".to_owned()), (&"reason".to_owned(), &"no ż".to_owned())]
    );
    assert!(first.sequence_number.is_some() && first.enqueued == first.received);
    assert!(receive(&queue, &commands()).await.unwrap().is_none(), "it is locked");
    locked.unlock().await.unwrap();
    let again = receive(&queue, &commands()).await.unwrap().unwrap();
    assert_eq!(again.message.sequence_number, first.sequence_number);
    // The lock runs out, and that was the last delivery.
    clock.advance(Duration::from_secs(61));
    let lost = again.complete().await.unwrap_err();
    assert!(matches!(&lost, QueueError::LockLost { queue, .. } if queue == "commands"), "{lost:?}");
    assert!(receive(&queue, &commands()).await.unwrap().is_none());
    let dead = Inbox::DeadLetters("commands".to_owned());
    let locked = receive(&queue, &dead).await.unwrap().unwrap();
    assert_eq!(locked.message.properties["deadletterreason"], "MaxDeliveryCountExceeded");
    locked.complete().await.unwrap();
    assert!(namespace.dead_letters("commands").is_empty());
}

#[tokio::test]
async fn a_body_that_is_no_text_is_left_out_and_the_lock_is_not_lost() {
    let (namespace, _) = namespace().await;
    let queue = queue(namespace.endpoint());
    let message = Message { body: b"\xff\xfe".to_vec(), ..Message::default() };
    namespace.send("commands", message).unwrap();
    let locked = receive(&queue, &commands()).await.unwrap().unwrap();
    assert_eq!(locked.message.body, None);
    locked.complete().await.unwrap();
    assert_eq!(namespace.locked("commands"), 0);
}

#[tokio::test]
async fn a_queue_that_is_not_there_or_cannot_be_is_named() {
    let (namespace, _) = namespace().await;
    let queue = queue(namespace.endpoint());
    let gone = receive(&queue, &Inbox::DeadLetters("nowhere".to_owned())).await.unwrap_err();
    assert!(gone.to_string().contains("`nowhere/$deadletterqueue`"), "{gone}");
    for name in ["../commands", "", "commands/$deadletterqueue"] {
        let wrong = receive(&queue, &Inbox::Queue(name.to_owned())).await.unwrap_err();
        assert!(matches!(wrong, QueueError::Name(_)), "{name}");
    }
}

/// A server that gives a message whose lock is at this address, and the targets it was asked for
async fn misdirecting(location: &'static str) -> (Queue, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let answer = move |request: Request| async move {
        seen.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
        let broker = r#"{"EnqueuedSequenceNumber":41095346599755778,"LockToken":7}"#;
        let headers = [("location", location), ("brokerproperties", broker), ("tether-unfit", "x")];
        (StatusCode::CREATED, headers, "body").into_response()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (queue(&address), asked)
}

#[tokio::test]
async fn no_token_follows_a_lock_to_another_host() {
    for location in [
        "https://fabrikam.servicebus.windows.net/commands/messages/1/2",
        "http://127.0.0.1:9/commands/messages/1/2",
        "https://127.0.0.1/commands/messages/1/2",
    ] {
        let (queue, asked) = misdirecting(location).await;
        let locked = receive(&queue, &commands()).await.unwrap().unwrap();
        assert_eq!(locked.message.body.as_deref(), Some("body"), "only we say that one is unfit");
        let error = locked.complete().await.unwrap_err();
        assert!(matches!(error, QueueError::Elsewhere(_)), "{location}: {error:?}");
        let locked = receive(&queue, &commands()).await.unwrap().unwrap();
        assert!(matches!(locked.unlock().await, Err(QueueError::Elsewhere(_))), "{location}");
        let expected = "POST /commands/messages/head?timeout=0";
        assert_eq!(*asked.lock().unwrap(), [expected, expected]);
    }
}

#[tokio::test]
async fn a_lock_without_an_address_is_an_error_and_no_panic() {
    for location in ["", "/commands/messages/1/2", "not an address"] {
        let (queue, asked) = misdirecting(location).await;
        let locked = receive(&queue, &commands()).await.unwrap().unwrap();
        assert!(matches!(locked.complete().await, Err(QueueError::Client(_))), "{location}");
        assert_eq!(asked.lock().unwrap().len(), 1);
    }
}
