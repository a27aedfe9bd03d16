//! The right role for an identity at a registry: kept where it is there, planned where it is not, held
//! where something stands against it.

use super::decide::{Case, Want, Wish, ids};
use super::desire::Stance;
use super::known::Marked;
use super::{Attach, AttachReason, HeldReason, Hidden, Plan, Unseen};
use crate::model::{
    AssignmentName, Cluster, ClusterState, Gap, Grant, GrantKey, Identity, IdentityOrigin, Mark,
    MarkKind, ResourceId, Role, SubscriptionId,
};

impl Case<'_> {
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
        let must_raise = |grant: &Grant| want.pinned && self.is_unpinned(grant);
        match unconditional {
            Some(grant) if !must_raise(grant) => {
                let is_edited = self.is_ours(grant) && Mark::read(&grant.description).is_none();
                let whose = if is_edited { self.desire.holders } else { clusters };
                plan.kept.push(self.kept(grant, want.rule, whose));
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
        let is_asked = want.reason == AttachReason::Asked;
        let by_name = (is_asked || !want.pinned) && self.is_by_name(&living, is_asked);
        let may_be_shared = self.may_be_shared_unseen();
        let unseen = || by_name.then(|| self.names_unseen()).flatten();
        let unseen = || unseen().or_else(|| may_be_shared.then(|| self.sharers_unseen()).flatten());
        if let Some(reason) = self.unread().or_else(unseen) {
            return self.hold_wish(clusters, reason, plan);
        }
        let attach = self.new_attach(role, want, &living, by_name || may_be_shared);
        let name = attach.name;
        plan.attach.push(attach);
        Wish::Planned(name)
    }

    /// Whether an assignment of ours carries no pin: it is a rule's, or the pin is that of an earlier cluster
    fn is_unpinned(&self, grant: &Grant) -> bool {
        let Some(mark) = Mark::read(&grant.description) else { return false };
        let is_earlier = || matches!(self.known.marked(grant, &mark), Marked::Gone(Some(_)));
        self.is_ours(grant) && (mark.kind == MarkKind::Rule || is_earlier())
    }

    fn new_attach(
        &self,
        role: Role,
        want: &Want<'_>,
        clusters: &[&Cluster],
        needs_all: bool,
    ) -> Attach {
        let grant = self.key(role);
        let kind = if want.pinned { MarkKind::Pin } else { MarkKind::Rule };
        let pins = self.pinned_clusters();
        let reason = want.reason.clone();
        let mut named: Vec<&Cluster> = pins.iter().chain(clusters).copied().collect();
        if reason == AttachReason::Asked {
            named = clusters.to_vec();
        }
        let description = named.first().map_or_else(String::new, |first| {
            let mark = self.mark(kind, first, self.is_shared(first, &pins, role));
            mark.describe(format_args!("lets cluster {} pull; {reason}", first.id.name()))
        });
        let name = AssignmentName::new(&self.policy.owner, &grant);
        let clusters = ids(clusters);
        let others = self.desire.holders.iter().map(|cluster| &cluster.id);
        let others = others.filter(|id| !clusters.contains(id)).cloned().collect();
        let mut ours = self.desire.found.iter().filter(|grant| self.is_ours(grant));
        let exchanges_role = ours.any(|other| other.key.role != role);
        // A command asks for it itself.
        let is_asked = reason == AttachReason::Asked;
        let follows = if want.pinned && !is_asked { self.followed(&grant) } else { Vec::new() };
        Attach {
            grant,
            name,
            clusters,
            others,
            reason,
            description,
            needs_all,
            exchanges_role,
            follows,
        }
    }

    /// The other assignments of ours whose pin, or whose edited description, asks for this one
    fn followed(&self, new: &GrantKey) -> Vec<GrantKey> {
        let asks = |grant: &&&Grant| {
            let mark = Mark::read(&grant.description);
            grant.key != *new
                && mark.is_none_or(|mark| mark.kind == MarkKind::Pin)
                && self.is_ours(grant)
        };
        let here = self.desire.found.iter().filter(asks);
        self.desire.followed.iter().chain(here).map(|grant| grant.key.clone()).collect()
    }

    /// Whether clusters beside this one pull by the assignment of this role, or did
    fn is_shared(&self, first: &Cluster, pins: &[&Cluster], role: Role) -> bool {
        let wanting = match &self.desire.stance {
            Stance::Wanted { clusters, .. } => &clusters[..],
            Stance::Vetoed { .. } | Stance::Ambiguous(_) | Stance::Unwanted { .. } => &[],
        };
        let ours = self.desire.found.iter().filter(|grant| self.is_ours(grant));
        let mut there = ours.filter(|grant| grant.key.role == role);
        pins.iter().chain(wanting).any(|other| other.id != first.id)
            || there.any(|grant| Mark::read(&grant.description).is_some_and(|mark| mark.shared))
    }

    /// The mark of an assignment for this identity that is made for this cluster
    pub(super) fn mark(&self, kind: MarkKind, cluster: &Cluster, shared: bool) -> Mark {
        Mark {
            kind,
            cluster: self.desire.hash_of(cluster),
            subscription: Some(cluster.id.subscription()),
            shared,
            service_principal: self.is_service_principal(),
        }
    }

    pub(super) fn is_service_principal(&self) -> bool {
        let mut holders = self.desire.holders.iter();
        holders.any(|holder| matches!(holder.identity, Identity::ServicePrincipal { .. }))
    }

    /// Whether the policy wants the registry for each of these clusters, or lets a person pin it, by a name
    /// alone, which another registry may have too
    fn is_by_name(&self, clusters: &[&Cluster], with_pins: bool) -> bool {
        clusters.iter().all(|cluster| {
            let (registry, names) = (self.desire.registry, self.index.names());
            self.policy.is_wanted_by_name(cluster, registry, names, with_pins)
        })
    }

    /// Why another registry may have the same name
    fn names_unseen(&self) -> Option<HeldReason> {
        let registry = &self.desire.registry.id;
        let same_name = |gap: &Gap| match gap {
            Gap::Unread { id: ResourceId::Registry(id), .. } => {
                let is_other = id != registry && id.name().eq_ignore_ascii_case(registry.name());
                is_other.then(|| HeldReason::NamesakeUnread(id.clone()))
            }
            Gap::Registries => Some(unseen(Hidden::Names, None)),
            Gap::Subscription(id) => Some(unseen(Hidden::Names, Some(*id))),
            Gap::Unread { .. } | Gap::Clusters | Gap::OtherClusters | Gap::Grants { .. } => None,
        };
        self.inventory.gaps.iter().find_map(same_name)
    }

    /// Whether a cluster that was not seen may hold this identity: others may share a brought-along one,
    /// and a service principal where the policy states it for them
    fn may_be_shared_unseen(&self) -> bool {
        self.desire.holders.iter().any(|holder| match &holder.identity {
            Identity::Kubelet { origin, .. } => *origin == IdentityOrigin::BroughtAlong,
            Identity::ServicePrincipal { object_id, .. } => {
                let mut stated = self.policy.service_principals.iter();
                stated.any(|(id, principal)| {
                    Some(*principal) == *object_id && !self.inventory.clusters.contains_key(id)
                })
            }
            Identity::Pending | Identity::Missing => false,
        })
    }

    /// Why a cluster with the same identity, and a veto, may not have been seen
    fn sharers_unseen(&self) -> Option<HeldReason> {
        self.inventory.gaps.iter().find_map(|gap| match gap {
            Gap::Clusters => Some(unseen(Hidden::Sharers, None)),
            Gap::Subscription(id) => Some(unseen(Hidden::Sharers, Some(*id))),
            // Its identity may have changed since it was seen, or was never seen.
            Gap::Unread { id: id @ ResourceId::Cluster(cluster), code, .. } => {
                let known = self.inventory.clusters.get(cluster);
                let known = known.and_then(|cluster| cluster.identity.principal());
                known.is_none().then(|| HeldReason::Unread { id: id.clone(), code: code.clone() })
            }
            Gap::OtherClusters | Gap::Registries | Gap::Grants { .. } | Gap::Unread { .. } => None,
        })
    }
}

fn unseen(what: Hidden, silent: Option<SubscriptionId>) -> HeldReason {
    HeldReason::Unseen(Unseen { what, silent })
}
