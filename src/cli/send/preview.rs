//! What may be shown of a message: which command it is, and nothing that could be about a person.
//!
//! Events carry who caused them, and any field may hold anything: so only fields that are known are
//! shown, and of them only what looks like a name or an id.

use serde_json::Value;

/// How much of a command is shown
const COMMAND: usize = 80;

/// How much of any other text is shown
const TEXT: usize = 300;

/// The fields that are shown, in this order
const FIELDS: [&str; 6] = ["cluster", "registry", "formerIdentities", "scope", "dryRun", "attempt"];

/// A command in a few words
pub(super) fn command(body: Option<&str>) -> String {
    let Some(body) = body else { return "(no text, or too long)".to_owned() };
    let Ok(message) = serde_json::from_str::<Value>(body) else {
        return format!("(no JSON, {} bytes)", body.len());
    };
    if is_event(&message) {
        return format!("(an event, {} bytes)", body.len());
    }
    let data = message.get("data").filter(|_| message.get("specversion").is_some());
    let command = data.unwrap_or(&message);
    let Some(name) = command.get("command") else {
        return format!("(no command, {} bytes)", body.len());
    };
    let fields = FIELDS
        .iter()
        .filter_map(|field| command.get(field).map(|value| format!(" {field}={}", plain(value))));
    let shown: String = std::iter::once(plain(name)).chain(fields).collect();
    cut(&shown, COMMAND)
}

/// A text of our own worker's, fit for a terminal
pub(super) fn text(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    cut(&text, TEXT)
}

/// Whether it is an event of Azure's, or several
fn is_event(message: &Value) -> bool {
    let is_one = |message: &Value| {
        let kind = message.get("eventType").or_else(|| message.get("type"));
        let kind = kind.and_then(Value::as_str).and_then(|kind| kind.get(..10));
        kind.is_some_and(|start| start.eq_ignore_ascii_case("Microsoft."))
    };
    is_one(message) || message.as_array().is_some_and(|events| events.iter().any(is_one))
}

/// A value, if it can only be a name, an id, a number or a switch
fn plain(value: &Value) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    match value {
        Value::Bool(switch) => switch.to_string(),
        Value::Number(number) => number.to_string(),
        // Of an id, the name: the rest would fill the line.
        Value::String(text) if text.chars().all(is_plain) => {
            text.rsplit('/').next().unwrap_or_default().to_owned()
        }
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            "(hidden)".to_owned()
        }
    }
}

fn cut(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expected: &str) {
        assert_eq!(command(Some(body)), expected);
    }

    #[test]
    fn a_command_is_shown_by_its_known_fields() {
        let attach = r#"{"command":"attach","registry":"acr1","cluster":"aks-1","dryRun":true,
            "requestedBy":"ada","more":"secret"}"#;
        check(attach, "attach cluster=aks-1 registry=acr1 dryRun=true");
        check(
            &format!(r#"{{"specversion":"1.0","type":"com.contoso.x","data":{attach}}}"#),
            "attach cluster=aks-1 registry=acr1 dryRun=true",
        );
        check(
            r#"{"command":"detach","cluster":"aks-1","registry":"acr1","formerIdentities":true}"#,
            "detach cluster=aks-1 registry=acr1 formerIdentities=true",
        );
        check(
            r#"{"command":"reconcile","scope":"/subscriptions/1/resourceGroups/rg/x/y/z/aks-1"}"#,
            "reconcile scope=aks-1",
        );
        let long = format!(r#"{{"command":"reconcile","scope":"{}"}}"#, "s".repeat(200));
        assert_eq!(command(Some(&long)).len(), 80);
    }

    #[test]
    fn nothing_personal_is_shown() {
        check(
            r#"{"command":"attach","cluster":"ada@example.com","registry":{"claims":"ada"}}"#,
            "attach cluster=(hidden) registry=(hidden)",
        );
        let event =
            r#"{"eventType":"Microsoft.Resources.X","command":"ada","data":{"claims":"ada"}}"#;
        check(event, &format!("(an event, {} bytes)", event.len()));
        let events = format!("[{event}]");
        check(&events, &format!("(an event, {} bytes)", events.len()));
        check(r#"{"name":"ada"}"#, "(no command, 14 bytes)");
        check("ada", "(no JSON, 3 bytes)");
        check(r#""ada""#, "(no command, 5 bytes)");
        assert_eq!(command(None), "(no text, or too long)");
    }

    #[test]
    fn a_terminal_gets_no_orders() {
        assert_eq!(text("a\u{1b}[31mb\r\nc"), "a[31mbc");
        assert_eq!(text(&"a".repeat(400)).len(), 300);
        check("{\"command\":\"a\\u001b[31m\"}", "(hidden)");
    }
}
