//! Runs that must not write: dry runs and the mode that only observes.

use tether::emulator::queue::Message;
use tether::emulator::world::{World, WorldOptions};

use super::{cluster, options, policy, registry, settle, start};

/// A pair that the policy wants
fn entitle(world: &World) {
    world.azure.create_registry(&registry("acr1").tag("acr-attach", "shared")).unwrap();
    world.azure.create_cluster(&cluster("aks1").tag("acr-attach", "acr1")).unwrap();
}

fn says(world: &World, words: &str) -> bool {
    world.host.console().iter().any(|line| line.text.contains(words))
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_do_and_writes_nothing() {
    let world = start(options()).await;
    world.events.pause();
    entitle(&world);
    let body = br#"{"command":"reconcile","scope":"everything","dryRun":true}"#.to_vec();
    world.namespace.send("commands", Message { body, ..Message::default() }).unwrap();
    settle(&world).await;
    assert_eq!(world.azure.assignments(), []);
    assert!(says(&world, "attach  aks1 → acr1 as AcrPull: rule `named-registry` wants it"));
}

#[tokio::test]
async fn a_policy_that_only_observes_writes_nothing() {
    let policy = policy().replace("mode: attach-only", "mode: observe");
    let world = start(WorldOptions { policy, ..options() }).await;
    entitle(&world);
    settle(&world).await;
    assert_eq!(world.azure.assignments(), []);
    assert!(says(&world, "aks1 → acr1 not attached: mode is `observe`"));
}

#[tokio::test]
async fn a_policy_that_breaks_keeps_the_handler_from_starting() {
    let policy = policy().replace("same_tag", "same_tags");
    let error = World::start(WorldOptions { policy, ..options() }).await.unwrap_err();
    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(text.contains("exit status: 1") && text.contains("did you mean `same_tag`?"), "{text}");
}
