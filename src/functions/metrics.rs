//! What a collector is told of commands in numbers. infra/README.md explains each.
//!
//! Attributes are words of ours, and few: no name of a resource makes a series of its own. Without a
//! collector nothing is kept.

use std::time::Duration;

use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};

use super::command::What;
use crate::model::{Gap, Scope};
use crate::plan::Plan;
use crate::reconcile::{Change, Outcome, Report};

/// Bounds, in seconds, of what takes between an instant and an hour
const SECONDS: [f64; 14] =
    [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// Bounds of how much a plan changes
const CHANGES: [f64; 9] = [0.0, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1000.0];

/// All that is counted here
#[derive(Debug)]
pub(super) struct Metrics {
    commands: Counter<u64>,
    command_duration: Histogram<f64>,
    queue_age: Histogram<f64>,
    plan_duration: Histogram<f64>,
    plan_changes: Histogram<u64>,
    changes: Counter<u64>,
    held: Counter<u64>,
    gaps: Counter<u64>,
    event_to_attached: Histogram<f64>,
}

impl Metrics {
    /// Counts for the collector that there is by now
    pub(super) fn new() -> Self {
        let meter = global::meter(env!("CARGO_PKG_NAME"));
        let seconds = |name, description| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(description);
            histogram.with_boundaries(SECONDS.to_vec()).build()
        };
        let counter = |name, unit, description| {
            meter.u64_counter(name).with_unit(unit).with_description(description).build()
        };
        let plan_changes = meter.u64_histogram("tether.plan.changes").with_unit("{change}");
        let plan_changes = plan_changes.with_description("changes that a plan would make");
        Self {
            commands: counter("tether.commands", "{command}", "commands, by how they ended"),
            command_duration: seconds("tether.command.duration", "carrying out one command"),
            queue_age: seconds("tether.queue.age", "from the queue to the start"),
            plan_duration: seconds("tether.plan.duration", "observing, reading again, planning"),
            plan_changes: plan_changes.with_boundaries(CHANGES.to_vec()).build(),
            changes: counter("tether.changes", "{change}", "changes tried, by what became of them"),
            held: counter("tether.held", "{change}", "changes not made, by what is against them"),
            gaps: counter("tether.gaps", "{gap}", "what could not be seen, by kind"),
            event_to_attached: seconds("tether.event_to_attached", "from an event to attached"),
        }
    }

    /// How long a message has waited in the queue
    pub(super) fn waited(&self, age: Duration) {
        self.queue_age.record(age.as_secs_f64(), &[]);
    }

    /// What is to be done, and how long it took to know
    pub(super) fn planned(&self, scope: &Scope, plan: &Plan, took: Duration) {
        let scope = [KeyValue::new("tether.scope", kind(scope))];
        self.plan_duration.record(took.as_secs_f64(), &scope);
        let count = |change, items: usize| {
            let change = KeyValue::new("tether.change", change);
            let [scope] = scope.clone();
            self.plan_changes.record(u64::try_from(items).unwrap_or(u64::MAX), &[scope, change]);
        };
        count("attach", plan.attach.len());
        count("detach", plan.detach.len());
        count("mark", plan.marks.len());
        for held in &plan.held {
            let [scope] = scope.clone();
            let change = KeyValue::new("tether.change", held.action.word());
            let reason = KeyValue::new("tether.reason", held.reason.code());
            self.held.add(1, &[scope, change, reason]);
        }
        for gap in &plan.gaps {
            let [scope] = scope.clone();
            self.gaps.add(1, &[scope, KeyValue::new("tether.gap", gap_kind(gap))]);
        }
    }

    /// What came of the changes of a run, and how long after its event, if one led to it
    pub(super) fn applied(&self, report: &Report, since_event: Option<Duration>) {
        let count = |change, outcome, items: usize| {
            if items > 0 {
                let change = KeyValue::new("tether.change", change);
                let outcome = KeyValue::new("tether.outcome", outcome);
                self.changes.add(u64::try_from(items).unwrap_or(u64::MAX), &[change, outcome]);
            }
        };
        count("attach", "applied", report.attached.len());
        count("attach", "already", report.already.len());
        count("detach", "applied", report.detached.len());
        count("detach", "already", report.gone.len());
        count("mark", "applied", report.marked.len());
        for undone in &report.undone {
            let change = match undone.change {
                Change::Attach(_) => "attach",
                Change::Detach(_) => "detach",
                Change::Mark(_) => "mark",
            };
            count(change, outcome(undone.outcome), 1);
        }
        for _ in report.attached.iter().filter(|_| since_event.is_some()) {
            self.event_to_attached.record(since_event.unwrap_or_default().as_secs_f64(), &[]);
        }
    }

    /// A message that was refused before it was carried out; none if it could not even be read
    pub(super) fn refused(&self, what: Option<&What>) {
        let command = KeyValue::new("tether.command", what.map_or("unknown", What::name));
        self.commands.add(1, &[command, KeyValue::new("tether.outcome", "refused")]);
    }

    /// How a command ended, and how long it took
    pub(super) fn ended(&self, what: &What, outcome: &'static str, took: Duration) {
        let command = KeyValue::new("tether.command", what.name());
        let outcome = KeyValue::new("tether.outcome", outcome);
        let attributes = [command, outcome];
        self.commands.add(1, &attributes);
        self.command_duration.record(took.as_secs_f64(), &attributes);
    }
}

/// What becomes of a change that was not made, in a word
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Later { .. } => "later",
        Outcome::Denied => "denied",
        Outcome::Held => "held",
    }
}

/// What a scope is, in a word
pub(super) fn kind(scope: &Scope) -> &'static str {
    match scope {
        Scope::Everything => "everything",
        Scope::Subscription(_) => "subscription",
        Scope::Cluster(_) => "cluster",
        Scope::Registry(_) => "registry",
        Scope::Pair(..) => "pair",
    }
}

fn gap_kind(gap: &Gap) -> &'static str {
    match gap {
        Gap::Clusters | Gap::OtherClusters => "clusters",
        Gap::Registries => "registries",
        Gap::Subscription(_) => "subscription",
        Gap::Grants { .. } => "role assignments",
        Gap::Unread { .. } => "unread",
    }
}
