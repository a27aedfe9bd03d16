//! The follow-ups that this process has sent and that have not arrived yet.
//!
//! The queue's duplicate detection merges follow-ups that are due at the same moment. This memory
//! merges those for which one that is already on its way will do. Losing it costs an additional look
//! and nothing else.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use tokio::sync::Mutex;

use super::command::Command;
use super::follow_up::{FollowUp, is_enough, key};
use super::reply::Reply;
use crate::azure::{Message, Queue, QueueError};
use crate::runtime::telemetry::traceparent;

/// The queue on which commands and follow-ups travel
const COMMANDS: &str = "commands";

/// Sends follow-ups, one where one is enough
#[derive(Debug)]
pub(super) struct FollowUps {
    queue: Queue,
    pending: Mutex<Pending>,
}

/// When follow-ups are due, by what they ask for
#[derive(Debug, Default)]
struct Pending(BTreeMap<String, Vec<OffsetDateTime>>);

impl FollowUps {
    pub(super) fn new(queue: Queue) -> Self {
        Self { queue, pending: Mutex::default() }
    }

    /// Notes that a command has arrived: if it was a follow-up, it is pending no more.
    pub(super) async fn arrived(&self, command: &Command, reply: &Reply) {
        if command.attempt > 0 || !command.recheck {
            self.pending.lock().await.arrived(&key(command, reply));
        }
    }

    /// Sends a follow-up, unless one that is on its way will do. Whether it was sent.
    pub(super) async fn send(
        &self,
        follow_up: &FollowUp,
        now: OffsetDateTime,
    ) -> Result<bool, QueueError> {
        let FollowUp { reply, due, .. } = follow_up;
        // Held while sending, so that of two equal ones the second sees the first.
        let mut pending = self.pending.lock().await;
        if pending.makes_needless(follow_up, now) {
            return Ok(false);
        }
        let mut command = follow_up.command.clone();
        // Who asked is for the report alone.
        command.requested_by = command.requested_by.filter(|_| reply.queue.is_some());
        command.traceparent = traceparent().or(command.traceparent);
        let message = Message {
            body: command.to_body(),
            message_id: Some(follow_up.message_id()),
            scheduled: Some(*due),
            content_type: Some("application/json".into()),
            reply_to: reply.queue.clone(),
            correlation_id: reply.correlation.clone(),
            ..Message::default()
        };
        self.queue.send(COMMANDS, message).await?;
        pending.sent(follow_up);
        Ok(true)
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }
}

impl Pending {
    /// The follow-up that was due first has come.
    fn arrived(&mut self, key: &str) {
        let Some(due) = self.0.get_mut(key) else { return };
        let first = due.iter().enumerate().min_by_key(|(_, due)| **due).map(|(at, _)| at);
        first.map(|at| due.swap_remove(at));
    }

    fn makes_needless(&mut self, wanted: &FollowUp, now: OffsetDateTime) -> bool {
        self.0.retain(|_, due| {
            due.retain(|due| *due > now);
            !due.is_empty()
        });
        let due = self.0.get(&wanted.key());
        due.is_some_and(|due| due.iter().any(|due| is_enough(*due, wanted, now)))
    }

    fn sent(&mut self, follow_up: &FollowUp) {
        self.0.entry(follow_up.key()).or_default().push(follow_up.due);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use time::macros::datetime;

    use super::*;
    use crate::model::Scope;

    const START: OffsetDateTime = datetime!(2026-09-01 10:00:07 UTC);

    /// A cluster is being made for so long, and every so often comes an event for it: how often it is
    /// looked at in a quarter of an hour, and the most follow-ups that were pending at once
    fn looks(made_for: u64, every: u64, events_for: u64) -> (usize, usize) {
        let command = Command { recheck: true, ..Command::reconcile(Scope::Everything) };
        let mut pending = Pending::default();
        let mut queue: BTreeMap<OffsetDateTime, Vec<Command>> = BTreeMap::new();
        for second in (0..events_for).step_by(usize::try_from(every).unwrap()) {
            queue.entry(START + Duration::from_secs(second)).or_default().push(command.clone());
        }
        let (mut looks, mut most) = (0, 0);
        while let Some((now, commands)) = queue.pop_first() {
            for command in commands {
                looks += 1;
                if command.attempt > 0 {
                    pending.arrived(&key(&command, &Reply::default()));
                }
                if now >= START + Duration::from_secs(made_for) {
                    continue;
                }
                let Some(next) = FollowUp::retry(&command, &Reply::default(), None, now) else {
                    continue;
                };
                if !pending.makes_needless(&next, now) {
                    pending.sent(&next);
                    queue.entry(next.due).or_default().push(next.command);
                }
                most = most.max(pending.0.values().map(Vec::len).sum());
            }
        }
        (looks, most)
    }

    #[test]
    fn events_that_come_while_a_cluster_is_made_leave_one_pending_follow_up() {
        for every in [1, 10, 30, 60, 90] {
            let (looks, most) = looks(900, every, 240);
            assert_eq!(most, 1, "every {every} s");
            let events = 240_usize.div_ceil(usize::try_from(every).unwrap());
            assert!(looks <= events + 900 / 60, "every {every} s: {looks} looks");
        }
    }
}
