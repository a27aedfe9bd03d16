//! The queues as plain state: every rule of theirs, with the time passed in.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Message, QueueError, QueueOptions, SentRecord, Stored};

/// Largest message, properties apart: the Standard tier's limit
const LARGEST: usize = 256 * 1024;

/// How long a message is kept
const TIME_TO_LIVE: Duration = Duration::from_secs(14 * 24 * 3600);

/// All queues of a namespace
#[derive(Debug)]
pub(super) struct Broker {
    queues: BTreeMap<String, Queue>,
    locks: u128,
    pub(super) sent: Vec<SentRecord>,
    /// How many of the next sends fail, and with which status
    pub(super) failures: (u32, u16),
}

#[derive(Debug)]
struct Queue {
    options: QueueOptions,
    /// By sequence number
    active: BTreeMap<i64, Stored>,
    /// By due time and sequence number
    scheduled: BTreeMap<(OffsetDateTime, i64), Stored>,
    locked: BTreeMap<Uuid, (OffsetDateTime, Stored)>,
    dead: Vec<Stored>,
    /// When each message id was last taken
    known: BTreeMap<String, OffsetDateTime>,
    last_number: i64,
}

impl Broker {
    pub(super) fn new(queues: Vec<QueueOptions>) -> Self {
        let queues =
            queues.into_iter().map(|options| (options.name.to_lowercase(), Queue::new(options)));
        Self { queues: queues.collect(), locks: 0, sent: Vec::new(), failures: (0, 0) }
    }

    /// Lets scheduled messages appear and locks run out.
    pub(super) fn pass_time(&mut self, now: OffsetDateTime) {
        self.queues.values_mut().for_each(|queue| queue.pass_time(now));
    }

    /// When something will happen by itself next
    pub(super) fn next_moment(&self) -> Option<OffsetDateTime> {
        self.queues.values().filter_map(Queue::next_moment).min()
    }

    pub(super) fn send(
        &mut self,
        name: &str,
        message: Message,
        now: OffsetDateTime,
    ) -> Result<(), QueueError> {
        let queue = self.queue(name)?;
        if message.body.len() > LARGEST {
            return Err(QueueError::TooLarge);
        }
        let duplicate = queue.is_duplicate(&message, now);
        if !duplicate {
            queue.put(message.clone(), now);
        }
        self.sent.push(SentRecord { at: now, queue: name.to_owned(), message, duplicate });
        Ok(())
    }

    pub(super) fn receive(
        &mut self,
        name: &str,
        now: OffsetDateTime,
    ) -> Result<Option<(Stored, Uuid)>, QueueError> {
        self.locks += 1;
        let token = Uuid::from_u128(self.locks);
        let queue = self.queue(name)?;
        let Some((_, mut stored)) = queue.active.pop_first() else { return Ok(None) };
        stored.delivery_count += 1;
        queue.locked.insert(token, (now + queue.options.lock, stored.clone()));
        Ok(Some((stored, token)))
    }

    pub(super) fn complete(&mut self, name: &str, token: Uuid) {
        if let Ok(queue) = self.queue(name) {
            queue.locked.remove(&token);
        }
    }

    pub(super) fn abandon(&mut self, name: &str, token: Uuid) {
        if let Ok(queue) = self.queue(name)
            && let Some((_, stored)) = queue.locked.remove(&token)
        {
            queue.put_back(stored);
        }
    }

    pub(super) fn active(&self, name: &str) -> Vec<Stored> {
        self.look(name, |queue| queue.active.values().cloned().collect())
    }

    pub(super) fn scheduled(&self, name: &str) -> Vec<Stored> {
        self.look(name, |queue| queue.scheduled.values().cloned().collect())
    }

    pub(super) fn dead_letters(&self, name: &str) -> Vec<Stored> {
        self.look(name, |queue| queue.dead.clone())
    }

    pub(super) fn locked(&self, name: &str) -> usize {
        self.look(name, |queue| queue.locked.len())
    }

    fn look<T: Default>(&self, name: &str, look: impl FnOnce(&Queue) -> T) -> T {
        self.queues.get(&name.to_lowercase()).map(look).unwrap_or_default()
    }

    fn queue(&mut self, name: &str) -> Result<&mut Queue, QueueError> {
        let queue = self.queues.get_mut(&name.to_lowercase());
        queue.ok_or_else(|| QueueError::Missing(name.to_owned()))
    }
}

impl Queue {
    fn new(options: QueueOptions) -> Self {
        Self {
            options,
            active: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            locked: BTreeMap::new(),
            dead: Vec::new(),
            known: BTreeMap::new(),
            last_number: 0,
        }
    }

    fn is_duplicate(&mut self, message: &Message, now: OffsetDateTime) -> bool {
        let Some(window) = self.options.duplicate_window else { return false };
        self.known.retain(|_, taken| *taken + window > now);
        let Some(id) = &message.message_id else { return false };
        let is_known = self.known.contains_key(id);
        if !is_known {
            self.known.insert(id.clone(), now);
        }
        is_known
    }

    fn put(&mut self, message: Message, now: OffsetDateTime) {
        self.last_number += 1;
        let due = message.scheduled.filter(|due| *due > now);
        let enqueued_at = due.unwrap_or(now);
        let stored = Stored {
            message,
            sequence_number: self.last_number,
            enqueued_at,
            expires_at: enqueued_at + TIME_TO_LIVE,
            delivery_count: 0,
            dead_letter_reason: None,
        };
        match due {
            Some(due) => drop(self.scheduled.insert((due, self.last_number), stored)),
            None => drop(self.active.insert(self.last_number, stored)),
        }
    }

    fn put_back(&mut self, mut stored: Stored) {
        if stored.delivery_count >= self.options.max_delivery_count {
            stored.dead_letter_reason = Some("MaxDeliveryCountExceeded".into());
            self.dead.push(stored);
        } else {
            self.active.insert(stored.sequence_number, stored);
        }
    }

    fn pass_time(&mut self, now: OffsetDateTime) {
        while let Some(entry) = self.scheduled.first_entry()
            && entry.key().0 <= now
        {
            // A scheduled message gets its place when it appears.
            self.last_number += 1;
            let stored = Stored { sequence_number: self.last_number, ..entry.remove() };
            self.active.insert(self.last_number, stored);
        }
        let expired: Vec<_> = self
            .locked
            .iter()
            .filter(|(_, (until, _))| *until <= now)
            .map(|(token, _)| *token)
            .collect();
        for token in expired {
            if let Some((_, stored)) = self.locked.remove(&token) {
                self.put_back(stored);
            }
        }
    }

    fn next_moment(&self) -> Option<OffsetDateTime> {
        let due = self.scheduled.keys().next().map(|(due, _)| *due);
        let lock = self.locked.values().map(|(until, _)| *until).min();
        due.into_iter().chain(lock).min()
    }
}
