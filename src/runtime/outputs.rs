//! What a function hands to its output bindings.
//!
//! Queue bindings only: the value of a binding is always an array of strings. The host decodes a
//! lone string that happens to be base64, re-formats a lone object, and drops an empty answer; an
//! array of strings reaches the queue as it is, one message each. What the messages say is not known.

use std::collections::BTreeMap;

use serde::Serialize;

/// Messages by output binding
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Outputs(BTreeMap<String, Vec<String>>);

impl Outputs {
    /// No messages
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds messages, each the exact body to send, to an output binding.
    ///
    /// A message that is nothing but a date and time is the one text that the host would still
    /// rewrite.
    #[must_use]
    pub fn send<M>(mut self, binding: &str, messages: impl IntoIterator<Item = M>) -> Self
    where
        M: Into<String>,
    {
        let mut messages = messages.into_iter().map(Into::into).peekable();
        if messages.peek().is_some() {
            self.0.entry(binding.to_owned()).or_default().extend(messages);
        }
        self
    }

    /// The messages for one output binding, in the order they were added
    pub fn messages(&self, binding: &str) -> &[String] {
        self.0.get(binding).map_or(&[], Vec::as_slice)
    }
}

/// What a function may return on success
pub trait IntoOutputs {
    /// The messages to send
    fn into_outputs(self) -> Outputs;
}

impl IntoOutputs for () {
    fn into_outputs(self) -> Outputs {
        Outputs::new()
    }
}

impl IntoOutputs for Outputs {
    fn into_outputs(self) -> Outputs {
        self
    }
}

impl<T: IntoOutputs> IntoOutputs for Option<T> {
    fn into_outputs(self) -> Outputs {
        self.map(T::into_outputs).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(outputs: &Outputs, json: &str) {
        assert_eq!(serde_json::to_string(outputs).unwrap(), json);
    }

    #[test]
    fn one_message_is_still_an_array_of_strings() {
        check(&Outputs::new().send("commands", ["test"]), r#"{"commands":["test"]}"#);
    }

    #[test]
    fn messages_for_one_binding_add_up_in_order() {
        let outputs = Outputs::new().send("commands", ["b"]).send("commands", ["a", "b"]);
        check(&outputs, r#"{"commands":["b","a","b"]}"#);
        assert_eq!(outputs.messages("commands").len(), 3);
    }

    #[test]
    fn no_message_leaves_no_trace() {
        check(&Outputs::new().send("commands", Vec::<String>::new()), "{}");
        check(&None::<Outputs>.into_outputs(), "{}");
        check(&().into_outputs(), "{}");
    }
}
