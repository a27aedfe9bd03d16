//! All queues of the namespace, what was sent to them, and the faults in the way of senders.
//!
//! It is brought up to the virtual time before each use. It does not know of HTTP, and nothing in it
//! waits; `shared` does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::entity::{Entity, Shelf};
use super::error::QueueError;
use super::message::{Message, QueueOptions, SentRecord, Stored};

/// Largest message of the Standard tier
const LARGEST: usize = 256 * 1024;

/// Longest message and session id
const LONGEST_ID: usize = 128;

/// The namespace's state
#[derive(Debug)]
pub(super) struct Broker {
    /// The virtual time this was last brought up to
    pub(super) now: OffsetDateTime,
    /// Counts changes, so that somebody who waits for one can tell
    pub(super) revision: u64,
    pub(super) sent: Vec<SentRecord>,
    /// By name in lower case
    queues: BTreeMap<String, Entity>,
    fault: Fault,
    lock_fault: Fault,
    /// What nobody may do
    forbidden: BTreeSet<Claim>,
}

/// A right on a namespace, as its refusals name it
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// To send
    Send,
    /// To receive
    Listen,
}

/// How many requests over HTTP fail yet, and how
#[derive(Debug, Default)]
struct Fault {
    left: u32,
    status: u16,
}

impl Broker {
    pub(super) fn new(queues: Vec<QueueOptions>, now: OffsetDateTime) -> Self {
        let named = |options: QueueOptions| (options.name.to_lowercase(), Entity::new(options));
        let queues = queues.into_iter().map(named).collect();
        let (sent, forbidden) = (Vec::new(), BTreeSet::new());
        let (fault, lock_fault) = (Fault::default(), Fault::default());
        Self { now, revision: 0, sent, queues, fault, lock_fault, forbidden }
    }

    /// Lets happen what is due by now
    pub(super) fn settle(&mut self, now: OffsetDateTime) {
        self.now = now;
        for queue in self.queues.values_mut() {
            if queue.settle(now) {
                self.revision += 1;
            }
        }
    }

    /// When something happens by itself
    pub(super) fn next_due(&self) -> Option<OffsetDateTime> {
        self.queues.values().filter_map(Entity::next_due).min()
    }

    /// Accepts a message, or drops it as a duplicate, which the sender does not notice
    pub(super) fn send(
        &mut self,
        queue: &str,
        message: Message,
        time_to_live: Option<Duration>,
    ) -> Result<(), QueueError> {
        let now = self.now;
        let entity = self.entity_mut(queue)?;
        check_limits(&message)?;
        let duplicate = entity.is_duplicate(&message, now);
        let record = SentRecord {
            at: now,
            queue: entity.options.name.clone(),
            message_id: message.message_id.clone(),
            duplicate,
            body: message.body.clone(),
            scheduled: message.scheduled,
        };
        if !duplicate {
            entity.accept(message, time_to_live, now);
        }
        self.sent.push(record);
        self.revision += 1;
        Ok(())
    }

    /// Locks the oldest message of the queue
    pub(super) fn take(
        &mut self,
        queue: &str,
        place: Shelf,
    ) -> Result<Option<(Stored, Uuid)>, QueueError> {
        let now = self.now;
        let taken = self.entity_mut(queue)?.take(place, now);
        if taken.is_some() {
            self.revision += 1;
        }
        Ok(taken)
    }

    /// Takes the oldest message of the queue out for good
    pub(super) fn take_away(
        &mut self,
        queue: &str,
        place: Shelf,
    ) -> Result<Option<Stored>, QueueError> {
        let now = self.now;
        let taken = self.entity_mut(queue)?.take_away(place, now);
        if taken.is_some() {
            self.revision += 1;
        }
        Ok(taken)
    }

    /// Completes or abandons what was taken; nothing happens if the lock is lost, and then it is
    /// false
    pub(super) fn finish(
        &mut self,
        queue: &str,
        end: fn(&mut Entity, Uuid) -> bool,
        token: Uuid,
    ) -> bool {
        let done = self.entity_mut(queue).is_ok_and(|entity| end(entity, token));
        if done {
            self.revision += 1;
        }
        done
    }

    /// Renews a lock; false if it is lost
    pub(super) fn renew(&mut self, queue: &str, token: Uuid) -> bool {
        let now = self.now;
        self.entity_mut(queue).is_ok_and(|entity| entity.renew(token, now))
    }

    pub(super) fn entity(&self, queue: &str) -> Result<&Entity, QueueError> {
        self.queues.get(&queue.to_lowercase()).ok_or_else(|| unknown(queue))
    }

    pub(super) fn take_dead_letters(&mut self, queue: &str) -> Vec<Stored> {
        self.entity_mut(queue).map(Entity::take_dead_letters).unwrap_or_default()
    }

    fn entity_mut(&mut self, queue: &str) -> Result<&mut Entity, QueueError> {
        self.queues.get_mut(&queue.to_lowercase()).ok_or_else(|| unknown(queue))
    }

    pub(super) fn fail_sends(&mut self, times: u32, status: u16) {
        self.fault = Fault { left: times, status };
    }

    pub(super) fn fail_locks(&mut self, times: u32, status: u16) {
        self.lock_fault = Fault { left: times, status };
    }

    /// The status with which this request about a lock fails
    pub(super) fn strike_lock(&mut self) -> Option<u16> {
        self.lock_fault.left = self.lock_fault.left.checked_sub(1)?;
        Some(self.lock_fault.status)
    }

    pub(super) fn forbid(&mut self, claim: Claim) {
        self.forbidden.insert(claim);
    }

    pub(super) fn is_forbidden(&self, claim: Claim) -> bool {
        self.forbidden.contains(&claim)
    }

    /// The status with which this send fails
    pub(super) fn strike(&mut self) -> Option<u16> {
        self.fault.left = self.fault.left.checked_sub(1)?;
        Some(self.fault.status)
    }
}

fn unknown(queue: &str) -> QueueError {
    QueueError::NoSuchQueue { queue: queue.to_owned() }
}

fn check_limits(message: &Message) -> Result<(), QueueError> {
    let ids = [("MessageId", &message.message_id), ("SessionId", &message.session_id)];
    for (property, id) in ids {
        let length = id.as_ref().map_or(0, |id| id.chars().count());
        if length > LONGEST_ID {
            return Err(QueueError::TooLong { property, length, limit: LONGEST_ID });
        }
    }
    let size = message.size();
    if size > LARGEST {
        return Err(QueueError::TooLarge { size, limit: LARGEST });
    }
    Ok(())
}
