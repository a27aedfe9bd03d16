//! What the planner asks of all clusters again and again, looked up instead of searched for.
//!
//! Nothing is decided here.

use std::collections::BTreeMap;

use crate::model::{
    AssignmentName, Cluster, ClusterHash, ClusterState, Identity, Inventory, Mark, MarkKind,
};
use crate::policy::Policy;

/// Answers about the clusters of an inventory
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// Every cluster by the hash that marks have; empty where no mark pins anything
    by_hash: BTreeMap<ClusterHash, &'a Cluster>,
    in_the_making: Option<&'a Cluster>,
}

impl<'a> Known<'a> {
    pub(super) fn new(inventory: &'a Inventory, policy: &Policy) -> Self {
        let pins = inventory.grants.values().any(|grant| {
            let kind = Mark::read(&grant.description).map(|mark| mark.kind);
            kind == Some(MarkKind::Pin) && AssignmentName::is_of(&policy.owner, grant)
        });
        let clusters = || inventory.clusters.values();
        let by_hash =
            clusters().filter(|_| pins).map(|cluster| (ClusterHash::of(&cluster.id), cluster));
        let is_in_the_making = |cluster: &&Cluster| {
            cluster.identity == Identity::Pending && cluster.state != ClusterState::Deleting
        };
        Self { by_hash: by_hash.collect(), in_the_making: clusters().find(is_in_the_making) }
    }

    /// The cluster that a pin of ours is marked for
    pub(super) fn pinned(&self, hash: ClusterHash) -> Option<&'a Cluster> {
        self.by_hash.get(&hash).copied()
    }

    /// A cluster whose identity is still to come
    pub(super) fn in_the_making(&self) -> Option<&'a Cluster> {
        self.in_the_making
    }
}
