//! Event Grid between the pretend Azure and a destination: filters, both schemas, redelivery.
//!
//! It delivers at least once and promises no order, as the real one does.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use serde_json::{Map, Value, json};
use thiserror::Error;
use tokio::sync::mpsc::UnboundedReceiver;

use super::azure::Event;
use super::queue::{Message, Namespace};
use super::{Clock, loopback};

/// Waits between deliveries that fail, in virtual time
const RETRIES: [Duration; 5] = [
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(600),
];

/// How long an answer may take, in real time
const PATIENCE: Duration = Duration::from_secs(30);

/// Where events go
#[derive(Clone, Debug)]
pub enum Destination {
    /// To a webhook, such as the Functions host's
    Webhook(String),
    /// To a queue
    Queue(Namespace, String),
}

/// How an event is written
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// Event Grid's own
    EventGrid,
    /// `CloudEvents` 1.0
    CloudEvents,
}

/// An event subscription; clones share it
#[derive(Clone, Debug)]
pub struct Subscription(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    destination: Destination,
    schema: Schema,
    /// Only operations on this list, in any letter case; an empty list lets everything through
    operations: Vec<String>,
    /// Every so many events one is delivered twice
    duplicate_every: Option<u32>,
    clock: Clock,
    client: reqwest::Client,
    paused: AtomicBool,
    waiting: AtomicUsize,
    followed: Mutex<Vec<Followed>>,
    taken: AtomicU32,
}

/// The destination did not prove that it wants events
#[derive(Debug, Error)]
#[error("the webhook did not answer the validation: {0}")]
pub struct ValidationError(String);

impl Subscription {
    /// Makes a subscription; a webhook has to prove first that it wants events
    pub async fn create(
        destination: Destination,
        schema: Schema,
        clock: Clock,
    ) -> Result<Self, ValidationError> {
        let client = loopback::client();
        let client = client.map_err(|error| ValidationError(error.to_string()))?;
        if let Destination::Webhook(url) = &destination {
            validate(&client, url, schema).await?;
        }
        Ok(Self(Arc::new(Inner {
            destination,
            schema,
            operations: Vec::new(),
            duplicate_every: None,
            clock,
            client,
            paused: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            followed: Mutex::default(),
            taken: AtomicU32::new(0),
        })))
    }

    /// Lets only these operations through
    #[must_use]
    pub fn only(self, operations: &[&str]) -> Self {
        let operations = operations.iter().map(|name| name.to_lowercase()).collect();
        self.with(|inner| inner.operations = operations)
    }

    /// Delivers one event in so many twice
    #[must_use]
    pub fn duplicate_every(self, count: u32) -> Self {
        self.with(|inner| inner.duplicate_every = Some(count))
    }

    /// INVARIANT: only called before the subscription is shared.
    fn with(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            change(inner);
        }
        self
    }

    /// Takes every event of the pretend Azure from now on
    pub fn follow(&self, events: UnboundedReceiver<Event>) {
        let events = Arc::new(Mutex::new(events));
        self.0.followed().push(Arc::clone(&events));
        let subscription = self.clone();
        tokio::spawn(async move {
            while let Some(event) = subscription.next(&events).await {
                subscription.deliver(&event.json);
                subscription.0.waiting.fetch_sub(1, Ordering::SeqCst);
            }
        });
    }

    /// The next event, which counts as waiting from the moment it leaves its channel
    async fn next(&self, events: &Mutex<UnboundedReceiver<Event>>) -> Option<Event> {
        poll_fn(|context| {
            let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
            let polled = events.poll_recv(context);
            if matches!(polled, Poll::Ready(Some(_))) {
                self.0.waiting.fetch_add(1, Ordering::SeqCst);
            }
            polled
        })
        .await
    }

    /// Takes one event, in the Event Grid schema
    pub fn deliver(&self, event: &Value) {
        if self.0.paused.load(Ordering::SeqCst) || !self.0.lets_through(event) {
            return;
        }
        let count = self.0.taken.fetch_add(1, Ordering::SeqCst) + 1;
        let twice = self.0.duplicate_every.is_some_and(|every| count.is_multiple_of(every));
        for _ in 0..=u32::from(twice) {
            let (inner, event) = (Arc::clone(&self.0), event.clone());
            inner.waiting.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                inner.keep_delivering(&event).await;
                inner.waiting.fetch_sub(1, Ordering::SeqCst);
            });
        }
    }

    /// Loses every event from now on
    pub fn pause(&self) {
        self.0.paused.store(true, Ordering::SeqCst);
    }

    /// Whether nothing is under way or waits for another delivery
    pub fn is_idle(&self) -> bool {
        let is_empty =
            |events: &Followed| events.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        self.0.followed().iter().all(is_empty) && self.0.waiting.load(Ordering::SeqCst) == 0
    }
}

/// A channel of events that is being emptied
type Followed = Arc<Mutex<UnboundedReceiver<Event>>>;

impl Inner {
    fn followed(&self) -> MutexGuard<'_, Vec<Followed>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lets_through(&self, event: &Value) -> bool {
        let operation = event.pointer("/data/operationName").and_then(Value::as_str);
        let operation = operation.unwrap_or_default().to_lowercase();
        self.operations.is_empty() || self.operations.contains(&operation)
    }

    async fn keep_delivering(&self, event: &Value) {
        let mut retries = RETRIES.into_iter();
        while !self.deliver_once(event).await {
            let Some(wait) = retries.next() else {
                tracing::warn!("an event was given up");
                return;
            };
            self.clock.sleep_until(self.clock.now() + wait).await;
        }
    }

    /// Whether this event is done with: taken, or refused for good
    async fn deliver_once(&self, event: &Value) -> bool {
        let body = match self.schema {
            Schema::EventGrid => event.clone(),
            Schema::CloudEvents => cloud_event(event),
        };
        match &self.destination {
            Destination::Queue(namespace, queue) => {
                let id = event.get("id").and_then(Value::as_str).map(str::to_owned);
                let body = body.to_string().into_bytes();
                let message = Message { body, message_id: id, ..Message::default() };
                namespace.send(queue, message).is_ok()
            }
            Destination::Webhook(url) => self.post(url, body).await,
        }
    }

    async fn post(&self, url: &str, body: Value) -> bool {
        let (kind, body) = match self.schema {
            Schema::EventGrid => ("application/json", json!([body])),
            Schema::CloudEvents => ("application/cloudevents+json", body),
        };
        let post = self
            .client
            .post(url)
            .timeout(PATIENCE)
            .header("aeg-event-type", "Notification")
            .header("content-type", kind)
            .body(body.to_string());
        match post.send().await.map(|answer| answer.status().as_u16()) {
            Ok(status) => matches!(status, 200..=204 | 400 | 401 | 413),
            Err(_) => false,
        }
    }
}

async fn validate(
    client: &reqwest::Client,
    url: &str,
    schema: Schema,
) -> Result<(), ValidationError> {
    let failed = |error: reqwest::Error| ValidationError(error.to_string());
    match schema {
        Schema::CloudEvents => {
            let ask = client.request(reqwest::Method::OPTIONS, url);
            let ask = ask.header("WebHook-Request-Origin", "eventgrid.azure.net");
            let answer = ask.send().await.map_err(failed)?;
            let allowed = answer.headers().contains_key("webhook-allowed-origin");
            if allowed { Ok(()) } else { Err(ValidationError(answer.status().to_string())) }
        }
        Schema::EventGrid => {
            let code = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6";
            let body = json!([{ "data": { "validationCode": code } }]).to_string();
            let ask = client.post(url).header("aeg-event-type", "SubscriptionValidation");
            let answer = ask.body(body).send().await.map_err(failed)?;
            let text = answer.text().await.map_err(failed)?;
            let answer: Value = serde_json::from_str(&text).unwrap_or_default();
            let is_right = answer.get("validationResponse").and_then(Value::as_str) == Some(code);
            if is_right { Ok(()) } else { Err(ValidationError(text)) }
        }
    }
}

/// The same event as a `CloudEvent`
fn cloud_event(event: &Value) -> Value {
    let mut cloud = Map::new();
    cloud.insert("specversion".into(), json!("1.0"));
    let fields = [
        ("id", "id"),
        ("topic", "source"),
        ("subject", "subject"),
        ("eventType", "type"),
        ("eventTime", "time"),
        ("data", "data"),
        // Extension attributes, which are passed on as they are.
        ("traceparent", "traceparent"),
        ("tracestate", "tracestate"),
    ];
    for (from, to) in fields {
        if let Some(value) = event.get(from) {
            cloud.insert(to.into(), value.clone());
        }
    }
    Value::Object(cloud)
}
