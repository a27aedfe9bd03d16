//! Whether a change is still due, by its ends as they are right before it is made.
//!
//! Whether a name in a tag fits another registry as well was decided when all were known.

use crate::model::{
    BootRegistry, Cluster, ClusterId, ClusterState, Grant, Mark, MarkKind, Registry,
};
use crate::policy::{Decision, Policy, RegistryNames};

use super::known::is_of_earlier;
use super::{Attach, AttachReason, Detach, DetachReason, MarkChange, MarkReason};

/// Whether an attachment is still wanted, by its registry and those of its clusters that are there, the
/// others with the identity among them: one that it is for still has the identity, what asked for it
/// still does, and no veto stands against any
pub fn is_still_wanted(
    item: &Attach,
    registry: &Registry,
    clusters: &[Cluster],
    policy: &Policy,
) -> bool {
    let names = RegistryNames::new(std::iter::once(registry));
    let holders = clusters
        .iter()
        .filter(|cluster| cluster.identity.principal() == Some(item.grant.principal));
    let needs_no_rule = !matches!(item.reason, AttachReason::Rule(_));
    let mut is_wanted = false;
    for cluster in holders {
        match policy.decision(cluster, registry, &names) {
            Decision::Vetoed { .. } | Decision::OtherTenant => return false,
            // One that asks for nothing, or needs nothing any more: only its veto counts.
            Decision::Attach { .. } | Decision::Ambiguous { .. } | Decision::NotWanted
                if item.others.contains(&cluster.id) || cluster.state == ClusterState::Deleting => {
            }
            Decision::Attach { by } => {
                is_wanted |= needs_no_rule || by.role.suits(&registry.mode);
            }
            Decision::Ambiguous { .. } | Decision::NotWanted => is_wanted |= needs_no_rule,
        }
    }
    is_wanted && registry.mode.pull_role() == Some(item.grant.role)
}

/// Whether a removal that the policy is the reason for is still due, by the assignment, its registry and
/// those of its clusters that are there: those that hold the identity, or else those that had it
pub fn is_still_due(
    item: &Detach,
    grant: &Grant,
    registry: &Registry,
    clusters: &[Cluster],
    policy: &Policy,
) -> bool {
    let (holders, others): (Vec<_>, Vec<_>) = clusters
        .iter()
        .partition(|cluster| cluster.identity.principal() == Some(item.grant.principal));
    let boots = |cluster: &Cluster| match &cluster.boot_registry {
        BootRegistry::None => false,
        BootRegistry::Registry(id) => *id == registry.id,
        BootRegistry::Unread => true,
    };
    if clusters.iter().any(boots) {
        return false;
    }
    // Those that had the identity count only where none has it.
    let deciding = if holders.is_empty() { others } else { holders };
    match item.reason {
        DetachReason::Vetoed => deciding.iter().any(|one| {
            let is_holder = one.identity.principal() == Some(item.grant.principal);
            (is_holder || item.marked.contains(&one.id)) && is_vetoed(one, registry, policy)
        }),
        // The id may be that of a younger cluster; it counts only where it holds the identity.
        DetachReason::ClusterGone if !item.marked.is_empty() => {
            let mut younger = clusters.iter().filter(|one| item.marked.contains(&one.id));
            let wants = |one: &&Cluster| {
                let is_holder = one.identity.principal() == Some(item.grant.principal);
                is_holder && is_wanted(one, registry, policy)
            };
            younger.all(|cluster| is_of_earlier(grant, cluster)) && !deciding.iter().any(wants)
        }
        DetachReason::FormerIdentity => deciding.iter().all(|cluster| {
            let present = cluster.identity.principal();
            cluster.is_succeeded && present.is_some_and(|id| id != item.grant.principal)
        }),
        DetachReason::Unwanted
        | DetachReason::OtherTenant
        | DetachReason::ClusterGone
        | DetachReason::IdentityReplaced
        | DetachReason::RoleNotHonoured
        | DetachReason::Asked
        | DetachReason::RegistryGone => {
            !clusters.iter().any(|one| is_wanted(one, registry, policy))
        }
    }
}

/// Whether a mark is still to be written again, by the registry and those of its clusters that are
/// there: none that has the identity is vetoed, the cluster that it will name has the identity or wants
/// the registry, and where what it names now did not want it, that is still so
pub fn is_mark_still_wrong(
    item: &MarkChange,
    registry: &Registry,
    clusters: &[Cluster],
    policy: &Policy,
) -> bool {
    let is_holder = |one: &Cluster| one.identity.principal() == Some(item.grant.principal);
    let wants = |id: &ClusterId| {
        clusters.iter().any(|one| one.id == *id && is_wanted(one, registry, policy))
    };
    let is_pin = Mark::read(&item.description).is_some_and(|mark| mark.kind == MarkKind::Pin);
    let is_named_rightly = clusters.iter().any(|one| {
        one.id == item.names && is_holder(one) && (is_pin || is_wanted(one, registry, policy))
    });
    let moved = item.marked.as_ref() == Some(&item.names) && (is_pin || wants(&item.names));
    let mut holders = clusters.iter().filter(|one| is_holder(one));
    (is_named_rightly || moved)
        && !holders.any(|one| is_vetoed(one, registry, policy))
        && !(item.reason == MarkReason::Unwanted && item.marked.as_ref().is_some_and(wants))
}

fn is_vetoed(cluster: &Cluster, registry: &Registry, policy: &Policy) -> bool {
    let names = RegistryNames::new(std::iter::once(registry));
    matches!(policy.decision(cluster, registry, &names), Decision::Vetoed { .. })
}

fn is_wanted(cluster: &Cluster, registry: &Registry, policy: &Policy) -> bool {
    let names = RegistryNames::new(std::iter::once(registry));
    let decision = policy.decision(cluster, registry, &names);
    matches!(decision, Decision::Attach { .. } | Decision::Ambiguous { .. })
}

#[cfg(test)]
mod tests {
    use super::super::build::{By, abac, cluster, grant, policy, registry, sharing, world};
    use super::super::plan;
    use super::*;
    use crate::model::Role;

    const TEAM: &str = "acr-attach=auto team=shop";
    const NOT_ANY_MORE: &str = "team=shop";
    const DISABLED: &str = "acr-attach=disabled team=shop";

    fn attach() -> Attach {
        let world = world().cluster(cluster("aks", 1, TEAM)).registry(registry("acr", TEAM));
        plan(&world.0, &policy()).attach.remove(0)
    }

    #[track_caller]
    fn check_attach(item: &Attach, registry: &Registry, clusters: &[Cluster], is_wanted: bool) {
        assert_eq!(is_still_wanted(item, registry, clusters, &policy()), is_wanted);
    }

    #[test]
    fn an_attachment_is_wanted_as_long_as_its_rule_fits_and_no_veto_does() {
        let acr = registry("acr", TEAM);
        check_attach(&attach(), &acr, &[cluster("aks", 1, TEAM)], true);
        for changed in [NOT_ANY_MORE, DISABLED, "acr-attach=auto team=other"] {
            check_attach(&attach(), &acr, &[cluster("aks", 1, changed)], false);
            check_attach(&attach(), &registry("acr", changed), &[cluster("aks", 1, TEAM)], false);
        }
        let both = |other| [cluster("aks", 1, TEAM), cluster("twin", 1, other)];
        check_attach(&attach(), &acr, &both(NOT_ANY_MORE), true);
        check_attach(&attach(), &acr, &both(DISABLED), false);
    }

    #[test]
    fn an_attachment_for_an_identity_that_nobody_has_any_more_or_of_a_role_not_honoured_is_not() {
        check_attach(&attach(), &registry("acr", TEAM), &[], false);
        check_attach(&attach(), &registry("acr", TEAM), &[cluster("aks", 2, TEAM)], false);
        check_attach(&attach(), &abac("acr", TEAM), &[cluster("aks", 1, TEAM)], false);
    }

    #[test]
    fn another_cluster_with_the_identity_can_only_refuse() {
        let world = world()
            .cluster(sharing("aks", 1, TEAM))
            .cluster(sharing("twin", 1, NOT_ANY_MORE))
            .registry(registry("acr", TEAM));
        let item = plan(&world.0, &policy()).attach.remove(0);
        assert_eq!(item.others, [sharing("twin", 1, "").id]);
        let acr = registry("acr", TEAM);
        let with = |tags| [sharing("aks", 1, tags), sharing("twin", 1, TEAM)];
        check_attach(&item, &acr, &with(TEAM), true);
        check_attach(&item, &acr, &with(NOT_ANY_MORE), false);
        check_attach(&item, &acr, &[sharing("aks", 1, TEAM), sharing("twin", 1, DISABLED)], false);
    }

    #[test]
    fn an_attachment_is_not_wanted_for_a_cluster_that_is_being_deleted_by_now() {
        let mut deleting = cluster("aks", 1, TEAM);
        deleting.state = ClusterState::Deleting;
        let acr = registry("acr", TEAM);
        check_attach(&attach(), &acr, &[deleting.clone()], false);
        check_attach(&attach(), &acr, &[deleting, cluster("twin", 1, TEAM)], true);
    }

    #[test]
    fn an_attachment_is_not_wanted_by_a_rule_that_attaches_with_another_role_only() {
        let text = "
owner: contoso
mode: sync
rules:
  - name: reader-only
    role: Container Registry Repository Reader
    registry: { tags: { acr-attach: auto } }
    join: [{ same_tag: team }]
";
        let only = Policy::parse("policy.yaml", text).unwrap();
        let is_wanted = |acr| is_still_wanted(&attach(), &acr, &[cluster("aks", 1, TEAM)], &only);
        assert!(!is_wanted(registry("acr", TEAM)));
    }

    #[test]
    fn a_pin_that_follows_needs_no_rule_and_heeds_a_veto() {
        let follows = Attach { reason: AttachReason::PinFollows, ..attach() };
        let acr = registry("acr", "");
        check_attach(&follows, &acr, &[cluster("aks", 1, "")], true);
        check_attach(&follows, &acr, &[cluster("aks", 1, DISABLED)], false);
        check_attach(&follows, &acr, &[cluster("aks", 2, "")], false);
    }

    fn detach(tagged: &str) -> Detach {
        let world = world()
            .cluster(sharing("aks", 1, tagged))
            .registry(registry("acr", TEAM))
            .pull(By::Rule("aks"), "acr", 1);
        plan(&world.0, &policy()).detach.remove(0)
    }

    #[track_caller]
    fn check_detach(item: &Detach, clusters: &[Cluster], is_due: bool) {
        let grant = grant(By::Rule("aks"), "acr", 1, Role::AcrPull);
        let acr = registry("acr", TEAM);
        assert_eq!(is_still_due(item, &grant, &acr, clusters, &policy()), is_due);
    }

    #[test]
    fn a_removal_is_due_until_a_rule_wants_the_pull_again() {
        let item = detach(NOT_ANY_MORE);
        assert_eq!(item.mark.as_ref().map(|mark| mark.kind), Some(MarkKind::Rule));
        check_detach(&item, &[sharing("aks", 1, NOT_ANY_MORE)], true);
        check_detach(&item, &[], true);
        check_detach(&item, &[sharing("aks", 1, TEAM)], false);
        check_detach(&item, &[sharing("aks", 1, DISABLED)], true);
    }

    #[test]
    fn a_removal_for_a_veto_is_due_as_long_as_one_that_has_the_identity_is_vetoed() {
        let item = detach(DISABLED);
        assert_eq!(item.reason, DetachReason::Vetoed);
        check_detach(&item, &[sharing("aks", 1, DISABLED)], true);
        check_detach(&item, &[sharing("aks", 1, TEAM), sharing("twin", 1, DISABLED)], true);
        check_detach(&item, &[sharing("aks", 1, NOT_ANY_MORE)], false);
        check_detach(&item, &[], false);
        check_detach(&item, &[sharing("aks", 2, DISABLED)], false);
    }
}
