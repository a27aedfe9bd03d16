//! Whether a removal follows from what its run was answered: who holds the identity decides, and only if
//! no cluster does, the one that the mark names.

use uuid::Uuid;

use crate::facts::{
    Assignment, Cluster, Mark, Registry, SERVICE_PRINCIPAL, asked_for, hash, vetoed,
};
use crate::stage::SUBSCRIPTIONS;
use crate::witness::{Asked, Run, Wish};

impl Run {
    /// What is wrong with the removal of an assignment that this run has just removed
    pub(crate) fn judge_delete(&mut self, gone: &Assignment) -> Option<&'static str> {
        let wrong = self.wrong_with_delete(gone);
        self.assignments.insert(gone.name, None);
        self.gone.push(gone.clone());
        self.made.remove(&gone.name);
        wrong
    }

    fn wrong_with_delete(&self, gone: &Assignment) -> Option<&'static str> {
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
        let asked = self.asked.as_ref();
        let asked = asked.filter(|asked| asked.what != Wish::Attach && asked.is_at(&gone.scope));
        if asked.is_none() && last.mark() == Mark::Unreadable {
            return Some("its mark cannot be read");
        }
        let Some(registry) = registry else { return self.unless_sync() };
        let cuts_off = asked.is_some_and(|asked| asked.what == Wish::DetachFormerIdentities);
        let mut users = self.holders(gone.principal).into_iter().chain(self.formers(last));
        if !cuts_off && users.any(|one| one.boots_from.as_ref() == Some(&registry.id)) {
            return Some("nodes boot from its registry");
        }
        if asked.is_none() && self.is_former_role(last, registry) {
            return self.unless_sync();
        }
        let is_seen = |id: &Uuid| self.seen.contains(&id.to_string());
        if !SUBSCRIPTIONS.iter().all(is_seen) {
            return Some("not every cluster was seen");
        }
        if !self.holders(gone.principal).iter().all(|one| self.clusters.contains_key(&one.id)) {
            return Some("a cluster with its identity was not read");
        }
        match asked {
            Some(asked) => self.wrong_with_asked(asked, last, registry),
            None => self.wrong_with_own(last, registry).or_else(|| self.unless_sync()),
        }
    }

    /// Whether it may go as a role that is not honoured any more: the policy says so, and the one that is
    /// honoured stands, as a pin for its cluster if this one is a pin
    fn is_former_role(&self, gone: &Assignment, registry: &Registry) -> bool {
        let honoured = |one: &&Assignment| is_for(one, gone.principal, registry);
        let carried = |one: &&Assignment| match gone.mark() {
            Mark::Pin(whose) if !self.is_gone(gone, whose) => {
                // An edited one counts as a pin.
                let pinned = [gone.mark(), Mark::Unreadable];
                one.is_of(self.owner) && pinned.contains(&one.mark())
            }
            Mark::Pin(_) | Mark::Rule(_) | Mark::Unreadable => true,
        };
        let mut standing = self.assignments.values().flatten().filter(honoured);
        self.switches.removes_roles
            && registry.role() != gone.role
            && standing.any(|one| carried(&one))
    }

    /// What is wrong with a removal that a command asked for
    fn wrong_with_asked(
        &self,
        asked: &Asked,
        gone: &Assignment,
        registry: &Registry,
    ) -> Option<&'static str> {
        let holders = self.holders(gone.principal);
        let is_it = |one: &&Cluster| one.id == asked.cluster;
        let cluster = self.clusters.get(&asked.cluster).and_then(Option::as_ref);
        let is_marked = gone.mark().whose() == Some(hash(&asked.cluster));
        if asked.what == Wish::DetachFormerIdentities {
            match cluster.and_then(|cluster| cluster.principal) {
                None => return Some("what its cluster has now is not known"),
                Some(present) if present == gone.principal => {
                    return Some("it is the identity that its cluster has");
                }
                Some(_) => {}
            }
        } else if cluster.is_some_and(|one| asked_for(one, registry)) {
            return Some("a rule wants the pair");
        }
        if holders.iter().any(|one| !is_it(one) && asked_for(one, registry)) {
            return Some("a rule wants it");
        }
        if let Mark::Pin(whose) = gone.mark()
            && whose != hash(&asked.cluster)
            && !self.is_gone(gone, whose)
        {
            return Some("it is pinned for another cluster");
        }
        let is_shared = gone.is_flagged("shared") && holders.is_empty();
        let mut others = self.clusters.values().flatten().filter(|one| !is_it(one));
        if asked.what == Wish::Detach && is_shared && others.any(|one| asked_for(one, registry)) {
            return Some("another cluster may still use the identity");
        }
        let mine = holders.iter().any(is_it) || is_marked || self.had(gone, &asked.cluster);
        (!mine).then_some("it belongs to another cluster")
    }

    /// Whether a cluster had the identity of an assignment: another one of it is marked for the cluster, or
    /// was, or it is a service principal
    fn had(&self, gone: &Assignment, cluster: &str) -> bool {
        let mut all = self.assignments.values().flatten().chain(&self.gone);
        gone.principal == SERVICE_PRINCIPAL
            || all.any(|one| {
                one.scope == gone.scope
                    && one.principal == gone.principal
                    && one.is_of(self.owner)
                    && one.mark().whose() == Some(hash(cluster))
            })
    }

    /// What is wrong with a removal that nobody asked for
    fn wrong_with_own(&self, gone: &Assignment, registry: &Registry) -> Option<&'static str> {
        let holders = self.holders(gone.principal);
        let is_pin = match gone.mark() {
            Mark::Pin(whose) => !self.is_gone(gone, whose),
            Mark::Rule(_) | Mark::Unreadable => false,
        };
        if holders.is_empty() {
            return self.wrong_with_former(gone, registry, is_pin);
        }
        if holders.iter().any(|one| vetoed(one, registry)) {
            return is_pin.then_some("it is pinned, and a veto holds a pin");
        }
        if holders.iter().any(|one| asked_for(one, registry)) {
            return Some("a rule wants it");
        }
        let marked = gone.mark().whose().and_then(|whose| self.marked(whose));
        match marked.filter(|_| is_pin) {
            Some(cluster) if cluster.principal == Some(gone.principal) => Some("it is pinned"),
            Some(cluster) => self.wrong_with_moved(cluster, gone, registry),
            None => holders
                .iter()
                .any(|one| self.is_pinned(one, one.principal, registry))
                .then_some("a holder is pinned"),
        }
    }

    /// What is wrong with the removal of an assignment for an identity that no cluster has
    fn wrong_with_former(
        &self,
        gone: &Assignment,
        registry: &Registry,
        is_pin: bool,
    ) -> Option<&'static str> {
        let formers = self.formers(gone);
        let is_shared = gone.is_flagged("shared");
        let mut all = self.clusters.values().flatten();
        let mut is_asked_for = || all.any(|one| asked_for(one, registry));
        if formers.is_empty() {
            return (is_shared && is_asked_for()).then_some("a cluster that shared it may use it");
        }
        if formers.iter().any(|one| one.principal.is_none()) {
            return Some("what its cluster has now is not known");
        }
        let is_replaced = |one: &&Cluster| {
            one.succeeded
                && one.principal.is_some_and(|its| self.stands(its, registry))
                && (!is_pin || self.is_pinned(one, one.principal, registry))
        };
        let is_through = formers.iter().all(is_replaced);
        if formers.iter().any(|one| vetoed(one, registry)) {
            // Nothing is lost where the pin stands at the present identity.
            let may_go = self.switches.removes_identities && is_through && !is_shared;
            return (is_pin && !may_go).then_some("it is pinned, and a veto holds a pin");
        }
        let is_asked = formers.iter().any(|one| asked_for(one, registry));
        let pinned = formers.iter().any(|one| self.is_pinned(one, one.principal, registry));
        if is_asked || pinned {
            let wrong = match () {
                () if !self.switches.removes_identities => Some("nodes may still use the identity"),
                () if is_shared => Some("a cluster that shared it may use it"),
                () if gone.principal == SERVICE_PRINCIPAL => Some("it is a service principal"),
                () if !is_through => Some("its cluster is not through"),
                () => None,
            };
            return wrong.map(|wrong| if is_asked { wrong } else { "its pair is pinned" });
        }
        if is_shared && is_asked_for() {
            return Some("a cluster that shared it may use it");
        }
        is_pin.then_some("its pin is lost")
    }

    /// A pin of a cluster with another identity, which others hold and do not want
    fn wrong_with_moved(
        &self,
        cluster: &Cluster,
        gone: &Assignment,
        registry: &Registry,
    ) -> Option<&'static str> {
        let moved = cluster
            .principal
            .is_some_and(|its| self.stands(its, registry) && its != gone.principal);
        (!moved).then_some("its pin is lost")
    }

    /// The clusters that had the identity of an assignment, where none has it
    fn formers(&self, gone: &Assignment) -> Vec<&Cluster> {
        let marked = gone.mark().whose().and_then(|whose| self.marked(whose));
        let marked = marked.filter(|one| !gone.is_of_earlier(one));
        marked.into_iter().chain(self.former_principals(gone.principal)).collect()
    }

    /// Whether the cluster that a mark names is gone, or another one has its id
    fn is_gone(&self, gone: &Assignment, whose: Uuid) -> bool {
        self.marked(whose).is_none_or(|one| gone.is_of_earlier(one))
    }

    /// Whether a cluster is pinned by an identity
    fn is_pinned(&self, cluster: &Cluster, by: Option<Uuid>, registry: &Registry) -> bool {
        self.assignments.values().flatten().any(|one| {
            by.is_some_and(|by| is_for(one, by, registry))
                && one.is_of(self.owner)
                && one.mark() == Mark::Pin(hash(&cluster.id))
                && !one.is_of_earlier(cluster)
        })
    }

    /// Whether an identity has the role that the registry honours, as far as was read or made
    fn stands(&self, principal: Uuid, registry: &Registry) -> bool {
        self.assignments.values().flatten().any(|one| is_for(one, principal, registry))
    }

    /// Without a command, removals are for one mode alone.
    fn unless_sync(&self) -> Option<&'static str> {
        (!self.sync).then_some("no command asked for it, and the mode is not sync")
    }
}

/// Whether an assignment lets an identity pull from a registry
pub(crate) fn is_for(one: &Assignment, principal: Uuid, registry: &Registry) -> bool {
    one.scope == registry.id
        && one.principal == principal
        && one.role == registry.role()
        && !one.conditional
}
