//! What the planner asks of all clusters again and again, looked up instead of searched for.
//!
//! Nothing is decided here.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::model::{Cluster, ClusterHash, ClusterId, ClusterState, Identity, Inventory};

/// Answers about the clusters of an inventory
#[derive(Debug)]
pub(super) struct Known<'a> {
    inventory: &'a Inventory,
    /// Every cluster by the hash that marks have, once a mark is asked about: most plans ask of none
    by_hash: OnceCell<BTreeMap<ClusterHash, ClusterId>>,
    in_the_making: Option<&'a Cluster>,
}

impl<'a> Known<'a> {
    pub(super) fn new(inventory: &'a Inventory) -> Self {
        let is_in_the_making = |cluster: &&Cluster| {
            cluster.identity == Identity::Pending && cluster.state != ClusterState::Deleting
        };
        let in_the_making = inventory.clusters.values().find(is_in_the_making);
        Self { inventory, by_hash: OnceCell::new(), in_the_making }
    }

    /// The cluster that a mark names
    pub(super) fn marked(&self, hash: ClusterHash) -> Option<&'a Cluster> {
        let ids = || self.inventory.clusters.keys();
        let hashed = || ids().map(|id| (ClusterHash::of(id), id.clone())).collect();
        let id = self.by_hash.get_or_init(hashed).get(&hash)?;
        self.inventory.clusters.get(id)
    }

    /// A cluster whose identity is still to come
    pub(super) fn in_the_making(&self) -> Option<&'a Cluster> {
        self.in_the_making
    }
}
