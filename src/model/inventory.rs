//! What was seen of the world in one observation, and what could not be seen.
//!
//! An inventory may be stale and incomplete; what is missing is listed in it, so that nobody takes
//! "not seen" for "not there".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::{
    Cluster, ClusterId, Grant, PrincipalId, Registry, RegistryId, ResourceId, Scope, SubscriptionId,
};

/// What was seen, for one scope
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The pairs to decide about. Clusters and registries outside it are here for context only:
    /// another holder of the same identity, another registry of the same name.
    pub scope: Scope,
    /// Clusters by id
    pub clusters: BTreeMap<ClusterId, Cluster>,
    /// Registries by id
    pub registries: BTreeMap<RegistryId, Registry>,
    /// Pull grants at registries, by the assignment's id in lower case
    pub grants: BTreeMap<String, Grant>,
    /// What could not be seen
    pub gaps: BTreeSet<Gap>,
}

/// Something that could not be seen
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// Not every cluster of the estate was looked at
    Clusters,
    /// Not every registry of the estate was looked at
    Registries,
    /// A stated subscription did not answer
    Subscription(SubscriptionId),
    /// The grants in a subscription, of one identity or of all
    Grants {
        /// Where
        subscription: SubscriptionId,
        /// Whose; `None` means everyone's
        principal: Option<PrincipalId>,
    },
    /// A cluster or a registry that was seen and could not be read since. It counts as there, and
    /// what is known of it may be old.
    Unread {
        /// Which
        id: ResourceId,
        /// Why, in a word: Azure's code where there is one
        code: String,
        /// Where that may pass by itself: how long it takes at least
        passes: Option<Duration>,
    },
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clusters => f.write_str("not every cluster of the estate was looked at"),
            Self::Registries => f.write_str("not every registry of the estate was looked at"),
            Self::Subscription(id) => write!(f, "subscription {id} did not answer"),
            Self::Grants { subscription, principal: None } => {
                write!(f, "role assignments of subscription {subscription} could not be read")
            }
            Self::Grants { subscription, principal: Some(principal) } => write!(
                f,
                "role assignments of identity {principal} in subscription {subscription} could not be read"
            ),
            Self::Unread { id, code, .. } => {
                write!(f, "{} `{id}` could not be read: `{code}`", id.kind())
            }
        }
    }
}

impl Inventory {
    /// An inventory in which nothing was seen and nothing is missing
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            clusters: BTreeMap::new(),
            registries: BTreeMap::new(),
            grants: BTreeMap::new(),
            gaps: BTreeSet::new(),
        }
    }

    /// Adds a cluster, replacing what was known of it
    pub fn add_cluster(&mut self, cluster: Cluster) {
        self.clusters.insert(cluster.id.clone(), cluster);
    }

    /// Adds a registry, replacing what was known of it
    pub fn add_registry(&mut self, registry: Registry) {
        self.registries.insert(registry.id.clone(), registry);
    }

    /// Adds a grant, replacing what was known of it
    pub fn add_grant(&mut self, grant: Grant) {
        self.grants.insert(grant.id.to_lowercase(), grant);
    }

    /// Whether every cluster of the estate is in here
    pub fn knows_all_clusters(&self) -> bool {
        !self.gaps.iter().any(|gap| matches!(gap, Gap::Clusters | Gap::Subscription(_)))
    }

    /// Whether every grant of this identity at this registry is in here
    pub fn knows_grants(&self, registry: &RegistryId, principal: PrincipalId) -> bool {
        !self.gaps.iter().any(|gap| match gap {
            Gap::Grants { subscription, principal: whose } => {
                *subscription == registry.subscription()
                    && whose.is_none_or(|whose| whose == principal)
            }
            Gap::Subscription(id) => *id == registry.subscription(),
            Gap::Clusters | Gap::Registries | Gap::Unread { .. } => false,
        })
    }

    /// What was seen and could not be read since, each with the reason in a word
    pub fn unread(&self) -> impl Iterator<Item = (&ResourceId, &str)> {
        self.gaps.iter().filter_map(|gap| match gap {
            Gap::Unread { id, code, .. } => Some((id, code.as_str())),
            Gap::Clusters | Gap::Registries | Gap::Subscription(_) | Gap::Grants { .. } => None,
        })
    }
}
