//! Reading again before writing: Resource Graph lags, and a tag may have gone meanwhile.
//!
//! Which resources have to be read follows from the draft plan alone; this file reads them and puts
//! what it found into the inventory. One that cannot be read stops no other: it is a gap, which holds
//! whatever rests on it.

use std::collections::BTreeSet;

use futures::stream::StreamExt;

use super::abreast::abreast;
use super::{ReconcileError, Reconciler, reading};
use crate::azure::{ArmError, chain};
use crate::model::{Cluster, ClusterId, Gap, Inventory, Registry, ResourceId, Scope};
use crate::plan::{Action, HeldReason, Plan};
use crate::policy::{Mode, Policy};

/// What was found by reading one resource again
#[derive(Clone, Debug)]
pub(super) enum Found {
    Cluster(Option<Cluster>),
    Registry(Option<Registry>),
}

/// Both ends of everything that a plan would write, every holder of the identities in it, since one may
/// carry a veto by now, and what Resource Graph does not say and alone keeps it from writing: the mode of
/// a registry, the boot registry of a cluster. As far as they have not been read yet.
pub(super) fn unread(
    plan: &Plan,
    inventory: &Inventory,
    policy: &Policy,
    read: &BTreeSet<ResourceId>,
) -> BTreeSet<ResourceId> {
    let attach = plan.attach.iter().map(|item| (&item.grant.registry, &item.clusters));
    let detach = plan.detach.iter().map(|item| (&item.grant.registry, &item.clusters));
    let had = plan.detach.iter().map(|item| (&item.grant.registry, &item.marked));
    let marks = plan.marks.iter().map(|item| (&item.grant.registry, &item.clusters));
    let held = plan.held.iter().filter(|held| {
        let unknown = HeldReason::RegistryMode(String::new());
        held.action == Action::Attach && held.reason == unknown
    });
    let held = held.map(|held| (&held.registry, &held.clusters));
    let mut ends = BTreeSet::new();
    for (registry, clusters) in attach.chain(detach).chain(had).chain(marks).chain(held) {
        ends.insert(ResourceId::Registry(registry.clone()));
        ends.extend(clusters.iter().cloned().map(ResourceId::Cluster));
    }
    ends.extend(of_unread_boot_registries(plan, policy).cloned().map(ResourceId::Cluster));
    ends.extend(plan.marks.iter().filter_map(|item| item.marked.clone()).map(ResourceId::Cluster));
    let written = plan.attach.iter().map(|item| item.grant.principal);
    let marked = plan.marks.iter().map(|item| item.grant.principal);
    let removed = plan.detach.iter().map(|item| item.grant.principal);
    let written: BTreeSet<_> = written.chain(removed).chain(marked).collect();
    let holders = inventory.clusters.values().filter(|cluster| {
        cluster.identity.principal().is_some_and(|principal| written.contains(&principal))
    });
    ends.extend(holders.map(|cluster| ResourceId::Cluster(cluster.id.clone())));
    ends.difference(read).cloned().collect()
}

/// The clusters whose boot registry alone keeps a removal from being made
fn of_unread_boot_registries<'a>(
    plan: &'a Plan,
    policy: &Policy,
) -> impl Iterator<Item = &'a ClusterId> {
    let removes = policy.mode == Mode::Sync;
    plan.held.iter().filter(move |_| removes).filter_map(|held| {
        let HeldReason::BootRegistryUnread(id) = &held.reason else { return None };
        Some(id)
    })
}

/// What observing has read by GET already: the scope itself
pub(super) fn read_by_observing(inventory: &Inventory) -> BTreeSet<ResourceId> {
    match &inventory.scope {
        Scope::Cluster(id) => BTreeSet::from([ResourceId::Cluster(id.clone())]),
        Scope::Registry(id) => BTreeSet::from([ResourceId::Registry(id.clone())]),
        Scope::Everything | Scope::Subscription(_) | Scope::Pair(..) => BTreeSet::new(),
    }
}

/// Whether it is known already which stated subscriptions do not answer: wide runs ask that first
pub(super) fn knows_who_is_silent(scope: &Scope) -> bool {
    is_wide(scope)
}

fn is_wide(scope: &Scope) -> bool {
    matches!(scope, Scope::Everything | Scope::Subscription(_))
}

impl Reconciler {
    /// Reads these resources by GET and corrects the inventory. What is gone leaves it; what cannot
    /// be read stays as it was seen, with a gap that says so.
    pub(super) async fn read_again(
        &self,
        ids: &BTreeSet<ResourceId>,
        inventory: &mut Inventory,
    ) -> Result<(), ReconcileError> {
        let ids = ids.iter().cloned();
        let mut reads = abreast(ids, ResourceId::subscription, |id| async move {
            let found = self.read_one(&id).await;
            (id, found)
        });
        while let Some((id, found)) = reads.next().await {
            match found {
                Ok(found) => correct(inventory, &id, found),
                // Without a token nothing else can be read either.
                Err(error @ ArmError::Token(_)) => return Err(reading(what(&id))(error)),
                Err(error) => {
                    let cause = chain(&error);
                    tracing::warn!(%id, code = error.code(), cause, "{} not read", id.kind());
                    inventory.gaps.insert(unreadable(id, &error));
                }
            }
        }
        Ok(())
    }

    /// One resource as it is now, or that it is gone
    pub(super) async fn read_one(&self, id: &ResourceId) -> Result<Found, ArmError> {
        match id {
            ResourceId::Cluster(id) => {
                let cluster = self.arm.cluster(id).await?;
                Ok(Found::Cluster(cluster.map(|cluster| self.policy.knowing(cluster))))
            }
            ResourceId::Registry(id) => self.arm.registry(id).await.map(Found::Registry),
        }
    }
}

fn what(id: &ResourceId) -> String {
    format!("{} `{id}`", id.kind())
}

fn unreadable(id: ResourceId, error: &ArmError) -> Gap {
    let passes = error.is_later().then(|| error.retry_after().unwrap_or_default());
    Gap::Unread { id, code: error.code().to_owned(), passes }
}

fn correct(inventory: &mut Inventory, id: &ResourceId, found: Found) {
    match (found, id) {
        (Found::Cluster(Some(cluster)), _) => inventory.add_cluster(cluster),
        (Found::Registry(Some(registry)), _) => inventory.add_registry(registry),
        (Found::Cluster(None) | Found::Registry(None), ResourceId::Cluster(id)) => {
            inventory.clusters.remove(id);
        }
        (Found::Cluster(None) | Found::Registry(None), ResourceId::Registry(id)) => {
            inventory.registries.remove(id);
        }
    }
}
