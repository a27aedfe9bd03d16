//! What lies in a queue: messages as sent, and what the queue notes about them.
//!
//! Times are virtual here. It does not know how a message arrives or who takes it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

/// How a queue behaves
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// Its name, in which letter case makes no difference
    pub name: String,
    /// How often a message is delivered before it counts as dead
    pub max_delivery_count: u32,
    /// How long a message id is remembered; without it nothing counts as a duplicate
    pub duplicate_window: Option<Duration>,
    /// How long a delivery may take before the message is delivered again
    pub lock: Duration,
}

impl QueueOptions {
    /// A queue as the portal makes it: ten deliveries, a lock of one minute, no duplicate detection
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            max_delivery_count: 10,
            duplicate_window: None,
            lock: Duration::from_secs(60),
        }
    }
}

/// A message as it is sent
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// The body as is
    pub body: Vec<u8>,
    /// What duplicate detection goes by
    pub message_id: Option<String>,
    /// Media type of the body
    pub content_type: Option<String>,
    /// Also known as the label
    pub subject: Option<String>,
    /// What it belongs to
    pub correlation_id: Option<String>,
    /// Queue for the answer
    pub reply_to: Option<String>,
    /// Whom it is meant for; the queue makes nothing of it
    pub to: Option<String>,
    /// Session; the queue makes nothing of it, since none here is a session queue
    pub session_id: Option<String>,
    /// When it becomes active, in virtual time; at once, if absent or past
    pub scheduled: Option<OffsetDateTime>,
    /// Application properties
    pub properties: BTreeMap<String, Value>,
}

impl Message {
    /// Bytes of body and properties together, roughly as Service Bus counts them
    pub(super) fn size(&self) -> usize {
        let system = [
            &self.message_id,
            &self.content_type,
            &self.subject,
            &self.correlation_id,
            &self.reply_to,
            &self.to,
            &self.session_id,
        ];
        let system: usize = system.into_iter().flatten().map(String::len).sum();
        let custom: usize = self
            .properties
            .iter()
            .map(|(name, value)| name.len() + value.as_str().map_or(8, str::len))
            .sum();
        self.body.len() + system + custom
    }
}

/// A message in a queue
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// As it was sent
    pub message: Message,
    /// Its place in the queue; a scheduled message gets a new one when it becomes active
    pub sequence_number: i64,
    /// When it became active, or will
    pub enqueued_at: OffsetDateTime,
    /// When it vanishes if nobody took it
    pub expires_at: OffsetDateTime,
    /// How often it was delivered, this time included
    pub delivery_count: u32,
    /// Why it is dead, if it is
    pub dead_letter_reason: Option<String>,
}

/// A send that was accepted
#[derive(Clone, Debug, PartialEq)]
pub struct SentRecord {
    /// When, in virtual time
    pub at: OffsetDateTime,
    /// Name of the queue as it was made
    pub queue: String,
    /// The id it came with
    pub message_id: Option<String>,
    /// Accepted, then dropped because its id was seen within the window
    pub duplicate: bool,
    /// The body as is
    pub body: Vec<u8>,
    /// When it becomes active, if that was asked for
    pub scheduled: Option<OffsetDateTime>,
}
