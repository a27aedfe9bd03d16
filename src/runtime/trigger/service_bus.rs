//! A message from a Service Bus queue or subscription, one at a time.
//!
//! The host settles it: success completes it, a failure gives it back at once. Nothing here can.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde_json::Value;
use time::OffsetDateTime;

use super::{Invocation, InvocationError, Payload, moment};
use crate::runtime::{Failure, FromInvocation};

/// The message of a `serviceBusTrigger` with `cardinality` `one`
///
/// Bind it with `dataType` `binary`. With any other the body arrives as text, in which bytes may be
/// replaced, and everything below but the body stays empty: the host lets the fields of a text body
/// overwrite them. Debug shows ids and sizes only.
#[derive(Clone, Default, PartialEq)]
pub struct ServiceBusTrigger {
    /// The body, byte for byte
    pub body: Bytes,
    /// The id that the sender or the broker gave it
    pub message_id: Option<String>,
    /// How often it has been delivered, this time included; none for a manual run
    pub delivery_count: Option<u32>,
    /// When the queue took it; none for a manual run
    pub enqueued_at: Option<OffsetDateTime>,
    /// When the queue drops it
    pub expires_at: Option<OffsetDateTime>,
    /// Its number in the queue
    pub sequence_number: Option<i64>,
    /// The media type of the body
    pub content_type: Option<String>,
    /// What it is about, also called its label
    pub subject: Option<String>,
    /// What it answers or belongs to
    pub correlation_id: Option<String>,
    /// Where its sender wants the answer
    pub reply_to: Option<String>,
    /// The session it belongs to
    pub session_id: Option<String>,
    /// The queue it was dead-lettered from
    pub dead_letter_source: Option<String>,
    /// What the sender added, with its JSON types
    pub application_properties: BTreeMap<String, Value>,
}

impl<S> FromInvocation<S> for ServiceBusTrigger {
    fn from_invocation(invocation: &Invocation, _: &S) -> Result<Self, Failure> {
        let (binding, payload) = invocation.trigger()?;
        let body = match payload {
            Payload::Binary(body) => return Ok(Self::with_properties(body.clone(), invocation)),
            Payload::Embedded(text) if text.trim_start().starts_with('[') => {
                let binding = binding.to_owned();
                return Err(InvocationError::SeveralMessages { binding }.into());
            }
            Payload::Text(text) | Payload::Embedded(text) => text.clone().into(),
            Payload::Json(json) => json.clone(),
        };
        tracing::warn!(binding, "`dataType` is not `binary`: the properties are not to be trusted");
        Ok(Self { body, ..Self::default() })
    }
}

impl ServiceBusTrigger {
    fn with_properties(body: Bytes, invocation: &Invocation) -> Self {
        let text = |name| invocation.message_property(name);
        let time = |name| text(name).as_deref().and_then(moment);
        Self {
            body,
            message_id: text("MessageId"),
            delivery_count: invocation.context().delivery_count,
            enqueued_at: time("EnqueuedTime").or_else(|| time("EnqueuedTimeUtc")),
            expires_at: time("ExpiresAt").or_else(|| time("ExpiresAtUtc")),
            sequence_number: text("SequenceNumber").and_then(|number| number.parse().ok()),
            content_type: text("ContentType"),
            subject: text("Subject").or_else(|| text("Label")),
            correlation_id: text("CorrelationId"),
            reply_to: text("ReplyTo"),
            session_id: text("SessionId"),
            dead_letter_source: text("DeadLetterSource"),
            application_properties: application_properties(invocation),
        }
    }
}

fn application_properties(invocation: &Invocation) -> BTreeMap<String, Value> {
    let raw = invocation
        .broker_metadata("ApplicationProperties")
        .or_else(|| invocation.broker_metadata("UserProperties"));
    // What can't be read is left out: a message is not lost over what stands beside it.
    raw.and_then(|raw| serde_json::from_slice(raw).ok()).unwrap_or_default()
}

impl fmt::Debug for ServiceBusTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceBusTrigger")
            .field("body_bytes", &self.body.len())
            .field("message_id", &self.message_id)
            .field("delivery_count", &self.delivery_count)
            .field("sequence_number", &self.sequence_number)
            .finish_non_exhaustive()
    }
}
