//! The door for Event Grid: from events to scopes, one message for each.
//!
//! It calls nobody, so that it answers at once: Event Grid waits 30 seconds and slows everything
//! down for an endpoint that fails.

use std::collections::BTreeSet;

use serde_json::Value;
use tracing::info;

use super::command::Command;
use super::events::{Heard, hear};
use crate::model::Scope;
use crate::runtime::{EventGridTrigger, Failure, Outputs};

/// Answers with one `reconcile` message for each scope that the events name.
pub(super) async fn resource_changed(events: EventGridTrigger) -> Result<Outputs, Failure> {
    let messages = scopes(&events.events).into_iter().map(|scope| {
        let recheck = true;
        Command { recheck, ..Command::reconcile(scope) }.to_body()
    });
    Ok(Outputs::new().send("commands", messages))
}

/// The distinct scopes that events name, and a log line for every event
pub(super) fn scopes(events: &[Value]) -> BTreeSet<Scope> {
    let mut scopes = BTreeSet::new();
    for event in events {
        match hear(event) {
            Heard::Look(scope) => {
                info!(%scope, "event heard");
                scopes.insert(scope);
            }
            Heard::Nothing(reason) => info!(%reason, "event ignored"),
        }
    }
    scopes
}
