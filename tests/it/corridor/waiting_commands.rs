//! Commands on a pair that have to wait: put off, told of, given up, and never merged with another's.

use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::world::WorldOptions;

use super::commands::{ask, change, command, report, reports, with_pins};
use super::input::logged;
use super::{attached, cluster, registry, settle, start, waiting};

#[tokio::test]
async fn a_cluster_in_the_making_is_waited_for_and_both_reports_come() {
    let world = start(WorldOptions { speed: 0.0, ..with_pins() }).await;
    let acr = world.azure.create_registry(&registry("acr1").tag("pin", "yes")).unwrap();
    let mut aks = cluster("aks1");
    aks.ready = false;
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    let mut body = command("attach", &aks, &acr);
    body["requestedBy"] = json!("ada.lovelace@contoso.example");
    ask(&world, "m-1", &body);
    settle(&world).await;
    let told = report(&world, "m-1");
    assert_eq!((told["outcome"].as_str(), change(&told)), (Some("later"), ("attach", "later")));
    assert!(told["nextLookAt"].as_str().unwrap().ends_with('Z'), "{told:#}");
    for _ in 0..10 {
        if attached(&world, &aks).is_empty() {
            world.clock.advance(Duration::from_secs(90));
            settle(&world).await;
        }
    }
    assert_eq!(attached(&world, &aks).len(), 1);
    let told = reports(&world, "m-1");
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(told[1]["outcome"], json!("done"));
    assert_eq!(told[1]["requestedBy"], json!("ada.lovelace@contoso.example"));
    assert!(!logged(&world).contains("lovelace"));
    assert!(
        !world
            .namespace
            .scheduled("commands")
            .iter()
            .any(|stored| { String::from_utf8_lossy(&stored.message.body).contains("attach") })
    );
}

#[tokio::test]
async fn a_pair_that_cannot_be_attached_for_an_hour_ends_in_rejected() {
    let forever = Duration::from_secs(365 * 24 * 3600);
    let options = WorldOptions { speed: 0.0, cluster_creation: forever, ..with_pins() };
    let world = start(options).await;
    let acr = world.azure.create_registry(&registry("acr1").tag("pin", "yes")).unwrap();
    let mut aks = cluster("aks1");
    aks.ready = false;
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    world.clock.advance(Duration::from_secs(600));
    settle(&world).await;
    ask(&world, "m-1", &command("attach", &aks, &acr));
    settle(&world).await;
    let mut looks = 0;
    while waiting(&world) > 0 {
        looks += 1;
        assert!(looks < 30, "it never ends");
        world.clock.advance(Duration::from_secs(400));
        settle(&world).await;
    }
    let [rejected] = &world.namespace.active("rejected")[..] else { panic!("one message") };
    let reason = rejected.message.properties["reason"].as_str().unwrap();
    assert!(reason.contains("has no kubelet identity yet"), "{reason}");
    let told = reports(&world, "m-1");
    assert_eq!(told.len(), 2, "{told:#?}");
    assert_eq!(told[1]["outcome"], json!("refused"));
}

#[tokio::test]
async fn two_commands_under_one_id_are_two() {
    let world = start(WorldOptions { speed: 0.0, ..with_pins() }).await;
    let acr = world.azure.create_registry(&registry("acr1").tag("pin", "yes")).unwrap();
    let making = |name: &str| {
        let mut spec = cluster(name);
        spec.ready = false;
        world.azure.create_cluster(&spec).unwrap()
    };
    let both = [making("aks1"), making("aks2")];
    settle(&world).await;
    for (number, aks) in both.iter().enumerate() {
        let mut body = command("attach", aks, &acr);
        body["id"] = json!("ticket-1");
        ask(&world, &format!("m-{number}"), &body);
        ask(&world, &format!("again-{number}"), &body);
    }
    for _ in 0..4 {
        settle(&world).await;
        world.clock.advance(Duration::from_secs(200));
    }
    settle(&world).await;
    for aks in &both {
        assert_eq!(attached(&world, aks).len(), 1, "{aks}");
    }
    for id in ["m-0", "m-1", "again-0", "again-1"] {
        let outcomes = reports(&world, id).into_iter().map(|told| told["outcome"].clone());
        assert_eq!(outcomes.collect::<Vec<_>>(), [json!("later"), json!("done")], "{id}");
    }
}

#[tokio::test]
async fn everyone_who_asked_for_a_report_on_a_scope_gets_one() {
    let world = start(WorldOptions { speed: 0.0, ..with_pins() }).await;
    world.azure.create_registry(&registry("acr1").tag("acr-attach", "yes")).unwrap();
    let mut aks = cluster("aks1").tag("acr-attach", "acr1");
    aks.ready = false;
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    for id in ["m-1", "m-2"] {
        ask(&world, id, &json!({ "command": "reconcile", "scope": aks }));
    }
    for _ in 0..4 {
        settle(&world).await;
        world.clock.advance(Duration::from_secs(200));
    }
    settle(&world).await;
    for id in ["m-1", "m-2"] {
        assert_eq!(reports(&world, id).last().unwrap()["outcome"], json!("done"), "{id}");
    }
}

#[tokio::test]
async fn what_was_given_up_and_is_put_back_is_tried_as_often_again() {
    let forever = Duration::from_secs(365 * 24 * 3600);
    let options = WorldOptions { speed: 0.0, cluster_creation: forever, ..with_pins() };
    let world = start(options).await;
    let acr = world.azure.create_registry(&registry("acr1").tag("pin", "yes")).unwrap();
    let mut aks = cluster("aks1");
    aks.ready = false;
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    let mut body = command("attach", &aks, &acr);
    body["attempt"] = json!(u32::MAX);
    ask(&world, "m-1", &body);
    settle(&world).await;
    let [rejected] = &world.namespace.active("rejected")[..] else { panic!("one message") };
    assert_eq!(rejected.message.correlation_id.as_deref(), Some("m-1"));
    let again: Value = serde_json::from_slice(&rejected.message.body).unwrap();
    assert_eq!(again.get("attempt"), None, "{again}");
    ask(&world, "m-2", &again);
    settle(&world).await;
    assert_eq!(report(&world, "m-2")["outcome"], json!("later"));
}
