//! What stands against a change that is otherwise due: ends of it that could not be read, clusters that
//! were not seen, and nodes that boot from the registry.
//!
//! Whether a change is due is not asked here.

use super::decide::Case;
use super::desire::Desire;
use super::{HeldReason, Hidden, Unseen};
use crate::model::{
    BootRegistry, Cluster, ClusterHash, ClusterId, Identity, IdentityOrigin, Mark, MarkKind,
    ResourceId,
};
use crate::policy::{Decision, Mode};

impl Case<'_> {
    /// Why nothing may be written for this identity at this registry: what could not be read since it
    /// was seen may have other tags by now, a veto among them.
    pub(super) fn unread(&self) -> Option<HeldReason> {
        let Desire { registry, holders, .. } = self.desire;
        let matters = |id: &ResourceId| match id {
            ResourceId::Cluster(id) => holders.iter().any(|holder| holder.id == *id),
            ResourceId::Registry(id) => registry.id == *id,
        };
        self.inventory.unread().find(|(id, _)| matters(id)).map(unread)
    }

    /// A cluster whose nodes boot from the registry, among the holders and these
    pub(super) fn boot_registry(&self, formers: &[ClusterId]) -> Option<HeldReason> {
        let here = BootRegistry::Registry(self.desire.registry.id.clone());
        let mut clusters = self.holders_and(formers);
        let booting = clusters.find(|cluster| cluster.boot_registry == here)?;
        Some(HeldReason::BootRegistry(booting.id.clone()))
    }

    /// A cluster of which it is not known whether its nodes boot from the registry
    fn boot_registry_unread(&self, formers: &[ClusterId]) -> Option<HeldReason> {
        let mut clusters = self.holders_and(formers);
        let unread = clusters.find(|cluster| cluster.boot_registry == BootRegistry::Unread)?;
        Some(HeldReason::BootRegistryUnread(unread.id.clone()))
    }

    /// The same in a mode that removes. Resource Graph does not say it, so each cluster would be read for
    /// removals that the mode holds anyway.
    pub(super) fn may_boot_in_a_run(&self, formers: &[ClusterId]) -> Option<HeldReason> {
        let removes = self.policy.mode == Mode::Sync;
        removes.then(|| self.boot_registry_unread(formers)).flatten()
    }

    /// A cluster whose nodes boot from the registry, or may
    pub(super) fn boots(&self, formers: &[ClusterId]) -> Option<HeldReason> {
        self.boot_registry(formers).or_else(|| self.boot_registry_unread(formers))
    }

    fn holders_and(&self, formers: &[ClusterId]) -> impl Iterator<Item = &Cluster> {
        let formers = formers.iter().filter_map(|id| self.inventory.clusters.get(id));
        self.desire.holders.iter().copied().chain(formers)
    }

    /// A cluster, not seen so far, that may need this identity to pull
    pub(super) fn doubt(&self) -> Option<HeldReason> {
        if let Some(reason) = self.unread() {
            return Some(reason);
        }
        if !self.inventory.knows_all_clusters() {
            let (what, silent) = (Hidden::Clusters, self.inventory.silent());
            return Some(HeldReason::Unseen(Unseen { what, silent }));
        }
        if let Some(other) = self.same_application() {
            return Some(HeldReason::NeededBy(other.id.clone()));
        }
        if self.is_known_whose() {
            return None;
        }
        let mut others = self.inventory.unread();
        if let Some(other) = others.find(|(id, _)| matches!(id, ResourceId::Cluster(_))) {
            return Some(unread(other));
        }
        let pending = self.known.in_the_making();
        pending.map(|cluster| HeldReason::MayBeIdentityOf(cluster.id.clone()))
    }

    /// Whether a cluster without a known identity may have this one, which others hold
    pub(super) fn may_hold(&self, cluster: &Cluster) -> bool {
        match cluster.identity {
            Identity::Pending | Identity::Missing => !self.is_known_whose(),
            // Those who pull as the same service principal are looked for by their application.
            Identity::Kubelet { .. } | Identity::ServicePrincipal { .. } => false,
        }
    }

    /// Whether no other cluster can come to hold this identity unseen: AKS made it, or it is a service
    /// principal, which the policy states
    pub(super) fn is_known_whose(&self) -> bool {
        let known_whose = |cluster: &&Cluster| {
            matches!(
                cluster.identity,
                Identity::Kubelet { origin: IdentityOrigin::Aks, .. }
                    | Identity::ServicePrincipal { .. }
            )
        };
        self.desire.holders.iter().any(known_whose)
    }

    /// Whether a rule wants the registry for a cluster, or a pin is for it
    fn may_need(&self, cluster: &Cluster) -> bool {
        let decision = self.policy.decision(cluster, self.desire.registry, self.index.names());
        let is_pinned = || {
            let hash = ClusterHash::of(&cluster.id);
            let mut marks = self.desire.found.iter().filter_map(|it| Mark::read(&it.description));
            marks.any(|mark| mark.kind == MarkKind::Pin && mark.cluster == hash)
        };
        match decision {
            Decision::Attach { .. } | Decision::Ambiguous { .. } => true,
            Decision::Vetoed { .. } => false,
            Decision::NotWanted | Decision::OtherTenant => is_pinned(),
        }
    }

    /// A cluster that pulls as the same service principal as a holder and needs it, and for which the
    /// policy does not state so
    fn same_application(&self) -> Option<&Cluster> {
        let application = |cluster: &Cluster| match &cluster.identity {
            Identity::ServicePrincipal { client_id, .. } => Some(client_id.to_lowercase()),
            Identity::Kubelet { .. } | Identity::Pending | Identity::Missing => None,
        };
        let known: Vec<_> = self.desire.holders.iter().filter_map(|c| application(c)).collect();
        if known.is_empty() {
            return None;
        }
        let mut others = self.inventory.clusters.values();
        others.find(|other| {
            other.identity.principal().is_none()
                && application(other).is_some_and(|application| known.contains(&application))
                && self.may_need(other)
        })
    }
}

fn unread((id, code): (&ResourceId, &str)) -> HeldReason {
    HeldReason::Unread { id: id.clone(), code: code.to_owned() }
}
