//! What the mode and the limits forbid.
//!
//! Nothing is dropped here: what may not be done is held, with the reason.

use std::collections::BTreeMap;

use super::{Action, Attach, Detach, DetachReason, Held, HeldReason, Holder, Plan};
use crate::model::{RegistryId, Scope, SubscriptionId};
use crate::policy::{Limits, Mode, Policy};

/// Moves to *held* what the policy's mode and limits forbid.
///
/// Limits count per subscription of the registries. When one is passed, all changes of that kind in
/// that subscription are held: half of a mistake is still a mistake. A share is counted only where
/// the scope shows everything that is ours, not just what one cluster leaves behind.
///
/// # Guarantees
/// Every change of the plan that goes in comes out, planned or held. A removal that waits for an
/// assignment is held together with it.
pub fn guard(mut plan: Plan, policy: &Policy, scope: &Scope) -> Plan {
    let attached = count(plan.attach.iter().map(|attach| &attach.grant.registry));
    let detached = count(plan.detach.iter().map(|detach| &detach.grant.registry));
    let ours = ours(&plan);
    let is_wide = match scope {
        Scope::Everything | Scope::Subscription(_) | Scope::Registry(_) => true,
        Scope::Cluster(_) | Scope::Pair(..) => false,
    };
    for attach in std::mem::take(&mut plan.attach) {
        let reason = forbids_attach(policy.mode).or_else(|| {
            let planned = count_in(&attached, &attach.grant.registry);
            passes("max_attach", planned, policy.limits.max_attach as usize)
        });
        match reason {
            None => plan.attach.push(attach),
            Some(reason) => plan.held.push(held_attach(attach, reason)),
        }
    }
    for detach in std::mem::take(&mut plan.detach) {
        let registry = &detach.grant.registry;
        let of = count_in(&ours, registry);
        let reason = forbids_detach(policy.mode)
            .or_else(|| left_to_the_timer(&detach, scope))
            .or_else(|| passes_detach(&policy.limits, count_in(&detached, registry), of, is_wide))
            .or_else(|| waits_in_vain(&detach, &plan));
        match reason {
            None => plan.detach.push(detach),
            Some(reason) => plan.held.push(held_detach(detach, reason)),
        }
    }
    plan.held.sort();
    plan
}

/// Moves to *held* what the policy's mode forbids a person's own command on one pair.
///
/// A person who asks for one pair has decided what the modes and limits leave to nobody, so only
/// `observe` stands against it: it promises that nothing is written.
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

/// Runs for single registries are as many as there are events, and each would be below every limit.
fn left_to_the_timer(detach: &Detach, scope: &Scope) -> Option<HeldReason> {
    let is_single = matches!(scope, Scope::Registry(_));
    let replaces = detach.reason == DetachReason::RoleNotHonoured;
    (is_single && !replaces).then_some(HeldReason::LeftToTheTimer)
}

fn passes(name: &'static str, planned: usize, allowed: usize) -> Option<HeldReason> {
    (planned > allowed).then_some(HeldReason::Limit { name, planned, allowed })
}

fn passes_detach(
    limits: &Limits,
    planned: usize,
    ours: usize,
    is_wide: bool,
) -> Option<HeldReason> {
    let share = ours.saturating_mul(usize::from(limits.max_detach_percent)) / 100;
    // One removal is always allowed: a share of a handful would round down to none for ever.
    passes("max_detach", planned, limits.max_detach as usize)
        .or_else(|| passes("max_detach_percent", planned, share.max(1)).filter(|_| is_wide))
}

fn waits_in_vain(detach: &Detach, plan: &Plan) -> Option<HeldReason> {
    let after = detach.after?;
    let comes = plan.attach.iter().any(|attach| attach.name == after);
    (!comes).then_some(HeldReason::ReplacementHeld)
}

/// How many assignments of ours each subscription has, those to be removed included
fn ours(plan: &Plan) -> BTreeMap<SubscriptionId, usize> {
    let kept = plan.kept.iter().filter(|kept| kept.holder != Holder::Foreign);
    let kept = kept.map(|kept| &kept.grant.registry);
    count(kept.chain(plan.detach.iter().map(|detach| &detach.grant.registry)))
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
    let Detach { grant, clusters, .. } = detach;
    let principal = Some(grant.principal);
    Held { registry: grant.registry, principal, clusters, action: Action::Detach, reason }
}
