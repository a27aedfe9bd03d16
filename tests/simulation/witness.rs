//! What one run was answered, and whether what it writes follows from that.
//!
//! A run is one delivery of one message to one worker. A write may be late for a change that came after
//! the run had read; so a write is held against the last answers that the run got, and not against the
//! world as it is. What Azure knows no condition for is judged so, too: a pin that was put there after
//! the run had read the assignment is overtaken, as ARCHITECTURE.md says.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::facts::{
    self, Assignment, Cluster, Mark, Registry, SERVICE_PRINCIPAL, SHARED, asked_for, hash, named,
    vetoed, wanted,
};
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
    graph_pins: BTreeSet<(String, Uuid)>,
    /// What this owner made and a person edited, by what Resource Graph told: registry and for whom
    graph_edited: BTreeSet<(String, Uuid)>,
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
    fn knows(&self, wanted: &Assignment) -> bool {
        self.assignments.contains_key(&wanted.name)
            || self.listed.iter().any(|(scope, whose)| {
                wanted.scope.starts_with(scope)
                    && whose.is_none_or(|whose| whose == wanted.principal)
            })
    }

    /// What is wrong with an assignment that this run has just made or changed
    pub(crate) fn judge_put(
        &mut self,
        before: Option<&Assignment>,
        now: &Assignment,
    ) -> Option<&'static str> {
        let wrong = self.wrong_with_put(before, now);
        self.made.insert(now.name);
        self.assignments.insert(now.name, Some(now.clone()));
        wrong
    }

    fn wrong_with_put(
        &self,
        before: Option<&Assignment>,
        now: &Assignment,
    ) -> Option<&'static str> {
        if !now.is_of(self.owner) {
            return Some("it has a name that is not ours");
        }
        let Some(Some(registry)) = self.registries.get(&now.scope) else {
            return Some("its registry was not read");
        };
        let registry = &self.knowing_names(registry);
        if let Some(before) = before
            && let Some(wrong) = wrong_with_change(before, now)
        {
            return Some(wrong);
        }
        if registry.role() != now.role && before.is_none() {
            return Some("the registry does not honour its role");
        }
        let holders = self.holders(now.principal);
        if holders.is_empty() {
            return Some("no cluster has its identity");
        }
        if !holders.iter().all(|one| self.clusters.contains_key(&one.id)) {
            return Some("a cluster with its identity was not read");
        }
        if holders.iter().any(|cluster| vetoed(cluster, registry)) {
            return Some("it is vetoed");
        }
        let by_rule = holders.iter().any(|one| match before {
            None => wanted(one, registry),
            Some(_) => asked_for(one, registry),
        });
        let asked = self.asked.as_ref().is_some_and(|asked| {
            let here = asked.what == Wish::Attach && asked.is_at(&now.scope);
            here && holders.iter().any(|one| {
                one.id == asked.cluster && (wanted(one, registry) || facts::may_be_pinned(registry))
            })
        });
        let is_holder = |whose| holders.iter().any(|cluster| hash(&cluster.id) == whose);
        let follows = || {
            let here = |one: &&Assignment| one.scope == now.scope && one.is_of(self.owner);
            let mut pins = self.assignments.values().flatten().filter(here);
            pins.any(|one| matches!(one.mark(), Mark::Pin(whose) if is_holder(whose)))
        };
        // Edited by a person, it counts as a pin.
        let edited = || {
            self.graph_edited.contains(&(now.scope.clone(), now.principal))
                || self.assignments.values().flatten().any(|one| {
                    one.scope == now.scope
                        && one.principal == now.principal
                        && one.is_of(self.owner)
                        && one.mark() == Mark::Unreadable
                })
        };
        let is_same = || before.is_some_and(|before| before.mark() == now.mark());
        let told = |(scope, whose): &(String, Uuid)| *scope == now.scope && is_holder(*whose);
        let follows = follows() || self.graph_pins.iter().any(told) || edited() || is_same();
        if before.is_none() && !follows && !asked {
            let by_name = |one: &&&Cluster| named(one, registry);
            let wanting = || holders.iter().filter(|one| wanted(one, registry));
            let rests_on_all = wanting().count() == wanting().filter(by_name).count();
            let may_be_shared = (SHARED..SHARED + 2).contains(&now.principal.as_u128());
            if (rests_on_all || may_be_shared) && self.is_any_silent() {
                return Some("a subscription that did not answer may stand against it");
            }
        }
        match now.mark() {
            Mark::Rule(_) if !by_rule && !(before.is_some() && follows) => {
                return Some("no rule wants it");
            }
            Mark::Pin(_) if !(asked || follows) => return Some("nobody asked for a pin"),
            Mark::Unreadable => return Some("it has no mark"),
            Mark::Rule(_) | Mark::Pin(_) => {}
        }
        if let Some(before) = before
            && let Some(wrong) = self.wrong_with_mark(before, now, registry, &holders)
        {
            return Some(wrong);
        }
        let was = before.map(Assignment::mark);
        let is_seen = |id: &Uuid| self.seen.contains(&id.to_string());
        let is_gone = |whose| match self.marked(whose) {
            Some(cluster) => before.is_some_and(|it| it.is_of_earlier(cluster)),
            None => SUBSCRIPTIONS.iter().all(is_seen),
        };
        if was.and_then(Mark::whose).is_some_and(is_gone) {
            return None;
        }
        let is_lowered = matches!(was, Some(Mark::Pin(_) | Mark::Unreadable))
            && matches!(now.mark(), Mark::Rule(_));
        let overtook = self.knows(now)
            && self.last(now.name).is_none_or(|last| matches!(last.mark(), Mark::Rule(_)));
        (is_lowered && !overtook).then_some("it takes a pin away")
    }

    /// What is wrong with another mark on an assignment that is there: it names a cluster that is entitled
    /// to the registry and has the identity, or only says more of the one that it named
    fn wrong_with_mark(
        &self,
        before: &Assignment,
        now: &Assignment,
        registry: &Registry,
        holders: &[&Cluster],
    ) -> Option<&'static str> {
        let whose = now.mark().whose()?;
        if before.is_flagged("shared") && !now.is_flagged("shared") && self.knows_flags(before) {
            return Some("it forgets who shares the identity");
        }
        if before.mark().whose() == Some(whose) {
            return None;
        }
        let is_pinned = |cluster: &Cluster| {
            let pin = Mark::Pin(hash(&cluster.id));
            let here = |one: &Assignment| one.scope == now.scope && one.is_of(self.owner);
            self.assignments.values().flatten().any(|one| here(one) && one.mark() == pin)
        };
        let edited = before.mark() == Mark::Unreadable || matches!(now.mark(), Mark::Pin(_));
        let named = holders.iter().find(|one| hash(&one.id) == whose);
        match named {
            None => Some("its mark names a cluster that has another identity"),
            Some(one) if edited || asked_for(one, registry) || is_pinned(one) => None,
            Some(_) => Some("its mark names a cluster that is not entitled"),
        }
    }

    /// Whether the run knew what the mark says when it wrote it again
    fn knows_flags(&self, before: &Assignment) -> bool {
        self.last(before.name).is_some_and(|last| last.description == before.description)
    }

    /// The cluster that a mark names, as it was read last
    pub(crate) fn marked(&self, whose: Uuid) -> Option<&Cluster> {
        let told = self.holders.values().filter(|one| !self.clusters.contains_key(&one.id));
        let mut known = self.clusters.values().flatten().chain(told);
        known.find(|one| hash(&one.id) == whose)
    }

    /// Whether a subscription did not answer, or was not asked
    fn is_any_silent(&self) -> bool {
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

/// What is wrong with a change of anything but the description
fn wrong_with_change(before: &Assignment, now: &Assignment) -> Option<&'static str> {
    let same = before.scope == now.scope
        && before.principal == now.principal
        && before.role == now.role
        && before.conditional == now.conditional;
    (!same).then_some("it changes more than the description")
}
