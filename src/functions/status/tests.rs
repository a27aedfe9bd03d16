//! What each pair of a small world is told to be.

use uuid::Uuid;

use super::Observation;
use super::data::{Quota, State};
use crate::model::{
    AssignmentName, AssignmentUsage, ClusterState, Gap, GrantKey, Identity, ResourceId, Role,
    SubscriptionId,
};
use crate::plan::build::{
    By, World, abac, cluster, cluster_id, creating, grant, policy, registry, registry_id, sharing,
    subscription, unread, world,
};
use crate::policy::{Decision, Mode, Policy, RegistryNames};

const AUTO: &str = "acr-attach=auto team=a";
const OTHER: &str = "acr-attach=auto team=b";
const OFF: &str = "acr-attach=disabled team=a";

fn policy_in(mode: Mode) -> Policy {
    let mut policy = policy();
    policy.mode = mode;
    policy
}

fn observed(world: &World, policy: &Policy) -> Observation {
    Observation::of(world.0.clone(), policy, time::OffsetDateTime::UNIX_EPOCH)
}

/// The pairs as lines: cluster, registry, state, rule, and why after a colon
fn told(observation: &Observation) -> Vec<String> {
    let seen = &observation.seen;
    let line = |pair: &super::data::Pair| {
        let (cluster, registry) =
            (&seen.clusters[pair.cluster].name, &seen.registries[pair.registry].name);
        let rule = pair.rule.as_ref().map_or(String::new(), |rule| format!(" {rule}"));
        let why = pair.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
        format!("{cluster} {registry} {}{rule}{why}", pair.state.word())
    };
    seen.pairs.iter().map(line).collect()
}

#[track_caller]
fn check_in(mode: Mode, world: &World, expected: &[&str]) {
    let policy = policy_in(mode);
    assert_eq!(told(&observed(world, &policy)), expected, "in mode {mode}");
}

#[track_caller]
fn check(world: &World, expected: &[&str]) {
    check_in(Mode::Sync, world, expected);
}

fn pair(cluster_tags: &str, registry_tags: &str) -> World {
    world().cluster(cluster("c1", 1, cluster_tags)).registry(registry("r1", registry_tags))
}

#[test]
fn a_pair_of_which_there_is_nothing_to_say_is_not_listed() {
    check(&pair(OTHER, AUTO), &[]);
    check(&pair(OFF, AUTO), &[]);
}

#[test]
fn what_is_as_it_should_be_says_whose_it_is() {
    check(&pair(AUTO, AUTO).pull(By::Rule("c1"), "r1", 1), &["c1 r1 attached team"]);
    check(&pair(AUTO, AUTO).pull(By::Pin("c1"), "r1", 1), &["c1 r1 pinned team"]);
    check(&pair(OTHER, AUTO).pull(By::Pin("c1"), "r1", 1), &["c1 r1 pinned"]);
    check(
        &pair(OTHER, AUTO).pull(By::Unreadable, "r1", 1),
        &["c1 r1 pinned: its description was changed, so it counts as pinned"],
    );
    let mut narrow = grant(By::Unreadable, "r1", 1, Role::AcrPull);
    narrow.conditional = true;
    check(
        &pair(OTHER, AUTO).grant(narrow),
        &[
            "c1 r1 pinned: its description was changed, so it counts as pinned; a condition narrows it",
        ],
    );
    check(&pair(AUTO, AUTO).pull(By::Foreign, "r1", 1), &["c1 r1 foreign team"]);
    check(&pair(OTHER, AUTO).pull(By::Foreign, "r1", 1), &["c1 r1 foreign"]);
    check(
        &pair(OFF, AUTO).pull(By::Foreign, "r1", 1),
        &["c1 r1 foreign: the cluster's tag `acr-attach` says `disabled`"],
    );
    check(&pair(AUTO, AUTO).pull(By::Foreign, "r2", 1), &["c1 r1 missing team"]);
}

#[test]
fn what_is_missing_or_too_much_is_so_in_every_mode_and_the_mode_is_said() {
    let (missing, extra) = (pair(AUTO, AUTO), pair(OTHER, AUTO).pull(By::Rule("c1"), "r1", 1));
    check(&missing, &["c1 r1 missing team"]);
    check_in(Mode::AttachOnly, &missing, &["c1 r1 missing team"]);
    check_in(Mode::Observe, &missing, &["c1 r1 missing team: held: mode is `observe`"]);
    check(&extra, &["c1 r1 extra: no rule wants it"]);
    for mode in [Mode::AttachOnly, Mode::Observe] {
        let expected = format!("c1 r1 extra: no rule wants it; held: mode is `{mode}`");
        check_in(mode, &extra, &[&expected]);
    }
    let vetoed = pair(OFF, AUTO).pull(By::Rule("c1"), "r1", 1);
    check(&vetoed, &["c1 r1 extra: it is vetoed"]);
}

#[test]
fn limits_are_said_beside_what_they_hold() {
    let mut policy = policy();
    policy.limits.max_attach = 1;
    let two = pair(AUTO, AUTO).registry(registry("r2", AUTO));
    let held = "held: 2 planned, `max_attach` allows 1";
    let expected = [format!("c1 r1 missing team: {held}"), format!("c1 r2 missing team: {held}")];
    assert_eq!(told(&observed(&two, &policy)), expected);
}

#[test]
fn a_full_subscription_is_told_with_its_own_limit_and_holds_nothing() {
    let mut full = pair(AUTO, AUTO);
    full.0.assignments.insert(subscription(), AssignmentUsage { used: 2000, limit: 2000 });
    check(&full, &["c1 r1 missing team"]);
    let seen = observed(&full, &policy()).seen;
    let quota = Quota { subscription: subscription().to_string(), assignments: 2000, most: 2000 };
    assert_eq!(seen.quotas, [quota]);
    assert_eq!(seen.warnings.len(), 1, "{:?}", seen.warnings);
}

#[test]
fn what_stands_against_one_pair_holds_it() {
    let pinned = pair(OFF, AUTO).pull(By::Pin("c1"), "r1", 1);
    check(&pinned, &["c1 r1 held: it is pinned, and the policy vetoes it"]);
    let coming = world().cluster(creating("c1", AUTO)).registry(registry("r1", AUTO));
    check(&coming, &["c1 r1 held team: the cluster has no kubelet identity yet"]);
    let mut narrow = grant(By::Foreign, "r1", 1, Role::AcrPull);
    narrow.conditional = true;
    let id = narrow.id.clone();
    let expected = format!("c1 r1 held team: assignment `{id}` is there with a condition");
    check(&pair(AUTO, AUTO).grant(narrow.clone()), &[&expected]);
    check(&pair(OTHER, AUTO).grant(narrow), &["c1 r1 foreign: a condition narrows it"]);
    let named = world().cluster(cluster("c1", 1, "acr-attach=twin"));
    let twin = |group: &str| {
        let id = registry_id("twin").as_str().replace("/rg/", &format!("/{group}/"));
        crate::model::Registry { id: id.parse().unwrap(), ..registry("twin", AUTO) }
    };
    let told = "held: `twin` fits 2 registries; name it by its id";
    let expected = [format!("c1 twin {told}"), format!("c1 twin {told}")];
    let ambiguous = named.registry(twin("one")).registry(twin("two"));
    check(&ambiguous, &expected.each_ref().map(String::as_str));
}

#[test]
fn what_could_not_be_seen_is_unknown() {
    let grants = || Gap::Grants { subscription: subscription(), principal: None };
    let blind = pair(AUTO, AUTO).gap(grants());
    check(&blind, &["c1 r1 unknown team: the role assignments at the registry could not be read"]);
    let unwanted = pair(OTHER, AUTO).gap(grants());
    check(&unwanted, &[]);
    let observation = observed(&unwanted, &policy());
    assert!(observation.seen.registries[0].unseen.is_some(), "for what is not listed");
    assert_eq!(observation.seen.state(0, 0), Some(State::Unknown));
    assert_eq!(observed(&pair(OTHER, AUTO), &policy()).seen.state(0, 0), None);
    let extra = || pair(OTHER, AUTO).pull(By::Rule("c1"), "r1", 1);
    let elsewhere = SubscriptionId(Uuid::from_u128(9));
    for (gap, why) in [
        (Gap::Clusters, "not every cluster that may need it was looked at".to_owned()),
        (
            Gap::Subscription(elsewhere),
            format!("subscription {elsewhere} did not answer, and a cluster there may need it"),
        ),
    ] {
        check(&extra().gap(gap), &[&format!("c1 r1 unknown: {why}")]);
    }
    let unread = unread(ResourceId::Cluster(cluster_id("c1")));
    check(
        &extra().gap(unread.clone()),
        &["c1 r1 unknown: cluster `c1` could not be read: `Teapot`"],
    );
    let observation = observed(&extra().gap(unread), &policy());
    let unseen = observation.seen.clusters[0].unseen.as_deref();
    assert_eq!(unseen, Some("it could not be read again: `Teapot`"));
    assert_eq!(observation.seen.unseen.len(), 1);
}

#[test]
fn a_service_principal_that_nobody_stated_may_pull_unseen() {
    let mut principal = cluster("c1", 1, OTHER);
    let client_id = "an application".to_owned();
    principal.identity = Identity::ServicePrincipal { client_id, object_id: None };
    let seen = observed(&world().cluster(principal).registry(registry("r1", AUTO)), &policy()).seen;
    assert_eq!((seen.pairs.len(), seen.state(0, 0)), (0, Some(State::Unknown)));
}

#[test]
fn who_shares_an_identity_pulls_along_and_is_told_so() {
    let shared = world()
        .cluster(sharing("c1", 7, AUTO))
        .cluster(sharing("c2", 7, OTHER))
        .registry(registry("r1", AUTO));
    check(&shared, &["c1 r1 missing team"]);
    check(
        &shared.clone().pull(By::Rule("c1"), "r1", 7),
        &["c1 r1 attached team", "c2 r1 attached: it has the same identity as `c1`"],
    );
    check(
        &shared.pull(By::Pin("c1"), "r1", 7),
        &["c1 r1 pinned team", "c2 r1 pinned: it has the same identity as `c1`"],
    );
    let vetoed = world()
        .cluster(sharing("c1", 7, AUTO))
        .cluster(sharing("c2", 7, OFF))
        .registry(registry("r1", AUTO));
    let why = "`c2` has the same identity, and is vetoed";
    check(&vetoed, &[&format!("c1 r1 held team: {why}")]);
    check(
        &vetoed.pull(By::Rule("c1"), "r1", 7),
        &["c1 r1 extra: it is vetoed", "c2 r1 extra: it is vetoed"],
    );
}

#[test]
fn a_pin_follows_its_cluster_to_a_new_identity() {
    let replaced = pair(OTHER, AUTO).pull(By::Pin("c1"), "r1", 5);
    check(&replaced, &["c1 r1 missing: its pin follows"]);
    check_in(
        Mode::Observe,
        &replaced,
        &["c1 r1 missing: its pin follows; held: mode is `observe`"],
    );
}

#[test]
fn a_registry_that_honours_another_role_now_is_not_attached_by_the_old_one() {
    let switched = || world().cluster(cluster("c1", 1, AUTO)).registry(abac("r1", AUTO));
    let old = switched().pull(By::Rule("c1"), "r1", 1);
    check(&old, &["c1 r1 missing team"]);
    let both = old.grant(grant(By::Rule("c1"), "r1", 1, Role::RepositoryReader));
    let kept = "former role, the way back to the registry's mode before; `former_roles: remove` removes it";
    check(&both, &[&format!("c1 r1 attached team: {kept}")]);
    let useless = world().cluster(cluster("c1", 1, OTHER)).registry(abac("r1", AUTO));
    check(&useless.clone().pull(By::Foreign, "r1", 1), &[]);
    let useless = useless.pull(By::Rule("c1"), "r1", 1);
    let vain = "the registry does not honour its role, so it lets nobody pull";
    check(&useless, &[&format!("c1 r1 extra: no rule wants it; {vain}")]);
    check_in(
        Mode::Observe,
        &useless,
        &[&format!("c1 r1 extra: no rule wants it; {vain}; held: mode is `observe`")],
    );
    let pulls = useless.grant(grant(By::Rule("c1"), "r1", 1, Role::RepositoryReader));
    check_in(Mode::Observe, &pulls, &["c1 r1 extra: no rule wants it; held: mode is `observe`"]);
    let beside = switched().pull(By::Rule("c1"), "r1", 1).grant(grant(
        By::Foreign,
        "r1",
        1,
        Role::RepositoryReader,
    ));
    check(&beside, &[&format!("c1 r1 foreign team: {kept}")]);
    let shared = world()
        .cluster(sharing("c1", 7, AUTO))
        .cluster(sharing("c2", 7, OTHER))
        .registry(abac("r1", AUTO));
    check(&shared.pull(By::Rule("c1"), "r1", 7), &["c1 r1 missing team"]);
}

#[test]
fn what_is_attached_already_and_becomes_a_pin_is_not_missing() {
    let shared = world()
        .cluster(sharing("c1", 7, OTHER))
        .cluster(sharing("c2", 7, AUTO))
        .registry(registry("r1", AUTO))
        .pull(By::Rule("c2"), "r1", 7)
        .pull(By::Pin("c1"), "r1", 5);
    check(
        &shared,
        &[
            "c1 r1 attached: it has the same identity as `c2`",
            "c2 r1 attached team: its pin follows",
        ],
    );
}

#[test]
fn a_wish_that_is_left_to_others_with_the_same_identity_says_why() {
    let mut going = sharing("c1", 7, AUTO);
    going.state = ClusterState::Deleting;
    let shared =
        world().cluster(going).cluster(sharing("c2", 7, AUTO)).registry(registry("r1", AUTO));
    check(&shared, &["c1 r1 held team: the cluster is being deleted", "c2 r1 missing team"]);
}

#[test]
fn many_clusters_with_one_identity_are_each_looked_at_once() {
    let many = (0..3000)
        .fold(world(), |world, number| world.cluster(sharing(&format!("c{number:04}"), 7, OTHER)));
    let many = (0..20).fold(many, |world, number| {
        let name = format!("r{number}");
        world.registry(registry(&name, AUTO)).pull(By::Rule("c0000"), &name, 7)
    });
    let policy = policy();
    let seen = observed(&many, &policy).seen;
    assert_eq!((seen.counts.extra, seen.pairs.len()), (60_000, 60_000));
}

/// A world with some combination of what may be so, by number; none if there are no more
fn combination(number: usize) -> Option<World> {
    let mut rest = number;
    let mut pick = |count: usize| {
        let picked = rest % count;
        rest /= count;
        picked
    };
    let tags = |which: usize| [AUTO, OTHER, OFF][which];
    let (first, second) = (tags(pick(3)), tags(pick(3)));
    let twin = if pick(2) == 0 { 1 } else { 2 };
    let here = if pick(2) == 0 { registry("r1", AUTO) } else { abac("r1", AUTO) };
    let mut world = world()
        .cluster(sharing("c1", 1, first))
        .cluster(sharing("c2", twin, second))
        .registry(here);
    for identity in [1, 2] {
        for role in Role::ALL {
            let by = [None, Some(By::Rule("c1")), Some(By::Pin("c2")), Some(By::Foreign)][pick(4)];
            if let Some(by) = by {
                world = world.grant(grant(by, "r1", identity, role));
            }
        }
    }
    (rest == 0).then_some(world)
}

#[test]
fn nothing_is_left_out_and_nothing_contradicts_the_plan() {
    let count = 3 * 3 * 2 * 2 * 4_usize.pow(4);
    assert!(combination(count - 1).is_some() && combination(count).is_none());
    // Each choice meets each other one also in every so manieth world.
    let worlds = (0..count).step_by(23).filter_map(combination);
    assert!(worlds.map(|world| consistent(&world)).count() >= 400);
}

fn consistent(world: &World) {
    for mode in [Mode::Sync, Mode::Observe] {
        let policy = policy_in(mode);
        let observation = observed(world, &policy);
        let Observation { inventory, planned, seen, .. } = &observation;
        let names = RegistryNames::new(inventory.registries.values());
        let registry = &inventory.registries[&registry_id("r1")];
        let counts = &seen.counts;
        let sum = counts.attached + counts.pinned + counts.foreign + counts.missing;
        assert_eq!(sum + counts.extra + counts.held + counts.unknown, seen.pairs.len());
        for (place, cluster) in inventory.clusters.values().enumerate() {
            let pair = seen.pairs.iter().find(|pair| pair.cluster == place);
            let principal = cluster.identity.principal().unwrap();
            let is_here = |key: &GrantKey| key.principal == principal;
            let pulls = inventory.grants.values().any(|grant| {
                is_here(&grant.key) && Some(grant.key.role) == registry.mode.pull_role()
            });
            let decision = policy.decision(cluster, registry, &names);
            let is_wanted = matches!(decision, Decision::Attach { .. });
            assert!(pair.is_some() || !(pulls || is_wanted), "{cluster:?} is left out\n{world:?}");
            let is_now = |state| {
                pair.is_some_and(|pair| {
                    let is_held = pair.why.as_ref().is_some_and(|why| why.contains("held: "));
                    pair.state == state && !is_held
                })
            };
            let attaches = planned
                .attach
                .iter()
                .any(|item| is_here(&item.grant) && item.clusters.contains(&cluster.id));
            let certain = inventory.grants.values().filter(|grant| {
                is_here(&grant.key) && Some(grant.key.role) == registry.mode.pull_role()
            });
            let is_ours: Vec<_> =
                certain.map(|grant| AssignmentName::is_of(&policy.owner, grant)).collect();
            let is_missing = attaches && is_ours.is_empty();
            assert_eq!(is_now(State::Missing), is_missing, "{:?}\n{world:?}", told(&observation));
            let is_backed = match pair.map(|pair| pair.state) {
                Some(State::Attached | State::Pinned) => is_ours.contains(&true),
                Some(State::Foreign) => is_ours.contains(&false),
                _ => true,
            };
            assert!(is_backed, "{:?}\n{world:?}", told(&observation));
            let loses = planned.detach.iter().any(|item| {
                is_here(&item.grant) && Some(item.grant.role) == registry.mode.pull_role()
            });
            // Another assignment of it may be held at the same time, and that is told first.
            let is_told =
                is_now(State::Extra) || pair.is_some_and(|pair| pair.state < State::Missing);
            assert!(!loses || is_told, "{:?}\n{world:?}", told(&observation));
        }
    }
}
