//! The functions: what the Functions host calls, and how each call ends.
//!
//! They say where to look and when to look again. What is to be done there is decided elsewhere.

mod cause;
mod command;
mod command_received;
mod ending;
mod events;
mod follow_up;
mod journal;
mod metrics;
mod pending;
mod reconcile_tick;
mod refuse;
mod reply;
mod report;
mod resource_changed;
pub mod status;
mod understood;
mod worker;

use std::sync::Arc;
use std::time::Duration;

pub use understood::{Understood, understand};
pub use worker::Worker;

use crate::runtime::{App, Context, HttpTrigger, Options};
use status::StatusPage;

/// The names of the functions: the folders of `function-definitions`
pub const NAMES: [&str; 4] = ["command-received", "reconcile-tick", "resource-changed", "status"];

/// How many commands are carried out at once. `host.json` states the same number, so that messages
/// wait in the queue, where their locks do not run.
pub const COMMANDS_AT_ONCE: usize = 16;

/// How long one command may take: below `functionTimeout`, at whose end the host kills the process
/// and with it every other invocation
pub const COMMAND_BUDGET: Duration = Duration::from_secs(8 * 60);

/// How long the doors may take, which call nobody: far below the 30 s after which Event Grid gives up
pub const DOOR_BUDGET: Duration = Duration::from_secs(10);

/// Events come one a call; more at once would only mean a burst
const EVENTS_AT_ONCE: usize = 64;

/// How long the status function may take: below the 230 s that Azure's load balancer gives a request
pub const STATUS_BUDGET: Duration = Duration::from_secs(220);

/// How many requests for the status are answered at once. Nearly all of them wait for the same look; one
/// that is answered may hold some megabytes.
const STATUS_AT_ONCE: usize = 64;

/// The functions on one worker, and what the status function shows
pub fn app(worker: Arc<Worker>, page: StatusPage) -> App<Arc<Worker>> {
    let options =
        |concurrency, timeout| Options { input: None, concurrency, patience: timeout, timeout };
    let door = options(EVENTS_AT_ONCE, DOOR_BUDGET);
    let commands = options(COMMANDS_AT_ONCE, COMMAND_BUDGET);
    // Whoever has the key may ask as often as they like, and must not take the connections of events.
    let looks = Options { patience: Duration::ZERO, ..options(STATUS_AT_ONCE, STATUS_BUDGET) };
    let show = move |context: Context, request: HttpTrigger| {
        page.clone().show(request, context.remaining())
    };
    App::new(worker)
        .function_with("resource-changed", door.clone(), resource_changed::resource_changed)
        .function_with("reconcile-tick", door, reconcile_tick::reconcile_tick)
        .function_with("command-received", commands, command_received::command_received)
        .function_with("status", looks, show)
}
