//! The ends of changes, read once more right before they are made: a veto may stand there by now, or a
//! tag have come back.
//!
//! Many changes share an end. One read serves all that come within a few moments, since three reads
//! for each would be more than what ARM lets through beside the writes. One that fails, fails for all
//! who wait for it, and those who come later read anew: each waiting for its own failure in turn would
//! be minutes of nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::Reconciler;
use super::confirm::Found;
use crate::azure::ArmError;
use crate::model::{Cluster, ClusterId, Registry, RegistryId, ResourceId};

/// Reads of ends, each good for one span of time
#[derive(Debug)]
pub(super) struct Ends<'a> {
    reconciler: &'a Reconciler,
    since: Instant,
    span: Duration,
    reads: Mutex<Reads>,
}

#[derive(Debug, Default)]
struct Reads {
    /// Which span they are of, counted from the start
    number: u128,
    found: BTreeMap<ResourceId, Arc<Place>>,
}

/// Where one read of an end is waited for
type Place = OnceCell<Result<Found, ArmError>>;

impl<'a> Ends<'a> {
    /// Ends of which a read will do for this long, the first of them made since then
    pub(super) fn new(reconciler: &'a Reconciler, span: Duration, since: Instant) -> Self {
        Self { reconciler, since, span, reads: Mutex::default() }
    }

    /// Whether the first span is over, in which what was read before it is good enough
    pub(super) fn are_old(&self) -> bool {
        self.since.elapsed() >= self.span
    }

    /// The registry, if it is there
    pub(super) async fn registry(&self, id: &RegistryId) -> Result<Option<Registry>, ArmError> {
        match self.read(ResourceId::Registry(id.clone())).await? {
            Found::Registry(registry) => Ok(registry),
            Found::Cluster(_) => Ok(None),
        }
    }

    /// Those of the clusters that are there
    pub(super) async fn clusters(&self, ids: &[ClusterId]) -> Result<Vec<Cluster>, ArmError> {
        let mut clusters = Vec::new();
        for id in ids {
            if let Found::Cluster(Some(cluster)) =
                self.read(ResourceId::Cluster(id.clone())).await?
            {
                clusters.push(cluster);
            }
        }
        Ok(clusters)
    }

    async fn read(&self, id: ResourceId) -> Result<Found, ArmError> {
        let place = self.place_of(&id);
        let found = place.get_or_init(|| self.reconciler.read_one(&id)).await;
        if found.is_err() {
            self.forget(&id, &place);
        }
        found.clone()
    }

    /// Has whoever comes next read anew.
    fn forget(&self, id: &ResourceId, place: &Arc<Place>) {
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if reads.found.get(id).is_some_and(|newest| Arc::ptr_eq(newest, place)) {
            reads.found.remove(id);
        }
    }

    /// Where what is read of an end in this span is kept
    fn place_of(&self, id: &ResourceId) -> Arc<Place> {
        let number = self.since.elapsed().as_millis() / self.span.as_millis().max(1);
        let mut reads = self.reads.lock().unwrap_or_else(PoisonError::into_inner);
        if reads.number < number {
            *reads = Reads { number, found: BTreeMap::new() };
        }
        Arc::clone(reads.found.entry(id.clone()).or_default())
    }
}
