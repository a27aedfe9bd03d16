//! An estate of any size in the pretend Azure, and what its tags entitle each cluster to, worked out
//! slowly and without our code. For `whole_estate` here and for `benches/estate.rs`.
//!
//! The tags are of every sort: teams and names, three ways to name a registry, letter case, vetoes on
//! either side, and tags that look like a wish and are none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tether::azure::{Estate, Graph};
use tether::emulator::Clock;
use tether::emulator::azure::{
    Azure, ClusterSpec, Options, RateLimits, RegistrySpec, RequestRecord, Subscription,
};
use tether::emulator::graph;
use tether::model::SubscriptionId;
use tether::policy::Policy;
use tether::reconcile::Reconciler;
use uuid::{Uuid, uuid};

use crate::person;

pub(crate) const POLICY: &str = "
owner: estate
mode: sync
max_attach: 4000
max_detach: 4000
max_detach_percent: 100
rules:
  - name: named-registry
    registry: { tags: { acr-attach: { present: true } } }
    join: [{ registry_named_in: acr-attach }]
  - name: same-team
    cluster: { tags: { acr-attach: auto } }
    registry: { tags: { acr-attach: auto } }
    join: [{ same_tag: team }]
";

const ACR_PULL: Uuid = uuid!("7f951dda-4ed3-4680-a7ca-43fe172d538d");
const REPOSITORY_READER: Uuid = uuid!("b93aa761-3e63-49ed-ac28-beffa264f7ac");

const TENANT: Uuid = Uuid::from_u128(2000);

/// The most rows that Resource Graph puts on a page
const PAGE: usize = 1000;

/// How large an estate is
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) clusters: usize,
    pub(crate) registries: usize,
    pub(crate) subscriptions: usize,
}

/// A role assignment: registry id in lower case, principal, role
pub(crate) type Assigned = (String, Uuid, Uuid);

/// What one side of a pair says of itself
#[derive(Debug)]
struct Tagged {
    id: String,
    name: String,
    tags: Vec<(&'static str, String)>,
}

/// An estate that is there
pub(crate) struct Emulated {
    pub(crate) azure: Azure,
    clusters: Vec<(Tagged, Uuid)>,
    registries: Vec<(Tagged, Uuid)>,
}

impl Emulated {
    /// An estate of this size, with limits if there are to be any
    pub(crate) async fn start(size: Size, limits: Option<RateLimits>) -> Self {
        let named = |id: Uuid| Subscription { id, name: id.to_string() };
        let all = subscriptions(size.subscriptions).into_iter().map(named).collect();
        let azure = Azure::start(Options {
            throttled: limits.is_some(),
            rate_limits: limits.unwrap_or_default(),
            graph: Arc::new(|tables, body, caller| {
                let graph::Answer { status, body } =
                    graph::answer(tables, body, &caller.subscriptions);
                (status, body)
            }),
            ..Options::new(Clock::new(1.0), TENANT, all)
        });
        let azure = azure.await.unwrap();
        let registries: Vec<_> =
            (0..size.registries).map(|number| registry(&azure, size, number)).collect();
        let clusters = (0..size.clusters).map(|number| cluster(&azure, size, &registries, number));
        Self { clusters: clusters.collect(), azure, registries }
    }

    /// What the policy says, pair by pair
    pub(crate) fn wanted(&self) -> BTreeSet<Assigned> {
        let mut wanted = BTreeSet::new();
        for (cluster, principal) in &self.clusters {
            for (registry, role) in &self.registries {
                if wants(cluster, registry) {
                    wanted.insert((registry.id.to_lowercase(), *principal, *role));
                }
            }
        }
        wanted
    }

    /// What is there
    pub(crate) fn found(&self) -> BTreeSet<Assigned> {
        let all = self.azure.assignments().into_iter();
        all.map(|one| (one.scope.to_lowercase(), one.principal, one.role)).collect()
    }

    /// Takes all tags from every cluster.
    pub(crate) fn untag(&self) {
        for (cluster, _) in &self.clusters {
            self.azure.set_tags(&cluster.id, &BTreeMap::new()).unwrap();
        }
    }

    /// The fewest requests that Resource Graph can be asked with what a run has to know: resources,
    /// assignments, which subscriptions answer, and how full they are
    pub(crate) fn fewest_queries(&self) -> usize {
        let assignments = self.azure.assignments().len();
        let resources = self.clusters.len() + self.registries.len();
        let pages = |rows: usize| rows.div_ceil(PAGE).max(1);
        pages(resources) + pages(assignments) + 1 + 1
    }
}

/// A handler of its own for an estate of so many subscriptions
pub(crate) fn handler(endpoint: &str, token: &str, count: usize) -> (Reconciler, Graph, Estate) {
    let arm = person::arm(endpoint, token);
    let graph = Graph::new(arm.clone(), Duration::from_secs(15));
    let subscriptions = subscriptions(count).into_iter().map(SubscriptionId).collect();
    let estate = Estate { subscriptions, ..Estate::default() };
    (Reconciler::new(arm, graph.clone(), estate.clone(), policy()), graph, estate)
}

pub(crate) fn policy() -> Policy {
    Policy::parse("policy.yaml", POLICY).unwrap()
}

/// How many of these requests asked Resource Graph
pub(crate) fn queries(log: &[RequestRecord]) -> usize {
    log.iter().filter(|one| one.path.ends_with("/Microsoft.ResourceGraph/resources")).count()
}

/// How many of these requests were to change something
pub(crate) fn writes(log: &[RequestRecord]) -> usize {
    log.iter().filter(|one| ["PUT", "PATCH", "DELETE"].contains(&&*one.method)).count()
}

pub(crate) fn subscriptions(count: usize) -> Vec<Uuid> {
    (0..count).map(|number| Uuid::from_u128(1000 + number as u128)).collect()
}

/// A registry. Of 25, fifteen go by teams, eight by name alone, one refuses and one has no part in it.
fn registry(azure: &Azure, size: Size, number: usize) -> (Tagged, Uuid) {
    let (group, place) = (number / 25, number % 25);
    let tags = match place {
        0..15 => vec![
            (if place == 3 { "ACR-Attach" } else { "acr-attach" }, "auto".to_owned()),
            ("team", team(size, group * 15 + place)),
        ],
        15..23 => vec![("acr-attach", "shared".to_owned()), ("team", team(size, number))],
        23 => vec![("acr-attach", "Disabled".to_owned()), ("team", team(size, number))],
        _ => vec![("team", team(size, number))],
    };
    let subscription = subscriptions(size.subscriptions)[number % size.subscriptions];
    let name = format!("Registry{number:04}");
    let mut spec = RegistrySpec::new(subscription, "images", &name);
    spec.abac = number % 7 == 3;
    spec.tags = given(&tags);
    let role = if spec.abac { REPOSITORY_READER } else { ACR_PULL };
    (Tagged { id: azure.create_registry(&spec).unwrap(), name, tags }, role)
}

/// A cluster. Of ten, five go by teams, four by names, and one wants nothing after all.
fn cluster(
    azure: &Azure,
    size: Size,
    registries: &[(Tagged, Uuid)],
    number: usize,
) -> (Tagged, Uuid) {
    let (group, place) = (number / 10, number % 10);
    let own_team = team(size, group * 5 + place);
    let tags = match (place, group % 4) {
        (0..5, _) => vec![
            (if place == 1 { "Acr-Attach" } else { "acr-attach" }, "auto".to_owned()),
            (if place == 2 { "TEAM" } else { "team" }, own_team),
        ],
        (5..9, _) => {
            let count = if place == 8 { 3 } else { 4 };
            let mut words = names(registries, number, count);
            words.push(if place == 7 { "nowhere".to_owned() } else { String::new() });
            vec![("acr-attach", words.join(if place == 6 { " , " } else { "," }))]
        }
        (_, 0) => vec![("acr-attach", "auto, DISABLED".to_owned()), ("team", own_team)],
        (_, 1) => Vec::new(),
        (_, 2) => vec![("acr-attach", "auto".to_owned()), ("team", " ".to_owned())],
        _ => vec![("acr-attach", "auto".to_owned()), ("team", own_team.to_uppercase())],
    };
    let subscription = subscriptions(size.subscriptions)[number % size.subscriptions];
    let name = format!("Cluster{number:05}");
    let mut spec = ClusterSpec::new(subscription, "shop", &name);
    spec.tags = given(&tags);
    let id = azure.create_cluster(&spec).unwrap();
    let principal = azure.kubelet_principal(&id).unwrap();
    (Tagged { id, name, tags }, principal)
}

/// One of as many teams as give three registries to each
fn team(size: Size, number: usize) -> String {
    let by_team = (0..size.registries).filter(|registry| registry % 25 < 15).count();
    format!("team-{}", number % (by_team / 3).max(1))
}

/// So many registries that take part, each called in another way, and one that refuses
fn names(registries: &[(Tagged, Uuid)], number: usize, count: usize) -> Vec<String> {
    let all: Vec<_> = registries.iter().map(|(registry, _)| registry).collect();
    let of = |places: std::ops::Range<usize>| -> Vec<&Tagged> {
        let all = all.iter().enumerate();
        all.filter(|(at, _)| places.contains(&(at % 25))).map(|(_, registry)| *registry).collect()
    };
    let (taking_part, refusing) = (of(0..23), of(23..24));
    let apart = taking_part.len() / 4 + 1;
    let called = (0..count).map(|which| {
        let registry = taking_part[(number * 7 + which * apart) % taking_part.len()];
        match which {
            0 => registry.name.clone(),
            1 => registry.name.to_uppercase(),
            2 => format!("{}.azurecr.io", registry.name),
            _ => registry.id.clone(),
        }
    });
    let refusing = refusing.get(number % refusing.len().max(1)).map(|one| one.name.clone());
    called.chain(refusing).collect()
}

fn given(tags: &[(&'static str, String)]) -> BTreeMap<String, String> {
    tags.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// What the policy above and the built-in veto say of one pair, read off their documentation
fn wants(cluster: &Tagged, registry: &Tagged) -> bool {
    let (Some(asks), Some(offers)) = (cluster.tag("acr-attach"), registry.tag("acr-attach")) else {
        return false;
    };
    let says = |value: &str, word: &str| {
        value.split(',').any(|found| found.trim().eq_ignore_ascii_case(word))
    };
    if says(asks, "disabled") || says(offers, "disabled") {
        return false;
    }
    let login_server = format!("{}.azurecr.io", registry.name);
    let is_named = [&registry.name, &login_server, &registry.id].iter().any(|one| says(asks, one));
    let team = cluster.tag("team").filter(|team| !team.trim().is_empty());
    let is_of_team = asks == "auto" && offers == "auto" && team.is_some();
    is_named || is_of_team && team == registry.tag("team")
}

impl Tagged {
    fn tag(&self, name: &str) -> Option<&str> {
        let mut tags = self.tags.iter();
        tags.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}
