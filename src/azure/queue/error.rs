//! Why a message could not be sent, by what Service Bus answers to a send.

use azure_core_legacy::error::ErrorKind;
use thiserror::Error;

/// Why a message could not be sent
#[derive(Debug, Error)]
pub enum QueueError {
    /// There is no token, or it does not permit sending.
    #[error(
        "not permitted to send to queue `{queue}` ({status}): the identity needs the role Azure Service Bus Data Sender there"
    )]
    Denied {
        /// The queue
        queue: String,
        /// The answer
        status: u16,
    },
    /// No such queue.
    #[error("there is no queue `{queue}` in the namespace")]
    Missing {
        /// The queue
        queue: String,
    },
    /// The message is larger than the queue takes, the queue is full, or network rules are in the way:
    /// Service Bus answers all of these alike.
    #[error("queue `{queue}` takes no message of this size, is full, or is closed to this network")]
    Forbidden {
        /// The queue
        queue: String,
    },
    /// Too many requests, or the service is not well.
    #[error("queue `{queue}` could not take the message now ({status})")]
    Unavailable {
        /// The queue
        queue: String,
        /// The answer
        status: u16,
    },
    /// An answer that a send should not get.
    #[error("queue `{queue}` refused the message ({status})")]
    Refused {
        /// The queue
        queue: String,
        /// The answer
        status: u16,
    },
    /// No answer at all: the network, or no token to be had.
    #[error("queue `{queue}` could not be reached: {reason}")]
    Unreachable {
        /// The queue
        queue: String,
        /// What was in the way
        reason: String,
    },
}

impl QueueError {
    pub(super) fn request(queue: &str, error: &azure_core_legacy::Error) -> Self {
        Self::Unreachable { queue: queue.to_owned(), reason: error.to_string() }
    }

    pub(super) fn of(queue: &str, error: &azure_core_legacy::Error) -> Self {
        let queue = queue.to_owned();
        let ErrorKind::HttpResponse { status, .. } = error.kind() else {
            return Self::Unreachable { queue, reason: error.to_string() };
        };
        let code = u16::from(*status);
        match code {
            401 => Self::Denied { queue, status: code },
            403 | 413 => Self::Forbidden { queue },
            404 | 410 => Self::Missing { queue },
            408 | 429 | 500.. => Self::Unavailable { queue, status: code },
            _ => Self::Refused { queue, status: code },
        }
    }
}
