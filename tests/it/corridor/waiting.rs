//! What cannot be done yet: follow-ups, and how few of them there are.

use std::time::Duration;

use tether::emulator::azure::Fault;
use tether::emulator::queue::Message;
use tether::emulator::world::{Door, World, WorldOptions};

use super::{
    ACR_PULL, attached, cluster, count, options, registry, requests, settle, start, waiting,
};

fn frozen() -> WorldOptions {
    WorldOptions { speed: 0.0, ..options() }
}

async fn with_a_registry(options: WorldOptions) -> World {
    let world = start(options).await;
    let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
    world.azure.create_registry(&acr).unwrap();
    settle(&world).await;
    world.clock.advance(Duration::from_secs(600));
    settle(&world).await;
    world
}

#[tokio::test]
async fn fifty_events_for_a_cluster_in_the_making_leave_one_follow_up() {
    for door in [Door::Function, Door::Queue] {
        let world = with_a_registry(WorldOptions { door, ..frozen() }).await;
        let mut aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
        aks.ready = false;
        let aks = world.azure.create_cluster(&aks).unwrap();
        for number in 0..49 {
            let tag = number.to_string();
            let tags = [("acr-attach", "auto"), ("team", "a"), ("note", &tag)];
            let tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned()));
            world.azure.set_tags(&aks, &tags.into()).unwrap();
        }
        settle(&world).await;
        assert_eq!(waiting(&world), 1);

        for _ in 0..10 {
            if attached(&world, &aks).is_empty() {
                world.clock.advance(Duration::from_secs(90));
                settle(&world).await;
            }
        }
        assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)]);
    }
}

#[tokio::test]
async fn a_cluster_that_nobody_entitled_is_not_waited_for() {
    let world = with_a_registry(frozen()).await;
    let mut aks = cluster("aks1").tag("team", "a");
    aks.ready = false;
    world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    let [recheck] = &world.namespace.scheduled("commands")[..] else { panic!("one second look") };
    assert!(!String::from_utf8_lossy(&recheck.message.body).contains("attempt"));
}

#[tokio::test]
async fn a_cluster_that_never_gets_an_identity_is_given_up_after_an_hour() {
    let forever = Duration::from_secs(365 * 24 * 3600);
    let world = with_a_registry(WorldOptions { cluster_creation: forever, ..frozen() }).await;
    let mut aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    aks.ready = false;
    world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    let mut looks = 0;
    while waiting(&world) > 0 {
        looks += 1;
        assert!(looks < 30, "it never ends");
        world.clock.advance(Duration::from_secs(400));
        settle(&world).await;
    }
    assert_eq!(looks, 13);
    let lines = world.host.console();
    assert!(lines.iter().any(|line| line.text.contains("the timer's next run takes over")));
}

/// With this fault in the way of the assignment, the cluster is attached by a follow-up.
async fn check_put_off(fault: Fault) {
    let world = with_a_registry(frozen()).await;
    world.azure.faults().inject(fault);
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), []);
    assert_eq!(waiting(&world), 1);
    world.clock.advance(Duration::from_secs(400));
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)]);
    assert_eq!(world.namespace.dead_letters("commands"), []);
}

#[tokio::test]
async fn an_identity_that_entra_does_not_know_yet_is_waited_for() {
    let message = "Principal 00000000000000000000000000000000 does not exist in the directory.";
    check_put_off(Fault::on("PUT", "roleAssignments").refusing(400, "PrincipalNotFound", message))
        .await;
}

#[tokio::test]
async fn a_long_retry_after_is_waited_for_in_the_queue() {
    let fault = Fault::on("PUT", "roleAssignments").html(429, "<html>slow down</html>");
    check_put_off(fault.header("Retry-After", "120")).await;
}

#[tokio::test]
async fn a_missing_permission_is_tried_again_for_some_minutes() {
    let message = "The client does not have authorization to perform action.";
    let fault = Fault::on("PUT", "roleAssignments");
    check_put_off(fault.refusing(403, "AuthorizationFailed", message)).await;
}

#[tokio::test]
async fn a_lock_is_told_as_a_lock_and_not_waited_for() {
    let world = with_a_registry(frozen()).await;
    let message = "The scope cannot perform write operation because following scope(s) are locked.";
    world
        .azure
        .faults()
        .inject(Fault::on("PUT", "roleAssignments").refusing(409, "ScopeLocked", message).always());
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    let lines = world.host.console();
    let line = lines.iter().find(|line| line.text.contains("ScopeLocked")).unwrap();
    assert!(line.text.contains("held") && line.text.contains("acr1"), "{}", line.text);
    assert_eq!(count(&requests(&world), "PUT assignment"), 1);
    world.clock.advance(Duration::from_secs(3600));
    settle(&world).await;
    assert_eq!(waiting(&world), 0);
}

#[tokio::test]
async fn an_answer_that_got_lost_does_no_harm() {
    let world = with_a_registry(frozen()).await;
    world.azure.faults().inject(Fault::on("PUT", "roleAssignments").bare(503).after_doing_it());
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)]);
    assert_eq!(world.azure.assignments().len(), 1);
}

#[tokio::test]
async fn azure_out_of_reach_sends_the_message_back_and_loses_nothing() {
    let world = with_a_registry(frozen()).await;
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    world.events.pause();
    let aks = world.azure.create_cluster(&aks).unwrap();
    let odd = Fault::on("GET", "managedClusters").json(418, serde_json::json!([]));
    world.azure.faults().inject(odd.times(1));
    let body = format!(r#"{{"command":"reconcile","scope":"{aks}"}}"#).into_bytes();
    world.namespace.send("commands", Message { body, ..Message::default() }).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks), [("acr1".to_owned(), ACR_PULL)]);
    let counts: Vec<_> =
        world.host.invocations().iter().filter_map(|one| one.delivery_count).collect();
    assert!(counts.contains(&2), "{counts:?}");
}
