//! Events from Event Grid.
//!
//! One event comes as an object, several as an array inside a string; both give a list. Which schema
//! the events have, and whether an item is an event at all, is for the function to say.

use std::fmt;

use serde_json::Value;

use super::{Invocation, InvocationError, Payload, json};
use crate::runtime::{Failure, FromInvocation};

/// The events of an `eventGridTrigger`
///
/// Events carry their caller's personal data, so Debug shows only how many there are.
#[derive(Clone, PartialEq)]
pub struct EventGridTrigger {
    /// The events as they came, in order
    pub events: Vec<Value>,
}

impl<S> FromInvocation<S> for EventGridTrigger {
    fn from_invocation(invocation: &Invocation, _: &S) -> Result<Self, Failure> {
        const EXPECTED: &str = "an event or an array of events";
        let events = match json(invocation, EXPECTED)? {
            Value::Array(events) => events,
            event @ Value::Object(_) => vec![event],
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let (binding, _): (_, &Payload) = invocation.trigger()?;
                let (binding, reason) = (binding.to_owned(), "it is a single value".to_owned());
                let expected = EXPECTED;
                return Err(InvocationError::UnreadableInput { binding, expected, reason }.into());
            }
        };
        Ok(Self { events })
    }
}

impl fmt::Debug for EventGridTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventGridTrigger({} events)", self.events.len())
    }
}
