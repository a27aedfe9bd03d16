//! Putting back what was refused and what is dead: nothing is lost, nothing goes in circles, and
//! nothing personal is shown.

use std::time::Duration;

use serde_json::json;
use tether::emulator::queue::{Claim, Message};

use super::{Place, check_refused, check_says};

const BODY: &str =
    r#"{"command":"attach","cluster":"aks-shop","registry":"acrshop","requestedBy":"ada"}"#;

fn rejected(id: &str, body: &str) -> Message {
    let some = |text: &str| Some(text.to_owned());
    let reason = "the policy allows\u{7} no such pair";
    let properties = [("reason", reason), ("field", "registry"), ("hint", "add it to `pins`")];
    Message {
        body: body.into(),
        message_id: some(id),
        correlation_id: some("c1"),
        reply_to: some("reports"),
        content_type: some("application/json"),
        properties: properties.map(|(name, text)| (name.to_owned(), json!(text))).into(),
        ..Message::default()
    }
}

/// A place in which these were refused
async fn with(messages: &[(&str, &str)]) -> Place {
    let place = Place::new().await;
    for (id, body) in messages {
        place.namespace.send("rejected", rejected(id, body)).unwrap();
    }
    // A second is what the times of messages are told in.
    place.clock.advance(Duration::from_secs(1));
    place
}

/// Lets everything in `commands` die, as a worker does that always fails.
async fn let_die(place: &Place) {
    while !place.namespace.active("commands").is_empty() {
        place.namespace.receive("commands").await.unwrap().abandon();
    }
}

#[tokio::test]
async fn what_was_refused_is_put_back_unchanged_under_a_new_id() {
    let place = with(&[("m1", BODY), ("m2", "not \"json\"")]).await;
    let ended = place.send(&["--replay-rejected"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let line = "m1  the policy allows no such pair  attach cluster=aks-shop registry=acrshop\n";
    assert!(ended.stdout.starts_with(line), "{}", ended.stdout);
    check_says(&ended.stdout, &["m2  the policy allows no such pair  (no JSON, 10 bytes)"]);
    assert!(!ended.stdout.contains("ada"), "{}", ended.stdout);
    check_says(&ended.stderr, &["2 put back on `commands`, 0 left in `rejected`."]);
    let active = place.namespace.active("commands");
    let bodies: Vec<_> = active.iter().map(|one| one.message.body.as_slice()).collect();
    assert_eq!(bodies, [BODY.as_bytes(), b"not \"json\""]);
    let first = &active[0].message;
    assert_eq!(first.correlation_id.as_deref(), Some("c1"));
    assert_eq!(first.reply_to.as_deref(), Some("reports"));
    assert_eq!(first.content_type.as_deref(), Some("application/json"));
    assert!(first.properties.is_empty());
    assert!(first.message_id.as_deref().is_some_and(|id| id != "m1"));
    assert!(place.namespace.active("rejected").is_empty());
    assert_eq!(place.namespace.locked("rejected"), 0);
}

#[tokio::test]
async fn a_replay_that_breaks_in_between_loses_nothing_and_the_queue_merges_the_second_one() {
    let place = with(&[("m1", BODY)]).await;
    place.namespace.fail_locks(1, 404);
    let ended = place.send(&["--replay-rejected"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    check_says(&ended.stderr, &["longer than its lock", "may come a second time"]);
    place.only();
    place.clock.advance(Duration::from_secs(61));
    assert_eq!(place.namespace.active("rejected").len(), 1);
    assert_eq!(place.send(&["--replay-rejected"]).await.code, Some(0));
    assert!(place.namespace.active("rejected").is_empty());
    let sent = place.namespace.sent().into_iter().filter(|sent| sent.queue == "commands");
    assert_eq!(sent.map(|sent| sent.duplicate).collect::<Vec<_>>(), [false, true]);
    place.only();
}

#[tokio::test]
async fn a_message_that_cannot_be_removed_ends_the_replay() {
    let place = with(&[("m1", BODY), ("m2", BODY)]).await;
    place.namespace.fail_locks(3, 503);
    let ended = place.send(&["--replay-rejected"]).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(1), 1));
    check_says(&ended.stderr, &["a message was sent and may come a second time"]);
    place.clock.advance(Duration::from_secs(61));
    assert_eq!(place.namespace.active("rejected").len(), 2);
}

#[tokio::test]
async fn dead_letters_are_put_back_once_though_they_die_again() {
    let place = Place::new().await;
    for id in ["a", "b"] {
        let message = Message { properties: [].into(), ..rejected(id, BODY) };
        place.namespace.send("commands", message).unwrap();
    }
    let_die(&place).await;
    place.clock.advance(Duration::from_secs(1));
    let listed = place.send(&["--replay-dead-letters", "--dry-run"]).await;
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    check_says(
        &listed.stdout,
        &["a  MaxDeliveryCountExceeded  attach", "hint   Message could not be consumed"],
    );
    check_says(&listed.stderr, &["2 in `commands/$deadletterqueue`; nothing was moved."]);
    let ended = place.send(&["--replay-dead-letters"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.lines().count(), 2, "{}", ended.stdout);
    assert!(place.namespace.dead_letters("commands").is_empty());
    let ids = |place: &Place| {
        let active = place.namespace.active("commands").into_iter();
        active.map(|one| one.message.message_id.unwrap()).collect::<Vec<_>>()
    };
    let first = ids(&place);
    let_die(&place).await;
    place.clock.advance(Duration::from_secs(1));
    assert_eq!(place.send(&["--replay-dead-letters"]).await.code, Some(0));
    let second = ids(&place);
    assert!(first.len() == 2 && second.len() == 2 && !second.contains(&first[0]));
}

#[tokio::test]
async fn a_dry_run_lists_everything_with_its_reason_and_moves_nothing() {
    let event = r#"{"eventType":"Microsoft.Resources.X","data":{"claims":{"name":"ada"}}}"#;
    let place = with(&[("m1", BODY), ("m2", event)]).await;
    let ended = place.send(&["--replay-rejected", "--dry-run"]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let expected = format!(
        "m1  the policy allows no such pair  attach cluster=aks-shop registry=acrshop\n    \
         field  registry\n    hint   add it to `pins`\n\
         m2  the policy allows no such pair  (an event, {} bytes)\n    \
         field  registry\n    hint   add it to `pins`\n",
        event.len()
    );
    assert_eq!(ended.stdout, expected);
    assert!(place.namespace.active("commands").is_empty());
    assert_eq!(place.namespace.active("rejected").len(), 2);
    assert_eq!(place.namespace.locked("rejected"), 0);
}

#[tokio::test]
async fn no_more_than_asked_for_are_put_back() {
    let place = with(&[("m1", BODY), ("m2", BODY), ("m3", BODY)]).await;
    let ended = place.send(&["--replay-rejected", "--max", "2"]).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 2), "{}", ended.stderr);
    assert_eq!(place.namespace.active("commands").len(), 2);
    assert_eq!(place.namespace.active("rejected").len(), 1);
}

#[tokio::test]
async fn what_is_no_text_stays_where_it_is() {
    let place = with(&[("m1", BODY)]).await;
    let binary = Message { body: b"\xff\xfe".to_vec(), ..rejected("m0", "") };
    place.namespace.send("rejected", binary).unwrap();
    place.clock.advance(Duration::from_secs(1));
    let ended = place.send(&["--replay-rejected"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    check_says(&ended.stdout, &["m0  left, no text of ours  (no text, or too long)"]);
    check_says(&ended.stderr, &["1 put back on `commands`, 1 left in `rejected`."]);
    assert_eq!(place.namespace.active("rejected").len(), 1);
    place.only();
}

#[tokio::test]
async fn a_quiet_replay_tells_its_sum_only_if_something_is_left() {
    let place = with(&[("m1", BODY)]).await;
    let ended = place.send(&["--replay-rejected", "--dry-run", "--quiet"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    check_says(&ended.stdout, &["m1  the policy allows no such pair"]);
    let ended = place.send(&["--replay-rejected", "--quiet"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    check_says(&ended.stdout, &["m1  the policy allows no such pair"]);
    let binary = Message { body: b"\xff\xfe".to_vec(), ..rejected("m0", "") };
    place.namespace.send("rejected", binary).unwrap();
    place.clock.advance(Duration::from_secs(1));
    let ended = place.send(&["--replay-rejected", "--quiet"]).await;
    assert_eq!(ended.code, Some(1));
    check_says(&ended.stderr, &["0 put back on `commands`, 1 left in `rejected`."]);
}

#[tokio::test]
async fn an_empty_queue_is_told_as_such() {
    let place = Place::new().await;
    for words in [["--replay-rejected"], ["--replay-dead-letters"]] {
        let ended = place.send(&words).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
        check_says(&ended.stderr, &["0 put back on `commands`, 0 left"]);
    }
    assert!(place.is_empty());
}

#[tokio::test]
async fn a_message_that_cannot_be_sent_stays_where_it_is() {
    let place = with(&[("m1", BODY), ("m2", BODY)]).await;
    place.namespace.forbid(Claim::Send);
    let ended = place.send(&["--replay-rejected"]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    check_says(&ended.stderr, &["stays where it is", "Azure Service Bus Data Sender"]);
    assert_eq!(place.namespace.active("rejected").len(), 2);
    assert_eq!(place.namespace.locked("rejected"), 0);
}

#[tokio::test]
async fn a_token_that_may_not_receive_is_said_with_the_role_that_is_needed() {
    let place = with(&[("m1", BODY)]).await;
    place.namespace.forbid(Claim::Listen);
    let ended = place.send(&["--replay-rejected"]).await;
    check_refused(&ended, &["receiving from the queue `rejected`", "Data Receiver", "'Listen'"]);
    assert_eq!(place.namespace.active("rejected").len(), 1);
}
