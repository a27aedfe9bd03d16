//! What one run was answered. Whether what it writes follows from that is judged in `puts` and `removals`.
//!
//! A run is one delivery of one message to one worker. A write may be late for a change that came after
//! the run had read; so a write is held against the last answers that the run got, and not against the
//! world as it is. What Azure knows no condition for is judged so, too: a pin that was put there after
//! the run had read the assignment is overtaken, as ARCHITECTURE.md says.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::facts::{Assignment, Cluster, Mark, Registry, SERVICE_PRINCIPAL, hash};
use crate::history::Switches;
use crate::stage::SUBSCRIPTIONS;

/// A command on a pair, as a person gave it; cluster and registry by place
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) what: Wish,
    /// In lower case
    pub(crate) cluster: String,
    /// An id or a name, in lower case
    pub(crate) registry: String,
}

/// What a person wants of a pair
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Attach,
    Detach,
    DetachFormerIdentities,
}

impl Asked {
    pub(crate) fn is_at(&self, registry: &str) -> bool {
        registry == self.registry || registry.rsplit('/').next() == Some(&self.registry)
    }
}

/// One run
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) owner: &'static str,
    pub(crate) sync: bool,
    pub(crate) switches: Switches,
    /// When it began
    pub(crate) begun: OffsetDateTime,
    /// What a person asked for, if this is about a pair
    pub(crate) asked: Option<Asked>,
    pub(crate) clusters: BTreeMap<String, Option<Cluster>>,
    pub(crate) registries: BTreeMap<String, Option<Registry>>,
    /// As read by themselves, or found in a list
    pub(crate) assignments: BTreeMap<Uuid, Option<Assignment>>,
    /// As read by themselves
    pub(crate) read: BTreeSet<Uuid>,
    /// Below which scope assignments were listed, and whose if not everybody's
    listed: BTreeSet<(String, Option<Uuid>)>,
    /// Subscriptions whose clusters were listed to the end
    pub(crate) seen: BTreeSet<String>,
    /// What this run has made
    pub(crate) made: BTreeSet<Uuid>,
    /// What this run has removed
    pub(crate) gone: Vec<Assignment>,
    /// The holders that Resource Graph told of
    holders: BTreeMap<String, Cluster>,
    /// The pins of this owner that Resource Graph told of: registry and whose
    pub(crate) graph_pins: BTreeSet<(String, Uuid)>,
    /// What this owner made and a person edited, by what Resource Graph told: registry and for whom
    pub(crate) graph_edited: BTreeSet<(String, Uuid)>,
    /// The registries that Resource Graph told of last
    names: BTreeSet<String>,
    /// The subscriptions that answered when that was asked last
    answering: Option<BTreeSet<String>>,
}

impl Run {
    pub(crate) fn new(
        (owner, sync, switches): (&'static str, bool, Switches),
        asked: Option<Asked>,
        begun: OffsetDateTime,
    ) -> Self {
        Self {
            owner,
            sync,
            switches,
            begun,
            asked,
            clusters: BTreeMap::new(),
            registries: BTreeMap::new(),
            assignments: BTreeMap::new(),
            read: BTreeSet::new(),
            listed: BTreeSet::new(),
            seen: BTreeSet::new(),
            made: BTreeSet::new(),
            gone: Vec::new(),
            holders: BTreeMap::new(),
            graph_pins: BTreeSet::new(),
            graph_edited: BTreeSet::new(),
            names: BTreeSet::new(),
            answering: None,
        }
    }

    /// Resource Graph told which subscriptions it can read.
    pub(crate) fn saw_subscriptions(&mut self, answering: BTreeSet<String>) {
        self.answering = Some(answering);
    }

    /// Resource Graph told of all registries that it knows.
    pub(crate) fn saw_names(&mut self, registries: Vec<String>) {
        self.names = registries.into_iter().collect();
    }

    pub(crate) fn saw_cluster(&mut self, id: &str, cluster: Option<Cluster>) {
        self.clusters.insert(id.to_lowercase(), cluster);
    }

    pub(crate) fn saw_registry(&mut self, id: &str, registry: Option<Registry>) {
        self.registries.insert(id.to_lowercase(), registry);
    }

    pub(crate) fn saw_clusters(&mut self, subscription: &str, clusters: Vec<Cluster>, whole: bool) {
        for cluster in clusters {
            self.clusters.insert(cluster.id.clone(), Some(cluster));
        }
        if whole {
            self.seen.insert(subscription.to_lowercase());
        }
    }

    /// An assignment was read by its name.
    pub(crate) fn saw_assignment(&mut self, name: Uuid, found: Option<Assignment>) {
        self.assignments.insert(name, found);
        self.read.insert(name);
    }

    /// All assignments below a scope were listed, or all that an identity has there.
    pub(crate) fn saw_assignments(
        &mut self,
        found: Vec<Assignment>,
        scope: &str,
        whose: Option<Uuid>,
    ) {
        let scope = scope.to_lowercase();
        for known in self.assignments.values_mut() {
            let is_covered = known.as_ref().is_some_and(|one| {
                one.scope.starts_with(&scope) && whose.is_none_or(|whose| whose == one.principal)
            });
            if is_covered {
                *known = None;
            }
        }
        for assignment in found {
            self.assignments.insert(assignment.name, Some(assignment));
        }
        self.listed.insert((scope, whose));
    }

    pub(crate) fn saw_pins(&mut self, assignments: Vec<Assignment>) {
        let ours = assignments.into_iter().filter(|one| one.is_of(self.owner));
        for one in ours {
            match one.mark() {
                Mark::Pin(whose) => drop(self.graph_pins.insert((one.scope, whose))),
                Mark::Unreadable => drop(self.graph_edited.insert((one.scope, one.principal))),
                Mark::Rule(_) => {}
            }
        }
    }

    /// Resource Graph told of the clusters that hold an identity, or of all. What it told of them
    /// before counts no more, whether it tells of them again or not.
    pub(crate) fn saw_graph(&mut self, clusters: Vec<Cluster>, whose: Option<Uuid>) {
        self.holders.retain(|_, one| whose.is_some() && one.principal != whose);
        self.holders.extend(clusters.into_iter().map(|cluster| (cluster.id.clone(), cluster)));
    }

    /// The clusters that hold an identity, as they were read last
    pub(crate) fn holders(&self, principal: Uuid) -> Vec<&Cluster> {
        let read = self.clusters.values().flatten();
        let told = self.holders.values().filter(|one| !self.clusters.contains_key(&one.id));
        read.chain(told).filter(|cluster| cluster.principal == Some(principal)).collect()
    }

    /// An assignment as it was read last: nothing if it was not, or was not there
    pub(crate) fn last(&self, name: Uuid) -> Option<&Assignment> {
        self.assignments.get(&name)?.as_ref()
    }

    /// Whether it is known what stood there when it was looked at last
    pub(crate) fn knows(&self, wanted: &Assignment) -> bool {
        self.assignments.contains_key(&wanted.name)
            || self.listed.iter().any(|(scope, whose)| {
                wanted.scope.starts_with(scope)
                    && whose.is_none_or(|whose| whose == wanted.principal)
            })
    }

    /// The cluster that a mark names, as it was read last
    pub(crate) fn marked(&self, whose: Uuid) -> Option<&Cluster> {
        let told = self.holders.values().filter(|one| !self.clusters.contains_key(&one.id));
        let mut known = self.clusters.values().flatten().chain(told);
        known.find(|one| hash(&one.id) == whose)
    }

    /// Whether a subscription did not answer, or was not asked
    pub(crate) fn is_any_silent(&self) -> bool {
        SUBSCRIPTIONS.iter().any(|id| {
            let id = id.to_string();
            let answers = |answering: &BTreeSet<String>| answering.contains(&id);
            !self.answering.as_ref().map_or(self.seen.contains(&id), answers)
        })
    }

    /// The registry, and whether another one has its name by what was told last
    pub(crate) fn knowing_names(&self, registry: &Registry) -> Registry {
        let name = |id: &str| id.rsplit('/').next().map(str::to_owned);
        let has_namesake = self.names.iter().any(|id| {
            *id != registry.id
                && name(id) == name(&registry.id)
                && self.registries.get(id) != Some(&None)
        });
        registry.clone().with_namesake(has_namesake)
    }

    /// Everything of the estate whose service principal is stated, and that has another identity
    pub(crate) fn former_principals(&self, principal: Uuid) -> impl Iterator<Item = &Cluster> {
        let is_it = principal == SERVICE_PRINCIPAL;
        let all = self.clusters.values().flatten().filter(move |_| is_it);
        all.filter(move |one| one.principal.is_some_and(|its| its != principal))
    }
}
