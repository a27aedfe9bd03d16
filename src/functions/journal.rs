//! What a run is worth saying in the log: one line per change and per reason, never who asked for it.

use tracing::{debug, info, warn};

use super::report::Spent;
use crate::azure::chain;
use crate::model::{Pulls, Scope};
use crate::plan::{Attach, Detach, HeldReason, Plan, Warning, render};
use crate::reconcile::{Change, Left, Outcome, Report};

/// Writes how much is going to be done.
pub(super) fn write_plan(scope: &Scope, plan: &Plan) {
    let Plan { attach, detach, kept, held, gaps, .. } = plan;
    let (attach, detach, kept) = (attach.len(), detach.len(), kept.len());
    info!(%scope, attach, detach, kept, held = held.len(), unseen = gaps.len(), "planned");
}

/// Writes what came of a run and what it took, and of a detachment what still lets the cluster pull.
pub(super) fn write(report: &Report, left: Option<&Left>, spent: &Spent) {
    for item in &report.attached {
        attached(item, "attached");
    }
    for item in &report.already {
        attached(item, "attached already");
    }
    for item in &report.detached {
        detached(item, "detached");
    }
    for item in &report.gone {
        detached(item, "detached already");
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
        let outcome = match undone.outcome {
            Outcome::Later { .. } => "will be tried again",
            Outcome::Denied => "not permitted",
            Outcome::Held => "held",
        };
        let (cause, code) = (chain(&undone.cause), undone.cause.code());
        let (not_done, assignment) = match &undone.change {
            Change::Attach(item) => ("not attached", item.name),
            Change::Detach(item) => ("not detached", item.name),
        };
        warn!(change = %undone.change, %assignment, code, cause, "{not_done}: {outcome}");
    }
    for held in &report.held {
        if matches!(held.reason, HeldReason::Limit { .. }) {
            warn!(change = %held, "held");
        } else {
            info!(change = %held, "held");
        }
    }
    for kept in &report.kept {
        debug!(grant = %kept, "kept");
    }
    for gap in &report.gaps {
        debug!(%gap, "not seen");
    }
    info!(
        scope = %report.scope,
        attached = report.attached.len(),
        already = report.already.len(),
        detached = report.detached.len(),
        undone = report.undone.len(),
        kept = report.kept.len(),
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
        Warning::NoneOfOurs(_) => "nothing here is of this owner",
    }
}

fn attached(item: &Attach, word: &str) {
    info!(
        registry = %item.grant.registry,
        principal = %item.grant.principal,
        assignment = %item.name,
        change = %item,
        "{word}"
    );
}

fn detached(item: &Detach, word: &str) {
    info!(
        registry = %item.grant.registry,
        principal = %item.grant.principal,
        assignment = %item.name,
        change = %item,
        "{word}"
    );
}
