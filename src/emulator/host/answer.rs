//! What the host makes of a handler's answer: success with outputs, failure, or a violation that
//! would hang the real host. What a success loses on its way to the outputs is told apart.

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use time::format_description::FormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use super::definition::Function;

/// What .NET calls bytes that it is to write as text
const BYTES: &str = "System.Byte[]";

/// How it writes a date
const DATE: &[FormatItem<'_>] =
    format_description!("[month]/[day]/[year] [hour]:[minute]:[second]");

/// An answer over HTTP
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// What became of an invocation
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// It succeeded, with these outputs and these log lines. `distorted` says which parts of the answer
    /// the host dropped or changed; the real host does so in silence.
    Success { outputs: Outputs, logs: Vec<String>, distorted: Vec<String> },
    /// It failed.
    Failure(String),
    /// It failed: the real host would wait until the function's time is up and kill the handler, or do
    /// what is not known here.
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
    let mut sorter = Sorter { function, outputs: Outputs::default(), distorted: Vec::new() };
    match sorter.sort(member("outputs"), member("returnvalue")) {
        Ok(()) => Verdict::Success { outputs: sorter.outputs, logs, distorted: sorter.distorted },
        Err(violation) => Verdict::Violation(violation),
    }
}

/// Log lines: single values are taken for texts, and anything else spoils the answer.
fn lines(logs: &Value) -> Option<Vec<String>> {
    let line = |line: &Value| match line {
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(line.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    };
    logs.as_array()?.iter().map(line).collect()
}

/// Takes an answer's values to the output bindings
struct Sorter<'a> {
    function: &'a Function,
    outputs: Outputs,
    distorted: Vec<String>,
}

impl Sorter<'_> {
    /// Members of a return value count like outputs and come before those of the same name, where
    /// nothing is bound to the return value itself, as nowhere here.
    fn sort(&mut self, outputs: Option<&Value>, returned: Option<&Value>) -> Result<(), String> {
        let none = Map::new();
        let outputs = match outputs {
            None => &none,
            Some(Value::Object(outputs)) => outputs,
            Some(_) => return Err("`Outputs` is no object".into()),
        };
        let returned = match returned {
            None => &none,
            Some(Value::Object(returned)) => returned,
            Some(_) => {
                self.distorted.push("the return value goes nowhere".into());
                &none
            }
        };
        for (name, value) in outputs.iter().filter(|(name, _)| !returned.contains_key(*name)) {
            self.output(name, value, Guess::Base64)?;
        }
        for (name, value) in returned {
            self.output(name, value, Guess::Nothing)?;
        }
        Ok(())
    }

    /// The name has to be the binding's, letter case included.
    fn output(&mut self, name: &str, value: &Value, guess: Guess) -> Result<(), String> {
        let Some(binding) = self.function.outputs.get(name) else {
            self.distorted.push(format!("`{name}` is dropped: there is no such output binding"));
            return Ok(());
        };
        if binding.kind == "http" {
            self.outputs.http = Some(HttpOutput::read(value)?);
            return Ok(());
        }
        let queue = binding.queue_name.clone().unwrap_or_default();
        for body in self.bodies(value, guess)? {
            self.outputs.messages.push((queue.clone(), body.into_bytes()));
        }
        Ok(())
    }

    /// The messages that a value comes to
    fn bodies(&mut self, value: &Value, guess: Guess) -> Result<Vec<String>, String> {
        match value {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) => items.iter().map(|item| self.element(item)).collect(),
            Value::Object(_) => Ok(vec![indented(value)]),
            Value::String(text) => {
                if let Some(date) = self.date(text) {
                    return Ok(vec![date]);
                }
                if matches!(guess, Guess::Base64) && BASE64_STANDARD.decode(text).is_ok() {
                    self.distorted.push(format!("the text `{text}` is sent as `{BYTES}`"));
                    return Ok(vec![BYTES.to_owned()]);
                }
                if !text.trim_start().starts_with(['{', '[']) {
                    return Ok(vec![text.clone()]);
                }
                let parsed: Value = serde_json::from_str(text)
                    .map_err(|_| format!("the text `{text}` looks like JSON and is none"))?;
                if parsed.is_array() {
                    self.bodies(&parsed, Guess::Nothing)
                } else {
                    Ok(vec![indented(&parsed)])
                }
            }
            Value::Bool(_) | Value::Number(_) => Ok(vec![value.to_string()]),
        }
    }

    fn element(&mut self, item: &Value) -> Result<String, String> {
        match item {
            Value::String(text) => Ok(self.date(text).unwrap_or_else(|| text.clone())),
            Value::Object(_) => Ok(indented(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                Err(format!("`{item}` is no message"))
            }
        }
    }

    /// What becomes of a text that is a date and nothing else: the host's parser makes a date of it,
    /// which is written as .NET writes dates, in the host's zone.
    fn date(&mut self, text: &str) -> Option<String> {
        let has_time = text.as_bytes().get(10) == Some(&b'T');
        let read = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
        let date = read(text).or_else(|| read(&format!("{text}Z"))).filter(|_| has_time)?;
        let written = date.to_offset(UtcOffset::UTC).format(DATE).ok()?;
        self.distorted.push(format!("the text `{text}` is sent as `{written}`"));
        Some(written)
    }
}

/// What a text is tried as before it is taken for one
#[derive(Clone, Copy)]
enum Guess {
    Base64,
    Nothing,
}

fn indented(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
