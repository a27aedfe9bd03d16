//! What was asked of the pretend Azure, for tests and for the demo's report.
//!
//! Tokens and secrets are never kept: no headers but that of traces, and no bodies of token requests.

use serde_json::Value;
use time::OffsetDateTime;

/// One request and how it ended
#[derive(Clone, Debug, PartialEq)]
pub struct RequestRecord {
    /// When, in virtual time
    pub at: OffsetDateTime,
    /// HTTP method
    pub method: String,
    /// Path, decoded
    pub path: String,
    /// Query as sent
    pub query: String,
    /// Status of the answer
    pub status: u16,
    /// `person`, `identity` or `nobody`
    pub caller: &'static str,
    /// The W3C trace context that came along
    pub traceparent: Option<String>,
    /// The body, if it was JSON
    pub body: Option<Value>,
}
