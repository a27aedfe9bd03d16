//! One queue as a state machine: what is active, scheduled, locked and dead, and which ids were seen.
//!
//! The time is passed in, so that nothing here waits. It does not know of HTTP or of other queues.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use super::message::{Message, QueueOptions, Stored};

/// The reason Service Bus gives for a message that failed too often
const DELIVERED_TOO_OFTEN: &str = "MaxDeliveryCountExceeded";

/// Where among a queue's messages somebody takes one
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Among those that are active
    Active,
    /// Among the dead ones: `$deadletterqueue`
    Dead,
}

/// How long a message lives at most: what the portal gives a new queue
const TIME_TO_LIVE: Duration = Duration::from_secs(14 * 24 * 3600);

/// A queue and what is in it
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) options: QueueOptions,
    pub(super) active: BTreeMap<i64, Stored>,
    pub(super) scheduled: BTreeMap<(OffsetDateTime, i64), Stored>,
    pub(super) dead: Vec<Stored>,
    pub(super) locked: BTreeMap<Uuid, Locked>,
    /// Locks on dead messages, which keep their place: by token, the sequence number and the end
    dead_locked: BTreeMap<Uuid, (i64, OffsetDateTime)>,
    seen: BTreeMap<String, OffsetDateTime>,
    last_sequence_number: i64,
}

/// A message that somebody works on
#[derive(Debug)]
pub(super) struct Locked {
    stored: Stored,
    until: OffsetDateTime,
}

impl Entity {
    pub(super) fn new(options: QueueOptions) -> Self {
        Self {
            options,
            active: BTreeMap::new(),
            scheduled: BTreeMap::new(),
            dead: Vec::new(),
            locked: BTreeMap::new(),
            dead_locked: BTreeMap::new(),
            seen: BTreeMap::new(),
            last_sequence_number: 0,
        }
    }

    /// Whether the id was seen within the window; from now on it is.
    ///
    /// A duplicate does not prolong the window, and a scheduled message counts from its sending.
    pub(super) fn is_duplicate(&mut self, message: &Message, now: OffsetDateTime) -> bool {
        let (Some(window), Some(id)) = (self.options.duplicate_window, &message.message_id) else {
            return false;
        };
        self.seen.retain(|_, at| later(*at, window) > now);
        if self.seen.contains_key(id) {
            return true;
        }
        self.seen.insert(id.clone(), now);
        false
    }

    /// Takes out the dead messages that nobody works on
    pub(super) fn take_dead_letters(&mut self) -> Vec<Stored> {
        let busy: Vec<i64> = self.dead_locked.values().map(|(number, _)| *number).collect();
        let (stay, taken) = std::mem::take(&mut self.dead)
            .into_iter()
            .partition(|stored| busy.contains(&stored.sequence_number));
        self.dead = stay;
        taken
    }

    /// Takes a message in, to be active at once or later
    pub(super) fn accept(
        &mut self,
        message: Message,
        time_to_live: Option<Duration>,
        now: OffsetDateTime,
    ) {
        let due = message.scheduled.filter(|due| *due > now);
        let enqueued_at = due.unwrap_or(now);
        let time_to_live = time_to_live.unwrap_or(TIME_TO_LIVE).min(TIME_TO_LIVE);
        let sequence_number = self.next_sequence_number();
        let stored = Stored {
            message,
            sequence_number,
            enqueued_at,
            expires_at: later(enqueued_at, time_to_live),
            delivery_count: 0,
            dead_letter_reason: None,
        };
        match due {
            Some(due) => self.scheduled.insert((due, sequence_number), stored),
            None => self.active.insert(sequence_number, stored),
        };
    }

    /// Locks the oldest message
    pub(super) fn take(&mut self, place: Shelf, now: OffsetDateTime) -> Option<(Stored, Uuid)> {
        let until = later(now, self.options.lock);
        match place {
            Shelf::Active => {
                let (_, mut stored) = self.active.pop_first()?;
                let token = count_delivery(&self.options.name, &mut stored);
                self.locked.insert(token, Locked { stored: stored.clone(), until });
                Some((stored, token))
            }
            Shelf::Dead => {
                let locked: Vec<i64> =
                    self.dead_locked.values().map(|(number, _)| *number).collect();
                let mut free = self.dead.iter_mut();
                let stored = free.find(|stored| !locked.contains(&stored.sequence_number))?;
                let token = count_delivery(&self.options.name, stored);
                self.dead_locked.insert(token, (stored.sequence_number, until));
                Some((stored.clone(), token))
            }
        }
    }

    /// Takes the oldest message out for good
    pub(super) fn take_away(&mut self, place: Shelf, now: OffsetDateTime) -> Option<Stored> {
        let (stored, token) = self.take(place, now)?;
        self.complete(token);
        Some(stored)
    }

    /// Ends a message, if its lock still holds
    pub(super) fn complete(&mut self, token: Uuid) -> bool {
        if let Some((number, _)) = self.dead_locked.remove(&token) {
            self.dead.retain(|stored| stored.sequence_number != number);
            return true;
        }
        self.locked.remove(&token).is_some()
    }

    /// Gives a message back, if its lock still holds. A dead one stays dead, however often.
    pub(super) fn abandon(&mut self, token: Uuid) -> bool {
        if self.dead_locked.remove(&token).is_some() {
            return true;
        }
        let Some(locked) = self.locked.remove(&token) else { return false };
        self.give_back(locked.stored);
        true
    }

    /// Lets a lock hold for its full time from now on, if it still holds
    pub(super) fn renew(&mut self, token: Uuid, now: OffsetDateTime) -> bool {
        let end = later(now, self.options.lock);
        let dead = self.dead_locked.get_mut(&token).map(|(_, until)| until);
        let until = dead.or_else(|| self.locked.get_mut(&token).map(|locked| &mut locked.until));
        until.map(|until| *until = end).is_some()
    }

    /// When a lock ends, if it still holds
    pub(super) fn locked_until(&self, token: Uuid) -> Option<OffsetDateTime> {
        let dead = self.dead_locked.get(&token).map(|(_, until)| *until);
        dead.or_else(|| self.locked.get(&token).map(|locked| locked.until))
    }

    /// Lets happen what is due; whether anything was
    pub(super) fn settle(&mut self, now: OffsetDateTime) -> bool {
        let activated = self.activate(now);
        let unlocked = self.unlock(now);
        let before = self.active.len();
        self.active.retain(|_, stored| stored.expires_at > now);
        activated || unlocked || self.active.len() < before
    }

    /// When something happens by itself
    pub(super) fn next_due(&self) -> Option<OffsetDateTime> {
        let scheduled = self.scheduled.keys().map(|(due, _)| *due).take(1);
        let locked = self.locked.values().map(|locked| locked.until);
        let dead = self.dead_locked.values().map(|(_, until)| *until);
        let expiring = self.active.values().map(|stored| stored.expires_at);
        scheduled.chain(locked).chain(dead).chain(expiring).min()
    }

    fn activate(&mut self, now: OffsetDateTime) -> bool {
        let mut any = false;
        while let Some(first) = self.scheduled.first_entry() {
            if first.key().0 > now {
                break;
            }
            let stored = first.remove();
            let sequence_number = self.next_sequence_number();
            self.active.insert(sequence_number, Stored { sequence_number, ..stored });
            any = true;
        }
        any
    }

    fn unlock(&mut self, now: OffsetDateTime) -> bool {
        let expired = self.locked.iter().filter(|(_, locked)| locked.until <= now);
        let expired = expired.map(|(token, _)| *token);
        let dead = self.dead_locked.iter().filter(|(_, (_, until))| *until <= now);
        let tokens: Vec<Uuid> = expired.chain(dead.map(|(token, _)| *token)).collect();
        for token in &tokens {
            self.abandon(*token);
        }
        !tokens.is_empty()
    }

    /// Back to its old place in the queue, or to the dead
    fn give_back(&mut self, mut stored: Stored) {
        if stored.delivery_count < self.options.max_delivery_count {
            self.active.insert(stored.sequence_number, stored);
        } else {
            stored.dead_letter_reason = Some(DELIVERED_TOO_OFTEN.to_owned());
            self.dead.push(stored);
        }
    }

    fn next_sequence_number(&mut self) -> i64 {
        self.last_sequence_number = self.last_sequence_number.saturating_add(1);
        self.last_sequence_number
    }
}

/// Counts a delivery; the token of its lock, made up from what never comes twice, so that every run
/// gives the same tokens
fn count_delivery(queue: &str, stored: &mut Stored) -> Uuid {
    stored.delivery_count = stored.delivery_count.saturating_add(1);
    let dead = if stored.dead_letter_reason.is_some() { " dead" } else { "" };
    let seed = format!("{queue} {} {}{dead}", stored.sequence_number, stored.delivery_count);
    Uuid::new_v5(&Uuid::NAMESPACE_OID, seed.as_bytes())
}

fn later(moment: OffsetDateTime, by: Duration) -> OffsetDateTime {
    moment.saturating_add(time::Duration::try_from(by).unwrap_or(time::Duration::MAX))
}
