//! What carries commands out, and tells whoever asked what came of it.
//!
//! What is to be done is decided by `reconcile` and below; how a command ends, by `ending`.

use std::collections::BTreeSet;
use std::fmt;

use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::{Instrument as _, error, info, warn};

use super::cause::since_event;
use super::command::{Command, Pair, Refusal, What};
use super::ending::{Ending, ending};
use super::follow_up::FollowUp;
use super::journal::{self, Origin, Run};
use super::metrics::Metrics;
use super::pending::FollowUps;
use super::reply::Reply;
use super::report::{Answer, Came, Spent};
use crate::azure::{Asked, Queue, QueueError, chain, metered};
use crate::model::Scope;
use crate::plan::Plan;
use crate::reconcile::{Left, PairError, ReconcileError, Reconciler, Report, Wish};
use crate::runtime::{Failure, ServiceBusTrigger};

/// What carries commands out
pub struct Worker {
    reconciler: Reconciler,
    follow_ups: FollowUps,
    /// The queues that a command's `ReplyTo` may name
    reply_queues: BTreeSet<String>,
    metrics: Metrics,
    now: Box<dyn Fn() -> OffsetDateTime + Send + Sync>,
}

/// Why a message comes to no end here
#[derive(Debug)]
pub(super) enum Trouble {
    /// It can never be understood or allowed.
    Refused(Refusal),
    /// It was put off for as long as is sensible, and nobody else takes it over.
    GivenUp(Refusal),
    /// It may work on another delivery.
    Passing(Failure),
    /// It never will; only the dead-letter queue can keep the message.
    Lasting(Failure),
}

/// What came of carrying out a command
enum Outcome {
    /// Changes were made, or tried; of a detachment, what still lets the cluster pull
    Run(Box<Report>, Option<Left>),
    /// A plan, for a dry run
    Plan(Plan),
}

impl Worker {
    /// A worker that writes through this reconciler, sends through this queue, and reports to those
    /// queues that are listed
    pub fn new(reconciler: Reconciler, queue: Queue, reply_queues: BTreeSet<String>) -> Self {
        let now = Box::new(OffsetDateTime::now_utc);
        let (follow_ups, metrics) = (FollowUps::new(queue), Metrics::new());
        Self { reconciler, follow_ups, reply_queues, metrics, now }
    }

    /// The same by another clock: follow-ups are due by it.
    #[must_use]
    pub fn by_clock(self, now: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self { now: Box::new(now), ..self }
    }

    pub(super) fn queue(&self) -> &Queue {
        self.follow_ups.queue()
    }

    pub(super) async fn is_outside_estate(&self, scope: &Scope) -> Result<bool, ReconcileError> {
        Ok(!self.reconciler.is_in_estate(scope).await?)
    }

    pub(super) fn reply_queues(&self) -> &BTreeSet<String> {
        &self.reply_queues
    }

    /// Notes how long a message has waited in the queue. On a later delivery most of that was no
    /// waiting.
    pub(super) fn waited(&self, message: &ServiceBusTrigger) {
        let is_first = message.delivery_count.is_none_or(|count| count <= 1);
        if let Some(enqueued) = message.enqueued_at.filter(|_| is_first) {
            let age = (self.now)() - enqueued;
            self.metrics.waited(age.try_into().unwrap_or_default());
        }
    }

    /// Notes that a message was refused, or part of one, without a command having been carried out.
    pub(super) fn refused(&self, command: Option<&Command>) {
        self.metrics.refused(command.map(|command| &command.what));
    }

    /// Carries a command out, sees to what has to follow, and reports.
    pub(super) async fn obey(&self, command: &Command, reply: &Reply) -> Result<(), Trouble> {
        let run = Run::open(command, &self.metrics);
        let work = async {
            self.follow_ups.arrived(command, reply).await;
            let started = Instant::now();
            // On the heap: it is as large as all that a run does.
            let (came, asked) = metered(Box::pin(self.carry_out(command))).await;
            let spent = Spent { asked, took: started.elapsed() };
            (self.conclude(command, reply, came, spent).await, spent)
        };
        let (ended, spent) = work.instrument(run.span()).await;
        let outcome = match &ended {
            Ok(outcome) => outcome,
            Err(Trouble::Refused(_)) => "refused",
            Err(Trouble::GivenUp(_)) => "given-up",
            Err(Trouble::Passing(_) | Trouble::Lasting(_)) => "failed",
        };
        run.ended(outcome, &spent);
        ended.map(|_| ())
    }

    /// Tells what came of a command, and sees to what has to follow. In a word, how it ended.
    async fn conclude(
        &self,
        command: &Command,
        reply: &Reply,
        came: Result<Outcome, PairError>,
        spent: Spent,
    ) -> Result<&'static str, Trouble> {
        let came = match came {
            Ok(came) => Ok(came),
            Err(PairError::Unread(error)) => Err(error),
            Err(PairError::Name(error)) => {
                let refusal = Refusal::new(&error.to_string(), Some(error.field()), error.hint());
                return Err(Trouble::Refused(refusal));
            }
            Err(PairError::Policy(error)) => {
                let refusal = Refusal::new(&error.to_string(), Some("command"), error.hint());
                return Err(Trouble::Refused(refusal));
            }
        };
        match &came {
            Ok(Outcome::Run(report, left)) => {
                let since_event =
                    command.event_time.and_then(|event| since_event(event, (self.now)()));
                self.metrics.applied(report, since_event);
                let origin = Origin { command, since_event };
                journal::write(report, left.as_ref(), &spent, &origin);
            }
            Ok(Outcome::Plan(plan)) => journal::write_dry_run(plan),
            Err(error) => {
                let Asked { requests, throttled } = spent.asked;
                let cause = chain(error);
                warn!(command = %command.what, requests, throttled, cause, "not observed");
            }
        }
        self.end(command, reply, &came, spent).await
    }

    async fn carry_out(&self, command: &Command) -> Result<Outcome, PairError> {
        match &command.what {
            What::Reconcile(scope) => Ok(self.reconcile(scope, command.dry_run).await?),
            What::Attach(pair) => self.pair(Wish::Attach, pair, command.dry_run).await,
            What::Detach(pair) => self.pair(Wish::Detach, pair, command.dry_run).await,
            What::DetachFormerIdentities(pair) => {
                self.pair(Wish::DetachFormerIdentities, pair, command.dry_run).await
            }
        }
    }

    async fn reconcile(&self, scope: &Scope, dry_run: bool) -> Result<Outcome, ReconcileError> {
        let started = Instant::now();
        let plan = self.reconciler.plan(scope).await?;
        self.metrics.planned(scope, &plan, started.elapsed());
        journal::write_plan(scope, &plan);
        if dry_run {
            return Ok(Outcome::Plan(plan));
        }
        let report = self.reconciler.apply(scope, plan, started).await;
        Ok(Outcome::Run(Box::new(report), None))
    }

    async fn pair(&self, wish: Wish, pair: &Pair, dry_run: bool) -> Result<Outcome, PairError> {
        let started = Instant::now();
        let (cluster, registry) = self.reconciler.find_pair(&pair.cluster, &pair.registry).await?;
        let found = self.reconciler.plan_pair(wish, &cluster, &registry).await?;
        let scope = Scope::Pair(cluster, registry);
        self.metrics.planned(&scope, &found.plan, started.elapsed());
        journal::write_plan(&scope, &found.plan);
        if dry_run {
            return Ok(Outcome::Plan(found.plan));
        }
        let report = self.reconciler.apply(&scope, found.plan, started).await;
        let is_done = report.undone.is_empty() && report.held.is_empty();
        let left = match wish {
            Wish::Detach if is_done => {
                let removed = report.detached.iter().chain(&report.gone);
                let removed = removed.map(|item| item.name).collect();
                let ends = (&found.cluster, &found.registry);
                self.reconciler.access_left(ends, &removed).await.unwrap_or_else(|error| {
                    warn!(cause = chain(&error), "what still grants it is not known");
                    None
                })
            }
            // What the present identity may still do is no part of what was asked.
            Wish::Detach | Wish::DetachFormerIdentities | Wish::Attach => None,
        };
        Ok(Outcome::Run(Box::new(report), left))
    }

    /// Sends what has to follow, then the report.
    async fn end(
        &self,
        command: &Command,
        reply: &Reply,
        came: &Result<Outcome, ReconcileError>,
        spent: Spent,
    ) -> Result<&'static str, Trouble> {
        let now = (self.now)();
        let end = match came {
            Ok(Outcome::Run(report, _)) => ending(command, reply, Ok(report), now),
            Ok(Outcome::Plan(_)) => Ending::Done,
            Err(error) => ending(command, reply, Err(error), now),
        };
        let told = match came {
            Ok(Outcome::Run(report, left)) => Came::Run(report, left.as_ref()),
            Ok(Outcome::Plan(plan)) => Came::Plan(plan),
            Err(error) => Came::Unread(error),
        };
        let mut outcome = "done";
        match end {
            Ending::Done => {}
            Ending::Recheck(follow_up) => self.follow(&follow_up, now).await?,
            Ending::Later(follow_up) => {
                self.follow(&follow_up, now).await?;
                // One report that it is put off will do.
                if command.attempt == 0 {
                    let answer = Answer::ended(command, &told, Some(&follow_up), spent);
                    self.report(Some(command), reply, &answer).await?;
                }
                return Ok("later");
            }
            Ending::GivenUp => {
                give_up(command, &told)?;
                outcome = "given-up";
            }
            Ending::Failed => {
                let cause = came.as_ref().err().map(|error| chain(error));
                let failure = Failure::new("NotObserved", cause.unwrap_or_default());
                return Err(Trouble::Passing(failure));
            }
        }
        let answer = Answer::ended(command, &told, None, spent);
        self.report(Some(command), reply, &answer).await?;
        Ok(outcome)
    }

    async fn follow(&self, follow_up: &FollowUp, now: OffsetDateTime) -> Result<(), Trouble> {
        let sent = self.follow_ups.send(follow_up, now).await.map_err(|error| {
            let cause = chain(&error);
            Trouble::Passing(Failure::new("FollowUpNotSent", cause))
        })?;
        let in_seconds = (follow_up.due - now).whole_seconds();
        info!(command = %follow_up.command.what, in_seconds, sent, "will look again");
        Ok(())
    }

    /// Sends a report. One that can never be sent is told in the log: what it is about is done.
    pub(super) async fn report(
        &self,
        command: Option<&Command>,
        reply: &Reply,
        answer: &Answer,
    ) -> Result<(), Trouble> {
        let attempt = command.map_or(0, |command| command.attempt);
        match reply.send(self.queue(), attempt, answer).await {
            Ok(()) => Ok(()),
            Err(error) if error.may_pass() => {
                let cause = chain(&error);
                Err(Trouble::Passing(Failure::new("ReportNotSent", cause)))
            }
            // What a message holds is not known exactly: without its lists it will fit.
            Err(QueueError::TooLarge { .. }) if answer.has_lists() => {
                Box::pin(self.report(command, reply, &answer.without_lists())).await
            }
            Err(error) => {
                error!(cause = chain(&error), "report not sent");
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("reconciler", &self.reconciler).finish_non_exhaustive()
    }
}

/// The timer takes over what is given up of a scope. Nobody does for a pair that a person named,
/// so its command must not get lost.
fn give_up(command: &Command, told: &Came<'_>) -> Result<(), Trouble> {
    match command.what {
        What::Reconcile(ref scope) => {
            warn!(%scope, attempts = command.attempt, "given up; the timer's next run takes over");
            Ok(())
        }
        What::Attach(_) | What::Detach(_) | What::DetachFormerIdentities(_) => {
            let times = command.attempt.saturating_add(1);
            let reason = format!("it could not be done, tried {times} times: {}", told.last_word());
            let hint = "see to what stands against it, then send the command again";
            Err(Trouble::GivenUp(Refusal::new(&reason, None, hint)))
        }
    }
}
