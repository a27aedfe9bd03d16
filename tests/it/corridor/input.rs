//! Messages on the queue that ask for nothing that can be done: how they end, and the words that say
//! so. What events lead to is not asked here.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tether::emulator::host::{ConsoleLine, Level};
use tether::emulator::queue::{Message, Stored};
use tether::emulator::world::{World, WorldOptions};

use super::{LIMIT, cluster, options, registry, requests, settle, start};

pub(crate) const EVERYTHING: &str = r#"{"command":"reconcile","scope":"everything"}"#;

/// The one who asks, whom no log may name
const WHO: &str = "ada.lovelace@contoso.example";

pub(crate) fn send(world: &World, id: &str, body: impl Into<Vec<u8>>) {
    let message_id = Some(id.to_owned());
    let message = Message { body: body.into(), message_id, ..Message::default() };
    world.namespace.send("commands", message).unwrap();
}

/// The first line with all of these words; lines may come later than what they tell of
pub(crate) async fn line(world: &World, words: &[&str]) -> ConsoleLine {
    let find = || {
        let mut lines = world.host.console().into_iter();
        lines.find(|line| words.iter().all(|word| line.text.contains(word)))
    };
    world.host.wait_until(LIMIT, || find().is_some()).await.unwrap_or_else(|problem| {
        panic!("no line with {words:?}: {problem}");
    });
    find().unwrap()
}

/// All that was logged, on the streams and in the answers
pub(crate) fn logged(world: &World) -> String {
    let console = world.host.console().into_iter().map(|line| line.text);
    let answers = world.host.invocations().into_iter().flat_map(|one| one.logs);
    console.chain(answers).collect::<Vec<_>>().join("\n")
}

/// The bodies that were sent to a queue by whomever
pub(crate) fn sent(world: &World, queue: &str) -> Vec<String> {
    let sent = world.namespace.sent().into_iter().filter(|record| record.queue == queue);
    sent.map(|record| String::from_utf8(record.body).unwrap()).collect()
}

/// Nothing was asked of Azure, and nothing is left to do.
#[track_caller]
pub(crate) fn check_nothing_happened(world: &World) {
    assert_eq!(requests(world), Vec::<String>::new());
    assert_eq!(world.namespace.scheduled("commands"), []);
    assert_eq!(world.namespace.dead_letters("commands"), []);
}

/// A message that is refused: its body, and the reason and the field that are told
struct Refused {
    body: String,
    reason: String,
    field: Option<&'static str>,
}

fn refused(body: impl Into<String>, reason: &str, field: Option<&'static str>) -> Refused {
    Refused { body: body.into(), reason: reason.to_owned(), field }
}

/// Each message is in `rejected`, unchanged, with what is wrong with it, and in the log.
async fn check_refused(cases: &[Refused]) {
    let world = start(options()).await;
    let id = |number: usize| format!("zażółć \"{number}\"");
    for (number, case) in cases.iter().enumerate() {
        send(&world, &id(number), case.body.as_str());
    }
    settle(&world).await;
    let rejected: BTreeMap<_, _> =
        world.namespace.active("rejected").into_iter().map(by_id).collect();
    assert_eq!(rejected.len(), cases.len());
    for (number, case) in cases.iter().enumerate() {
        let message = &rejected[&id(number)];
        assert_eq!(String::from_utf8_lossy(&message.body), case.body);
        let properties = &message.properties;
        assert_eq!(properties["reason"], json!(case.reason));
        assert_eq!(properties.get("field"), case.field.map(Value::from).as_ref(), "{}", case.body);
        assert!(properties["hint"].as_str().unwrap().len() > 10, "{properties:?}");
        let told = line(&world, &["message refused", &format!("{:?}", case.reason)]).await;
        assert_eq!(told.level, Level::Error, "{}", told.text);
    }
    check_nothing_happened(&world);
}

fn by_id(stored: Stored) -> (String, Message) {
    (stored.message.correlation_id.clone().unwrap(), stored.message)
}

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let deep = "[".repeat(100_000);
    let not_json = "the message is not JSON: ";
    let no_object = "the message is not a JSON object";
    check_refused(&[
        refused("", &format!("{not_json}EOF while parsing a value at line 1 column 0"), None),
        refused("reconcile", &format!("{not_json}expected value at line 1 column 1"), None),
        refused(deep, &format!("{not_json}recursion limit exceeded at line 1 column 128"), None),
        refused("[]", no_object, None),
        refused(format!("[{EVERYTHING}]"), no_object, None),
        refused("\"reconcile\"", no_object, None),
        refused("7", no_object, None),
    ])
    .await;
}

#[tokio::test]
async fn what_is_no_command_is_refused_with_the_field_at_fault() {
    let command = Some("command");
    check_refused(&[
        refused("{}", "the message names no command", command),
        refused(r#"{"command":7}"#, "the message names no command", command),
        refused(r#"{"command":"zażółć"}"#, "there is no command `zażółć`", command),
        refused("{\"command\":\"dr\\nop\\u0000\"}", "there is no command `drop`", command),
        refused(
            r#"{"specversion":"1.0","type":"com.contoso.command","id":"1","source":"x"}"#,
            "the event carries no `data`",
            Some("data"),
        ),
    ])
    .await;
}

/// `reconcile everything` with one more field
fn with(field: &str) -> String {
    format!(r#"{{"command":"reconcile","scope":"everything",{field}}}"#)
}

#[tokio::test]
async fn a_field_that_is_missing_unknown_or_of_the_wrong_kind_is_refused_by_name() {
    check_refused(&[
        refused(r#"{"command":"reconcile"}"#, "the command names no scope", Some("scope")),
        refused(with(r#""dryrun":true"#), "there is no field `dryrun`", Some("dryrun")),
        refused(
            with(r#""dryRun":"yes""#),
            "`dryRun`: invalid type: string \"yes\", expected a boolean",
            Some("dryRun"),
        ),
        refused(
            with(r#""attempt":-1"#),
            "`attempt`: invalid value: integer `-1`, expected a whole number up to 4294967295",
            Some("attempt"),
        ),
        refused(
            with(r#""version":"1""#),
            "`version`: invalid type: string \"1\", expected a whole number",
            Some("version"),
        ),
        refused(
            with(r#""version":3"#),
            "version 3 of the message format is not known",
            Some("version"),
        ),
        refused(
            r#"{"command":"reconcile","scope":["everything"]}"#,
            "`scope`: invalid type: sequence, expected a string",
            Some("scope"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_scope_that_is_none_of_ours_is_refused() {
    let group = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/shop";
    let machine = format!("{group}/providers/Microsoft.Compute/virtualMachines/vm1");
    let stranger = "/subscriptions/33333333-3333-4333-8333-333333333333";
    let foreign = format!(
        "{stranger}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/aks1"
    );
    let scoped = |scope: &str| json!({ "command": "reconcile", "scope": scope }).to_string();
    let case = |scope: &str, what: &str| {
        refused(scoped(scope), &format!("`{scope}` {what}"), Some("scope"))
    };
    check_refused(&[
        case("all", "is no scope"),
        case(group, "is no scope"),
        case(&machine, "is no scope"),
        case(stranger, "is outside the estate"),
        case(&foreign, "is outside the estate"),
    ])
    .await;
}

#[tokio::test]
async fn the_log_says_why_a_scope_is_none() {
    let world = start(options()).await;
    let subscription = "/subscriptions/11111111-1111-4111-8111-11111111111";
    let machine = "/providers/Microsoft.Compute/virtualMachines/vm1";
    for (scope, cause) in [
        (subscription.to_owned(), "is not a subscription id: expected a GUID"),
        (format!("{subscription}1/resourceGroups/shop"), "is not a resource id: expected"),
        (format!("{subscription}1/resourceGroups/shop{machine}"), "expected an AKS cluster or a"),
    ] {
        send(&world, &scope, json!({ "command": "reconcile", "scope": scope }).to_string());
        line(&world, &["message refused", &scope, cause]).await;
    }
    settle(&world).await;
    check_nothing_happened(&world);
}

/// The message is not for `rejected`: it ends among the dead letters, unchanged, and the log says why.
async fn check_dead(world: &World, body: Vec<u8>, reason: &str) {
    send(world, "m-1", body.clone());
    settle(world).await;
    let told = line(world, &["invocation failed", "Refused", reason, "dead-letter"]).await;
    assert_eq!(told.level, Level::Error);
    let dead = world.namespace.dead_letters("commands");
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].message.body, body);
    assert_eq!(world.namespace.active("rejected"), []);
    assert_eq!(requests(world), Vec::<String>::new());
}

#[tokio::test]
async fn what_the_queue_for_refused_messages_cannot_hold_is_left_to_the_dead_letter_queue() {
    let not_text = b"\xff\xfe{\x00}\x00".to_vec();
    check_dead(&start(options()).await, not_text, "6 bytes").await;
    let latin =
        br#"{"command":"reconcile","scope":"caf"#.iter().copied().chain(*b"\xe9\"}").collect();
    check_dead(&start(options()).await, latin, "no text").await;
    let large = vec![b'x'; 200 * 1024 + 1];
    check_dead(&start(options()).await, large, "204801 bytes").await;
}

#[tokio::test]
async fn the_largest_message_that_fits_is_passed_on_whole() {
    let world = start(options()).await;
    let body = vec![b'x'; 200 * 1024];
    send(&world, "m-1", body.clone());
    settle(&world).await;
    let [rejected] = &world.namespace.active("rejected")[..] else { panic!("one message") };
    assert_eq!(rejected.message.body, body);
}

#[tokio::test]
async fn a_refused_message_that_cannot_be_passed_on_comes_back_until_it_can() {
    let world = start(options()).await;
    world.namespace.fail_sends(1, 403);
    send(&world, "m-1", "{");
    settle(&world).await;
    let [rejected] = &world.namespace.active("rejected")[..] else { panic!("one message") };
    assert_eq!(rejected.message.correlation_id.as_deref(), Some("m-1"));
    let counts: Vec<_> = world.host.invocations().iter().map(|one| one.delivery_count).collect();
    assert_eq!(counts, [Some(1), Some(2)]);
    line(&world, &["RefusalNotSent", "`rejected`", "Azure Service Bus Data Sender"]).await;
    check_nothing_happened(&world);
}

pub(super) fn traced() -> WorldOptions {
    let mut options = options();
    options.environment.insert("TETHER_LOG".into(), "trace".into());
    options
}

#[tokio::test]
async fn whoever_asks_is_named_in_no_log_and_no_follow_up() {
    let world = start(traced()).await;
    world.azure.create_cluster(&cluster("aks1").tag("acr-attach", "auto")).unwrap();
    let who = format!(r#""requestedBy":"{WHO}""#);
    let unknown = with(&format!(r#"{who},"urgent":true"#));
    send(&world, "m-1", with(&who));
    send(&world, "m-2", with(&format!(r#"{who},"dryRun":true"#)));
    send(&world, "m-3", with(&format!(r#"{who},"recheck":true"#)));
    send(&world, "m-4", unknown.as_str());
    settle(&world).await;
    line(&world, &["there is no field `urgent`"]).await;
    assert!(!logged(&world).contains("lovelace"), "{}", logged(&world));
    let [rejected] = &world.namespace.active("rejected")[..] else { panic!("one message") };
    assert_eq!(String::from_utf8_lossy(&rejected.message.body), unknown);
    let scheduled = world.namespace.scheduled("commands");
    let texts = scheduled.iter().map(|stored| String::from_utf8_lossy(&stored.message.body));
    let follow_ups: Vec<_> = texts.filter(|text| text.contains("everything")).collect();
    assert_eq!(follow_ups, [EVERYTHING]);
}

#[tokio::test]
async fn what_is_gone_is_read_and_nothing_is_written() {
    let world = start(options()).await;
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&aks).unwrap();
    let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
    let acr = world.azure.create_registry(&acr).unwrap();
    settle(&world).await;
    for (id, read) in [(aks, "GET cluster"), (acr, "GET registry")] {
        world.azure.clear_log();
        world.azure.delete(&id).unwrap();
        settle(&world).await;
        assert_eq!(requests(&world), [read], "for the event");
        send(&world, read, json!({ "command": "reconcile", "scope": id }).to_string());
        settle(&world).await;
        assert_eq!(requests(&world), [read, read], "for the command");
        line(&world, &["nothing is there", &id]).await;
        line(&world, &["reconciled", &id, "attached=0"]).await;
    }
    assert!(world.host.invocations().iter().all(|one| one.failure.is_none()));
    assert_eq!(sent(&world, "rejected"), Vec::<String>::new());
}

#[tokio::test]
async fn a_tick_is_one_command() {
    let world = start(options()).await;
    world.host.fire_timer("reconcile-tick").await.unwrap();
    settle(&world).await;
    assert_eq!(sent(&world, "commands"), [EVERYTHING]);
}
