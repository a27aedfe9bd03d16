//! The table of cases: one identity that clusters hold, at one registry: what the policy says about it
//! against what was found there.
//!
//! Modes and limits are not looked at here; `guard` does that afterwards. What becomes of assignments
//! for identities that no cluster holds is decided in `former`.

use super::desire::{Desire, Index, Stance, differ};
use super::known::{Known, Marked, is_of_earlier};
use super::{
    Action, AttachReason, Detach, DetachReason, Former, Held, HeldReason, Holder, Kept, Plan,
};
use crate::model::{
    AssignmentName, Cluster, ClusterHash, ClusterId, Grant, GrantKey, Inventory, Mark, MarkKind,
    Role,
};
use crate::policy::{self, Decision, Policy};

/// One identity at one registry
pub(super) struct Case<'a> {
    pub(super) desire: &'a Desire<'a>,
    pub(super) inventory: &'a Inventory,
    pub(super) policy: &'a Policy,
    pub(super) known: &'a Known<'a>,
    pub(super) index: &'a Index<'a>,
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

impl<'a> Case<'a> {
    /// Adds to the plan what follows, but for assignments that are decided about in
    /// [`decide_former`](Self::decide_former)
    pub(super) fn decide(&self, plan: &mut Plan) {
        let pinned = self.pinned_clusters();
        match &self.desire.stance {
            Stance::Vetoed { by, wanting } => {
                let is_vetoed = |cluster: &&&Cluster| {
                    let names = self.index.names();
                    let decision = self.policy.decision(cluster, self.desire.registry, names);
                    matches!(decision, Decision::Vetoed { .. })
                };
                let follow = self.desire.followed_by_pin.iter();
                let follow = follow.filter(|cluster| !is_vetoed(cluster));
                let mut wanting: Vec<_> = wanting.iter().chain(follow).copied().collect();
                wanting.sort_by_key(|cluster| &cluster.id);
                wanting.dedup_by_key(|cluster| &cluster.id);
                self.refuse(by, &wanting, plan);
            }
            Stance::Wanted { rule, clusters } => {
                let follows = !self.desire.followed_by_pin.is_empty();
                let reason = if follows {
                    AttachReason::PinFollows
                } else {
                    AttachReason::Rule((*rule).to_owned())
                };
                let want = Want { rule: Some(rule), pinned: !pinned.is_empty(), reason };
                self.see_to(&want, clusters, &pinned, plan);
            }
            Stance::Ambiguous(_) | Stance::Unwanted { .. } if !pinned.is_empty() => {
                let want = Want { rule: None, pinned: true, reason: AttachReason::PinFollows };
                self.see_to(&want, &pinned, &pinned, plan);
            }
            Stance::Ambiguous(reason) => self.hold_ambiguous(reason, plan),
            Stance::Unwanted { in_other_tenant } => {
                let reason = if *in_other_tenant {
                    DetachReason::OtherTenant
                } else {
                    DetachReason::Unwanted
                };
                self.remove_unwanted(reason, plan);
            }
        }
    }

    /// Sees to it that the right role is there for these clusters, that other roles of ours are kept
    /// beside it or go, and that the marks name a cluster that needs them.
    fn see_to(&self, want: &Want<'_>, clusters: &[&Cluster], pinned: &[&Cluster], plan: &mut Plan) {
        let holders = self.desire.holders.iter().copied();
        let is_for =
            |cluster: &&Cluster| clusters.iter().chain(pinned).any(|one| one.id == cluster.id);
        let wanting: Vec<_> = holders.filter(is_for).collect();
        let wish = self.attach(want, &wanting, plan);
        self.retire_other_roles(&wish, want.rule, plan);
        self.keep_marks_true(&wanting, pinned, plan);
    }

    /// The clusters that hold this identity and have a pin here, made for this identity or for the one
    /// they had before. A mark that cannot be read, on a role that the registry does not honour any more,
    /// counts as a pin of the first holder.
    pub(super) fn pinned_clusters(&self) -> Vec<&'a Cluster> {
        let Desire { registry, found, holders, followed_by_pin, .. } = self.desire;
        let role = self.desire.role().ok();
        let mut pinned: Vec<&Cluster> = Vec::new();
        for grant in found.iter().filter(|grant| self.is_ours(grant)) {
            match Mark::read(&grant.description) {
                Some(Mark { kind: MarkKind::Pin, cluster, .. }) => {
                    pinned.extend(holders.iter().copied().filter(|holder| {
                        ClusterHash::of(&holder.id) == cluster
                            && !is_of_earlier(grant, holder)
                            && !differ(holder, registry)
                    }));
                }
                // The same role stays as it is; a condition on it is a person's.
                None if !grant.conditional && role.is_some_and(|it| it != grant.key.role) => {
                    pinned.extend(holders.first().filter(|holder| !differ(holder, registry)));
                }
                Some(Mark { kind: MarkKind::Rule, .. }) | None => {}
            }
        }
        pinned.extend(followed_by_pin.iter().copied());
        pinned.sort_by_key(|cluster| &cluster.id);
        pinned.dedup_by_key(|cluster| &cluster.id);
        pinned
    }

    /// Keeps our assignments of roles that the registry does not honour beside the right one, as the way
    /// back, or removes them once that one is there.
    fn retire_other_roles(&self, wish: &Wish, rule: Option<&str>, plan: &mut Plan) {
        // Where the mode is not known, any of them may be the right one.
        let honoured = self.desire.role().ok();
        for grant in self.desire.found.iter().filter(|it| Some(it.key.role) != honoured) {
            if !self.is_ours(grant) {
                continue;
            }
            let after = wish.after().filter(|_| {
                self.policy.former_roles == policy::Former::Remove
                    && self.is_carried_over(grant, wish, plan)
            });
            let boots = || self.boot_registry(&[]).or_else(|| self.may_boot_in_a_run(&[]));
            match after {
                None => {
                    let kept = self.kept(grant, rule, self.desire.holders);
                    // An edited one is a person's, whatever its role.
                    let is_former = honoured.is_some() && Mark::read(&grant.description).is_some();
                    let former = is_former.then_some(Former::Role);
                    plan.kept.push(Kept { former, ..kept });
                }
                Some(_) if grant.conditional => self.hold_detach(conditional(grant), plan),
                Some(after) => match self.unread().or_else(boots) {
                    Some(reason) => self.hold_detach(reason, plan),
                    None => {
                        plan.detach.push(self.detach(grant, DetachReason::RoleNotHonoured, after));
                    }
                },
            }
        }
    }

    /// Whether nothing is lost with this assignment: it is no pin, or its pin goes over to the new one
    fn is_carried_over(&self, grant: &Grant, wish: &Wish, plan: &Plan) -> bool {
        let mut pinned = self.pinned_clusters().into_iter();
        // What another installation or a person made in the right role carries no pin of ours.
        let stands = match wish {
            Wish::Kept => plan.kept.iter().rev().take(self.desire.found.len()).any(|kept| {
                kept.grant.role != grant.key.role
                    && kept.grant.principal == grant.key.principal
                    && kept.grant.registry == grant.key.registry
                    && kept.holder == Holder::Pinned
            }),
            Wish::Planned(_) => true,
            Wish::Held => false,
        };
        Mark::read(&grant.description).is_some_and(|mark| {
            let is_pin = mark.kind == MarkKind::Pin;
            let is_gone = matches!(self.known.marked(grant, &mark), Marked::Gone(_));
            !is_pin
                || is_gone && self.inventory.knows_all_clusters()
                || stands && pinned.any(|cluster| ClusterHash::of(&cluster.id) == mark.cluster)
        })
    }

    /// Removes what a rule made although a holder is vetoed, and holds what other holders want.
    fn refuse(&self, by: &Cluster, wanting: &[&Cluster], plan: &mut Plan) {
        for grant in self.desire.found.iter().filter(|grant| self.is_ours(grant)) {
            let mark = Mark::read(&grant.description);
            let is_pin = mark.is_none_or(|mark| mark.kind == MarkKind::Pin);
            let is_gone =
                mark.is_some_and(|mark| matches!(self.known.marked(grant, &mark), Marked::Gone(_)));
            if is_pin && !is_gone {
                self.hold_detach(HeldReason::PinnedButVetoed, plan);
            } else {
                self.remove(grant, self.detach(grant, DetachReason::Vetoed, None), plan);
            }
        }
        let role = self.desire.role().ok();
        let stays = |grant: &Grant| self.kept(grant, None, &[]).holder != Holder::Ours;
        let is_attached = self
            .desire
            .found
            .iter()
            .any(|grant| Some(grant.key.role) == role && !grant.conditional && stays(grant));
        if !wanting.is_empty() && !is_attached {
            self.hold_wish(wanting, HeldReason::VetoedFor(by.id.clone()), plan);
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
        let other = |grant: &&&Grant| Some(grant.key.role) != role && self.is_ours(grant);
        let others = self.desire.found.iter().filter(other);
        plan.kept.extend(others.map(|grant| self.kept(grant, None, holders)));
    }

    /// Removes what no rule wants for any holder. The cluster that it was made for counts no more, unless
    /// it may hold the identity as well.
    fn remove_unwanted(&self, reason: DetachReason, plan: &mut Plan) {
        if self.desire.holders.is_empty() {
            return;
        }
        for grant in self.desire.found.iter().filter(|grant| self.is_ours(grant)) {
            let Some(mark) = Mark::read(&grant.description) else {
                plan.kept.push(self.kept(grant, None, self.desire.holders));
                continue;
            };
            match (self.known.marked(grant, &mark), mark.kind) {
                (Marked::OutOfSight, _) => self.hold_detach(HeldReason::OutOfSight, plan),
                (Marked::There(cluster), MarkKind::Pin) if self.is_held_by(cluster) => {
                    plan.kept.push(self.kept(grant, None, self.desire.holders));
                }
                // Whether it follows its cluster is known when all else is decided.
                (Marked::There(_), MarkKind::Pin) => {}
                (Marked::Gone(younger), MarkKind::Pin) => {
                    let marked = younger.map(|cluster| cluster.id.clone()).into_iter().collect();
                    let detach = self.detach(grant, DetachReason::ClusterGone, None);
                    self.remove(grant, Detach { marked, ..detach }, plan);
                }
                (Marked::There(cluster), MarkKind::Rule) if self.may_hold(cluster) => {
                    self.hold_detach(HeldReason::IdentityUnknown(cluster.id.clone()), plan);
                }
                (Marked::There(_) | Marked::Gone(_), MarkKind::Rule) => {
                    self.remove(grant, self.detach(grant, reason, None), plan);
                }
            }
        }
    }

    fn is_held_by(&self, cluster: &Cluster) -> bool {
        self.desire.holders.iter().any(|holder| holder.id == cluster.id)
    }

    /// Removes an assignment of ours, or holds the removal while a cluster that was not seen may need it,
    /// or nodes boot from the registry. What a run of this scope leaves to the timer is passed on as it
    /// is: the guard holds it.
    pub(super) fn remove(&self, grant: &Grant, detach: Detach, plan: &mut Plan) {
        let mut former = detach.marked.clone();
        let marked = detach.mark.map(|mark| self.known.marked(grant, &mark));
        if let Some(Marked::There(cluster)) = marked {
            // Its nodes may still boot by the identity that others hold now.
            former.push(cluster.id.clone());
        }
        let doubt = || {
            if super::guard::left_to_the_timer(&detach, &self.inventory.scope).is_some() {
                return None;
            }
            self.may_boot_in_a_run(&former).or_else(|| self.doubt())
        };
        if grant.conditional {
            self.hold_detach(conditional(grant), plan);
        } else if let Some(reason) = self.boot_registry(&former).or_else(doubt) {
            let held = self.held(self.desire.holders, Action::Detach, reason);
            let clusters = if held.clusters.is_empty() { detach.marked } else { held.clusters };
            plan.held.push(Held { clusters, ..held });
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

    pub(super) fn key(&self, role: Role) -> GrantKey {
        let registry = self.desire.registry.id.clone();
        GrantKey { registry, principal: self.desire.principal, role }
    }

    pub(super) fn kept(&self, grant: &Grant, rule: Option<&str>, clusters: &[&Cluster]) -> Kept {
        // A pin of a cluster that is gone does not pin any more.
        let is_gone = |mark: Mark| matches!(self.known.marked(grant, &mark), Marked::Gone(_));
        let holder = match self.holder(grant) {
            Holder::Pinned if Mark::read(&grant.description).is_some_and(is_gone) => Holder::Ours,
            holder @ (Holder::Ours | Holder::Pinned | Holder::Foreign) => holder,
        };
        Kept {
            grant: grant.key.clone(),
            holder,
            clusters: ids(clusters),
            rule: rule.map(str::to_owned),
            former: None,
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
            beside: Vec::new(),
            mark: Mark::read(&grant.description),
            marked: Vec::new(),
        }
    }

    pub(super) fn hold_wish(
        &self,
        clusters: &[&Cluster],
        reason: HeldReason,
        plan: &mut Plan,
    ) -> Wish {
        plan.held.push(self.held(clusters, Action::Attach, reason));
        Wish::Held
    }

    pub(super) fn hold_detach(&self, reason: HeldReason, plan: &mut Plan) {
        plan.held.push(self.held(self.desire.holders, Action::Detach, reason));
    }

    pub(super) fn held(&self, clusters: &[&Cluster], action: Action, reason: HeldReason) -> Held {
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
