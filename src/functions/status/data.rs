//! What the status function tells, as a value. Fields are added and not renamed while the version stays
//! as it is.
//!
//! How a pair comes to its state stands in `pairs`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use time::OffsetDateTime;

use super::pairs::pairs;
use crate::model::{
    AssignmentUsage, Cluster, Gap, Identity, Inventory, Registry, RegistryMode, ResourceId,
    SubscriptionId,
};
use crate::plan::Plan;
use crate::policy::{Effect, Policy};

/// The version of the document
const VERSION: u32 = 1;

/// Who may pull from where, what is about to change, what is stuck and why
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "The status of a tether")]
pub struct Status<'a> {
    /// Fields are added and not renamed while this stays as it is
    version: u32,
    /// When the observation began, in UTC. What it shows may be as old as that.
    observed_at: String,
    /// How long ago that was, at the time of the answer
    age_seconds: u64,
    /// For how long after its end an observation serves everyone who asks
    kept_seconds: u64,
    /// What was observed
    #[serde(flatten)]
    seen: &'a Seen,
}

/// What was observed, and what it comes to
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Seen {
    /// The owner that the policy states
    pub owner: String,
    /// How far the policy lets tether go: `observe`, `attach-only` or `sync`
    pub mode: String,
    /// The rules of the policy, by name
    pub rules: Vec<Rule>,
    /// The clusters of the estate, as far as they were seen, by id
    pub clusters: Vec<ClusterStatus>,
    /// The registries of the estate, as far as they were seen, by id
    pub registries: Vec<RegistryStatus>,
    /// The pairs about which there is something to say, by cluster and registry. Any other pair is not
    /// attached, and no rule wants it, unless its cluster or its registry has `unseen`: then nothing is
    /// known of it.
    pub pairs: Vec<Pair>,
    /// How many there are of each
    pub counts: Counts,
    /// What the next run of the timer does
    pub next: Next,
    /// What could not be seen, a sentence each
    pub unseen: Vec<String>,
    /// What an attachment does not do for a cluster, and where room runs out, a sentence each
    pub warnings: Vec<String>,
    /// How full the subscriptions are
    pub quotas: Vec<Quota>,
}

/// A rule of the policy
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Rule {
    /// Its name
    pub name: String,
    /// `attach`, or `veto`
    pub effect: RuleEffect,
    /// What the policy says it is for
    pub description: Option<String>,
}

/// What a rule does to the pairs that fit it
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleEffect {
    /// Wants the registry attached to the cluster
    Attach,
    /// Forbids it
    Veto,
}

/// A cluster
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ClusterStatus {
    /// Its resource id
    pub id: String,
    /// Its name
    pub name: String,
    /// Its subscription's id
    pub subscription: String,
    /// Its resource group
    pub resource_group: String,
    /// Its region
    pub location: String,
    /// Its tags, their names in lower case. Anyone may write anything into a value.
    pub tags: BTreeMap<String, String>,
    /// The object id of the identity that it pulls with
    pub identity: Option<String>,
    /// Why something is not known of it, so that pairs that are not listed may be attached all the same
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
}

/// A registry
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RegistryStatus {
    /// Its resource id
    pub id: String,
    /// Its name
    pub name: String,
    /// The host that images are pulled from
    pub login_server: String,
    /// Its subscription's id
    pub subscription: String,
    /// Its resource group
    pub resource_group: String,
    /// Its region
    pub location: String,
    /// Its tags, their names in lower case. Anyone may write anything into a value.
    pub tags: BTreeMap<String, String>,
    /// The role that lets a cluster pull from it, where its mode is known
    pub role: Option<String>,
    /// Why something is not known of it, so that pairs that are not listed may be attached all the same
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<String>,
}

/// A cluster and a registry, by their places in the lists
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pair {
    /// The place of the cluster in `clusters`
    pub cluster: usize,
    /// The place of the registry in `registries`
    pub registry: usize,
    /// How it is
    pub state: State,
    /// The rule that wants it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What else there is to say, in a short sentence
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How a pair is: the first that fits, in this order
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Something that it depends on could not be seen
    Unknown,
    /// There is something to do, and something about this very pair stands against it
    Held,
    /// Wanted and not attached: the next run attaches it, unless the policy's mode or limits hold it
    Missing,
    /// Ours and wanted by no rule: the next run removes it, unless the policy's mode or limits hold it
    Extra,
    /// Ours, and kept because a command asked for it
    Pinned,
    /// Ours, and as it should be
    Attached,
    /// Made by someone else, and not ours to touch
    Foreign,
}

impl State {
    /// Its name in the document
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Held => "held",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Pinned => "pinned",
            Self::Attached => "attached",
            Self::Foreign => "foreign",
        }
    }
}

/// How many there are of each
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counts {
    pub clusters: usize,
    pub registries: usize,
    pub attached: usize,
    pub pinned: usize,
    pub foreign: usize,
    pub missing: usize,
    pub extra: usize,
    pub held: usize,
    pub unknown: usize,
}

/// What the next run of the timer does: a line for each change, as `tether plan` prints them
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Next {
    /// What it attaches
    pub attach: Vec<String>,
    /// What it detaches
    pub detach: Vec<String>,
    /// What it holds, and why
    pub held: Vec<String>,
}

/// How full a subscription is
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Quota {
    /// Its id
    pub subscription: String,
    /// The role assignments in it, of whatever role
    pub assignments: usize,
    /// The most that Azure allows: as it says itself where there are many, or else as is documented
    pub most: usize,
}

/// The shape of the document as JSON Schema
pub fn schema() -> String {
    format!("{:#}\n", schema_for!(Status<'static>).as_value())
}

impl<'a> Status<'a> {
    /// What was seen, told at a time
    pub(super) fn at(
        now: OffsetDateTime,
        observed_at: OffsetDateTime,
        kept_seconds: u64,
        seen: &'a Seen,
    ) -> Self {
        let age = (now - observed_at).whole_seconds();
        Self {
            version: VERSION,
            observed_at: moment(observed_at),
            age_seconds: u64::try_from(age).unwrap_or_default(),
            kept_seconds,
            seen,
        }
    }
}

/// A time in UTC, in whole seconds
fn moment(time: OffsetDateTime) -> String {
    let time = time.to_offset(time::UtcOffset::UTC);
    let (hour, minute, second) = time.to_hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", time.date())
}

impl Seen {
    /// What an inventory and the plan for it come to: the plan before and after mode and limits
    pub(super) fn of(inventory: &Inventory, policy: &Policy, draft: &Plan, planned: &Plan) -> Self {
        let clusters: Vec<_> =
            inventory.clusters.values().map(|cluster| told_cluster(cluster, inventory)).collect();
        let registries: Vec<_> = inventory
            .registries
            .values()
            .map(|registry| told_registry(registry, inventory))
            .collect();
        let pairs = pairs(inventory, policy, draft, planned);
        let counts =
            Counts { clusters: clusters.len(), registries: registries.len(), ..Counts::of(&pairs) };
        Self {
            owner: policy.owner.to_string(),
            mode: policy.mode.to_string(),
            rules: policy.rules().iter().filter_map(told_rule).collect(),
            clusters,
            registries,
            pairs,
            counts,
            next: Next {
                attach: lines(&planned.attach),
                detach: lines(&planned.detach),
                held: lines(&planned.held),
            },
            unseen: lines(&planned.gaps),
            warnings: lines(&planned.warnings),
            quotas: planned.assignments.iter().map(quota).collect(),
        }
    }

    /// How the pair of these places is; none is not attached, and wanted by no rule
    pub(super) fn state(&self, cluster: usize, registry: usize) -> Option<State> {
        let place = |pair: &Pair| (pair.cluster, pair.registry);
        let listed = self.pairs.binary_search_by_key(&(cluster, registry), place).ok();
        let listed = listed.and_then(|at| self.pairs.get(at)).map(|pair| pair.state);
        let unseen = || {
            let cluster = self.clusters.get(cluster)?.unseen.as_ref();
            let registry = self.registries.get(registry)?.unseen.as_ref();
            cluster.or(registry).map(|_| State::Unknown)
        };
        listed.or_else(unseen)
    }
}

fn lines<'a, T: ToString + 'a>(items: impl IntoIterator<Item = &'a T>) -> Vec<String> {
    items.into_iter().map(ToString::to_string).collect()
}

fn quota((subscription, usage): (&SubscriptionId, &AssignmentUsage)) -> Quota {
    let AssignmentUsage { used, limit } = *usage;
    Quota { subscription: subscription.to_string(), assignments: used, most: limit }
}

fn told_rule(rule: &crate::policy::Rule) -> Option<Rule> {
    let effect = match rule.effect {
        Effect::Attach => RuleEffect::Attach,
        Effect::Veto => RuleEffect::Veto,
        Effect::Pin => return None,
    };
    Some(Rule { name: rule.name.clone(), effect, description: rule.description.clone() })
}

fn told_cluster(cluster: &Cluster, inventory: &Inventory) -> ClusterStatus {
    let Cluster { id, tags, location, identity, .. } = cluster;
    let unread = inventory.unread().find(|(unread, _)| match unread {
        ResourceId::Cluster(unread) => unread == id,
        ResourceId::Registry(_) => false,
    });
    let unstated = match identity {
        Identity::ServicePrincipal { object_id: None, .. } => Some(
            "it pulls as a service principal whose object id the policy does not state".to_owned(),
        ),
        Identity::ServicePrincipal { .. }
        | Identity::Kubelet { .. }
        | Identity::Pending
        | Identity::Missing => None,
    };
    ClusterStatus {
        id: id.to_string(),
        name: id.name().to_owned(),
        subscription: id.subscription().to_string(),
        resource_group: id.resource_group().to_owned(),
        location: location.clone(),
        tags: owned(tags),
        identity: identity.principal().map(|principal| principal.to_string()),
        unseen: unread.map(could_not_be_read).or(unstated),
    }
}

fn told_registry(registry: &Registry, inventory: &Inventory) -> RegistryStatus {
    let Registry { id, login_server, tags, location, mode, .. } = registry;
    let unread = inventory.unread().find(|(unread, _)| match unread {
        ResourceId::Registry(unread) => unread == id,
        ResourceId::Cluster(_) => false,
    });
    let unseen = inventory.gaps.iter().find(|gap| match gap {
        Gap::Grants { subscription, .. } | Gap::Subscription(subscription) => {
            *subscription == id.subscription()
        }
        Gap::Clusters | Gap::OtherClusters | Gap::Registries | Gap::Unread { .. } => false,
    });
    RegistryStatus {
        id: id.to_string(),
        name: id.name().to_owned(),
        login_server: login_server.clone(),
        subscription: id.subscription().to_string(),
        resource_group: id.resource_group().to_owned(),
        location: location.clone(),
        tags: owned(tags),
        role: RegistryMode::pull_role(mode).map(|role| role.to_string()),
        unseen: unread.map(could_not_be_read).or(unseen.map(ToString::to_string)),
    }
}

fn could_not_be_read((_, code): (&ResourceId, &str)) -> String {
    format!("it could not be read again: `{code}`")
}

fn owned(tags: &crate::model::Tags) -> BTreeMap<String, String> {
    tags.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Counts {
    fn of(pairs: &[Pair]) -> Self {
        let mut counts = Self::default();
        for pair in pairs {
            *match pair.state {
                State::Unknown => &mut counts.unknown,
                State::Held => &mut counts.held,
                State::Missing => &mut counts.missing,
                State::Extra => &mut counts.extra,
                State::Pinned => &mut counts.pinned,
                State::Attached => &mut counts.attached,
                State::Foreign => &mut counts.foreign,
            } += 1;
        }
        counts
    }
}
