//! What to do about one pair that a person names in a command.
//!
//! | command | the policy                  | found          | result                                |
//! |---------|-----------------------------|----------------|---------------------------------------|
//! | attach  | vetoes it                   | any            | refuse                                |
//! | attach  | neither wants nor allows it | any            | refuse                                |
//! | attach  | wants it, or `pins` has it  | nothing        | attach, pinned                        |
//! | attach  | wants it, or `pins` has it  | ours, unpinned | pin it                                |
//! | attach  | wants it, or `pins` has it  | ours, pinned   | keep; hold if for another cluster     |
//! | attach  | wants it, or `pins` has it  | someone else's | keep, and never ours                  |
//! | detach  | wants it                    | any            | refuse, naming the rule               |
//! | detach  | does not                    | ours           | detach, or hold if anyone may need it |
//! | detach  | does not                    | someone else's | leave                                 |
//! | detach of former identities | any     | ours, for an identity that the cluster had | detach, or hold as above |
//!
//! What stands against a planned attachment stands against a pinned one too.

use std::collections::BTreeSet;

use thiserror::Error;

use super::decide::{Case, Want, conditional};
use super::desire::{Index, without_identity};
use super::known::{Marked, is_of_earlier};
use super::{Action, AttachReason, Detach, DetachReason, Held, HeldReason, Plan, warnings};
use crate::model::{
    AssignmentName, Cluster, ClusterHash, ClusterId, Grant, Identity, Inventory, Mark, MarkKind,
    PrincipalId, Registry,
};
use crate::policy::{Decision, Policy};

/// Why a person's command on a pair is turned down: no later attempt would end otherwise
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PairRefusal {
    /// They live in different tenants, where no managed identity of one can reach the other.
    #[error("the cluster and the registry live in different tenants")]
    OtherTenant,
    /// The policy forbids it, for this cluster or for one with the same identity.
    #[error("it is vetoed for cluster `{}`: {by}", .cluster.name())]
    Vetoed {
        /// The cluster
        cluster: ClusterId,
        /// What forbids it
        by: String,
    },
    /// Neither does a rule want it, nor does an entry of `pins` allow it.
    #[error("no rule wants this pair, and no entry of `pins` allows it")]
    NotAllowed,
    /// A rule would attach it again.
    #[error("the rule `{rule}` wants this pair attached")]
    Wanted {
        /// The rule
        rule: String,
    },
}

impl PairRefusal {
    /// What to do about it
    pub fn hint(&self) -> &'static str {
        match self {
            Self::OtherTenant => "use a registry in the cluster's own tenant",
            Self::Vetoed { .. } => {
                "a veto wins over every command: change the tag or the rule that forbids it"
            }
            Self::NotAllowed => {
                "tag both sides as a rule asks for, or let the policy's `pins` allow the pair"
            }
            Self::Wanted { .. } => {
                "take away the tags that the rule asks for, or put `acr-attach: disabled` on either side"
            }
        }
    }
}

/// Plans what a person's command to attach a registry to a cluster comes to.
///
/// # Guarantees
/// Total and in any order of the inventory the same. Nothing is attached that the policy vetoes, nor
/// anything that it neither wants nor lets be pinned. A pin is never lowered.
///
/// # Assumptions
/// Cluster and registry are in the inventory, freshly read, with the other holders of the identity,
/// the registries of the estate and the grants of the identity at the registry.
pub fn pin(
    inventory: &Inventory,
    policy: &Policy,
    (cluster, registry): (&Cluster, &Registry),
) -> Result<Plan, PairRefusal> {
    let index = Index::new(inventory, policy);
    may_be_pinned(&index, policy, cluster, registry)?;
    let mut plan = Plan { gaps: inventory.gaps.clone(), ..Plan::default() };
    let Some(principal) = cluster.identity.principal() else {
        let reason = without_identity(cluster);
        plan.held.extend(reason.map(|reason| held(cluster, registry, reason)));
        return Ok(plan);
    };
    let desire = index.desire(registry, principal);
    for holder in desire.holders {
        is_vetoed(&index, policy, holder, registry)?;
    }
    let want = Want { rule: None, pinned: true, reason: AttachReason::Asked };
    let case = index.case(&desire);
    if let Some(other) = pinned_for_another(&case, cluster) {
        plan.held.push(held(cluster, registry, HeldReason::PinnedFor(other.id.clone())));
        return Ok(plan);
    }
    // What becomes of a role that is not honoured any more is for the next walk.
    let _ = case.attach(&want, &[cluster], &mut plan);
    plan.warnings = warnings(inventory, &plan);
    Ok(plan)
}

/// What a command to detach is about
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unpin {
    /// The pair: the identity that the cluster has, and those that it had
    Pair,
    /// Only identities that the cluster does not have any more
    FormerIdentities,
}

/// Plans what a person's command to detach a registry from a cluster comes to.
///
/// # Guarantees
/// Total and in any order of the inventory the same. Only assignments that are proven ours are
/// detached, and none that another cluster with the same identity needs. Those for former identities
/// have their cluster in `marked` and are to be removed first: a pin that is left there would follow the
/// cluster and come back, so while one is held, the present one is held too. A plan without any change
/// and without anything held means that nothing of ours is there.
///
/// # Assumptions
/// As for [`pin`], with all grants at the registry and the holders of every identity that has one.
pub fn unpin(
    inventory: &Inventory,
    policy: &Policy,
    pair: (&Cluster, &Registry),
) -> Result<Plan, PairRefusal> {
    detached(inventory, policy, pair, Unpin::Pair)
}

/// Plans what a person's command comes to that detaches a registry from the identities which a cluster
/// does not have any more, and from those alone. A rule may want the pair all the same.
///
/// # Guarantees
/// As for [`unpin`]. Nothing is refused, and the identity that the cluster has loses nothing: where that
/// is not known, all is held.
///
/// # Assumptions
/// As for [`unpin`].
pub fn unpin_former_identities(
    inventory: &Inventory,
    policy: &Policy,
    pair: (&Cluster, &Registry),
) -> Result<Plan, PairRefusal> {
    detached(inventory, policy, pair, Unpin::FormerIdentities)
}

fn detached(
    inventory: &Inventory,
    policy: &Policy,
    (cluster, registry): (&Cluster, &Registry),
    what: Unpin,
) -> Result<Plan, PairRefusal> {
    let index = Index::new(inventory, policy);
    match policy.decision(cluster, registry, index.names()) {
        Decision::Attach { by } | Decision::Ambiguous { by, .. } if what == Unpin::Pair => {
            return Err(PairRefusal::Wanted { rule: by.name.clone() });
        }
        Decision::Attach { .. }
        | Decision::Ambiguous { .. }
        | Decision::Vetoed { .. }
        | Decision::NotWanted
        | Decision::OtherTenant => {}
    }
    let mut plan = Plan { gaps: inventory.gaps.clone(), ..Plan::default() };
    let detaching = |reason| Held { action: Action::Detach, ..held(cluster, registry, reason) };
    let present = cluster.identity.principal();
    // What it will have is not known yet; a command to attach may be waiting for it.
    if cluster.identity == Identity::Pending {
        plan.held.push(detaching(HeldReason::NoIdentityYet));
    }
    if what == Unpin::FormerIdentities && present.is_none() {
        // Which of them it has still, if any, is not known either.
        plan.held.push(detaching(HeldReason::IdentityUnknown(cluster.id.clone())));
        return Ok(plan);
    }
    let formers = former_identities(inventory.grants.values(), policy, cluster, registry);
    if let Some(principal) = present
        && !inventory.knows_grants(&registry.id, principal)
    {
        plan.held.push(detaching(HeldReason::GrantsUnreadable));
    }
    let mut pin_stays = None;
    for principal in formers {
        let desire = index.desire(registry, principal);
        let case = index.case(&desire);
        for grant in case.desire.found.iter().filter(|grant| case.is_ours(grant)) {
            let Some(reason) = case.stands_against(&index, cluster, grant, what) else {
                let detach = case.detach(grant, DetachReason::Asked, None);
                plan.detach.push(Detach { marked: vec![cluster.id.clone()], ..detach });
                continue;
            };
            if is_pinned_for(policy, grant, cluster) {
                pin_stays = Some(reason.clone());
            }
            plan.held.push(Held { principal: Some(principal), ..detaching(reason) });
        }
    }
    if let (Some(principal), Unpin::Pair) = (present, what) {
        let desire = index.desire(registry, principal);
        let case = index.case(&desire);
        for grant in case.desire.found.iter().filter(|grant| case.is_ours(grant)) {
            let against = case.stands_against(&index, cluster, grant, what);
            match against.or_else(|| pin_stays.clone()) {
                Some(reason) => case.hold_detach(reason, &mut plan),
                None => plan.detach.push(case.detach(grant, DetachReason::Asked, None)),
            }
        }
    }
    plan.detach.sort();
    plan.held.sort();
    Ok(plan)
}

impl Case<'_> {
    /// What stands against a command that removes this assignment of the cluster's
    fn stands_against(
        &self,
        index: &Index<'_>,
        cluster: &Cluster,
        grant: &Grant,
        what: Unpin,
    ) -> Option<HeldReason> {
        let mark = Mark::read(&grant.description);
        let is_of_another = mark.is_some_and(|mark| mark.cluster != ClusterHash::of(&cluster.id));
        let of_another = || match mark.map(|mark| self.known.marked(grant, &mark))? {
            Marked::OutOfSight if is_of_another => Some(HeldReason::OutOfSight),
            Marked::There(other) if is_of_another && other.identity.principal().is_none() => {
                Some(HeldReason::IdentityUnknown(other.id.clone()))
            }
            Marked::There(_) | Marked::Gone(_) | Marked::OutOfSight => None,
        };
        let is_shared = || {
            let may_need = |other: &&Cluster| {
                other.id != cluster.id
                    && matches!(
                        self.policy.decision(other, self.desire.registry, index.names()),
                        Decision::Attach { .. } | Decision::Ambiguous { .. }
                    )
            };
            let is_held = !self.desire.holders.is_empty();
            let shared = mark.is_some_and(|mark| mark.shared) && !is_held;
            let needed = shared && self.inventory.clusters.values().any(|one| may_need(&one));
            needed.then_some(HeldReason::Shared)
        };
        let boots = || self.boots(std::slice::from_ref(&cluster.id));
        // The present identity stays attached where only former ones are to go, and who cuts one off
        // says so.
        let of_the_pair = || match what {
            Unpin::Pair => boots().or_else(is_shared),
            Unpin::FormerIdentities => None,
        };
        needed_by(index, self, cluster)
            .or_else(|| grant.conditional.then(|| conditional(grant)))
            .or_else(of_the_pair)
            .or_else(of_another)
            .or_else(|| self.doubt())
    }
}

/// The identities that a cluster had: those of assignments of ours at the registry whose mark names it,
/// and the service principal that the policy states for it. Where the identity that it has now is not
/// known, it may be among them.
pub fn former_identities<'a>(
    grants: impl Iterator<Item = &'a Grant>,
    policy: &Policy,
    cluster: &Cluster,
    registry: &Registry,
) -> BTreeSet<PrincipalId> {
    let present = cluster.identity.principal();
    let hash = ClusterHash::of(&cluster.id);
    let marked = grants.filter(|grant| {
        grant.key.registry == registry.id
            && Mark::read(&grant.description).is_some_and(|mark| mark.cluster == hash)
            && AssignmentName::is_of(&policy.owner, grant)
            && !is_of_earlier(grant, cluster)
    });
    let stated = policy.service_principals.get(&cluster.id).copied();
    let had = marked.map(|grant| grant.key.principal).chain(stated);
    had.filter(|principal| Some(*principal) != present).collect()
}

/// Whether an assignment of ours is pinned for this cluster
fn is_pinned_for(policy: &Policy, grant: &Grant, cluster: &Cluster) -> bool {
    let mark = Mark::read(&grant.description).filter(|mark| mark.kind == MarkKind::Pin);
    mark.is_some_and(|mark| mark.cluster == ClusterHash::of(&cluster.id))
        && AssignmentName::is_of(&policy.owner, grant)
        && !is_of_earlier(grant, cluster)
}

fn may_be_pinned(
    index: &Index<'_>,
    policy: &Policy,
    cluster: &Cluster,
    registry: &Registry,
) -> Result<(), PairRefusal> {
    is_vetoed(index, policy, cluster, registry)?;
    match policy.decision(cluster, registry, index.names()) {
        Decision::OtherTenant => Err(PairRefusal::OtherTenant),
        Decision::Attach { .. } => Ok(()),
        Decision::Vetoed { .. } | Decision::Ambiguous { .. } | Decision::NotWanted => policy
            .lets_pin(cluster, registry, index.names())
            .map(|_| ())
            .ok_or(PairRefusal::NotAllowed),
    }
}

fn is_vetoed(
    index: &Index<'_>,
    policy: &Policy,
    cluster: &Cluster,
    registry: &Registry,
) -> Result<(), PairRefusal> {
    if let Decision::Vetoed { by } = policy.decision(cluster, registry, index.names()) {
        return Err(PairRefusal::Vetoed { cluster: cluster.id.clone(), by: by.to_string() });
    }
    Ok(())
}

fn held(cluster: &Cluster, registry: &Registry, reason: HeldReason) -> Held {
    Held {
        registry: registry.id.clone(),
        principal: cluster.identity.principal(),
        clusters: vec![cluster.id.clone()],
        action: Action::Attach,
        reason,
    }
}

/// Another cluster with the identity that the assignment is pinned for. A mark names one cluster, so
/// a second pin of the same assignment would have no place to stand.
fn pinned_for_another<'a>(case: &Case<'a>, cluster: &Cluster) -> Option<&'a Cluster> {
    let Case { desire, policy, .. } = case;
    let is_pinned =
        |holder: &Cluster| desire.found.iter().any(|grant| is_pinned_for(policy, grant, holder));
    if is_pinned(cluster) {
        return None;
    }
    desire.holders.iter().copied().find(|holder| holder.id != cluster.id && is_pinned(holder))
}

/// Another cluster with the identity for which a rule or a pin wants the registry
fn needed_by(index: &Index<'_>, case: &Case<'_>, cluster: &Cluster) -> Option<HeldReason> {
    let Case { desire, policy, inventory, .. } = case;
    // One that had this identity when it was pinned needs the memory of it.
    let mut elsewhere = inventory.clusters.values().filter(|one| one.id != cluster.id);
    let remembered =
        elsewhere.find(|one| desire.found.iter().any(|grant| is_pinned_for(policy, grant, one)));
    if let Some(other) = remembered {
        return Some(HeldReason::NeededBy(other.id.clone()));
    }
    let mut others = desire.holders.iter().filter(|holder| holder.id != cluster.id);
    let needs = |other: &Cluster| {
        let decision = policy.decision(other, desire.registry, index.names());
        matches!(decision, Decision::Attach { .. } | Decision::Ambiguous { .. })
            || desire.found.iter().any(|grant| is_pinned_for(policy, grant, other))
    };
    let other = others.find(|other| needs(other))?;
    Some(HeldReason::NeededBy(other.id.clone()))
}
