//! Input that is huge, deep or endless, at every door: it is refused or carried out in time, and the
//! next one is served as if nothing had been.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tether::azure::answers;
use tether::emulator::world::World;
use tether::policy::Policy;

use super::{asking, offered, reconcile_everything};
use crate::corridor::input::send;
use crate::corridor::{attached, options, settle, start};

/// Far more than any of it takes, and far less than what grows with the square of the input
const PATIENCE: Duration = Duration::from_secs(180);

/// The longest line of a log, and what stands before it
const LONGEST_LINE: usize = 9 * 1024;

#[track_caller]
fn in_time<T>(work: impl FnOnce() -> T) -> T {
    let (value, took) = timed(work);
    assert!(took < PATIENCE, "{took:?}");
    value
}

#[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let value = work();
    (value, begin.elapsed())
}

fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

/// The handler still does what it is there for, and no line of its log is beyond measure.
async fn check_alive(world: &World) {
    world.azure.create_registry(&offered("alive")).unwrap();
    let aks = world.azure.create_cluster(&asking("alive", "alive")).unwrap();
    reconcile_everything(world, "alive").await;
    assert_eq!(attached(world, &aks).len(), 1, "it serves nobody any more");
    assert!(world.host.console().iter().all(|line| line.text.len() <= LONGEST_LINE));
    assert_eq!(world.host.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn huge_and_deep_messages_end_and_the_next_one_is_served() {
    let world = start(options()).await;
    world.events.pause();
    let long = format!("[{}1]", "1,".repeat(120_000));
    let bodies = [
        deep(100_000),
        format!(r#"{{"command":"reconcile","scope":{}}}"#, deep(100)),
        format!(r#"{{"command":"reconcile","scope":"{}"}}"#, "/".repeat(240_000)),
        format!(r#"{{"command":"attach","cluster":"{}","registry":"x"}}"#, "x".repeat(150_000)),
        format!(r#"{{"command":"reconcile","scope":{long}}}"#),
        format!(r#"[{{"eventType":"Microsoft.A"}}{}]"#, ",1".repeat(110_000)),
        format!(r#"{{"data":{}}}"#, json!(json!(json!(deep(1_000)).to_string()).to_string())),
        format!("{{{}}}", (0..9_000).map(|n| format!("\"f{n}\":0")).collect::<Vec<_>>().join(",")),
        "\u{0}".repeat(240_000),
    ];
    for (number, body) in bodies.iter().enumerate() {
        send(&world, &format!("m-{number}"), body.as_str());
    }
    settle(&world).await;
    assert_eq!(world.azure.assignments(), []);
    let (rejected, dead) =
        (world.namespace.active("rejected"), world.namespace.dead_letters("commands"));
    assert_eq!(rejected.len() + dead.len(), bodies.len(), "one message for each, and no more");
    check_alive(&world).await;
}

#[tokio::test]
async fn huge_and_deep_events_end_and_the_next_one_is_served() {
    let world = start(options()).await;
    let url = world.host.webhook_url("resource-changed");
    let client = tether::azure::http_client().unwrap();
    let event = |data: &str| {
        format!(r#"[{{"eventType":"Microsoft.Resources.ResourceWriteSuccess","data":{data}}}]"#)
    };
    for body in [
        event(&deep(90)),
        event(&format!("[{}1]", "1,".repeat(400_000))),
        event(&json!({ "resourceUri": "/".repeat(900_000) }).to_string()),
        event(&json!({ "operationName": "x".repeat(900_000) }).to_string()),
    ] {
        let request = client.post(&url).header("aeg-event-type", "Notification").body(body);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 202);
    }
    settle(&world).await;
    check_alive(&world).await;
}

#[tokio::test]
async fn megabytes_of_tags_are_read_and_decided_about() {
    let world = start(options()).await;
    world.events.pause();
    world.azure.create_registry(&offered("acr1")).unwrap();
    let mut wish = "acr1, ".to_owned() + &"x,".repeat(500_000);
    let named = world.azure.create_cluster(&asking("named", &wish)).unwrap();
    wish.insert(0, '/');
    let mut spec = asking("tagged", &wish);
    for number in 0..20_000 {
        spec = spec.tag(&format!("tag{number}"), "value");
    }
    let other = world.azure.create_cluster(&spec).unwrap();
    reconcile_everything(&world, "m-1").await;
    assert_eq!(attached(&world, &named).len(), 1);
    assert_eq!(attached(&world, &other), []);
    for assignment in world.azure.assignments() {
        assert!(assignment.description.unwrap_or_default().chars().count() <= 200);
    }
    check_alive(&world).await;
}

#[test]
fn answers_of_very_many_items_are_read_in_time() {
    let items = |one: &str| vec![one; 200_000].join(",");
    let page = format!(r#"{{"value":[{}]}}"#, items("{}"));
    let listed = in_time(|| answers::clusters(page.as_bytes())).unwrap();
    assert_eq!((listed.items.len(), listed.problems.len()), (0, 200_000));
    let page = format!(r#"{{"data":[{}]}}"#, items("7"));
    assert!(!in_time(|| answers::resources(page.as_bytes())).unwrap().complete);
    let page = format!(r#"{{"value":[{}]}}"#, deep(100_000));
    assert_eq!(in_time(|| answers::grants(page.as_bytes())).unwrap().problems.len(), 1);
    let error = in_time(|| answers::refusal(500, "x".repeat(20_000_000).as_bytes()));
    assert!(error.to_string().len() < 1_000);
}

#[test]
fn policies_that_are_large_deep_or_entangled_are_refused_in_time() {
    let laughs: Vec<String> =
        (1..30).map(|n| format!("a{n}: &a{n} [{}]", format!("*a{},", n - 1).repeat(9))).collect();
    for (name, text) in [
        ("deep", "a: ".to_owned() + &deep(100_000)),
        ("flow", format!("rules: [{}]", "{},".repeat(300_000))),
        ("aliases", format!("a0: &a0 [x]\n{}\n", laughs.join("\n"))),
        ("long", format!("owner: {}\n", "x".repeat(5_000_000))),
        ("lines", "a: 1\n".repeat(500_000)),
        ("tags", format!("mode: {}x", "!".repeat(100_000))),
    ] {
        let error = in_time(|| Policy::parse("policy.yaml", &text)).expect_err(name);
        assert!(error.problems().count() > 0, "{name}");
    }
}

#[test]
fn a_field_of_every_kind_may_be_nested_and_is_only_refused() {
    for field in ["scope", "cluster", "registry", "dryRun", "attempt", "id", "requestedBy"] {
        for inside in [deep(50), deep(1_000), "{}".to_owned(), "1e999".to_owned()] {
            let body = format!(r#"{{"command":"attach","{field}":{inside}}}"#);
            let understood = in_time(|| tether::functions::understand(body.as_bytes()));
            let is_refused = matches!(understood, tether::functions::Understood::Refused { .. });
            assert!(is_refused, "{field}: {understood:?}");
        }
    }
    assert!(serde_json::from_str::<Value>(&deep(1_000)).is_err());
}
