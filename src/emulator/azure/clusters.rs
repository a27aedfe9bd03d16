//! What a managed cluster is: its kubelet identity above all.
//!
//! A new cluster is `Creating` and has no identity profile until the clock passes. Nodes, networks
//! and upgrades are carried along as given and mean nothing here.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::answer::Answer;
use super::paths::ResourcePath;
use super::resources::Resource;
use super::world::World;

/// Which identity a cluster's nodes have
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kubelet {
    /// None of its own: a registry, or a cluster with a service principal
    None,
    /// The one that AKS makes
    Own,
    /// One that was made before and is named in the put
    Brought(Value),
}

/// The oldest version that shows which registry a cluster boots from
const SHOWS_BOOT_REGISTRY: &str = "2025-03-01";

/// What a put cannot set
const READ_ONLY: &[&str] =
    &["provisioningState", "identityProfile", "servicePrincipalProfile", "powerState", "fqdn"];

/// The cluster after a put
pub(super) fn put(
    world: &mut World,
    path: &ResourcePath,
    body: &Value,
    old: Option<Resource>,
) -> Result<Resource, Answer> {
    if old.as_ref().is_some_and(|old| old.ready_at.is_some()) {
        let message = "Operation is not allowed: another operation (Creating) is in progress.";
        return Err(Answer::refused(409, "OperationNotAllowed", message));
    }
    let created = old.is_none();
    let mut cluster = match old {
        Some(old) => old,
        None => new(path, body)?,
    };
    cluster.overlay(body.get("properties"), READ_ONLY);
    if let Some(sku) = body.get("sku") {
        cluster.sku = sku.clone();
    }
    let before = std::mem::replace(&mut cluster.kubelet, Kubelet::None);
    identify(world, &mut cluster, body);
    if created {
        cluster.created_at = world.options.dates_clusters.then_some(world.now);
        cluster.listed_from = Some(world.now + world.options.cluster_list_lag);
        set_state(&mut cluster, "Creating");
        cluster.ready_at = Some(world.now + world.options.cluster_creation);
    } else if before != cluster.kubelet {
        replace_identity(world, &mut cluster);
    }
    Ok(cluster)
}

fn new(path: &ResourcePath, body: &Value) -> Result<Resource, Answer> {
    let mut cluster = Resource::new(path, body)?;
    let Resource { group, name, location, .. } = &cluster;
    let node_group = format!("MC_{group}_{name}_{location}");
    cluster.sku = json!({"name": "Base", "tier": "Free"});
    cluster.set("nodeResourceGroup", node_group);
    cluster.set("powerState", json!({"code": "Running"}));
    cluster.set("kubernetesVersion", "1.34");
    cluster.set("enableRBAC", true);
    cluster.set("agentPoolProfiles", json!([{"name": "nodepool1", "mode": "System", "count": 3}]));
    cluster.set("bootstrapProfile", bootstrap(None));
    Ok(cluster)
}

/// Where a cluster's nodes boot from: the public registry of Microsoft's, or one that caches it
pub(super) fn bootstrap(registry: Option<&str>) -> Value {
    match registry {
        None => json!({"artifactSource": "Direct"}),
        Some(id) => json!({"artifactSource": "Cache", "containerRegistryId": id}),
    }
}

/// The properties as a version of the API shows them
pub(super) fn properties(cluster: &Resource, api_version: &str) -> Map<String, Value> {
    let mut properties = cluster.properties.clone();
    if api_version < SHOWS_BOOT_REGISTRY {
        properties.remove("bootstrapProfile");
    }
    properties
}

/// Sets the state of a cluster and of all its pools
fn set_state(cluster: &mut Resource, state: &str) {
    cluster.set("provisioningState", state);
    let pools = cluster.properties.get_mut("agentPoolProfiles").and_then(Value::as_array_mut);
    for pool in pools.into_iter().flatten().filter_map(Value::as_object_mut) {
        pool.insert("provisioningState".to_owned(), state.into());
    }
}

/// Reads which identity the put asks for
fn identify(world: &mut World, cluster: &mut Resource, body: &Value) {
    let client = body.pointer("/properties/servicePrincipalProfile/clientId");
    let client = client.and_then(Value::as_str).filter(|id| !id.eq_ignore_ascii_case("msi"));
    if let Some(client) = client {
        // The secret is never given back.
        cluster.set("servicePrincipalProfile", json!({"clientId": client}));
        cluster.identity = Value::Null;
        return;
    }
    cluster.set("servicePrincipalProfile", json!({"clientId": "msi"}));
    cluster.identity = control_plane(world, cluster, body);
    let brought = body
        .pointer("/properties/identityProfile/kubeletidentity")
        .filter(|identity| !is_own(cluster, identity));
    cluster.kubelet = brought.cloned().map_or(Kubelet::Own, Kubelet::Brought);
    if let Some(principal) = brought.and_then(object_id) {
        world.meet(principal, "ServicePrincipal", world.now);
    }
}

/// The identity block, whose principal is not the one that pulls
fn control_plane(world: &World, cluster: &Resource, body: &Value) -> Value {
    let kind = body.pointer("/identity/type").and_then(Value::as_str).unwrap_or("SystemAssigned");
    if kind.eq_ignore_ascii_case("UserAssigned") {
        return body.get("identity").cloned().unwrap_or_default();
    }
    json!({
        "type": "SystemAssigned",
        "principalId": world.made_up(&format!("control plane {}", cluster.id().to_lowercase())),
        "tenantId": world.options.tenant,
    })
}

/// Gives a cluster that exists another identity at once. Its nodes keep the one that they have.
pub(super) fn replace_identity(world: &mut World, cluster: &mut Resource) {
    if let Some(principal) = own_principal(cluster) {
        world.principals.remove(&principal);
    }
    let serial = world.next_serial();
    if let Some(principal) = finish(cluster, serial) {
        let known_from = world.now + world.options.directory_lag;
        world.meet(principal, "ServicePrincipal", known_from);
    }
}

/// Gives a cluster its identity profile; the principal in it, if there is one
pub(super) fn finish(cluster: &mut Resource, serial: u64) -> Option<Uuid> {
    set_state(cluster, "Succeeded");
    let identity = match &cluster.kubelet {
        Kubelet::None => {
            cluster.properties.remove("identityProfile");
            return None;
        }
        Kubelet::Own => own_identity(cluster, serial),
        Kubelet::Brought(identity) => identity.clone(),
    };
    let principal = object_id(&identity);
    cluster.set("identityProfile", json!({"kubeletidentity": identity}));
    principal
}

fn own_identity(cluster: &Resource, serial: u64) -> Value {
    let made_up = |what: &str| {
        let name = format!("{what} {serial} {}", cluster.id().to_lowercase());
        Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
    };
    json!({
        "resourceId": own_identity_id(cluster),
        "clientId": made_up("client"),
        "objectId": made_up("object"),
    })
}

fn own_identity_id(cluster: &Resource) -> String {
    let Resource { subscription, name, .. } = cluster;
    let node_group =
        cluster.properties.get("nodeResourceGroup").and_then(Value::as_str).unwrap_or_default();
    format!(
        "/subscriptions/{subscription}/resourcegroups/{node_group}/providers/\
         Microsoft.ManagedIdentity/userAssignedIdentities/{name}-agentpool"
    )
}

fn is_own(cluster: &Resource, identity: &Value) -> bool {
    identity
        .get("resourceId")
        .and_then(Value::as_str)
        .is_some_and(|id| id.eq_ignore_ascii_case(&own_identity_id(cluster)))
}

/// The principal that goes when the cluster goes
pub(super) fn own_principal(cluster: &Resource) -> Option<Uuid> {
    let identity = cluster.properties.get("identityProfile")?.get("kubeletidentity")?;
    is_own(cluster, identity).then(|| object_id(identity))?
}

pub(super) fn object_id(identity: &Value) -> Option<Uuid> {
    identity.get("objectId")?.as_str()?.parse().ok()
}
