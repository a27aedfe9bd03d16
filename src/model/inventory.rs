//! What was seen of the world in one observation, and what could not be seen.
//!
//! An inventory may be stale and incomplete; what is missing is listed in it, so that nobody takes
//! "not seen" for "not there".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::letters::folded;
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
    /// Pull grants at registries, by the assignment's id in one letter case
    pub grants: BTreeMap<String, Grant>,
    /// How full subscriptions are, where that was asked
    pub assignments: BTreeMap<SubscriptionId, AssignmentUsage>,
    /// The subscriptions whose clusters were listed by Resource Manager itself, one by one. Only there
    /// a cluster that is not in here is known to be gone.
    pub listed: BTreeSet<SubscriptionId>,
    /// What could not be seen
    pub gaps: BTreeSet<Gap>,
}

/// How many role assignments a subscription holds, and how many it may hold
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AssignmentUsage {
    /// The role assignments in it, of whatever role and at whatever scope
    pub used: usize,
    /// The most that Azure allows: as it says itself, or else as is documented for the cloud
    pub limit: usize,
}

impl AssignmentUsage {
    /// Whether four fifths of the limit are used, or more
    pub fn is_nearly_full(self) -> bool {
        self.used.saturating_mul(5) >= self.limit.saturating_mul(4)
    }
}

/// Something that could not be seen
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// Not every cluster of the estate was looked at
    Clusters,
    /// Of the clusters outside the scope only those with the same identity were looked at
    OtherClusters,
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
            Self::OtherClusters => f.write_str("clusters with other identities were not looked at"),
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
            assignments: BTreeMap::new(),
            listed: BTreeSet::new(),
            gaps: BTreeSet::new(),
        }
    }

    /// Adds a cluster, replacing what was known of it but for a tenant that it does not say itself:
    /// Resource Manager seldom does, and Resource Graph always.
    pub fn add_cluster(&mut self, mut cluster: Cluster) {
        let known = self.clusters.get(&cluster.id).and_then(|known| known.tenant);
        cluster.tenant = cluster.tenant.or(known);
        self.clusters.insert(cluster.id.clone(), cluster);
    }

    /// Adds a registry, replacing what was known of it but for a tenant that it does not say itself
    pub fn add_registry(&mut self, mut registry: Registry) {
        let known = self.registries.get(&registry.id).and_then(|known| known.tenant);
        registry.tenant = registry.tenant.or(known);
        self.registries.insert(registry.id.clone(), registry);
    }

    /// Adds a grant, replacing what was known of it
    pub fn add_grant(&mut self, grant: Grant) {
        self.grants.insert(folded(&grant.id), grant);
    }

    /// Whether every cluster of the estate is in here
    pub fn knows_all_clusters(&self) -> bool {
        !self
            .gaps
            .iter()
            .any(|gap| matches!(gap, Gap::Clusters | Gap::OtherClusters | Gap::Subscription(_)))
    }

    /// A subscription that did not answer, if there is one
    pub fn silent(&self) -> Option<SubscriptionId> {
        self.gaps.iter().find_map(|gap| match gap {
            Gap::Subscription(id) => Some(*id),
            Gap::Clusters
            | Gap::OtherClusters
            | Gap::Registries
            | Gap::Grants { .. }
            | Gap::Unread { .. } => None,
        })
    }

    /// Whether every registry of this subscription is in here
    pub fn knows_registries_of(&self, subscription: SubscriptionId) -> bool {
        !self.gaps.iter().any(|gap| match gap {
            Gap::Registries => true,
            Gap::Subscription(id) => *id == subscription,
            Gap::Clusters | Gap::OtherClusters | Gap::Grants { .. } | Gap::Unread { .. } => false,
        })
    }

    /// Whether every grant of this identity at this registry is in here
    pub fn knows_grants(&self, registry: &RegistryId, principal: PrincipalId) -> bool {
        !self.gaps.iter().any(|gap| match gap {
            Gap::Grants { subscription, principal: whose } => {
                *subscription == registry.subscription()
                    && whose.is_none_or(|whose| whose == principal)
            }
            Gap::Subscription(id) => *id == registry.subscription(),
            Gap::Clusters | Gap::OtherClusters | Gap::Registries | Gap::Unread { .. } => false,
        })
    }

    /// What was seen and could not be read since, each with the reason in a word
    pub fn unread(&self) -> impl Iterator<Item = (&ResourceId, &str)> {
        self.gaps.iter().filter_map(|gap| match gap {
            Gap::Unread { id, code, .. } => Some((id, code.as_str())),
            Gap::Clusters
            | Gap::OtherClusters
            | Gap::Registries
            | Gap::Subscription(_)
            | Gap::Grants { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{BootRegistry, ClusterState, Identity, RegistryMode, Tags};

    const GROUP: &str =
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers";

    fn cluster(location: &str, tenant: Option<Uuid>) -> Cluster {
        let id = format!("{GROUP}/Microsoft.ContainerService/managedClusters/aks1");
        Cluster {
            id: id.parse().unwrap(),
            tags: Tags::default(),
            location: location.to_owned(),
            tenant,
            state: ClusterState::Settled,
            identity: Identity::Missing,
            service_account_pull: false,
            created_at: None,
            is_succeeded: true,
            boot_registry: BootRegistry::None,
        }
    }

    fn registry(location: &str, tenant: Option<Uuid>) -> Registry {
        let id = format!("{GROUP}/Microsoft.ContainerRegistry/registries/acr1");
        Registry {
            id: id.parse().unwrap(),
            login_server: String::new(),
            tags: Tags::default(),
            location: location.to_owned(),
            tenant,
            mode: RegistryMode::Legacy,
        }
    }

    #[test]
    fn what_is_added_later_counts_but_does_not_make_a_tenant_forgotten() {
        let [one, other] = [1, 2].map(|number| Some(Uuid::from_u128(number)));
        for (first, second, known) in
            [(one, None, one), (None, one, one), (one, other, other), (None, None, None)]
        {
            let mut inventory = Inventory::new(Scope::Everything);
            for (location, tenant) in [("first", first), ("second", second)] {
                inventory.add_cluster(cluster(location, tenant));
                inventory.add_registry(registry(location, tenant));
            }
            let cluster = inventory.clusters.values().next().unwrap();
            assert_eq!((cluster.location.as_str(), cluster.tenant), ("second", known));
            let registry = inventory.registries.values().next().unwrap();
            assert_eq!((registry.location.as_str(), registry.tenant), ("second", known));
        }
    }
}
