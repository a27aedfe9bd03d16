//! The broker between tasks: one lock, the passing of time, and word of every change.
//!
//! It does not know what the broker does.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::broker::Broker;
use crate::emulator::Clock;

/// What senders, receivers and the keeper of time share
#[derive(Debug)]
pub(super) struct Shared {
    clock: Clock,
    broker: Mutex<Broker>,
    revision: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(clock: Clock, broker: Broker) -> Self {
        let revision = watch::Sender::new(broker.revision);
        Self { clock, broker: Mutex::new(broker), revision }
    }

    /// Does something with the broker as it is now, and tells of changes
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Broker) -> T) -> T {
        let mut broker = self.broker.lock().unwrap_or_else(PoisonError::into_inner);
        broker.settle(self.clock.now());
        let result = act(&mut broker);
        // Told under the lock: revisions must not overtake each other.
        let revision = broker.revision;
        self.revision.send_if_modified(|told| std::mem::replace(told, revision) != revision);
        result
    }

    /// Every change from this call on
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }
}

/// Lets what is due happen when the time comes, even if nobody asks
pub(super) async fn keep_time(shared: Arc<Shared>) {
    let mut changes = shared.changes();
    loop {
        changes.mark_unchanged();
        let due = shared.with(|broker| broker.next_due());
        let passing = async {
            match due {
                Some(due) => shared.clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = passing => {}
            // The sender lives as long as what is shared, so this cannot fail.
            _ = changes.changed() => {}
        }
    }
}
