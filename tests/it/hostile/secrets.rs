//! What must get out nowhere: secrets of the environment, tokens, and what is known of people. Each is
//! a word of its own, fed in wherever it may come in, and looked for wherever anything goes out.

use serde_json::{Value, json};
use tether::emulator::azure::Fault;
use tether::emulator::queue::{Message, Stored};
use tether::emulator::world::{Door, World, WorldOptions, settings};
use uuid::Uuid;

use super::{asking, offered};
use crate::corridor::commands::{pinning, with_pins};
use crate::corridor::input::{EVERYTHING, line, logged, send};
use crate::corridor::{attached, settle, start};
use crate::program;

const PERSON: &str = "canary-person";
const CALLER: &str = "canary-caller";
const KEY: &str = "canary-key";

/// Settings of a function app that hold secrets, and some that nobody should have put one into
const SECRET: [&str; 6] = [
    "AzureWebJobsStorage",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "ServiceBus__connectionString",
    "MACHINEKEY_DecryptionKey",
    "AZURE_CLIENT_SECRET",
    "WEBSITE_AUTH_ENCRYPTION_KEY",
];

fn connection_string() -> String {
    format!("Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey={KEY}=")
}

fn options(door: Door) -> WorldOptions {
    let mut options = WorldOptions { door, filtered: false, ..with_pins() };
    options.policy = pinning().replace("mode: attach-only", "mode: sync");
    let environment = &mut options.environment;
    environment.insert("TETHER_LOG".into(), "trace".into());
    environment.extend(SECRET.map(|name| (name.into(), connection_string())));
    options
}

fn event(id: &str) -> Value {
    let person = json!({ "name": PERSON, "ipaddr": "203.0.113.7", "appid": PERSON });
    json!({
        "id": "1", "topic": "/", "subject": id, "dataVersion": "2", "metadataVersion": "1",
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-01-10T09:00:00.0000000Z",
        "data": {
            "operationName": "Microsoft.ContainerService/managedClusters/write",
            "resourceUri": id, "status": "Succeeded",
            "claims": person, "httpRequest": person,
            "authorization": { "evidence": { "principalId": PERSON }, "token": format!("Bearer {KEY}") },
        },
    })
}

/// Everything that tether said or sent, but for the one answer that a caller gets on their own name
fn said(world: &World) -> Vec<(String, String)> {
    let mut said = vec![("log".to_owned(), logged(world))];
    for request in world.azure.log() {
        said.push((format!("{} {}", request.method, request.path), format!("{request:?}")));
    }
    for invocation in world.host.invocations() {
        said.push(("answer to the host".to_owned(), format!("{invocation:?}")));
    }
    said
}

#[track_caller]
fn check_nowhere(said: &[(String, String)], words: &[&str]) {
    for (place, text) in said {
        for word in words {
            assert!(!text.contains(word), "`{word}` is in {place}: {text}");
        }
    }
}

/// A corridor with everything that may go wrong in it: the words come in by every door there is.
async fn everything_is_said(world: &World) {
    world.azure.create_registry(&offered("acr1")).unwrap();
    let aks = world.azure.create_cluster(&asking("aks1", "acr1")).unwrap();
    world.events.deliver(&event(&aks));
    settle(world).await;
    assert_eq!(attached(world, &aks).len(), 1);
    let wish = |more: Value| {
        let mut body = json!({ "command": "attach", "cluster": "aks1", "registry": "acr1" });
        body["requestedBy"] = CALLER.into();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    send(world, "event", event(&aks).to_string());
    send(world, "batch", json!([event(&aks), { "claims": PERSON }]).to_string());
    send(world, "half", event(&aks).to_string().split_at(600).0);
    send(world, "done", wish(json!({})));
    send(world, "dry", wish(json!({ "dryRun": true })));
    send(world, "unknown", wish(json!({ "urgent": true })));
    send(world, "nobody", wish(json!({ "cluster": "gone" })));
    send(world, "list", wish(json!({ "requestedBy": [CALLER] })));
    let message = Message {
        body: wish(json!({})).into_bytes(),
        message_id: Some("elsewhere".to_owned()),
        reply_to: Some("commands".to_owned()),
        ..Message::default()
    };
    world.namespace.send("commands", message).unwrap();
    settle(world).await;
    trouble(world).await;
}

/// Azure names people and repeats tokens in its refusals.
async fn trouble(world: &World) {
    let faults = world.azure.faults();
    let words = format!("The client '{PERSON}@contoso.example' does not have authorization.");
    faults.inject(Fault::on("POST", "ResourceGraph").refusing(403, "AuthorizationFailed", &words));
    send(world, "denied", EVERYTHING);
    settle(world).await;
    line(world, &["AuthorizationFailed"]).await;
    faults.inject(Fault::on("POST", "ResourceGraph").html(502, &format!("<html>{KEY}</html>")));
    faults.inject(Fault::on("POST", "ResourceGraph").refusing(401, "ExpiredToken", &words));
    send(world, "expired", EVERYTHING);
    settle(world).await;
}

#[tokio::test]
async fn no_secret_and_nothing_personal_is_in_any_log_at_any_level() {
    for door in [Door::Function, Door::Queue] {
        let world = start(options(door)).await;
        everything_is_said(&world).await;
        line(&world, &["TRACE"]).await;
        let said = said(&world);
        check_nowhere(&said, &[KEY, PERSON, CALLER, "203.0.113", "Bearer", "eyJ"]);
        check_nowhere(&said[..1], &[world.azure.identity_header(), "claims\":", "SharedAccess"]);
        let rejected = world.namespace.active("rejected");
        let whole =
            |stored: &Stored| String::from_utf8_lossy(&stored.message.body).contains(CALLER);
        assert!(rejected.iter().any(whole), "who asks stays in the message itself");
        assert_eq!(world.namespace.dead_letters("commands").len(), 1, "half an event stays there");
        for stored in rejected {
            let message =
                format!("{:?} {}", stored.message, String::from_utf8_lossy(&stored.message.body));
            assert!(!message.contains(PERSON) && !message.contains(KEY), "{message}");
            let properties = format!("{:?}", stored.message.properties);
            assert!(!properties.contains(CALLER), "{properties}");
        }
        for stored in world.namespace.scheduled("commands") {
            let body = String::from_utf8_lossy(&stored.message.body).into_owned();
            assert!(!body.contains(PERSON), "{body}");
        }
    }
}

#[tokio::test]
async fn a_secret_in_the_wrong_setting_is_refused_without_being_shown() {
    let world = start(options(Door::Queue)).await;
    for name in [
        "TETHER_SERVICE_BUS_ENDPOINT",
        "ServiceBus__fullyQualifiedNamespace",
        "TETHER_ARM_ENDPOINT",
        "TETHER_AUTH",
        "TETHER_CLOUD",
        "TETHER_SUBSCRIPTIONS",
        "TETHER_TENANT",
    ] {
        let mut command = program::tether(&["serve"]);
        command.envs(settings(&world.azure, &world.namespace)).env("TETHER_LOG", "trace");
        if name.starts_with("ServiceBus") {
            command.env_remove("TETHER_SERVICE_BUS_ENDPOINT");
        }
        let policy = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let policy = policy.join(format!("{}.yaml", Uuid::new_v4()));
        std::fs::write(&policy, pinning()).unwrap();
        command.env("TETHER_POLICY", policy).env(name, connection_string());
        let ended = program::run(command).await;
        assert_eq!(ended.code, Some(1), "{name}: {ended:?}");
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert!(told.contains(name) && !told.contains(KEY), "{name}: {told}");
    }
}
