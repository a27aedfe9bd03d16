//! The door for Event Grid: from events to scopes, one message for each.
//!
//! It calls nobody, so that it answers at once: Event Grid waits 30 seconds and slows everything
//! down for an endpoint that fails.

use std::collections::BTreeMap;

use serde_json::Value;
use tracing::field::display;
use tracing::info;

use super::cause::Cause;
use super::command::Command;
use super::events::{Heard, hear};
use crate::runtime::telemetry::traceparent;
use crate::runtime::{EventGridTrigger, Failure, Outputs};

/// Answers with one `reconcile` message for each scope that the events name.
pub(super) async fn resource_changed(events: EventGridTrigger) -> Result<Outputs, Failure> {
    let context = traceparent();
    let messages = commands(&events.events).map(|command| {
        let traceparent = context.clone().or(command.traceparent);
        Command { traceparent, ..command }.to_body()
    });
    Ok(Outputs::new().send("commands", messages))
}

/// A command for each distinct scope that events name, and a log line for every event. Of several
/// events of one scope the first is told as the cause.
pub(super) fn commands(events: &[Value]) -> impl Iterator<Item = Command> + use<> {
    let mut scopes = BTreeMap::new();
    for event in events {
        let cause = Cause::of(event);
        let correlation = cause.correlation.map(display);
        match hear(event) {
            Heard::Look(scope) => {
                info!(%scope, correlation, "event heard");
                scopes.entry(scope).or_insert(cause);
            }
            Heard::Nothing(reason) => info!(%reason, correlation, "event ignored"),
        }
    }
    scopes.into_iter().map(|(scope, cause)| cause.command(scope))
}
