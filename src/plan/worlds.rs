//! Each promise of the planner, checked in every small world.

use std::collections::BTreeSet;

use super::build::{World, policy};
use super::small::{SHARED, worlds};
use super::{
    Action, Attach, Detach, DetachReason, HeldReason, Hidden, Holder, Plan, Unseen, guard, plan,
    project,
};
use crate::model::{
    AssignmentName, Cluster, ClusterHash, ClusterState, Grant, Identity, Inventory, Mark, MarkKind,
    PrincipalId, Registry, ResourceId,
};
use crate::policy::{Decision, Former, Mode, Policy, RegistryNames};

/// One world with everything that its promises are checked against
struct Case<'a> {
    inventory: &'a Inventory,
    policy: &'a Policy,
    plan: &'a Plan,
    names: RegistryNames,
}

#[test]
fn every_promise_holds_in_every_small_world() {
    check_small_worlds(&policy_that(Former::Keep), 1);
    // The switches change little, and each world takes a while.
    check_small_worlds(&policy_that(Former::Remove), 7);
}

/// Both rules that ship, with both switches at one value
fn policy_that(former: Former) -> Policy {
    let mut policy = policy();
    policy.former_identities = former;
    policy.former_roles = former;
    policy
}

fn check_small_worlds(policy: &Policy, every: usize) {
    let mut count = 0;
    for World(inventory) in worlds().step_by(every) {
        let plan = plan(&inventory, policy);
        let names = RegistryNames::new(inventory.registries.values());
        let case = Case { inventory: &inventory, policy, plan: &plan, names };
        for (promise, holds) in case.promises() {
            assert!(holds, "{promise}\n{inventory:#?}\n{plan:#?}");
        }
        count += 1;
    }
    assert!(count * every > 80_000, "only {count} worlds");
}

impl Case<'_> {
    fn promises(&self) -> [(&'static str, bool); 11] {
        let Self { inventory, plan, .. } = self;
        let after = project(inventory, plan);
        [
            (
                "attached only where wanted and not vetoed",
                plan.attach.iter().all(|a| self.is_due(a)),
            ),
            ("detached only what is ours", plan.detach.iter().all(|d| self.is_ours(d))),
            ("pins stay", plan.detach.iter().all(|d| self.may_lose_its_pin(d))),
            ("detached only in full knowledge", plan.detach.iter().all(|d| self.is_certain(d))),
            ("nothing is written on the word of what is unread", self.writes_only_what_is_read()),
            ("each grant is decided once", self.decides_once()),
            ("every wish is answered", self.answers_every_wish()),
            ("applied, nothing is left to do", self.is_settled(&after)),
            ("no one who is entitled loses access", self.nobody_is_cut_off(&after)),
            ("nodes with a former identity pull as before", self.keeps_former_identities(&after)),
            ("the guard drops nothing", self.guard_drops_nothing()),
        ]
    }

    fn holders(&self, principal: PrincipalId) -> impl Iterator<Item = &Cluster> {
        let clusters = self.inventory.clusters.values();
        clusters.filter(move |cluster| cluster.identity.principal() == Some(principal))
    }

    fn says(&self, cluster: &Cluster, registry: &Registry) -> Decision<'_> {
        self.policy.decision(cluster, registry, &self.names)
    }

    fn grant(&self, detach: &Detach) -> &Grant {
        let mut grants = self.inventory.grants.values();
        grants.find(|grant| grant.key == detach.grant && grant.name == detach.name.0).unwrap()
    }

    fn is_due(&self, attach: &Attach) -> bool {
        let registry = &self.inventory.registries[&attach.grant.registry];
        let says: Vec<_> =
            self.holders(attach.grant.principal).map(|c| self.says(c, registry)).collect();
        let wanted = says.iter().any(|says| matches!(says, Decision::Attach { .. }));
        let vetoed = says.iter().any(|says| matches!(says, Decision::Vetoed { .. }));
        let pinned = self.inventory.grants.values().any(|grant| {
            let mark = Mark::read(&grant.description);
            mark.is_none_or(|mark| mark.kind == MarkKind::Pin)
                && AssignmentName::is_of(&self.policy.owner, grant)
                && grant.key.registry == attach.grant.registry
        });
        !vetoed
            && (wanted || pinned)
            && registry.mode.pull_role() == Some(attach.grant.role)
            && Mark::read(&attach.description).is_some()
            && self.holders(attach.grant.principal).any(|c| c.state != ClusterState::Deleting)
            && self.inventory.knows_grants(&attach.grant.registry, attach.grant.principal)
                | self.inventory.grants.values().any(|grant| grant.key == attach.grant)
    }

    fn is_ours(&self, detach: &Detach) -> bool {
        let grant = self.grant(detach);
        AssignmentName::is_of(&self.policy.owner, grant) && !grant.conditional
    }

    fn may_lose_its_pin(&self, detach: &Detach) -> bool {
        match Mark::read(&self.grant(detach).description) {
            Some(Mark { kind: MarkKind::Rule, .. }) => true,
            None => false,
            Some(_) if self.marked(self.grant(detach)).is_none() => {
                self.inventory.knows_all_clusters() || detach.reason == DetachReason::RegistryGone
            }
            Some(_) => match detach.reason {
                DetachReason::RoleNotHonoured | DetachReason::IdentityReplaced => {
                    let pin = |a: &&Attach| Some(a.name) == detach.after;
                    let mark = |a: &Attach| Mark::read(&a.description).map(|mark| mark.kind);
                    match self.plan.attach.iter().find(pin) {
                        Some(attach) => mark(attach) == Some(MarkKind::Pin),
                        None => detach.after.is_none(),
                    }
                }
                DetachReason::RegistryGone => true,
                DetachReason::FormerIdentity => !detach.beside.is_empty(),
                DetachReason::ClusterGone
                | DetachReason::Vetoed
                | DetachReason::Unwanted
                | DetachReason::OtherTenant
                | DetachReason::Asked => false,
            },
        }
    }

    fn is_certain(&self, detach: &Detach) -> bool {
        let made_by_aks = detach.grant.principal != super::build::principal(SHARED)
            && self.holders(detach.grant.principal).next().is_some();
        let pending = self.inventory.clusters.values().any(|c| c.identity == Identity::Pending)
            || self.inventory.unread().any(|(id, _)| matches!(id, ResourceId::Cluster(_)));
        detach.reason == DetachReason::RoleNotHonoured
            || self.inventory.knows_all_clusters() && (made_by_aks || !pending)
    }

    fn writes_only_what_is_read(&self) -> bool {
        let unread: Vec<_> = self.inventory.unread().map(|(id, _)| id.clone()).collect();
        let Plan { attach, detach, .. } = self.plan;
        let written = attach.iter().map(|attach| &attach.grant);
        written.chain(detach.iter().map(|detach| &detach.grant)).all(|grant| {
            let holders = self.holders(grant.principal);
            let holders = holders.map(|holder| ResourceId::Cluster(holder.id.clone()));
            let mut ends = holders.chain([ResourceId::Registry(grant.registry.clone())]);
            !ends.any(|end| unread.contains(&end))
        })
    }

    fn decides_once(&self) -> bool {
        let Plan { attach, detach, .. } = self.plan;
        let attached: BTreeSet<_> = attach.iter().map(|attach| &attach.grant).collect();
        let detached: BTreeSet<_> = detach.iter().map(|detach| &detach.grant).collect();
        attached.len() == attach.len()
            && detached.len() == detach.len()
            && attached.is_disjoint(&detached)
    }

    fn answers_every_wish(&self) -> bool {
        let Inventory { clusters, registries, .. } = self.inventory;
        let mut wishes = clusters.values().flat_map(|cluster| {
            let wanted = |registry: &&Registry| {
                matches!(self.says(cluster, registry), Decision::Attach { .. })
            };
            registries.values().filter(wanted).map(move |registry| (cluster, registry))
        });
        wishes.all(|(cluster, registry)| {
            let Plan { attach, kept, held, .. } = self.plan;
            let principal = cluster.identity.principal();
            let vetoed = principal.is_some_and(|principal| {
                self.holders(principal)
                    .any(|holder| matches!(self.says(holder, registry), Decision::Vetoed { .. }))
            });
            let here = |key: &crate::model::GrantKey| {
                key.registry == registry.id && Some(key.principal) == principal
            };
            vetoed
                || attach.iter().any(|attach| here(&attach.grant))
                || kept.iter().any(|kept| here(&kept.grant))
                || held.iter().any(|held| {
                    held.action == Action::Attach
                        && held.registry == registry.id
                        && held.clusters.contains(&cluster.id)
                })
        })
    }

    /// Who could pull before and is wanted can pull afterwards.
    fn nobody_is_cut_off(&self, after: &Inventory) -> bool {
        let can_pull = |inventory: &Inventory, registry: &Registry, principal| {
            inventory.grants.values().any(|grant| {
                grant.key.registry == registry.id
                    && grant.key.principal == principal
                    && Some(grant.key.role) == registry.mode.pull_role()
            })
        };
        self.inventory.clusters.values().all(|cluster| {
            let Some(principal) = cluster.identity.principal() else { return true };
            self.inventory.registries.values().all(|registry| {
                let vetoed = self
                    .holders(principal)
                    .any(|holder| matches!(self.says(holder, registry), Decision::Vetoed { .. }));
                !matches!(self.says(cluster, registry), Decision::Attach { .. })
                    || vetoed
                    || !can_pull(self.inventory, registry, principal)
                    || can_pull(after, registry, principal)
            })
        })
    }

    /// Whether nothing is left to do, but for former identities and the marks of pins that moved: what
    /// takes their place has to stand first.
    fn is_settled(&self, after: &Inventory) -> bool {
        let policy = self.policy;
        let next = plan(after, policy);
        let is_former = |detach: &Detach| detach.reason == DetachReason::FormerIdentity;
        next.is_empty()
            || next.attach.is_empty()
                && next.detach.iter().all(is_former)
                && plan(&project(after, &next), policy).is_empty()
    }

    /// The cluster that an assignment of ours is marked for, if it is there
    fn marked(&self, grant: &Grant) -> Option<&Cluster> {
        let mark = Mark::read(&grant.description)?;
        let mut clusters = self.inventory.clusters.values();
        clusters.find(|cluster| ClusterHash::of(&cluster.id) == mark.cluster)
    }

    /// An assignment for an identity that no cluster holds stays while its cluster is entitled to it.
    fn keeps_former_identities(&self, after: &Inventory) -> bool {
        let removes = self.policy.former_identities == Former::Remove;
        self.inventory.grants.values().all(|grant| {
            let registry = self.inventory.registries.get(&grant.key.registry);
            let entitled = self.marked(grant).zip(registry).is_some_and(|(cluster, registry)| {
                matches!(self.says(cluster, registry), Decision::Attach { .. })
            });
            let is_held = self.holders(grant.key.principal).next().is_some();
            removes || is_held || !entitled || after.grants.values().any(|one| one.id == grant.id)
        })
    }

    fn guard_drops_nothing(&self) -> bool {
        [Mode::Observe, Mode::AttachOnly, Mode::Sync].into_iter().all(|mode| {
            let mut policy = self.policy.clone();
            policy.mode = mode;
            let guarded = guard(self.plan.clone(), &policy, &self.inventory.scope);
            let size = |plan: &Plan| plan.attach.len() + plan.detach.len() + plan.held.len();
            size(&guarded) == size(self.plan) && guarded.kept == self.plan.kept
        })
    }
}

#[test]
fn the_order_and_the_letter_case_of_what_is_found_do_not_matter() {
    let policy = policy();
    for World(inventory) in worlds().step_by(37) {
        let mut shuffled = Inventory::new(inventory.scope.clone());
        shuffled.gaps = inventory.gaps.clone();
        for cluster in inventory.clusters.values().rev() {
            shuffled.add_cluster(cluster.clone());
        }
        for registry in inventory.registries.values().rev() {
            shuffled.add_registry(registry.clone());
        }
        for grant in inventory.grants.values().rev() {
            let mut grant = grant.clone();
            let key = grant.key.registry.as_str().to_uppercase();
            grant.key.registry = key.parse().unwrap();
            shuffled.add_grant(grant);
        }
        assert_eq!(plan(&inventory, &policy), plan(&shuffled, &policy));
    }
}

/// The worlds would prove little if some outcome never occurred in them.
#[test]
fn the_small_worlds_reach_every_outcome() {
    let remove = policy_that(Former::Remove);
    let keep = policy();
    let mut detached = BTreeSet::new();
    let mut held = BTreeSet::new();
    let mut kept = BTreeSet::new();
    for (World(inventory), policy) in
        worlds().step_by(3).flat_map(|world| [(world.clone(), &keep), (world, &remove)])
    {
        let plan = plan(&inventory, policy);
        detached.extend(plan.detach.iter().map(|detach| detach.reason));
        held.extend(plan.held.iter().map(|held| discriminant(&held.reason)));
        kept.extend(plan.kept.iter().map(|kept| kept.holder));
    }
    let all = [
        DetachReason::Unwanted,
        DetachReason::Vetoed,
        DetachReason::RoleNotHonoured,
        DetachReason::ClusterGone,
        DetachReason::IdentityReplaced,
        DetachReason::FormerIdentity,
    ];
    assert_eq!(detached, BTreeSet::from(all));
    assert_eq!(kept, BTreeSet::from([Holder::Ours, Holder::Pinned, Holder::Foreign]));
    let missing: Vec<_> = (0..10).filter(|kind| !held.contains(kind)).collect();
    assert!(missing.is_empty(), "never held for: {missing:?}");
}

/// A number for each reason that a walk of the planner gives; those of others are 99.
fn discriminant(reason: &HeldReason) -> u8 {
    match reason {
        HeldReason::NoIdentityYet => 0,
        HeldReason::ServicePrincipal => 1,
        HeldReason::ClusterDeleting => 2,
        HeldReason::RegistryMode(_) => 3,
        HeldReason::GrantsUnreadable => 4,
        HeldReason::Conditional { .. } => 5,
        HeldReason::Unseen(Unseen { what: Hidden::Clusters, .. }) => 6,
        HeldReason::MayBeIdentityOf(_) => 7,
        HeldReason::PinnedButVetoed => 8,
        HeldReason::Unread { .. } => 9,
        HeldReason::NoIdentity
        | HeldReason::NeededBy(_)
        | HeldReason::IdentityUnknown(_)
        | HeldReason::OutOfSight
        | HeldReason::LeftToTheTimer
        | HeldReason::PinnedFor(_)
        | HeldReason::Unseen(_)
        | HeldReason::NamesakeUnread(_)
        | HeldReason::BootRegistry(_)
        | HeldReason::BootRegistryUnread(_)
        | HeldReason::VetoedFor(_)
        | HeldReason::Shared
        | HeldReason::AmbiguousName { .. }
        | HeldReason::RoleNotHonoured(_)
        | HeldReason::ReplacementHeld
        | HeldReason::Mode(_)
        | HeldReason::Limit { .. } => 99,
    }
}
