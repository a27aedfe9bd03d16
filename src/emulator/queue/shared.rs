//! The broker between tasks: one lock, the passing of time, and word of every change.
//!
//! It does not know what the broker does.

use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use tokio::sync::watch;

use super::broker::Broker;
use crate::emulator::Clock;

/// What senders, receivers and the keeper of time share
#[derive(Debug)]
pub(super) struct Shared {
    clock: Clock,
    broker: Mutex<Broker>,
    revision: watch::Sender<u64>,
    /// What time it is for those who send
    senders: fn(&Clock) -> OffsetDateTime,
}

impl Shared {
    /// For senders in other processes, by the wall clock
    pub(super) fn new(clock: Clock, broker: Broker) -> Self {
        let revision = watch::Sender::new(broker.revision);
        let senders = |_: &Clock| OffsetDateTime::now_utc();
        Self { clock, broker: Mutex::new(broker), revision, senders }
    }

    /// For senders that live in virtual time
    pub(super) fn within(clock: Clock, broker: Broker) -> Self {
        Self { senders: Clock::now, ..Self::new(clock, broker) }
    }

    pub(super) fn senders_time(&self) -> OffsetDateTime {
        (self.senders)(&self.clock)
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
            // Always the same way round: nothing here is left to chance.
            biased;
            () = passing => {}
            // The sender lives as long as what is shared, so this cannot fail.
            _ = changes.changed() => {}
        }
    }
}
