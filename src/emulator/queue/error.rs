//! Why the pretend Service Bus did not do something.
//!
//! It does not know how a refusal looks over HTTP; that is `rest`.

use std::io;

use thiserror::Error;

/// Why the pretend Service Bus did not do something
#[derive(Debug, Error)]
pub enum QueueError {
    /// There is no port to be had.
    #[error("the pretend Service Bus cannot listen on the loopback interface")]
    Listen(#[source] io::Error),
    /// Nobody made this queue.
    #[error("there is no queue `{queue}`")]
    NoSuchQueue {
        /// Its name as asked for
        queue: String,
    },
    /// The message is larger than the Standard tier takes.
    #[error("a message of {size} bytes is larger than the limit of {limit} bytes")]
    TooLarge {
        /// Bytes of body and properties together
        size: usize,
        /// What would be allowed
        limit: usize,
    },
    /// An identifier of the message is longer than Service Bus takes.
    #[error("`{property}` has {length} characters, and {limit} are allowed")]
    TooLong {
        /// Name of the broker property
        property: &'static str,
        /// Its length in characters
        length: usize,
        /// What would be allowed
        limit: usize,
    },
}
