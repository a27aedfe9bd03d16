//! Why a message was not sent or received, by what can be done about it.
//!
//! Service Bus answers in XML, and 403 has opposite meanings there: the right to send is missing, or
//! there is no room. What to do about it is the caller's decision.

use std::fmt;
use std::time::Duration;

use thiserror::Error;
use time::OffsetDateTime;

use super::transport::TransportError;

/// Longest sentence of Service Bus that is kept, in characters
const DETAIL: usize = 300;

/// What Service Bus says when a queue is full
const FULL: [&str; 2] = ["quota", "maximum entity size"];

/// What Service Bus says when a message is too large
const TOO_LARGE: [&str; 4] = ["too large", "message size", "exceeds the limit", "larger than"];

/// What was tried
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Send,
    Receive,
    /// To complete a message, or give it back
    Settle,
}

/// Why a message was not sent or received
#[derive(Debug, Error)]
pub enum QueueError {
    /// The namespace's address is more than a scheme, a host and a port.
    #[error("the address of the Service Bus namespace has to end after its host, `{0}`")]
    Endpoint(String),
    /// No queue can be called that.
    #[error("`{0}` cannot be the name of a queue")]
    Name(String),
    /// Service Bus takes no such message id.
    #[error("the message id `{0}` is empty or longer than 128 characters")]
    MessageId(String),
    /// The time can't be written into a message.
    #[error("no message can be scheduled for `{0}`")]
    Scheduled(OffsetDateTime),
    /// The credential gave no token.
    #[error("there is no token for Service Bus")]
    Token(#[source] azure_core::Error),
    /// The token isn't enough.
    #[error(
        "sending to the queue `{queue}` is not allowed: the identity needs the role \
         `Azure Service Bus Data Sender` on it, and a new assignment takes minutes to work"
    )]
    Forbidden {
        /// The queue
        queue: String,
        /// What Service Bus said
        #[source]
        answer: QueueAnswer,
    },
    /// The token isn't enough to receive.
    #[error(
        "receiving from the queue `{queue}` is not allowed: the identity needs the role \
         `Azure Service Bus Data Receiver` on it, and a new assignment takes minutes to work"
    )]
    MayNotReceive {
        /// The queue
        queue: String,
        /// What Service Bus said
        #[source]
        answer: QueueAnswer,
    },
    /// The lock of a message ran out, or somebody else has removed the message.
    #[error("the lock on a message of the queue `{queue}` is lost")]
    LockLost {
        /// The queue
        queue: String,
        /// What Service Bus said
        #[source]
        answer: QueueAnswer,
    },
    /// The namespace names another host for a lock.
    #[error("the lock of a message is at another host, `{0}`, which must not get the token")]
    Elsewhere(String),
    /// The namespace has no such queue.
    #[error("there is no queue `{queue}` in the Service Bus namespace")]
    Absent {
        /// The queue
        queue: String,
        /// What Service Bus said
        #[source]
        answer: QueueAnswer,
    },
    /// The message is larger than the namespace's tier takes.
    #[error("the message is too large for the queue `{queue}`")]
    TooLarge {
        /// The queue
        queue: String,
        /// What Service Bus said
        #[source]
        answer: QueueAnswer,
    },
    /// The queue has no room left.
    #[error("the queue `{queue}` is full")]
    Full {
        /// The queue
        queue: String,
        /// What Service Bus said
        #[source]
        answer: QueueAnswer,
    },
    /// Too many requests, from whomever.
    #[error(
        "the Service Bus namespace asks to slow down, so nothing was done at the queue `{queue}`"
    )]
    Throttled {
        /// The queue
        queue: String,
        /// How long Service Bus asks to wait
        retry_after: Option<Duration>,
        /// What Service Bus said
        #[source]
        answer: QueueAnswer,
    },
    /// A fault on the side of Service Bus; it may have taken the message.
    #[error("Service Bus is out of order, so perhaps nothing was done at the queue `{queue}`")]
    Unavailable {
        /// The queue
        queue: String,
        /// How long Service Bus asks to wait
        retry_after: Option<Duration>,
        /// What Service Bus said
        #[source]
        answer: QueueAnswer,
    },
    /// Anything else that Service Bus says no to.
    #[error("the queue `{queue}` does not take the message, or the request")]
    Refused {
        /// The queue
        queue: String,
        /// What Service Bus said
        #[source]
        answer: QueueAnswer,
    },
    /// There was no connection, or no answer in time; in the latter case it may have been sent.
    #[error("Service Bus cannot be reached or does not answer")]
    Unreachable(#[source] reqwest::Error),
    /// The client library failed by itself.
    #[error("the request to Service Bus cannot be made")]
    Client(#[source] azure_core_legacy::Error),
}

/// An answer of Service Bus that is not a yes
#[derive(Clone, Debug, Default, PartialEq, Eq, Error)]
pub struct QueueAnswer {
    status: u16,
    detail: String,
    retry_after: Option<Duration>,
}

impl fmt::Display for QueueAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Service Bus answered {}", self.status)?;
        match self.detail.as_str() {
            "" => Ok(()),
            detail => write!(f, ": {detail}"),
        }
    }
}

impl QueueAnswer {
    /// An answer with this body. Only the sentence in `Detail` is kept: a page of a proxy is no
    /// answer of Service Bus, whatever it says.
    pub(super) fn new(status: u16, retry_after: Option<Duration>, body: &str) -> Self {
        let detail = body.split_once("<Detail>").and_then(|(_, rest)| rest.split_once("</Detail>"));
        let detail = detail.map(|(detail, _)| detail.trim()).unwrap_or_default();
        let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
        let detail = detail.chars().filter(|c| !c.is_control()).take(DETAIL).collect();
        Self { status, detail, retry_after }
    }

    /// The HTTP status
    pub(super) fn status(&self) -> u16 {
        self.status
    }

    /// How long Service Bus asks to wait
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    fn says(&self, phrases: &[&str]) -> bool {
        let detail = self.detail.to_ascii_lowercase();
        phrases.iter().any(|phrase| detail.contains(phrase))
    }
}

impl QueueError {
    /// Whether the same message may be taken later without anyone doing anything
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Token(_)
                | Self::Full { .. }
                | Self::Throttled { .. }
                | Self::Unavailable { .. }
                | Self::Unreachable(_)
        )
    }

    /// What went wrong on the way to `queue`, unpacked from the library's error
    pub(super) fn of(act: Act, queue: &str, error: azure_core_legacy::Error) -> Self {
        match error.into_downcast::<TransportError>() {
            Ok(TransportError::Token(cause)) => Self::Token(cause),
            Ok(TransportError::Unreachable(cause)) => Self::Unreachable(cause),
            Ok(TransportError::Elsewhere(host)) => Self::Elsewhere(host),
            Ok(TransportError::Answer(answer)) => Self::answered(act, queue, answer),
            Err(cause) => Self::Client(cause),
        }
    }

    fn answered(act: Act, queue: &str, answer: QueueAnswer) -> Self {
        let queue = queue.to_owned();
        let retry_after = answer.retry_after;
        match answer.status {
            400 | 403 if answer.says(&TOO_LARGE) => Self::TooLarge { queue, answer },
            403 if answer.says(&FULL) => Self::Full { queue, answer },
            401 | 403 if act != Act::Send => Self::MayNotReceive { queue, answer },
            401 | 403 => Self::Forbidden { queue, answer },
            404 | 410 if act == Act::Settle => Self::LockLost { queue, answer },
            404 | 410 => Self::Absent { queue, answer },
            // 431: the properties are headers, and too many or too long.
            413 | 431 => Self::TooLarge { queue, answer },
            429 => Self::Throttled { queue, retry_after, answer },
            500.. => Self::Unavailable { queue, retry_after, answer },
            _ => Self::Refused { queue, answer },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, detail: &str, expected: &str) {
        check_act(Act::Send, status, detail, expected);
    }

    #[track_caller]
    fn check_act(act: Act, status: u16, detail: &str, expected: &str) {
        let body = format!("<Error><Code>{status}</Code><Detail>{detail}</Detail></Error>");
        let error = QueueError::answered(act, "commands", QueueAnswer::new(status, None, &body));
        let shown = error.to_string();
        assert!(shown.contains(expected), "{status} {detail}: {shown}");
        assert!(shown.contains("`commands`"), "{shown}");
    }

    #[test]
    fn every_answer_says_what_can_be_done_about_it() {
        check(400, "Invalid BrokerProperties", "does not take the message");
        check(
            401,
            "InvalidIssuer: Token issuer is invalid.",
            "role `Azure Service Bus Data Sender`",
        );
        check(403, "'Send' claim(s) are required", "role `Azure Service Bus Data Sender`");
        check(403, "The maximum entity size has been reached", "is full");
        check(403, "Quota exceeded", "is full");
        check(403, "The message size exceeds the limit of 262144", "too large");
        check(404, "", "there is no queue");
        check(410, "", "there is no queue");
        check(413, "", "too large");
        check(429, "", "slow down");
        check(500, "", "out of order");
        check(503, "", "out of order");
        check(307, "", "does not take the message");
    }

    #[test]
    fn whoever_receives_needs_another_role_and_may_lose_a_lock() {
        for act in [Act::Receive, Act::Settle] {
            check_act(act, 401, "'Listen' claim(s)", "role `Azure Service Bus Data Receiver`");
            check_act(act, 429, "", "slow down");
        }
        check_act(Act::Receive, 404, "", "there is no queue");
        check_act(Act::Receive, 410, "", "there is no queue");
        check_act(Act::Settle, 404, "", "is lost");
        check_act(Act::Settle, 410, "", "is lost");
    }

    #[test]
    fn only_what_service_bus_says_itself_is_kept_of_an_answer() {
        let answer = |body: &str| QueueAnswer::new(401, None, body).to_string();
        assert_eq!(answer("<html>token abc</html>"), "Service Bus answered 401");
        assert_eq!(
            answer("<Error><Detail> no\r\n  ri\0ght </Detail></Error>"),
            "Service Bus answered 401: no right"
        );
        let long = answer(&format!("<Detail>{}</Detail>", "d".repeat(1_000)));
        assert_eq!(long.len(), "Service Bus answered 401: ".len() + DETAIL);
    }
}
