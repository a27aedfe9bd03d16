//! What a function hands to its output bindings.
//!
//! The value of a queue's binding is always an array of strings. The host decodes a lone string that
//! happens to be base64, re-formats a lone object, and drops an empty answer; an array of strings
//! reaches the queue as it is, one message each. The value of an HTTP binding is always an object with
//! status, headers and a text as its body, which the host writes as it is. What messages and answers
//! say is not known.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Messages and answers by output binding
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Outputs(BTreeMap<String, Output>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Output {
    Messages(Vec<String>),
    Answer(HttpAnswer),
}

/// What whoever sent a request over HTTP gets, whatever its status: to the host the invocation
/// succeeded
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpAnswer {
    status_code: u16,
    headers: BTreeMap<&'static str, String>,
    body: String,
}

impl HttpAnswer {
    /// An answer with a text, of this media type
    pub fn new(status: u16, content_type: &str, body: String) -> Self {
        let headers = BTreeMap::from([("Content-Type", content_type.to_owned())]);
        Self { status_code: status, headers, body }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }
}

/// A body may be megabytes, and hold what no log should
impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer")
            .field("status_code", &self.status_code)
            .field("headers", &self.headers.keys())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

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
            match self.0.get_mut(binding) {
                Some(Output::Messages(before)) => before.extend(messages),
                Some(Output::Answer(_)) | None => {
                    let messages = Output::Messages(messages.collect());
                    self.0.insert(binding.to_owned(), messages);
                }
            }
        }
        self
    }

    /// Answers the request by an HTTP output binding.
    #[must_use]
    pub fn answer(mut self, binding: &str, answer: HttpAnswer) -> Self {
        self.0.insert(binding.to_owned(), Output::Answer(answer));
        self
    }

    /// The messages for one output binding, in the order they were added
    pub fn messages(&self, binding: &str) -> &[String] {
        match self.0.get(binding) {
            Some(Output::Messages(messages)) => messages,
            Some(Output::Answer(_)) | None => &[],
        }
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
    fn an_answer_is_an_object_with_a_text_and_shows_nothing_of_it_in_debug() {
        let answer = HttpAnswer::new(404, "text/plain", "a \"secret\"".into());
        let outputs = Outputs::new().answer("response", answer.header("X-Secret", "secret"));
        check(
            &outputs,
            r#"{"response":{"statusCode":404,"headers":{"Content-Type":"text/plain","X-Secret":"secret"},"body":"a \"secret\""}}"#,
        );
        assert!(!format!("{outputs:?}").contains("secret"), "{outputs:?}");
        assert!(outputs.messages("response").is_empty());
    }

    #[test]
    fn no_message_leaves_no_trace() {
        check(&Outputs::new().send("commands", Vec::<String>::new()), "{}");
        check(&None::<Outputs>.into_outputs(), "{}");
        check(&().into_outputs(), "{}");
    }
}
