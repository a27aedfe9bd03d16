//! What the guard holds, as the text that a person sees.

use super::build::{By, World, abac, cluster, policy, registry, world};
use super::{guard, plan, render};
use crate::model::{AssignmentUsage, Gap, Scope};
use crate::policy::{Former, Mode};

const AUTO: &str = "acr-attach=auto team=a";

fn pair() -> World {
    world().cluster(cluster("c1", 1, AUTO)).registry(registry("r1", AUTO))
}

/// The guarded plan for this world in this mode reads so.
#[track_caller]
fn check_guarded(world: &World, mode: Mode, lines: &[&str]) {
    let mut policy = policy();
    policy.mode = mode;
    let text = render(&guard(plan(&world.0, &policy), &policy, &world.0.scope));
    assert_eq!(text.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn a_mode_holds_what_it_forbids() {
    let world = pair().registry(registry("r2", "")).pull(By::Rule("c1"), "r2", 1);
    check_guarded(
        &world,
        Mode::Observe,
        &[
            "held    c1 → r1 not attached: mode is `observe`",
            "held    c1 → r2 not detached: mode is `observe`",
        ],
    );
    check_guarded(
        &world,
        Mode::AttachOnly,
        &[
            "attach  c1 → r1 as AcrPull: rule `team` wants it",
            "held    c1 → r2 not detached: mode is `attach-only`",
        ],
    );
    check_guarded(
        &world,
        Mode::Sync,
        &[
            "attach  c1 → r1 as AcrPull: rule `team` wants it",
            "detach  c1 → r2 as AcrPull: no rule wants it",
        ],
    );
}

#[test]
fn a_limit_that_is_passed_holds_the_whole_lot() {
    let world = pair().registry(registry("r2", AUTO));
    let mut policy = policy();
    policy.limits.max_attach = 1;
    let text = render(&guard(plan(&world.0, &policy), &policy, &world.0.scope));
    assert_eq!(
        text,
        "held    c1 → r1 not attached: 2 planned, `max_attach` allows 1\n\
         held    c1 → r2 not attached: 2 planned, `max_attach` allows 1\n"
    );
}

#[test]
fn detach_limits_are_absolute_and_a_share_of_what_is_ours() {
    let mut world = world().cluster(cluster("c1", 1, ""));
    for name in ["r1", "r2", "r3", "r4", "r5"] {
        world = world.registry(registry(name, AUTO)).pull(By::Rule("c1"), name, 1);
    }
    let reasons = |absolute, percent| {
        let mut policy = policy();
        policy.limits.max_detach = absolute;
        policy.limits.max_detach_percent = percent;
        let plan = guard(plan(&world.0, &policy), &policy, &world.0.scope);
        (plan.detach.len(), plan.held.first().map(|held| held.reason.to_string()))
    };
    assert_eq!(reasons(5, 100), (5, None));
    assert_eq!(reasons(4, 100), (0, Some("5 planned, `max_detach` allows 4".into())));
    // Nothing stays, so one is allowed; 100 sets no limit.
    assert_eq!(reasons(5, 99), (0, Some("5 planned, `max_detach_percent` allows 1".into())));
}

#[test]
fn the_share_is_of_what_the_run_keeps_or_makes() {
    let mut policy = policy();
    policy.limits.max_detach_percent = 50;
    let base = world()
        .cluster(cluster("c1", 1, ""))
        .cluster(cluster("c2", 2, ""))
        .cluster(cluster("c3", 3, AUTO))
        .cluster(cluster("c4", 4, AUTO))
        .registry(registry("r1", AUTO))
        .pull(By::Rule("c1"), "r1", 1)
        .pull(By::Rule("c2"), "r1", 2);
    let guarded = |world: &World| guard(plan(&world.0, &policy), &policy, &world.0.scope);
    let first = guarded(&base);
    assert_eq!((first.attach.len(), first.detach.len(), first.held.len()), (2, 0, 2));
    // Once those are made, the share is what it was.
    let after = World(super::project(&base.0, &first));
    assert!(guarded(&after).is_empty());
    let more = after.cluster(cluster("c5", 5, AUTO)).pull(By::Rule("c5"), "r1", 5);
    let more = more.cluster(cluster("c6", 6, AUTO)).pull(By::Rule("c6"), "r1", 6);
    assert_eq!(guarded(&more).detach.len(), 2);
}

#[test]
fn what_takes_the_place_of_a_former_role_and_its_removal_count_towards_no_limit() {
    let mut policy = policy();
    policy.former_roles = Former::Remove;
    policy.limits.max_attach = 1;
    policy.limits.max_detach = 1;
    let mut world = world().registry(abac("r1", AUTO));
    for (name, identity) in [("c1", 1), ("c2", 2), ("c3", 3)] {
        world = world.cluster(cluster(name, identity, AUTO)).pull(By::Rule(name), "r1", identity);
    }
    let world = world.cluster(cluster("new", 9, AUTO));
    let plan = guard(plan(&world.0, &policy), &policy, &world.0.scope);
    assert_eq!((plan.attach.len(), plan.detach.len(), plan.held.len()), (4, 3, 0));
}

#[test]
fn a_pins_old_place_stays_while_its_new_one_is_held() {
    let world = world()
        .cluster(cluster("c1", 2, ""))
        .cluster(cluster("other", 1, ""))
        .cluster(cluster("c3", 3, AUTO))
        .registry(registry("r1", AUTO))
        .pull(By::Pin("c1"), "r1", 1);
    let mut policy = policy();
    policy.limits.max_attach = 1;
    let text = render(&guard(plan(&world.0, &policy), &policy, &world.0.scope));
    let held = "other → r1 not detached: the assignment that replaces it is held itself";
    assert!(text.contains(held), "{text}");
}

#[test]
fn runs_for_one_cluster_or_registry_leave_removals_to_the_timer() {
    let world = world().cluster(cluster("c1", 1, "")).registry(registry("r1", AUTO)).pull(
        By::Rule("c1"),
        "r1",
        1,
    );
    let scopes = [
        Scope::Cluster(super::build::cluster_id("c1")),
        Scope::Registry(super::build::registry_id("r1")),
    ];
    let held = "held    c1 → r1 not detached: left to the timer, whose limits see everything";
    for scope in scopes {
        // The same with and without sight of the other clusters.
        let narrow = world.clone().scope(scope);
        check_guarded(&narrow, Mode::Sync, &[held]);
        let unseen = "unseen  clusters with other identities were not looked at";
        check_guarded(&narrow.gap(Gap::OtherClusters), Mode::Sync, &[held, unseen]);
    }
}

#[test]
fn a_full_subscription_is_warned_of_at_four_fifths_of_its_own_limit_and_nothing_is_held() {
    let id = super::build::subscription();
    for (limit, first) in [(2000, 1600), (4000, 3200), (4001, 3201), (8000, 6400), (1, 1)] {
        for (used, warned) in [(first - 1, false), (first, true), (limit, true), (9999, true)] {
            let mut world = pair();
            world.0.assignments.insert(id, AssignmentUsage { used, limit });
            let attach = "attach  c1 → r1 as AcrPull: rule `team` wants it".to_owned();
            let warning = format!(
                "warning subscription {id} holds {used} role assignments, and Azure allows {limit}"
            );
            let expected = if warned { vec![attach, warning] } else { vec![attach] };
            let expected: Vec<_> = expected.iter().map(String::as_str).collect();
            check_guarded(&world, Mode::AttachOnly, &expected);
        }
    }
}

#[test]
fn what_one_cluster_leaves_behind_is_not_measured_by_its_share() {
    let gone = cluster("gone", 1, "");
    let left = world()
        .registry(registry("r1", ""))
        .registry(registry("r2", ""))
        .pull(By::Rule("gone"), "r1", 1)
        .pull(By::Rule("gone"), "r2", 1);
    let count = |scope| {
        let world = left.clone().scope(scope);
        guard(plan(&world.0, &policy()), &policy(), &world.0.scope).detach.len()
    };
    assert_eq!(count(Scope::Cluster(gone.id)), 2);
    assert_eq!(count(Scope::Everything), 0, "two of two are more than a fifth");
}
