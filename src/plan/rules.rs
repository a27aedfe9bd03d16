//! The table of cases, row by row, as the text that a person sees.

use super::build::{
    By, World, abac, cluster, cluster_id, creating, grant, policy, principal, registry,
    registry_id, sharing, subscription, unread, world,
};
use super::{plan, project, render};
use crate::model::{
    Cluster, ClusterState, Gap, Identity, Registry, RegistryMode, ResourceId, Role, Scope,
};
use crate::policy::Former;

/// A role that was honoured before, of the cluster `c1`
const FORMER_ROLE: &str = "kept    c1 → r1 as AcrPull: former role, the way back to the registry's mode before; `former_roles: remove` removes it";

const AUTO: &str = "acr-attach=auto team=a";

/// The plan for this world reads so, and once it is applied nothing is left to do.
#[track_caller]
fn check(world: &World, lines: &[&str]) {
    let plan = plan(&world.0, &policy());
    let text = render(&plan);
    assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    let again = super::plan(&project(&world.0, &plan), &policy());
    assert!(again.is_empty(), "not settled:\n{}", render(&again));
}

fn pair() -> World {
    world().cluster(cluster("c1", 1, AUTO)).registry(registry("r1", AUTO))
}

fn unwanted() -> World {
    world().cluster(cluster("c1", 1, "")).registry(registry("r1", AUTO))
}

#[test]
fn wanted_and_nothing_there_is_attached() {
    check(&pair(), &["attach  c1 → r1 as AcrPull: rule `team` wants it"]);
}

#[test]
fn wanted_and_ours_is_kept() {
    let world = pair().pull(By::Rule("c1"), "r1", 1);
    check(&world, &["kept    c1 → r1 as AcrPull: rule `team` wants it"]);
}

#[test]
fn wanted_and_someone_elses_is_kept_and_never_ours() {
    let world = pair().pull(By::Foreign, "r1", 1);
    check(&world, &["kept    c1 → r1 as AcrPull: made by someone else"]);
}

#[test]
fn a_conditional_assignment_does_not_count_as_attached() {
    let mut foreign = grant(By::Foreign, "r1", 1, Role::AcrPull);
    foreign.conditional = true;
    let held = format!(
        "held    c1 → r1 not attached: assignment `{}` is there with a condition",
        foreign.id
    );
    check(&pair().grant(foreign), &[&held]);
}

#[test]
fn an_abac_registry_gets_the_role_that_it_honours() {
    let world = world().cluster(cluster("c1", 1, AUTO)).registry(abac("r1", AUTO));
    check(
        &world,
        &["attach  c1 → r1 as Container Registry Repository Reader: rule `team` wants it"],
    );
}

#[test]
fn a_registry_that_switched_to_abac_gets_the_new_role_beside_the_old_one_or_before_it_goes() {
    let world = world().cluster(cluster("c1", 1, AUTO)).registry(abac("r1", AUTO)).pull(
        By::Rule("c1"),
        "r1",
        1,
    );
    check(
        &world,
        &[
            "attach  c1 → r1 as Container Registry Repository Reader: rule `team` wants it",
            FORMER_ROLE,
        ],
    );
    let mut removing = policy();
    removing.former_roles = Former::Remove;
    let plan = plan(&world.0, &removing);
    let lines = [
        "attach  c1 → r1 as Container Registry Repository Reader: rule `team` wants it",
        "detach  c1 → r1 as AcrPull: the registry does not honour this role in its present mode",
    ];
    assert_eq!(render(&plan).lines().collect::<Vec<_>>(), lines);
    assert_eq!(plan.detach[0].after, Some(plan.attach[0].name));
}

#[test]
fn an_old_role_of_someone_else_is_left() {
    let world = world().cluster(cluster("c1", 1, AUTO)).registry(abac("r1", AUTO)).pull(
        By::Foreign,
        "r1",
        1,
    );
    check(
        &world,
        &["attach  c1 → r1 as Container Registry Repository Reader: rule `team` wants it"],
    );
}

#[test]
fn without_the_registrys_mode_no_role_is_chosen() {
    let unread = Registry { mode: RegistryMode::Unread, ..registry("r1", AUTO) };
    check(
        &world().cluster(cluster("c1", 1, AUTO)).registry(unread.clone()),
        &["held    c1 → r1 not attached: the registry's role assignment mode is not known"],
    );
    let other = Registry { mode: RegistryMode::Other("Quantum".into()), ..unread };
    check(
        &world().cluster(cluster("c1", 1, AUTO)).registry(other),
        &[
            "held    c1 → r1 not attached: the registry's role assignment mode `Quantum` is new to tether",
        ],
    );
}

#[test]
fn unwanted_and_ours_is_detached() {
    let world = unwanted().pull(By::Rule("c1"), "r1", 1);
    check(&world, &["detach  c1 → r1 as AcrPull: no rule wants it"]);
}

#[test]
fn unwanted_and_someone_elses_is_left() {
    check(&unwanted().pull(By::Foreign, "r1", 1), &[]);
}

#[test]
fn a_pin_stays_without_a_rule() {
    let world = unwanted().pull(By::Pin("c1"), "r1", 1);
    check(&world, &["kept    c1 → r1 as AcrPull: pinned"]);
}

#[test]
fn a_mark_that_cannot_be_read_counts_as_a_pin() {
    let world = unwanted().pull(By::Unreadable, "r1", 1);
    check(&world, &["kept    c1 → r1 as AcrPull: pinned"]);
}

#[test]
fn a_pin_goes_when_its_cluster_is_confirmed_gone() {
    let pinned = || world().registry(registry("r1", AUTO)).pull(By::Pin("c1"), "r1", 1);
    let identity = principal(1);
    check(
        &pinned(),
        &[&format!("detach  identity {identity} → r1 as AcrPull: its cluster is gone")],
    );
    check(
        &pinned().gap(Gap::Clusters),
        &[
            &format!(
                "held    identity {identity} → r1 not detached: not every cluster that may need it was looked at"
            ),
            "unseen  not every cluster of the estate was looked at",
        ],
    );
}

#[test]
fn a_pin_and_a_veto_are_for_people_to_settle() {
    let world = world()
        .cluster(cluster("c1", 1, "acr-attach=disabled"))
        .registry(registry("r1", AUTO))
        .pull(By::Pin("c1"), "r1", 1);
    check(&world, &["held    c1 → r1 not detached: it is pinned, and the policy vetoes it"]);
}

#[test]
fn a_pin_is_carried_over_to_the_role_that_the_registry_honours() {
    let world = world().cluster(cluster("c1", 1, "")).registry(abac("r1", AUTO)).pull(
        By::Pin("c1"),
        "r1",
        1,
    );
    let after = project(&world.0, &plan(&world.0, &policy()));
    assert_eq!(
        render(&plan(&after, &policy())),
        format!("{FORMER_ROLE}\nkept    c1 → r1 as Container Registry Repository Reader: pinned\n")
    );
}

#[test]
fn a_veto_removes_what_a_rule_made() {
    let world = world()
        .cluster(cluster("c1", 1, AUTO))
        .registry(registry("r1", "acr-attach=disabled team=a"))
        .pull(By::Rule("c1"), "r1", 1);
    check(&world, &["detach  c1 → r1 as AcrPull: it is vetoed"]);
}

#[test]
fn an_orphan_of_ours_goes_and_one_of_someone_else_stays() {
    let world = world().registry(registry("r1", AUTO)).pull(By::Rule("gone"), "r1", 1).pull(
        By::Foreign,
        "r1",
        2,
    );
    let identity = principal(1);
    check(&world, &[&format!("detach  identity {identity} → r1 as AcrPull: its cluster is gone")]);
}

#[test]
fn one_wish_among_the_holders_of_an_identity_is_enough() {
    let shared = world()
        .cluster(sharing("c1", 7, AUTO))
        .cluster(sharing("c2", 7, ""))
        .registry(registry("r1", AUTO));
    check(&shared, &["attach  c1 → r1 as AcrPull: rule `team` wants it"]);
    let kept = shared.pull(By::Rule("c2"), "r1", 7);
    check(
        &kept,
        &[
            "mark    c1 → r1 as AcrPull: no rule wants it for the cluster that it named",
            "kept    c1 → r1 as AcrPull: rule `team` wants it",
        ],
    );
}

#[test]
fn one_veto_among_the_holders_of_an_identity_wins() {
    let shared = world()
        .cluster(sharing("c1", 7, AUTO))
        .cluster(sharing("c2", 7, "acr-attach=disabled"))
        .registry(registry("r1", AUTO));
    let held = "held    c1 → r1 not attached: `c2` has the same identity, and is vetoed";
    check(&shared, &[held]);
    let attached = shared.pull(By::Rule("c1"), "r1", 7);
    check(&attached, &["detach  c1, c2 → r1 as AcrPull: it is vetoed", held]);
}

#[test]
fn nothing_is_detached_while_clusters_are_unseen() {
    let world = unwanted().pull(By::Rule("c1"), "r1", 1);
    check(
        &world.clone().gap(Gap::Clusters),
        &[
            "held    c1 → r1 not detached: not every cluster that may need it was looked at",
            "unseen  not every cluster of the estate was looked at",
        ],
    );
    let silent = Gap::Subscription("22222222-2222-2222-2222-222222222222".parse().unwrap());
    let unseen = format!("unseen  {silent}");
    check(
        &world.gap(silent),
        &[
            "held    c1 → r1 not detached: subscription 22222222-2222-2222-2222-222222222222 did not answer, and a cluster there may need it",
            &unseen,
        ],
    );
}

#[test]
fn a_cluster_in_the_making_blocks_only_identities_that_could_be_its_own() {
    let making = || world().cluster(creating("new", "")).registry(registry("r1", AUTO));
    let of_aks = making().cluster(cluster("c1", 1, "")).pull(By::Rule("c1"), "r1", 1);
    check(&of_aks, &["detach  c1 → r1 as AcrPull: no rule wants it"]);
    let shared = making().cluster(sharing("c1", 7, "")).pull(By::Rule("c1"), "r1", 7);
    check(
        &shared,
        &["held    c1 → r1 not detached: `new` is being made and may have this identity"],
    );
}

#[test]
fn a_service_principal_cluster_blocks_nothing() {
    let identity = Identity::ServicePrincipal { client_id: "app".into(), object_id: None };
    let principal_cluster = Cluster { identity, ..cluster("sp", 0, AUTO) };
    let world = world()
        .cluster(principal_cluster)
        .cluster(sharing("c1", 7, ""))
        .registry(registry("r1", AUTO))
        .pull(By::Rule("c1"), "r1", 7);
    check(
        &world,
        &[
            "detach  c1 → r1 as AcrPull: no rule wants it",
            "held    sp → r1 not attached: the cluster pulls as a service principal; state its object id in the policy, or move the cluster to a managed identity",
        ],
    );
}

#[test]
fn a_cluster_without_an_identity_is_held_only_where_a_rule_wants_it() {
    let world = world()
        .cluster(creating("c1", AUTO))
        .cluster(Cluster { identity: Identity::Missing, ..cluster("c2", 0, AUTO) })
        .registry(registry("r1", AUTO))
        .registry(registry("r2", "acr-attach=auto team=b"));
    check(
        &world,
        &[
            "held    c1 → r1 not attached: the cluster has no kubelet identity yet",
            "held    c2 → r1 not attached: the cluster has no kubelet identity",
        ],
    );
}

#[test]
fn a_cluster_that_is_being_deleted_gets_nothing_new() {
    let deleting = Cluster { state: ClusterState::Deleting, ..cluster("c1", 1, AUTO) };
    let world = world().cluster(deleting).registry(registry("r1", AUTO));
    check(&world, &["held    c1 → r1 not attached: the cluster is being deleted"]);
    let kept = world.pull(By::Rule("c1"), "r1", 1);
    check(&kept, &["kept    c1 → r1 as AcrPull: rule `team` wants it"]);
}

#[test]
fn grants_that_cannot_be_read_hold_the_wish() {
    let gap = Gap::Grants { subscription: subscription(), principal: None };
    let unseen = format!("unseen  {gap}");
    check(
        &pair().gap(gap),
        &[
            "held    c1 → r1 not attached: the role assignments at the registry could not be read",
            &unseen,
        ],
    );
}

#[test]
fn what_cannot_be_read_again_holds_only_what_rests_on_it() {
    let world = pair().cluster(sharing("c2", 7, AUTO)).cluster(sharing("c3", 7, AUTO));
    let attach = |names: &str| format!("attach  {names} → r1 as AcrPull: rule `team` wants it");
    let unread = |kind: &str, name: &str| format!("{kind} `{name}` could not be read: `Teapot`");
    let check = |gap: Gap, lines: &[&str]| {
        let unseen = format!("unseen  {gap}");
        check(&world.clone().gap(gap), &[lines, &[&unseen]].concat());
    };
    let held = format!("held    c1 → r1 not attached: {}", unread("cluster", "c1"));
    check(self::unread(ResourceId::Cluster(cluster_id("c1"))), &[&attach("c2, c3"), &held]);
    let sharer = self::unread(ResourceId::Cluster(cluster_id("c2")));
    let held = format!("held    c2, c3 → r1 not attached: {}", unread("cluster", "c2"));
    check(sharer, &[&attach("c1"), &held]);
    let reason = unread("registry", "r1");
    let held = ["c1", "c2, c3"].map(|who| format!("held    {who} → r1 not attached: {reason}"));
    check(self::unread(ResourceId::Registry(registry_id("r1"))), &[&held[0], &held[1]]);
}

#[test]
fn a_name_that_fits_two_registries_is_held() {
    let elsewhere = registry_id("r1").as_str().replace("/rg/", "/other/");
    let twin = Registry { id: elsewhere.parse().unwrap(), ..registry("r1", AUTO) };
    let world = world()
        .cluster(cluster("c1", 1, "acr-attach=r1"))
        .registry(registry("r1", AUTO))
        .registry(twin);
    let line = "held    c1 → r1 not attached: `r1` fits 2 registries; name it by its id";
    check(&world, &[line, line]);
}

#[test]
fn only_pairs_in_scope_are_decided() {
    let world = world()
        .cluster(cluster("c1", 1, AUTO))
        .cluster(cluster("c2", 2, AUTO))
        .registry(registry("r1", AUTO))
        .registry(registry("r2", AUTO));
    let attach = |c, r| format!("attach  {c} → {r} as AcrPull: rule `team` wants it");
    check(
        &world.clone().scope(Scope::Cluster(cluster_id("c2"))),
        &[&attach("c2", "r1"), &attach("c2", "r2")],
    );
    check(
        &world.scope(Scope::Registry(registry_id("r2"))),
        &[&attach("c1", "r2"), &attach("c2", "r2")],
    );
}
