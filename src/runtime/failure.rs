//! What a function says when it could not do its work.
//!
//! The host counts every failure alike and drops the text, so the runtime logs it too. A failure
//! does not know what becomes of the message or the event: that is the host's and the queue's.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use axum::http::StatusCode;

use super::InvocationError;
use super::error::chain;

/// Why an invocation failed, as it is logged and answered
///
/// The message reaches logs: keep secrets and personal data out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: Cow<'static, str>,
    message: String,
    status: StatusCode,
}

impl Failure {
    /// A failure of a kind that programs can tell apart, with a sentence for people
    pub fn new(kind: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            status: StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A failure told by an error and all its causes
    pub fn caused_by(kind: impl Into<Cow<'static, str>>, error: &(dyn Error + 'static)) -> Self {
        Self::new(kind, chain(error))
    }

    /// The kind, one word
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The sentence
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<InvocationError> for Failure {
    fn from(error: InvocationError) -> Self {
        Self { status: error.status(), ..Self::caused_by(error.kind(), &error) }
    }
}
