//! One pair that a person names in a command: found, read afresh, and planned.
//!
//! What the command comes to is decided by `plan`; this file reads what that takes.

use std::collections::BTreeSet;
use std::sync::Arc;

use thiserror::Error;

use super::names::{self, CLUSTER, Called, NameError, REGISTRY};
use super::observe::{note_grants, wanted_for};
use super::{ReconcileError, Reconciler, reading};
use crate::azure::{ArmError, Listed, Seen, Wanted};
use crate::model::{
    Access, AssignmentName, Cluster, ClusterId, Denial, Door, Gap, Identity, IdentityOrigin,
    Inventory, Lock, PrincipalId, Pulls, Registry, RegistryId, ResourceId, Scope,
};
use crate::plan::{
    PairRefusal, Plan, former_identities, guard_pair, pin, unpin, unpin_former_identities,
};

/// What a person wants of a pair
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The registry attached, and pinned
    Attach,
    /// The registry detached, and no longer pinned
    Detach,
    /// The registry detached from identities that the cluster does not have any more, and from those alone
    DetachFormerIdentities,
}

/// What a command on a pair comes to, and what that was decided on
#[derive(Debug)]
pub struct PairPlan {
    /// What to do
    pub plan: Plan,
    /// The cluster, as it was read
    pub cluster: Cluster,
    /// The registry, as it was read
    pub registry: Registry,
}

/// What still lets a cluster pull from a registry
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The identity that the cluster pulls with; whoever else an assignment names is a group
    pub identity: PrincipalId,
    /// The assignments that let it pull, or may do so
    pub access: Vec<(Access, Pulls)>,
}

/// Why a command on a pair came to no plan
#[derive(Debug, Error)]
pub enum PairError {
    /// What it names cannot be used.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The policy is against it.
    #[error(transparent)]
    Policy(#[from] PairRefusal),
    /// Azure could not be read.
    #[error(transparent)]
    Unread(#[from] ReconcileError),
}

/// What lies between a cluster and a registry, as far as Azure tells
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    /// The cluster, as it was read
    pub cluster: Cluster,
    /// The registry, as it was read
    pub registry: Registry,
    /// How the registry may be reached
    pub door: Door,
    /// Whatever roles the cluster's identity has there; `None` if that may not be read, empty without
    /// an identity
    pub access: Option<Vec<Access>>,
    /// What binds whoever assigns roles there; `None` if it may not be read
    pub locks: Option<Listed<Lock>>,
    /// What takes from identities there what their roles give; `None` if it may not be read
    pub denials: Option<Listed<Denial>>,
}

impl Reconciler {
    /// Everything that decides whether the cluster can pull from the registry. Reads, and writes
    /// nothing.
    pub async fn surroundings(
        &self,
        cluster: &ClusterId,
        registry: &RegistryId,
    ) -> Result<Surroundings, PairError> {
        let (cluster, registry) = self.read_pair(cluster, registry).await?;
        let door = self.arm.door(&registry.id).await;
        let door = door.map_err(reading(format!("registry `{}`", registry.id)))?;
        let access = match cluster.identity.principal() {
            None => Some(Vec::new()),
            Some(principal) => match self.arm.access_of(&registry.id, principal).await {
                Ok(access) => Some(access),
                Err(error) if error.is_denied() => None,
                Err(error) => return Err(reading("what lets the cluster pull")(error).into()),
            },
        };
        let locks = readable(self.arm.locks_at(&registry.id).await, "the locks at the registry")?;
        let denials = self.arm.denials_at(&registry.id).await;
        let denials = readable(denials, "the deny assignments at the registry")?;
        let door = door.unwrap_or_default();
        Ok(Surroundings { cluster, registry, door, access, locks, denials })
    }

    /// Finds the cluster and the registry that a command names, by id or by a name that fits only one
    /// in the estate.
    ///
    /// # Guarantees
    /// Both lie in the estate. Resource Graph is asked only where a name was given.
    pub async fn find_pair(
        &self,
        cluster: &str,
        registry: &str,
    ) -> Result<(ClusterId, RegistryId), PairError> {
        let cluster = match Called::read(CLUSTER, cluster)? {
            Called::Id(id) => id,
            Called::Name(name) => {
                let seen = self.named_in_estate(Wanted::Everything, CLUSTER, &name).await?;
                names::cluster(&seen.clusters, &name)?
            }
        };
        let registry = match Called::read(REGISTRY, registry)? {
            Called::Id(id) => id,
            Called::Name(name) => {
                let seen = self.named_in_estate(Wanted::Registries, REGISTRY, &name).await?;
                names::registry(&seen.registries, &name)?
            }
        };
        let ids = [
            (CLUSTER, Scope::Cluster(cluster.clone())),
            (REGISTRY, Scope::Registry(registry.clone())),
        ];
        for (what, scope) in ids {
            if !self.is_in_estate(&scope).await? {
                return Err(NameError::Outside { what, text: scope.to_string() }.into());
            }
        }
        Ok((cluster, registry))
    }

    /// What a person's command on this pair comes to now. Reads, and writes nothing.
    ///
    /// # Guarantees
    /// Cluster, registry, the other clusters that hold the identity and the grants have been read
    /// from Azure itself; the mode has been applied.
    pub async fn plan_pair(
        &self,
        wish: Wish,
        cluster: &ClusterId,
        registry: &RegistryId,
    ) -> Result<PairPlan, PairError> {
        let (mut inventory, registry) = self.observe_settled(wish, cluster, registry).await?;
        let decide = match wish {
            Wish::Attach => pin,
            Wish::Detach => unpin,
            Wish::DetachFormerIdentities => unpin_former_identities,
        };
        // Those of the inventory know their tenants, which Azure itself seldom says.
        let mut cluster = read_last(&inventory, cluster)?;
        let mut registry = inventory.registries.get(&registry.id).cloned().unwrap_or(registry);
        let mut plan = decide(&inventory, &self.policy, (&cluster, &registry))?;
        if plan.attach.iter().any(|attach| attach.needs_all) {
            self.note_silent_subscriptions(&mut inventory).await?;
            plan = decide(&inventory, &self.policy, (&cluster, &registry))?;
        }
        let mut turn = self.turns.none_yet();
        if !plan.detach.is_empty() {
            // Resource Graph may not know a cluster yet that needs the identity.
            self.see_every_cluster(&mut inventory, &mut turn).await?;
            cluster = read_last(&inventory, &cluster.id)?;
            // That may have taken minutes.
            let again = self.arm.registry(&registry.id).await;
            let again = again.map_err(reading(format!("registry `{}`", registry.id)))?;
            inventory.add_registry(again.ok_or_else(|| gone(REGISTRY, &registry.id))?);
            registry = inventory.registries.get(&registry.id).cloned().unwrap_or(registry);
            plan = decide(&inventory, &self.policy, (&cluster, &registry))?;
        }
        Ok(PairPlan { plan: guard_pair(plan, &self.policy), cluster, registry })
    }

    /// All that the timer decides about a pair on: everything, and both ends read from Azure itself.
    /// Reads, and writes nothing.
    pub async fn see_pair(
        &self,
        cluster: &ClusterId,
        registry: &RegistryId,
    ) -> Result<Inventory, PairError> {
        let mut inventory = self.see(&Scope::Everything).await?;
        let (cluster, registry) = self.read_pair(cluster, registry).await?;
        inventory.add_cluster(cluster);
        inventory.add_registry(registry);
        Ok(inventory)
    }

    /// What still lets the cluster pull from the registry, leaving out what was removed just now.
    /// `None` for a cluster without an identity.
    pub async fn access_left(
        &self,
        (cluster, registry): (&Cluster, &Registry),
        removed: &BTreeSet<AssignmentName>,
    ) -> Result<Option<Left>, ReconcileError> {
        let Some(identity) = cluster.identity.principal() else { return Ok(None) };
        let access = self.arm.access_of(&registry.id, identity).await;
        let access = access.map_err(reading("what else lets the cluster pull"))?;
        let is_removed = |access: &Access| {
            let name = access.assignment.rsplit('/').next().unwrap_or_default();
            name.parse().is_ok_and(|name| removed.contains(&AssignmentName(name)))
        };
        let left = access.into_iter().filter(|access| !is_removed(access));
        let left = left.map(|access| {
            let pulls = access.pulls(&registry.mode);
            (access, pulls)
        });
        let access = left.filter(|(_, pulls)| *pulls != Pulls::No).collect();
        Ok(Some(Left { identity, access }))
    }

    async fn read_pair(
        &self,
        cluster_id: &ClusterId,
        registry_id: &RegistryId,
    ) -> Result<(Cluster, Registry), PairError> {
        let cluster = self.arm.cluster(cluster_id).await;
        let cluster = cluster.map_err(reading(format!("cluster `{cluster_id}`")))?;
        let cluster = cluster.ok_or_else(|| gone(CLUSTER, cluster_id))?;
        let cluster = self.policy.knowing(cluster);
        let registry = self.arm.registry(registry_id).await;
        let registry = registry.map_err(reading(format!("registry `{registry_id}`")))?;
        Ok((cluster, registry.ok_or_else(|| gone(REGISTRY, registry_id))?))
    }

    /// All that deciding about the pair needs, and the registry as it was read. A cluster that gets
    /// another identity meanwhile is looked at anew: who else has that one was not asked.
    async fn observe_settled(
        &self,
        wish: Wish,
        cluster: &ClusterId,
        registry: &RegistryId,
    ) -> Result<(Inventory, Registry), PairError> {
        loop {
            let (cluster, registry) = self.read_pair(cluster, registry).await?;
            let inventory = self.observe_pair(wish, &cluster, &registry).await?;
            let last = read_last(&inventory, &cluster.id)?;
            if last.identity.principal() == cluster.identity.principal() {
                return Ok((inventory, registry));
            }
        }
    }

    /// All that deciding about the pair needs: the registries of the estate, since a tag may name one
    /// that is not alone with its name; the holders of the identity; the grants.
    async fn observe_pair(
        &self,
        wish: Wish,
        cluster: &Cluster,
        registry: &Registry,
    ) -> Result<Inventory, ReconcileError> {
        let pair = Scope::Pair(cluster.id.clone(), registry.id.clone());
        let mut inventory = Inventory::new(pair);
        inventory.add_cluster(cluster.clone());
        match cluster.identity {
            Identity::Kubelet { principal, origin: IdentityOrigin::BroughtAlong }
            | Identity::ServicePrincipal { object_id: Some(principal), .. } => {
                self.observe_holders(principal, &cluster.id, &mut inventory).await?;
            }
            // AKS made it for this cluster alone; whoever brings it along all the same is seen.
            Identity::Kubelet { principal, origin: IdentityOrigin::Aks } => {
                let wanted = Wanted::RegistriesAndHolders(principal);
                self.ask_graph_beside(&cluster.id, wanted, &mut inventory).await?;
                inventory.gaps.remove(&Gap::Clusters);
            }
            Identity::Pending | Identity::ServicePrincipal { .. } | Identity::Missing => {
                self.ask_graph_beside(&cluster.id, wanted_for(cluster), &mut inventory).await?;
                inventory.gaps.remove(&Gap::Clusters);
            }
        }
        inventory.add_registry(registry.clone());
        match (wish, cluster.identity.principal()) {
            (Wish::Detach | Wish::DetachFormerIdentities, _) => {
                self.observe_grants_at(registry, cluster, &mut inventory).await?;
            }
            (Wish::Attach, Some(principal)) => {
                let subscription = registry.id.subscription();
                let grants = self.arm.grants_of(subscription, principal).await;
                note_grants(subscription, Some(principal), grants, &mut inventory)?;
            }
            (Wish::Attach, None) => {}
        }
        Ok(inventory)
    }

    /// The grants at the registry, and the clusters that hold an identity which this cluster had before
    async fn observe_grants_at(
        &self,
        registry: &Registry,
        cluster: &Cluster,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let grants = self.arm.grants_at(&registry.id).await;
        note_grants(registry.id.subscription(), None, grants, inventory)?;
        let grants = inventory.grants.values();
        let formers = former_identities(grants, &self.policy, cluster, registry);
        for principal in formers {
            self.observe_holders(principal, &cluster.id, inventory).await?;
        }
        // Resource Graph may be behind; this one was read from Azure itself.
        inventory.add_registry(registry.clone());
        Ok(())
    }

    /// The clusters that hold an identity or may come to, those that do read again
    async fn observe_holders(
        &self,
        principal: PrincipalId,
        cluster: &ClusterId,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let wanted = Wanted::RegistriesAndHolders(principal);
        self.ask_graph_beside(cluster, wanted, inventory).await?;
        self.note_silent_subscriptions(inventory).await?;
        let seen = inventory.clusters.values();
        let holders = seen.filter(|cluster| cluster.identity.principal() == Some(principal));
        let holders: BTreeSet<_> =
            holders.map(|cluster| ResourceId::Cluster(cluster.id.clone())).collect();
        self.read_again(&holders, inventory).await
    }

    /// Asks Resource Graph, which may be behind what is known of the pair's cluster from Azure itself.
    async fn ask_graph_beside(
        &self,
        cluster: &ClusterId,
        wanted: Wanted,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let known = inventory.clusters.get(cluster).cloned();
        self.ask_graph(wanted, inventory).await?;
        if let Some(known) = known {
            inventory.add_cluster(known);
        }
        Ok(())
    }

    async fn named_in_estate(
        &self,
        wanted: Wanted,
        what: &'static str,
        name: &str,
    ) -> Result<Arc<Seen>, PairError> {
        let seen = self.graph.seen(&self.estate, wanted).await;
        let seen = seen.map_err(reading("clusters and registries in Resource Graph"))?;
        let mut probe = Inventory::new(Scope::Everything);
        self.note_silent_subscriptions(&mut probe).await?;
        if !seen.complete || !probe.gaps.is_empty() {
            return Err(NameError::PartlySeen { what, text: name.to_owned() }.into());
        }
        Ok(seen)
    }
}

/// A list; `None` if it may not be read
fn readable<T>(
    list: Result<Listed<T>, ArmError>,
    what: &str,
) -> Result<Option<Listed<T>>, ReconcileError> {
    match list {
        Ok(list) => {
            for problem in &list.problems {
                tracing::warn!(problem, "left out of {what}");
            }
            Ok(Some(list))
        }
        Err(error) if error.is_denied() => Ok(None),
        Err(error) => Err(reading(what)(error)),
    }
}

/// The cluster as it was read last; gone, if that is what was found then
fn read_last(inventory: &Inventory, id: &ClusterId) -> Result<Cluster, NameError> {
    inventory.clusters.get(id).cloned().ok_or_else(|| gone(CLUSTER, id))
}

fn gone(what: &'static str, id: &dyn ToString) -> NameError {
    NameError::Gone { what, text: id.to_string() }
}
