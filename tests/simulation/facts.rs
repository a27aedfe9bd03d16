//! What the world answered, read naively; and what the policy of the simulation says of a cluster and a
//! registry, worked out by hand. None of it is tether's own code.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::{Uuid, uuid};

/// The policy of every installation; the owner, the mode and the service principals are its own
pub(crate) const POLICY: &str = "
max_detach_percent: 100
pins:
  - name: pinnable
    registry: { tags: { pin: yes } }
rules:
  - name: named-registry
    registry: { tags: { acr-attach: { present: true } } }
    join: [{ registry_named_in: acr-attach }]
  - name: same-team
    cluster: { tags: { acr-attach: auto } }
    registry: { tags: { acr-attach: auto } }
    join: [{ same_tag: team }]
  - name: no-production-in-sandboxes
    effect: veto
    cluster: { tags: { stage: sandbox } }
    registry: { tags: { stage: production } }
";

pub(crate) const ACR_PULL: Uuid = uuid!("7f951dda-4ed3-4680-a7ca-43fe172d538d");
pub(crate) const READER: Uuid = uuid!("b93aa761-3e63-49ed-ac28-beffa264f7ac");
const NAMESPACE: Uuid = uuid!("5b0cf0a4-2f0e-5d1c-9d0c-6a1f3f1c7e11");

/// The object id of the service principal that some clusters pull as
pub(crate) const SERVICE_PRINCIPAL: Uuid = Uuid::from_u128(0x5e00);

/// The object id of the first identity that clusters may share; the others follow
pub(crate) const SHARED: u128 = 0x0b00;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cluster {
    /// In lower case
    pub(crate) id: String,
    tags: BTreeMap<String, String>,
    pub(crate) principal: Option<Uuid>,
    pub(crate) deleting: bool,
    /// When it was created, if the answer says so
    pub(crate) created: Option<OffsetDateTime>,
    /// Whether it and each of its pools are `Succeeded`
    pub(crate) succeeded: bool,
    /// The registry that its nodes boot from, in lower case
    pub(crate) boots_from: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Registry {
    /// In lower case
    pub(crate) id: String,
    name: String,
    tags: BTreeMap<String, String>,
    pub(crate) abac: bool,
    /// Whether another registry is known to have its name
    has_namesake: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Assignment {
    pub(crate) name: Uuid,
    /// In lower case
    pub(crate) scope: String,
    pub(crate) principal: Uuid,
    pub(crate) role: Uuid,
    pub(crate) description: String,
    pub(crate) conditional: bool,
    /// When it was written last, if the answer says so
    pub(crate) written: Option<OffsetDateTime>,
}

/// What a description says
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Rule(Uuid),
    Pin(Uuid),
    /// Nothing that can be read
    Unreadable,
}

/// A cluster or a registry as Azure writes it
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written {
    id: String,
    tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    properties: Properties,
    #[serde(default)]
    system_data: Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    provisioning_state: String,
    identity_profile: Option<BTreeMap<String, Kubelet>>,
    service_principal_profile: Option<Value>,
    role_assignment_mode: String,
    agent_pool_profiles: Value,
    bootstrap_profile: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kubelet {
    object_id: Uuid,
}

impl Written {
    fn tags(self) -> BTreeMap<String, String> {
        let tags = self.tags.unwrap_or_default().into_iter();
        tags.map(|(name, value)| (name.to_lowercase(), value)).collect()
    }

    pub(crate) fn cluster(self) -> Cluster {
        let profile = self.properties.service_principal_profile.as_ref();
        let client = profile.and_then(|profile| profile["clientId"].as_str());
        let is_service_principal = client.is_some_and(|client| client != "msi");
        let kubelet = self.properties.identity_profile.as_ref();
        let kubelet = kubelet.and_then(|profile| profile.get("kubeletidentity"));
        let principal = match kubelet {
            _ if is_service_principal => Some(SERVICE_PRINCIPAL),
            kubelet => kubelet.map(|kubelet| kubelet.object_id),
        };
        let state = &self.properties.provisioning_state;
        let pools = self.properties.agent_pool_profiles.as_array().map_or(&[][..], Vec::as_slice);
        let succeeded = state == "Succeeded"
            && pools.iter().all(|pool| pool["provisioningState"] == "Succeeded");
        let boots_from = self.properties.bootstrap_profile["containerRegistryId"].as_str();
        Cluster {
            id: self.id.to_lowercase(),
            principal,
            deleting: state == "Deleting",
            created: moment(&self.system_data["createdAt"]),
            succeeded,
            boots_from: boots_from.map(str::to_lowercase),
            tags: self.tags(),
        }
    }

    pub(crate) fn registry(self) -> Registry {
        let id = self.id.to_lowercase();
        let name = id.rsplit('/').next().unwrap().to_owned();
        let abac = self.properties.role_assignment_mode == "AbacRepositoryPermissions";
        Registry { id, name, abac, has_namesake: false, tags: self.tags() }
    }
}

impl Registry {
    /// The same, knowing whether another registry has its name
    pub(crate) fn with_namesake(mut self, has_namesake: bool) -> Self {
        self.has_namesake = has_namesake;
        self
    }

    pub(crate) fn role(&self) -> Uuid {
        if self.abac { READER } else { ACR_PULL }
    }
}

impl Assignment {
    pub(crate) fn is_of(&self, owner: &str) -> bool {
        self.name == name(owner, &self.scope, self.principal, self.role)
    }

    pub(crate) fn mark(&self) -> Mark {
        mark(&self.description)
    }

    /// Whether its mark says this word as well
    pub(crate) fn is_flagged(&self, flag: &str) -> bool {
        let marked = self.description.split(':').next().unwrap_or_default();
        self.mark() != Mark::Unreadable
            && marked.split_whitespace().skip(3).any(|word| word == flag)
    }

    /// Whether it was made for an earlier cluster with the id of this one
    pub(crate) fn is_of_earlier(&self, cluster: &Cluster) -> bool {
        self.written.zip(cluster.created).is_some_and(|(written, created)| written < created)
    }
}

impl Mark {
    /// What stands for its cluster
    pub(crate) fn whose(self) -> Option<Uuid> {
        match self {
            Self::Rule(whose) | Self::Pin(whose) => Some(whose),
            Self::Unreadable => None,
        }
    }
}

/// A point in time as Azure writes it
pub(crate) fn moment(text: &Value) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text.as_str()?, &Rfc3339).ok()
}

/// The name that an owner's assignment has
pub(crate) fn name(owner: &str, registry: &str, principal: Uuid, role: Uuid) -> Uuid {
    let text = format!("tether/1\n{owner}\n{}\n{principal}\n{role}", registry.to_lowercase());
    Uuid::new_v5(&NAMESPACE, text.as_bytes())
}

/// What stands for a cluster in a description
pub(crate) fn hash(cluster: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, cluster.to_lowercase().as_bytes())
}

pub(crate) fn mark(description: &str) -> Mark {
    let words: Vec<&str> = description.split_whitespace().collect();
    let hash = words.get(2).and_then(|word| word.get(..32)?.parse().ok());
    match (words.first(), words.get(1), hash) {
        (Some(&"tether/1"), Some(&"rule"), Some(hash)) => Mark::Rule(hash),
        (Some(&"tether/1"), Some(&"pin"), Some(hash)) => Mark::Pin(hash),
        _ => Mark::Unreadable,
    }
}

/// Whether the policy forbids the pair
pub(crate) fn vetoed(cluster: &Cluster, registry: &Registry) -> bool {
    let disabled = |tags: &BTreeMap<String, String>| {
        tags.get("acr-attach").is_some_and(|value| says(value, "disabled"))
    };
    let is =
        |tags: &BTreeMap<String, String>, stage| tags.get("stage").is_some_and(|is| is == stage);
    disabled(&cluster.tags)
        || disabled(&registry.tags)
        || is(&cluster.tags, "sandbox") && is(&registry.tags, "production")
}

/// Whether a rule wants the pair, and nothing forbids it. A name that fits two registries asks for neither.
pub(crate) fn wanted(cluster: &Cluster, registry: &Registry) -> bool {
    asked_for(cluster, registry) && !(registry.has_namesake && named(cluster, registry))
}

/// Whether the cluster's tag has the registry's name, which another one may have too
pub(crate) fn named(cluster: &Cluster, registry: &Registry) -> bool {
    let asks = cluster.tags.get("acr-attach");
    asks.is_some_and(|asks| says(asks, &registry.name))
}

/// Whether a rule wants the pair, or would if the name did not fit another registry as well
pub(crate) fn asked_for(cluster: &Cluster, registry: &Registry) -> bool {
    let (Some(asks), Some(offers)) =
        (cluster.tags.get("acr-attach"), registry.tags.get("acr-attach"))
    else {
        return false;
    };
    let login_server = format!("{}.azurecr.io", registry.name);
    let team = cluster.tags.get("team");
    let same_team =
        asks == "auto" && offers == "auto" && team.is_some() && team == registry.tags.get("team");
    (named(cluster, registry) || says(asks, &login_server) || same_team)
        && !vetoed(cluster, registry)
}

/// Whether a command may pin what no rule wants
pub(crate) fn may_be_pinned(registry: &Registry) -> bool {
    registry.tags.get("pin").is_some_and(|pin| pin == "yes")
}

fn says(value: &str, word: &str) -> bool {
    value.split(',').any(|found| found.trim().eq_ignore_ascii_case(word))
}
