//! The report on a command, as JSON for whoever asked for it.
//!
//! It has what the log has, and the name of who asked besides. Names of resources are in it, nothing
//! personal from Azure is.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use super::command::{Command, Refusal};
use super::follow_up::FollowUp;
use crate::azure::{Asked, chain};
use crate::model::{ClusterId, Gap, GrantKey, PrincipalId, Pulls, RegistryId, Scope};
use crate::plan::{Attach, Detach, Former, Held, Kept, MarkChange, Plan, Warning};
use crate::reconcile::{Change, Left, Outcome, ReconcileError, Report, Undone};

/// The most changes that are listed: a message has 256 KB
const LISTED: usize = 200;

/// The most clusters that are named for one change: those that share an identity
const CLUSTERS: usize = 20;

/// What a group's member has to know before it is taken out of the group
const GROUP_ADVICE: &str = "a change of a group's members takes up to a day to reach a managed identity; grant and revoke pulling by assignments to the identity itself, with a kubelet identity made beforehand if it has to be known early";

/// What a command took
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    pub(super) asked: Asked,
    pub(super) took: Duration,
}

impl Spent {
    pub(super) fn milliseconds(&self) -> u64 {
        milliseconds(self.took)
    }
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What came of a command
pub(super) enum Came<'a> {
    /// A run, and for a detachment what still lets the cluster pull, if that could be read
    Run(&'a Report, Option<&'a Left>),
    /// A plan that was only asked for
    Plan(&'a Plan),
    /// Nothing: Azure could not be read
    Unread(&'a ReconcileError),
}

/// One change of one assignment
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    change: &'static str,
    outcome: &'static str,
    clusters: Vec<String>,
    registry: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assignment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    reason: String,
}

/// An assignment that still lets the cluster pull
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Granted {
    assignment: String,
    scope: String,
    role: String,
    /// Whether it is certain: what a role of the operator's own allows is not known
    certain: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    through_group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<&'static str>,
}

/// The whole report
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    version: u8,
    outcome: &'static str,
    #[serde(flatten)]
    asked: Option<Question>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_look_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    throttled: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    milliseconds: Option<u64>,
    #[serde(flatten)]
    came: Option<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    still_granted: Option<Vec<Granted>>,
}

/// The command as it was asked
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Question {
    command: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    former_identities: Option<bool>,
    dry_run: bool,
    attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
}

/// What was done, what was not, and what could not be seen
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    changes: Vec<Line>,
    /// How many changes are not listed
    omitted: usize,
    /// How many assignments were as they should be
    kept: usize,
    unseen: Vec<String>,
    warnings: Vec<String>,
}

impl Came<'_> {
    /// Why nothing came of it, in a sentence
    pub(super) fn last_word(&self) -> String {
        match self {
            Self::Run(run, _) => {
                let undone = run.undone.iter().map(|undone| chain(&undone.cause));
                let held = run.held.iter().map(|held| held.reason.to_string());
                undone.chain(held).next().unwrap_or_default()
            }
            Self::Plan(_) => String::new(),
            Self::Unread(error) => chain(error),
        }
    }
}

impl Answer {
    /// On a message that was refused
    pub(super) fn refused(command: Option<&Command>, refusal: &Refusal) -> Self {
        Self {
            reason: Some(refusal.reason.clone()),
            field: refusal.field.clone(),
            hint: Some(refusal.hint.clone()),
            ..Self::of(command, "refused")
        }
    }

    /// On a command that was carried out, or put off
    pub(super) fn ended(
        command: &Command,
        came: &Came<'_>,
        next: Option<&FollowUp>,
        spent: Spent,
    ) -> Self {
        let outcome = if next.is_some() { "later" } else { "done" };
        let next_look_at = next.and_then(|next| next.due.format(&Rfc3339).ok());
        let answer = Self {
            next_look_at,
            requests: Some(spent.asked.requests),
            throttled: Some(spent.asked.throttled),
            milliseconds: Some(spent.milliseconds()),
            ..Self::of(Some(command), outcome)
        };
        match came {
            Came::Run(run, left) => {
                let all = lines(run, is_pair(&run.scope));
                let came = Some(listed(all, run.kept.len(), &run.gaps, &run.warnings));
                let still_granted = left.map(granted);
                Self { came, still_granted, ..answer }
            }
            Came::Plan(plan) => {
                let came = listed(planned(plan), plan.kept.len(), &plan.gaps, &plan.warnings);
                Self { came: Some(came), ..answer }
            }
            Came::Unread(error) => Self { reason: Some(chain(error)), ..answer },
        }
    }

    /// Whether there is anything to leave out
    pub(super) fn has_lists(&self) -> bool {
        self.came.as_ref().is_some_and(|came| !came.changes.is_empty() || !came.unseen.is_empty())
    }

    /// The same without what makes it long: how it ended, and how many changes are not listed
    pub(super) fn without_lists(&self) -> Self {
        let came = self.came.as_ref().map(|came| Listed {
            omitted: came.omitted + came.changes.len(),
            kept: came.kept,
            ..Listed::default()
        });
        Self { came, still_granted: None, ..self.clone() }
    }

    /// How it ended, in a word
    pub(super) fn outcome(&self) -> &'static str {
        self.outcome
    }

    /// The report as a message's body
    pub(super) fn to_body(&self) -> String {
        serde_json::json!(self).to_string()
    }

    fn of(command: Option<&Command>, outcome: &'static str) -> Self {
        Self { version: 1, outcome, asked: command.map(question), ..Self::default() }
    }
}

fn question(command: &Command) -> Question {
    let pair = command.what.pair();
    Question {
        command: command.what.name(),
        scope: command.what.scope().map(ToString::to_string),
        cluster: pair.map(|pair| pair.cluster.clone()),
        registry: pair.map(|pair| pair.registry.clone()),
        former_identities: command.what.is_of_former_identities().then_some(true),
        dry_run: command.dry_run,
        attempt: command.attempt,
        id: command.id.clone(),
        requested_by: command.requested_by.as_ref().map(|person| person.0.clone()),
        traceparent: command.traceparent.clone(),
    }
}

fn granted(left: &Left) -> Vec<Granted> {
    let granted = left.access.iter().map(|(access, pulls)| {
        let group = access.principal != left.identity;
        Granted {
            assignment: access.assignment.clone(),
            scope: access.scope.clone(),
            role: access.role_name(),
            certain: *pulls == Pulls::Yes,
            through_group: group.then(|| access.principal.to_string()),
            advice: group.then_some(GROUP_ADVICE),
        }
    });
    granted.collect()
}

fn is_pair(scope: &Scope) -> bool {
    matches!(scope, Scope::Pair(..))
}

fn listed(
    mut changes: Vec<Line>,
    kept: usize,
    gaps: &BTreeSet<Gap>,
    warnings: &BTreeSet<Warning>,
) -> Listed {
    let omitted = changes.len().saturating_sub(LISTED);
    changes.truncate(LISTED);
    let unseen = gaps.iter().take(LISTED).map(ToString::to_string).collect();
    let warnings = warnings.iter().take(LISTED).map(ToString::to_string).collect();
    Listed { changes, omitted, kept, unseen, warnings }
}

/// What a run did and did not do. What it kept is told of a pair, and of former identities: of an estate
/// it is thousands.
fn lines(run: &Report, with_kept: bool) -> Vec<Line> {
    let attached = run.attached.iter().map(|item| attach(item, "applied"));
    let already = run.already.iter().map(|item| attach(item, "already"));
    let detached = run.detached.iter().map(|item| detach(item, "applied"));
    let gone = run.gone.iter().map(|item| detach(item, "already"));
    let undone = run.undone.iter().map(undone);
    let marked = run.marked.iter().map(|item| mark(item, "applied"));
    let is_told = |kept: &&Kept| with_kept || kept.former == Some(Former::Identity);
    let kept = run.kept.iter().filter(is_told).map(kept);
    let done = attached.chain(already).chain(detached).chain(gone).chain(marked);
    done.chain(undone).chain(run.held.iter().map(held)).chain(kept).collect()
}

fn planned(plan: &Plan) -> Vec<Line> {
    let attach = plan.attach.iter().map(|item| attach(item, "planned"));
    let detach = plan.detach.iter().map(|item| detach(item, "planned"));
    let marks = plan.marks.iter().map(|item| mark(item, "planned"));
    let former = plan.kept.iter().filter(|kept| kept.former == Some(Former::Identity)).map(kept);
    attach.chain(detach).chain(marks).chain(plan.held.iter().map(held)).chain(former).collect()
}

fn attach(item: &Attach, outcome: &'static str) -> Line {
    let line = line("attach", outcome, &item.clusters, &item.grant);
    Line { assignment: Some(item.name.to_string()), reason: item.reason.to_string(), ..line }
}

fn detach(item: &Detach, outcome: &'static str) -> Line {
    let line = line("detach", outcome, &item.clusters, &item.grant);
    Line { assignment: Some(item.name.to_string()), reason: item.reason.to_string(), ..line }
}

fn mark(item: &MarkChange, outcome: &'static str) -> Line {
    let line = line("mark", outcome, &item.clusters, &item.grant);
    Line { assignment: Some(item.name.to_string()), reason: item.reason.to_string(), ..line }
}

fn kept(item: &Kept) -> Line {
    let line = line("attach", "already", &item.clusters, &item.grant);
    Line { reason: item.to_string(), ..line }
}

fn undone(item: &Undone) -> Line {
    let outcome = match item.outcome {
        Outcome::Later { .. } => "later",
        Outcome::Denied | Outcome::Held => "held",
    };
    let line = match &item.change {
        Change::Attach(change) => attach(change, outcome),
        Change::Detach(change) => detach(change, outcome),
        Change::Mark(change) => mark(change, outcome),
    };
    Line { code: Some(item.cause.code().to_owned()), reason: chain(&item.cause), ..line }
}

fn held(item: &Held) -> Line {
    let Held { registry, principal, clusters, action, reason } = item;
    let outcome = if reason.passes() { "later" } else { "held" };
    Line {
        reason: reason.to_string(),
        ..bare(action.word(), outcome, clusters, registry, *principal)
    }
}

fn line(
    change: &'static str,
    outcome: &'static str,
    clusters: &[ClusterId],
    grant: &GrantKey,
) -> Line {
    let GrantKey { registry, principal, role } = grant;
    Line {
        role: Some(role.to_string()),
        ..bare(change, outcome, clusters, registry, Some(*principal))
    }
}

fn bare(
    change: &'static str,
    outcome: &'static str,
    clusters: &[ClusterId],
    registry: &RegistryId,
    principal: Option<PrincipalId>,
) -> Line {
    Line {
        change,
        outcome,
        clusters: clusters.iter().take(CLUSTERS).map(ToString::to_string).collect(),
        registry: registry.to_string(),
        principal: principal.map(|principal| principal.to_string()),
        role: None,
        assignment: None,
        code: None,
        reason: String::new(),
    }
}
