//! A pretend Service Bus namespace: queues with locks, delivery counts, dead letters, duplicate
//! detection and scheduled messages, on virtual time, and the REST interface for sending.
//!
//! Who receives is the host stand-in's business. Sessions, topics and receiving over REST are not
//! here.

mod broker;
mod broker_properties;
mod rest;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Clock;
use broker::Broker;

/// How a queue behaves
#[derive(Clone, Debug)]
pub struct QueueOptions {
    /// Its name
    pub name: String,
    /// How often a message is delivered before it is dead
    pub max_delivery_count: u32,
    /// For how long a message id is remembered; none means that duplicates are not looked for
    pub duplicate_window: Option<Duration>,
    /// How long a delivery is locked
    pub lock: Duration,
}

impl QueueOptions {
    /// A queue with ten deliveries, an hour of duplicate detection and locks of a minute
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            max_delivery_count: 10,
            duplicate_window: Some(Duration::from_secs(3600)),
            lock: Duration::from_secs(60),
        }
    }
}

/// A message as a sender states it
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// What it says
    pub body: Vec<u8>,
    /// Its id
    pub message_id: Option<String>,
    /// The media type of the body
    pub content_type: Option<String>,
    /// Its label
    pub subject: Option<String>,
    /// Which message it answers
    pub correlation_id: Option<String>,
    /// Where answers go
    pub reply_to: Option<String>,
    /// For whom it is
    pub to: Option<String>,
    /// When it is to appear, in virtual time
    pub scheduled: Option<OffsetDateTime>,
    /// The sender's own properties
    pub properties: BTreeMap<String, Value>,
}

/// A message as a queue keeps it
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// What was sent
    pub message: Message,
    /// Its number in the queue
    pub sequence_number: i64,
    /// When it appeared in the queue
    pub enqueued_at: OffsetDateTime,
    /// When it is too old
    pub expires_at: OffsetDateTime,
    /// How often it has been delivered
    pub delivery_count: u32,
    /// Why it is dead, if it is
    pub dead_letter_reason: Option<String>,
}

/// A send that the namespace accepted
#[derive(Clone, Debug, PartialEq)]
pub struct SentRecord {
    /// When
    pub at: OffsetDateTime,
    /// To which queue
    pub queue: String,
    /// What was sent
    pub message: Message,
    /// Whether it was dropped since its id was known
    pub duplicate: bool,
}

/// Why the namespace did not do something
#[derive(Debug, Error)]
pub enum QueueError {
    /// There is no port to be had.
    #[error("the pretend Service Bus cannot listen on the loopback interface")]
    Listen(#[source] io::Error),
    /// No such queue.
    #[error("there is no queue `{0}`")]
    Missing(String),
    /// The message is larger than 256 KiB.
    #[error("the message is larger than a queue takes")]
    TooLarge,
}

/// A namespace with its queues; clones share them. The last clone's end stops it.
#[derive(Clone, Debug)]
pub struct Namespace {
    shared: Arc<Shared>,
    running: Arc<Running>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    broker: Mutex<Broker>,
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Running {
    endpoint: String,
    server: JoinHandle<()>,
    timer: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
        self.timer.abort();
    }
}

impl Shared {
    fn broker(&self) -> MutexGuard<'_, Broker> {
        // A panic while it was held is told by the panic itself.
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Broker, OffsetDateTime) -> T) -> T {
        let result = {
            let mut broker = self.broker();
            let now = self.clock.now();
            broker.pass_time(now);
            change(&mut broker, now)
        };
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        result
    }
}

impl Namespace {
    /// Starts a namespace with these queues on a free port of the loopback interface
    pub async fn start(clock: Clock, queues: Vec<QueueOptions>) -> Result<Self, QueueError> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(QueueError::Listen)?;
        let address = listener.local_addr().map_err(QueueError::Listen)?;
        let changes = watch::Sender::new(0);
        let shared = Arc::new(Shared { clock, broker: Mutex::new(Broker::new(queues)), changes });
        let server = tokio::spawn(rest::serve(listener, Arc::clone(&shared)));
        let timer = tokio::spawn(keep_time(Arc::clone(&shared)));
        let running = Running { endpoint: format!("http://{address}"), server, timer };
        Ok(Self { shared, running: Arc::new(running) })
    }

    /// Where messages are sent to, without a slash at the end
    pub fn endpoint(&self) -> &str {
        &self.running.endpoint
    }

    /// The name that the host states for it
    pub fn host_name(&self) -> &'static str {
        "pretend.servicebus.windows.net"
    }

    /// Sends a message by the same rules as over REST
    pub fn send(&self, queue: &str, message: Message) -> Result<(), QueueError> {
        self.shared.change(|broker, now| broker.send(queue, message, now))
    }

    /// Waits for a message and locks it
    pub async fn receive(&self, queue: &str) -> Result<Delivery, QueueError> {
        let mut changes = self.shared.changes.subscribe();
        loop {
            changes.borrow_and_update();
            let received = {
                let mut broker = self.shared.broker();
                let now = self.shared.clock.now();
                broker.pass_time(now);
                broker.receive(queue, now)?
            };
            if let Some((stored, lock_token)) = received {
                self.shared.changes.send_modify(|count| *count = count.wrapping_add(1));
                let (namespace, queue) = (self.clone(), queue.to_owned());
                return Ok(Delivery { stored, lock_token, namespace, queue });
            }
            // The sender lives as long as this namespace.
            let _ = changes.changed().await;
        }
    }

    /// The messages that wait for a receiver
    pub fn active(&self, queue: &str) -> Vec<Stored> {
        self.look(|broker| broker.active(queue))
    }

    /// The messages that are yet to appear, the next one first
    pub fn scheduled(&self, queue: &str) -> Vec<Stored> {
        self.look(|broker| broker.scheduled(queue))
    }

    /// The messages that were given up
    pub fn dead_letters(&self, queue: &str) -> Vec<Stored> {
        self.look(|broker| broker.dead_letters(queue))
    }

    /// How many messages are locked
    pub fn locked(&self, queue: &str) -> usize {
        self.look(|broker| broker.locked(queue))
    }

    /// Every send that was accepted, in order
    pub fn sent(&self) -> Vec<SentRecord> {
        self.look(|broker| broker.sent.clone())
    }

    /// Answers this many of the next sends over REST with a status
    pub fn fail_sends(&self, times: u32, status: u16) {
        self.shared.broker().failures = (times, status);
    }

    /// Waits for the next change of any queue
    pub async fn changed(&self) {
        let mut changes = self.shared.changes.subscribe();
        let _ = changes.changed().await;
    }

    fn look<T>(&self, look: impl FnOnce(&Broker) -> T) -> T {
        let mut broker = self.shared.broker();
        broker.pass_time(self.shared.clock.now());
        look(&broker)
    }
}

/// Wakes receivers when a scheduled message is due or a lock runs out.
async fn keep_time(shared: Arc<Shared>) {
    let mut changes = shared.changes.subscribe();
    loop {
        changes.borrow_and_update();
        let next = shared.broker().next_moment();
        let due = async {
            match next {
                Some(moment) => shared.clock.sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => shared.change(|_, _| ()),
            woken = changes.changed() => if woken.is_err() { return },
        }
    }
}

/// A locked message. Dropped, it stays locked until the lock runs out, as after a crash.
#[derive(Debug)]
pub struct Delivery {
    /// The message
    pub stored: Stored,
    /// What names the lock
    pub lock_token: Uuid,
    namespace: Namespace,
    queue: String,
}

impl Delivery {
    /// Takes the message out of the queue
    pub fn complete(self) {
        self.namespace.shared.change(|broker, _| broker.complete(&self.queue, self.lock_token));
    }

    /// Puts the message back at once, or among the dead once it was delivered often enough
    pub fn abandon(self) {
        self.namespace.shared.change(|broker, _| broker.abandon(&self.queue, self.lock_token));
    }
}
