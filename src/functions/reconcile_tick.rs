//! The timer: what was missed, changed by hand or left behind is found by looking everywhere.

use super::command::Command;
use crate::model::Scope;
use crate::runtime::telemetry::traceparent;
use crate::runtime::{Failure, Outputs, TimerTrigger};

/// Answers with one message: reconcile everything.
pub(super) async fn reconcile_tick(_: TimerTrigger) -> Result<Outputs, Failure> {
    let command = Command { traceparent: traceparent(), ..Command::reconcile(Scope::Everything) };
    Ok(Outputs::new().send("commands", [command.to_body()]))
}
