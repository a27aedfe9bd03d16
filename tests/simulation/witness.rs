//! What one run was answered, and whether what it writes follows from that.
//!
//! A run is one delivery of one message to one worker. A write may be late for a change that came after
//! the run had read; so a write is held against the last answers that the run got, and not against the
//! world as it is. What Azure knows no condition for is judged so, too: a pin that was put there after
//! the run had read the assignment is overtaken, as ARCHITECTURE.md says.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::facts::{self, Assignment, Cluster, Mark, Registry, hash, vetoed, wanted};

/// A command on a pair, as a person gave it; cluster and registry by place
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) attach: bool,
    /// In lower case
    pub(crate) cluster: String,
    /// An id or a name, in lower case
    pub(crate) registry: String,
}

impl Asked {
    fn is_at(&self, registry: &str) -> bool {
        registry == self.registry || registry.rsplit('/').next() == Some(&self.registry)
    }
}

/// One run
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) owner: &'static str,
    pub(crate) sync: bool,
    /// What a person asked for, if this is about a pair
    pub(crate) asked: Option<Asked>,
    clusters: BTreeMap<String, Option<Cluster>>,
    registries: BTreeMap<String, Option<Registry>>,
    /// As read by themselves, or found in a list
    assignments: BTreeMap<Uuid, Option<Assignment>>,
    /// As read by themselves
    read: BTreeSet<Uuid>,
    /// Below which scope assignments were listed, and whose if not everybody's
    listed: BTreeSet<(String, Option<Uuid>)>,
    /// Subscriptions whose clusters were listed to the end
    seen: BTreeSet<String>,
    /// What this run has made
    made: BTreeSet<Uuid>,
    /// The holders that Resource Graph told of
    holders: BTreeMap<String, Cluster>,
    /// The pins of this owner that Resource Graph told of: registry and whose
    graph_pins: BTreeSet<(String, Uuid)>,
}

impl Run {
    pub(crate) fn new(owner: &'static str, sync: bool, asked: Option<Asked>) -> Self {
        Self { owner, sync, asked, ..Self::default() }
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
            if let Mark::Pin(whose) = one.mark() {
                self.graph_pins.insert((one.scope, whose));
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
    fn holders(&self, principal: Uuid) -> Vec<&Cluster> {
        let read = self.clusters.values().flatten();
        let told = self.holders.values().filter(|one| !self.clusters.contains_key(&one.id));
        read.chain(told).filter(|cluster| cluster.principal == Some(principal)).collect()
    }

    /// An assignment as it was read last: nothing if it was not, or was not there
    fn last(&self, name: Uuid) -> Option<&Assignment> {
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
        if registry.role() != now.role {
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
        let by_rule = holders.iter().any(|one| wanted(one, registry));
        let asked = self.asked.as_ref().is_some_and(|asked| {
            let here = asked.attach && asked.is_at(&now.scope);
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
        let told = |(scope, whose): &(String, Uuid)| *scope == now.scope && is_holder(*whose);
        let follows = follows() || self.graph_pins.iter().any(told);
        match now.mark() {
            Mark::Rule(_) if !by_rule => return Some("no rule wants it"),
            Mark::Pin(_) if !(asked || follows) => return Some("nobody asked for a pin"),
            Mark::Unreadable => return Some("it has no mark"),
            Mark::Rule(_) | Mark::Pin(_) => {}
        }
        let was = before.map(Assignment::mark);
        let is_lowered = matches!(was, Some(Mark::Pin(_) | Mark::Unreadable))
            && matches!(now.mark(), Mark::Rule(_));
        let overtook = self.knows(now)
            && self.last(now.name).is_none_or(|last| matches!(last.mark(), Mark::Rule(_)));
        (is_lowered && !overtook).then_some("it takes a pin away")
    }

    /// What is wrong with the removal of an assignment that this run has just removed
    pub(crate) fn judge_delete(
        &mut self,
        gone: &Assignment,
        estate: &[String],
    ) -> Option<&'static str> {
        let wrong = self.wrong_with_delete(gone, estate);
        self.assignments.insert(gone.name, None);
        self.made.remove(&gone.name);
        wrong
    }

    fn wrong_with_delete(&self, gone: &Assignment, estate: &[String]) -> Option<&'static str> {
        if !gone.is_of(self.owner) {
            return Some("it is not ours");
        }
        let last = self.last(gone.name).filter(|_| self.read.contains(&gone.name));
        let Some(last) = last else { return Some("it was not read before") };
        if last.conditional {
            return Some("it had a condition");
        }
        let Some(registry) = self.registries.get(&gone.scope) else {
            return Some("its registry was not read");
        };
        let Some(registry) = registry else { return self.unless_sync() };
        let asked = self.asked.as_ref().filter(|asked| !asked.attach && asked.is_at(&gone.scope));
        if asked.is_none() && registry.role() != gone.role && self.has_role(gone, registry) {
            return self.unless_sync();
        }
        if !estate.iter().all(|subscription| self.seen.contains(subscription)) {
            return Some("not every cluster was seen");
        }
        if !self.holders(gone.principal).iter().all(|one| self.clusters.contains_key(&one.id)) {
            return Some("a cluster with its identity was not read");
        }
        match asked {
            Some(asked) => self.wrong_with_asked(asked, last, registry),
            None => self.wrong_with_own(last, registry),
        }
    }

    /// What is wrong with a removal that a command asked for
    fn wrong_with_asked(
        &self,
        asked: &Asked,
        gone: &Assignment,
        registry: &Registry,
    ) -> Option<&'static str> {
        let holders = self.holders(gone.principal);
        if holders.iter().any(|one| wanted(one, registry)) {
            return Some("a rule wants it");
        }
        let mut others = holders.iter().filter(|one| one.id != asked.cluster);
        if let Mark::Pin(whose) = gone.mark()
            && others.any(|one| hash(&one.id) == whose)
        {
            return Some("it is pinned for another cluster");
        }
        let mine = holders.iter().any(|one| one.id == asked.cluster)
            || matches!(gone.mark(), Mark::Pin(whose) if whose == hash(&asked.cluster));
        (!mine).then_some("it belongs to another cluster")
    }

    /// What is wrong with a removal that nobody asked for
    fn wrong_with_own(&self, gone: &Assignment, registry: &Registry) -> Option<&'static str> {
        match gone.mark() {
            Mark::Unreadable => return Some("its mark cannot be read"),
            Mark::Pin(whose) => {
                let mut live = self.clusters.values().flatten();
                if let Some(cluster) = live.find(|one| hash(&one.id) == whose) {
                    if cluster.principal == Some(gone.principal) {
                        return Some("it is pinned");
                    }
                    let moved = cluster.principal.is_some_and(|principal| {
                        self.has_role(&Assignment { principal, ..gone.clone() }, registry)
                    });
                    if !moved {
                        return Some("its pin is lost");
                    }
                }
            }
            Mark::Rule(_) => {}
        }
        let holders = self.holders(gone.principal);
        let is_vetoed = holders.iter().any(|one| vetoed(one, registry));
        if !is_vetoed && holders.iter().any(|one| wanted(one, registry)) {
            return Some("a rule wants it");
        }
        self.unless_sync()
    }

    /// Without a command, removals are for one mode alone.
    fn unless_sync(&self) -> Option<&'static str> {
        (!self.sync).then_some("nobody asked for it, and the mode is not sync")
    }

    /// Whether the identity has the role that the registry honours, as far as was read or made
    fn has_role(&self, of: &Assignment, registry: &Registry) -> bool {
        self.assignments.values().flatten().any(|one| {
            one.scope == of.scope
                && one.principal == of.principal
                && one.role == registry.role()
                && !one.conditional
        })
    }
}
