//! Assignments for identities that their clusters had before, and pins that follow a cluster to its new
//! identity.
//!
//! What Resource Manager says of a cluster's identity is what its nodes will use. Until their pools are
//! reimaged they use the one before, and no read proves that they were. So such an assignment stays for
//! as long as its cluster is entitled to the registry.

use super::decide::{Case, Wish, ids};
use super::desire::Stance;
use super::known::Marked;
use super::{Detach, DetachReason, Former, HeldReason, Kept, Plan};
use crate::model::{Cluster, ClusterHash, Grant, GrantKey, Mark, MarkKind, PrincipalId};
use crate::policy::{self, Decision};

/// What the clusters that had an identity say of it
enum Verdict<'a> {
    Vetoed,
    /// A rule wants it for one of them, or a pin of one of them stands at its present identity
    Wanted(Option<&'a str>),
    /// None of them needs it; of one a rule cannot want it, since it lives in another tenant
    Unwanted(DetachReason),
}

impl<'a> Case<'a> {
    /// Adds to the plan what follows for assignments of ours whose cluster does not hold the identity.
    /// Whether a pin stands at the cluster's present identity is only known once everything else is
    /// decided; until it does, the old assignment is the only memory of it and stays.
    pub(super) fn decide_former(&self, plan: &mut Plan) {
        if !matches!(self.desire.stance, Stance::Unwanted { .. })
            || !self.pinned_clusters().is_empty()
        {
            return;
        }
        for grant in self.desire.found.iter().copied().filter(|grant| self.is_ours(grant)) {
            let mark = Mark::read(&grant.description);
            if self.desire.holders.is_empty() {
                match mark {
                    Some(mark) => self.decide_unheld(grant, mark, plan),
                    None => plan.kept.push(self.kept(grant, None, &[])),
                }
            } else if let Some(mark) = mark.filter(|mark| mark.kind == MarkKind::Pin) {
                self.decide_moved_pin(grant, mark, plan);
            }
        }
    }

    /// A pin of a cluster with another identity, at an identity that other clusters hold and do not want
    fn decide_moved_pin(&self, grant: &Grant, mark: Mark, plan: &mut Plan) {
        let Marked::There(cluster) = self.known.marked(grant, &mark) else { return };
        if self.desire.holders.iter().any(|holder| holder.id == cluster.id) {
            return;
        }
        let key = cluster.identity.principal().and_then(|principal| self.honoured(principal));
        let follows = key.as_ref().map_or(Wish::Held, |key| self.pin_at(key, mark.cluster, plan));
        match follows.after() {
            Some(after) => {
                let beside = key.filter(|_| after.is_none()).into_iter().collect();
                let detach = self.detach(grant, DetachReason::IdentityReplaced, after);
                self.remove(grant, Detach { beside, ..detach }, plan);
            }
            None => plan.kept.push(self.kept(grant, None, self.desire.holders)),
        }
    }

    /// An assignment for an identity that no cluster holds
    fn decide_unheld(&self, grant: &Grant, mark: Mark, plan: &mut Plan) {
        let marked = self.known.marked(grant, &mark);
        let formers = self.formers();
        // A pin of a cluster that is gone does not pin any more.
        let kind = match marked {
            Marked::Gone(_) => MarkKind::Rule,
            Marked::There(_) | Marked::OutOfSight => mark.kind,
        };
        let mark = Mark { kind, ..mark };
        if let Some(unknown) = formers.iter().find(|one| one.identity.principal().is_none()) {
            let reason = HeldReason::IdentityUnknown(unknown.id.clone());
            return self.hold_former(&formers, reason, plan);
        }
        match (marked, &formers[..]) {
            (Marked::OutOfSight, []) => self.hold_detach(HeldReason::OutOfSight, plan),
            (_, []) if mark.shared && self.index.is_wanted_by_any(self.desire.registry) => {
                self.keep_former(grant, None, &formers, plan);
            }
            (_, []) => {
                let younger = match marked {
                    Marked::Gone(younger) => younger.map(|cluster| cluster.id.clone()),
                    Marked::There(_) | Marked::OutOfSight => None,
                };
                let detach = self.detach(grant, DetachReason::ClusterGone, None);
                let marked = younger.into_iter().collect();
                self.remove(grant, Detach { marked, ..detach }, plan);
            }
            (_, formers) => self.decide_for(grant, mark, formers, plan),
        }
    }

    fn decide_for(&self, grant: &Grant, mark: Mark, formers: &[&'a Cluster], plan: &mut Plan) {
        let is_out_of_sight = matches!(self.known.marked(grant, &mark), Marked::OutOfSight);
        let detach = |reason| Detach { marked: ids(formers), ..self.detach(grant, reason, None) };
        match self.verdict(formers, plan) {
            Verdict::Vetoed if mark.kind == MarkKind::Pin => {
                self.hold_former(formers, HeldReason::PinnedButVetoed, plan);
            }
            Verdict::Vetoed => self.remove(grant, detach(DetachReason::Vetoed), plan),
            Verdict::Wanted(_) if self.is_former_role(grant, mark, formers) => {
                self.remove(grant, detach(DetachReason::RoleNotHonoured), plan);
            }
            Verdict::Wanted(rule) => match self.removable(grant, mark, formers, plan) {
                Some(beside) => {
                    let detach = detach(DetachReason::FormerIdentity);
                    self.remove(grant, Detach { beside, ..detach }, plan);
                }
                None => self.keep_former(grant, rule, formers, plan),
            },
            Verdict::Unwanted(_)
                if mark.shared && self.index.is_wanted_by_any(self.desire.registry) =>
            {
                self.keep_former(grant, None, formers, plan);
            }
            // It has not followed its cluster yet, and is the only memory of what was asked for.
            Verdict::Unwanted(_) if mark.kind == MarkKind::Pin => {
                self.keep_former(grant, None, formers, plan);
            }
            Verdict::Unwanted(_) if is_out_of_sight => {
                self.hold_former(formers, HeldReason::OutOfSight, plan);
            }
            Verdict::Unwanted(reason) => self.remove(grant, detach(reason), plan),
        }
    }

    /// The clusters that had this identity: those that the marks of ours name, whatever their roles, and
    /// those for which the policy states it as their service principal
    fn formers(&self) -> Vec<&'a Cluster> {
        let ours = self.desire.found.iter().filter(|grant| self.is_ours(grant));
        let marked = ours.filter_map(|grant| {
            let mark = Mark::read(&grant.description)?;
            match self.known.marked(grant, &mark) {
                Marked::There(cluster) => Some(cluster),
                Marked::Gone(_) | Marked::OutOfSight => None,
            }
        });
        let stated = self.known.stated_before(self.desire.principal).iter().copied();
        let mut formers: Vec<_> = stated.chain(marked).collect();
        formers.sort_by_key(|cluster| &cluster.id);
        formers.dedup_by_key(|cluster| &cluster.id);
        formers
    }

    fn verdict(&self, formers: &[&Cluster], plan: &Plan) -> Verdict<'a> {
        let registry = self.desire.registry;
        let mut wanted = None;
        let mut reason = DetachReason::Unwanted;
        for former in formers {
            match self.policy.decision(former, registry, self.index.names()) {
                Decision::Vetoed { .. } => return Verdict::Vetoed,
                Decision::Attach { by } | Decision::Ambiguous { by, .. } => {
                    wanted = wanted.or(Some(Some(by.name.as_str())));
                }
                Decision::OtherTenant => reason = DetachReason::OtherTenant,
                Decision::NotWanted => {
                    if self.is_pinned_now(former, plan) {
                        wanted = wanted.or(Some(None));
                    }
                }
            }
        }
        wanted.map_or(Verdict::Unwanted(reason), Verdict::Wanted)
    }

    /// Whether a pin of this cluster is at its present identity, or will be once the plan is applied
    fn is_pinned_now(&self, cluster: &Cluster, plan: &Plan) -> bool {
        let key = || cluster.identity.principal().and_then(|principal| self.honoured(principal));
        let pin = ClusterHash::of(&cluster.id);
        self.index.is_pinned(cluster, &self.desire.registry.id)
            || key().is_some_and(|key| self.pin_at(&key, pin, plan).after().is_some())
    }

    /// Where the clusters pull by their present identity, if the policy lets the one before go: every
    /// node pool of every one of them is `Succeeded`, and the assignment for the present one stands.
    /// Agent pools of a service principal say nothing of whether their nodes were reimaged since.
    fn removable(
        &self,
        grant: &Grant,
        mark: Mark,
        formers: &[&Cluster],
        plan: &Plan,
    ) -> Option<Vec<GrantKey>> {
        let is_principal = mark.service_principal
            || self.policy.service_principals.values().any(|id| *id == self.desire.principal);
        if self.policy.former_identities != policy::Former::Remove
            || is_principal
            || mark.shared
            || grant.conditional
        {
            return None;
        }
        let stands = |cluster: &&Cluster| {
            let key = self.honoured(cluster.identity.principal()?)?;
            let is_there = match mark.kind {
                MarkKind::Pin => matches!(self.pin_at(&key, mark.cluster, plan), Wish::Kept),
                MarkKind::Rule => {
                    let mut there = self.index.found(&key.registry, key.principal).iter();
                    let is_kept = || plan.kept.iter().any(|kept| kept.grant == key);
                    there.any(|grant| grant.key == key && !grant.conditional) && is_kept()
                }
            };
            (is_there && cluster.is_succeeded).then_some(key)
        };
        formers.iter().map(stands).collect()
    }

    /// Whether the policy lets this one go, of a role that the registry does not honour any more: beside
    /// the right one, and where no pin is forgotten with it
    fn is_former_role(&self, grant: &Grant, mark: Mark, formers: &[&Cluster]) -> bool {
        let Some(key) = self.honoured(grant.key.principal) else { return false };
        let mut there = self.index.found(&key.registry, key.principal).iter();
        let Some(right) = there.find(|grant| grant.key == key && !grant.conditional) else {
            return false;
        };
        let has_the_pin = || {
            let other = Mark::read(&right.description).filter(|_| self.is_ours(right));
            other.is_some_and(|other| (other.kind, other.cluster) == (mark.kind, mark.cluster))
        };
        let stands = || formers.iter().all(|it| self.index.is_pinned(it, &key.registry));
        self.policy.former_roles == policy::Former::Remove
            && grant.key.role != key.role
            && (mark.kind == MarkKind::Rule || has_the_pin() || stands())
    }

    fn keep_former(
        &self,
        grant: &Grant,
        rule: Option<&str>,
        formers: &[&Cluster],
        plan: &mut Plan,
    ) {
        let kept = self.kept(grant, rule, formers);
        plan.kept.push(Kept { former: Some(Former::Identity), ..kept });
    }

    fn hold_former(&self, formers: &[&Cluster], reason: HeldReason, plan: &mut Plan) {
        plan.held.push(self.held(formers, super::Action::Detach, reason));
    }

    /// Whether this pin stands at this identity, or will once the plan is applied
    fn pin_at(&self, key: &GrantKey, pin: ClusterHash, plan: &Plan) -> Wish {
        let is_pin = |description: &str| {
            Mark::read(description).filter(|mark| mark.kind == MarkKind::Pin && mark.cluster == pin)
        };
        let is_there =
            |grant: &Grant, mark: Mark| matches!(self.known.marked(grant, &mark), Marked::There(_));
        let mut grants = self.index.found(&key.registry, key.principal).iter();
        let there = grants.any(|grant| {
            grant.key == *key
                && is_pin(&grant.description).is_some_and(|mark| is_there(grant, mark))
                && self.is_ours(grant)
        });
        if there && plan.kept.iter().any(|kept| kept.grant == *key) {
            return Wish::Kept;
        }
        let mut attach = plan.attach.iter();
        let attach =
            attach.find(|attach| attach.grant == *key && is_pin(&attach.description).is_some());
        attach.map_or(Wish::Held, |attach| Wish::Planned(attach.name))
    }

    /// What an identity has to have here in order to pull
    fn honoured(&self, principal: PrincipalId) -> Option<GrantKey> {
        let role = self.desire.role().ok()?;
        Some(GrantKey { registry: self.desire.registry.id.clone(), principal, role })
    }
}
