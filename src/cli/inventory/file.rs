//! The file format of an inventory: JSON, in the words of Azure's own answers where it has some.
//!
//! The model has no format of its own, so that it may change without breaking files.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::azure::Cloud;
use crate::model::{
    AssignmentUsage, BootRegistry, Cluster, ClusterState, Gap, Grant, GrantKey, Identity,
    IdentityOrigin, Inventory, Mark, PrincipalId, Registry, RegistryMode, Role, Scope,
    SubscriptionId, Tags,
};

/// What the file says it is; another version gets another number
const FORMAT: &str = "tether inventory 1";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    format: String,
    scope: String,
    clusters: Vec<ClusterEntry>,
    registries: Vec<RegistryEntry>,
    grants: Vec<GrantEntry>,
    /// How many assignments of whatever kind a subscription holds
    assignments: BTreeMap<String, usize>,
    /// How many a subscription may hold; one that is not named, as many as the public cloud documents
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    assignment_limits: BTreeMap<String, usize>,
    gaps: Vec<GapEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClusterEntry {
    id: String,
    tags: BTreeMap<String, String>,
    location: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Uuid>,
    state: State,
    identity: IdentityEntry,
    #[serde(default)]
    service_account_pull: bool,
    /// When Azure says that it was created
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    created_at: Option<OffsetDateTime>,
    /// Whether the cluster and all its agent pools are `Succeeded`
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    succeeded: bool,
    /// The registry that its nodes boot from; absent where there is none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boot_registry: Option<BootEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum BootEntry {
    Id(String),
    Unread,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum State {
    Creating,
    Deleting,
    Settled,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum IdentityEntry {
    #[serde(rename_all = "camelCase")]
    Kubelet {
        object_id: Uuid,
        brought_along: bool,
    },
    Pending,
    #[serde(rename_all = "camelCase")]
    ServicePrincipal {
        client_id: String,
    },
    Missing,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RegistryEntry {
    id: String,
    login_server: String,
    tags: BTreeMap<String, String>,
    location: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<Uuid>,
    /// As Azure spells it; absent where it was not said
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role_assignment_mode: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GrantEntry {
    id: String,
    registry: String,
    principal: Uuid,
    role: Uuid,
    #[serde(default)]
    conditional: bool,
    /// Our mark only: what others wrote is nobody's business
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    updated_on: Option<OffsetDateTime>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum GapEntry {
    Clusters,
    OtherClusters,
    Registries,
    Subscription(Uuid),
    Grants {
        subscription: Uuid,
        principal: Option<Uuid>,
    },
    #[serde(rename_all = "camelCase")]
    Unread {
        id: String,
        code: String,
        passes_after_seconds: Option<u64>,
    },
}

const LEGACY: &str = "LegacyRegistryPermissions";
const ABAC: &str = "AbacRepositoryPermissions";

/// The file's text
pub(super) fn write(inventory: &Inventory) -> anyhow::Result<String> {
    // Which lists were read is not kept: a plan from a file removes nothing.
    let Inventory { scope, clusters, registries, grants, assignments, gaps, listed: _ } = inventory;
    let file = File {
        format: FORMAT.to_owned(),
        scope: match scope {
            Scope::Pair(..) => bail!("a single pair is not saved"),
            Scope::Everything | Scope::Subscription(_) | Scope::Cluster(_) | Scope::Registry(_) => {
                scope.to_string()
            }
        },
        clusters: clusters.values().map(cluster_entry).collect(),
        registries: registries.values().map(registry_entry).collect(),
        grants: grants.values().map(grant_entry).collect(),
        assignments: assignments.iter().map(|(id, usage)| (id.to_string(), usage.used)).collect(),
        assignment_limits: assignments
            .iter()
            .filter(|(_, usage)| usage.limit != Cloud::Public.assignment_limit())
            .map(|(id, usage)| (id.to_string(), usage.limit))
            .collect(),
        gaps: gaps.iter().map(gap_entry).collect(),
    };
    Ok(serde_json::to_string_pretty(&file)? + "\n")
}

/// The inventory in a file's text
pub(super) fn read(text: &str) -> anyhow::Result<Inventory> {
    let file: File =
        serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text))?;
    if file.format != FORMAT {
        bail!("its format is `{}`, and this version reads `{FORMAT}`", file.format);
    }
    let mut inventory = Inventory::new(file.scope.parse().context("its scope")?);
    for entry in file.clusters {
        inventory.add_cluster(cluster(entry)?);
    }
    for entry in file.registries {
        inventory.add_registry(registry(entry)?);
    }
    for entry in file.grants {
        inventory.add_grant(grant(entry)?);
    }
    for (id, used) in file.assignments {
        let usage = AssignmentUsage { used, limit: Cloud::Public.assignment_limit() };
        inventory.assignments.insert(id.parse()?, usage);
    }
    for (id, limit) in file.assignment_limits {
        let usage = inventory.assignments.get_mut(&id.parse()?);
        let usage = usage.with_context(|| format!("`{id}` has a limit and no `assignments`"))?;
        usage.limit = limit;
    }
    for entry in file.gaps {
        inventory.gaps.insert(gap(entry)?);
    }
    Ok(inventory)
}

fn tag_entries(tags: &Tags) -> BTreeMap<String, String> {
    tags.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn cluster_entry(cluster: &Cluster) -> ClusterEntry {
    ClusterEntry {
        id: cluster.id.to_string(),
        tags: tag_entries(&cluster.tags),
        location: cluster.location.clone(),
        tenant: cluster.tenant,
        state: match cluster.state {
            ClusterState::Creating => State::Creating,
            ClusterState::Deleting => State::Deleting,
            ClusterState::Settled => State::Settled,
        },
        identity: match &cluster.identity {
            Identity::Kubelet { principal, origin } => IdentityEntry::Kubelet {
                object_id: principal.0,
                brought_along: *origin == IdentityOrigin::BroughtAlong,
            },
            Identity::Pending => IdentityEntry::Pending,
            // Its object id is the policy's to say.
            Identity::ServicePrincipal { client_id, .. } => {
                IdentityEntry::ServicePrincipal { client_id: client_id.clone() }
            }
            Identity::Missing => IdentityEntry::Missing,
        },
        service_account_pull: cluster.service_account_pull,
        created_at: cluster.created_at,
        succeeded: cluster.is_succeeded,
        boot_registry: match &cluster.boot_registry {
            BootRegistry::None => None,
            BootRegistry::Registry(id) => Some(BootEntry::Id(id.to_string())),
            BootRegistry::Unread => Some(BootEntry::Unread),
        },
    }
}

fn cluster(entry: ClusterEntry) -> anyhow::Result<Cluster> {
    Ok(Cluster {
        id: entry.id.parse()?,
        tags: entry.tags.into_iter().collect(),
        location: entry.location,
        tenant: entry.tenant,
        state: match entry.state {
            State::Creating => ClusterState::Creating,
            State::Deleting => ClusterState::Deleting,
            State::Settled => ClusterState::Settled,
        },
        identity: match entry.identity {
            IdentityEntry::Kubelet { object_id, brought_along } => Identity::Kubelet {
                principal: PrincipalId(object_id),
                origin: if brought_along {
                    IdentityOrigin::BroughtAlong
                } else {
                    IdentityOrigin::Aks
                },
            },
            IdentityEntry::Pending => Identity::Pending,
            IdentityEntry::ServicePrincipal { client_id } => {
                Identity::ServicePrincipal { client_id, object_id: None }
            }
            IdentityEntry::Missing => Identity::Missing,
        },
        service_account_pull: entry.service_account_pull,
        created_at: entry.created_at,
        is_succeeded: entry.succeeded,
        boot_registry: match entry.boot_registry {
            None => BootRegistry::None,
            Some(BootEntry::Id(id)) => BootRegistry::Registry(id.parse()?),
            Some(BootEntry::Unread) => BootRegistry::Unread,
        },
    })
}

fn registry_entry(registry: &Registry) -> RegistryEntry {
    RegistryEntry {
        id: registry.id.to_string(),
        login_server: registry.login_server.clone(),
        tags: tag_entries(&registry.tags),
        location: registry.location.clone(),
        tenant: registry.tenant,
        role_assignment_mode: match &registry.mode {
            RegistryMode::Legacy => Some(LEGACY.to_owned()),
            RegistryMode::Abac => Some(ABAC.to_owned()),
            RegistryMode::Unread => None,
            RegistryMode::Other(mode) => Some(mode.clone()),
        },
    }
}

fn registry(entry: RegistryEntry) -> anyhow::Result<Registry> {
    Ok(Registry {
        id: entry.id.parse()?,
        login_server: entry.login_server,
        tags: entry.tags.into_iter().collect(),
        location: entry.location,
        tenant: entry.tenant,
        mode: match entry.role_assignment_mode {
            None => RegistryMode::Unread,
            Some(mode) if mode == LEGACY => RegistryMode::Legacy,
            Some(mode) if mode == ABAC => RegistryMode::Abac,
            Some(mode) => RegistryMode::Other(mode),
        },
    })
}

fn grant_entry(grant: &Grant) -> GrantEntry {
    let is_marked = Mark::read(&grant.description).is_some();
    GrantEntry {
        id: grant.id.clone(),
        registry: grant.key.registry.to_string(),
        principal: grant.key.principal.0,
        role: grant.key.role.guid(),
        conditional: grant.conditional,
        description: if is_marked { grant.description.clone() } else { String::new() },
        updated_on: grant.updated_on,
    }
}

fn grant(entry: GrantEntry) -> anyhow::Result<Grant> {
    let name = entry.id.rsplit('/').next().unwrap_or_default();
    let name = name.parse().with_context(|| format!("`{}` ends in no name", entry.id))?;
    let role = Role::from_definition_id(&entry.role.to_string());
    let role = role.with_context(|| format!("`{}` is no pull role", entry.role))?;
    let (registry, principal) = (entry.registry.parse()?, PrincipalId(entry.principal));
    let key = GrantKey { registry, principal, role };
    let GrantEntry { id, conditional, description, updated_on, .. } = entry;
    Ok(Grant { id, name, key, conditional, description, updated_on })
}

fn gap_entry(gap: &Gap) -> GapEntry {
    match gap {
        Gap::Clusters => GapEntry::Clusters,
        Gap::OtherClusters => GapEntry::OtherClusters,
        Gap::Registries => GapEntry::Registries,
        Gap::Subscription(id) => GapEntry::Subscription(id.0),
        Gap::Grants { subscription, principal } => GapEntry::Grants {
            subscription: subscription.0,
            principal: principal.map(|principal| principal.0),
        },
        Gap::Unread { id, code, passes } => GapEntry::Unread {
            id: id.to_string(),
            code: code.clone(),
            passes_after_seconds: passes.map(|passes| passes.as_secs()),
        },
    }
}

fn gap(entry: GapEntry) -> anyhow::Result<Gap> {
    Ok(match entry {
        GapEntry::Clusters => Gap::Clusters,
        GapEntry::OtherClusters => Gap::OtherClusters,
        GapEntry::Registries => Gap::Registries,
        GapEntry::Subscription(id) => Gap::Subscription(SubscriptionId(id)),
        GapEntry::Grants { subscription, principal } => Gap::Grants {
            subscription: SubscriptionId(subscription),
            principal: principal.map(PrincipalId),
        },
        GapEntry::Unread { id, code, passes_after_seconds } => {
            let passes = passes_after_seconds.map(Duration::from_secs);
            Gap::Unread { id: id.parse()?, code, passes }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_full_subscriptions_are_comes_back_as_it_was() {
        let mut inventory = Inventory::new(Scope::Everything);
        for (number, used, limit) in [(1, 0, 4000), (2, 1700, 2000), (3, 5000, 8000)] {
            let id = SubscriptionId(Uuid::from_u128(number));
            inventory.assignments.insert(id, AssignmentUsage { used, limit });
        }
        let text = write(&inventory).unwrap();
        assert_eq!(read(&text).unwrap(), inventory);
        assert_eq!(text.matches("4000").count(), 0, "{text}");
    }
}
