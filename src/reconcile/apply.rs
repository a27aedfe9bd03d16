//! Making a plan's changes, each with an outcome of its own: attachments side by side, then
//! detachments.
//!
//! One that fails stops no other, but for a removal whose replacement did not come.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::StreamExt;
use tokio::time::Instant;

use super::Reconciler;
use super::abreast::abreast;
use super::ends::Ends;
use super::report::{Cause, Change, Report, Undone};
use crate::azure::{ArmError, Put, Removed};
use crate::model::{AssignmentName, Cluster, Grant, GrantKey, Mark, MarkKind, Registry, Scope};
use crate::plan::{
    Attach, Detach, DetachReason, MarkChange, Plan, is_mark_still_wrong, is_still_due,
    is_still_wanted,
};

/// For how long changes are begun: at ARM's own pace some three thousand in each subscription. What is
/// left then comes later, so that an invocation ends by itself before it is ended.
pub const WRITING: Duration = Duration::from_secs(5 * 60);

/// For how long changes are begun, counted from the start of the run: looking may have taken long
pub const RUN: Duration = Duration::from_secs(6 * 60);

/// For how long they are begun even so, that a run which looked for longer gets somewhere
const AT_LEAST: Duration = Duration::from_secs(60);

/// After how long nothing is begun any more, so that what was done can still be told
pub const LAST: Duration = Duration::from_secs(7 * 60);

/// How old what was read of both ends may be when an attachment is made: in a longer run they are read
/// once more
const READ_FOR_A_PUT: Duration = Duration::from_secs(60);

/// How old it may be when one is removed, which nobody asked for at that very moment
const READ_FOR_A_DELETE: Duration = Duration::from_secs(4);

/// What an attachment came to
enum Attached {
    Now,
    Already,
    ByAnother,
}

impl Reconciler {
    /// Makes the changes of a plan, and says what came of it. All that the plan rests on was read after
    /// `begun`.
    ///
    /// # Guarantees
    /// Safe to repeat and to run twice at once: names are computed, so the same assignment is made
    /// only once. An assignment is removed only after a read of the assignment itself that proves it
    /// ours and as it was when the removal was decided, and after the one that replaces it is there.
    pub async fn apply(&self, scope: &Scope, mut plan: Plan, begun: Instant) -> Report {
        let mut report = Report::of(scope.clone(), &mut plan);
        let Plan { attach, detach, marks, .. } = plan;
        let now = Instant::now();
        let until = (begun + RUN).clamp(now + AT_LEAST, now + WRITING).min(begun + LAST);
        let ends = &Ends::new(self, READ_FOR_A_PUT, begun);
        let at = |(_, item): &(usize, Attach)| item.grant.registry.subscription();
        let puts = abreast(attach.into_iter().enumerate(), at, |(place, item)| async move {
            let done = self.attach(&item, scope, ends, until).await;
            (place, item, done)
        });
        // What stands under a name of ours: another's counts as attached, and replaces nothing.
        let mut there = BTreeSet::new();
        for (item, done) in in_order(puts.collect().await) {
            match done {
                Ok(Attached::Now) => {
                    there.insert(item.name);
                    report.attached.push(item);
                }
                Ok(Attached::Already) => {
                    there.insert(item.name);
                    report.already.push(item);
                }
                Ok(Attached::ByAnother) => report.already.push(item),
                Err(cause) => report.undone.push(undone(Change::Attach(item), cause)),
            }
        }
        let ends = &Ends::new(self, READ_FOR_A_DELETE, Instant::now());
        self.write_marks(marks, ends, until, &mut report).await;
        // A pin at a former identity would bring back the one at the present identity.
        let (first, then): (Vec<_>, Vec<_>) = detach.into_iter().partition(is_asked_for_a_former);
        let failed = report.undone.len();
        self.remove_all(first, &there, ends, until, &mut report).await;
        match report.undone.get(failed).map(|undone| undone.outcome) {
            None => self.remove_all(then, &there, ends, until, &mut report).await,
            Some(outcome) => report.undone.extend(then.into_iter().map(|item| {
                let (change, cause) = (Change::Detach(item), Cause::FormerStays);
                Undone { change, outcome, cause }
            })),
        }
        report
    }

    async fn write_marks(
        &self,
        marks: Vec<MarkChange>,
        ends: &Ends<'_>,
        until: Instant,
        report: &mut Report,
    ) {
        let at = |(_, item): &(usize, MarkChange)| item.grant.registry.subscription();
        let puts = abreast(marks.into_iter().enumerate(), at, |(place, item)| async move {
            let done = self.write_mark(&item, ends, until).await;
            (place, item, done)
        });
        for (item, done) in in_order(puts.collect().await) {
            match done {
                Ok(()) => report.marked.push(item),
                Err(cause) => report.undone.push(undone(Change::Mark(item), cause)),
            }
        }
    }

    async fn remove_all(
        &self,
        detach: Vec<Detach>,
        there: &BTreeSet<AssignmentName>,
        ends: &Ends<'_>,
        until: Instant,
        report: &mut Report,
    ) {
        let at = |(_, item): &(usize, Detach)| item.grant.registry.subscription();
        let deletes = abreast(detach.into_iter().enumerate(), at, |(place, item)| async move {
            let done = self.detach(&item, there, ends, until).await;
            (place, item, done)
        });
        for (item, done) in in_order(deletes.collect().await) {
            match done {
                Ok(Removed::Gone) => report.detached.push(item),
                Ok(Removed::WasNotThere) => report.gone.push(item),
                Err(cause) => report.undone.push(undone(Change::Detach(item), cause)),
            }
        }
    }

    /// Writes a mark again, if the assignment is as it was and its ends still say so.
    async fn write_mark(
        &self,
        item: &MarkChange,
        ends: &Ends<'_>,
        until: Instant,
    ) -> Result<(), Cause> {
        begin_before(until)?;
        let registry = &item.grant.registry;
        let Some(grant) = self.arm.grant(registry, item.name).await? else {
            return Err(Cause::Changed);
        };
        let is_as_decided = grant.key == item.grant
            && !grant.conditional
            && Mark::read(&grant.description) == Some(item.was)
            && AssignmentName::is_of(&self.policy.owner, &grant);
        let Some(registry) = ends.registry(registry).await? else { return Err(Cause::Changed) };
        let mut clusters = ends.clusters(&item.clusters).await?;
        clusters.extend(ends.clusters(item.marked.as_slice()).await?);
        if !self.is_pinned_beside(item).await? {
            return Err(Cause::Changed);
        }
        if !is_as_decided || !is_mark_still_wrong(item, &registry, &clusters, &self.policy) {
            return Err(Cause::Changed);
        }
        self.arm.put_grant(&item.grant, item.name, &item.description).await?;
        Ok(())
    }

    /// Whether the pin that a mark carries now stands elsewhere, as it was seen
    async fn is_pinned_beside(&self, item: &MarkChange) -> Result<bool, Cause> {
        let Some(key) = &item.beside else { return Ok(true) };
        let name = AssignmentName::new(&self.policy.owner, key);
        let beside = self.arm.grant(&key.registry, name).await?;
        let mark = beside.and_then(|grant| Mark::read(&grant.description));
        Ok(mark.is_some_and(|it| it.kind == MarkKind::Pin && it.cluster == item.was.cluster))
    }

    async fn attach(
        &self,
        item: &Attach,
        scope: &Scope,
        ends: &Ends<'_>,
        until: Instant,
    ) -> Result<Attached, Cause> {
        begin_before(until)?;
        if let Some(is_there) = self.is_there_unseen(item, scope).await? {
            return Ok(is_there);
        }
        if ends.are_old() && !self.is_wanted(item, ends).await? {
            return Err(Cause::Changed);
        }
        match self.arm.put_grant(&item.grant, item.name, &item.description).await? {
            Put::Created => Ok(Attached::Now),
            // The name was there: someone was quicker, or the mark of an old one was to be changed.
            Put::AlreadyThere => Ok(Attached::Already),
            Put::UnderAnotherName => self.is_there(item).await,
        }
    }

    /// Whether our assignment is there after all. In a wide scope the grants are Resource Graph's, which
    /// may not know one that a PUT would change: take its pin away, or a condition that somebody put
    /// on it.
    async fn is_there_unseen(
        &self,
        item: &Attach,
        scope: &Scope,
    ) -> Result<Option<Attached>, Cause> {
        match scope {
            Scope::Cluster(_) | Scope::Registry(_) | Scope::Pair(..) => return Ok(None),
            Scope::Everything | Scope::Subscription(_) => {}
        }
        if !self.is_still_followed(item).await? {
            return Err(Cause::Changed);
        }
        let Some(grant) = self.arm.grant(&item.grant.registry, item.name).await? else {
            return Ok(None);
        };
        if grant.conditional {
            return Err(Cause::Conditional(grant.id));
        }
        let kind = |description| Mark::read(description).map(|mark| mark.kind);
        let raises = kind(&item.description) == Some(MarkKind::Pin)
            && kind(&grant.description) == Some(MarkKind::Rule);
        Ok((!raises).then_some(Attached::Already))
    }

    /// Whether a pin that this one carries on is still there. Where it was seen may have been Resource
    /// Graph, and a command have ended it since.
    async fn is_still_followed(&self, item: &Attach) -> Result<bool, Cause> {
        for key in &item.follows {
            let name = AssignmentName::new(&self.policy.owner, key);
            let grant = self.arm.grant(&key.registry, name).await?;
            let kind = grant.map(|grant| Mark::read(&grant.description).map(|mark| mark.kind));
            if matches!(kind, Some(Some(MarkKind::Pin) | None)) {
                return Ok(true);
            }
        }
        Ok(item.follows.is_empty())
    }

    /// Whether the assignment of another name that Azure speaks of lets the cluster pull
    async fn is_there(&self, item: &Attach) -> Result<Attached, Cause> {
        let subscription = item.grant.registry.subscription();
        let grants = self.arm.grants_of(subscription, item.grant.principal).await?;
        let same: Vec<Grant> = grants.into_iter().filter(|grant| grant.key == item.grant).collect();
        match same.first() {
            Some(_) if same.iter().any(|grant| !grant.conditional) => Ok(Attached::ByAnother),
            Some(grant) => Err(Cause::Conditional(grant.id.clone())),
            None => Err(Cause::Hidden),
        }
    }

    async fn detach(
        &self,
        item: &Detach,
        there: &BTreeSet<AssignmentName>,
        ends: &Ends<'_>,
        until: Instant,
    ) -> Result<Removed, Cause> {
        begin_before(until)?;
        if item.after.is_some_and(|after| !there.contains(&after)) {
            return Err(Cause::NotReplaced);
        }
        let registry = &item.grant.registry;
        let (grant, ends) =
            futures::join!(self.arm.grant(registry, item.name), ends_of(item, ends));
        let Some(grant) = grant? else {
            return Ok(Removed::WasNotThere);
        };
        let is_due = self.is_as_decided(item, &grant)
            && self.is_due(item, &grant, ends?).await?
            && self.stands_beside(item).await?;
        if !is_due {
            return Err(Cause::Changed);
        }
        Ok(self.arm.delete_grant(registry, item.name).await?)
    }

    /// Whether an assignment is still what its removal was decided about: ours, without a condition,
    /// and with the same mark, so that nobody has pinned it since
    fn is_as_decided(&self, item: &Detach, grant: &Grant) -> bool {
        let unmarked = grant.description.is_empty() && item.mark.is_none();
        grant.key == item.grant
            && !grant.conditional
            && (unmarked || Mark::read(&grant.description) == item.mark)
            && AssignmentName::is_of(&self.policy.owner, grant)
    }

    /// Whether an attachment is still wanted, by its ends as they are now
    async fn is_wanted(&self, item: &Attach, ends: &Ends<'_>) -> Result<bool, Cause> {
        let Some(registry) = ends.registry(&item.grant.registry).await? else { return Ok(false) };
        let mut clusters = ends.clusters(&item.clusters).await?;
        clusters.extend(ends.clusters(&item.others).await?);
        Ok(is_still_wanted(item, &registry, &clusters, &self.policy))
    }

    /// Whether a removal is still due, by the assignment and its ends as they are now
    async fn is_due(
        &self,
        item: &Detach,
        grant: &Grant,
        (registry, clusters): (Option<Registry>, Vec<Cluster>),
    ) -> Result<bool, Cause> {
        if item.reason == DetachReason::Asked {
            // The cluster may have that identity again.
            let has_another = |cluster: &Cluster| {
                cluster.identity.principal().is_some_and(|id| id != item.grant.principal)
            };
            return Ok(clusters.iter().all(has_another));
        }
        let Some(registry) = registry else { return Ok(true) };
        if item.reason == DetachReason::RegistryGone {
            return Ok(false);
        }
        if item.reason == DetachReason::RoleNotHonoured {
            return self.is_replaced(item, &registry).await;
        }
        Ok(is_still_due(item, grant, &registry, &clusters, &self.policy))
    }

    /// Whether what took the place of this one is there, a pin where this one is a pin. Where it was seen
    /// may have been Resource Graph, and without either the cluster would not pull, or its pin be
    /// forgotten.
    async fn stands_beside(&self, item: &Detach) -> Result<bool, Cause> {
        for key in &item.beside {
            let subscription = key.registry.subscription();
            let grants = self.arm.grants_of(subscription, key.principal).await?;
            let pin = item.mark.filter(|mark| mark.kind == MarkKind::Pin);
            let carries = |grant: &Grant, pin: Mark| {
                Mark::read(&grant.description)
                    .is_some_and(|mark| mark.kind == MarkKind::Pin && mark.cluster == pin.cluster)
                    && AssignmentName::is_of(&self.policy.owner, grant)
            };
            let stands = |grant: &Grant| {
                grant.key == *key && !grant.conditional && pin.is_none_or(|pin| carries(grant, pin))
            };
            if !grants.iter().any(stands) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the identity has the role that the registry honours instead of this one. What was seen
    /// of that may be Resource Graph's, and gone by now.
    async fn is_replaced(&self, item: &Detach, registry: &Registry) -> Result<bool, Cause> {
        let Some(role) = registry.mode.pull_role() else { return Ok(false) };
        if role == item.grant.role {
            return Ok(false);
        }
        let honoured = GrantKey { role, ..item.grant.clone() };
        let grants = self.arm.grants_of(registry.id.subscription(), item.grant.principal).await?;
        Ok(grants.iter().any(|grant| grant.key == honoured && !grant.conditional))
    }
}

/// What was done in any order, so that nothing waited for a slow one before it, in the plan's order
fn in_order<T, R>(mut done: Vec<(usize, T, R)>) -> impl Iterator<Item = (T, R)> {
    done.sort_by_key(|(place, ..)| *place);
    done.into_iter().map(|(_, item, done)| (item, done))
}

/// The registry of a removal and its clusters, as far as they decide about it and are there
async fn ends_of(
    item: &Detach,
    ends: &Ends<'_>,
) -> Result<(Option<Registry>, Vec<Cluster>), ArmError> {
    if item.reason == DetachReason::Asked {
        return Ok((None, ends.clusters(&item.marked).await?));
    }
    let registry = ends.registry(&item.grant.registry).await?;
    if registry.is_none() || item.reason == DetachReason::RoleNotHonoured {
        return Ok((registry, Vec::new()));
    }
    let mut clusters = ends.clusters(&item.clusters).await?;
    clusters.extend(ends.clusters(&item.marked).await?);
    Ok((registry, clusters))
}

/// Whether a command asked for this removal, for an identity that its cluster had before
fn is_asked_for_a_former(item: &Detach) -> bool {
    item.reason == DetachReason::Asked && !item.marked.is_empty()
}

fn begin_before(until: Instant) -> Result<(), Cause> {
    if Instant::now() < until { Ok(()) } else { Err(ArmError::out_of_turn(None).into()) }
}

fn undone(change: Change, cause: Cause) -> Undone {
    Undone { change, outcome: cause.outcome(), cause }
}
