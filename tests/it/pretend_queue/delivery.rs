//! Locks, deliveries and dead letters.

use std::collections::BTreeSet;
use std::time::Duration;

use tether::emulator::Clock;
use tether::emulator::queue::{Namespace, QueueOptions};

use super::{MINUTE, PATIENCE, Setup, bodies, check_bodies, message};

#[tokio::test]
async fn messages_come_in_the_order_of_their_sending() {
    let setup = Setup::new().await;
    for body in ["a", "b", "c"] {
        setup.send(body);
    }
    check_bodies(&setup.namespace.active("commands"), &["a", "b", "c"]);
    let mut received = Vec::new();
    for _ in 0..3 {
        let delivery = setup.receive().await;
        received.push(delivery.stored.clone());
        delivery.complete();
    }
    check_bodies(&received, &["a", "b", "c"]);
    assert!(setup.namespace.active("commands").is_empty());
    assert_eq!(setup.namespace.locked("commands"), 0);
}

#[tokio::test]
async fn a_locked_message_is_nobody_elses() {
    let setup = Setup::new().await;
    setup.send("a");
    setup.send("b");
    let (first, second) = (setup.receive().await, setup.receive().await);
    assert_eq!(first.stored.message.body, b"a");
    assert_eq!(second.stored.message.body, b"b");
    assert_ne!(first.lock_token, second.lock_token);
    assert_eq!(setup.namespace.locked("commands"), 2);
    assert!(setup.namespace.active("commands").is_empty());
}

#[tokio::test]
async fn an_abandoned_message_is_back_at_once_and_in_its_place() {
    let setup = Setup::new().await;
    setup.send("a");
    setup.send("b");
    let first = setup.receive().await;
    assert_eq!(first.stored.delivery_count, 1);
    let sequence_number = first.stored.sequence_number;
    first.abandon();
    check_bodies(&setup.namespace.active("commands"), &["a", "b"]);
    let again = setup.receive().await;
    assert_eq!(again.stored.message.body, b"a");
    assert_eq!((again.stored.delivery_count, again.stored.sequence_number), (2, sequence_number));
}

#[tokio::test]
async fn after_ten_deliveries_a_message_is_dead() {
    let setup = Setup::new().await;
    setup.send("poison");
    let mut tokens = BTreeSet::new();
    for count in 1..=10 {
        let delivery = setup.receive().await;
        assert_eq!(delivery.stored.delivery_count, count);
        tokens.insert(delivery.lock_token);
        delivery.abandon();
    }
    assert_eq!(tokens.len(), 10);
    assert!(setup.namespace.active("commands").is_empty());
    let dead = setup.namespace.dead_letters("commands");
    check_bodies(&dead, &["poison"]);
    assert_eq!(dead[0].delivery_count, 10);
    assert_eq!(dead[0].dead_letter_reason.as_deref(), Some("MaxDeliveryCountExceeded"));
}

#[tokio::test]
async fn a_lock_expires_when_its_time_has_passed() {
    let setup = Setup::new().await;
    setup.send("a");
    let lost = setup.receive().await;
    setup.clock.advance(Duration::from_secs(59));
    assert_eq!(setup.namespace.locked("commands"), 1);
    setup.clock.advance(Duration::from_secs(1));
    let again = setup.receive().await;
    assert_eq!(again.stored.delivery_count, 2);
    lost.complete();
    assert_eq!(setup.namespace.locked("commands"), 1, "a lost lock completes nothing");
    again.complete();
    assert_eq!(setup.namespace.locked("commands"), 0);
    assert!(setup.namespace.active("commands").is_empty());
}

#[tokio::test]
async fn a_dropped_delivery_comes_back_when_its_lock_expires() {
    let setup = Setup::new().await;
    setup.send("a");
    drop(setup.receive().await);
    assert_eq!(setup.namespace.locked("commands"), 1);
    setup.clock.advance(MINUTE);
    setup.until(|namespace| bodies(&namespace.active("commands")) == ["a"]).await;
    drop(setup.receive().await);
    setup.clock.advance(MINUTE);
    assert_eq!(setup.receive().await.stored.delivery_count, 3);
}

#[tokio::test]
async fn lost_locks_count_towards_death() {
    let clock = Clock::new(0.0);
    let options = QueueOptions { max_delivery_count: 1, ..QueueOptions::new("q") };
    let namespace = Namespace::start(clock.clone(), vec![options]).await.unwrap();
    namespace.send("q", message("a")).unwrap();
    drop(namespace.receive("q").await.unwrap());
    clock.advance(MINUTE);
    check_bodies(&namespace.dead_letters("q"), &["a"]);
}

#[tokio::test]
async fn every_waiting_receiver_gets_a_message_of_its_own() {
    let setup = Setup::new().await;
    let receivers: Vec<_> = (0..20)
        .map(|_| {
            let namespace = setup.namespace.clone();
            tokio::spawn(async move { namespace.receive("commands").await.unwrap().stored })
        })
        .collect();
    tokio::task::yield_now().await;
    for number in 0..20 {
        setup.send(&number.to_string());
    }
    let mut received = BTreeSet::new();
    for receiver in receivers {
        let stored = tokio::time::timeout(PATIENCE, receiver).await.unwrap().unwrap();
        received.insert(stored.sequence_number);
    }
    assert_eq!(received.len(), 20);
}

#[tokio::test]
async fn a_change_between_looking_and_waiting_is_not_missed() {
    let setup = Setup::new().await;
    let sent = setup.namespace.changed();
    setup.send("a");
    tokio::time::timeout(PATIENCE, sent).await.unwrap();
    let delivery = setup.receive().await;
    let completed = setup.namespace.changed();
    delivery.complete();
    tokio::time::timeout(PATIENCE, completed).await.unwrap();
}

#[tokio::test]
async fn the_passing_of_time_is_a_change_even_if_nobody_asks() {
    let setup = Setup::new().await;
    setup.send("a");
    let _locked = setup.receive().await;
    let expired = setup.namespace.changed();
    setup.clock.advance(MINUTE);
    tokio::time::timeout(PATIENCE, expired).await.unwrap();
}

#[tokio::test]
async fn a_fast_clock_moves_messages_by_itself() {
    let clock = Clock::new(10_000.0);
    let options = QueueOptions { lock: 60 * MINUTE, ..QueueOptions::new("q") };
    let namespace = Namespace::start(clock, vec![options]).await.unwrap();
    namespace.send("q", message("a")).unwrap();
    drop(namespace.receive("q").await.unwrap());
    let again = tokio::time::timeout(PATIENCE, namespace.receive("q")).await.unwrap().unwrap();
    assert_eq!(again.stored.delivery_count, 2);
}
