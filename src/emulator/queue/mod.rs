//! A pretend Service Bus namespace: queues in virtual time, sent to and received from over HTTP or
//! from Rust.
//!
//! It has neither topics, sessions nor batches. Who receives, and why, it does not know.

mod broker;
mod entity;
mod error;
mod headers;
mod message;
mod receive;
mod rest;
mod shared;

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use broker::Claim;
pub use error::QueueError;
pub use message::{Message, QueueOptions, SentRecord, Stored};

use broker::Broker;
use entity::{Entity, Shelf};
use shared::Shared;

use super::Clock;

/// What the namespace would be called in Azure
const HOST_NAME: &str = "pretend.servicebus.windows.net";

/// A running namespace; clones share it, and it stops when the last one is dropped
#[derive(Clone)]
pub struct Namespace(Arc<Running>);

struct Running {
    shared: Arc<Shared>,
    endpoint: String,
    time: JoinHandle<()>,
    // Held for being dropped: that is what stops the server, where there is one.
    _stop: oneshot::Sender<()>,
}

impl Namespace {
    /// Starts on a free port of the loopback interface
    pub async fn start(clock: Clock, queues: Vec<QueueOptions>) -> Result<Self, QueueError> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(QueueError::Listen)?;
        let address = listener.local_addr().map_err(QueueError::Listen)?;
        let broker = Broker::new(queues, clock.now());
        let shared = Arc::new(Shared::new(clock, broker));
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(rest::serve(listener, Arc::clone(&shared), stopped));
        Ok(Self::running(shared, format!("http://{address}"), stop))
    }

    /// One that listens nowhere, for [`answer`](Self::answer) and for Rust. Its senders live in the
    /// same time.
    pub fn within(clock: Clock, queues: Vec<QueueOptions>, endpoint: String) -> Self {
        let broker = Broker::new(queues, clock.now());
        let shared = Arc::new(Shared::within(clock, broker));
        Self::running(shared, endpoint, oneshot::channel().0)
    }

    fn running(shared: Arc<Shared>, endpoint: String, stop: oneshot::Sender<()>) -> Self {
        let time = tokio::spawn(shared::keep_time(Arc::clone(&shared)));
        Self(Arc::new(Running { shared, endpoint, time, _stop: stop }))
    }

    /// Answers a request that comes from the same process.
    pub async fn answer(&self, request: Request) -> Response {
        rest::carry_out(&self.0.shared, request).await
    }

    /// Where it listens, without a slash at the end
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// What the namespace would be called in Azure, for metadata
    pub fn host_name(&self) -> &str {
        HOST_NAME
    }

    /// Sends by the same rules as over HTTP, except that no fault is in the way and the schedule is
    /// virtual time
    pub fn send(&self, queue: &str, message: Message) -> Result<(), QueueError> {
        self.0.shared.with(|broker| broker.send(queue, message, None))
    }

    /// Locks the oldest active message; waits until there is one
    pub async fn receive(&self, queue: &str) -> Result<Delivery, QueueError> {
        loop {
            let changed = self.changed();
            let taken = self.0.shared.with(|broker| broker.take(queue, Shelf::Active))?;
            if let Some((stored, lock_token)) = taken {
                let (queue, shared) = (queue.to_owned(), Arc::clone(&self.0.shared));
                return Ok(Delivery { stored, lock_token, queue, shared });
            }
            changed.await;
        }
    }

    /// What could be received, oldest first
    pub fn active(&self, queue: &str) -> Vec<Stored> {
        self.look(queue, |entity| entity.active.values().cloned().collect())
    }

    /// What will be active later, soonest first
    pub fn scheduled(&self, queue: &str) -> Vec<Stored> {
        self.look(queue, |entity| entity.scheduled.values().cloned().collect())
    }

    /// What was given up, in the order of that, what somebody works on included
    pub fn dead_letters(&self, queue: &str) -> Vec<Stored> {
        self.look(queue, |entity| entity.dead.clone())
    }

    /// Takes out what was given up and nobody works on
    pub fn take_dead_letters(&self, queue: &str) -> Vec<Stored> {
        self.0.shared.with(|broker| broker.take_dead_letters(queue))
    }

    /// How many messages somebody works on
    pub fn locked(&self, queue: &str) -> usize {
        self.look(queue, |entity| entity.locked.len())
    }

    /// Every accepted send to any queue, duplicates included, in order
    pub fn sent(&self) -> Vec<SentRecord> {
        self.0.shared.with(|broker| broker.sent.clone())
    }

    /// Lets the next sends over HTTP fail with a status; takes the place of what was set before
    pub fn fail_sends(&self, times: u32, status: u16) {
        self.0.shared.with(|broker| broker.fail_sends(times, status));
    }

    /// Lets the next requests over HTTP to end, give back or renew a message fail with a status
    pub fn fail_locks(&self, times: u32, status: u16) {
        self.0.shared.with(|broker| broker.fail_locks(times, status));
    }

    /// From now on nobody may do this over HTTP, whatever the token
    pub fn forbid(&self, claim: Claim) {
        self.0.shared.with(|broker| broker.forbid(claim));
    }

    /// Waits for the next change of any queue.
    ///
    /// Changes count from the call, not from the first poll: call this, look, then await it, and no
    /// change between looking and waiting is missed.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut changes = self.0.shared.changes();
        async move {
            // Fails when the namespace is gone, and then nobody should wait for it.
            let _ = changes.changed().await;
        }
    }

    /// A view of a queue; an unknown one is empty
    fn look<T: Default>(&self, queue: &str, at: impl FnOnce(&Entity) -> T) -> T {
        self.0.shared.with(|broker| broker.entity(queue).map(at).unwrap_or_default())
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Namespace").field("endpoint", &self.0.endpoint).finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.time.abort();
    }
}

/// A message under lock. Dropped without an end, it comes back when the lock expires.
pub struct Delivery {
    /// The message, this delivery counted
    pub stored: Stored,
    /// What the lock is known by
    pub lock_token: Uuid,
    queue: String,
    shared: Arc<Shared>,
}

impl Delivery {
    /// Takes the message out of the queue, unless the lock is lost
    pub fn complete(self) {
        self.finish(Entity::complete);
    }

    /// Makes the message visible again at once, or gives it up after too many deliveries, unless
    /// the lock is lost
    pub fn abandon(self) {
        self.finish(Entity::abandon);
    }

    fn finish(&self, end: fn(&mut Entity, Uuid) -> bool) {
        self.shared.with(|broker| broker.finish(&self.queue, end, self.lock_token));
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("queue", &self.queue)
            .field("stored", &self.stored)
            .field("lock_token", &self.lock_token)
            .finish_non_exhaustive()
    }
}
