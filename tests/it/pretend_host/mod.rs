//! The stand-in of the Functions host against small handlers: it must be as odd as the real one.

mod delivery;
mod envelopes;
mod process;
mod requests;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tether::emulator::Clock;
use tether::emulator::host::{Handler, Host, HostOptions};
use tether::emulator::queue::{Message, Namespace, QueueOptions};
use tokio::net::TcpListener;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(20);

/// What the handler answers: status, content type, body
type Says = (u16, &'static str, &'static str);

const FINE: Says = (200, "application/json", "{}");

/// A request that the handler got
#[derive(Clone, Debug)]
struct Got {
    path: String,
    chunked: bool,
    invocation: Option<String>,
    traceparent: Option<String>,
    body: Value,
}

#[derive(Clone)]
struct Script {
    says: Says,
    got: Arc<Mutex<Vec<Got>>>,
}

async fn handle(
    State(script): State<Script>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if uri.path() == "/" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    script.got.lock().unwrap().push(Got {
        path: uri.path().to_owned(),
        chunked: headers.get("transfer-encoding").is_some(),
        invocation: header("x-azure-functions-invocationid"),
        traceparent: header("traceparent"),
        body: serde_json::from_slice(&body).unwrap(),
    });
    let (status, kind, text) = script.says;
    (StatusCode::from_u16(status).unwrap(), [("content-type", kind)], text).into_response()
}

/// A host with a handler that always answers the same
struct World {
    host: Host,
    namespace: Namespace,
    clock: Clock,
    got: Arc<Mutex<Vec<Got>>>,
}

/// An app root with our own function definitions, changed by the test
fn app_root(change: impl Fn(&str, &mut Value)) -> PathBuf {
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(Uuid::new_v4().to_string());
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let names = ["host.json", "command-received", "reconcile-tick", "resource-changed", "status"];
    for name in names {
        let file = match name {
            "host.json" => PathBuf::from(name),
            folder => PathBuf::from("function-definitions").join(folder).join("function.json"),
        };
        let mut json: Value =
            serde_json::from_slice(&fs::read(source.join(&file)).unwrap()).unwrap();
        change(name, &mut json);
        let target = root.join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, json.to_string()).unwrap();
    }
    root
}

async fn namespace(clock: &Clock) -> Namespace {
    let queues = vec![QueueOptions::new("commands"), QueueOptions::new("rejected")];
    Namespace::start(clock.clone(), queues).await.unwrap()
}

async fn start(says: Says, change: impl Fn(&str, &mut Value)) -> World {
    configured(says, &[], change).await
}

/// The same with these app settings
async fn configured(
    says: Says,
    settings: &[(&str, &str)],
    change: impl Fn(&str, &mut Value),
) -> World {
    let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    let settings = settings.collect();
    let got = Arc::new(Mutex::new(Vec::new()));
    let script = Script { says, got: Arc::clone(&got) };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().fallback(handle).with_state(script);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let clock = Clock::new(0.0);
    let namespace = namespace(&clock).await;
    let host = Host::start(HostOptions {
        app_root: app_root(change),
        handler: Handler::Running { port, settings },
        namespace: namespace.clone(),
        clock: clock.clone(),
    });
    World { host: host.await.unwrap(), namespace, clock, got }
}

async fn with(says: Says) -> World {
    start(says, |_, _| ()).await
}

impl World {
    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    fn send(&self, body: &str) {
        let message = Message { body: body.into(), ..Message::default() };
        self.namespace.send("commands", message).unwrap();
    }

    async fn idle(&self) {
        self.host.wait_until(LIMIT, || self.host.is_idle()).await.unwrap();
    }
}

/// How a value is encoded, its content apart
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), shape(value))).collect()
        }
        Value::String(text) if text.starts_with('"') => json!("text in text"),
        Value::String(_) => json!("text"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => value.clone(),
    }
}
