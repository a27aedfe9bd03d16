//! The follow-ups that this process has sent and that have not arrived yet.
//!
//! The queue's duplicate detection merges follow-ups that are due at the same moment. This memory
//! merges those for which one that is already on its way will do. Losing it costs an additional look
//! and nothing else.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use tokio::sync::Mutex;

use super::command::Reconcile;
use super::follow_up::{FollowUp, is_enough, key};
use crate::azure::{Message, Queue, QueueError};

/// The queue on which commands and follow-ups travel
const COMMANDS: &str = "commands";

/// Sends follow-ups, one where one is enough
#[derive(Debug)]
pub(super) struct FollowUps {
    queue: Queue,
    due: Mutex<BTreeMap<String, OffsetDateTime>>,
}

impl FollowUps {
    pub(super) fn new(queue: Queue) -> Self {
        Self { queue, due: Mutex::default() }
    }

    /// Notes that a command has arrived: if it was a follow-up, it is pending no more.
    pub(super) async fn arrived(&self, command: &Reconcile) {
        if command.attempt > 0 || !command.recheck {
            self.due.lock().await.remove(&key(command));
        }
    }

    /// Sends a follow-up, unless one that is on its way will do. Whether it was sent.
    pub(super) async fn send(
        &self,
        follow_up: &FollowUp,
        now: OffsetDateTime,
    ) -> Result<bool, QueueError> {
        // Held while sending, so that of two equal ones the second sees the first.
        let mut due = self.due.lock().await;
        due.retain(|_, due| *due > now);
        if due.get(&follow_up.key()).is_some_and(|due| is_enough(*due, follow_up)) {
            return Ok(false);
        }
        let message = Message {
            body: follow_up.command.to_body(),
            message_id: Some(follow_up.message_id()),
            scheduled: Some(follow_up.due),
            content_type: Some("application/json".into()),
            ..Message::default()
        };
        self.queue.send(COMMANDS, message).await?;
        due.insert(follow_up.key(), follow_up.due);
        Ok(true)
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }
}
