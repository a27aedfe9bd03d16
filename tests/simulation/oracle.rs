//! What the world must look like when all is quiet, worked out pair by pair from what is there.

use uuid::Uuid;

use crate::facts::{
    Assignment, Cluster, Mark, Registry, SERVICE_PRINCIPAL, Written, asked_for, hash, vetoed,
    wanted,
};
use crate::history::{PLACES, Switches};
use crate::installation::Installation;
use crate::people::{Places, cluster_id, has_namesake};
use crate::stage::Stage;

/// Everything that is not as it must be
pub(crate) fn wrong(stage: &Stage, places: &Places, all: &[Installation]) -> Vec<String> {
    let read = |id: &str| {
        let shown = stage.azure.resource(id)?;
        Some(serde_json::from_value::<Written>(shown).unwrap())
    };
    let world = World {
        clusters: (0..PLACES)
            .filter_map(|at| read(&cluster_id(at)))
            .map(Written::cluster)
            .collect(),
        registries: (0..PLACES)
            .filter_map(|at| read(&places.registry_id(at)))
            .map(Written::registry)
            .map(|registry| named_again(stage, places, registry))
            .collect(),
        assignments: stage.assignments(),
    };
    let mut wrong = world.missing();
    let switches = stage.inner().switches;
    for installation in all {
        for one in world.assignments.iter().filter(|one| one.is_of(installation.owner)) {
            let why = world.must_go(one, switches).filter(|_| stage.setting.sync);
            if let Some(why) = why {
                wrong.push(format!("{} is still there: {why}", world.named(one)));
            }
            if let Some(why) = world.mark_lies(one, switches) {
                wrong.push(format!("{}: {why}", world.named(one)));
            }
            if let Some(why) = world.pin_lost(one) {
                wrong.push(format!("{}: {why}", world.named(one)));
            }
        }
    }
    wrong
}

fn named_again(stage: &Stage, places: &Places, registry: Registry) -> Registry {
    let place = (0..PLACES).find(|at| places.registry_id(*at).eq_ignore_ascii_case(&registry.id));
    let has_namesake = place.is_some_and(|place| has_namesake(stage, place));
    registry.with_namesake(has_namesake)
}

struct World {
    clusters: Vec<Cluster>,
    registries: Vec<Registry>,
    assignments: Vec<Assignment>,
}

impl World {
    fn holders(&self, principal: Uuid) -> impl Iterator<Item = &Cluster> {
        self.clusters.iter().filter(move |cluster| cluster.principal == Some(principal))
    }

    fn is_vetoed(&self, registry: &Registry, principal: Uuid) -> bool {
        self.holders(principal).any(|cluster| vetoed(cluster, registry))
    }

    fn is_wanted(&self, registry: &Registry, principal: Uuid) -> bool {
        !self.is_vetoed(registry, principal)
            && self.holders(principal).any(|cluster| asked_for(cluster, registry))
    }

    /// What stands there for an identity in the role that is honoured
    fn standing(&self, registry: &Registry, principal: Uuid) -> Vec<&Assignment> {
        let fits = |one: &&Assignment| {
            one.scope == registry.id && one.principal == principal && one.role == registry.role()
        };
        self.assignments.iter().filter(fits).collect()
    }

    fn is_standing(&self, registry: &Registry, principal: Uuid) -> bool {
        self.standing(registry, principal).iter().any(|one| !one.conditional)
    }

    /// Pairs that a rule wants and that are not attached. A conditional assignment is in the way of
    /// ours, and is held.
    fn missing(&self) -> Vec<String> {
        let pairs = self.registries.iter().flat_map(|registry| {
            let wanting = self.clusters.iter().filter(move |one| wanted(one, registry));
            wanting.map(move |cluster| (cluster, registry))
        });
        let missing = pairs.filter(|(cluster, registry)| {
            cluster.principal.is_some_and(|principal| {
                self.is_wanted(registry, principal) && self.standing(registry, principal).is_empty()
            })
        });
        missing
            .map(|(cluster, registry)| format!("{} may not pull from {}", cluster.id, registry.id))
            .collect()
    }

    /// Why an assignment of tether's own must not be there any more
    fn must_go(&self, one: &Assignment, switches: Switches) -> Option<&'static str> {
        let whose = one.mark().whose()?;
        if one.conditional {
            return None;
        }
        let registry = self.registries.iter().find(|registry| registry.id == one.scope);
        let Some(registry) = registry else { return Some("its registry is gone") };
        let cluster = self.clusters.iter().find(|cluster| hash(&cluster.id) == whose);
        let cluster = cluster.filter(|cluster| !one.is_of_earlier(cluster));
        let boots = |cluster: &&Cluster| cluster.boots_from.as_ref() == Some(&registry.id);
        if self.clusters.iter().any(|cluster| boots(&cluster)) {
            return None;
        }
        let is_pin = matches!(one.mark(), Mark::Pin(_)) && cluster.is_some();
        let is_lasting = is_pin || self.is_pinned(one);
        if self.holders(one.principal).next().is_none() {
            return self.must_go_as_former(one, registry, cluster, switches);
        }
        if self.is_vetoed(registry, one.principal) {
            return (!is_pin).then_some("it is vetoed");
        }
        if self.is_wanted(registry, one.principal) || is_lasting {
            let is_replaced = self.is_standing(registry, one.principal);
            let is_way_back = one.role != registry.role();
            return (is_way_back && is_replaced && !is_pin && switches.removes_roles)
                .then_some("its role is not honoured, and the policy removes such");
        }
        Some("no rule wants it")
    }

    /// The same where no cluster has the identity: the one that had it decides
    fn must_go_as_former(
        &self,
        one: &Assignment,
        registry: &Registry,
        marked: Option<&Cluster>,
        switches: Switches,
    ) -> Option<&'static str> {
        let is_principal = one.principal == SERVICE_PRINCIPAL;
        let stated = self.clusters.iter().filter(|_| is_principal);
        let formers: Vec<_> = marked.into_iter().chain(stated).collect();
        let is_needed = || self.clusters.iter().any(|cluster| asked_for(cluster, registry));
        let is_shared = one.is_flagged("shared") && is_needed();
        let is_pin = matches!(one.mark(), Mark::Pin(_)) && marked.is_some();
        if formers.is_empty() {
            return (!is_shared).then_some("the cluster that it is for is gone");
        }
        if formers.iter().any(|cluster| vetoed(cluster, registry)) {
            return (!is_pin).then_some("it is vetoed for the cluster that had it");
        }
        let is_pinned = |cluster: &Cluster| {
            let pin = Mark::Pin(hash(&cluster.id));
            self.assignments.iter().any(|other| {
                other.scope == one.scope
                    && Some(other.principal) == cluster.principal
                    && other.mark() == pin
            })
        };
        if formers.iter().any(|cluster| asked_for(cluster, registry) || is_pinned(cluster)) {
            let is_through = |cluster: &&Cluster| {
                let stands = |its| {
                    let mut there = self.standing(registry, its).into_iter();
                    there.any(|other| !is_pin || other.mark() == one.mark())
                };
                cluster.succeeded && cluster.principal.is_some_and(stands)
            };
            let may_stay = one.is_flagged("shared") || is_principal;
            return (switches.removes_identities && !may_stay && formers.iter().all(is_through))
                .then_some("its cluster has another identity, and the policy removes such");
        }
        (!is_shared && !is_pin).then_some("no rule wants it for the cluster that had it")
    }

    /// Whether a pin of a cluster that has the identity stands at the registry
    fn is_pinned(&self, one: &Assignment) -> bool {
        self.assignments.iter().any(|other| {
            other.scope == one.scope
                && other.principal == one.principal
                && other.mark() == Mark::Unreadable
        }) || self.holders(one.principal).any(|cluster| {
            let pin = Mark::Pin(hash(&cluster.id));
            self.assignments.iter().any(|other| {
                other.scope == one.scope && other.mark() == pin && !other.is_of_earlier(cluster)
            })
        })
    }

    /// Why the mark of an assignment is not true: it names no cluster that needs it, or does not say that
    /// several may
    fn mark_lies(&self, one: &Assignment, switches: Switches) -> Option<&'static str> {
        let registry = self.registries.iter().find(|registry| registry.id == one.scope)?;
        // It goes, or would if the mode let it.
        if one.role != registry.role() && switches.removes_roles {
            return None;
        }
        let whose = one.mark().whose().filter(|_| !one.conditional)?;
        if self.is_vetoed(registry, one.principal) {
            return None;
        }
        let pin = |cluster: &Cluster| {
            let mark = Mark::Pin(hash(&cluster.id));
            self.assignments.iter().any(|other| {
                other.scope == one.scope && other.mark() == mark && !other.is_of_earlier(cluster)
            })
        };
        let wanting: Vec<_> = self
            .holders(one.principal)
            .filter(|cluster| wanted(cluster, registry) || pin(cluster))
            .collect();
        let marked = self.clusters.iter().find(|cluster| hash(&cluster.id) == whose);
        let rules = wanting.iter().filter(|cluster| wanted(cluster, registry));
        rules.clone().next()?;
        // Only runs that read the cluster itself know that its mark is of an earlier one.
        if marked.is_some_and(|cluster| one.is_of_earlier(cluster)) {
            return None;
        }
        match marked {
            None => Some("its mark names a cluster that is gone"),
            Some(marked) if !asked_for(marked, registry) && !pin(marked) => {
                Some("its mark names a cluster that no rule wants it for")
            }
            Some(marked) => {
                let others = rules.filter(|cluster| cluster.id != marked.id).count();
                (others > 0 && !one.is_flagged("shared"))
                    .then_some("its mark does not say that several clusters use it")
            }
        }
    }

    /// Why a pin does not do what it is there for
    fn pin_lost(&self, one: &Assignment) -> Option<&'static str> {
        let Mark::Pin(whose) = one.mark() else { return None };
        let registry = self.registries.iter().find(|registry| registry.id == one.scope)?;
        let cluster = self.clusters.iter().find(|cluster| hash(&cluster.id) == whose)?;
        if one.is_of_earlier(cluster) {
            return None;
        }
        let principal = cluster.principal?;
        let stands = !self.standing(registry, principal).is_empty();
        (!stands && !self.is_vetoed(registry, principal))
            .then_some("the pin does not let its cluster pull")
    }

    fn named(&self, one: &Assignment) -> String {
        let holders: Vec<_> = self.holders(one.principal).map(|cluster| &cluster.id).collect();
        format!("{one:?} (held by {holders:?})")
    }
}
