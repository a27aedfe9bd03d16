//! Identities that clusters had before, and marks that are written again, as the text that a person sees.

use time::Duration;
use time::macros::datetime;

use super::build::{
    By, World, abac, cluster, cluster_id, grant, policy, principal, registry, sharing, world,
};
use super::{plan, project, render};
use crate::model::{
    BootRegistry, Cluster, Grant, Mark, MarkKind, Registry, RegistryMode, Role, Scope,
};
use crate::policy::Former;

const AUTO: &str = "acr-attach=auto team=a";

const AGE_UNKNOWN: &str = "warning 1 role assignments for former identities are kept although earlier clusters of the same ids may have left them: Azure does not say when the clusters were created, or the assignments written";

/// An assignment for an identity that its cluster had before
fn former(cluster: &str, identity: u128) -> String {
    format!(
        "kept    {cluster} → r1 as AcrPull for {}: former identity; once all nodes are reimaged, `tether send detach --former-identities` removes it",
        principal(identity)
    )
}

/// The plan for this world reads so, and once it is applied nothing is left to do.
#[track_caller]
fn check(world: &World, lines: &[&str]) {
    let plan = plan(&world.0, &policy());
    let text = render(&plan);
    assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    let again = super::plan(&project(&world.0, &plan), &policy());
    assert!(again.is_empty(), "not settled:\n{}", render(&again));
}

#[test]
fn a_replaced_identity_takes_its_pin_along() {
    let world = world().cluster(cluster("c1", 2, "")).registry(registry("r1", AUTO)).pull(
        By::Pin("c1"),
        "r1",
        1,
    );
    check(&world, &["attach  c1 → r1 as AcrPull: its pin follows", &former("c1", 1), AGE_UNKNOWN]);
    let after = World(project(&world.0, &plan(&world.0, &policy())));
    check(&after, &[&former("c1", 1), "kept    c1 → r1 as AcrPull: pinned", AGE_UNKNOWN]);
}

#[test]
fn a_pin_that_follows_raises_the_rules_assignment_that_it_meets() {
    let world = replaced(AUTO).pull(By::Pin("c1"), "r1", 1).pull(By::Rule("c1"), "r1", 2);
    let after = World(project(&world.0, &plan(&world.0, &policy())));
    check(&after, &[&former("c1", 1), "kept    c1 → r1 as AcrPull: pinned", AGE_UNKNOWN]);
}

/// A cluster that had the identity 1 and has the identity 2 now
fn replaced(tagged: &str) -> World {
    world().cluster(cluster("c1", 2, tagged)).registry(registry("r1", AUTO))
}

fn both(tagged: &str) -> World {
    replaced(tagged).pull(By::Rule("c1"), "r1", 1).pull(By::Rule("c1"), "r1", 2)
}

/// The lines of the plan by a policy that removes former identities
fn removing(world: &World) -> Vec<String> {
    let mut policy = policy();
    policy.former_identities = Former::Remove;
    render(&plan(&world.0, &policy)).lines().map(ToOwned::to_owned).collect()
}

#[test]
fn a_former_identity_is_kept_as_long_as_its_cluster_wants_the_registry() {
    let kept = "kept    c1 → r1 as AcrPull: rule `team` wants it";
    check(&both(AUTO), &[&former("c1", 1), kept, AGE_UNKNOWN]);
    let old = principal(1);
    let gone = format!("detach  identity {old} → r1 as AcrPull: no rule wants it");
    check(&both(""), &[&gone, "detach  c1 → r1 as AcrPull: no rule wants it"]);
    let vetoed = format!("detach  identity {old} → r1 as AcrPull: it is vetoed");
    let off = "acr-attach=disabled team=a";
    check(&both(off), &[&vetoed, "detach  c1 → r1 as AcrPull: it is vetoed"]);
}

#[test]
fn a_switch_removes_a_former_identity_once_the_present_one_pulls_and_all_pools_succeeded() {
    let line = format!(
        "detach  identity {} → r1 as AcrPull: a former identity of its cluster, whose node pools are `Succeeded`",
        principal(1)
    );
    assert!(removing(&both(AUTO)).contains(&line));
    // The assignment for the present identity has to be seen, not only planned.
    let only_former = replaced(AUTO).pull(By::Rule("c1"), "r1", 1);
    assert!(removing(&only_former).contains(&former("c1", 1)));
    let busy = Cluster { is_succeeded: false, ..cluster("c1", 2, AUTO) };
    assert!(removing(&both(AUTO).cluster(busy)).contains(&former("c1", 1)));
    let mut stated = policy();
    stated.former_identities = Former::Remove;
    stated.service_principals.insert(cluster_id("c1"), principal(1));
    assert!(render(&plan(&both(AUTO).0, &stated)).contains(&former("c1", 1)));
}

#[test]
fn a_pin_at_the_present_identity_keeps_what_a_rule_made_for_the_former_one() {
    let world = replaced("").pull(By::Rule("c1"), "r1", 1).pull(By::Pin("c1"), "r1", 2);
    check(&world, &[&former("c1", 1), "kept    c1 → r1 as AcrPull: pinned", AGE_UNKNOWN]);
}

#[test]
fn an_assignment_of_an_earlier_cluster_with_the_same_id_is_of_one_that_is_gone() {
    let at = |minute| Some(datetime!(2026-11-01 12:00 UTC) + Duration::minutes(minute));
    let dated = |written, created| {
        let grant = grant(By::Rule("c1"), "r1", 1, Role::AcrPull);
        let cluster = Cluster { created_at: created, ..cluster("c1", 2, "") };
        let wanted = Cluster { tags: cluster.tags.clone(), ..cluster };
        let world = world().cluster(Cluster { tags: super::build::tags(AUTO), ..wanted });
        world.registry(registry("r1", AUTO)).grant(Grant { updated_on: written, ..grant })
    };
    let lines = |world: &World| render(&plan(&world.0, &policy()));
    let gone = format!("detach  identity {} → r1 as AcrPull: its cluster is gone", principal(1));
    assert!(lines(&dated(at(0), at(1))).contains(&gone));
    for (written, created) in [(at(1), at(0)), (at(1), at(1))] {
        let text = lines(&dated(written, created));
        assert!(text.contains(&former("c1", 1)) && !text.contains("warning"), "{text}");
    }
    for (written, created) in [(None, at(1)), (at(0), None)] {
        let text = lines(&dated(written, created));
        assert!(text.contains(&former("c1", 1)) && text.contains(AGE_UNKNOWN), "{text}");
    }
}

#[test]
fn a_mark_names_a_cluster_that_needs_the_assignment() {
    let shared = || {
        world()
            .cluster(sharing("blue", 7, AUTO))
            .cluster(sharing("green", 7, AUTO))
            .registry(registry("r1", AUTO))
            .pull(By::Rule("blue"), "r1", 7)
    };
    let kept = |who| format!("kept    {who} → r1 as AcrPull: rule `team` wants it");
    let several = "mark    blue, green → r1 as AcrPull: several clusters may pull by the identity";
    check(&shared(), &[several, &kept("blue, green")]);
    let marked = World(project(&shared().0, &plan(&shared().0, &policy())));
    check(&marked, &[&kept("blue, green")]);
    // One leaves the identity and is deleted, then the other one leaves it too.
    let mut green = marked;
    green.0.clusters.remove(&cluster_id("blue"));
    let gone = "mark    green → r1 as AcrPull: the cluster that it named is gone";
    check(&green, &[gone, &kept("green")]);
    let moved = World(project(&green.0, &plan(&green.0, &policy())));
    let moved = moved.cluster(sharing("green", 8, AUTO)).pull(By::Rule("green"), "r1", 8);
    check(&moved, &[&former("green", 7), &kept("green"), AGE_UNKNOWN]);
}

#[test]
fn what_several_clusters_have_shared_stays_while_any_cluster_is_wanted() {
    let mut grant = grant(By::Rule("blue"), "r1", 7, Role::AcrPull);
    let mark = Mark::read(&grant.description).unwrap();
    grant.description = Mark { shared: true, ..mark }.describe("for a test");
    let left = world().registry(registry("r1", AUTO)).grant(grant);
    let old = principal(7);
    check(&left, &[&format!("detach  identity {old} → r1 as AcrPull: its cluster is gone")]);
    let wanted = left.cluster(cluster("green", 8, AUTO)).pull(By::Rule("green"), "r1", 8);
    let stays = format!(
        "kept    identity {old} → r1 as AcrPull for {old}: former identity; once all nodes are reimaged, `tether send detach --former-identities` removes it"
    );
    check(&wanted, &[&stays, "kept    green → r1 as AcrPull: rule `team` wants it"]);
}

#[test]
fn runs_for_a_cluster_write_only_the_mark_of_an_earlier_one_with_its_id() {
    let at = |minute| Some(datetime!(2026-11-01 12:00 UTC) + Duration::minutes(minute));
    let again = Cluster { created_at: at(1), ..sharing("c1", 7, AUTO) };
    let grant = grant(By::Pin("c1"), "r1", 7, Role::AcrPull);
    let world = world()
        .cluster(again)
        .registry(registry("r1", AUTO))
        .grant(Grant { updated_on: at(0), ..grant })
        .scope(Scope::Cluster(cluster_id("c1")));
    check(
        &world,
        &[
            "mark    c1 → r1 as AcrPull: the cluster that it named was created again",
            "kept    c1 → r1 as AcrPull: rule `team` wants it",
        ],
    );
    let other = world.pull(By::Rule("gone"), "r1", 7).scope(Scope::Cluster(cluster_id("c1")));
    assert!(plan(&other.0, &policy()).marks.is_empty());
}

#[test]
fn a_boot_registry_is_never_detached() {
    let boots = BootRegistry::Registry(super::build::registry_id("r1"));
    let with = |boot_registry: &BootRegistry, tagged| {
        let cluster = Cluster { boot_registry: boot_registry.clone(), ..cluster("c1", 2, tagged) };
        world().cluster(cluster).registry(registry("r1", AUTO)).pull(By::Rule("c1"), "r1", 2)
    };
    for tagged in ["", "acr-attach=disabled"] {
        let held = "held    c1 → r1 not detached: nodes of `c1` boot from this registry";
        check(&with(&boots, tagged), &[held]);
        let held = "held    c1 → r1 not detached: whether nodes of `c1` boot from this registry is not known";
        check(&with(&BootRegistry::Unread, tagged), &[held]);
    }
}

#[test]
fn a_pin_at_the_present_identity_counts_even_where_it_cannot_be_used() {
    let world = || replaced("").pull(By::Rule("c1"), "r1", 1);
    let pin = || grant(By::Pin("c1"), "r1", 2, Role::AcrPull);
    let conditional = world().grant(Grant { conditional: true, ..pin() });
    let other = Registry { mode: RegistryMode::Other("Foo".into()), ..registry("r1", AUTO) };
    let new_mode = world().grant(pin()).registry(other);
    let vetoed = world().cluster(sharing("c2", 2, "acr-attach=disabled")).grant(pin());
    for world in [conditional, new_mode, vetoed] {
        let text = render(&plan(&world.0, &policy()));
        assert!(text.contains(&former("c1", 1)), "{text}");
    }
}

#[test]
fn a_former_identity_does_not_go_in_the_run_that_takes_the_present_one() {
    let world = both(AUTO).cluster(sharing("c2", 2, "acr-attach=disabled team=a"));
    let lines = removing(&world);
    assert!(lines.iter().any(|line| line.ends_with("it is vetoed")), "{lines:?}");
    assert!(lines.contains(&former("c1", 1)), "{lines:?}");
}

#[test]
fn both_roles_of_a_former_identity_are_judged_by_the_clusters_that_either_names() {
    let mut policy = policy();
    policy.former_roles = Former::Remove;
    let world = world()
        .cluster(cluster("c1", 2, AUTO))
        .registry(abac("r1", AUTO))
        .grant(grant(By::Rule("c1"), "r1", 1, Role::AcrPull))
        .grant(grant(By::Rule("gone"), "r1", 1, Role::RepositoryReader));
    let removed = plan(&world.0, &policy).detach;
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0].grant.role, Role::AcrPull);
}

#[test]
fn a_shared_identity_stays_for_a_cluster_that_is_pinned_there() {
    let mut left = grant(By::Rule("blue"), "r1", 7, Role::AcrPull);
    let mark = Mark::read(&left.description).unwrap();
    left.description = Mark { shared: true, ..mark }.describe("for a test");
    let world = world()
        .cluster(cluster("green", 8, ""))
        .registry(registry("r1", AUTO))
        .grant(left)
        .pull(By::Pin("green"), "r1", 8);
    assert!(plan(&world.0, &policy()).detach.is_empty());
}

#[test]
fn a_stale_pin_gives_way_to_the_pin_that_follows_and_then_nothing_is_left_to_do() {
    let world = replaced("").pull(By::Pin("c1"), "r1", 1).pull(By::Pin("gone"), "r1", 2);
    let first = plan(&world.0, &policy());
    let after = World(project(&world.0, &first));
    assert_eq!(plan(&after.0, &policy()).attach, []);
    assert!(plan(&after.0, &policy()).is_empty(), "{}", render(&plan(&after.0, &policy())));
}

#[test]
fn the_mark_of_a_pin_that_moved_names_the_holder_that_a_rule_wants() {
    let world = world()
        .cluster(cluster("blue", 8, ""))
        .cluster(sharing("green", 7, AUTO))
        .registry(registry("r1", AUTO))
        .pull(By::Pin("blue"), "r1", 8)
        .pull(By::Pin("blue"), "r1", 7);
    let [change] = &plan(&world.0, &policy()).marks[..] else { panic!("one mark") };
    assert_eq!(change.names, cluster_id("green"));
    let mark = Mark::read(&change.description).unwrap();
    assert!(mark.shared && mark.kind == MarkKind::Rule);
}
