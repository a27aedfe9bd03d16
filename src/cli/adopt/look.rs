//! Every pull assignment of the estate, from lists of Resource Manager: unlike Resource Graph these are
//! never behind, so that what a run a moment ago has done is seen.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use futures::stream::{self, StreamExt};

use crate::azure::{Arm, ArmError, Estate, Graph};
use crate::model::{Grant, SubscriptionId};

/// How many subscriptions are listed at once
const AT_ONCE: usize = 4;

/// What was seen
#[derive(Debug)]
pub(super) struct Looked {
    /// The pull assignments at registries
    pub(super) grants: Vec<Grant>,
    /// How many subscriptions were looked at
    pub(super) subscriptions: usize,
    /// Those that could not be seen, and why
    pub(super) unread: Vec<(SubscriptionId, ArmError)>,
}

/// Lists the pull assignments of every subscription of the estate.
pub(super) async fn look(arm: &Arm, estate: &Estate) -> anyhow::Result<Looked> {
    let subscriptions: BTreeSet<SubscriptionId> = if estate.subscriptions.is_empty() {
        let graph = Graph::new(arm.clone(), Duration::ZERO);
        let answering = graph.subscriptions_answering(estate).await;
        answering.context("the subscriptions of the management group cannot be read")?
    } else {
        estate.subscriptions.iter().copied().collect()
    };
    let mut looked =
        Looked { grants: Vec::new(), subscriptions: subscriptions.len(), unread: Vec::new() };
    let lists = subscriptions.into_iter().map(async |id| (id, arm.grants_in(id).await));
    let mut lists = stream::iter(lists).buffered(AT_ONCE);
    while let Some((subscription, list)) = lists.next().await {
        match list {
            Ok(grants) => looked.grants.extend(grants),
            Err(error) => looked.unread.push((subscription, error)),
        }
    }
    Ok(looked)
}
