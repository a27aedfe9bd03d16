//! What exists within a scope, read with as few requests as will do.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use tokio::time::timeout;

use super::abreast::AT_ONCE;
use super::wide::Turn;
use super::{ReconcileError, Reconciler, reading};
use crate::azure::{ArmError, Seen, Wanted, chain};
use crate::model::{
    AssignmentUsage, Cluster, ClusterHash, ClusterId, Gap, Grant, Identity, IdentityOrigin,
    Inventory, Mark, PrincipalId, RegistryId, Scope, SubscriptionId,
};
use crate::policy::{Decision, Mode, RegistryNames};

/// How many role assignments a subscription must hold for its limit to be asked: four fifths of the
/// smallest limit that Azure documented for any cloud
const ASKED_FROM: usize = 2000 / 5 * 4;

/// How long a run waits for a limit, which only ever warns
const PATIENCE: Duration = Duration::from_secs(5);

impl Reconciler {
    /// Looks at everything that deciding about this scope needs.
    pub(super) async fn observe(
        &self,
        scope: &Scope,
        turn: &mut Turn<'_>,
    ) -> Result<Inventory, ReconcileError> {
        match scope {
            Scope::Cluster(id) => self.observe_cluster(scope, id, turn).await,
            Scope::Registry(id) => self.observe_registry(scope, id, turn).await,
            Scope::Everything | Scope::Subscription(_) | Scope::Pair(..) => {
                self.observe_estate(scope, turn).await
            }
        }
    }

    /// The cluster itself; all registries; other clusters as far as [`wanted_for`] says; its
    /// grants only where a rule wants something. The rest is a gap, which holds removals.
    async fn observe_cluster(
        &self,
        scope: &Scope,
        id: &ClusterId,
        turn: &mut Turn<'_>,
    ) -> Result<Inventory, ReconcileError> {
        let mut inventory = Inventory::new(scope.clone());
        inventory.gaps.insert(Gap::OtherClusters);
        let cluster = self.arm.cluster(id).await.map_err(reading(format!("cluster `{id}`")))?;
        let Some(cluster) = cluster else {
            return if self.policy.mode == Mode::Sync {
                self.observe_what_is_left_of(id, nothing(inventory), turn).await
            } else {
                Ok(nothing(inventory))
            };
        };
        let cluster = self.policy.knowing(cluster);
        let principal = cluster.identity.principal();
        self.ask_graph(wanted_for(&cluster), &mut inventory).await?;
        inventory.add_cluster(cluster);
        if let Some(principal) = principal {
            self.observe_grants_of(principal, &mut inventory).await?;
        }
        Ok(inventory)
    }

    /// What a cluster that is gone has left behind: assignments that were made for it first. Whether
    /// another cluster holds their identity is looked into before any is removed.
    async fn observe_what_is_left_of(
        &self,
        id: &ClusterId,
        mut inventory: Inventory,
        turn: &mut Turn<'_>,
    ) -> Result<Inventory, ReconcileError> {
        turn.come().await?;
        inventory.gaps.remove(&Gap::OtherClusters);
        self.ask_graph(Wanted::Everything, &mut inventory).await?;
        inventory.clusters.remove(id);
        self.note_silent_subscriptions(&mut inventory).await?;
        let grants = self.graph.pull_grants(&self.estate).await;
        let grants = grants.map_err(reading("the role assignments of the estate"))?;
        let hash = ClusterHash::of(id);
        let left = grants.into_iter().filter(|grant| {
            Mark::read(&grant.description).is_some_and(|mark| mark.cluster == hash)
        });
        left.for_each(|grant| inventory.add_grant(grant));
        Ok(inventory)
    }

    async fn observe_registry(
        &self,
        scope: &Scope,
        id: &RegistryId,
        turn: &mut Turn<'_>,
    ) -> Result<Inventory, ReconcileError> {
        let mut inventory = Inventory::new(scope.clone());
        // What is read before would be old by then, and count as new.
        turn.come().await?;
        let registry = self.arm.registry(id).await.map_err(reading(format!("registry `{id}`")))?;
        let Some(registry) = registry else { return Ok(nothing(inventory)) };
        self.ask_graph(Wanted::Everything, &mut inventory).await?;
        inventory.add_registry(registry);
        let subscription = id.subscription();
        let grants = self.arm.grants_at(id).await;
        note_grants(subscription, None, grants, &mut inventory)?;
        Ok(inventory)
    }

    pub(super) async fn observe_estate(
        &self,
        scope: &Scope,
        turn: &mut Turn<'_>,
    ) -> Result<Inventory, ReconcileError> {
        turn.come().await?;
        let mut inventory = Inventory::new(scope.clone());
        match self.ask_graph(Wanted::Everything, &mut inventory).await {
            // Whoever may not ask Resource Graph may still list each subscription.
            Err(error) if error.source.is_denied() && !self.estate.subscriptions.is_empty() => {
                tracing::warn!(
                    code = error.source.code(),
                    "Resource Graph refused; listing instead"
                );
                self.see_by_lists(&mut inventory).await?;
                return Ok(inventory);
            }
            asked => asked?,
        }
        let grants = self.graph.pull_grants(&self.estate).await;
        let grants = grants.map_err(reading("the role assignments of the estate"))?;
        for grant in grants {
            inventory.add_grant(grant);
        }
        self.note_silent_subscriptions(&mut inventory).await?;
        self.count_assignments(&mut inventory).await;
        Ok(inventory)
    }

    /// Notes how full each subscription is. Not knowing it stops nothing: Azure refuses what is too
    /// much.
    async fn count_assignments(&self, inventory: &mut Inventory) {
        let counts = match self.graph.assignment_counts(&self.estate).await {
            Ok(counts) => counts,
            Err(error) => {
                let (code, cause) = (error.code(), chain(&error));
                tracing::warn!(code, cause, "role assignments not counted");
                return;
            }
        };
        let limit = self.arm.cloud().assignment_limit();
        let usage = |(id, used)| (id, AssignmentUsage { used, limit });
        inventory.assignments = counts.into_iter().map(usage).collect();
        let asked = worth_asking(inventory).into_iter().map(|id| async move {
            let usage = timeout(PATIENCE, self.arm.assignment_usage(id)).await;
            (id, usage.unwrap_or_else(|_| Err(ArmError::out_of_turn(None))))
        });
        let answers: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        for (subscription, answer) in answers {
            match answer {
                Ok(usage) => drop(inventory.assignments.insert(subscription, usage)),
                Err(error) => {
                    let (code, cause) = (error.code(), chain(&error));
                    tracing::debug!(%subscription, code, cause, "the documented limit is taken");
                }
            }
        }
    }

    /// Notes a gap for every stated subscription that Resource Graph leaves out in silence.
    pub(super) async fn note_silent_subscriptions(
        &self,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let answering = self.graph.subscriptions_answering(&self.estate).await;
        let answering = answering.map_err(reading("which subscriptions answer"))?;
        let silent = self.estate.subscriptions.iter().filter(|id| !answering.contains(id));
        inventory.gaps.extend(silent.copied().map(Gap::Subscription));
        Ok(())
    }

    pub(super) async fn ask_graph(
        &self,
        wanted: Wanted,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let seen = self.graph.seen(&self.estate, wanted).await;
        let seen = seen.map_err(reading("clusters and registries in Resource Graph"))?;
        let Seen { clusters, registries, complete, .. } = seen.as_ref();
        for cluster in clusters {
            inventory.add_cluster(self.policy.knowing(cluster.clone()));
        }
        for registry in registries {
            inventory.add_registry(registry.clone());
        }
        if !complete {
            inventory.gaps.extend([Gap::Clusters, Gap::Registries]);
        }
        Ok(())
    }

    /// Lists the identity's grants in every subscription that holds a registry it should have.
    async fn observe_grants_of(
        &self,
        principal: PrincipalId,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let wanted = self.subscriptions_with_wishes(principal, inventory);
        let registries = inventory.registries.keys();
        let others: BTreeSet<_> =
            registries.map(RegistryId::subscription).filter(|id| !wanted.contains(id)).collect();
        inventory.gaps.extend(
            others
                .into_iter()
                .map(|subscription| Gap::Grants { subscription, principal: Some(principal) }),
        );
        let lists = wanted.into_iter().map(|id| async move {
            let grants = self.arm.grants_of(id, principal).await;
            (id, grants)
        });
        let lists: Vec<_> = stream::iter(lists).buffered(AT_ONCE).collect().await;
        for (subscription, grants) in lists {
            note_grants(subscription, Some(principal), grants, inventory)?;
        }
        Ok(())
    }

    /// The subscriptions with a registry that any holder of the identity should have
    fn subscriptions_with_wishes(
        &self,
        principal: PrincipalId,
        inventory: &Inventory,
    ) -> BTreeSet<SubscriptionId> {
        let names = RegistryNames::new(inventory.registries.values());
        let holders = inventory.clusters.values();
        let holders = holders.filter(|cluster| cluster.identity.principal() == Some(principal));
        let pairs = holders.flat_map(|cluster| {
            inventory.registries.values().map(move |registry| (cluster, registry))
        });
        let wished = pairs.filter(|(cluster, registry)| {
            match self.policy.decision(cluster, registry, &names) {
                Decision::Attach { .. } | Decision::Ambiguous { .. } => true,
                Decision::Vetoed { .. } | Decision::NotWanted | Decision::OtherTenant => false,
            }
        });
        wished.map(|(_, registry)| registry.id.subscription()).collect()
    }
}

/// What Resource Graph is asked for one cluster's sake: all registries; other clusters only if they
/// may share its identity; and its own row if nothing else says its tenant.
pub(super) fn wanted_for(cluster: &Cluster) -> Wanted {
    match cluster.identity {
        Identity::Kubelet { principal, origin }
            if origin == IdentityOrigin::BroughtAlong || cluster.tenant.is_none() =>
        {
            Wanted::RegistriesAndHolders(principal)
        }
        // Those who pull as the same one have no kubelet identity, and are seen among such.
        Identity::ServicePrincipal { object_id: Some(principal), .. } => {
            Wanted::RegistriesAndHolders(principal)
        }
        Identity::Kubelet { .. }
        | Identity::Pending
        | Identity::ServicePrincipal { .. }
        | Identity::Missing => Wanted::Registries,
    }
}

/// The subscriptions whose limit of role assignments can make a difference: those with a registry, at
/// which something may be attached, that hold enough to be nearly full by some limit. All others would
/// cost a request a run, and their answer would change nothing but what the status page shows.
fn worth_asking(inventory: &Inventory) -> BTreeSet<SubscriptionId> {
    let ids = inventory.registries.keys().map(RegistryId::subscription);
    let usage = |id: &SubscriptionId| inventory.assignments.get(id);
    ids.filter(|id| usage(id).is_some_and(|usage| usage.used >= ASKED_FROM)).collect()
}

/// An inventory of what is not there. Whoever misspelled a name finds it in the log.
fn nothing(inventory: Inventory) -> Inventory {
    tracing::info!(scope = %inventory.scope, "nothing is there");
    inventory
}

/// Adds a list of grants, or the gap that a refused list leaves.
pub(super) fn note_grants(
    subscription: SubscriptionId,
    principal: Option<PrincipalId>,
    grants: Result<Vec<Grant>, ArmError>,
    inventory: &mut Inventory,
) -> Result<(), ReconcileError> {
    match grants {
        Ok(grants) => grants.into_iter().for_each(|grant| inventory.add_grant(grant)),
        Err(error) if error.is_denied() => {
            inventory.gaps.insert(Gap::Grants { subscription, principal });
        }
        Err(error) => {
            let what = format!("the role assignments of subscription {subscription}");
            return Err(reading(what)(error));
        }
    }
    Ok(())
}
