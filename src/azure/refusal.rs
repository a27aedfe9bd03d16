//! What Azure says when it does not do what it was asked: status, code, message and request id.
//!
//! Bodies may be JSON of several shapes, a web page, plain text or nothing. What a code means is
//! [`ArmError`](super::ArmError)'s business.

use std::fmt;
use std::time::Duration;

use azure_core::http::headers::Headers;
use reqwest::StatusCode;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Longest message kept
const MESSAGE: usize = 400;

/// An answer that is not what was asked for
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status
    pub status: u16,
    /// Azure's code, such as `ScopeLocked`; where it gave none, the status in words
    pub code: String,
    /// Azure's message in one line, cut, without account names
    pub message: String,
    /// What Azure's support asks for
    pub request_id: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.code, self.status)?;
        if !self.message.is_empty() {
            write!(f, " {}", self.message)?;
        }
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl Refusal {
    /// Reads whatever came.
    pub(super) fn read(status: u16, headers: &Headers, body: &[u8]) -> Self {
        let (code, message) = match serde_json::from_slice::<Value>(body) {
            Ok(json) => code_and_message(&json),
            Err(_) => (None, text(body)),
        };
        let code = code
            .or_else(|| header(headers, "x-ms-error-code").map(str::to_owned))
            .unwrap_or_else(|| words(status));
        let request_id = header(headers, "x-ms-correlation-request-id")
            .or_else(|| header(headers, "x-ms-request-id"));
        Self {
            status,
            code: one_line(&code),
            message: one_line(&message),
            request_id: request_id.map(one_line),
        }
    }
}

/// The status in one word, as codes are spelled
fn words(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.map_or_else(|| format!("Http{status}"), |reason| reason.replace(' ', ""))
}

/// Code and message of `{"error": {"code", "message", "details"}}`, with or without the envelope
fn code_and_message(json: &Value) -> (Option<String>, String) {
    let error = json.get("error").filter(|error| error.is_object()).unwrap_or(json);
    let field = |value: &Value, name| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut message = field(error, "message").unwrap_or_default();
    // Resource Graph says only in the details what is wrong.
    let details = error.get("details").and_then(Value::as_array);
    if let Some(detail) = details.and_then(|all| all.iter().find_map(|one| field(one, "message"))) {
        message = format!("{message} {detail}");
    }
    (field(error, "code").filter(|code| !code.is_empty()), message)
}

/// A body that is no JSON
fn text(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.starts_with('<') {
        "a web page came instead of an answer".to_owned()
    } else {
        text.to_owned()
    }
}

/// One line of bounded length without e-mail addresses: where a person runs tether, Azure names
/// the account in its refusals.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if is_account(word) { "(account)" } else { word })
        .collect();
    let line = words.join(" ");
    let mut short: String = line.chars().take(MESSAGE).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

fn is_account(word: &str) -> bool {
    word.split_once('@').is_some_and(|(name, host)| {
        name.ends_with(char::is_alphanumeric) && host.starts_with(char::is_alphanumeric)
    })
}

/// The value of a header, its name in lower case
///
/// The library makes an error of each that is missing, which most are.
pub(super) fn header<'a>(headers: &'a Headers, name: &'static str) -> Option<&'a str> {
    let found = headers.iter().find(|(found, _)| found.as_str() == name);
    found.map(|(_, value)| value.as_str())
}

/// The longest wait that is believed: nothing here can be asked to wait for a year
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// How long Azure asks to wait, an hour at most
///
/// A date is measured against the answer's own, so that no clock is needed.
pub(super) fn retry_after(headers: &Headers) -> Option<Duration> {
    let milliseconds = ["x-ms-retry-after-ms", "retry-after-ms"]
        .into_iter()
        .find_map(|name| header(headers, name)?.trim().parse().ok())
        .map(Duration::from_millis);
    let standard = || {
        let text = header(headers, "retry-after")?.trim();
        text.parse().ok().map(Duration::from_secs).or_else(|| until(text, headers))
    };
    let wait = milliseconds.or_else(standard).or_else(|| quota_resets_after(headers));
    wait.map(|wait| wait.min(LONGEST_WAIT))
}

fn until(date: &str, headers: &Headers) -> Option<Duration> {
    let then = OffsetDateTime::parse(date, &Rfc2822).ok()?;
    let now = OffsetDateTime::parse(header(headers, "date")?, &Rfc2822).ok()?;
    Some(Duration::try_from(then - now).unwrap_or_default())
}

/// When Resource Graph's quota is full again, as `hh:mm:ss`
pub(super) fn quota_resets_after(headers: &Headers) -> Option<Duration> {
    let text = header(headers, "x-ms-user-quota-resets-after")?;
    let mut seconds: u64 = 0;
    for part in text.trim().split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse::<u64>().ok()?)?;
    }
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> Headers {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.insert(*name, (*value).to_owned());
        }
        headers
    }

    #[track_caller]
    fn check(status: u16, body: &str, shown: &str) {
        assert_eq!(Refusal::read(status, &Headers::new(), body.as_bytes()).to_string(), shown);
    }

    #[test]
    fn every_shape_of_body_gives_a_code_and_a_line() {
        check(
            409,
            r#"{"error":{"code":"ScopeLocked","message":"The scope\n is  locked"}}"#,
            "`ScopeLocked` (409) The scope is locked",
        );
        check(400, r#"{"code":"BadThing","message":"no"}"#, "`BadThing` (400) no");
        check(
            400,
            r#"{"error":{"code":"BadRequest","message":"Please ask.","details":[{"code":"P","message":"Query is invalid."}]}}"#,
            "`BadRequest` (400) Please ask. Query is invalid.",
        );
        check(
            403,
            "\n<html><body>Forbidden</body></html>",
            "`Forbidden` (403) a web page came instead of an answer",
        );
        check(429, "Too Many Requests", "`TooManyRequests` (429) Too Many Requests");
        check(500, "", "`InternalServerError` (500)");
        check(599, "null", "`Http599` (599)");
        check(403, r#"{"error":"forbidden"}"#, "`Forbidden` (403)");
    }

    #[test]
    fn the_request_id_is_kept_and_accounts_are_not() {
        let headers =
            headers(&[("x-ms-request-id", "r-1"), ("x-ms-correlation-request-id", "c-1")]);
        let body = r#"{"error":{"code":"AuthorizationFailed","message":"The client 'ada@example.com' may not @Request[x] a@ @b"}}"#;
        assert_eq!(
            Refusal::read(403, &headers, body.as_bytes()).to_string(),
            "`AuthorizationFailed` (403) The client (account) may not @Request[x] a@ @b (request c-1)"
        );
    }

    #[test]
    fn a_long_message_is_cut() {
        let refusal = Refusal::read(400, &Headers::new(), "ä".repeat(100_000).as_bytes());
        assert_eq!(refusal.message.chars().count(), MESSAGE + 1);
    }

    #[test]
    fn the_wish_to_wait_is_read_in_every_form() {
        #[track_caller]
        fn check(pairs: &[(&'static str, &str)], seconds: Option<u64>) {
            assert_eq!(retry_after(&headers(pairs)), seconds.map(Duration::from_secs));
        }
        check(&[], None);
        check(&[("retry-after", "17")], Some(17));
        check(&[("retry-after", "soon")], None);
        check(&[("retry-after", "-1")], None);
        check(&[("retry-after", "18446744073709551615")], Some(3600));
        check(&[("retry-after-ms", "2000"), ("retry-after", "17")], Some(2));
        let date = ("date", "Fri, 01 Jan 2027 00:00:00 GMT");
        check(&[("retry-after", "Fri, 01 Jan 2027 00:01:00 GMT"), date], Some(60));
        check(&[("retry-after", "Thu, 31 Dec 2026 23:59:00 GMT"), date], Some(0));
        check(&[("retry-after", "Fri, 01 Jan 2027 00:01:00 GMT")], None);
        check(&[("x-ms-user-quota-resets-after", "00:01:05")], Some(65));
        check(&[("x-ms-user-quota-resets-after", "x")], None);
    }
}
