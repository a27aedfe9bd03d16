//! The only worker: carries commands out, and says to the queue how each of them ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use tracing::{error, info, warn};

use super::command::{self, Reconcile, Refusal};
use super::ending::{Ending, ending};
use super::journal;
use super::pending::FollowUps;
use super::resource_changed::scopes;
use crate::azure::{Message, Queue};
use crate::model::Scope;
use crate::reconcile::{ReconcileError, Reconciler, Report};
use crate::runtime::{Context, Failure, Outputs, ServiceBusTrigger, State};

/// Where refused messages go
const REJECTED: &str = "rejected";

/// Largest body that is passed on: 256 KB is the queue's limit, properties included
const LARGEST_REJECTED: usize = 200 * 1024;

/// Longest pause before a failure is admitted
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What carries commands out
#[derive(Debug)]
pub struct Worker {
    reconciler: Reconciler,
    follow_ups: FollowUps,
}

impl Worker {
    /// A worker that writes through this reconciler and sends through this queue
    pub fn new(reconciler: Reconciler, queue: Queue) -> Self {
        Self { reconciler, follow_ups: FollowUps::new(queue) }
    }
}

/// Why a message goes back to the queue
enum Trouble {
    /// It may work on another delivery.
    Passing(Failure),
    /// It never will; only the dead-letter queue can keep the message.
    Lasting(Failure),
}

/// Carries out one message: a command, or events that came straight to the queue.
pub(super) async fn command_received(
    State(worker): State<Arc<Worker>>,
    context: Context,
    message: ServiceBusTrigger,
) -> Result<Outputs, Failure> {
    let done = match command::read(&message.body) {
        Ok(command::Message::Reconcile(command)) => match worker.outside_estate(&command) {
            None => worker.carry_out(&command).await,
            // An event led to it: nobody asked, so nobody needs to be told what to ask instead.
            Some(_) if command.recheck => Ok(()),
            Some(refusal) => worker.refuse(&message, &refusal).await,
        },
        Ok(command::Message::Events(events)) => worker.look_at(&events).await,
        Err(refusal) => worker.refuse(&message, &refusal).await,
    };
    match done {
        Ok(()) => Ok(Outputs::new()),
        Err(Trouble::Lasting(failure)) => Err(failure),
        Err(Trouble::Passing(failure)) => {
            let pause = pause(message.delivery_count.unwrap_or(1)).min(context.remaining() / 2);
            tokio::time::sleep(pause).await;
            Err(failure)
        }
    }
}

/// How long to wait before a failure is admitted: the queue redelivers at once, and ten deliveries
/// within a second would outlast no trouble
fn pause(delivery_count: u32) -> Duration {
    let doublings = delivery_count.saturating_sub(1).min(16);
    Duration::from_secs(1 << doublings).min(LONGEST_PAUSE)
}

impl Worker {
    fn outside_estate(&self, command: &Reconcile) -> Option<Refusal> {
        let scope = &command.scope;
        self.reconciler.is_outside_estate(scope).then(|| {
            warn!(%scope, "outside the estate");
            Refusal {
                reason: format!("`{scope}` is outside the estate"),
                field: Some("scope".into()),
                hint: "the settings TETHER_SUBSCRIPTIONS and TETHER_MANAGEMENT_GROUP state it"
                    .into(),
                source: None,
            }
        })
    }

    async fn look_at(&self, events: &[Value]) -> Result<(), Trouble> {
        for scope in scopes(events) {
            let command = Reconcile { recheck: true, ..Reconcile::of(scope) };
            if self.outside_estate(&command).is_none() {
                self.carry_out(&command).await?;
            }
        }
        Ok(())
    }

    async fn carry_out(&self, command: &Reconcile) -> Result<(), Trouble> {
        self.follow_ups.arrived(command).await;
        if command.dry_run {
            return self.dry_run(command).await;
        }
        let run = self.run(&command.scope).await;
        match &run {
            Ok(report) => journal::write(report),
            Err(error) => {
                warn!(scope = %command.scope, cause = journal::chain(error), "not observed");
            }
        }
        let now = OffsetDateTime::now_utc();
        let follow_up = match ending(command, run.as_ref(), now) {
            Ending::Done => return Ok(()),
            Ending::GivenUp => {
                warn!(scope = %command.scope, "put off for an hour; the timer's next run takes over");
                return Ok(());
            }
            Ending::Failed => {
                let cause = run.err().map(|error| journal::chain(&error)).unwrap_or_default();
                return Err(Trouble::Passing(Failure::new("NotObserved", cause)));
            }
            Ending::Later(follow_up) | Ending::Recheck(follow_up) => follow_up,
        };
        let sent = self.follow_ups.send(&follow_up, now).await.map_err(|error| {
            let cause = journal::chain(&error);
            Trouble::Passing(Failure::new("FollowUpNotSent", cause))
        })?;
        let in_seconds = (follow_up.due - now).whole_seconds();
        info!(scope = %command.scope, in_seconds, sent, "will look again");
        Ok(())
    }

    async fn run(&self, scope: &Scope) -> Result<Report, ReconcileError> {
        let plan = self.reconciler.plan(scope).await?;
        journal::write_plan(scope, &plan);
        Ok(self.reconciler.apply(scope, plan).await)
    }

    async fn dry_run(&self, command: &Reconcile) -> Result<(), Trouble> {
        match self.reconciler.plan(&command.scope).await {
            Ok(plan) => journal::write_dry_run(&plan),
            Err(error) => {
                let cause = journal::chain(&error);
                return Err(Trouble::Passing(Failure::new("NotObserved", cause)));
            }
        }
        Ok(())
    }

    /// Passes a message that can never be understood to the queue `rejected`, unchanged, with what is
    /// wrong as properties.
    async fn refuse(&self, message: &ServiceBusTrigger, refusal: &Refusal) -> Result<(), Trouble> {
        let Refusal { reason, field, hint, source } = refusal;
        let cause = source.as_ref().map(|source| journal::chain(source));
        error!(reason, field, hint, cause, "message refused");
        let body = match std::str::from_utf8(&message.body) {
            Ok(body) if body.len() <= LARGEST_REJECTED => body.to_owned(),
            Ok(_) | Err(_) => {
                let size = message.body.len();
                let text = format!(
                    "{reason}; {size} bytes are too many, or no text, for the queue `{REJECTED}`: the dead-letter queue keeps it"
                );
                return Err(Trouble::Lasting(Failure::new("Refused", text)));
            }
        };
        let field = field.clone().map(|field| ("field".to_owned(), field));
        let properties = [("reason".to_owned(), reason.clone()), ("hint".to_owned(), hint.clone())];
        let properties: BTreeMap<_, _> = properties.into_iter().chain(field).collect();
        let rejected = Message {
            body,
            correlation_id: message.message_id.clone(),
            properties,
            ..Message::default()
        };
        self.follow_ups.queue().send(REJECTED, rejected).await.map_err(|error| {
            Trouble::Passing(Failure::new("RefusalNotSent", journal::chain(&error)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_the_deliveries_and_end_at_a_minute() {
        let seconds = [1, 2, 3, 6, 7, 100, u32::MAX].map(|count| pause(count).as_secs());
        assert_eq!(seconds, [1, 2, 4, 32, 60, 60, 60]);
    }
}
