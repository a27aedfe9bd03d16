//! Seeing everything, by lists of Resource Manager: where Resource Graph may not be asked, and before
//! anything is removed that a cluster may need which Resource Graph does not know yet.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures::stream::{self, StreamExt};

use super::abreast::{AT_ONCE, abreast};
use super::wide::Turn;
use super::{ReconcileError, Reconciler, reading};
use crate::azure::{ArmError, Listed, chain};
use crate::model::{
    AssignmentName, Cluster, Gap, Grant, GrantKey, Inventory, Owner, Registry, ResourceId,
    SubscriptionId,
};
use crate::plan::{DetachReason, HeldReason, Holder, Plan};

/// How many assignments of a subscription are read one by one; a list of all takes a few requests
const READ_BY_THEMSELVES: usize = 20;

/// Assignments of ours that no rule wants and whose description is empty: Resource Graph may not show
/// it, and then every one of them would count as pinned for ever, and no pin would follow its cluster
/// to another identity. Where it shows none at all, also those that a rule wants: they may be pins of
/// clusters that had the identity before. And those whose registry is gone: with another mark than was
/// seen, they would count as changed for ever.
pub(super) fn without_mark(
    plan: &Plan,
    inventory: &Inventory,
    owner: &Owner,
) -> BTreeSet<GrantKey> {
    let is_ours = |grant: &&Grant| AssignmentName::is_of(owner, grant);
    let mut ours = inventory.grants.values().filter(is_ours);
    let shows_none = ours.all(|grant| grant.description.is_empty());
    let kept = plan
        .kept
        .iter()
        .filter(|kept| kept.holder == Holder::Pinned && (kept.rule.is_none() || shows_none));
    let kept: BTreeSet<&GrantKey> = kept.map(|kept| &kept.grant).collect();
    let vetoed = plan.held.iter().filter(|held| held.reason == HeldReason::PinnedButVetoed);
    let vetoed: BTreeSet<_> = vetoed.map(|held| (&held.registry, held.principal)).collect();
    let strays = plan.detach.iter().filter(|item| item.reason == DetachReason::RegistryGone);
    let strays: BTreeSet<&GrantKey> = strays.map(|item| &item.grant).collect();
    let grants = inventory.grants.values().filter(|grant| {
        let GrantKey { registry, principal, .. } = &grant.key;
        grant.description.is_empty()
            && AssignmentName::is_of(owner, grant)
            && (kept.contains(&grant.key)
                || strays.contains(&grant.key)
                || vetoed.contains(&(registry, Some(*principal))))
    });
    grants.map(|grant| grant.key.clone()).collect()
}

impl Reconciler {
    /// Puts every cluster of the estate into the inventory, as Resource Manager lists them. What is
    /// in no list is read by itself before it is taken for gone.
    pub(super) async fn see_every_cluster(
        &self,
        inventory: &mut Inventory,
        turn: &mut Turn<'_>,
    ) -> Result<(), ReconcileError> {
        turn.come().await?;
        let subscriptions = self.subscriptions().await?;
        let mut unlisted: BTreeSet<_> = inventory.clusters.keys().cloned().collect();
        let lists = subscriptions.into_iter().map(|id| async move {
            let list = self.arm.clusters_in(id).await;
            (id, list)
        });
        let mut lists = pin!(stream::iter(lists).buffered(AT_ONCE));
        inventory.gaps.remove(&Gap::Clusters);
        inventory.gaps.remove(&Gap::OtherClusters);
        if self.estate.subscriptions.is_empty() {
            // Of a management group, what cannot be read is left out in silence.
            inventory.gaps.insert(Gap::Clusters);
        }
        while let Some((subscription, list)) = lists.next().await {
            let list = listed(subscription, list, "clusters", inventory)?;
            if !inventory.gaps.contains(&Gap::Subscription(subscription)) {
                inventory.listed.insert(subscription);
            }
            for cluster in list {
                unlisted.remove(&cluster.id);
                inventory.add_cluster(self.policy.knowing(cluster));
            }
        }
        let unlisted = unlisted.into_iter().map(ResourceId::Cluster).collect();
        self.read_again(&unlisted, inventory).await
    }

    /// Puts clusters, registries and pull grants of the estate into the inventory without Resource
    /// Graph.
    pub(super) async fn see_by_lists(
        &self,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let subscriptions = self.subscriptions().await?;
        let lists = subscriptions.into_iter().map(|id| async move {
            let clusters = self.arm.clusters_in(id).await;
            (id, clusters, self.arm.registries_in(id).await, self.arm.grants_in(id).await)
        });
        let mut lists = pin!(stream::iter(lists).buffered(AT_ONCE));
        while let Some((subscription, clusters, registries, grants)) = lists.next().await {
            let clusters: Vec<Cluster> = listed(subscription, clusters, "clusters", inventory)?;
            for cluster in clusters {
                inventory.add_cluster(self.policy.knowing(cluster));
            }
            let registries: Vec<Registry> =
                listed(subscription, registries, "registries", inventory)?;
            for registry in registries {
                inventory.add_registry(registry);
            }
            super::observe::note_grants(subscription, None, grants, inventory)?;
        }
        Ok(())
    }

    /// Reads these assignments from Resource Manager, which shows all of them: in a list where there are
    /// many of a subscription, else by themselves.
    pub(super) async fn read_marks(
        &self,
        keys: &BTreeSet<GrantKey>,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let mut counts: BTreeMap<SubscriptionId, usize> = BTreeMap::new();
        for key in keys {
            *counts.entry(key.registry.subscription()).or_default() += 1;
        }
        counts.retain(|_, count| *count > READ_BY_THEMSELVES);
        let lists = counts.into_keys().map(|id| async move { (id, self.arm.grants_in(id).await) });
        let lists: Vec<_> = stream::iter(lists).buffered(AT_ONCE).collect().await;
        let mut rest = keys.clone();
        for (subscription, list) in lists {
            let list = match list {
                Ok(list) => list,
                Err(error @ ArmError::Token(_)) => {
                    let what = format!("the role assignments of subscription {subscription}");
                    return Err(reading(what)(error));
                }
                // Each by itself may be read all the same.
                Err(_) => continue,
            };
            for grant in list {
                if keys.contains(&grant.key) && AssignmentName::is_of(&self.policy.owner, &grant) {
                    rest.remove(&grant.key);
                    inventory.add_grant(grant);
                }
            }
        }
        self.read_each_mark(&rest, inventory).await
    }

    async fn read_each_mark(
        &self,
        keys: &BTreeSet<GrantKey>,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let at = |key: &GrantKey| key.registry.subscription();
        let reads = abreast(keys.iter().cloned(), at, |key| async move {
            let name = AssignmentName::new(&self.policy.owner, &key);
            (name, self.arm.grant(&key.registry, name).await)
        });
        let reads: Vec<_> = reads.collect().await;
        for (name, grant) in reads {
            match grant {
                Ok(Some(grant)) => inventory.add_grant(grant),
                Ok(None) => inventory.grants.retain(|_, grant| grant.name != name.0),
                Err(error @ ArmError::Token(_)) => {
                    return Err(reading(format!("role assignment `{name}`"))(error));
                }
                // It keeps counting as pinned.
                Err(error) => {
                    let (code, cause) = (error.code(), chain(&error));
                    tracing::warn!(assignment = %name, code, cause, "role assignment not read");
                }
            }
        }
        Ok(())
    }

    /// The subscriptions of the estate: those that are stated, or those of the management group
    async fn subscriptions(&self) -> Result<BTreeSet<SubscriptionId>, ReconcileError> {
        let stated = &self.estate.subscriptions;
        if !stated.is_empty() {
            return Ok(stated.iter().copied().collect());
        }
        let answering = self.graph.subscriptions_answering(&self.estate).await;
        answering.map_err(reading("which subscriptions are in the estate"))
    }
}

/// The items of a list. One that does not come, or has an item that cannot be read, leaves the
/// subscription partly unseen.
fn listed<T>(
    subscription: SubscriptionId,
    list: Result<Listed<T>, ArmError>,
    what: &'static str,
    inventory: &mut Inventory,
) -> Result<Vec<T>, ReconcileError> {
    match list {
        Ok(Listed { items, problems }) => {
            if let Some(problem) = problems.first() {
                let count = problems.len();
                tracing::warn!(%subscription, count, problem, "{what} not understood");
                inventory.gaps.insert(Gap::Subscription(subscription));
            }
            Ok(items)
        }
        Err(error @ ArmError::Token(_)) => {
            Err(reading(format!("the {what} of subscription {subscription}"))(error))
        }
        Err(error) => {
            let (code, cause) = (error.code(), chain(&error));
            tracing::warn!(%subscription, code, cause, "{what} not listed");
            inventory.gaps.insert(Gap::Subscription(subscription));
            Ok(Vec::new())
        }
    }
}
