//! What the planner asks of all clusters again and again, looked up instead of searched for.
//!
//! Nothing is decided here.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::model::{
    Cluster, ClusterHash, ClusterId, ClusterState, Grant, Identity, Inventory, Mark, PrincipalId,
};
use crate::policy::Policy;

/// Answers about the clusters of an inventory
#[derive(Debug)]
pub(super) struct Known<'a> {
    inventory: &'a Inventory,
    /// Every cluster by the hash that marks have, once a mark is asked about: most plans ask of none
    by_hash: OnceCell<BTreeMap<ClusterHash, ClusterId>>,
    in_the_making: Option<&'a Cluster>,
    /// Clusters for which the policy states a service principal that they do not pull as any more
    stated_before: BTreeMap<PrincipalId, Vec<&'a Cluster>>,
}

/// What became of the cluster that a mark names
#[derive(Clone, Copy, Debug)]
pub(super) enum Marked<'a> {
    /// It is there
    There(&'a Cluster),
    /// It is gone; the cluster that has its id now, if there is one, was created later
    Gone(Option<&'a Cluster>),
    /// It is in no subscription that was listed
    OutOfSight,
}

impl<'a> Known<'a> {
    pub(super) fn new(inventory: &'a Inventory, policy: &Policy) -> Self {
        let is_in_the_making = |cluster: &&Cluster| {
            cluster.identity == Identity::Pending && cluster.state != ClusterState::Deleting
        };
        let in_the_making = inventory.clusters.values().find(is_in_the_making);
        let mut stated_before: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, principal) in &policy.service_principals {
            let cluster = inventory.clusters.get(id);
            let moved = cluster.filter(|cluster| {
                cluster.identity.principal().is_some_and(|present| present != *principal)
            });
            if let Some(cluster) = moved {
                stated_before.entry(*principal).or_default().push(cluster);
            }
        }
        Self { inventory, by_hash: OnceCell::new(), in_the_making, stated_before }
    }

    /// The cluster that the mark of an assignment names. Before the lists of Resource Manager are there,
    /// one that was not seen counts as gone: they are read for the sake of a removal.
    pub(super) fn marked(&self, grant: &Grant, mark: &Mark) -> Marked<'a> {
        let ids = || self.inventory.clusters.keys();
        let hashed = || ids().map(|id| (ClusterHash::of(id), id.clone())).collect();
        let id = self.by_hash.get_or_init(hashed).get(&mark.cluster);
        match id.and_then(|id| self.inventory.clusters.get(id)) {
            Some(cluster) if is_of_earlier(grant, cluster) => Marked::Gone(Some(cluster)),
            Some(cluster) => Marked::There(cluster),
            None => {
                let listed = &self.inventory.listed;
                let is_listed = mark.subscription.is_some_and(|id| listed.contains(&id));
                if listed.is_empty() || is_listed { Marked::Gone(None) } else { Marked::OutOfSight }
            }
        }
    }

    /// The clusters for which the policy states this service principal, and which have another identity
    pub(super) fn stated_before(&self, principal: PrincipalId) -> &[&'a Cluster] {
        self.stated_before.get(&principal).map_or(&[], Vec::as_slice)
    }

    /// A cluster whose identity is still to come
    pub(super) fn in_the_making(&self) -> Option<&'a Cluster> {
        self.in_the_making
    }
}

/// Whether an assignment was last written before this cluster was created: it belongs to an earlier
/// cluster with the same id. Where either time is not known, it does not.
pub(super) fn is_of_earlier(grant: &Grant, cluster: &Cluster) -> bool {
    grant.updated_on.zip(cluster.created_at).is_some_and(|(written, created)| written < created)
}
