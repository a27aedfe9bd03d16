//! Messages that are refused: what of them goes to the queue `rejected`, and with which words.
//!
//! Why a message is refused is decided elsewhere.

use std::collections::BTreeMap;

use serde_json::Value;
use tracing::error;

use super::command::Refusal;
use super::worker::Trouble;
use crate::azure::{Message, Queue, chain};
use crate::runtime::{Failure, ServiceBusTrigger};

/// Where refused messages go
const REJECTED: &str = "rejected";

/// Largest body that is passed on: 256 KB is the queue's limit, properties included
const LARGEST: usize = 200 * 1024;

/// What Azure writes into events about whoever caused them
const PERSONAL: [&str; 3] = ["claims", "authorization", "httpRequest"];

/// A refused message on its way to `rejected`
pub(super) struct Rejected {
    body: String,
    properties: BTreeMap<String, String>,
}

impl Rejected {
    /// The message with what is wrong with it as properties. Its body is unchanged, but for what an
    /// event says of people. What says it and is no JSON, such as half an event, stays where it is.
    pub(super) fn read(message: &ServiceBusTrigger, refusal: &Refusal) -> Result<Self, Trouble> {
        tell(refusal);
        let body = std::str::from_utf8(&message.body).ok().filter(|body| body.len() <= LARGEST);
        let Some(body) = body.and_then(fit_to_pass_on) else {
            let (reason, size) = (&refusal.reason, message.body.len());
            let text = format!(
                "{reason}; {size} bytes are too many, no text, or about people, for the queue `{REJECTED}`: the dead-letter queue keeps it"
            );
            return Err(Trouble::Lasting(Failure::new("Refused", text)));
        };
        Ok(Self { body, properties: properties(refusal) })
    }

    /// A part of a message
    pub(super) fn of(body: String, refusal: &Refusal) -> Self {
        tell(refusal);
        let body = without_people(&body).unwrap_or(body);
        Self { body, properties: properties(refusal) }
    }

    /// What goes to the queue
    pub(super) fn into_body(self) -> String {
        self.body
    }

    /// Sends it, as an answer to the message that asked for it first, with where that wants its
    /// answer.
    pub(super) async fn send(
        self,
        queue: &Queue,
        reply_to: Option<&String>,
        answered: Option<&String>,
    ) -> Result<(), Trouble> {
        let rejected = Message {
            body: self.body,
            correlation_id: answered.cloned(),
            reply_to: reply_to.cloned(),
            properties: self.properties,
            ..Message::default()
        };
        queue
            .send(REJECTED, rejected)
            .await
            .map_err(|error| Trouble::Passing(Failure::new("RefusalNotSent", chain(&error))))
    }
}

fn tell(refusal: &Refusal) {
    let Refusal { reason, field, hint, source } = refusal;
    let cause = source.as_ref().map(|source| chain(source));
    error!(reason, field, hint, cause, "message refused");
}

fn properties(refusal: &Refusal) -> BTreeMap<String, String> {
    let Refusal { reason, field, hint, .. } = refusal;
    let field = field.clone().map(|field| ("field".to_owned(), field));
    let told = [("reason".to_owned(), reason.clone()), ("hint".to_owned(), hint.clone())];
    told.into_iter().chain(field).collect()
}

/// The body, unchanged if it says nothing about people; none if what it says cannot be taken out
fn fit_to_pass_on(body: &str) -> Option<String> {
    let text = body.strip_prefix('\u{feff}').unwrap_or(body);
    match without_people(text) {
        Some(stripped) => Some(stripped),
        None if serde_json::from_str::<Value>(text).is_err() && names_people(text) => None,
        None => Some(body.to_owned()),
    }
}

/// Whether a text that is no JSON has the name of a field about people in it
fn names_people(text: &str) -> bool {
    PERSONAL.iter().any(|name| contains_ignoring_case(text, &format!("\"{name}\"")))
}

/// The body without what Azure writes about people, if there is any of it
fn without_people(body: &str) -> Option<String> {
    // With an escape in it a name may be there without being seen.
    let names = |name: &&str| contains_ignoring_case(body, name);
    if !body.contains("\\u") && !PERSONAL.iter().any(names) {
        return None;
    }
    let mut value: Value = serde_json::from_str(body).ok()?;
    strip(&mut value).then(|| value.to_string())
}

fn contains_ignoring_case(text: &str, word: &str) -> bool {
    text.to_ascii_lowercase().contains(&word.to_ascii_lowercase())
}

/// Takes the fields out, at whatever depth and inside of texts that are JSON themselves. Whether
/// there were any.
fn strip(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let before = fields.len();
            fields.retain(|name, _| !PERSONAL.iter().any(|one| one.eq_ignore_ascii_case(name)));
            let inside = fields.values_mut().map(strip).filter(|some| *some).count();
            inside > 0 || fields.len() < before
        }
        Value::Array(items) => items.iter_mut().map(strip).filter(|some| *some).count() > 0,
        Value::String(text) => match without_people(text) {
            Some(stripped) => {
                *text = stripped;
                true
            }
            None => false,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_an_event_says_of_people_is_taken_out_wherever_it_stands() {
        let people = json!({ "name": "Pretend Person" });
        let event = json!({ "data": { "Claims": people, "httpRequest": people, "status": "ok" } });
        for body in [
            event.clone(),
            json!([[event]]),
            json!({ "data": event.to_string() }),
            json!({ "a": { "authorization": people }, "b": 1 }),
        ] {
            let stripped = without_people(&body.to_string()).unwrap();
            assert!(!stripped.contains("Pretend"), "{stripped}");
        }
    }

    #[test]
    fn what_is_said_of_people_is_found_behind_a_mark_and_an_escape() {
        for body in [
            "\u{feff}{\"claims\":{\"name\":\"Pretend\"},\"a\":1}",
            r#"{"cl\u0061ims":{"name":"Pretend"},"a":1}"#,
            r#"{"data":"{\"cl\\u0061ims\":{\"name\":\"Pretend\"}}"}"#,
        ] {
            let passed_on = fit_to_pass_on(body).unwrap();
            assert!(!passed_on.contains("Pretend"), "{passed_on}");
        }
    }

    #[test]
    fn what_cannot_be_taken_out_is_not_passed_on() {
        let half = r#"{"eventType":"Microsoft.x","data":{"Claims":{"name":"Pretend"#;
        let deep = "[".repeat(200) + r#"{"httpRequest":{"clientIpAddress":"203.0.113.7"}}"#;
        let closed = deep.clone() + &"]".repeat(200);
        for body in [half, deep.as_str(), closed.as_str()] {
            assert_eq!(fit_to_pass_on(body), None, "{body}");
        }
        for body in ["claims", "it's about \"authorizations\"", "{", ""] {
            assert_eq!(fit_to_pass_on(body).as_deref(), Some(body));
        }
    }

    #[test]
    fn a_body_without_people_is_left_as_it_is() {
        for body in ["{", "{ \"a\" : 1 }", "[\"claims\"]", "\"claims\"", "claims"] {
            assert_eq!(without_people(body), None, "{body}");
        }
    }
}
