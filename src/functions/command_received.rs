//! The only worker's door: reads a message, has it carried out, and says to the queue how it ended.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tracing::warn;

use super::command::{self, Command, Refusal, What};
use super::events::is_event;
use super::refuse::Rejected;
use super::reply::Reply;
use super::report::Answer;
use super::resource_changed::commands;
use super::worker::{Trouble, Worker};
use crate::azure::chain;
use crate::runtime::{Context, Failure, Outputs, ServiceBusTrigger, State};

/// Longest pause before a failure is admitted
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Carries out one message: a command, or events that came straight to the queue.
pub(super) async fn command_received(
    State(worker): State<Arc<Worker>>,
    context: Context,
    message: ServiceBusTrigger,
) -> Result<Outputs, Failure> {
    worker.waited(&message);
    let done = match command::read(&message.body) {
        Ok(command::Message::Command(command)) => worker.command(command, &message).await,
        Ok(command::Message::Events(events)) => worker.look_at(&events, &message).await,
        Err(refusal) => worker.turn_away(None, &message, &refusal).await,
    };
    match done {
        Ok(()) => Ok(Outputs::new()),
        Err(Trouble::Refused(refusal) | Trouble::GivenUp(refusal)) => {
            Err(Failure::new("Refused", refusal.to_string()))
        }
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
    async fn command(&self, command: Command, message: &ServiceBusTrigger) -> Result<(), Trouble> {
        let command = command.identified(message.message_id.as_deref());
        let reply = Reply::of(message, command.attempt > 0);
        if let Err(refusal) = reply.check(self.reply_queues()) {
            let reply = Reply { queue: None, ..reply };
            return self.turn_away(Some((&command, &reply)), message, &refusal).await;
        }
        let done = match self.outside_estate(&command).await? {
            None => self.obey(&command, &reply).await,
            // An event led to it: nobody asked, so nobody needs to be told what to ask instead.
            Some(_) if command.recheck && reply.queue.is_none() => Ok(()),
            Some(refusal) => {
                return self.turn_away(Some((&command, &reply)), message, &refusal).await;
            }
        };
        match done {
            Err(Trouble::Refused(refusal)) => {
                self.refuse(Some((&command, &reply)), message, &refusal).await
            }
            // Whoever puts it back wants it to be tried as often as the first time.
            Err(Trouble::GivenUp(refusal)) => {
                let body = Command { attempt: 0, ..command.clone() }.to_body();
                let rejected = Rejected::of(body, &refusal);
                rejected
                    .send(self.queue(), message.reply_to.as_ref(), reply.correlation.as_ref())
                    .await?;
                self.report(Some(&command), &reply, &Answer::refused(Some(&command), &refusal))
                    .await
            }
            done => done,
        }
    }

    async fn outside_estate(&self, command: &Command) -> Result<Option<Refusal>, Trouble> {
        let What::Reconcile(scope) = &command.what else { return Ok(None) };
        let is_outside = self
            .is_outside_estate(scope)
            .await
            .map_err(|error| Trouble::Passing(Failure::new("NotObserved", chain(&error))))?;
        Ok(is_outside.then(|| {
            warn!(%scope, "outside the estate");
            let reason = format!("`{scope}` is outside the estate");
            let hint = "the settings TETHER_SUBSCRIPTIONS and TETHER_MANAGEMENT_GROUP state it";
            Refusal::new(&reason, Some("scope"), hint)
        }))
    }

    /// Looks at what events name. What stands among them and is no event is refused by itself, so
    /// that it does not get lost.
    async fn look_at(&self, events: &[Value], message: &ServiceBusTrigger) -> Result<(), Trouble> {
        let strays = events.iter().filter(|event| !is_event(event));
        for stray in strays.clone() {
            let hint = "send each command in a message of its own";
            let refusal = Refusal::new("an item of a batch of events is no event", None, hint);
            let rejected = Rejected::of(stray.to_string(), &refusal);
            rejected.send(self.queue(), None, message.message_id.as_ref()).await?;
        }
        for command in commands(events) {
            if self.outside_estate(&command).await?.is_none() {
                self.obey(&command, &Reply::default()).await?;
            }
        }
        // Now that none of them is delivered again
        strays.for_each(|_| self.refused(None));
        Ok(())
    }

    /// Refuses a message before anything is done about it. It counts once that is settled, so that
    /// a refusal that needs several deliveries is one.
    async fn turn_away(
        &self,
        read: Option<(&Command, &Reply)>,
        message: &ServiceBusTrigger,
        refusal: &Refusal,
    ) -> Result<(), Trouble> {
        self.refuse(read, message, refusal).await?;
        self.refused(read.map(|(command, _)| command));
        Ok(())
    }

    /// Passes a message that can never be understood or allowed to the queue `rejected`, and tells
    /// its sender.
    async fn refuse(
        &self,
        read: Option<(&Command, &Reply)>,
        message: &ServiceBusTrigger,
        refusal: &Refusal,
    ) -> Result<(), Trouble> {
        let reply = read.map_or_else(|| Reply::of(message, false), |(_, reply)| reply.clone());
        let rejected = Rejected::read(message, refusal)?;
        rejected.send(self.queue(), message.reply_to.as_ref(), reply.correlation.as_ref()).await?;
        if reply.check(self.reply_queues()).is_err() {
            return Ok(());
        }
        let command = read.map(|(command, _)| command);
        self.report(command, &reply, &Answer::refused(command, refusal)).await
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
