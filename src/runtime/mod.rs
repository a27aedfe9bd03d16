//! The host's tongue: a small runtime for Azure Functions custom handlers.
//!
//! The host pushes `POST /<function>` with an envelope of the trigger's value and its metadata, and
//! wants outputs back. This room turns such a request into typed arguments, and what a
//! function returns into an answer that the host can't misread. It gives each invocation an id, a
//! deadline, a slot and a span, and survives a function that panics.
//!
//! It does not know what any function is for, imports nothing else of this package, and reads no
//! environment: the port, the log filter and the collector are passed in.

mod answer;
mod app;
mod body;
mod connections;
mod dispatch;
mod envelope;
mod error;
mod failure;
mod handler;
mod invocation;
pub mod logs;
mod outputs;
mod server;
pub mod telemetry;
mod trigger;
mod value;

pub use app::{App, FunctionService, Options};
pub use body::MAX_BODY_BYTES;
pub use error::{InvocationError, ServeError};
pub use failure::Failure;
pub use handler::{FromInvocation, Handler, State};
pub use invocation::{Context, Invocation};
pub use outputs::{HttpAnswer, IntoOutputs, Outputs};
pub use server::{EXIT_RESTART, Server, shutdown_signal};
pub use trigger::{EventGridTrigger, HttpTrigger, ServiceBusTrigger, TimerTrigger, moment};
pub use value::Payload;
