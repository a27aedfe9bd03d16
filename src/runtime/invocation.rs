//! One invocation: what is known about it, and the trigger's value.
//!
//! It does not know who takes it: handlers read it through `FromInvocation`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use tokio::time::Instant;

use super::envelope::Envelope;
use super::error::json_reason;
use super::value::scalar;
use super::{InvocationError, Payload};

/// What is known about an invocation besides its payload
#[derive(Clone, Debug)]
pub struct Context {
    /// The id that the host gave it, empty if it gave none; every delivery and every retry has its
    /// own
    pub invocation_id: String,
    /// The name of the function
    pub function: Arc<str>,
    /// How often the queue has delivered this message, this time included
    ///
    /// None for other triggers, for a message that no queue has delivered, and unless the binding is
    /// `binary`: see [`ServiceBusTrigger`].
    ///
    /// [`ServiceBusTrigger`]: super::ServiceBusTrigger
    pub delivery_count: Option<u32>,
    /// When the invocation is given up
    pub deadline: Instant,
}

impl Context {
    /// The time left before the invocation is given up
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// One invocation as the host sent it
#[derive(Clone)]
pub struct Invocation {
    context: Context,
    trigger: Option<(String, Payload)>,
    bindings: Vec<String>,
    wanted: Option<String>,
    metadata: BTreeMap<String, Bytes>,
}

impl Invocation {
    /// Takes the trigger's value out of an envelope: that of the binding `wanted`, else the only one.
    pub(super) fn new(
        context: Context,
        mut envelope: Envelope,
        wanted: Option<&str>,
    ) -> Result<Self, InvocationError> {
        let bindings = envelope.data.keys().cloned().collect();
        let entry = match wanted {
            Some(name) => envelope.data.remove_entry(name),
            None if envelope.data.len() == 1 => envelope.data.pop_first(),
            None => None,
        };
        let trigger = entry.map(|(name, raw)| decoded(name, &raw)).transpose()?;
        let wanted = wanted.map(ToOwned::to_owned);
        let mut invocation =
            Self { context, trigger, bindings, wanted, metadata: envelope.metadata };
        // A manual run has no delivery; the host counts zero.
        invocation.context.delivery_count = invocation
            .message_property("DeliveryCount")
            .and_then(|count| count.trim().parse().ok())
            .filter(|count| *count > 0);
        Ok(invocation)
    }

    /// What is known besides the payload
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The name of the trigger's binding, and its value
    pub fn trigger(&self) -> Result<(&str, &Payload), InvocationError> {
        let missing = || InvocationError::MissingInput {
            wanted: self.wanted.clone(),
            found: self.bindings.clone(),
        };
        self.trigger.as_ref().map(|(name, payload)| (name.as_str(), payload)).ok_or_else(missing)
    }

    /// Raw JSON of one member of the metadata
    ///
    /// Never to be trusted: the host lets the fields of a text body overwrite members.
    pub fn metadata(&self, name: &str) -> Option<&Bytes> {
        self.metadata.get(name)
    }

    /// Raw JSON of a property of the message, set by the broker and not by the body
    ///
    /// Only a `binary` binding gives any: with all others the fields of the body overwrite the
    /// metadata, so that whoever writes a body would choose its message id and delivery count.
    pub fn broker_metadata(&self, name: &str) -> Option<&Bytes> {
        match self.trigger {
            Some((_, Payload::Binary(_))) => self.metadata(name),
            _ => None,
        }
    }

    /// A property of the message as text, on the same terms
    pub fn message_property(&self, name: &str) -> Option<String> {
        self.broker_metadata(name).and_then(scalar)
    }
}

/// The host's own random id of an invocation, for a request without the header
pub(super) fn random_id(metadata: &BTreeMap<String, Bytes>) -> Option<String> {
    #[derive(Deserialize)]
    struct System {
        #[serde(rename = "RandGuid")]
        random: String,
    }

    // A body with a field `sys` moves the host's own member to `$sys`.
    let members = ["$sys", "sys"].into_iter().filter_map(|name| metadata.get(name));
    let mut read = members.filter_map(|raw| serde_json::from_slice::<System>(raw).ok());
    read.next().map(|system| system.random)
}

fn decoded(name: String, raw: &Bytes) -> Result<(String, Payload), InvocationError> {
    match Payload::decode(raw) {
        Ok(payload) => Ok((name, payload)),
        Err(error) => Err(InvocationError::UnreadableInput {
            binding: name,
            expected: "a value as the host encodes it",
            reason: json_reason(&error),
        }),
    }
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("context", &self.context)
            .field("trigger", &self.trigger)
            .field("metadata", &self.metadata.keys())
            .finish_non_exhaustive()
    }
}
