//! Rules with a role of their own, and clusters that pull as a service principal.

use super::build::{
    By, World, abac, cluster, creating, policy, principal, registry, sharing, world,
};
use super::{plan, project, render};
use crate::model::{Cluster, Identity};
use crate::policy::Policy;

const AUTO: &str = "acr-attach=auto team=a";

#[track_caller]
fn check(world: &World, policy: &Policy, lines: &[&str]) {
    let plan = plan(&world.0, policy);
    assert_eq!(render(&plan).lines().collect::<Vec<_>>(), lines);
    assert!(super::plan(&project(&world.0, &plan), policy).is_empty());
}

/// A cluster that pulls as a service principal whose object id is stated
fn stated(name: &str, object_id: u128, tagged: &str) -> Cluster {
    let object_id = Some(principal(object_id));
    let identity = Identity::ServicePrincipal { client_id: "app".into(), object_id };
    Cluster { identity, ..cluster(name, 0, tagged) }
}

fn with_role(role: &str) -> Policy {
    let text = format!(
        "owner: contoso\nmode: attach-only\nrules:\n  - {{name: team, role: {role}, join: [same_tag: team]}}"
    );
    Policy::parse("policy.yaml", &text).unwrap()
}

#[test]
fn a_service_principal_whose_object_id_is_stated_is_attached() {
    let world = world().cluster(stated("sp", 5, AUTO)).registry(registry("r1", AUTO));
    check(&world, &policy(), &["attach  sp → r1 as AcrPull: rule `team` wants it"]);
    let kept = world.pull(By::Foreign, "r1", 5);
    check(&kept, &policy(), &["kept    sp → r1 as AcrPull: made by someone else"]);
}

#[test]
fn no_cluster_in_the_making_can_come_to_hold_a_service_principal() {
    let world = world()
        .cluster(creating("new", ""))
        .cluster(stated("sp", 5, ""))
        .registry(registry("r1", AUTO))
        .pull(By::Rule("sp"), "r1", 5);
    check(&world, &policy(), &["detach  sp → r1 as AcrPull: no rule wants it"]);
}

#[test]
fn what_another_cluster_with_the_same_application_may_need_is_not_removed() {
    let identity = Identity::ServicePrincipal { client_id: "APP".into(), object_id: None };
    let world = world().cluster(stated("sp", 5, "")).registry(registry("r1", AUTO)).pull(
        By::Rule("sp"),
        "r1",
        5,
    );
    let with = |tags| {
        world.clone().cluster(Cluster { identity: identity.clone(), ..cluster("other", 0, tags) })
    };
    for needless in ["", "acr-attach=disabled team=a"] {
        check(&with(needless), &policy(), &["detach  sp → r1 as AcrPull: no rule wants it"]);
    }
    let held = "held    other → r1 not attached: the cluster pulls as a service principal; state its object id in the policy, or move the cluster to a managed identity";
    check(
        &with(AUTO),
        &policy(),
        &[held, "held    sp → r1 not detached: `other` has the same identity and needs it"],
    );
}

#[test]
fn clusters_that_pull_as_one_service_principal_are_decided_about_together() {
    let world = world()
        .cluster(stated("a", 5, AUTO))
        .cluster(stated("b", 5, "acr-attach=disabled"))
        .cluster(sharing("c", 6, AUTO))
        .registry(registry("r1", AUTO));
    let held = "held    a → r1 not attached: `b` has the same identity, and is vetoed";
    check(&world, &policy(), &["attach  c → r1 as AcrPull: rule `team` wants it", held]);
}

#[test]
fn a_rule_with_a_role_attaches_only_where_the_registry_honours_it() {
    let world = world()
        .cluster(cluster("c1", 1, AUTO))
        .registry(registry("r1", AUTO))
        .registry(abac("r2", AUTO));
    check(
        &world,
        &with_role("AcrPull"),
        &[
            "attach  c1 → r1 as AcrPull: rule `team` wants it",
            "held    c1 → r2 not attached: the rule attaches as AcrPull only, which the registry does not honour",
        ],
    );
    check(
        &world,
        &with_role("Container Registry Repository Reader"),
        &[
            "attach  c1 → r2 as Container Registry Repository Reader: rule `team` wants it",
            "held    c1 → r1 not attached: the rule attaches as Container Registry Repository Reader only, which the registry does not honour",
        ],
    );
}

#[test]
fn a_role_that_is_no_longer_honoured_takes_nothing_away() {
    let world = world().cluster(cluster("c1", 1, AUTO)).registry(abac("r2", AUTO)).pull(
        By::Rule("c1"),
        "r2",
        1,
    );
    check(
        &world,
        &with_role("AcrPull"),
        &[
            "held    c1 → r2 not attached: the rule attaches as AcrPull only, which the registry does not honour",
            "kept    c1 → r2 as AcrPull: ours",
        ],
    );
}
