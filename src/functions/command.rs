//! Commands as they stand in a message, read strictly.
//!
//! What is not understood is refused with the field at fault and what would be right, so that the
//! sender need not guess. Carrying a command out is not this file's business.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::events::is_event;
use crate::model::{Scope, ScopeError};

/// The version of the message format, for senders that state it
const VERSION: u64 = 1;

/// Largest message that is read: what Event Grid allows an event. A larger one, which only a premium
/// namespace takes, would cost many times its size in memory.
const LARGEST: usize = 1024 * 1024;

/// What a message asks for
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// Event Grid events, delivered straight to the queue: one, or an array that holds one
    Events(Vec<Value>),
    /// A command
    Reconcile(Reconcile),
}

/// Walk the corridor for a scope
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reconcile {
    /// Where to look
    pub(super) scope: Scope,
    /// Only say what would be done
    pub(super) dry_run: bool,
    /// How often it has been put off already
    pub(super) attempt: u32,
    /// Look again some minutes after it is done, since Resource Graph lags behind events
    pub(super) recheck: bool,
    /// The sender's own name for it
    pub(super) id: Option<String>,
    /// W3C trace context of whatever caused it
    pub(super) traceparent: Option<String>,
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

/// A command as it is written. Field names are in camel case, as Azure's own are.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wire {
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    dry_run: bool,
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "senders may say who asks; no log and no follow-up may")]
    requested_by: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    attempt: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    recheck: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Reconcile {
    /// A first attempt at a scope
    pub(super) fn of(scope: Scope) -> Self {
        let (dry_run, attempt, recheck, id, traceparent) = (false, 0, false, None, None);
        Self { scope, dry_run, attempt, recheck, id, traceparent }
    }

    /// The command as a message body
    pub(super) fn to_body(&self) -> String {
        let wire = Wire {
            command: "reconcile".into(),
            scope: Some(self.scope.to_string()),
            version: None,
            id: self.id.clone(),
            dry_run: self.dry_run,
            requested_by: None,
            attempt: self.attempt,
            recheck: self.recheck,
            traceparent: self.traceparent.clone(),
        };
        serde_json::json!(wire).to_string()
    }
}

/// Reads a message: a plain command, a command in a `CloudEvent`, or Event Grid events.
pub(super) fn read(body: &[u8]) -> Result<Message, Refusal> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.len() > LARGEST {
        let reason = format!("the message is larger than {LARGEST} bytes");
        return Err(refuse(&reason, None, "send one command in each message"));
    }
    let message: Value = serde_json::from_slice(body).map_err(|error| not_json(&error))?;
    if is_event(&message) {
        return Ok(Message::Events(vec![message]));
    }
    if let Value::Array(events) = &message
        && events.iter().any(is_event)
    {
        return Ok(Message::Events(events.clone()));
    }
    if message.get("specversion").is_some() {
        return read_command(cloud_event_data(&message)?);
    }
    read_command(message)
}

fn cloud_event_data(event: &Value) -> Result<Value, Refusal> {
    match event.get("data") {
        Some(Value::String(text)) => serde_json::from_str(text).map_err(|error| not_json(&error)),
        Some(data) => Ok(data.clone()),
        None => Err(refuse(
            "the event carries no `data`",
            Some("data"),
            "put the command into `data` as a JSON object",
        )),
    }
}

fn read_command(message: Value) -> Result<Message, Refusal> {
    if !message.is_object() {
        let hint = "send an object such as {\"command\":\"reconcile\",\"scope\":\"everything\"}";
        return Err(refuse("the message is not a JSON object", None, hint));
    }
    let name = message.get("command").and_then(Value::as_str).unwrap_or_default();
    match name.to_ascii_lowercase().as_str() {
        "reconcile" => {}
        "attach" | "detach" => {
            let reason = format!("this version does not know the command `{name}` yet");
            let hint = "tag the cluster and the registry instead, then send `reconcile`";
            return Err(refuse(&reason, Some("command"), hint));
        }
        "" => {
            let hint = "add \"command\": \"reconcile\"";
            return Err(refuse("the message names no command", Some("command"), hint));
        }
        _ => {
            let reason = format!("there is no command `{}`", shown(name));
            return Err(refuse(&reason, Some("command"), "the command is `reconcile`"));
        }
    }
    let wire: Wire =
        serde_path_to_error::deserialize(message).map_err(|error| wrong_field(&error))?;
    reconcile(wire).map(Message::Reconcile)
}

fn reconcile(wire: Wire) -> Result<Reconcile, Refusal> {
    if let Some(version) = wire.version.filter(|version| *version != VERSION) {
        let reason = format!("version {version} of the message format is not known");
        return Err(refuse(&reason, Some("version"), "leave `version` out, or state 1"));
    }
    let Some(scope) = wire.scope else {
        let hint =
            "add \"scope\": \"everything\", or the id of a subscription, a cluster or a registry";
        return Err(refuse("the command names no scope", Some("scope"), hint));
    };
    let scope = scope.parse().map_err(|source| Refusal {
        reason: format!("`{}` is no scope", shown(&scope)),
        field: Some("scope".into()),
        hint: "give `everything`, or the id of a subscription, a cluster or a registry".into(),
        source: Some(Box::new(source)),
    })?;
    let Wire { dry_run, attempt, recheck, id, traceparent, .. } = wire;
    Ok(Reconcile { scope, dry_run, attempt, recheck, id, traceparent })
}

fn not_json(error: &serde_json::Error) -> Refusal {
    let hint = "send one JSON object in UTF-8, nested no deeper than 100 levels";
    refuse(&format!("the message is not JSON: {error}"), None, hint)
}

fn wrong_field(error: &serde_path_to_error::Error<serde_json::Error>) -> Refusal {
    let text = error.inner().to_string().replace("expected u64", "expected a whole number");
    let text = text.replace("expected u32", "expected a whole number up to 4294967295");
    let path = error.path().to_string();
    let unknown = text.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
    let field = unknown.map_or(path, str::to_owned);
    let hint = "the fields of `reconcile` are scope, version, id, dryRun, requestedBy, attempt, recheck and traceparent";
    let reason = if unknown.is_some() {
        format!("there is no field `{}`", shown(&field))
    } else {
        format!("`{field}`: {}", shown(&text))
    };
    refuse(&reason, Some(&field), hint)
}

fn refuse(reason: &str, field: Option<&str>, hint: &str) -> Refusal {
    let field = field.map(shown);
    Refusal { reason: reason.to_owned(), field, hint: hint.to_owned(), source: None }
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks1";

    fn everything() -> Reconcile {
        Reconcile::of(Scope::Everything)
    }

    #[track_caller]
    fn reads(body: &str, expected: Reconcile) {
        assert_eq!(read(body.as_bytes()).unwrap(), Message::Reconcile(expected), "{body}");
    }

    #[track_caller]
    fn refuses(body: &str, reason: &str, field: Option<&str>) {
        let refusal = read(body.as_bytes()).unwrap_err();
        assert_eq!((refusal.to_string().as_str(), refusal.field.as_deref()), (reason, field));
        assert!(!refusal.hint.is_empty());
    }

    #[test]
    fn a_command_is_read_plain_and_in_a_cloud_event() {
        let plain = r#"{"command":"reconcile","scope":"everything"}"#;
        reads(plain, everything());
        reads(&format!("\u{feff}{plain}"), everything());
        let event = |data: &str| {
            format!(
                r#"{{"specversion":"1.0","type":"com.contoso.tether","source":"x","id":"1","data":{data}}}"#
            )
        };
        reads(&event(plain), everything());
        reads(&event(&serde_json::json!(plain).to_string()), everything());
    }

    #[test]
    fn every_field_is_read() {
        let body = format!(
            r#"{{"command":"Reconcile","scope":"{CLUSTER}","version":1,"id":"7","dryRun":true,
               "requestedBy":"someone","attempt":3,"recheck":true,"traceparent":"00-a-b-01"}}"#
        );
        let expected = Reconcile {
            scope: CLUSTER.parse().unwrap(),
            dry_run: true,
            attempt: 3,
            recheck: true,
            id: Some("7".into()),
            traceparent: Some("00-a-b-01".into()),
        };
        reads(&body, expected);
    }

    #[test]
    fn a_command_survives_being_written_and_read_and_forgets_who_asked() {
        let command = Reconcile {
            scope: CLUSTER.parse().unwrap(),
            dry_run: true,
            attempt: 2,
            recheck: true,
            id: Some("7".into()),
            traceparent: Some("00-a-b-01".into()),
        };
        reads(&command.to_body(), command);
        assert_eq!(everything().to_body(), r#"{"command":"reconcile","scope":"everything"}"#);
    }

    #[test]
    fn an_event_is_never_refused() {
        for body in [
            r#"{"eventType":"Microsoft.Unheard.Of"}"#,
            r#"{"specversion":"1.0","type":"microsoft.resources.x"}"#,
            r#"[{"eventType":"Microsoft.A"},{"type":"Microsoft.B"}]"#,
        ] {
            assert!(matches!(read(body.as_bytes()), Ok(Message::Events(_))), "{body}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        refuses(
            "{",
            "the message is not JSON: EOF while parsing an object at line 1 column 1",
            None,
        );
        refuses("[]", "the message is not a JSON object", None);
        refuses("\"reconcile\"", "the message is not a JSON object", None);
        refuses("{}", "the message names no command", Some("command"));
        refuses(r#"{"command":"drop"}"#, "there is no command `drop`", Some("command"));
        refuses(
            r#"{"command":"attach","cluster":"a","registry":"b"}"#,
            "this version does not know the command `attach` yet",
            Some("command"),
        );
        refuses(r#"{"command":"reconcile"}"#, "the command names no scope", Some("scope"));
        refuses(r#"{"command":"reconcile","scope":"all"}"#, "`all` is no scope", Some("scope"));
        refuses(
            r#"{"command":"reconcile","scope":"everything","dryrun":true}"#,
            "there is no field `dryrun`",
            Some("dryrun"),
        );
        refuses(
            r#"{"command":"reconcile","scope":"everything","dryRun":"yes"}"#,
            "`dryRun`: invalid type: string \"yes\", expected a boolean",
            Some("dryRun"),
        );
        refuses(
            r#"{"command":"reconcile","scope":"everything","version":2}"#,
            "version 2 of the message format is not known",
            Some("version"),
        );
        refuses(
            r#"{"specversion":"1.0","type":"com.contoso.x"}"#,
            "the event carries no `data`",
            Some("data"),
        );
    }

    #[test]
    fn a_message_is_read_up_to_a_limit() {
        let command = r#"{"command":"reconcile","scope":"everything"}"#;
        let largest = format!("{command}{}", " ".repeat(LARGEST - command.len()));
        reads(&largest, everything());
        let refusal = read(format!("{largest} ").as_bytes()).unwrap_err();
        assert_eq!(refusal.reason, "the message is larger than 1048576 bytes");
    }

    #[test]
    fn deep_nesting_and_broken_text_are_refused() {
        let deep = "[".repeat(100_000);
        assert!(read(deep.as_bytes()).unwrap_err().reason.contains("recursion limit"));
        assert!(read(b"\xff\xfe").unwrap_err().reason.starts_with("the message is not JSON"));
    }
}
