//! What the mode and the limits forbid.
//!
//! Nothing is dropped here: what may not be done is held, with the reason.

use std::collections::BTreeMap;

use super::{
    Action, Attach, Detach, DetachReason, Held, HeldReason, Holder, MarkChange, MarkReason, Plan,
    Warning,
};
use crate::model::{ClusterHash, MarkKind, RegistryId, Scope, SubscriptionId};
use crate::policy::{Limits, Mode, Policy};

/// Moves to *held* what the policy's mode and limits forbid.
///
/// Limits count per subscription of the registries. When one is passed, all changes of that kind in
/// that subscription are held: half of a mistake is still a mistake. A share is counted only where
/// the scope shows everything that is ours, not just what one cluster leaves behind. It is a share of
/// what the run keeps or makes, so that what it holds now does not pass the limit in the next run.
/// What takes the place of a former role, and the removal of one, count towards no limit: as many of
/// them come at once as a registry has clusters.
///
/// # Guarantees
/// Every change of the plan that goes in comes out, planned or held; marks, which no access depends on,
/// are left out in mode `observe`. A removal that waits for an assignment is held together with it.
/// Applying what comes out, planning and guarding again gives no changes.
pub fn guard(mut plan: Plan, policy: &Policy, scope: &Scope) -> Plan {
    let new = plan.attach.iter().filter(|attach| !attach.exchanges_role);
    let attached = count(new.map(|attach| &attach.grant.registry));
    let removed = plan.detach.iter().filter(|detach| counts(detach));
    let detached = count(removed.map(|detach| &detach.grant.registry));
    for attach in std::mem::take(&mut plan.attach) {
        let reason = forbids_attach(policy.mode).or_else(|| {
            let planned = count_in(&attached, &attach.grant.registry);
            passes("max_attach", planned, policy.limits.max_attach as usize)
                .filter(|_| !attach.exchanges_role)
        });
        match reason {
            None => plan.attach.push(attach),
            Some(reason) => plan.held.push(held_attach(attach, reason)),
        }
    }
    let stays = stays(&plan);
    for detach in std::mem::take(&mut plan.detach) {
        let registry = &detach.grant.registry;
        let (planned, of) = (count_in(&detached, registry), count_in(&stays, registry));
        let passes = || passes_detach(&policy.limits, planned, is_wide(scope).then_some(of));
        let reason = forbids_detach(policy.mode)
            .or_else(|| left_to_the_timer(&detach, scope))
            .or_else(|| passes().filter(|_| counts(&detach)))
            .or_else(|| waits_in_vain(&detach, &plan));
        match reason {
            None => plan.detach.push(detach),
            Some(reason) => plan.held.push(held_detach(detach, reason)),
        }
    }
    if policy.mode == Mode::Observe {
        plan.marks.clear();
    }
    plan.held.sort();
    plan
}

/// Moves to *held* what the policy's mode forbids a person's own command on one pair.
///
/// A person who asks for one pair has decided what modes and limits leave open, so only `observe` stands
/// against it: it promises that nothing is written.
pub fn guard_pair(mut plan: Plan, policy: &Policy) -> Plan {
    if let Some(reason) = forbids_attach(policy.mode) {
        let attach = std::mem::take(&mut plan.attach).into_iter();
        plan.held.extend(attach.map(|attach| held_attach(attach, reason.clone())));
        let detach = std::mem::take(&mut plan.detach).into_iter();
        plan.held.extend(detach.map(|detach| held_detach(detach, reason.clone())));
        plan.held.sort();
    }
    plan
}

fn forbids_attach(mode: Mode) -> Option<HeldReason> {
    (mode == Mode::Observe).then_some(HeldReason::Mode(mode))
}

fn forbids_detach(mode: Mode) -> Option<HeldReason> {
    (mode != Mode::Sync).then_some(HeldReason::Mode(mode))
}

/// What runs for a single cluster or registry leave to the timer: they are as many as there are events,
/// and each would be below every limit. Only what a deleted cluster leaves behind goes with it.
pub(super) fn left_to_the_timer(detach: &Detach, scope: &Scope) -> Option<HeldReason> {
    let goes = match scope {
        Scope::Everything | Scope::Subscription(_) => true,
        Scope::Cluster(id) => {
            detach.reason == DetachReason::ClusterGone
                && detach.marked.is_empty()
                && detach.mark.is_some_and(|mark| mark.cluster == ClusterHash::of(id))
        }
        Scope::Registry(_) | Scope::Pair(..) => false,
    };
    (!goes).then_some(HeldReason::LeftToTheTimer)
}

/// Whether a run in this scope would remove something that a cluster may need which was not seen, name
/// another cluster in a mark, or keep what an earlier cluster may have left: before that, every
/// subscription's clusters are listed
pub fn needs_every_cluster(plan: &Plan, mode: Mode, scope: &Scope) -> bool {
    let is_gone = |change: &MarkChange| change.reason == MarkReason::ClusterGone;
    let removes = |item: &Detach| match item.reason {
        // No registry is left to pull from.
        DetachReason::RegistryGone => false,
        // The right role is there when the old one goes; a pin may be lost with that.
        DetachReason::RoleNotHonoured => item.mark.is_none_or(|mark| mark.kind == MarkKind::Pin),
        DetachReason::Unwanted
        | DetachReason::OtherTenant
        | DetachReason::Vetoed
        | DetachReason::ClusterGone
        | DetachReason::IdentityReplaced
        | DetachReason::FormerIdentity
        | DetachReason::Asked => left_to_the_timer(item, scope).is_none(),
    };
    // The lists say when clusters were created, which Resource Graph does not.
    let is_of_unknown_age = || plan.warnings.iter().any(|it| matches!(it, Warning::AgeUnknown(_)));
    forbids_attach(mode).is_none() && plan.marks.iter().any(is_gone)
        || forbids_detach(mode).is_none()
            && (plan.detach.iter().any(removes) || is_wide(scope) && is_of_unknown_age())
}

/// Whether a removal counts towards the limits. Of a former role it takes nothing away.
fn counts(detach: &Detach) -> bool {
    detach.reason != DetachReason::RoleNotHonoured
}

/// Whether all that is ours in a subscription of registries is in sight
fn is_wide(scope: &Scope) -> bool {
    matches!(scope, Scope::Everything | Scope::Subscription(_))
}

fn passes(name: &'static str, planned: usize, allowed: usize) -> Option<HeldReason> {
    (planned > allowed).then_some(HeldReason::Limit { name, planned, allowed })
}

fn passes_detach(limits: &Limits, planned: usize, stays: Option<usize>) -> Option<HeldReason> {
    let share = stays
        .filter(|_| limits.max_detach_percent < 100)
        .map(|stays| stays.saturating_mul(usize::from(limits.max_detach_percent)) / 100);
    // One removal is always allowed: a share of a handful would round down to none for ever.
    passes("max_detach", planned, limits.max_detach as usize)
        .or_else(|| passes("max_detach_percent", planned, share?.max(1)))
}

fn waits_in_vain(detach: &Detach, plan: &Plan) -> Option<HeldReason> {
    let after = detach.after?;
    let comes = plan.attach.iter().any(|attach| attach.name == after);
    (!comes).then_some(HeldReason::ReplacementHeld)
}

/// How many assignments of ours the run keeps or makes in each subscription
fn stays(plan: &Plan) -> BTreeMap<SubscriptionId, usize> {
    let kept = plan.kept.iter().filter(|kept| kept.holder != Holder::Foreign);
    let kept = kept.map(|kept| &kept.grant.registry);
    count(kept.chain(plan.attach.iter().map(|attach| &attach.grant.registry)))
}

fn count<'a>(registries: impl Iterator<Item = &'a RegistryId>) -> BTreeMap<SubscriptionId, usize> {
    let mut counts = BTreeMap::new();
    for registry in registries {
        *counts.entry(registry.subscription()).or_default() += 1;
    }
    counts
}

fn count_in(counts: &BTreeMap<SubscriptionId, usize>, registry: &RegistryId) -> usize {
    counts.get(&registry.subscription()).copied().unwrap_or_default()
}

fn held_attach(attach: Attach, reason: HeldReason) -> Held {
    let Attach { grant, clusters, .. } = attach;
    let principal = Some(grant.principal);
    Held { registry: grant.registry, principal, clusters, action: Action::Attach, reason }
}

fn held_detach(detach: Detach, reason: HeldReason) -> Held {
    let Detach { grant, clusters, marked, .. } = detach;
    let clusters = if clusters.is_empty() { marked } else { clusters };
    let principal = Some(grant.principal);
    Held { registry: grant.registry, principal, clusters, action: Action::Detach, reason }
}
