//! Assignments of ours at registries that are not there any more: deleted, or moved to another group or
//! subscription, where their assignments do not follow them.

use super::{Action, Detach, DetachReason, Held, HeldReason, Hidden, Holder, Kept, Plan, Unseen};
use crate::model::{AssignmentName, Gap, Grant, Inventory, Mark, ResourceId, Scope};
use crate::policy::Policy;

/// Adds the removal of such assignments, in scopes that are wide enough to tell. No cluster can need
/// them, a pinned one neither: there is nothing to pull from.
pub(super) fn retire(inventory: &Inventory, policy: &Policy, plan: &mut Plan) {
    let strays = inventory.grants.values().filter(|grant| {
        !inventory.registries.contains_key(&grant.key.registry)
            && is_in_scope(inventory, grant)
            && AssignmentName::is_of(&policy.owner, grant)
    });
    for grant in strays {
        let Some(mark) = Mark::read(&grant.description) else {
            plan.kept.push(edited(grant));
            continue;
        };
        match doubt(inventory, grant) {
            None => plan.detach.push(Detach {
                grant: grant.key.clone(),
                name: AssignmentName(grant.name),
                clusters: Vec::new(),
                reason: DetachReason::RegistryGone,
                after: None,
                beside: Vec::new(),
                mark: Some(mark),
                marked: Vec::new(),
            }),
            Some(reason) => plan.held.push(Held {
                registry: grant.key.registry.clone(),
                principal: Some(grant.key.principal),
                clusters: Vec::new(),
                action: Action::Detach,
                reason,
            }),
        }
    }
}

/// A person has changed its description, so it is theirs to remove.
fn edited(grant: &Grant) -> Kept {
    let (holder, clusters) = (Holder::Pinned, Vec::new());
    Kept { grant: grant.key.clone(), holder, clusters, rule: None, former: None }
}

fn is_in_scope(inventory: &Inventory, grant: &Grant) -> bool {
    let registry = &grant.key.registry;
    match &inventory.scope {
        Scope::Everything => true,
        Scope::Subscription(id) => registry.subscription() == *id,
        Scope::Registry(_) | Scope::Cluster(_) | Scope::Pair(..) => false,
    }
}

fn doubt(inventory: &Inventory, grant: &Grant) -> Option<HeldReason> {
    let registry = &grant.key.registry;
    let unread = inventory.gaps.iter().find_map(|gap| match gap {
        Gap::Unread { id: ResourceId::Registry(id), code, .. } if id == registry => {
            let id = ResourceId::Registry(id.clone());
            Some(HeldReason::Unread { id, code: code.clone() })
        }
        Gap::Unread { .. }
        | Gap::Clusters
        | Gap::OtherClusters
        | Gap::Registries
        | Gap::Subscription(_)
        | Gap::Grants { .. } => None,
    });
    let unseen = || {
        let known = inventory.knows_registries_of(registry.subscription());
        let (what, silent) = (Hidden::Registries, inventory.silent());
        (!known).then_some(HeldReason::Unseen(Unseen { what, silent }))
    };
    let conditional = || {
        let assignment = grant.id.clone();
        grant.conditional.then_some(HeldReason::Conditional { assignment })
    };
    unread.or_else(unseen).or_else(conditional)
}

#[cfg(test)]
mod tests {
    use super::super::build::{By, World, cluster, cluster_id, policy, principal, world};
    use super::super::{plan, project, render};
    use super::*;

    const AUTO: &str = "acr-attach=auto team=a";

    /// The plan for this world reads so, and once it is applied nothing is left to do.
    #[track_caller]
    fn check(world: &World, lines: &[&str]) {
        let draft = plan(&world.0, &policy());
        assert_eq!(render(&draft).lines().collect::<Vec<_>>(), lines);
        assert!(plan(&project(&world.0, &draft), &policy()).is_empty());
    }

    #[test]
    fn an_assignment_at_a_registry_that_is_gone_goes_unless_a_person_edited_it() {
        for by in [By::Rule("c1"), By::Pin("c1")] {
            let world = world().cluster(cluster("c1", 1, AUTO)).pull(by, "r1", 1);
            let line = format!(
                "detach  identity {} → r1 as AcrPull: the registry is not there any more",
                principal(1)
            );
            check(&world, &[&line]);
            let held = format!(
                "held    identity {} → r1 not detached: not every registry was looked at",
                principal(1)
            );
            check(
                &world.clone().gap(Gap::Registries),
                &[&held, "unseen  not every registry of the estate was looked at"],
            );
            check(&world.scope(Scope::Cluster(cluster_id("c1"))), &[]);
        }
        let kept = format!("kept    identity {} → r1 as AcrPull: pinned", principal(1));
        check(&world().pull(By::Unreadable, "r1", 1), &[&kept]);
        check(&world().pull(By::Foreign, "r1", 1), &[]);
    }
}
