//! What no answer of Azure says: which identity the nodes of each pool use.
//!
//! A cluster that gets another identity keeps its nodes with the one before until their pool is
//! reimaged.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::history::{PLACES, POOLS};

/// The pools of every cluster, by place
#[derive(Debug, Default)]
pub(crate) struct Nodes([Pools; PLACES]);

/// What the nodes of each pool use: an identity that the cluster had before, or else the one that it has
type Pools = [Option<Uuid>; POOLS];

impl Nodes {
    /// A cluster is made or deleted: no node has an identity of an earlier one.
    pub(crate) fn made_anew(&mut self, cluster: usize) {
        self.0[cluster] = Pools::default();
    }

    /// A cluster that had this identity has another one.
    pub(crate) fn identity_replaced(&mut self, cluster: usize, before: Option<Uuid>) {
        for pool in &mut self.0[cluster] {
            *pool = pool.or(before);
        }
    }

    /// The nodes of a pool are reimaged. Whether they had an identity of before.
    pub(crate) fn reimaged(&mut self, cluster: usize, pool: usize) -> bool {
        self.0[cluster][pool].take().is_some()
    }

    /// The identities that nodes of a cluster use and that it does not have any more, unless it got one
    /// of them back
    pub(crate) fn former(&self, cluster: usize) -> BTreeSet<Uuid> {
        self.0[cluster].iter().copied().flatten().collect()
    }
}
