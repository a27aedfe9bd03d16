//! One side of a pair by itself: what of every rule it fits, whatever the other side is.
//!
//! In a large estate each cluster meets many registries, and each registry many clusters. What one side
//! decides alone is found out once for each, and kept. How the two relate is looked at in `decide`.

use super::decide::says_disabled;
use super::resource::Resource;
use super::{Policy, Rule, Selector};
use crate::model::{Cluster, Registry};

/// How a cluster or a registry stands to the rules of one policy, as far as its own side goes
///
/// It is of use with that policy only, and as long as the resource does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Whether it fits what is asked of its side, by the places of the rules
    fits: Vec<bool>,
    /// Whether it refuses to take part
    pub(super) is_disabled: bool,
}

impl Stand {
    /// Whether it fits what the rule at this place asks of its side
    pub(super) fn fits(&self, place: usize) -> bool {
        self.fits.get(place).copied().unwrap_or_default()
    }
}

impl Policy {
    /// How a cluster stands to the rules
    pub fn stand_of_cluster(&self, cluster: &Cluster) -> Stand {
        self.stand(cluster.into(), |rule| &rule.cluster)
    }

    /// How a registry stands to the rules
    pub fn stand_of_registry(&self, registry: &Registry) -> Stand {
        self.stand(registry.into(), |rule| &rule.registry)
    }

    /// Clusters, each with its stand
    pub fn stands_of_clusters<'a>(
        &self,
        clusters: impl IntoIterator<Item = &'a Cluster>,
    ) -> Vec<(&'a Cluster, Stand)> {
        let each = clusters.into_iter();
        each.map(|cluster| (cluster, self.stand_of_cluster(cluster))).collect()
    }

    /// Registries, each with its stand
    pub fn stands_of_registries<'a>(
        &self,
        registries: impl IntoIterator<Item = &'a Registry>,
    ) -> Vec<(&'a Registry, Stand)> {
        let each = registries.into_iter();
        each.map(|registry| (registry, self.stand_of_registry(registry))).collect()
    }

    fn stand(&self, side: Resource<'_>, asked: fn(&Rule) -> &Selector) -> Stand {
        let fits = |rule| asked(rule).clauses.iter().all(|clause| side.fits(clause));
        Stand { fits: self.rules().iter().map(fits).collect(), is_disabled: says_disabled(side) }
    }
}
