//! Small worlds for tests, written as sentences: of this room, and of those who show what it plans.

use uuid::Uuid;

use crate::model::{
    AssignmentName, BootRegistry, Cluster, ClusterState, Gap, Grant, GrantKey, Identity,
    IdentityOrigin, Inventory, Mark, MarkKind, PrincipalId, Registry, RegistryMode, ResourceId,
    Role, Scope, Tags,
};
use crate::policy::{Mode, Policy};

const SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";

const POLICY: &str = "
owner: contoso
mode: attach-only
rules:
  - name: named
    registry: { tags: { acr-attach: { present: true } } }
    join: [{ registry_named_in: acr-attach }]
  - name: team
    cluster: { tags: { acr-attach: auto } }
    registry: { tags: { acr-attach: auto } }
    join: [{ same_tag: team }]
";

/// Both rules that ship, in a mode that forbids nothing
pub(crate) fn policy() -> Policy {
    let mut policy = Policy::parse("policy.yaml", POLICY).unwrap();
    policy.mode = Mode::Sync;
    policy
}

pub(crate) fn principal(number: u128) -> PrincipalId {
    PrincipalId(Uuid::from_u128(number))
}

pub(crate) fn id(kind: &str, name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/{kind}/{name}")
}

pub(crate) fn cluster_id(name: &str) -> crate::model::ClusterId {
    id("Microsoft.ContainerService/managedClusters", name).parse().unwrap()
}

pub(crate) fn registry_id(name: &str) -> crate::model::RegistryId {
    id("Microsoft.ContainerRegistry/registries", name).parse().unwrap()
}

pub(crate) fn tags(text: &str) -> Tags {
    text.split_whitespace().filter_map(|tag| tag.split_once('=')).collect()
}

/// A finished cluster with an identity that AKS made
pub(crate) fn cluster(name: &str, identity: u128, tagged: &str) -> Cluster {
    Cluster {
        id: cluster_id(name),
        tags: tags(tagged),
        location: "westeurope".into(),
        tenant: None,
        state: ClusterState::Settled,
        identity: Identity::Kubelet { principal: principal(identity), origin: IdentityOrigin::Aks },
        service_account_pull: false,
        created_at: None,
        is_succeeded: true,
        boot_registry: BootRegistry::None,
    }
}

/// A finished cluster with an identity that others may share
pub(crate) fn sharing(name: &str, identity: u128, tagged: &str) -> Cluster {
    let origin = IdentityOrigin::BroughtAlong;
    let identity = Identity::Kubelet { principal: principal(identity), origin };
    Cluster { identity, ..cluster(name, 0, tagged) }
}

/// A cluster that is being made
pub(crate) fn creating(name: &str, tagged: &str) -> Cluster {
    Cluster {
        state: ClusterState::Creating,
        identity: Identity::Pending,
        ..cluster(name, 0, tagged)
    }
}

/// A registry in legacy mode
pub(crate) fn registry(name: &str, tagged: &str) -> Registry {
    Registry {
        id: registry_id(name),
        login_server: format!("{name}.azurecr.io"),
        tags: tags(tagged),
        location: "westeurope".into(),
        tenant: None,
        mode: RegistryMode::Legacy,
    }
}

/// A registry in ABAC mode
pub(crate) fn abac(name: &str, tagged: &str) -> Registry {
    Registry { mode: RegistryMode::Abac, ..registry(name, tagged) }
}

/// Who made a grant, and why
#[derive(Clone, Copy, Debug)]
pub(crate) enum By {
    Rule(&'static str),
    Pin(&'static str),
    Unreadable,
    Foreign,
}

pub(crate) fn grant(by: By, registry: &str, identity: u128, role: Role) -> Grant {
    let key = GrantKey { registry: registry_id(registry), principal: principal(identity), role };
    let name = match by {
        By::Foreign => Uuid::from_u128(900 + identity),
        By::Rule(_) | By::Pin(_) | By::Unreadable => AssignmentName::new(&policy().owner, &key).0,
    };
    let mark = |kind, cluster: &str| Mark::of(kind, &cluster_id(cluster)).describe("for a test");
    let description = match by {
        By::Rule(cluster) => mark(MarkKind::Rule, cluster),
        By::Pin(cluster) => mark(MarkKind::Pin, cluster),
        By::Unreadable | By::Foreign => "made by hand".into(),
    };
    let scope = key.registry.as_str();
    let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
    Grant { id, name, key, conditional: false, description, updated_on: None }
}

/// Everything, in which nothing is missing
#[derive(Clone, Debug)]
pub(crate) struct World(pub(crate) Inventory);

pub(crate) fn world() -> World {
    World(Inventory::new(Scope::Everything))
}

impl World {
    pub(crate) fn cluster(mut self, cluster: Cluster) -> Self {
        self.0.add_cluster(cluster);
        self
    }

    pub(crate) fn registry(mut self, registry: Registry) -> Self {
        self.0.add_registry(registry);
        self
    }

    pub(crate) fn grant(mut self, grant: Grant) -> Self {
        self.0.add_grant(grant);
        self
    }

    pub(crate) fn pull(self, by: By, registry: &str, identity: u128) -> Self {
        self.grant(grant(by, registry, identity, Role::AcrPull))
    }

    pub(crate) fn gap(mut self, gap: Gap) -> Self {
        self.0.gaps.insert(gap);
        self
    }

    pub(crate) fn scope(mut self, scope: Scope) -> Self {
        self.0.scope = scope;
        self
    }
}

/// A cluster or a registry that could not be read again
pub(crate) fn unread(id: ResourceId) -> Gap {
    Gap::Unread { id, code: "Teapot".into(), passes: None }
}

/// The one subscription in which everything lives
pub(crate) fn subscription() -> crate::model::SubscriptionId {
    SUBSCRIPTION.parse().unwrap()
}
