//! What to do: compares what the policy wants with the grants that were found.
//!
//! | wanted   | found           | result                                               |
//! |----------|-----------------|------------------------------------------------------|
//! | yes      | nothing         | attach                                               |
//! | yes      | ours            | keep                                                 |
//! | yes      | someone else's  | keep, and never ours                                 |
//! | yes      | conditional     | hold: it may not cover what the cluster needs        |
//! | yes      | ours, old role  | attach the right role, and keep the old one beside it |
//! | no       | ours            | detach, or hold if anyone unseen may need it         |
//! | no       | ours, pinned    | keep, until its cluster is gone                      |
//! | before   | ours            | keep while its cluster wants it: a former identity   |
//! | vetoed   | ours, pinned    | hold: a person and the policy disagree               |
//! | no       | someone else's  | leave                                                |
//! | gone     | ours            | detach: there is no registry to pull from            |
//! | any      | not readable    | hold                                                 |
//!
//! *Not readable* may be the grants at the registry, the registry itself or a cluster that holds the
//! identity: whoever has a grant keeps it, and nothing is written.
//!
//! A grant belongs to an identity, so the clusters that share one are decided about together: one
//! veto among them wins, and one wish among them is enough.
//!
//! This room knows no clock and no I/O. [`plan`] has no choices left to make later: names, roles and
//! descriptions are all in the [`Plan`].

mod adopt;
#[cfg(test)]
mod adopt_tests;
mod attach;
#[cfg(test)]
pub(crate) mod build;
mod decide;
mod desire;
mod doubt;
mod explain;
mod former;
#[cfg(test)]
mod former_tests;
mod found;
mod guard;
#[cfg(test)]
mod guard_tests;
mod known;
mod marks;
#[cfg(test)]
mod oracle;
mod pair;
#[cfg(test)]
mod pair_tests;
mod project;
mod reason;
mod render;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod small;
mod still;
mod strays;
mod unseen;
#[cfg(test)]
mod worlds;

use std::collections::{BTreeMap, BTreeSet};

pub use adopt::{Adopt, AdoptStep, Adoption, HeldAdoption, Unfit, adoption, render_adoption};
pub use explain::{Tone, explain};
pub use guard::{guard, guard_pair, needs_every_cluster};
pub use pair::{PairRefusal, former_identities, pin, unpin, unpin_former_identities};
pub use project::project;
pub use reason::{AttachReason, DetachReason, HeldReason, MarkReason};
pub use render::render;
pub use still::{is_mark_still_wrong, is_still_due, is_still_wanted};
pub use unseen::{Hidden, Unseen};

use desire::{Index, Wished};

use crate::model::{
    AssignmentName, AssignmentUsage, ClusterId, Gap, GrantKey, Inventory, Mark, PrincipalId,
    RegistryId, SubscriptionId,
};
use crate::policy::Policy;

/// What to do, what stays, and what is not done and why
#[must_use = "a plan that nobody applies or shows changes nothing"]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Role assignments to make
    pub attach: Vec<Attach>,
    /// Role assignments to remove, after the attaching
    pub detach: Vec<Detach>,
    /// Role assignments of ours whose mark is to name another cluster, or to say more
    pub marks: Vec<MarkChange>,
    /// Grants that are as they should be
    pub kept: Vec<Kept>,
    /// What would be done if nothing stood against it
    pub held: Vec<Held>,
    /// What could not be seen
    pub gaps: BTreeSet<Gap>,
    /// What an attachment does not do for a cluster that has one, or gets one, and where room for
    /// assignments runs out
    pub warnings: BTreeSet<Warning>,
    /// How full subscriptions are, where that is known. It warns, and holds nothing.
    pub assignments: BTreeMap<SubscriptionId, AssignmentUsage>,
}

impl Plan {
    /// Whether applying it would write anything
    pub fn is_empty(&self) -> bool {
        self.attach.is_empty() && self.detach.is_empty() && self.marks.is_empty()
    }
}

/// A role assignment to make
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attach {
    /// Where, for whom, by which role
    pub grant: GrantKey,
    /// The name it will have
    pub name: AssignmentName,
    /// The clusters that get to pull by it
    pub clusters: Vec<ClusterId>,
    /// The other clusters with this identity, which did not ask for it
    pub others: Vec<ClusterId>,
    /// Why
    pub reason: AttachReason,
    /// The text it will carry, its mark first
    pub description: String,
    /// It rests on having seen every subscription: a registry with the same name, or a cluster with the
    /// same identity and a veto, would stand against it
    pub needs_all: bool,
    /// It takes the place of an assignment of ours by a role that the registry does not honour any more
    pub exchanges_role: bool,
    /// The assignments of ours whose pin it carries on, one of which must still be there with its pin
    pub follows: Vec<GrantKey>,
}

/// A role assignment of ours to remove
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Detach {
    /// Where, for whom, by which role
    pub grant: GrantKey,
    /// Its name, which proves it ours
    pub name: AssignmentName,
    /// The clusters that pull by it now
    pub clusters: Vec<ClusterId>,
    /// Why
    pub reason: DetachReason,
    /// The assignment that takes its place and must be there first
    pub after: Option<AssignmentName>,
    /// What was seen to take its place already, and must still be there
    pub beside: Vec<GrantKey>,
    /// The mark that it had when this was decided; with another one it is for another cluster by now
    pub mark: Option<Mark>,
    /// The clusters that held the identity before, where none holds it now: read again like holders
    pub marked: Vec<ClusterId>,
}

/// A mark to write again, by a PUT that leaves everything else as it is
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MarkChange {
    /// Of which assignment
    pub grant: GrantKey,
    /// Its name, which proves it ours
    pub name: AssignmentName,
    /// The clusters that hold the identity and want the registry
    pub clusters: Vec<ClusterId>,
    /// The cluster that the mark names now, if it is there
    pub marked: Option<ClusterId>,
    /// The cluster that it will name
    pub names: ClusterId,
    /// Where the pin stands that the mark carries now, which must still be there
    pub beside: Option<GrantKey>,
    /// The mark that it had when this was decided
    pub was: Mark,
    /// The text it will carry, its mark first
    pub description: String,
    /// Why
    pub reason: MarkReason,
}

/// A grant that is as it should be
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// Where, for whom, by which role
    pub grant: GrantKey,
    /// Whose it is
    pub holder: Holder,
    /// The clusters that pull by it
    pub clusters: Vec<ClusterId>,
    /// The rule that wants it, if one does
    pub rule: Option<String>,
    /// What it is left from, where it is not what the pair pulls by at present
    pub former: Option<Former>,
}

/// What an assignment is left from
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Former {
    /// The identity that its clusters had before: their nodes may still pull by it
    Identity,
    /// The role that the registry honoured before: the way back to that mode
    Role,
}

/// Whose a grant is
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// Ours, made for a rule
    Ours,
    /// Ours, pinned by a person or with a mark that cannot be read
    Pinned,
    /// Anyone else's
    Foreign,
}

/// Something that is not done
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// Where
    pub registry: RegistryId,
    /// For whom, where the identity is known
    pub principal: Option<PrincipalId>,
    /// The clusters concerned
    pub clusters: Vec<ClusterId>,
    /// What would be done
    pub action: Action,
    /// What stands against it
    pub reason: HeldReason,
}

/// What a held item would be
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Making a role assignment
    Attach,
    /// Removing a role assignment
    Detach,
}

/// Something that an attachment does not do
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// The cluster has service accounts pull, and an attachment is of the kubelet identity
    ServiceAccountPull(ClusterId),
    /// A subscription holds four fifths of the role assignments that Azure allows it, or more
    NearlyFull {
        /// Which
        subscription: SubscriptionId,
        /// How many it holds, and may hold
        usage: AssignmentUsage,
    },
    /// So many assignments are kept for a former identity although an earlier cluster of the same id may
    /// have left them: when the cluster was created, or they were written, is not known
    AgeUnknown(usize),
    /// So many assignments carry the mark of a tether with another owner, and none is of this one: the
    /// owner may have been changed
    NoneOfOurs(usize),
}

impl Action {
    /// Its name: that of the command that asks for it
    pub fn word(self) -> &'static str {
        match self {
            Self::Attach => "attach",
            Self::Detach => "detach",
        }
    }
}

/// Compares what the policy wants with what was found.
///
/// # Guarantees
/// Total: every pair in the inventory's scope gets an answer, and what cannot be planned is held
/// with a reason. The same inventory and policy give the same plan. Applying the plan and planning
/// again gives no changes, but for what waits until the new assignment was seen to stand: former
/// identities by `former_identities: remove`, and the mark of a pin that moved. Only assignments whose name proves them ours are ever detached, and pinned ones only
/// where their pin stands elsewhere or after their cluster is gone.
///
/// # Assumptions
/// What the inventory lacks is listed in its gaps. Whoever applies the plan reads both ends again
/// first: the inventory may be stale.
pub fn plan(inventory: &Inventory, policy: &Policy) -> Plan {
    let index = Index::new(inventory, policy);
    plan_for(&index, &index.wished(), inventory, policy)
}

/// The plan for these pairs and whatever was found elsewhere
fn plan_for<'a>(
    index: &'a Index<'a>,
    wished: &Wished<'a>,
    inventory: &'a Inventory,
    policy: &'a Policy,
) -> Plan {
    let mut plan = Plan {
        gaps: inventory.gaps.clone(),
        held: index.held_wishes(wished),
        assignments: inventory.assignments.clone(),
        ..Plan::default()
    };
    let desires = index.desires(wished);
    for desire in &desires {
        index.case(desire).decide(&mut plan);
    }
    for desire in &desires {
        index.case(desire).decide_former(&mut plan);
    }
    strays::retire(inventory, policy, &mut plan);
    plan.attach.sort();
    plan.detach.sort();
    plan.marks.sort();
    plan.kept.sort();
    plan.held.sort();
    plan.warnings = warnings(inventory, &plan);
    plan.warnings.extend(adopt::none_of_ours(inventory, &policy.owner));
    plan
}

fn warnings(inventory: &Inventory, plan: &Plan) -> BTreeSet<Warning> {
    // Few have service accounts pull, and very many are attached.
    let by_themselves = inventory.clusters.values().filter(|cluster| cluster.service_account_pull);
    let by_themselves: BTreeSet<_> = by_themselves.map(|cluster| &cluster.id).collect();
    let attached = plan.attach.iter().flat_map(|attach| &attach.clusters);
    let pulling = attached.chain(plan.kept.iter().flat_map(|kept| &kept.clusters));
    let by_service_account = pulling.filter(|id| by_themselves.contains(*id));
    let full = inventory.assignments.iter().filter(|(_, usage)| usage.is_nearly_full());
    let full = full.map(|(subscription, usage)| Warning::NearlyFull {
        subscription: *subscription,
        usage: *usage,
    });
    let unknown = of_unknown_age(inventory, plan);
    let unknown = (unknown > 0).then_some(Warning::AgeUnknown(unknown));
    let by_service_account = by_service_account.cloned().map(Warning::ServiceAccountPull);
    by_service_account.chain(full).chain(unknown).collect()
}

/// How many assignments for former identities may be of earlier clusters with the same ids
fn of_unknown_age(inventory: &Inventory, plan: &Plan) -> usize {
    let is_former =
        |kept: &&Kept| kept.former == Some(Former::Identity) && !kept.clusters.is_empty();
    let mut former = plan.kept.iter().filter(is_former).peekable();
    if former.peek().is_none() {
        return 0;
    }
    let dated = inventory.grants.values().filter(|grant| grant.updated_on.is_some());
    let dated: BTreeSet<&GrantKey> = dated.map(|grant| &grant.key).collect();
    let is_created = |id: &ClusterId| {
        inventory.clusters.get(id).is_some_and(|cluster| cluster.created_at.is_some())
    };
    let is_known =
        |kept: &&Kept| dated.contains(&kept.grant) && kept.clusters.iter().all(is_created);
    former.filter(|kept| !is_known(kept)).count()
}
