//! Bad input: refused with clear words or ignored, never lost and never fatal.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tether::emulator::queue::{Message, Stored};
use tether::emulator::world::{Door, PLATFORM, World, WorldOptions};

use super::{cluster, count, options, registry, requests, settle, start};

fn send(world: &World, body: &[u8]) {
    let message_id = Some("sender-1".to_owned());
    let message = Message { body: body.to_vec(), message_id, ..Message::default() };
    world.namespace.send("commands", message).unwrap();
}

fn property(stored: &Stored, name: &str) -> String {
    let value = stored.message.properties.get(name);
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn says(world: &World, words: &str) -> bool {
    world.host.console().iter().any(|line| line.text.contains(words))
}

/// This body ends in `rejected`, unchanged, with this reason and field.
async fn check_refused(body: &[u8], reason: &str, field: &str) {
    let world = start(options()).await;
    send(&world, body);
    settle(&world).await;
    let [rejected] = &world.namespace.active("rejected")[..] else {
        panic!("not refused: {reason}")
    };
    assert_eq!(rejected.message.body, body);
    assert_eq!(property(rejected, "reason"), reason);
    assert_eq!(property(rejected, "field"), field);
    assert!(!property(rejected, "hint").is_empty());
    assert_eq!(rejected.message.correlation_id.as_deref(), Some("sender-1"));
    assert!(says(&world, "message refused"));
    assert_eq!(requests(&world), Vec::<String>::new(), "nobody was asked");
    assert_eq!(world.namespace.dead_letters("commands"), []);
}

#[tokio::test]
async fn what_is_not_json_is_refused() {
    let reason = "the message is not JSON: expected ident at line 1 column 2";
    check_refused(b"nonsense", reason, "").await;
}

#[tokio::test]
async fn a_wrong_shape_is_refused() {
    check_refused(b"[1]", "the message is not a JSON object", "").await;
    check_refused(b"{}", "the message names no command", "command").await;
    let body = br#"{"command":"reconcile","scope":"everything","scopes":[]}"#;
    check_refused(body, "there is no field `scopes`", "scopes").await;
}

#[tokio::test]
async fn commands_of_a_later_version_are_refused_as_not_yet_known() {
    for name in ["attach", "detach"] {
        let body = json!({ "command": name, "cluster": "a", "registry": "b" }).to_string();
        let reason = format!("this version does not know the command `{name}` yet");
        check_refused(body.as_bytes(), &reason, "command").await;
    }
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let body = "[".repeat(100_000);
    let reason = "the message is not JSON: recursion limit exceeded at line 1 column 128";
    check_refused(body.as_bytes(), reason, "").await;
}

#[tokio::test]
async fn an_id_of_another_provider_is_refused() {
    let id = format!(
        "/subscriptions/{PLATFORM}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm1"
    );
    let body = json!({ "command": "reconcile", "scope": id }).to_string();
    check_refused(body.as_bytes(), &format!("`{id}` is no scope"), "scope").await;
}

#[tokio::test]
async fn a_scope_outside_the_estate_is_refused() {
    let id = "/subscriptions/99999999-9999-4999-8999-999999999999";
    let body = json!({ "command": "reconcile", "scope": id }).to_string();
    check_refused(body.as_bytes(), &format!("`{id}` is outside the estate"), "scope").await;
}

#[tokio::test]
async fn what_is_no_text_goes_to_the_dead_letters_whole() {
    let world = start(options()).await;
    send(&world, b"\xff\xfe\x00");
    settle(&world).await;
    let [dead] = &world.namespace.dead_letters("commands")[..] else { panic!("not dead") };
    assert_eq!(dead.message.body, b"\xff\xfe\x00");
    assert!(says(&world, "the dead-letter queue keeps it"));
}

#[tokio::test]
async fn a_body_of_fifteen_mebibytes_is_answered_and_the_process_lives() {
    let world = start(options()).await;
    let body = BASE64_STANDARD.encode(vec![b'x'; 15 * 1024 * 1024]);
    let envelope = json!({ "Data": { "message": body }, "Metadata": {} }).to_string();
    let client = tether::azure::http_client().unwrap();
    let url = format!("{}/command-received", world.host.handler_url());
    let answer = client.post(&url).body(envelope).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 500);
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let message = answer.pointer("/error/message").and_then(Value::as_str).unwrap();
    assert!(message.contains("15728640 bytes are too many"), "{message}");
    send(&world, br#"{"command":"reconcile","scope":"everything"}"#);
    settle(&world).await;
    assert!(says(&world, "reconciled"));
}

#[tokio::test]
async fn a_cluster_that_is_gone_is_done_with() {
    let world = start(options()).await;
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    world.azure.delete(&aks).unwrap();
    settle(&world).await;
    let body =
        json!({ "command": "reconcile", "scope": aks, "requestedBy": "somebody" }).to_string();
    send(&world, body.as_bytes());
    settle(&world).await;
    assert_eq!(world.namespace.active("rejected"), []);
    assert_eq!(world.namespace.dead_letters("commands"), []);
    assert_eq!(count(&requests(&world), "PUT assignment"), 0);
    assert!(!says(&world, "somebody"));
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_do_and_writes_nothing() {
    let world = start(options()).await;
    world.events.pause();
    world.azure.create_registry(&registry("acr1").tag("acr-attach", "shared")).unwrap();
    world.azure.create_cluster(&cluster("aks1").tag("acr-attach", "acr1")).unwrap();
    send(&world, br#"{"command":"reconcile","scope":"everything","dryRun":true}"#);
    settle(&world).await;
    assert_eq!(world.azure.assignments(), []);
    assert!(says(&world, "attach  aks1 → acr1 as AcrPull: rule `named-registry` wants it"));
}

#[tokio::test]
async fn a_policy_that_only_observes_writes_nothing() {
    let world = start(WorldOptions {
        policy: super::policy().replace("attach-only", "observe"),
        ..options()
    })
    .await;
    world.azure.create_registry(&registry("acr1").tag("acr-attach", "shared")).unwrap();
    world.azure.create_cluster(&cluster("aks1").tag("acr-attach", "acr1")).unwrap();
    settle(&world).await;
    assert_eq!(world.azure.assignments(), []);
    assert!(says(&world, "aks1 → acr1 not attached: mode is `observe`"));
}

#[tokio::test]
async fn events_that_do_not_matter_lead_to_nothing_but_a_line() {
    for door in [Door::Function, Door::Queue] {
        let world = start(WorldOptions { door, filtered: false, ..options() }).await;
        let event = |kind: &str, operation: &str, id: &str| {
            json!({ "id": operation, "eventType": kind, "subject": id, "topic": "t", "eventTime": "2026-09-01T10:00:00Z",
                    "data": { "operationName": operation, "resourceUri": id, "claims": { "name": "Pretend Person" } } })
        };
        let group = format!("/subscriptions/{PLATFORM}/resourceGroups/rg");
        let aks = format!("{group}/providers/Microsoft.ContainerService/managedClusters/aks1");
        let write = "Microsoft.Resources.ResourceWriteSuccess";
        for (kind, operation, id) in [
            (
                write,
                "Microsoft.ContainerService/managedClusters/agentPools/write",
                format!("{aks}/agentPools/one"),
            ),
            (write, "Microsoft.Resources/deployments/write", group.clone()),
            (
                "Microsoft.Resources.ResourceWriteFailure",
                "Microsoft.ContainerService/managedClusters/write",
                aks.clone(),
            ),
            ("Microsoft.Unheard.Of", "x", aks.clone()),
        ] {
            world.events.deliver(&event(kind, operation, &id));
        }
        settle(&world).await;
        let lines = world.host.console();
        let ignored = lines.iter().filter(|line| line.text.contains("event ignored")).count();
        assert_eq!(ignored, 4);
        assert_eq!(requests(&world), Vec::<String>::new());
        assert_eq!(world.namespace.active("rejected"), []);
    }
}

#[tokio::test]
async fn a_refusal_that_cannot_be_sent_is_tried_again() {
    let world = start(options()).await;
    world.namespace.fail_sends(3, 500);
    send(&world, b"nonsense");
    settle(&world).await;
    assert_eq!(world.namespace.active("rejected").len(), 1);
    let deliveries: Vec<_> =
        world.host.invocations().iter().filter_map(|one| one.delivery_count).collect();
    assert_eq!(deliveries, [1, 2]);
}

#[tokio::test]
async fn a_policy_that_breaks_keeps_the_handler_from_starting() {
    let policy = super::policy().replace("same_tag", "same_tags");
    let error = World::start(WorldOptions { policy, ..options() }).await.unwrap_err();
    let text = format!("{:#}", anyhow::Error::from(error));
    assert!(text.contains("exit status: 1") && text.contains("did you mean `same_tag`?"), "{text}");
}
