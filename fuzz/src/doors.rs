//! Events and commands: what is understood, what is refused, and what of it gets out.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use axum::Router;
use serde_json::{Value, json};
use tether::azure::{
    Arm, Auth, Cloud, Credential, Endpoint, Endpoints, Estate, Graph, Queue, credential,
};
use tether::functions::status::StatusPage;
use tether::functions::{Understood, Worker, app, understand};
use tether::policy::Policy;
use tether::reconcile::Reconciler;

use super::check_text;
use super::runtime::{Answered, post};

/// What Azure writes into events about whoever caused them
const PERSONAL: [&str; 3] = ["claims", "authorization", "httprequest"];

/// What stands for a person in events
const CANARY: &str = "canary-7f3a9c";

/// A message on the queue
pub fn command(data: &[u8]) {
    match understand(data) {
        Understood::Commands { commands, .. } => {
            for command in commands {
                let again = understand(command.as_bytes());
                let same = Understood::Commands { commands: vec![command], strays: 0 };
                assert_eq!(again, same, "a command that is written is read as another");
            }
        }
        Understood::Refused { reason, field, hint, passed_on } => {
            check_text(&reason, 1_000);
            check_text(field.as_deref().unwrap_or_default(), 200);
            check_text(&hint, 1_000);
            assert!(!reason.is_empty() && !hint.is_empty());
            if let Some(body) = passed_on {
                assert!(names_nobody(body.as_bytes()), "{body}");
            }
        }
    }
}

/// Whether a body has no field on people, at whatever depth
fn names_nobody(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body).as_ref().is_ok_and(has_no_people)
        || serde_json::from_slice::<Value>(body).is_err() && {
            let text = String::from_utf8_lossy(body).to_ascii_lowercase();
            !PERSONAL.iter().any(|name| text.contains(&format!("\"{name}\"")))
        }
}

fn has_no_people(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().all(|(name, value)| {
            !PERSONAL.contains(&name.to_ascii_lowercase().as_str()) && has_no_people(value)
        }),
        Value::Array(items) => items.iter().all(has_no_people),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inside @ (Value::Object(_) | Value::Array(_) | Value::String(_))) => {
                has_no_people(&inside)
            }
            Ok(_) | Err(_) => true,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// An event of Event Grid's, with a person in it
pub fn event(data: &[u8]) {
    let answered = post(&FUNCTIONS, "resource-changed", envelope(data));
    assert!(!answered.text.contains(CANARY), "a person gets out: {}", answered.text);
    let Some(commands) = sent(&answered) else { return };
    let distinct: BTreeSet<_> = commands.iter().collect();
    assert_eq!(distinct.len(), commands.len());
    for command in &commands {
        let same = Understood::Commands { commands: vec![command.clone()], strays: 0 };
        assert_eq!(understand(command.as_bytes()), same);
    }
    // By whichever door it comes, an event means the same.
    if serde_json::from_slice(data).is_ok_and(|event| is_event(&event)) {
        let by_queue = Understood::Commands { commands, strays: 0 };
        assert_eq!(understand(data), by_queue);
    }
}

fn is_event(event: &Value) -> bool {
    let named = |field: &str| event.get(field).and_then(Value::as_str);
    let name = named("eventType").or_else(|| named("type")).unwrap_or_default();
    name.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("microsoft."))
}

/// The event in the host's envelope, as JSON if it is JSON, and with a person in it if it may have one
fn envelope(data: &[u8]) -> String {
    let event = match serde_json::from_slice::<Value>(data) {
        Ok(mut event) => {
            let people = json!({ "name": CANARY });
            if let Some(inner) = event.get_mut("data").and_then(Value::as_object_mut) {
                for name in ["claims", "authorization", "httpRequest"] {
                    inner.insert(name.to_owned(), people.clone());
                }
            }
            event
        }
        Err(_) => String::from_utf8_lossy(data).into(),
    };
    let event = if event.is_object() { event } else { event.to_string().into() };
    json!({ "Data": { "event": event }, "Metadata": {} }).to_string()
}

fn sent(answered: &Answered) -> Option<Vec<String>> {
    if answered.status != 200 {
        return None;
    }
    let sent = answered.json.pointer("/Outputs/commands").and_then(Value::as_array);
    Some(sent.into_iter().flatten().map(|one| one.as_str().unwrap().to_owned()).collect())
}

/// The real functions, at a port where nobody listens
static FUNCTIONS: LazyLock<Router> = LazyLock::new(|| {
    let nowhere: Endpoint = "http://127.0.0.1:9".parse().unwrap();
    let endpoints =
        Endpoints { cloud: Cloud::Public, arm: nowhere.clone(), service_bus: nowhere.clone() };
    let client = tether::azure::http_client().unwrap();
    let nobody: Credential = credential(&Auth::Developer).unwrap();
    let arm = Arm::new(&endpoints, nobody.clone(), client.clone());
    let graph = Graph::new(arm.clone(), std::time::Duration::ZERO);
    let queue = Queue::new(&nowhere, Cloud::Public, nobody, client).unwrap();
    let policy = Policy::parse("policy.yaml", "owner: fuzz\nmode: observe\nrules: []\n").unwrap();
    let reconciler = Reconciler::new(arm, graph, Estate::default(), policy);
    app(Arc::new(Worker::new(reconciler, queue, BTreeSet::new())), StatusPage::off()).into_router()
});
