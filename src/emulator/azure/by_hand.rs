//! Changing and reading the pretend Azure without HTTP, for tests and the demo.
//!
//! What ARM can do is done as the person does it, with the same rules and events. What ARM cannot
//! do (locks, rights, the directory) is simply so.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::Answer;
use super::assignments::Assignment;
use super::clusters::{self, Kubelet};
use super::denials::DenialSpec;
use super::locks::{Lock, LockKind};
use super::options::Tables;
use super::paths::{self, ResourcePath};
use super::request::Asked;
use super::resources::{Resource, changed};
use super::rights::Right;
use super::routes::{self, Call};
use super::specs::{AssignmentSpec, ClusterSpec, KubeletIdentity, RegistrySpec, mode};
use super::world::World;
use super::{Azure, AzureError};

/// New enough for everything
const API_VERSION: &str = "api-version=2025-11-01";

impl Azure {
    /// Makes a cluster; its id
    pub fn create_cluster(&self, spec: &ClusterSpec) -> Result<String, AzureError> {
        let path = spec.path();
        let made = self.by_person("PUT", &path, &spec.body())?;
        if spec.ready {
            self.shared.world().finish(&path.to_lowercase());
        }
        Ok(id_in(&made))
    }

    /// Makes a registry; its id
    pub fn create_registry(&self, spec: &RegistrySpec) -> Result<String, AzureError> {
        Ok(id_in(&self.by_person("PUT", &spec.path(), &spec.body())?))
    }

    /// Replaces the tags of a cluster or registry, as the portal does
    pub fn set_tags(&self, id: &str, tags: &BTreeMap<String, String>) -> Result<(), AzureError> {
        let path = format!("{id}/providers/Microsoft.Resources/tags/default");
        let body = json!({"operation": "Replace", "properties": {"tags": tags}});
        self.by_person("PATCH", &path, &body).map(|_| ())
    }

    /// Deletes a cluster or registry
    pub fn delete(&self, id: &str) -> Result<(), AzureError> {
        self.by_person("DELETE", id, &Value::Null).map(|_| ())
    }

    /// A cluster or registry as ARM shows it; none if it is not there
    pub fn resource(&self, id: &str) -> Option<Value> {
        self.by_person("GET", id, &Value::Null).ok()
    }

    /// The principal that a cluster pulls with, if it has one by now
    pub fn kubelet_principal(&self, cluster: &str) -> Option<Uuid> {
        let shown = self.resource(cluster)?;
        clusters::object_id(shown.pointer("/properties/identityProfile/kubeletidentity")?)
    }

    /// Gives a cluster another kubelet identity: this one, or a new one of its own. A service principal
    /// gives way to it.
    pub fn set_identity(
        &self,
        cluster: &str,
        identity: Option<&KubeletIdentity>,
    ) -> Result<(), AzureError> {
        self.alter(cluster, |world, resource| {
            resource.kubelet =
                identity.map_or(Kubelet::Own, |given| Kubelet::Brought(given.shown()));
            resource.set("servicePrincipalProfile", json!({"clientId": "msi"}));
            clusters::replace_identity(world, resource);
            if let Some(given) = identity {
                world.meet(given.object_id, "ServicePrincipal", world.now);
            }
        })
    }

    /// Sets `provisioningState`
    pub fn set_state(&self, id: &str, state: &str) -> Result<(), AzureError> {
        self.set_property(id, "provisioningState", state.into())
    }

    /// Gives a cluster these agent pools: the name and the `provisioningState` of each
    pub fn set_pools(&self, cluster: &str, pools: &[(&str, &str)]) -> Result<(), AzureError> {
        let shown =
            |(name, state): &(&str, &str)| json!({"name": name, "provisioningState": state});
        let pools: Vec<Value> = pools.iter().map(shown).collect();
        self.set_property(cluster, "agentPoolProfiles", pools.into())
    }

    /// Lets a cluster's nodes boot from a registry, as those of network-isolated clusters do, or from
    /// none
    pub fn set_boot_registry(
        &self,
        cluster: &str,
        registry: Option<&str>,
    ) -> Result<(), AzureError> {
        self.set_property(cluster, "bootstrapProfile", clusters::bootstrap(registry))
    }

    /// Sets any property of a cluster or registry
    pub fn set_property(&self, id: &str, name: &str, value: Value) -> Result<(), AzureError> {
        self.alter(id, |_, resource| resource.set(name, value))
    }

    /// Switches a registry to ABAC mode or back
    pub fn set_registry_mode(&self, registry: &str, abac: bool) -> Result<(), AzureError> {
        let body = json!({"properties": {"roleAssignmentMode": mode(abac)}});
        self.by_person("PATCH", registry, &body).map(|_| ())
    }

    /// Every role assignment, by name
    pub fn assignments(&self) -> Vec<Assignment> {
        self.shared.world().assignments.values().cloned().collect()
    }

    /// Assigns a role as the person does
    pub fn assign(&self, spec: &AssignmentSpec) -> Result<(), AzureError> {
        let AssignmentSpec { name, role, principal, description, condition, .. } = spec;
        let body = json!({"properties": {
            "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
            "principalId": principal,
            "description": description,
            "condition": condition,
        }});
        self.by_person("PUT", &assignment_path(&spec.scope, *name), &body).map(|_| ())
    }

    /// Removes a role assignment as the person does
    pub fn unassign(&self, scope: &str, name: Uuid) -> Result<(), AzureError> {
        self.by_person("DELETE", &assignment_path(scope, name), &Value::Null).map(|_| ())
    }

    /// Puts someone into the directory: a `User`, a `Group` or a `ServicePrincipal`
    pub fn add_principal(&self, principal: Uuid, kind: &str) {
        let mut world = self.shared.world();
        let now = world.now;
        world.meet(principal, kind, now);
    }

    /// Makes someone a member of a group
    pub fn add_to_group(&self, group: Uuid, member: Uuid) {
        self.add_principal(group, "Group");
        self.shared.world().groups.entry(group).or_default().insert(member);
    }

    /// Locks a scope and what is below
    pub fn lock(&self, scope: &str, kind: LockKind) {
        self.shared.world().locks.push(Lock { scope: scope.to_owned(), kind });
    }

    /// Removes the locks that are exactly at this scope
    pub fn unlock(&self, scope: &str) {
        self.shared.world().locks.retain(|lock| !lock.scope.eq_ignore_ascii_case(scope));
    }

    /// Denies something to someone, as Azure itself does for others
    pub fn deny(&self, spec: DenialSpec) {
        self.shared.world().denials.push(spec);
    }

    /// Gives the function's identity a right
    pub fn allow(&self, subscription: Uuid, right: Right) {
        self.shared.world().rights.insert((subscription.to_string(), right));
    }

    /// Takes a right from the function's identity
    pub fn revoke(&self, subscription: Uuid, right: Right) {
        self.shared.world().rights.remove(&(subscription.to_string(), right));
    }

    /// Makes every token that was given invalid
    pub fn revoke_tokens(&self) {
        self.shared.world().tokens.revoke();
    }

    /// The tables of Resource Graph as they can be seen now
    pub fn tables(&self) -> Tables {
        let tables = self.shared.world().index.tables();
        Tables::clone(&tables)
    }

    /// Lets Resource Graph notice everything at once
    pub fn catch_up_graph(&self) {
        self.shared.world().index.catch_up_fully();
    }

    fn by_person(&self, method: &str, path: &str, body: &Value) -> Result<Value, AzureError> {
        let asked = Asked::by_hand(method, path, API_VERSION, body);
        let mut world = self.shared.world();
        let (caller, serial) = (world.person_caller(), world.next_serial());
        let correlation = world.made_up(&format!("by hand {serial}"));
        let call = Call { caller: &caller, asked: &asked, correlation };
        let answer = routes::answer(&mut world, &call, &paths::parse(path));
        drop(world);
        self.shared.changed();
        answer.map(into_json).map_err(AzureError::from)
    }

    /// Changes a resource behind ARM's back
    fn alter(
        &self,
        id: &str,
        change: impl FnOnce(&mut World, &mut Resource),
    ) -> Result<(), AzureError> {
        let mut world = self.shared.world();
        let path = resource_path(id)?;
        let mut resource = world.resource(&path)?.clone();
        change(&mut world, &mut resource);
        changed(&mut world, &path, resource);
        drop(world);
        self.shared.changed();
        Ok(())
    }
}

impl From<Answer> for AzureError {
    fn from(answer: Answer) -> Self {
        let (code, message) = answer.reason();
        Self::Refused { status: answer.status, code, message }
    }
}

fn into_json(answer: Answer) -> Value {
    match answer.body {
        super::answer::Body::Json(value) => value,
        super::answer::Body::Empty | super::answer::Body::Text { .. } => Value::Null,
    }
}

fn id_in(shown: &Value) -> String {
    shown.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn assignment_path(scope: &str, name: Uuid) -> String {
    let scope = scope.trim_end_matches('/');
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}")
}

fn resource_path(id: &str) -> Result<ResourcePath, Answer> {
    paths::parse_resource(id).ok_or_else(|| {
        Answer::refused(404, "InvalidResourceType", format!("`{id}` is no cluster or registry"))
    })
}
