//! What the world must look like when all is quiet, worked out pair by pair from what is there.

use uuid::Uuid;

use crate::facts::{Assignment, Cluster, Mark, Registry, Written, hash, vetoed, wanted};
use crate::history::PLACES;
use crate::installation::Installation;
use crate::people::{Places, cluster_id};
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
            .collect(),
        assignments: stage.assignments(),
    };
    let mut wrong = world.missing();
    for installation in all {
        for one in world.assignments.iter().filter(|one| one.is_of(installation.owner)) {
            let why = world.must_go(one).filter(|_| stage.setting.sync);
            if let Some(why) = why {
                wrong.push(format!("{} is still there: {why}", world.named(one)));
            }
            if let Some(why) = world.pin_lost(one) {
                wrong.push(format!("{}: {why}", world.named(one)));
            }
        }
    }
    wrong
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
            && self.holders(principal).any(|cluster| wanted(cluster, registry))
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
    fn must_go(&self, one: &Assignment) -> Option<&'static str> {
        if one.conditional {
            return None;
        }
        let registry = self.registries.iter().find(|registry| registry.id == one.scope);
        let Some(registry) = registry else { return Some("its registry is gone") };
        let whose = match one.mark() {
            Mark::Unreadable => return None,
            Mark::Rule(whose) | Mark::Pin(whose) => whose,
        };
        let is_pin = matches!(one.mark(), Mark::Pin(_));
        let cluster = self.clusters.iter().find(|cluster| hash(&cluster.id) == whose);
        let is_wanted = self.is_wanted(registry, one.principal);
        if is_pin {
            let is_idle = !is_wanted && !self.is_vetoed(registry, one.principal);
            return (cluster.is_none() && is_idle)
                .then_some("the cluster that it is pinned for is gone");
        }
        if self.is_vetoed(registry, one.principal) {
            return Some("it is vetoed");
        }
        let is_honoured = one.role == registry.role();
        if is_wanted {
            let is_replaced = self.is_standing(registry, one.principal);
            return (!is_honoured && is_replaced).then_some("its role is not honoured");
        }
        let is_pinned = self.assignments.iter().any(|other| {
            other.scope == one.scope
                && other.principal == one.principal
                && matches!(other.mark(), Mark::Pin(_))
        });
        (!is_pinned).then_some("no rule wants it")
    }

    /// Why a pin does not do what it is there for
    fn pin_lost(&self, one: &Assignment) -> Option<&'static str> {
        let Mark::Pin(whose) = one.mark() else { return None };
        let registry = self.registries.iter().find(|registry| registry.id == one.scope)?;
        let cluster = self.clusters.iter().find(|cluster| hash(&cluster.id) == whose)?;
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
