//! Commands as they stand in a message, read strictly.
//!
//! What is not understood is refused with the field at fault and what would be right, so that the
//! sender need not guess. Carrying a command out is not this file's business.

#[cfg(test)]
mod tests;
mod wire;

use std::fmt;

use serde_json::Value;
use thiserror::Error;
use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use super::events::is_event;
use crate::model::{Scope, ScopeError};

/// Largest message that is read: what Event Grid allows an event. A larger one, which only a premium
/// namespace takes, would cost many times its size in memory.
const LARGEST: usize = 1024 * 1024;

/// The most items of a batch of events that are refused by themselves if they are none. Each becomes a
/// message: more is no mistake of Event Grid's, and must not make thousands of one.
const STRAYS: usize = 20;

/// Namespace of the ids of commands whose senders gave none
const NAMESPACE: Uuid = uuid!("9a5d8e2c-66c1-5b7e-8a55-3f1f0c7f2b64");

/// What a message asks for
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// Event Grid events, delivered straight to the queue: one, or an array that holds one
    Events(Vec<Value>),
    /// A command
    Command(Command),
}

/// A command, and what every command may say
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// What is to be done
    pub(super) what: What,
    /// Only say what would be done
    pub(super) dry_run: bool,
    /// How often it has been put off already
    pub(super) attempt: u32,
    /// Look again some minutes after it is done, since Resource Graph lags behind events
    pub(super) recheck: bool,
    /// The sender's own name for it
    pub(super) id: Option<String>,
    /// Who asks, in the sender's words
    pub(super) requested_by: Option<Person>,
    /// W3C trace context of whatever caused it
    pub(super) traceparent: Option<String>,
    /// When the event happened that led to it
    pub(super) event_time: Option<OffsetDateTime>,
}

/// What is to be done
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Walk the corridor for a scope
    Reconcile(Scope),
    /// Attach a registry to a cluster, and keep it attached
    Attach(Pair),
    /// Detach a registry from a cluster
    Detach(Pair),
    /// Detach a registry from identities that a cluster does not have any more, and from those alone
    DetachFormerIdentities(Pair),
}

/// A cluster and a registry as the sender calls them
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) cluster: String,
    pub(super) registry: String,
}

/// Who asks. It goes into the report that the sender gets, and `Debug` keeps it out of every log.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Person(pub(super) String);

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(..)")
    }
}

/// Why a message is refused: it can never be understood or allowed
#[derive(Debug, Error)]
#[error("{reason}")]
pub(super) struct Refusal {
    /// What is wrong
    pub(super) reason: String,
    /// The field at fault, if it is one
    pub(super) field: Option<String>,
    /// What to do
    pub(super) hint: String,
    /// What led to it
    #[source]
    pub(super) source: Option<Box<ScopeError>>,
}

impl What {
    /// The command's name. `formerIdentities` is a field of `detach`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Reconcile(_) => "reconcile",
            Self::Attach(_) => "attach",
            Self::Detach(_) | Self::DetachFormerIdentities(_) => "detach",
        }
    }

    /// The scope that it is about, if it is about one
    pub(super) fn scope(&self) -> Option<&Scope> {
        match self {
            Self::Reconcile(scope) => Some(scope),
            Self::Attach(_) | Self::Detach(_) | Self::DetachFormerIdentities(_) => None,
        }
    }

    /// The pair that it is about, if it is about one
    pub(super) fn pair(&self) -> Option<&Pair> {
        match self {
            Self::Reconcile(_) => None,
            Self::Attach(pair) | Self::Detach(pair) | Self::DetachFormerIdentities(pair) => {
                Some(pair)
            }
        }
    }

    /// Whether only identities that the cluster had before are to lose the registry
    pub(super) fn is_of_former_identities(&self) -> bool {
        matches!(self, Self::DetachFormerIdentities(_))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reconcile(scope) => write!(f, "reconcile {scope}"),
            Self::Attach(Pair { cluster, registry }) => {
                write!(f, "attach {} to {}", shown(registry), shown(cluster))
            }
            Self::Detach(Pair { cluster, registry }) => {
                write!(f, "detach {} from {}", shown(registry), shown(cluster))
            }
            Self::DetachFormerIdentities(Pair { cluster, registry }) => {
                let (cluster, registry) = (shown(cluster), shown(registry));
                write!(f, "detach {registry} from former identities of {cluster}")
            }
        }
    }
}

impl Command {
    /// A first attempt
    pub(super) fn of(what: What) -> Self {
        let (dry_run, attempt, recheck) = (false, 0, false);
        let (id, requested_by, traceparent, event_time) = (None, None, None, None);
        Self { what, dry_run, attempt, recheck, id, requested_by, traceparent, event_time }
    }

    /// A first look at a scope
    pub(super) fn reconcile(scope: Scope) -> Self {
        Self::of(What::Reconcile(scope))
    }

    /// Gives a command on a pair an id if its sender gave none: the message's, or else one that
    /// follows from what it asks for. Follow-ups are told apart by it.
    pub(super) fn identified(mut self, message_id: Option<&str>) -> Self {
        if self.id.is_none() && !matches!(self.what, What::Reconcile(_)) {
            // The same request is the same in whatever trace it comes.
            let asked = || Self { traceparent: None, ..self.clone() }.to_body();
            let computed = || Uuid::new_v5(&NAMESPACE, asked().as_bytes()).to_string();
            let usable = message_id.filter(|id| wire::is_id(id)).map(str::to_owned);
            self.id = Some(usable.unwrap_or_else(computed));
        }
        self
    }

    /// The command as a message body
    pub(super) fn to_body(&self) -> String {
        wire::write(self)
    }
}

impl Refusal {
    pub(super) fn new(reason: &str, field: Option<&str>, hint: &str) -> Self {
        let field = field.map(shown);
        Self { reason: reason.to_owned(), field, hint: hint.to_owned(), source: None }
    }
}

/// Reads a message: a plain command, a command in a `CloudEvent`, or Event Grid events.
pub(super) fn read(body: &[u8]) -> Result<Message, Refusal> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.len() > LARGEST {
        let reason = format!("the message is larger than {LARGEST} bytes");
        return Err(Refusal::new(&reason, None, "send one command in each message"));
    }
    let message: Value = serde_json::from_slice(body).map_err(|error| not_json(&error))?;
    if is_event(&message) {
        return Ok(Message::Events(vec![message]));
    }
    if let Value::Array(events) = &message
        && events.iter().any(is_event)
    {
        let strays = events.iter().filter(|event| !is_event(event)).count();
        if strays > STRAYS {
            let reason = format!("{strays} items of a batch of events are no events");
            return Err(Refusal::new(&reason, None, "send each command in a message of its own"));
        }
        return Ok(Message::Events(events.clone()));
    }
    let command = if message.get("specversion").is_some() {
        wire::read(cloud_event_data(&message)?)
    } else {
        wire::read(message)
    };
    command.map(Message::Command)
}

fn cloud_event_data(event: &Value) -> Result<Value, Refusal> {
    match event.get("data") {
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|error| not_json(&error)),
        Some(data) => Ok(data.clone()),
        None => Err(Refusal::new(
            "the event carries no `data`",
            Some("data"),
            "put the command into `data` as a JSON object",
        )),
    }
}

fn not_json(error: &serde_json::Error) -> Refusal {
    let hint = "send one JSON object in UTF-8, nested no deeper than 100 levels";
    Refusal::new(&format!("the message is not JSON: {error}"), None, hint)
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
