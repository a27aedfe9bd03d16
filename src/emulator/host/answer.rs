//! What the host makes of a handler's answer: success with outputs, failure, or a violation that
//! would hang the real host.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
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
    /// It succeeded, with these outputs and these log lines
    Success { outputs: Outputs, logs: Vec<String> },
    /// It failed.
    Failure(String),
    /// The real host would wait for ever, or send nonsense.
    Violation(String),
}

/// What a success hands to the output bindings
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Outputs {
    /// Messages by queue
    pub(super) messages: Vec<(String, Vec<u8>)>,
    /// The answer to a request over HTTP
    pub(super) http: Option<HttpOutput>,
}

/// An answer to a request over HTTP
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HttpOutput {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl HttpOutput {
    /// What the host answers where the handler said nothing
    pub(super) fn unsaid() -> Self {
        Self { status: 200, headers: Vec::new(), body: b"{}".to_vec() }
    }

    /// The answer that an output describes: status, headers and body, their names in any letter case
    fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(members) = value else {
            return Err(format!("`{value}` is no answer over HTTP"));
        };
        let member = |name: &str| {
            let found = members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value).filter(|value| !value.is_null())
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let status = member("statusCode").or_else(|| member("status"));
        let status = status.and_then(|status| text(status).parse().ok()).unwrap_or(200);
        let headers = match member("headers") {
            None => Vec::new(),
            Some(Value::Object(headers)) => {
                headers.iter().map(|(name, value)| (name.clone(), text(value))).collect()
            }
            Some(_) => return Err("the headers are no object".into()),
        };
        let body = member("body").map(text).unwrap_or_default().into_bytes();
        Ok(Self { status, headers, body })
    }
}

impl IntoResponse for HttpOutput {
    fn into_response(self) -> Response {
        let mut answer = Response::builder().status(self.status);
        for (name, value) in self.headers {
            answer = answer.header(name, value);
        }
        // What cannot be sent is an error of the host.
        let answer = answer.body(Body::from(self.body));
        answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    }
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
    match member("outputs").map_or(Ok(Outputs::default()), |found| outputs(function, found)) {
        Ok(outputs) => Verdict::Success { outputs, logs },
        Err(violation) => Verdict::Violation(violation),
    }
}

fn lines(logs: &Value) -> Option<Vec<String>> {
    logs.as_array()?.iter().map(|line| line.as_str().map(str::to_owned)).collect()
}

/// What outputs come to. What the real host would distort counts as a violation.
fn outputs(function: &Function, found: &Value) -> Result<Outputs, String> {
    let Value::Object(found) = found else { return Err("`Outputs` is no object".into()) };
    let mut outputs = Outputs::default();
    for (name, value) in found {
        let Some(binding) = function.outputs.get(name) else {
            return Err(format!("there is no output binding `{name}`"));
        };
        if binding.kind == "http" {
            outputs.http = Some(HttpOutput::read(value)?);
            continue;
        }
        let queue = binding.queue_name.clone().unwrap_or_default();
        for body in bodies(value)? {
            outputs.messages.push((queue.clone(), body.into_bytes()));
        }
    }
    Ok(outputs)
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
