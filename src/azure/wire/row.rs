//! A row of Resource Graph: a cluster or a registry, flattened into columns, or a subscription.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::resource::Head;
use super::{Unreadable, cluster, registry};
use crate::model::{Cluster, Registry, ResourceId, SubscriptionId};

/// A row of the table of resources
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::azure) enum Row {
    Cluster(Cluster),
    Registry(Registry),
}

/// The columns of a resource, the properties lifted to where the rest is
#[derive(Debug, Deserialize)]
struct Columns<P> {
    #[serde(flatten)]
    head: Head,
    #[serde(flatten)]
    properties: P,
}

impl Row {
    pub(in crate::azure) fn read(item: &RawValue) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Named {
            id: String,
        }
        let Named { id } = serde_json::from_str(item.get())?;
        match id.parse()? {
            ResourceId::Cluster(_) => {
                let row: Columns<cluster::Properties> = serde_json::from_str(item.get())?;
                Ok(Self::Cluster(row.properties.into_cluster(&row.head)?))
            }
            ResourceId::Registry(_) => {
                let row: Columns<registry::Properties> = serde_json::from_str(item.get())?;
                Ok(Self::Registry(row.properties.into_registry(&row.head)?))
            }
        }
    }
}

/// Reads the subscription that a row is about.
pub(in crate::azure) fn subscription(item: &RawValue) -> Result<SubscriptionId, Unreadable> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Named {
        subscription_id: String,
    }
    let Named { subscription_id } = serde_json::from_str(item.get())?;
    Ok(subscription_id.parse()?)
}

/// Reads how many role assignments a subscription holds.
pub(in crate::azure) fn assignment_count(
    item: &RawValue,
) -> Result<(SubscriptionId, usize), Unreadable> {
    #[derive(Deserialize)]
    struct Counted {
        subscription: String,
        assignments: usize,
    }
    let Counted { subscription, assignments } = serde_json::from_str(item.get())?;
    Ok((subscription.parse()?, assignments))
}

#[cfg(test)]
mod tests {
    use super::super::GraphPage;
    use super::*;
    use crate::model::{ClusterState, Identity, IdentityOrigin, RegistryMode};

    const PAGE: &[u8] = include_bytes!("../../../tests/fixtures/arm/graph-resources.json");

    #[test]
    fn rows_become_clusters_and_registries_and_one_bad_row_a_problem() {
        let (rows, problems) = GraphPage::read(PAGE).unwrap().items.read(Row::read);
        let [Row::Cluster(managed), Row::Cluster(young), Row::Registry(registry)] = &rows[..]
        else {
            panic!("{rows:?}")
        };
        let principal = "2b2b2b2b-0000-4000-8000-000000000001".parse().unwrap();
        let origin = IdentityOrigin::Aks;
        assert_eq!(managed.identity, Identity::Kubelet { principal, origin });
        assert_eq!(managed.tags.get("acr-attach"), Some("auto"));
        assert!(managed.service_account_pull && managed.tenant.is_some());
        assert_eq!((young.state, &young.identity), (ClusterState::Creating, &Identity::Pending));
        assert_eq!(registry.mode, RegistryMode::Unread);
        assert_eq!(registry.login_server, "acr1-d4e5f6.azurecr.io");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("`nobody` is no GUID"), "{problems:?}");
    }
}
