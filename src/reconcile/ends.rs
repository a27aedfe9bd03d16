//! The ends of attachments in a run that takes long, read once more when what was read of them is
//! old: a veto may stand there by now, or the wish be gone.
//!
//! A minute is short enough for a person who sets a tag, and long enough that the reads stay below
//! what ARM lets through beside the writes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::Reconciler;
use super::confirm::Found;
use crate::azure::ArmError;
use crate::model::ResourceId;
use crate::plan::{Attach, is_still_wanted};

/// For how long what was read of an end will do
const FRESH: Duration = Duration::from_secs(60);

/// What was read of the ends of a run's attachments in the present span of [`FRESH`]
#[derive(Debug)]
pub(super) struct Ends {
    since: Instant,
    read: Mutex<Reads>,
}

#[derive(Debug, Default)]
struct Reads {
    span: u64,
    found: BTreeMap<ResourceId, Arc<OnceCell<Found>>>,
}

impl Ends {
    /// Ends that have been read by now
    pub(super) fn read_now() -> Self {
        Self { since: Instant::now(), read: Mutex::default() }
    }

    /// The span of time that now is in: 0 as long as what the plan was confirmed by is fresh
    fn span(&self) -> u64 {
        self.since.elapsed().as_secs() / FRESH.as_secs()
    }

    /// What is known of an end in this span: one read for all who ask
    fn of(&self, span: u64, id: &ResourceId) -> Arc<OnceCell<Found>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.span < span {
            *read = Reads { span, found: BTreeMap::new() };
        }
        Arc::clone(read.found.entry(id.clone()).or_default())
    }
}

impl Reconciler {
    /// Whether the policy still wants an attachment, by ends that were read not long ago
    pub(super) async fn still_wants(&self, item: &Attach, ends: &Ends) -> Result<bool, ArmError> {
        let span = ends.span();
        if span == 0 {
            return Ok(true);
        }
        let read = |id: ResourceId| async move {
            let found = ends.of(span, &id);
            found.get_or_try_init(|| self.read_one(&id)).await.cloned()
        };
        let Found::Registry(Some(registry)) =
            read(ResourceId::Registry(item.grant.registry.clone())).await?
        else {
            return Ok(false);
        };
        let mut clusters = Vec::new();
        for id in &item.clusters {
            if let Found::Cluster(Some(cluster)) = read(ResourceId::Cluster(id.clone())).await? {
                clusters.push(cluster);
            }
        }
        Ok(is_still_wanted(item, &registry, &clusters, &self.policy))
    }
}
