//! What the host makes of a handler's answer: success with outputs, failure, or a violation that
//! would hang the real host.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::definition::Function;

/// An answer over HTTP
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// What became of an invocation
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// It succeeded, with these messages by queue and these log lines
    Success { messages: Vec<(String, Vec<u8>)>, logs: Vec<String> },
    /// It failed.
    Failure(String),
    /// The real host would wait for ever, or send nonsense.
    Violation(String),
}

/// Judges an answer by the host's rules.
pub(super) fn judge(function: &Function, answer: &Answer) -> Verdict {
    let status = answer.status;
    if !(200..300).contains(&status) {
        return Verdict::Failure(format!("status {status}"));
    }
    let text = String::from_utf8_lossy(&answer.body);
    if status == 204 || text.trim().is_empty() || text.trim() == "null" {
        return Verdict::Violation(format!("{status} with an empty body never finishes"));
    }
    let kind = answer.content_type.to_lowercase();
    if !kind.starts_with("application/json") && !kind.starts_with("text/json") {
        return Verdict::Failure(format!("content type `{kind}` is not JSON"));
    }
    let Ok(Value::Object(result)) = serde_json::from_str(&text) else {
        return Verdict::Failure("the body is no JSON object".into());
    };
    let member = |name: &str| {
        let found = result.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    };
    let logs = match member("logs").map(lines) {
        None => Vec::new(),
        Some(Some(logs)) => logs,
        Some(None) => return Verdict::Failure("`Logs` is no list of texts".into()),
    };
    match member("outputs").map_or(Ok(Vec::new()), |outputs| messages(function, outputs)) {
        Ok(messages) => Verdict::Success { messages, logs },
        Err(violation) => Verdict::Violation(violation),
    }
}

fn lines(logs: &Value) -> Option<Vec<String>> {
    logs.as_array()?.iter().map(|line| line.as_str().map(str::to_owned)).collect()
}

/// The messages that outputs come to. What the real host would distort counts as a violation.
fn messages(function: &Function, outputs: &Value) -> Result<Vec<(String, Vec<u8>)>, String> {
    let Value::Object(outputs) = outputs else { return Err("`Outputs` is no object".into()) };
    let mut messages = Vec::new();
    for (name, value) in outputs {
        let Some(binding) = function.outputs.get(name) else {
            return Err(format!("there is no output binding `{name}`"));
        };
        let queue = binding.queue_name.clone().unwrap_or_default();
        for body in bodies(value)? {
            messages.push((queue.clone(), body.into_bytes()));
        }
    }
    Ok(messages)
}

fn bodies(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => items.iter().map(element).collect(),
        Value::Object(_) => Ok(vec![indented(value)]),
        Value::String(text) if BASE64_STANDARD.decode(text).is_ok() => {
            Err(format!("the text `{text}` would be sent as `System.Byte[]`"))
        }
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            let parsed: Value = serde_json::from_str(text)
                .map_err(|_| format!("the text `{text}` looks like JSON and is none"))?;
            if parsed.is_array() { bodies(&parsed) } else { Ok(vec![indented(&parsed)]) }
        }
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Bool(_) | Value::Number(_) => Ok(vec![value.to_string()]),
    }
}

fn element(item: &Value) -> Result<String, String> {
    match item {
        Value::String(text) => Ok(text.clone()),
        Value::Object(_) => Ok(indented(item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err(format!("`{item}` is no message"))
        }
    }
}

fn indented(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
