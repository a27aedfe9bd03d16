//! An AKS cluster's JSON, and which identity its nodes pull with.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Unreadable;
use super::resource::{Head, Resource, said};
use crate::model::{BootRegistry, Cluster, ClusterId, ClusterState, Identity, IdentityOrigin};

/// The year and month of the first stable version whose answers say which registry a cluster boots from
const SAYS_BOOT_REGISTRY: (u16, u8) = (2025, 3);

/// Reads Resource Manager's answer to a request of this API version.
pub(in crate::azure) fn cluster(body: &[u8], version: &str) -> Result<Cluster, Unreadable> {
    let Resource { head, properties }: Resource<Properties> = serde_json::from_slice(body)?;
    let is_silent =
        properties.bootstrap_profile.is_none() && month_of(version) >= Some(SAYS_BOOT_REGISTRY);
    let cluster = properties.into_cluster(&head)?;
    // Only a version that has the field says by leaving it out that there is none.
    let boot_registry = if is_silent { BootRegistry::None } else { cluster.boot_registry };
    Ok(Cluster { boot_registry, ..cluster })
}

/// The year and month that an API version starts with
fn month_of(version: &str) -> Option<(u16, u8)> {
    let mut parts = version.split('-');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Reads an item of Resource Manager's list, asked for in this API version.
pub(in crate::azure) fn cluster_item(
    item: &RawValue,
    version: &str,
) -> Result<Cluster, Unreadable> {
    cluster(item.get().as_bytes(), version)
}

/// What of a cluster's properties matters; Resource Graph's columns have the same names
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties {
    provisioning_state: Option<String>,
    node_resource_group: Option<String>,
    identity_profile: Option<BTreeMap<String, UserAssigned>>,
    service_principal_profile: Option<ServicePrincipal>,
    security_profile: Option<Security>,
    agent_pool_profiles: Option<Vec<AgentPool>>,
    bootstrap_profile: Option<Bootstrap>,
    /// Resource Graph's column, taken out of the security profile
    service_account_image_pull_profile: Option<Switch>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserAssigned {
    resource_id: Option<String>,
    object_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServicePrincipal {
    client_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Security {
    service_account_image_pull_profile: Option<Switch>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AgentPool {
    provisioning_state: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bootstrap {
    container_registry_id: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Switch {
    enabled: Option<bool>,
}

impl Properties {
    pub(super) fn into_cluster(self, head: &Head) -> Result<Cluster, Unreadable> {
        let id: ClusterId = head.id.parse()?;
        let state = self.state();
        let service_account_pull = self.pulls_by_service_account();
        let is_succeeded = self.is_succeeded();
        let boot_registry = self.boot_registry();
        let identity = self.identity(&id, state)?;
        Ok(Cluster {
            tags: head.tags(),
            location: head.location(),
            tenant: head.tenant(),
            id,
            state,
            identity,
            service_account_pull,
            created_at: head.created_at(),
            is_succeeded,
            boot_registry,
        })
    }

    fn state(&self) -> ClusterState {
        match self.provisioning_state.as_deref().unwrap_or_default() {
            state if state.eq_ignore_ascii_case("Creating") => ClusterState::Creating,
            state if state.eq_ignore_ascii_case("Deleting") => ClusterState::Deleting,
            _ => ClusterState::Settled,
        }
    }

    fn pulls_by_service_account(&self) -> bool {
        let nested = || self.security_profile.as_ref()?.service_account_image_pull_profile;
        let switch = self.service_account_image_pull_profile.or_else(nested);
        switch.and_then(|switch| switch.enabled).unwrap_or_default()
    }

    fn is_succeeded(&self) -> bool {
        let succeeded = |state: &Option<String>| {
            state.as_ref().is_some_and(|state| state.eq_ignore_ascii_case("Succeeded"))
        };
        let pools = self.agent_pool_profiles.as_ref();
        succeeded(&self.provisioning_state)
            && pools
                .is_some_and(|pools| pools.iter().all(|pool| succeeded(&pool.provisioning_state)))
    }

    fn boot_registry(&self) -> BootRegistry {
        let Some(profile) = &self.bootstrap_profile else { return BootRegistry::Unread };
        match said(profile.container_registry_id.clone()) {
            None => BootRegistry::None,
            // An id that is no registry's may be written in a way that is new to this version.
            Some(id) => id.parse().map_or(BootRegistry::Unread, BootRegistry::Registry),
        }
    }

    fn identity(self, id: &ClusterId, state: ClusterState) -> Result<Identity, Unreadable> {
        // A cluster with managed identities has the word `msi` in the place of an application id.
        let client_id = said(self.service_principal_profile.and_then(|profile| profile.client_id));
        if let Some(client_id) = client_id.filter(|id| !id.eq_ignore_ascii_case("msi")) {
            return Ok(Identity::ServicePrincipal { client_id, object_id: None });
        }
        let mut profiles = self.identity_profile.into_iter().flatten();
        let kubelet = profiles.find(|(name, _)| name.eq_ignore_ascii_case("kubeletidentity"));
        let Some((_, kubelet)) = kubelet else { return Ok(without_identity(state)) };
        let Some(object_id) = said(kubelet.object_id) else { return Ok(without_identity(state)) };
        let principal = object_id.parse().map_err(|_| Unreadable::guid("objectId", &object_id))?;
        let node_group = self.node_resource_group.unwrap_or_default();
        let resource_id = kubelet.resource_id.unwrap_or_default();
        let origin = if is_made_by_aks(id, &node_group, &resource_id) {
            IdentityOrigin::Aks
        } else {
            IdentityOrigin::BroughtAlong
        };
        Ok(Identity::Kubelet { principal, origin })
    }
}

fn without_identity(state: ClusterState) -> Identity {
    match state {
        ClusterState::Creating => Identity::Pending,
        ClusterState::Deleting | ClusterState::Settled => Identity::Missing,
    }
}

/// Whether an identity is the one that AKS makes itself: in the cluster's node resource group, and
/// named after its node pools
fn is_made_by_aks(cluster: &ClusterId, node_group: &str, identity: &str) -> bool {
    let subscription = cluster.subscription();
    let place =
        format!("/subscriptions/{subscription}/resourceGroups/{node_group}/").to_lowercase();
    let identity = identity.to_lowercase();
    !node_group.is_empty() && identity.starts_with(&place) && identity.ends_with("-agentpool")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANAGED: &str = include_str!("../../../tests/fixtures/arm/cluster-managed-identity.json");
    const PRINCIPAL: &str = "2b2b2b2b-0000-4000-8000-000000000001";

    const VERSION: &str = "2025-05-01";

    /// The recorded cluster with a part of its text replaced
    #[track_caller]
    fn edited(from: &str, to: &str) -> Cluster {
        assert!(MANAGED.contains(from), "{from}");
        cluster(MANAGED.replace(from, to).as_bytes(), VERSION).unwrap()
    }

    #[track_caller]
    fn check(from: &str, to: &str, identity: &Identity) {
        assert_eq!(edited(from, to).identity, *identity);
    }

    fn kubelet(origin: IdentityOrigin) -> Identity {
        Identity::Kubelet { principal: PRINCIPAL.parse().unwrap(), origin }
    }

    #[test]
    fn the_official_example_is_understood() {
        let body = include_bytes!("../../../tests/fixtures/arm/ManagedClustersGet.json");
        let read = cluster(body, VERSION).unwrap();
        assert_eq!(read.id.name(), "clustername1");
        assert_eq!(read.location, "location1");
        assert_eq!(read.tags.get("Tier"), Some("production"));
        assert_eq!(
            read.identity,
            Identity::ServicePrincipal { client_id: "clientid".to_owned(), object_id: None }
        );
        assert_eq!(read.state, ClusterState::Settled);
        assert_eq!(read.tenant, None);
        assert!(!read.service_account_pull);
    }

    #[test]
    fn the_kubelet_identity_is_taken_and_not_the_control_planes() {
        check(
            "MC_rg_aks-1_westeurope\",",
            "MC_rg_aks-1_westeurope\",",
            &kubelet(IdentityOrigin::Aks),
        );
        check("\"msi\"", "\"MSI\"", &kubelet(IdentityOrigin::Aks));
        check("kubeletidentity", "kubeletIdentity", &kubelet(IdentityOrigin::Aks));
        let tenant = edited("aks-1", "aks-1").tenant.map(|tenant| tenant.to_string());
        assert_eq!(tenant.as_deref(), Some("7e7e7e7e-0000-4000-8000-000000000001"));
    }

    #[test]
    fn an_identity_from_elsewhere_may_be_shared() {
        let brought = kubelet(IdentityOrigin::BroughtAlong);
        check("resourcegroups/MC_rg_aks-1_westeurope", "resourcegroups/identities", &brought);
        check("aks-1-agentpool", "shared", &brought);
        check("\"nodeResourceGroup\"", "\"other\"", &brought);
    }

    #[test]
    fn a_cluster_without_identity_is_pending_only_while_it_is_made() {
        check("identityProfile", "none", &Identity::Missing);
        let making = MANAGED.replace("identityProfile", "none").replace("Succeeded", "creating");
        let read = cluster(making.as_bytes(), VERSION).unwrap();
        assert_eq!(read.identity, Identity::Pending);
        assert_eq!(read.state, ClusterState::Creating);
        assert_eq!(edited("Succeeded", "Deleting").state, ClusterState::Deleting);
    }

    #[test]
    fn pulling_by_service_account_is_noticed() {
        let profile = r#""securityProfile":{"serviceAccountImagePullProfile":{"enabled":true}},"nodeResourceGroup""#;
        assert!(edited("\"nodeResourceGroup\"", profile).service_account_pull);
    }

    #[test]
    fn only_a_version_that_has_the_field_says_that_no_registry_is_booted_from() {
        let boots = |json: &str, version| cluster(json.as_bytes(), version).unwrap().boot_registry;
        assert_eq!(boots(MANAGED, "2025-05-01"), BootRegistry::None);
        assert_eq!(boots(MANAGED, "2025-03-01"), BootRegistry::None);
        assert_eq!(boots(MANAGED, "2024-10-01"), BootRegistry::Unread);
        let id = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/boot";
        let with = |profile: &str| {
            let field = format!(r#""bootstrapProfile":{profile},"nodeResourceGroup""#);
            boots(&MANAGED.replace("\"nodeResourceGroup\"", &field), "2024-10-01")
        };
        let profile = format!(r#"{{"artifactSource":"Cache","containerRegistryId":"{id}"}}"#);
        assert_eq!(with(&profile), BootRegistry::Registry(id.parse().unwrap()));
        assert_eq!(with(r#"{"artifactSource":"Direct"}"#), BootRegistry::None);
        assert_eq!(with(r#"{"containerRegistryId":"somewhere"}"#), BootRegistry::Unread);
    }

    #[test]
    fn a_cluster_has_succeeded_only_with_all_its_agent_pools() {
        let succeeded = |pools: &str| {
            let field = format!(r#""agentPoolProfiles":{pools},"nodeResourceGroup""#);
            edited("\"nodeResourceGroup\"", &field).is_succeeded
        };
        let pool = |state: &str| format!(r#"{{"name":"p","provisioningState":"{state}"}}"#);
        let (done, busy) = (pool("Succeeded"), pool("UpgradingNodeImageVersion"));
        assert!(succeeded(&format!("[{done},{done}]")));
        assert!(!succeeded(&format!("[{done},{busy}]")));
        assert!(!succeeded(r#"[{"name":"p"}]"#) && !succeeded("null"));
    }

    #[test]
    fn the_time_of_creation_is_read_where_it_is_said() {
        let created = |data: &str| {
            let field = format!(r#""systemData":{data},"location""#);
            let read = edited("\"location\"", &field).created_at;
            read.map(time::OffsetDateTime::unix_timestamp)
        };
        assert_eq!(created(r#"{"createdAt":"2026-01-02T03:04:05.678Z"}"#), Some(1_767_323_045));
        assert_eq!(created(r#"{"createdAt":"0001-01-01T00:00:00Z"}"#), None);
        assert_eq!(created(r#"{"createdBy":"x"}"#), None);
        assert_eq!(edited("aks-1", "aks-1").created_at, None);
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        #[track_caller]
        fn check(from: &str, to: &str, part: &str) {
            let error = cluster(MANAGED.replace(from, to).as_bytes(), VERSION).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
        check(PRINCIPAL, "nobody", "`nobody` is no GUID");
        check("managedClusters/aks-1", "virtualMachines/vm", "id that is not understood");
        check("\"properties\"", "\"p\"", "not have the form");
        check("{", "", "not have the form");
    }
}
