//! The plan that looks pairs up against the one that holds every cluster against every registry.

use super::build::{
    By, World, abac, cluster, cluster_id, creating, policy, registry, registry_id, sharing, world,
};
use super::desire::{Index, Wished};
use super::{Plan, plan, plan_for, render};
use crate::model::{Gap, Inventory, Scope};
use crate::policy::Policy;

/// The plan for all pairs there are
fn naive(inventory: &Inventory, policy: &Policy) -> Plan {
    let index = Index::new(inventory, policy);
    plan_for(&index, &Wished::everything(inventory), inventory, policy)
}

/// Numbers that look random and are the same every time
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.roll(from.len() as u64)).unwrap()]
    }
}

const CLUSTER_TAGS: [&str; 7] = [
    "",
    "acr-attach=auto team=a",
    "acr-attach=auto team=b",
    "acr-attach=r1,r2",
    "acr-attach=r3 team=a",
    "acr-attach=disabled team=a",
    "team=a",
];
const REGISTRY_TAGS: [&str; 6] = [
    "",
    "acr-attach=auto team=a",
    "acr-attach=auto team=b",
    "acr-attach=yes",
    "acr-attach=disabled",
    "team=a",
];
const NAMES: [&str; 5] = ["c0", "c1", "c2", "c3", "c4"];
const REGISTRIES: [&str; 4] = ["r1", "r2", "r3", "r4"];

/// Up to five clusters, four registries and six grants, some shared, pinned, unseen or out of scope
fn random(dice: &mut Dice) -> World {
    let mut world = world();
    for name in NAMES.into_iter().take(usize::try_from(dice.roll(6)).unwrap()) {
        let (identity, tags) = (u128::from(dice.roll(4)), dice.pick(&CLUSTER_TAGS));
        world = world.cluster(match dice.roll(4) {
            0 => creating(name, tags),
            1 => sharing(name, identity + 1, tags),
            _ => cluster(name, identity + 10, tags),
        });
    }
    for name in REGISTRIES {
        let tags = dice.pick(&REGISTRY_TAGS);
        world = match dice.roll(4) {
            0 => world,
            1 => world.registry(abac(name, tags)),
            _ => world.registry(registry(name, tags)),
        };
    }
    for _ in 0..dice.roll(7) {
        let name = dice.pick(&NAMES);
        let by = match dice.roll(4) {
            0 => By::Pin(name),
            1 => By::Foreign,
            _ => By::Rule(name),
        };
        let identity = u128::from(dice.roll(14)) + 1;
        world = world.pull(by, dice.pick(&REGISTRIES), identity);
    }
    if dice.roll(8) == 0 {
        world = world.gap(Gap::Clusters);
    }
    world.scope(match dice.roll(6) {
        0 => Scope::Cluster(cluster_id("c1")),
        1 => Scope::Registry(registry_id("r1")),
        2 => Scope::Pair(cluster_id("c0"), registry_id("r2")),
        _ => Scope::Everything,
    })
}

#[test]
fn thousands_of_random_worlds_are_planned_alike_by_index_and_pair_by_pair() {
    let policy = policy();
    let mut dice = Dice(7);
    let mut changes = 0;
    for _ in 0..5_000 {
        let World(inventory) = random(&mut dice);
        let planned = plan(&inventory, &policy);
        changes += planned.attach.len() + planned.detach.len();
        assert_eq!(planned, naive(&inventory, &policy), "{inventory:#?}\n{}", render(&planned));
    }
    assert!(changes > 5_000, "only {changes} changes");
}
