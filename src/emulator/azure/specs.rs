//! What tests and the demo say when they make something by hand.
//!
//! These are wishes; the ids that come of them are Azure's.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

/// A cluster to be made
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// Subscription
    pub subscription: Uuid,
    /// Resource group
    pub group: String,
    /// Name
    pub name: String,
    /// Region
    pub location: String,
    /// Tags
    pub tags: BTreeMap<String, String>,
    /// Which identity its nodes get
    pub identity: ClusterIdentity,
    /// Whether it is finished at once, whatever creation takes otherwise
    pub ready: bool,
    /// Whether it is an AKS Automatic cluster with hosted node pools
    pub automatic: bool,
}

/// Which identity a cluster's nodes have
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterIdentity {
    /// The one that AKS makes
    Managed,
    /// One that was made before and may be shared
    BroughtAlong(KubeletIdentity),
    /// None: a service principal
    ServicePrincipal {
        /// Its application id
        client_id: Uuid,
    },
}

/// A user-assigned identity
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletIdentity {
    /// Its ARM id
    pub resource_id: String,
    /// Its application id
    pub client_id: Uuid,
    /// Its object id
    pub object_id: Uuid,
}

/// A registry to be made
#[derive(Clone, Debug)]
pub struct RegistrySpec {
    /// Subscription
    pub subscription: Uuid,
    /// Resource group
    pub group: String,
    /// Name
    pub name: String,
    /// Region
    pub location: String,
    /// Tags
    pub tags: BTreeMap<String, String>,
    /// Whether it is in ABAC mode
    pub abac: bool,
}

/// A role assignment that somebody else makes
#[derive(Clone, Debug)]
pub struct AssignmentSpec {
    /// Its name
    pub name: Uuid,
    /// At any scope, `/` and management groups included
    pub scope: String,
    /// GUID of the role
    pub role: Uuid,
    /// Who gets it
    pub principal: Uuid,
    /// Free text
    pub description: Option<String>,
    /// Under which condition
    pub condition: Option<String>,
}

impl ClusterSpec {
    /// A finished cluster with an identity of its own and no tags
    pub fn new(subscription: Uuid, group: &str, name: &str) -> Self {
        Self {
            subscription,
            group: group.to_owned(),
            name: name.to_owned(),
            location: "westeurope".to_owned(),
            tags: BTreeMap::new(),
            identity: ClusterIdentity::Managed,
            ready: true,
            automatic: false,
        }
    }

    /// With one more tag
    #[must_use]
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        self.tags.insert(name.to_owned(), value.to_owned());
        self
    }

    /// As the tools write it for clusters: with a small g
    pub(super) fn path(&self) -> String {
        let Self { subscription, group, name, .. } = self;
        format!(
            "/subscriptions/{subscription}/resourcegroups/{group}/providers/\
             Microsoft.ContainerService/managedClusters/{name}"
        )
    }

    pub(super) fn body(&self) -> Value {
        let (identity, mut properties) = match &self.identity {
            ClusterIdentity::Managed => (json!({"type": "SystemAssigned"}), json!({})),
            ClusterIdentity::BroughtAlong(kubelet) => (
                json!({"type": "UserAssigned"}),
                json!({"identityProfile": {"kubeletidentity": kubelet.shown()}}),
            ),
            ClusterIdentity::ServicePrincipal { client_id } => {
                (Value::Null, json!({"servicePrincipalProfile": {"clientId": client_id}}))
            }
        };
        let sku = if self.automatic { "Automatic" } else { "Base" };
        if self.automatic
            && let Some(properties) = properties.as_object_mut()
        {
            properties.insert("agentPoolProfiles".to_owned(), Value::Null);
        }
        json!({
            "location": self.location,
            "tags": self.tags,
            "identity": identity,
            "sku": {"name": sku, "tier": "Standard"},
            "properties": properties,
        })
    }
}

impl KubeletIdentity {
    pub(super) fn shown(&self) -> Value {
        json!({
            "resourceId": self.resource_id,
            "clientId": self.client_id,
            "objectId": self.object_id,
        })
    }
}

impl RegistrySpec {
    /// A registry in legacy mode without tags
    pub fn new(subscription: Uuid, group: &str, name: &str) -> Self {
        Self {
            subscription,
            group: group.to_owned(),
            name: name.to_owned(),
            location: "westeurope".to_owned(),
            tags: BTreeMap::new(),
            abac: false,
        }
    }

    /// With one more tag
    #[must_use]
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        self.tags.insert(name.to_owned(), value.to_owned());
        self
    }

    /// In ABAC mode
    #[must_use]
    pub fn abac(mut self) -> Self {
        self.abac = true;
        self
    }

    pub(super) fn path(&self) -> String {
        let Self { subscription, group, name, .. } = self;
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/\
             Microsoft.ContainerRegistry/registries/{name}"
        )
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "location": self.location,
            "tags": self.tags,
            "sku": {"name": "Standard"},
            "properties": {"roleAssignmentMode": mode(self.abac)},
        })
    }
}

impl AssignmentSpec {
    /// An assignment without description and condition
    pub fn new(name: Uuid, scope: &str, role: Uuid, principal: Uuid) -> Self {
        let scope = scope.to_owned();
        Self { name, scope, role, principal, description: None, condition: None }
    }
}

pub(super) fn mode(abac: bool) -> &'static str {
    if abac { "AbacRepositoryPermissions" } else { "LegacyRegistryPermissions" }
}
