//! Reading again before writing: Resource Graph lags, and a tag may have gone meanwhile.
//!
//! Which resources have to be read follows from the draft plan alone; this file reads them and puts
//! what it found into the inventory.

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};

use super::{AT_ONCE, ReconcileError, Reconciler, reading};
use crate::model::{Cluster, Gap, Inventory, Registry, RegistryMode, ResourceId, Scope};
use crate::plan::{Action, HeldReason, Plan};

/// What was found by reading one resource again
enum Found {
    Cluster(Option<Cluster>),
    Registry(Option<Registry>),
    /// It is there or not: the answer was refused
    Unreadable,
}

/// Both ends of everything that a plan would write, and the registries whose mode alone keeps it
/// from writing, as far as they have not been read yet
pub(super) fn unread(plan: &Plan, read: &BTreeSet<ResourceId>) -> BTreeSet<ResourceId> {
    let attach = plan.attach.iter().map(|item| (&item.grant.registry, &item.clusters));
    let detach = plan.detach.iter().map(|item| (&item.grant.registry, &item.clusters));
    let without_mode = plan.held.iter().filter(|held| {
        let unknown = HeldReason::RegistryMode(String::new());
        held.action == Action::Attach && held.reason == unknown
    });
    let without_mode = without_mode.map(|held| (&held.registry, &held.clusters));
    let mut ends = BTreeSet::new();
    for (registry, clusters) in attach.chain(detach).chain(without_mode) {
        ends.insert(ResourceId::Registry(registry.clone()));
        ends.extend(clusters.iter().cloned().map(ResourceId::Cluster));
    }
    ends.difference(read).cloned().collect()
}

/// What observing has read by GET already: the scope itself
pub(super) fn read_by_observing(inventory: &Inventory) -> BTreeSet<ResourceId> {
    match &inventory.scope {
        Scope::Cluster(id) => BTreeSet::from([ResourceId::Cluster(id.clone())]),
        Scope::Registry(id) => BTreeSet::from([ResourceId::Registry(id.clone())]),
        Scope::Everything | Scope::Subscription(_) | Scope::Pair(..) => BTreeSet::new(),
    }
}

impl Reconciler {
    /// Reads these resources by GET and corrects the inventory. What is gone leaves it; what may not
    /// be read cannot be decided about any more.
    pub(super) async fn read_again(
        &self,
        ids: &BTreeSet<ResourceId>,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let reads = ids.iter().cloned().map(|id| async move {
            let found = self.read_one(&id).await;
            (id, found)
        });
        let mut reads = stream::iter(reads).buffered(AT_ONCE);
        while let Some((id, found)) = reads.next().await {
            correct(inventory, &id, found?);
        }
        Ok(())
    }

    async fn read_one(&self, id: &ResourceId) -> Result<Found, ReconcileError> {
        let found = match id {
            ResourceId::Cluster(id) => self.arm.cluster(id).await.map(Found::Cluster),
            ResourceId::Registry(id) => self.arm.registry(id).await.map(Found::Registry),
        };
        match found {
            Err(error) if error.is_denied() => Ok(Found::Unreadable),
            found => found.map_err(reading(match id {
                ResourceId::Cluster(id) => format!("cluster `{id}`"),
                ResourceId::Registry(id) => format!("registry `{id}`"),
            })),
        }
    }
}

fn correct(inventory: &mut Inventory, id: &ResourceId, found: Found) {
    match (id, found) {
        (_, Found::Cluster(Some(cluster))) => inventory.add_cluster(cluster),
        (_, Found::Registry(Some(registry))) => inventory.add_registry(registry),
        (ResourceId::Cluster(id), Found::Cluster(None)) => {
            inventory.clusters.remove(id);
        }
        (ResourceId::Registry(id), Found::Registry(None)) => {
            inventory.registries.remove(id);
        }
        (ResourceId::Cluster(id), Found::Unreadable | Found::Registry(None)) => {
            inventory.clusters.remove(id);
            inventory.gaps.insert(Gap::Clusters);
        }
        (ResourceId::Registry(id), Found::Unreadable | Found::Cluster(None)) => {
            if let Some(registry) = inventory.registries.get_mut(id) {
                registry.mode = RegistryMode::Unread;
            }
        }
    }
}
