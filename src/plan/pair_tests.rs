//! What a person's command on a pair comes to, as the text that a person sees.

use super::build::{
    By, World, abac, cluster, cluster_id, creating, grant, registry, registry_id, sharing, unread,
    world,
};
use super::{PairRefusal, Plan, guard_pair, pin, plan, project, render, unpin};
use crate::model::{Cluster, ClusterState, Gap, Identity, Inventory, Registry, ResourceId, Role};
use crate::policy::{Mode, Policy};

const AUTO: &str = "acr-attach=auto team=a";
const OFF: &str = "acr-attach=disabled";

type Pairing = fn(&Inventory, &Policy, (&Cluster, &Registry)) -> Result<Plan, PairRefusal>;

/// The policy, with registries that carry the tag `pin` free to be pinned
fn pinning() -> Policy {
    let text = "
owner: contoso
mode: attach-only
pins:
  - name: free
    registry: { tags: { pin: { present: true } } }
rules:
  - name: team
    cluster: { tags: { acr-attach: auto } }
    registry: { tags: { acr-attach: auto } }
    join: [{ same_tag: team }]
";
    Policy::parse("policy.yaml", text).unwrap()
}

fn decided(command: Pairing, world: &World) -> Result<Plan, PairRefusal> {
    let (cluster, registry) =
        (&world.0.clusters[&cluster_id("c1")], &world.0.registries[&registry_id("r1")]);
    command(&world.0, &pinning(), (cluster, registry))
}

/// What the command comes to reads so, and once it is done it comes to nothing more.
#[track_caller]
fn check(command: Pairing, world: &World, lines: &[&str]) {
    let plan = decided(command, world).unwrap();
    assert_eq!(render(&plan).lines().collect::<Vec<_>>(), lines);
    let after = World(project(&world.0, &plan));
    let again = decided(command, &after).unwrap();
    assert!(again.is_empty(), "not settled:\n{}", render(&again));
}

#[track_caller]
fn check_refused(command: Pairing, world: &World, words: &str) {
    let refusal = decided(command, world).unwrap_err();
    assert!(refusal.to_string().contains(words), "{refusal}");
    assert!(!refusal.hint().is_empty());
}

fn free() -> World {
    world().cluster(cluster("c1", 1, "")).registry(registry("r1", "pin=yes"))
}

const ATTACHED: &str = "attach  c1 → r1 as AcrPull: a command asked for it";
const DETACHED: &str = "detach  c1 → r1 as AcrPull: a command asked for it";

#[test]
fn a_pair_that_may_be_pinned_is_attached_and_pinned() {
    check(pin, &free(), &[ATTACHED]);
    let plan = decided(pin, &free()).unwrap();
    assert!(plan.attach[0].description.starts_with("tether/1 pin "), "{plan:?}");
    let reader = "attach  c1 → r1 as Container Registry Repository Reader: a command asked for it";
    check(pin, &world().cluster(cluster("c1", 1, "")).registry(abac("r1", "pin=yes")), &[reader]);
}

#[test]
fn a_pin_is_kept_by_every_later_walk() {
    let pinned = project(&free().0, &decided(pin, &free()).unwrap());
    let mut policy = pinning();
    policy.mode = Mode::Sync;
    assert_eq!(render(&plan(&pinned, &policy)), "kept    c1 → r1 as AcrPull: pinned\n");
}

#[test]
fn what_a_rule_wants_may_be_pinned_and_outlives_the_rule() {
    let wanted = world().cluster(cluster("c1", 1, AUTO)).registry(registry("r1", AUTO));
    check(pin, &wanted, &[ATTACHED]);
    let ours = wanted.pull(By::Rule("c1"), "r1", 1);
    check(pin, &ours, &[ATTACHED]);
}

#[test]
fn what_is_pinned_or_someone_elses_is_kept() {
    check(pin, &free().pull(By::Pin("c1"), "r1", 1), &["kept    c1 → r1 as AcrPull: pinned"]);
    check(pin, &free().pull(By::Unreadable, "r1", 1), &["kept    c1 → r1 as AcrPull: pinned"]);
    check(
        pin,
        &free().pull(By::Foreign, "r1", 1),
        &["kept    c1 → r1 as AcrPull: made by someone else"],
    );
}

#[test]
fn a_pair_that_nobody_allows_is_refused() {
    let pair =
        |of_registry| world().cluster(cluster("c1", 1, "")).registry(registry("r1", of_registry));
    check_refused(pin, &pair(""), "no entry of `pins` allows it");
    check_refused(pin, &pair("team=a"), "no rule wants this pair");
}

#[test]
fn a_veto_holds_for_pins_too_whichever_holder_it_is_for() {
    let vetoed = world().cluster(cluster("c1", 1, OFF)).registry(registry("r1", "pin=yes"));
    check_refused(pin, &vetoed, "vetoed for cluster `c1`: the cluster's tag `acr-attach`");
    let shared = world()
        .cluster(sharing("c1", 7, ""))
        .cluster(sharing("c2", 7, OFF))
        .registry(registry("r1", "pin=yes"));
    check_refused(pin, &shared, "vetoed for cluster `c2`");
}

#[test]
fn what_stands_against_an_attachment_stands_against_a_pin() {
    let with = |cluster| world().cluster(cluster).registry(registry("r1", "pin=yes"));
    check(
        pin,
        &with(creating("c1", "")),
        &["held    c1 → r1 not attached: the cluster has no kubelet identity yet"],
    );
    let client_id = "app".to_owned();
    let principal = Cluster {
        identity: Identity::ServicePrincipal { client_id, object_id: None },
        ..cluster("c1", 1, "")
    };
    check(
        pin,
        &with(principal),
        &[
            "held    c1 → r1 not attached: the cluster pulls as a service principal; state its object id in the policy, or move the cluster to a managed identity",
        ],
    );
    let deleting = Cluster { state: ClusterState::Deleting, ..cluster("c1", 1, "") };
    check(pin, &with(deleting), &["held    c1 → r1 not attached: the cluster is being deleted"]);
}

#[test]
fn a_cluster_that_pulls_otherwise_is_attached_with_a_warning() {
    let mut odd = cluster("c1", 1, "");
    odd.service_account_pull = true;
    let world = world().cluster(odd).registry(registry("r1", "pin=yes"));
    let text = render(&decided(pin, &world).unwrap());
    assert!(text.contains("warning c1 lets service accounts pull"), "{text}");
}

#[test]
fn ours_is_detached_however_it_is_marked_and_in_every_role() {
    for by in [By::Rule("c1"), By::Pin("c1"), By::Unreadable, By::Pin("gone")] {
        check(unpin, &free().pull(by, "r1", 1), &[DETACHED]);
    }
    let both = free().pull(By::Pin("c1"), "r1", 1).grant(grant(
        By::Rule("c1"),
        "r1",
        1,
        Role::RepositoryReader,
    ));
    let reader = "detach  c1 → r1 as Container Registry Repository Reader: a command asked for it";
    check(unpin, &both, &[DETACHED, reader]);
}

#[test]
fn what_is_not_ours_is_left() {
    check(unpin, &free().pull(By::Foreign, "r1", 1), &[]);
    check(unpin, &free(), &[]);
}

#[test]
fn a_pair_that_a_rule_wants_is_not_detached() {
    let wanted = world().cluster(cluster("c1", 1, AUTO)).registry(registry("r1", AUTO));
    check_refused(unpin, &wanted.pull(By::Pin("c1"), "r1", 1), "the rule `team` wants this pair");
}

#[test]
fn what_another_cluster_with_the_same_identity_needs_is_held() {
    let shared = |other: &str| {
        world()
            .cluster(sharing("c1", 7, ""))
            .cluster(sharing("c2", 7, other))
            .registry(registry("r1", AUTO))
    };
    let held = "held    c1, c2 → r1 not detached: `c2` has the same identity and needs it";
    check(unpin, &shared(AUTO).pull(By::Rule("c2"), "r1", 7), &[held]);
    check(unpin, &shared("").pull(By::Pin("c2"), "r1", 7), &[held]);
    check(
        unpin,
        &shared("").pull(By::Pin("c1"), "r1", 7),
        &["detach  c1, c2 → r1 as AcrPull: a command asked for it"],
    );
}

#[test]
fn an_assignment_that_is_pinned_for_another_cluster_is_pinned_for_no_second_one() {
    let shared = |by| {
        world()
            .cluster(sharing("c1", 7, ""))
            .cluster(sharing("c2", 7, ""))
            .registry(registry("r1", "pin=yes"))
            .pull(by, "r1", 7)
    };
    let held = "held    c1 → r1 not attached: `c2` has the same identity and is pinned here: both pull by that pin, and detaching it ends it for both";
    check(pin, &shared(By::Pin("c2")), &[held]);
    check(pin, &shared(By::Pin("c1")), &["kept    c1 → r1 as AcrPull: pinned"]);
    check(pin, &shared(By::Rule("c2")), &[ATTACHED]);
}

#[test]
fn what_cannot_be_known_yet_holds_a_detachment() {
    let young = world().cluster(creating("c1", "")).registry(registry("r1", ""));
    check(
        unpin,
        &young,
        &["held    c1 → r1 not detached: the cluster has no kubelet identity yet"],
    );
    let unread = Gap::Grants { subscription: super::build::subscription(), principal: None };
    let plan = decided(unpin, &free().gap(unread)).unwrap();
    let text = render(&plan);
    assert!(
        text.contains("not detached: the role assignments at the registry could not"),
        "{text}"
    );
}

#[test]
fn nothing_is_detached_while_anyone_unseen_may_need_it() {
    let ours = free().pull(By::Pin("c1"), "r1", 1);
    let held = "held    c1 → r1 not detached: not every cluster that may need it was looked at";
    let unseen = "unseen  not every cluster of the estate was looked at";
    check(unpin, &ours.gap(Gap::Clusters), &[held, unseen]);
    let shared = world()
        .cluster(sharing("c1", 7, ""))
        .cluster(sharing("c2", 7, ""))
        .registry(registry("r1", ""))
        .pull(By::Pin("c1"), "r1", 7)
        .gap(unread(ResourceId::Cluster(cluster_id("c2"))));
    let plan = decided(unpin, &shared).unwrap();
    assert!(render(&plan).contains("cluster `c2` could not be read"), "{}", render(&plan));
    assert!(plan.is_empty());
    let young = world()
        .cluster(sharing("c1", 7, ""))
        .cluster(creating("c2", ""))
        .registry(registry("r1", ""))
        .pull(By::Pin("c1"), "r1", 7);
    check(
        unpin,
        &young,
        &["held    c1 → r1 not detached: `c2` is being made and may have this identity"],
    );
}

#[test]
fn a_condition_that_someone_added_is_held() {
    let mut ours = grant(By::Pin("c1"), "r1", 1, Role::AcrPull);
    ours.conditional = true;
    let plan = decided(unpin, &free().grant(ours)).unwrap();
    assert!(render(&plan).contains("is there with a condition"), "{}", render(&plan));
}

#[test]
fn a_pin_at_an_earlier_identity_goes_with_it_and_does_not_come_back() {
    let replaced = free().pull(By::Pin("c1"), "r1", 5);
    let follows = plan(&replaced.0, &pinning());
    assert_eq!(follows.attach.len(), 1, "without the command it would follow");
    let plan = decided(unpin, &replaced).unwrap();
    assert_eq!((plan.detach.len(), plan.held.len()), (1, 0), "{}", render(&plan));
    let after = project(&replaced.0, &plan);
    assert!(super::plan(&after, &pinning()).is_empty());
}

#[test]
fn only_observing_holds_a_persons_command() {
    let attach = decided(pin, &free()).unwrap();
    let detach = decided(unpin, &free().pull(By::Pin("c1"), "r1", 1)).unwrap();
    for (mode, held) in [(Mode::Observe, 1), (Mode::AttachOnly, 0), (Mode::Sync, 0)] {
        let mut policy = pinning();
        policy.mode = mode;
        for plan in [&attach, &detach] {
            let guarded = guard_pair(plan.clone(), &policy);
            assert_eq!(guarded.held.len(), held, "{mode}");
            assert_eq!(guarded.is_empty(), held == 1, "{mode}");
        }
    }
}

#[test]
fn what_was_made_for_a_cluster_out_of_sight_stays_though_another_has_its_identity() {
    let elsewhere = "99999999-9999-9999-9999-999999999999".parse().unwrap();
    let mut policy = pinning();
    policy.mode = Mode::Sync;
    for by in [By::Rule("c2"), By::Pin("c2")] {
        let mut world =
            world().cluster(sharing("c1", 7, "")).registry(registry("r1", "")).pull(by, "r1", 7);
        world.0.listed.insert(elsewhere);
        for plan in [decided(unpin, &world).unwrap(), plan(&world.0, &policy)] {
            assert!(plan.is_empty(), "{by:?}: {}", render(&plan));
        }
        // Where its own subscription was listed, it is gone.
        world.0.listed.insert(super::build::subscription());
        for plan in [decided(unpin, &world).unwrap(), plan(&world.0, &policy)] {
            assert_eq!(plan.detach.len(), 1, "{by:?}: {}", render(&plan));
        }
    }
}
