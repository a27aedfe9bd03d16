//! Messages for later, messages sent twice, and messages nobody takes.

use std::time::Duration;

use serde_json::json;
use tether::emulator::queue::Message;
use time::OffsetDateTime;
use time::macros::format_description;

use super::{MINUTE, Setup, ask, bodies, check_bodies, identified, message};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A date as REST wants it, this far from the real now: handlers live in real time
fn real(later: Duration) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    (OffsetDateTime::now_utc() + later).format(format).unwrap()
}

fn later(setup: &Setup, after: Duration, body: &str) {
    let scheduled = Some(setup.clock.now() + after);
    setup.namespace.send("commands", Message { scheduled, ..message(body) }).unwrap();
}

#[tokio::test]
async fn a_scheduled_message_is_active_at_its_moment_and_not_before() {
    let setup = Setup::new().await;
    later(&setup, 5 * MINUTE, "later");
    setup.send("now");
    check_bodies(&setup.namespace.active("commands"), &["now"]);
    let scheduled = setup.namespace.scheduled("commands");
    check_bodies(&scheduled, &["later"]);
    let due = setup.clock.now() + 5 * MINUTE;
    assert_eq!((scheduled[0].enqueued_at, scheduled[0].sequence_number), (due, 1));
    setup.clock.advance(Duration::from_secs(299));
    check_bodies(&setup.namespace.active("commands"), &["now"]);
    setup.clock.advance(Duration::from_secs(1));
    let active = setup.namespace.active("commands");
    check_bodies(&active, &["now", "later"]);
    assert!(setup.namespace.scheduled("commands").is_empty());
    assert_eq!((active[1].enqueued_at, active[1].sequence_number), (due, 3));
}

#[tokio::test]
async fn a_receiver_waits_for_the_scheduled_message() {
    let setup = Setup::new().await;
    later(&setup, 5 * MINUTE, "later");
    let waiting = tokio::spawn({
        let namespace = setup.namespace.clone();
        async move { namespace.receive("commands").await.unwrap() }
    });
    setup.clock.advance(4 * MINUTE);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    setup.clock.advance(MINUTE);
    let delivery = tokio::time::timeout(super::PATIENCE, waiting).await.unwrap().unwrap();
    assert_eq!(delivery.stored.message.body, b"later");
}

#[tokio::test]
async fn over_http_a_schedule_is_a_delay_from_the_real_now() {
    let setup = Setup::new().await;
    let properties = json!({ "ScheduledEnqueueTimeUtc": real(60 * MINUTE) });
    let request = setup.post("commands").header("BrokerProperties", properties.to_string());
    assert_eq!(ask(request.body("later")).await.0, 201);
    let start = setup.clock.now();
    let due = setup.namespace.scheduled("commands")[0].message.scheduled.unwrap();
    // Less by the fraction of a second that the date has no room for, and by the time it took.
    assert!(due <= start + 60 * MINUTE && due > start + 59 * MINUTE, "{due}");
    assert_eq!(setup.namespace.sent()[0].scheduled, Some(due));
    assert!(setup.namespace.active("commands").is_empty());
    setup.clock.advance(60 * MINUTE);
    setup.until(|namespace| bodies(&namespace.active("commands")) == ["later"]).await;
}

#[tokio::test]
async fn a_schedule_in_the_past_is_now() {
    let setup = Setup::new().await;
    let properties =
        json!({ "ScheduledEnqueueTimeUtc": "Sat, 10 Jan 1976 10:07:31 GMT", "MessageId": "1" });
    let request = setup.post("commands").header("BrokerProperties", properties.to_string());
    assert_eq!(ask(request).await.0, 201);
    assert_eq!(setup.receive().await.stored.enqueued_at, setup.clock.now());
}

#[tokio::test]
async fn the_soonest_becomes_active_first_however_far_time_leaps() {
    let setup = Setup::new().await;
    later(&setup, 3 * MINUTE, "third");
    later(&setup, MINUTE, "first");
    later(&setup, 2 * MINUTE, "second");
    check_bodies(&setup.namespace.scheduled("commands"), &["first", "second", "third"]);
    setup.clock.advance(DAY);
    check_bodies(&setup.namespace.active("commands"), &["first", "second", "third"]);
}

#[tokio::test]
async fn of_fifty_equal_sends_one_message_remains() {
    let setup = Setup::new().await;
    let properties = json!({"MessageId": "same"}).to_string();
    for _ in 0..25 {
        let request = setup.post("commands").header("BrokerProperties", &properties);
        assert_eq!(ask(request.body("same")).await, (201, String::new()));
        setup.namespace.send("commands", identified("same")).unwrap();
    }
    check_bodies(&setup.namespace.active("commands"), &["same"]);
    let sent = setup.namespace.sent();
    assert_eq!(sent.len(), 50);
    assert_eq!(sent.iter().position(|one| !one.duplicate), Some(0));
    assert_eq!(sent.iter().filter(|one| one.duplicate).count(), 49);
}

#[tokio::test]
async fn an_id_is_forgotten_after_the_window_and_a_duplicate_does_not_prolong_it() {
    let setup = Setup::new().await;
    let send = || setup.namespace.send("commands", identified("id")).unwrap();
    send();
    setup.receive().await.complete();
    setup.clock.advance(9 * MINUTE);
    send();
    assert!(setup.namespace.active("commands").is_empty());
    setup.clock.advance(MINUTE);
    send();
    check_bodies(&setup.namespace.active("commands"), &["id"]);
}

#[tokio::test]
async fn a_scheduled_message_is_a_duplicate_from_its_sending_on() {
    let setup = Setup::new().await;
    let scheduled = Some(setup.clock.now() + 60 * MINUTE);
    let message = Message { scheduled, ..identified("id") };
    setup.namespace.send("commands", message.clone()).unwrap();
    setup.namespace.send("commands", message.clone()).unwrap();
    assert_eq!(setup.namespace.scheduled("commands").len(), 1);
    setup.clock.advance(10 * MINUTE);
    setup.namespace.send("commands", message).unwrap();
    assert_eq!(setup.namespace.scheduled("commands").len(), 2);
}

#[tokio::test]
async fn without_a_window_or_an_id_nothing_is_a_duplicate() {
    let setup = Setup::new().await;
    setup.namespace.send("replies", identified("id")).unwrap();
    setup.namespace.send("replies", identified("id")).unwrap();
    check_bodies(&setup.namespace.active("replies"), &["id", "id"]);
    setup.send("a");
    setup.send("a");
    check_bodies(&setup.namespace.active("commands"), &["a", "a"]);
    setup.namespace.send("commands", identified("id")).unwrap();
    assert!(setup.namespace.sent().iter().all(|one| !one.duplicate));
}

#[tokio::test]
async fn what_nobody_takes_in_time_vanishes() {
    let setup = Setup::new().await;
    let properties = json!({"TimeToLive": 60}).to_string();
    let request = setup.post("commands").header("BrokerProperties", properties);
    assert_eq!(ask(request.body("short")).await.0, 201);
    setup.send("long");
    setup.clock.advance(MINUTE);
    setup.until(|namespace| bodies(&namespace.active("commands")) == ["long"]).await;
    setup.clock.advance(14 * DAY);
    setup.until(|namespace| namespace.active("commands").is_empty()).await;
    assert!(setup.namespace.dead_letters("commands").is_empty());
}
