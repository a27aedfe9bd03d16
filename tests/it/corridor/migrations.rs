//! Clusters that get another identity and registries that are switched to another mode, over several
//! ticks: what stays, what goes and when.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tether::emulator::azure::{ClusterIdentity, Right};
use tether::emulator::world::{Door, PAYMENTS, PLATFORM, World, WorldOptions};
use uuid::Uuid;

use super::commands::{ask, change, report, with_pins};
use super::former_identities::of_former_identities;
use super::input::line;
use super::sync::{attached_pair, auto, of_team, removing, sync, tags, tick, writes};
use super::{ACR_PULL, REPOSITORY_READER, attached, requests, settle, sharing, start};

/// The object id of the service principal
const STATED: Uuid = Uuid::from_u128(55);

const NOTHING: [&str; 0] = [];

/// Who has a role assignment
fn holders(world: &World) -> BTreeSet<Uuid> {
    world.azure.assignments().into_iter().map(|one| one.principal).collect()
}

/// Deploys the policy with something in it replaced.
async fn redeploy(world: &mut World, policy: &PathBuf, from: &str, to: &str) {
    let text = fs::read_to_string(policy).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(policy, text.replace(from, to)).unwrap();
    world.replace_host(0).await.unwrap();
}

/// A cluster that pulls as a service principal, which the policy states, from a registry
async fn service_principal(options: WorldOptions) -> (World, PathBuf, [String; 2], String) {
    let id = format!(
        "/subscriptions/{PAYMENTS}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/aks1"
    );
    let entry = format!("\nservice_principals:\n  {id}: {STATED}\n");
    let policy = format!("{}{entry}", options.policy);
    let file = options.app_root.join("policy.yaml");
    let world = start(WorldOptions { policy, ..options }).await;
    world.events.pause();
    world.azure.add_principal(STATED, "ServicePrincipal");
    let acr = world.azure.create_registry(&of_team("acr1")).unwrap();
    let mut aks = auto("aks1");
    aks.identity = ClusterIdentity::ServicePrincipal { client_id: Uuid::from_u128(5) };
    let aks = world.azure.create_cluster(&aks).unwrap();
    tick(&world).await;
    assert_eq!(holders(&world), [STATED].into());
    (world, file, [aks, acr], entry)
}

#[tokio::test]
async fn a_service_principal_keeps_its_assignment_until_a_command_ends_it() {
    for options in [sync(), removing("former_identities")] {
        let (mut world, policy, [aks, acr], entry) = service_principal(options).await;
        world.azure.set_identity(&aks, None).unwrap();
        tick(&world).await;
        let both = [STATED, world.azure.kubelet_principal(&aks).unwrap()].into();
        assert_eq!((writes(&world), holders(&world)), (vec!["PUT assignment".to_owned()], both));
        tick(&world).await;
        assert_eq!(writes(&world), NOTHING, "with the entry");
        redeploy(&mut world, &policy, &entry, "").await;
        for _ in 0..2 {
            tick(&world).await;
            assert_eq!((writes(&world).len(), holders(&world).len()), (0, 2), "without the entry");
        }
        line(&world, &["former identity kept", "`tether send detach --former-identities`"]).await;

        ask(&world, "m-1", &of_former_identities(&aks, &acr));
        settle(&world).await;
        assert_eq!(change(&report(&world, "m-1")), ("detach", "applied"));
        let present = [world.azure.kubelet_principal(&aks).unwrap()].into();
        assert_eq!(holders(&world), present);
        tick(&world).await;
        assert_eq!((writes(&world), holders(&world)), (Vec::new(), present));
    }
}

#[tokio::test]
async fn a_former_identity_stays_until_every_pool_is_succeeded_where_the_policy_removes_it() {
    let (world, aks, _) = attached_pair(removing("former_identities"), auto("aks1")).await;
    world.azure.set_identity(&aks, None).unwrap();
    for pools in [
        &[("system", "Upgrading"), ("user", "Succeeded")],
        &[("system", "Succeeded"), ("user", "Failed")],
    ] {
        world.azure.set_pools(&aks, pools).unwrap();
        for _ in 0..2 {
            tick(&world).await;
            assert_eq!(holders(&world).len(), 2, "{pools:?}");
        }
    }
    world.azure.set_pools(&aks, &[("system", "Succeeded"), ("user", "Succeeded")]).unwrap();
    tick(&world).await;
    assert_eq!(writes(&world), ["DELETE assignment"]);
    assert_eq!(holders(&world), [world.azure.kubelet_principal(&aks).unwrap()].into());
}

#[tokio::test]
async fn a_veto_during_the_migration_removes_both_but_not_at_the_boot_registry() {
    for boots in [false, true] {
        let (world, aks, acr) = attached_pair(sync(), auto("aks1")).await;
        world.azure.set_identity(&aks, None).unwrap();
        tick(&world).await;
        assert_eq!(holders(&world).len(), 2);
        if boots {
            world.azure.set_boot_registry(&aks, Some(&acr)).unwrap();
        }
        world.azure.set_tags(&aks, &tags(&[("acr-attach", "disabled")])).unwrap();
        tick(&world).await;
        if boots {
            assert_eq!((writes(&world).len(), holders(&world).len()), (0, 2));
            line(&world, &["not detached", " code=BootRegistry ", " outcome=held "]).await;
        } else {
            assert_eq!(writes(&world), ["DELETE assignment"; 2]);
            assert_eq!(holders(&world), BTreeSet::new());
        }
    }
}

#[tokio::test]
async fn a_switch_of_mode_counts_towards_no_limit_and_the_switch_back_writes_nothing() {
    let options = sync();
    let limit = options.policy.lines().find(|line| line.starts_with("max_attach:")).unwrap();
    let policy = options.policy.replace(limit, "max_attach: 1");
    let world = start(WorldOptions { policy, ..options }).await;
    world.events.pause();
    let acr = world.azure.create_registry(&of_team("acr1")).unwrap();
    let mut clusters = Vec::new();
    for name in ["aks1", "aks2", "aks3"] {
        clusters.push(world.azure.create_cluster(&auto(name)).unwrap());
        tick(&world).await;
    }
    assert_eq!(holders(&world).len(), 3);
    world.azure.set_registry_mode(&acr, true).unwrap();
    tick(&world).await;
    assert_eq!(writes(&world), ["PUT assignment"; 3]);
    let both = [("acr1".to_owned(), ACR_PULL), ("acr1".to_owned(), REPOSITORY_READER)];
    for aks in &clusters {
        assert_eq!(attached(&world, aks), both);
    }
    world.azure.set_registry_mode(&acr, false).unwrap();
    tick(&world).await;
    assert_eq!(writes(&world), NOTHING);
}

#[tokio::test]
async fn an_identity_that_others_may_share_waits_for_the_subscription_that_is_silent() {
    let world = start(WorldOptions { speed: 0.0, ..sync() }).await;
    let mut acr = of_team("acr1");
    acr.subscription = PAYMENTS;
    world.azure.create_registry(&acr).unwrap();
    settle(&world).await;
    world.azure.revoke(PLATFORM, Right::Read);
    let aks = world.azure.create_cluster(&sharing(auto("aks1"))).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), []);
    line(&world, &["aks1 → acr1 not attached", &format!("subscription {PLATFORM} did not answer")])
        .await;
    world.azure.allow(PLATFORM, Right::Read);
    world.clock.advance(Duration::from_secs(330));
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)]);
}

#[tokio::test]
async fn a_pair_of_clusters_with_one_identity_keeps_it_when_the_first_is_deleted_and_the_other_moves()
 {
    let options = WorldOptions { door: Door::Queue, ..with_pins() };
    let file = options.app_root.join("policy.yaml");
    let (mut world, blue, _) = attached_pair(options, sharing(auto("blue"))).await;
    let mark = |world: &World| {
        let [one] = &world.azure.assignments()[..] else { panic!("one assignment") };
        let description = one.description.clone().unwrap();
        description.split_once(':').unwrap().0.to_owned()
    };
    let alone = mark(&world);
    let green = world.azure.create_cluster(&sharing(auto("green"))).unwrap();
    tick(&world).await;
    assert_eq!((writes(&world).len(), mark(&world)), (1, format!("{alone} shared")));
    world.azure.delete(&blue).unwrap();
    tick(&world).await;
    assert_eq!(writes(&world), ["PUT assignment"], "its mark names the other");
    assert!(mark(&world).ends_with(" shared") && !mark(&world).starts_with(&alone));
    world.azure.set_identity(&green, None).unwrap();
    tick(&world).await;
    assert_eq!((writes(&world).len(), holders(&world).len()), (1, 2));
    for (from, to) in [
        ("mode: attach-only", "mode: sync"),
        ("former_identities: keep", "former_identities: remove"),
    ] {
        redeploy(&mut world, &file, from, to).await;
        for _ in 0..2 {
            tick(&world).await;
            assert_eq!((writes(&world).len(), holders(&world).len()), (0, 2), "{to}");
        }
    }
}

#[tokio::test]
async fn former_identities_that_are_kept_cost_a_tick_no_request_and_one_line() {
    let (world, aks, _) =
        attached_pair(WorldOptions { door: Door::Queue, ..with_pins() }, auto("aks1")).await;
    tick(&world).await;
    let before = requests(&world);
    for kept in 1..=3 {
        world.azure.set_identity(&aks, None).unwrap();
        tick(&world).await;
        assert_eq!(writes(&world), ["PUT assignment"]);
        let lines = former(&world);
        tick(&world).await;
        assert_eq!(requests(&world), before);
        assert_eq!(former(&world) - lines, kept, "one line for each");
    }
}

/// How many lines tell of a former identity
fn former(world: &World) -> usize {
    let words = ["former identity kept", "tether send detach --former-identities"];
    let lines = world.host.console().into_iter();
    lines.filter(|line| words.iter().all(|word| line.text.contains(word))).count()
}
