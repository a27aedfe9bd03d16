//! How each pair is: from what was found, what the policy wants, and what the plan makes of it.
//!
//! The state is that before mode and limits, so that a person sees what is missing and what is too much
//! in every mode; what these hold is said beside it. Where several things are to be said of a pair, the
//! one that most needs a look is.

use std::collections::{BTreeMap, BTreeSet};

use super::data::{Pair, State};
use crate::model::{
    AssignmentName, Cluster, ClusterHash, ClusterId, ClusterState, Grant, GrantKey, Inventory,
    Mark, MarkKind, PrincipalId, Registry, RegistryId, RegistryMode, Shown,
};
use crate::plan::{Action, Attach, AttachReason, Detach, DetachReason, HeldReason, Kept, Plan};
use crate::policy::{Decision, Policy, RegistryNames, RoleChoice, Rule};

/// Said of an assignment that may not let everything be pulled
const NARROWED: &str = "a condition narrows it";

/// Every pair about which there is something to say, by cluster and registry
pub(super) fn pairs(
    inventory: &Inventory,
    policy: &Policy,
    draft: &Plan,
    planned: &Plan,
) -> Vec<Pair> {
    let mut matrix = Matrix::new(inventory, policy, planned);
    let removed: BTreeSet<_> = draft
        .detach
        .iter()
        .map(|item| (&item.grant.registry, Some(item.grant.principal)))
        .collect();
    for held in &draft.held {
        // What a veto stops is attached still, and that is told.
        if matches!(held.reason, HeldReason::VetoedFor(_))
            && removed.contains(&(&held.registry, held.principal))
        {
            continue;
        }
        let state = state_of(&held.reason);
        for cluster in &held.clusters {
            matrix.note(cluster, &held.registry, state, Some(held.reason.to_string()));
        }
    }
    draft.attach.iter().for_each(|attach| matrix.note_attach(attach));
    // Of two that are too much, the one that lets somebody pull is told.
    let (vain, others): (Vec<_>, Vec<_>) =
        draft.detach.iter().partition(|detach| matrix.is_in_vain(&detach.grant));
    others.into_iter().chain(vain).for_each(|detach| matrix.note_detach(detach));
    draft.kept.iter().for_each(|kept| matrix.note_former(kept));
    inventory.grants.values().for_each(|grant| matrix.note_grant(grant));
    matrix.note_wishes_in_vain();
    matrix.into_pairs()
}

/// What a reason that holds a change makes of the pair
fn state_of(reason: &HeldReason) -> State {
    match reason {
        HeldReason::GrantsUnreadable
        | HeldReason::Unread { .. }
        | HeldReason::Unseen(_)
        | HeldReason::NamesakeUnread(_)
        | HeldReason::BootRegistryUnread(_)
        | HeldReason::RegistryMode(_)
        | HeldReason::IdentityUnknown(_)
        | HeldReason::OutOfSight => State::Unknown,
        HeldReason::NoIdentityYet
        | HeldReason::ServicePrincipal
        | HeldReason::NoIdentity
        | HeldReason::ClusterDeleting
        | HeldReason::RoleNotHonoured(_)
        | HeldReason::AmbiguousName { .. }
        | HeldReason::Conditional { .. }
        | HeldReason::MayBeIdentityOf(_)
        | HeldReason::LeftToTheTimer
        | HeldReason::NeededBy(_)
        | HeldReason::PinnedFor(_)
        | HeldReason::VetoedFor(_)
        | HeldReason::Shared
        | HeldReason::BootRegistry(_)
        | HeldReason::PinnedButVetoed
        | HeldReason::ReplacementHeld
        | HeldReason::Mode(_)
        | HeldReason::Limit { .. } => State::Held,
    }
}

/// Whether it is the mode or a limit of the whole run that holds a change, and nothing about the pair
fn is_of_the_run(reason: &HeldReason) -> bool {
    matches!(
        reason,
        HeldReason::Mode(_)
            | HeldReason::Limit { .. }
            | HeldReason::ReplacementHeld
            | HeldReason::LeftToTheTimer
    )
}

/// Clusters by registries, as far as there is something to say
struct Matrix<'a> {
    inventory: &'a Inventory,
    policy: &'a Policy,
    names: RegistryNames,
    clusters: BTreeMap<&'a ClusterId, usize>,
    registries: BTreeMap<&'a RegistryId, usize>,
    holders: BTreeMap<PrincipalId, Vec<&'a Cluster>>,
    /// What mode and limits hold
    held_by_run: BTreeMap<(Action, &'a RegistryId, PrincipalId), &'a HeldReason>,
    /// What lets somebody pull for certain
    certain: BTreeSet<&'a GrantKey>,
    /// What is going to change for an identity that may pull before and after
    remarks: BTreeMap<(RegistryId, PrincipalId), String>,
    told: BTreeMap<(usize, usize), (State, Option<String>)>,
}

impl<'a> Matrix<'a> {
    fn new(inventory: &'a Inventory, policy: &'a Policy, planned: &'a Plan) -> Self {
        let mut holders: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for cluster in inventory.clusters.values() {
            if let Some(principal) = cluster.identity.principal() {
                holders.entry(principal).or_default().push(cluster);
            }
        }
        let held = planned.held.iter().filter(|held| is_of_the_run(&held.reason));
        let held = held.filter_map(|held| {
            Some(((held.action, &held.registry, held.principal?), &held.reason))
        });
        let certain = inventory.grants.values().filter(|grant| !grant.conditional);
        Self {
            inventory,
            policy,
            names: RegistryNames::new(inventory.registries.values()),
            clusters: inventory.clusters.keys().zip(0..).collect(),
            registries: inventory.registries.keys().zip(0..).collect(),
            holders,
            held_by_run: held.collect(),
            certain: certain.map(|grant| &grant.key).collect(),
            remarks: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Says something of a pair, unless something is said already that needs a look more.
    fn note(
        &mut self,
        cluster: &ClusterId,
        registry: &RegistryId,
        state: State,
        why: Option<String>,
    ) {
        // What is not in the lists has no place in the matrix: a registry that is gone, say.
        let place = self.clusters.get(cluster).zip(self.registries.get(registry));
        let Some((cluster, registry)) = place else { return };
        let told = self.told.entry((*cluster, *registry)).or_insert((state, None));
        if state < told.0 || (state == told.0 && told.1.is_none()) {
            *told = (state, why);
        }
    }

    fn held(
        &self,
        action: Action,
        registry: &RegistryId,
        principal: PrincipalId,
    ) -> Option<String> {
        let reason = self.held_by_run.get(&(action, registry, principal))?;
        Some(format!("held: {reason}"))
    }

    fn note_attach(&mut self, attach: &Attach) {
        let Attach { grant, clusters, reason, .. } = attach;
        let held = self.held(Action::Attach, &grant.registry, grant.principal);
        let why = match reason {
            AttachReason::Rule(_) => held,
            AttachReason::PinFollows | AttachReason::Asked => Some(joined(reason, held)),
        };
        // It is there already, and only becomes a pin.
        if self.certain.contains(grant) {
            self.remark(grant, why);
            return;
        }
        for cluster in clusters {
            self.note(cluster, &grant.registry, State::Missing, why.clone());
        }
    }

    fn note_detach(&mut self, detach: &Detach) {
        let Detach { grant, clusters, reason, .. } = detach;
        let held = self.held(Action::Detach, &grant.registry, grant.principal);
        if *reason == DetachReason::RoleNotHonoured {
            // It lets nobody pull. Who may, or will, is told by the assignment that takes its place.
            let what = format!("its assignment as {} goes: {reason}", grant.role);
            self.remark(grant, Some(joined(&what, held)));
            return;
        }
        let vain = "the registry does not honour its role, so it lets nobody pull";
        let why = if self.is_in_vain(grant) {
            joined(&joined(reason, Some(vain.to_owned())), held)
        } else {
            joined(reason, held)
        };
        for cluster in clusters {
            self.note(cluster, &grant.registry, State::Extra, Some(why.clone()));
        }
    }

    /// Says of clusters that an assignment is kept for the identity or the role that they had before.
    fn note_former(&mut self, kept: &Kept) {
        if kept.former.is_none() {
            return;
        }
        for id in &kept.clusters {
            let cluster = self.inventory.clusters.get(id);
            let present = cluster.and_then(|cluster| cluster.identity.principal());
            if let Some(principal) = present {
                // What is going to change is told first.
                let whose = (kept.grant.registry.clone(), principal);
                self.remarks.entry(whose).or_insert_with(|| kept.why());
            }
        }
    }

    /// Whether the registry is known to honour another role
    fn is_in_vain(&self, grant: &GrantKey) -> bool {
        let registry = self.inventory.registries.get(&grant.registry);
        let honoured = registry.and_then(|registry| registry.mode.pull_role());
        honoured.is_some_and(|role| role != grant.role)
    }

    fn remark(&mut self, grant: &GrantKey, what: Option<String>) {
        let whose = (grant.registry.clone(), grant.principal);
        self.remarks.extend(what.map(|what| (whose, what)));
    }

    /// Says of everyone who holds the identity that they can pull by this.
    fn note_grant(&mut self, grant: &Grant) {
        let Some(registry) = self.inventory.registries.get(&grant.key.registry) else { return };
        if self.is_in_vain(&grant.key) {
            return;
        }
        let role = registry.mode.pull_role();
        let holders = self.holders.get(&grant.key.principal).cloned().unwrap_or_default();
        let remark = self.remarks.get(&(registry.id.clone(), grant.key.principal)).cloned();
        let owed_to = self.owed_to(grant, registry, &holders);
        for cluster in &holders {
            let (state, why) = if role.is_none() {
                (State::Unknown, Some(HeldReason::RegistryMode(unknown_mode(registry)).to_string()))
            } else {
                self.found(grant, cluster, registry, owed_to)
            };
            self.note(&cluster.id, &registry.id, state, why.or_else(|| remark.clone()));
        }
    }

    /// The holder that an assignment of ours is there for, or the first of those
    fn owed_to<'h>(
        &self,
        grant: &Grant,
        registry: &Registry,
        holders: &[&'h Cluster],
    ) -> Option<&'h Cluster> {
        let mark = Mark::read(&grant.description)?;
        holders.iter().copied().find(|holder| match mark.kind {
            MarkKind::Rule => self.wishes(holder, registry),
            MarkKind::Pin => ClusterHash::of(&holder.id) == mark.cluster,
        })
    }

    /// How a pair is that has a grant, and about which the plan says nothing else
    fn found(
        &self,
        grant: &Grant,
        cluster: &Cluster,
        registry: &Registry,
        owed_to: Option<&Cluster>,
    ) -> (State, Option<String>) {
        if !AssignmentName::is_of(&self.policy.owner, grant) {
            let why = match self.policy.decision(cluster, registry, &self.names) {
                vetoed @ Decision::Vetoed { .. } => Some(vetoed.to_string()),
                _ if grant.conditional => Some(NARROWED.to_owned()),
                Decision::Attach { .. }
                | Decision::Ambiguous { .. }
                | Decision::NotWanted
                | Decision::OtherTenant => None,
            };
            return (State::Foreign, why);
        }
        let Some(mark) = Mark::read(&grant.description) else {
            let narrowed = grant.conditional.then(|| NARROWED.to_owned());
            let why = joined(&"its description was changed, so it counts as pinned", narrowed);
            return (State::Pinned, Some(why));
        };
        let (state, is_its_own) = match mark.kind {
            MarkKind::Rule => (State::Attached, self.wishes(cluster, registry)),
            MarkKind::Pin => (State::Pinned, false),
        };
        let other = owed_to.filter(|other| !is_its_own && other.id != cluster.id);
        let why =
            other.map(|other| format!("it has the same identity as `{}`", Shown(other.id.name())));
        (state, why)
    }

    fn wishes(&self, cluster: &Cluster, registry: &Registry) -> bool {
        matches!(self.policy.decision(cluster, registry, &self.names), Decision::Attach { .. })
    }

    /// Says of what a rule wants, and the plan says nothing of, why it does not come to be.
    fn note_wishes_in_vain(&mut self) {
        let clusters = self.policy.stands_of_clusters(self.inventory.clusters.values());
        let registries = self.policy.stands_of_registries(self.inventory.registries.values());
        for (at, place) in self.policy.candidates(&clusters, &registries) {
            if self.told.contains_key(&(place, at)) {
                continue;
            }
            let (Some((cluster, _)), Some((registry, _))) =
                (clusters.get(place), registries.get(at))
            else {
                continue;
            };
            let decision = self.policy.decision(cluster, registry, &self.names);
            if let Decision::Attach { by } = decision {
                let why = in_vain(cluster, registry, by);
                self.note(&cluster.id, &registry.id, State::Held, Some(why));
            }
        }
    }

    fn into_pairs(self) -> Vec<Pair> {
        let clusters: Vec<_> = self.inventory.clusters.values().collect();
        let registries: Vec<_> = self.inventory.registries.values().collect();
        let rule = |cluster: usize, registry: usize| {
            let (cluster, registry) = clusters.get(cluster).zip(registries.get(registry))?;
            match self.policy.decision(cluster, registry, &self.names) {
                Decision::Attach { by } => Some(by.name.clone()),
                Decision::Vetoed { .. }
                | Decision::Ambiguous { .. }
                | Decision::NotWanted
                | Decision::OtherTenant => None,
            }
        };
        let pairs = self.told.iter().map(|((cluster, registry), (state, why))| Pair {
            cluster: *cluster,
            registry: *registry,
            state: *state,
            rule: rule(*cluster, *registry).filter(|_| *state != State::Extra),
            why: why.clone(),
        });
        pairs.collect()
    }
}

/// Why a wish is left to others with the same identity, none of which is vetoed
fn in_vain(cluster: &Cluster, registry: &Registry, by: &Rule) -> String {
    match by.role {
        RoleChoice::Only(role) if !by.role.suits(&registry.mode) => {
            HeldReason::RoleNotHonoured(role).to_string()
        }
        _ if cluster.state == ClusterState::Deleting => HeldReason::ClusterDeleting.to_string(),
        RoleChoice::Only(_) | RoleChoice::Auto => {
            "a cluster with the same identity decides".to_owned()
        }
    }
}

/// The mode as Azure spells it, or nothing if the source did not say
fn unknown_mode(registry: &Registry) -> String {
    match &registry.mode {
        RegistryMode::Other(mode) => mode.clone(),
        RegistryMode::Legacy | RegistryMode::Abac | RegistryMode::Unread => String::new(),
    }
}

fn joined(reason: &impl ToString, held: Option<String>) -> String {
    [Some(reason.to_string()), held].into_iter().flatten().collect::<Vec<_>>().join("; ")
}
