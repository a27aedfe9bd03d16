//! What a message on the queue comes to, as far as that can be told without looking at Azure.
//!
//! Nothing is carried out here: it is for whoever wants to know beforehand, and for checks.

use super::command::{self, Message};
use super::events::is_event;
use super::refuse::Rejected;
use super::resource_changed::commands;
use crate::runtime::ServiceBusTrigger;

/// What a message comes to
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Understood {
    /// Commands to be carried out, as they would be written
    Commands {
        /// The commands' bodies; none for events that do not matter
        commands: Vec<String>,
        /// How many items of a batch of events are none, and are refused by themselves
        strays: usize,
    },
    /// Nothing that can be done
    Refused {
        /// What is wrong
        reason: String,
        /// The field at fault, if it is one
        field: Option<String>,
        /// What to do
        hint: String,
        /// What goes to the queue of refused messages; none if it has to stay with the dead letters
        passed_on: Option<String>,
    },
}

/// Reads the body of a message as `command-received` does.
pub fn understand(body: &[u8]) -> Understood {
    match command::read(body) {
        Ok(Message::Command(command)) => {
            Understood::Commands { commands: vec![command.to_body()], strays: 0 }
        }
        Ok(Message::Events(events)) => Understood::Commands {
            commands: commands(&events).map(|command| command.to_body()).collect(),
            strays: events.iter().filter(|event| !is_event(event)).count(),
        },
        Err(refusal) => {
            let message =
                ServiceBusTrigger { body: body.to_vec().into(), ..ServiceBusTrigger::default() };
            let passed_on = Rejected::read(&message, &refusal).ok().map(Rejected::into_body);
            let command::Refusal { reason, field, hint, .. } = refusal;
            Understood::Refused { reason, field, hint, passed_on }
        }
    }
}
