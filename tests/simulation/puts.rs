//! Whether what a run makes or marks again follows from what it was answered.

use uuid::Uuid;

use crate::facts::{
    self, Assignment, Cluster, Mark, Registry, SHARED, asked_for, hash, named, vetoed, wanted,
};
use crate::stage::SUBSCRIPTIONS;
use crate::witness::{Run, Wish};

/// An assignment that was made or marked again, and what is known of its ends
struct Put<'a> {
    before: Option<&'a Assignment>,
    now: &'a Assignment,
    registry: &'a Registry,
    holders: &'a [&'a Cluster],
}

impl Run {
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
        if let Some(wrong) = before.and_then(|before| wrong_with_change(before, now)) {
            return Some(wrong);
        }
        if registry.role() != now.role && before.is_none() {
            return Some("the registry does not honour its role");
        }
        let holders = &self.holders(now.principal)[..];
        if holders.is_empty() {
            return Some("no cluster has its identity");
        }
        if !holders.iter().all(|one| self.clusters.contains_key(&one.id)) {
            return Some("a cluster with its identity was not read");
        }
        if holders.iter().any(|cluster| vetoed(cluster, registry)) {
            return Some("it is vetoed");
        }
        let registry = &self.knowing_names(registry);
        let put = Put { before, now, registry, holders };
        self.wrong_with_wish(&put)
            .or_else(|| self.wrong_with_mark(&put))
            .or_else(|| self.wrong_with_lowering(&put))
    }

    /// What is wrong with the reason for an assignment: a rule, a command, or a pin that it follows
    fn wrong_with_wish(&self, put: &Put<'_>) -> Option<&'static str> {
        let Put { before, now, registry, holders } = *put;
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
        let follows = self.follows(put);
        if before.is_none() && !follows && !asked {
            let by_name = |one: &&&Cluster| named(one, registry);
            let wanting = || holders.iter().filter(|one| wanted(one, registry));
            let rests_on_all = wanting().count() == wanting().filter(by_name).count();
            let may_be_shared = (SHARED..SHARED + 2).contains(&now.principal.as_u128());
            if (rests_on_all || may_be_shared) && self.is_any_silent() {
                return Some("a subscription that did not answer may stand against it");
            }
        }
        let marked_again = before.is_some() && follows;
        match now.mark() {
            Mark::Rule(_) if !(by_rule || marked_again) => Some("no rule wants it"),
            Mark::Pin(_) if !(asked || follows) => Some("no command asked for a pin"),
            Mark::Unreadable => Some("it has no mark"),
            Mark::Rule(_) | Mark::Pin(_) => None,
        }
    }

    /// Whether a pin of a holder was seen here, or what a person edited, which counts as a pin
    fn follows(&self, put: &Put<'_>) -> bool {
        let Put { before, now, holders, .. } = *put;
        let is_holder = |whose| holders.iter().any(|cluster| hash(&cluster.id) == whose);
        let mut here = self.assignments.values().flatten().filter(|one| {
            let is_ours = one.is_of(self.owner);
            is_ours && one.scope == now.scope
        });
        let asks = |one: &Assignment| match one.mark() {
            Mark::Pin(whose) => is_holder(whose),
            Mark::Unreadable => one.principal == now.principal,
            Mark::Rule(_) => false,
        };
        let told = |(scope, whose): &(String, Uuid)| *scope == now.scope && is_holder(*whose);
        here.any(asks)
            || self.graph_pins.iter().any(told)
            || self.graph_edited.contains(&(now.scope.clone(), now.principal))
            || before.is_some_and(|before| before.mark() == now.mark())
    }

    /// What is wrong with another mark on an assignment that is there: it names a cluster that is entitled
    /// to the registry and has the identity, or only says more of the one that it named
    fn wrong_with_mark(&self, put: &Put<'_>) -> Option<&'static str> {
        let Put { before, now, registry, holders } = *put;
        let (before, whose) = (before?, now.mark().whose()?);
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

    /// What is wrong with a mark that says `rule` where a pin was, unless the pinned cluster is gone or the
    /// pin came after the run had read the assignment
    fn wrong_with_lowering(&self, put: &Put<'_>) -> Option<&'static str> {
        let Put { before, now, .. } = *put;
        let before = before?;
        let is_seen = |id: &Uuid| self.seen.contains(&id.to_string());
        let is_gone = |whose| match self.marked(whose) {
            Some(cluster) => before.is_of_earlier(cluster),
            None => SUBSCRIPTIONS.iter().all(is_seen),
        };
        // Its cluster has another identity, where the pin was read.
        let stands_elsewhere = |whose| {
            let present = self.marked(whose).and_then(|cluster| cluster.principal);
            self.assignments.values().flatten().any(|one| {
                one.scope == now.scope
                    && one.mark() == Mark::Pin(whose)
                    && Some(one.principal) == present
                    && one.principal != now.principal
            })
        };
        let is_over = |whose| is_gone(whose) || stands_elsewhere(whose);
        if before.mark().whose().is_some_and(is_over) {
            return None;
        }
        let is_lowered = matches!(before.mark(), Mark::Pin(_) | Mark::Unreadable)
            && matches!(now.mark(), Mark::Rule(_));
        let overtook = self.knows(now)
            && self.last(now.name).is_none_or(|last| matches!(last.mark(), Mark::Rule(_)));
        (is_lowered && !overtook).then_some("it takes a pin away")
    }

    /// Whether the run knew what the mark says when it wrote it again
    fn knows_flags(&self, before: &Assignment) -> bool {
        self.last(before.name).is_some_and(|last| last.description == before.description)
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
