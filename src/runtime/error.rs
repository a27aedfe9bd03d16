//! What can go wrong around a function: while serving, and while reading one invocation.
//!
//! The texts never quote a payload: payloads may hold personal data, and these texts are logged.
//! What goes wrong *in* a function is its own [`Failure`](super::Failure).

use std::error::Error;
use std::io;
use std::iter::successors;
use std::time::Duration;

use axum::http::StatusCode;
use thiserror::Error;

/// Why the server can't start, or had to end
#[derive(Debug, Error)]
pub enum ServeError {
    /// Something else listens there, perhaps an earlier process of this handler.
    #[error(
        "port `{port}` (`FUNCTIONS_CUSTOMHANDLER_PORT`) is already in use on 127.0.0.1; \
         is an earlier process of this handler still running?"
    )]
    PortInUse {
        /// The port
        port: u16,
        /// What the system said
        #[source]
        source: io::Error,
    },
    /// The port can't be listened on for another reason.
    #[error("cannot listen on port `{port}` (`FUNCTIONS_CUSTOMHANDLER_PORT`) of 127.0.0.1")]
    Bind {
        /// The port
        port: u16,
        /// What the system said
        #[source]
        source: io::Error,
    },
    /// The server ended though nobody asked it to.
    #[error("the server ended by itself")]
    Ended(#[source] io::Error),
    /// The initialisation failed.
    #[error("cannot initialise the functions")]
    Init(#[source] Box<dyn Error + Send + Sync>),
    /// The log filter can't be understood.
    #[error("`{filter}` is not a log filter such as `info` or `warn,tether=debug`")]
    LogFilter {
        /// The filter as it was given
        filter: String,
        /// What is wrong with it
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Logs already go elsewhere.
    #[error("logs are already set up")]
    LogsInstalled(#[source] Box<dyn Error + Send + Sync>),
}

/// Why an invocation failed outside its function
#[derive(Debug, Error)]
pub enum InvocationError {
    /// The initialisation still runs.
    #[error("the handler is still initialising after `{}` seconds", waited.as_secs())]
    Starting {
        /// How long this invocation waited for it
        waited: Duration,
    },
    /// The initialisation failed or the process ends.
    #[error("the handler is stopping")]
    Stopping,
    /// No function has this name.
    #[error("there is no function `{name}`; there are: {}", listed(known))]
    UnknownFunction {
        /// The name asked for
        name: String,
        /// The names there are
        known: Vec<String>,
    },
    /// All slots were taken for as long as an invocation waits for one.
    #[error("all `{concurrency}` slots of the function were taken for `{}` ms", waited.as_millis())]
    NoSlot {
        /// How many invocations may run at once
        concurrency: usize,
        /// How long it waited for one
        waited: Duration,
    },
    /// The function did not finish in time.
    #[error("the function did not finish within `{}` ms", limit.as_millis())]
    TimedOut {
        /// The time limit
        limit: Duration,
    },
    /// The function panicked.
    #[error("the function panicked; its log line says where")]
    Panicked,
    /// The body ended early or could not be read.
    #[error("the body could not be read to its end")]
    BodyCutShort(#[source] axum::Error),
    /// The body is larger than the limit.
    #[error("the body is larger than the limit of `{limit}` bytes")]
    BodyTooLarge {
        /// The limit
        limit: usize,
    },
    /// The body is not the host's envelope.
    #[error("the body is not an invocation as the Functions host sends it: {reason}")]
    NotAnEnvelope {
        /// What is wrong with it, without its content
        reason: String,
    },
    /// The trigger's value is not where it should be.
    #[error("{}", missing_input(wanted.as_deref(), found))]
    MissingInput {
        /// The binding that was looked for; none means the only one there is
        wanted: Option<String>,
        /// The bindings found
        found: Vec<String>,
    },
    /// The trigger's value is of another kind than the function takes.
    #[error("the value of `{binding}` is not {expected}: {reason}")]
    UnreadableInput {
        /// The binding
        binding: String,
        /// What the function takes
        expected: &'static str,
        /// What is wrong with it, without its content
        reason: String,
    },
    /// The binding hands over several messages at once.
    #[error(
        "`{binding}` carries several messages; set its `cardinality` to `one` and its `dataType` \
         to `binary`"
    )]
    SeveralMessages {
        /// The binding
        binding: String,
    },
    /// The answer can't be written.
    #[error("the outputs cannot be written as JSON")]
    UnwritableOutputs(#[source] serde_json::Error),
}

impl InvocationError {
    /// The kind, one word, as it stands in the answer
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Starting { .. } => "Starting",
            Self::Stopping => "Stopping",
            Self::UnknownFunction { .. } => "UnknownFunction",
            Self::NoSlot { .. } => "NoSlot",
            Self::TimedOut { .. } => "TimedOut",
            Self::Panicked => "Panicked",
            Self::BodyCutShort(_) => "BodyCutShort",
            Self::BodyTooLarge { .. } => "BodyTooLarge",
            Self::NotAnEnvelope { .. } => "NotAnEnvelope",
            Self::MissingInput { .. } => "MissingInput",
            Self::UnreadableInput { .. } => "UnreadableInput",
            Self::SeveralMessages { .. } => "SeveralMessages",
            Self::UnwritableOutputs(_) => "UnwritableOutputs",
        }
    }

    /// The status to answer with. To the host every error is the same; people and tools that look
    /// at the traffic see whether another try is worth it.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Starting { .. } | Self::Stopping | Self::NoSlot { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::UnknownFunction { .. } => StatusCode::NOT_FOUND,
            Self::TimedOut { .. }
            | Self::Panicked
            | Self::BodyCutShort(_)
            | Self::BodyTooLarge { .. }
            | Self::NotAnEnvelope { .. }
            | Self::MissingInput { .. }
            | Self::UnreadableInput { .. }
            | Self::SeveralMessages { .. }
            | Self::UnwritableOutputs(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// An error and all its causes in one line
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let errors = successors(Some(error), |error| (*error).source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What is wrong with a JSON text, without quoting it
pub(super) fn json_reason(error: &serde_json::Error) -> String {
    if error.is_data() {
        // Only this category quotes what it found.
        return format!("an unexpected type at line {} column {}", error.line(), error.column());
    }
    error.to_string()
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn missing_input(wanted: Option<&str>, found: &[String]) -> String {
    match (wanted, found) {
        (Some(wanted), found) => {
            format!("the invocation has no binding `{wanted}`; it has: {}", listed(found))
        }
        (None, []) => "the invocation carries no binding".to_owned(),
        (None, found) => {
            format!("the invocation carries several bindings, which is meant? {}", listed(found))
        }
    }
}
