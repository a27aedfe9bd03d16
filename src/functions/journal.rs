//! What a run is worth saying: in the log one line per change and per reason and one at the end, never
//! who asked for it; and its span, for a collector.

use std::time::Duration;

use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Span, debug, error_span, info, warn};

use super::command::{Command, What};
use super::metrics::{self, Metrics, kind};
use super::report::{Spent, milliseconds};
use crate::azure::{Asked, chain};
use crate::model::{ClusterId, Pulls, Scope};
use crate::plan::{
    Attach, AttachReason, Detach, Former, Held, HeldReason, Kept, MarkChange, Plan, Warning, render,
};
use crate::reconcile::{Change, Left, Report, Undone};
use crate::runtime::telemetry::is_plain_id;

/// The most clusters that a line names: those that share an identity
const CLUSTERS: usize = 20;

/// How a command ended that came to no end of its own
const CUT_OFF: &str = "cut-off";

/// What led to a run
pub(super) struct Origin<'a> {
    /// The command
    pub(super) command: &'a Command,
    /// How long ago the event happened that led to it, if one did and says so
    pub(super) since_event: Option<Duration>,
}

impl Origin<'_> {
    fn correlation(&self) -> Option<&str> {
        correlation(self.command)
    }

    fn since_event_ms(&self) -> Option<u64> {
        self.since_event.map(milliseconds)
    }
}

/// The carrying out of one command: a span, a line and a count of how it ended. One that is dropped
/// before that was cut off, by its time limit, a panic or a broken connection.
pub(super) struct Run<'a> {
    span: Span,
    command: &'a Command,
    metrics: &'a Metrics,
    started: Instant,
    has_ended: bool,
}

impl<'a> Run<'a> {
    pub(super) fn open(command: &'a Command, metrics: &'a Metrics) -> Self {
        let scope = match &command.what {
            What::Reconcile(scope) => kind(scope),
            What::Attach(_) | What::Detach(_) | What::DetachFormerIdentities(_) => "pair",
        };
        let span = error_span!(
            "run",
            otel.kind = "internal",
            otel.name = command.what.name(),
            otel.status_code = Empty,
            tether.scope = scope,
            tether.about = %command.what,
            tether.correlation = correlation(command),
            tether.attempt = command.attempt,
            tether.dry_run = command.dry_run,
            tether.outcome = Empty,
            tether.requests = Empty,
        );
        Self { span, command, metrics, started: Instant::now(), has_ended: false }
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Notes how it ended.
    pub(super) fn ended(mut self, outcome: &'static str, spent: &Spent) {
        self.has_ended = true;
        self.note(outcome, Some(spent.asked), spent.took);
    }

    fn note(&self, outcome: &'static str, asked: Option<Asked>, took: Duration) {
        let Self { span, command, metrics, .. } = self;
        let requests = asked.map(|asked| asked.requests);
        span.record("tether.outcome", outcome).record("tether.requests", requests);
        if matches!(outcome, "failed" | CUT_OFF) {
            span.record("otel.status_code", "ERROR");
        }
        metrics.ended(&command.what, outcome, took);
        info!(
            command = command.what.name(),
            about = %command.what,
            correlation = correlation(command),
            attempt = command.attempt,
            dry_run = command.dry_run,
            outcome,
            requests,
            throttled = asked.map(|asked| asked.throttled),
            milliseconds = milliseconds(took),
            "command ended"
        );
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            // What it had asked of Azure by then is not known here.
            self.note(CUT_OFF, None, self.started.elapsed());
        }
    }
}

/// The id by which a command is known: that of the operation whose event led to it, or the sender's
/// own. One that may be somebody's name or address is not shown.
fn correlation(command: &Command) -> Option<&str> {
    command.id.as_deref().filter(|id| is_plain_id(id))
}

/// Writes how much is going to be done.
pub(super) fn write_plan(scope: &Scope, plan: &Plan) {
    let Plan { attach, detach, kept, held, gaps, .. } = plan;
    let (attach, detach, kept) = (attach.len(), detach.len(), kept.len());
    info!(%scope, attach, detach, kept, held = held.len(), unseen = gaps.len(), "planned");
}

/// Writes what came of a run and what it took, and of a detachment what still lets the cluster pull.
pub(super) fn write(report: &Report, left: Option<&Left>, spent: &Spent, origin: &Origin<'_>) {
    let about = &About { origin, scope: &report.scope };
    for item in &report.attached {
        about.attached(item, "applied", "attached");
    }
    for item in &report.already {
        about.attached(item, "already", "attached already");
    }
    for item in &report.detached {
        about.detached(item, "applied", "detached");
    }
    for item in &report.gone {
        about.detached(item, "already", "detached already");
    }
    for item in &report.marked {
        about.marked(item);
    }
    for (access, pulls) in left.into_iter().flat_map(|left| &left.access) {
        let certain = *pulls == Pulls::Yes;
        let (assignment, role) = (&access.assignment, access.role_name());
        warn!(assignment, role, principal = %access.principal, certain, "still granted");
    }
    for warning in &report.warnings {
        warn!(%warning, "{}", headline(warning));
    }
    for undone in &report.undone {
        about.undone(undone);
    }
    for held in &report.held {
        about.held(held);
    }
    for kept in &report.kept {
        match kept.former {
            Some(Former::Identity) => about.former(kept),
            Some(Former::Role) | None => debug!(grant = %kept, "kept"),
        }
    }
    for gap in &report.gaps {
        debug!(%gap, "not seen");
    }
    info!(
        scope = %report.scope,
        correlation = origin.correlation(),
        attached = report.attached.len(),
        already = report.already.len(),
        detached = report.detached.len(),
        undone = report.undone.len(),
        marked = report.marked.len(),
        kept = report.kept.len(),
        former_identities = formers(&report.kept, Former::Identity),
        former_roles = formers(&report.kept, Former::Role),
        held = report.held.len(),
        unseen = report.gaps.len(),
        requests = spent.asked.requests,
        throttled = spent.asked.throttled,
        milliseconds = spent.milliseconds(),
        "reconciled"
    );
}

/// Writes what would be done.
pub(super) fn write_dry_run(plan: &Plan) {
    for line in render(plan).lines() {
        info!(dry_run = true, "{line}");
    }
}

/// What a warning is about, in a few words that stay the same
fn headline(warning: &Warning) -> &'static str {
    match warning {
        Warning::ServiceAccountPull(_) => "attached without effect",
        Warning::NearlyFull { .. } => "room for role assignments runs out",
        Warning::AgeUnknown(_) => "former identities of unknown age are kept",
        Warning::NoneOfOurs(_) => "nothing here is of this owner",
    }
}

/// What every line on a change says besides
struct About<'a> {
    origin: &'a Origin<'a>,
    scope: &'a Scope,
}

impl About<'_> {
    fn attached(&self, item: &Attach, outcome: &str, word: &str) {
        info!(
            registry = %item.grant.registry,
            principal = %item.grant.principal,
            assignment = %item.name,
            change = %item,
            cluster = clusters(&item.clusters),
            rule = rule(item),
            outcome,
            since_event_ms = self.origin.since_event_ms(),
            correlation = self.origin.correlation(),
            scope = %self.scope,
            "{word}"
        );
    }

    fn detached(&self, item: &Detach, outcome: &str, word: &str) {
        info!(
            registry = %item.grant.registry,
            principal = %item.grant.principal,
            assignment = %item.name,
            change = %item,
            cluster = clusters(&item.clusters),
            outcome,
            since_event_ms = self.origin.since_event_ms(),
            correlation = self.origin.correlation(),
            scope = %self.scope,
            "{word}"
        );
    }

    fn marked(&self, item: &MarkChange) {
        info!(
            registry = %item.grant.registry,
            principal = %item.grant.principal,
            assignment = %item.name,
            change = %item,
            cluster = clusters(&item.clusters),
            outcome = "applied",
            correlation = self.origin.correlation(),
            scope = %self.scope,
            "mark written"
        );
    }

    fn former(&self, kept: &Kept) {
        info!(
            registry = %kept.grant.registry,
            principal = %kept.grant.principal,
            grant = %kept,
            cluster = clusters(&kept.clusters),
            correlation = self.origin.correlation(),
            scope = %self.scope,
            "former identity kept"
        );
    }

    fn undone(&self, undone: &Undone) {
        let outcome = metrics::outcome(undone.outcome);
        let becomes = match outcome {
            "later" => "will be tried again",
            "denied" => "not permitted",
            _ => "held",
        };
        let (not_done, assignment, grant, whose, rule) = match &undone.change {
            Change::Attach(item) => {
                ("not attached", item.name, &item.grant, &item.clusters, rule(item))
            }
            Change::Detach(item) => ("not detached", item.name, &item.grant, &item.clusters, None),
            Change::Mark(item) => {
                ("mark not written", item.name, &item.grant, &item.clusters, None)
            }
        };
        warn!(
            change = %undone.change,
            %assignment,
            code = undone.cause.code(),
            cause = chain(&undone.cause),
            registry = %grant.registry,
            principal = %grant.principal,
            cluster = clusters(whose),
            rule,
            outcome,
            correlation = self.origin.correlation(),
            scope = %self.scope,
            "{not_done}: {becomes}"
        );
    }

    fn held(&self, held: &Held) {
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    change = %held,
                    code = held.reason.code(),
                    registry = %held.registry,
                    principal = held.principal.map(display),
                    cluster = clusters(&held.clusters),
                    outcome = "held",
                    correlation = self.origin.correlation(),
                    scope = %self.scope,
                    "held"
                )
            };
        }
        // Only a person can say that so many changes are meant.
        if matches!(held.reason, HeldReason::Limit { .. }) { line!(warn) } else { line!(info) }
    }
}

/// How many of what is kept are left from this
fn formers(kept: &[Kept], what: Former) -> usize {
    kept.iter().filter(|kept| kept.former == Some(what)).count()
}

/// The rule that wants it, if one does
fn rule(item: &Attach) -> Option<&str> {
    match &item.reason {
        AttachReason::Rule(name) => Some(name),
        AttachReason::PinFollows | AttachReason::Asked => None,
    }
}

fn clusters(ids: &[ClusterId]) -> Option<String> {
    let ids: Vec<&str> = ids.iter().take(CLUSTERS).map(ClusterId::as_str).collect();
    (!ids.is_empty()).then(|| ids.join(","))
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use tokio::time::timeout;
    use tracing::Instrument as _;
    use tracing::instrument::WithSubscriber as _;

    use super::*;
    use crate::runtime::logs;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines of a run that works for `work`, and is given up after a minute
    async fn lines(work: Duration) -> Vec<String> {
        let (lines, command) = (Lines::default(), Command::reconcile(Scope::Everything));
        let (writer, metrics) = (lines.clone(), Metrics::new());
        let subscriber = logs::subscriber("info", move || writer.clone()).unwrap();
        let obey = async {
            let run = Run::open(&command, &metrics);
            tokio::time::sleep(work).instrument(run.span()).await;
            run.ended("done", &Spent { asked: Asked::default(), took: work });
        };
        let limited = async { timeout(Duration::from_secs(60), obey).await.is_ok() };
        limited.with_subscriber(subscriber).await;
        let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        lines.lines().map(ToOwned::to_owned).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_says_once_how_it_ended_even_if_it_is_cut_off() {
        for (work, outcome, took) in [(5, "done", 5_000), (3600, "cut-off", 60_000)] {
            let lines = lines(Duration::from_secs(work)).await;
            let [line] = &lines[..] else { panic!("one line: {lines:?}") };
            let (outcome, took) = (format!(" outcome={outcome} "), format!("milliseconds={took}"));
            assert!(line.contains("command ended ") && line.contains(&outcome), "{line}");
            assert!(line.contains(&took), "{line}");
        }
    }
}
