//! The table of cases: one identity at one registry, what the policy says about it against what was
//! found there.
//!
//! Modes and limits are not looked at here; `guard` does that afterwards.

use super::desire::{Desire, Stance};
use super::known::Known;
use super::{
    Action, Attach, AttachReason, Detach, DetachReason, Held, HeldReason, Holder, Kept, Plan,
};
use crate::model::{
    AssignmentName, Cluster, ClusterHash, ClusterId, ClusterState, Grant, GrantKey, Inventory,
    Mark, MarkKind, Role,
};
use crate::policy::Policy;

/// One identity at one registry
pub(super) struct Case<'a> {
    pub(super) desire: &'a Desire<'a>,
    pub(super) inventory: &'a Inventory,
    pub(super) policy: &'a Policy,
    pub(super) known: &'a Known<'a>,
}

/// What a wish for the right role came to
pub(super) enum Wish {
    /// It is there already
    Kept,
    /// It will be there once the plan is applied
    Planned(AssignmentName),
    /// It will not be there
    Held,
}

/// Why the right role should be there
pub(super) struct Want<'a> {
    /// The rule that wants it, if one does
    pub(super) rule: Option<&'a str>,
    /// Whether it must outlive the rule
    pub(super) pinned: bool,
    pub(super) reason: AttachReason,
}

/// What a removal has to wait for
pub(super) type After = Option<AssignmentName>;

impl Wish {
    /// What a removal that takes the wish for granted has to wait for; `None` if it must not be
    pub(super) fn after(&self) -> Option<After> {
        match self {
            Self::Kept => Some(None),
            Self::Planned(name) => Some(Some(*name)),
            Self::Held => None,
        }
    }
}

impl Case<'_> {
    /// Adds to the plan what follows, pins that lost their cluster apart.
    pub(super) fn decide(&self, plan: &mut Plan) {
        let pinned = self.pinned_clusters();
        match &self.desire.stance {
            Stance::Vetoed => self.remove_vetoed(plan),
            Stance::Wanted { rule, clusters } => {
                let follows = !self.desire.followed_by_pin.is_empty();
                let reason = if follows {
                    AttachReason::PinFollows
                } else {
                    AttachReason::Rule((*rule).to_owned())
                };
                let want = Want { rule: Some(rule), pinned: !pinned.is_empty(), reason };
                let wish = self.attach(&want, clusters, plan);
                self.retire_other_roles(&wish, plan);
            }
            Stance::Ambiguous(_) | Stance::Unwanted if !pinned.is_empty() => {
                let want = Want { rule: None, pinned: true, reason: AttachReason::PinFollows };
                let wish = self.attach(&want, &pinned, plan);
                self.retire_other_roles(&wish, plan);
            }
            Stance::Ambiguous(reason) => self.hold_ambiguous(reason, plan),
            Stance::Unwanted => self.remove_unwanted(plan),
        }
    }

    /// The clusters that hold this identity and have a readable pin here, made for this identity or
    /// for the one they had before
    pub(super) fn pinned_clusters(&self) -> Vec<&Cluster> {
        let here = self.desire.found.iter().filter(|grant| self.is_ours(grant));
        let hashes: Vec<_> = here
            .filter_map(|grant| Mark::read(&grant.description))
            .filter(|mark| mark.kind == MarkKind::Pin)
            .map(|mark| mark.cluster)
            .collect();
        // Without a pin no hash is needed, and there are very many without.
        let holders = self.desire.holders.iter().copied().filter(|_| !hashes.is_empty());
        holders
            .filter(|cluster| hashes.contains(&ClusterHash::of(&cluster.id)))
            .chain(self.desire.followed_by_pin.iter().copied())
            .collect()
    }

    /// Sees to it that the right role is there.
    pub(super) fn attach(&self, want: &Want<'_>, clusters: &[&Cluster], plan: &mut Plan) -> Wish {
        let role = match self.desire.role() {
            Ok(role) => role,
            Err(reason) => {
                let reason = self.unread().unwrap_or(reason);
                return self.hold_wish(clusters, reason, plan);
            }
        };
        let right = || self.desire.found.iter().filter(|grant| grant.key.role == role);
        let unconditional = right().find(|grant| !grant.conditional);
        let must_raise = |grant: &Grant| self.holder(grant) == Holder::Ours && want.pinned;
        match unconditional {
            Some(grant) if !must_raise(grant) => {
                plan.kept.push(self.kept(grant, want.rule, clusters));
                return Wish::Kept;
            }
            Some(_) => {}
            None => {
                if let Some(grant) = right().next() {
                    let reason = HeldReason::Conditional { assignment: grant.id.clone() };
                    return self.hold_wish(clusters, reason, plan);
                }
                if !self.inventory.knows_grants(&self.desire.registry.id, self.desire.principal) {
                    return self.hold_wish(clusters, HeldReason::GrantsUnreadable, plan);
                }
            }
        }
        let living: Vec<_> =
            clusters.iter().copied().filter(|c| c.state != ClusterState::Deleting).collect();
        if living.is_empty() {
            return self.hold_wish(clusters, HeldReason::ClusterDeleting, plan);
        }
        if let Some(reason) = self.unread() {
            return self.hold_wish(clusters, reason, plan);
        }
        let attach = self.new_attach(role, want, &living);
        let name = attach.name;
        plan.attach.push(attach);
        Wish::Planned(name)
    }

    fn new_attach(&self, role: Role, want: &Want<'_>, clusters: &[&Cluster]) -> Attach {
        let grant = self.key(role);
        let kind = if want.pinned { MarkKind::Pin } else { MarkKind::Rule };
        let pins = self.pinned_clusters();
        let reason = want.reason.clone();
        let description = pins.iter().chain(clusters).next().map_or_else(String::new, |first| {
            let cluster = self.desire.hash_of(first);
            let mark = Mark { cluster, ..Mark::of(kind, &first.id) };
            mark.describe(format_args!("lets cluster {} pull; {reason}", first.id.name()))
        });
        let name = AssignmentName::new(&self.policy.owner, &grant);
        let clusters = ids(clusters);
        let others = self.desire.holders.iter().map(|cluster| &cluster.id);
        let others = others.filter(|id| !clusters.contains(id)).cloned().collect();
        Attach { grant, name, clusters, others, reason, description }
    }

    /// Removes our assignments of roles that the registry does not honour, once the right one is
    /// there.
    fn retire_other_roles(&self, wish: &Wish, plan: &mut Plan) {
        let Some(after) = wish.after() else { return };
        let Ok(role) = self.desire.role() else { return };
        for grant in self.desire.found.iter().filter(|grant| grant.key.role != role) {
            if !self.is_ours(grant) {
                continue;
            }
            if grant.conditional {
                self.hold_detach(conditional(grant), plan);
            } else if !self.is_carried_over(grant, wish, plan) {
                plan.kept.push(self.kept(grant, None, self.desire.holders));
            } else if let Some(reason) = self.unread() {
                self.hold_detach(reason, plan);
            } else {
                plan.detach.push(self.detach(grant, DetachReason::RoleNotHonoured, after));
            }
        }
    }

    /// Whether nothing is lost with this assignment: it is no pin, or its pin goes over to the new one
    fn is_carried_over(&self, grant: &Grant, wish: &Wish, plan: &Plan) -> bool {
        let mut pinned = self.pinned_clusters().into_iter();
        // What somebody else made in the right role carries no pin of ours.
        let stands = match wish {
            Wish::Kept => {
                let ours = |kept: &&Kept| kept.grant.role != grant.key.role;
                let same = |kept: &&Kept| {
                    kept.grant.principal == grant.key.principal
                        && kept.grant.registry == grant.key.registry
                };
                let mut kept = plan.kept.iter().filter(ours).filter(same);
                kept.any(|kept| kept.holder == Holder::Pinned)
            }
            Wish::Planned(_) => true,
            Wish::Held => false,
        };
        Mark::read(&grant.description).is_some_and(|mark| {
            mark.kind == MarkKind::Rule
                || stands && pinned.any(|cluster| ClusterHash::of(&cluster.id) == mark.cluster)
        })
    }

    fn remove_vetoed(&self, plan: &mut Plan) {
        for grant in self.desire.found.iter().filter(|grant| self.is_ours(grant)) {
            match self.holder(grant) {
                Holder::Pinned => self.hold_detach(HeldReason::PinnedButVetoed, plan),
                Holder::Ours | Holder::Foreign => {
                    self.remove(grant, self.detach(grant, DetachReason::Vetoed, None), plan);
                }
            }
        }
    }

    fn hold_ambiguous(&self, reason: &HeldReason, plan: &mut Plan) {
        let role = self.desire.role().ok();
        let attached = |grant: &&&Grant| Some(grant.key.role) == role && !grant.conditional;
        let holders = self.desire.holders;
        match self.desire.found.iter().find(attached) {
            Some(grant) if self.holder(grant) == Holder::Ours => {
                self.hold_detach(reason.clone(), plan);
            }
            Some(grant) => plan.kept.push(self.kept(grant, None, holders)),
            None => {
                self.hold_wish(holders, reason.clone(), plan);
            }
        }
    }

    fn remove_unwanted(&self, plan: &mut Plan) {
        for grant in self.desire.found.iter().filter(|grant| self.is_ours(grant)) {
            match Mark::read(&grant.description) {
                Some(mark @ Mark { kind: MarkKind::Rule, .. }) => {
                    if let Some(doubt) = self.may_live(mark) {
                        self.hold_detach(doubt, plan);
                    } else if self.desire.holders.is_empty() {
                        self.remove(
                            grant,
                            self.detach(grant, DetachReason::ClusterGone, None),
                            plan,
                        );
                    } else {
                        self.remove(grant, self.detach(grant, DetachReason::Unwanted, None), plan);
                    }
                }
                None => plan.kept.push(self.kept(grant, None, self.desire.holders)),
                Some(Mark { kind: MarkKind::Pin, .. }) => {}
            }
        }
    }

    /// Why the cluster that an assignment was made for may be there and hold the identity although
    /// nobody saw that: it was seen without one, or nobody looked where it is. Before the lists of Resource
    /// Manager are there, that is not asked: they are read for the sake of the removal.
    pub(super) fn may_live(&self, mark: Mark) -> Option<HeldReason> {
        if let Some(cluster) = self.known.marked(mark.cluster) {
            let known = cluster.identity.principal().is_some();
            return (!known).then(|| HeldReason::IdentityUnknown(cluster.id.clone()));
        }
        let listed = &self.inventory.listed;
        let is_seen = listed.is_empty() || mark.subscription.is_some_and(|id| listed.contains(&id));
        (!is_seen).then_some(HeldReason::OutOfSight)
    }

    /// Removes an assignment of ours, or holds the removal while anyone unseen may need it.
    pub(super) fn remove(&self, grant: &Grant, detach: Detach, plan: &mut Plan) {
        if grant.conditional {
            self.hold_detach(conditional(grant), plan);
        } else if let Some(doubt) = self.doubt() {
            self.hold_detach(doubt, plan);
        } else {
            plan.detach.push(detach);
        }
    }

    pub(super) fn is_ours(&self, grant: &Grant) -> bool {
        AssignmentName::is_of(&self.policy.owner, grant)
    }

    pub(super) fn holder(&self, grant: &Grant) -> Holder {
        if !self.is_ours(grant) {
            return Holder::Foreign;
        }
        match Mark::read(&grant.description) {
            Some(Mark { kind: MarkKind::Rule, .. }) => Holder::Ours,
            Some(Mark { kind: MarkKind::Pin, .. }) | None => Holder::Pinned,
        }
    }

    fn key(&self, role: Role) -> GrantKey {
        let registry = self.desire.registry.id.clone();
        GrantKey { registry, principal: self.desire.principal, role }
    }

    pub(super) fn kept(&self, grant: &Grant, rule: Option<&str>, clusters: &[&Cluster]) -> Kept {
        Kept {
            grant: grant.key.clone(),
            holder: self.holder(grant),
            clusters: ids(clusters),
            rule: rule.map(str::to_owned),
        }
    }

    pub(super) fn detach(
        &self,
        grant: &Grant,
        reason: DetachReason,
        after: Option<AssignmentName>,
    ) -> Detach {
        Detach {
            grant: grant.key.clone(),
            name: AssignmentName(grant.name),
            clusters: ids(self.desire.holders),
            reason,
            after,
            beside: None,
            mark: Mark::read(&grant.description),
        }
    }

    fn hold_wish(&self, clusters: &[&Cluster], reason: HeldReason, plan: &mut Plan) -> Wish {
        plan.held.push(self.held(clusters, Action::Attach, reason));
        Wish::Held
    }

    pub(super) fn hold_detach(&self, reason: HeldReason, plan: &mut Plan) {
        plan.held.push(self.held(self.desire.holders, Action::Detach, reason));
    }

    fn held(&self, clusters: &[&Cluster], action: Action, reason: HeldReason) -> Held {
        Held {
            registry: self.desire.registry.id.clone(),
            principal: Some(self.desire.principal),
            clusters: ids(clusters),
            action,
            reason,
        }
    }
}

pub(super) fn conditional(grant: &Grant) -> HeldReason {
    HeldReason::Conditional { assignment: grant.id.clone() }
}

pub(super) fn ids(clusters: &[&Cluster]) -> Vec<ClusterId> {
    clusters.iter().map(|cluster| cluster.id.clone()).collect()
}
