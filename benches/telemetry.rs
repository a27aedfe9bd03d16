//! What it costs to tell a collector of invocations: off, and on with a collector on loopback that
//! takes everything, beside each other in one run.
//!
//! `event` is the smallest invocation, an event that comes to one command; `run` reconciles one
//! cluster whose registry is attached. The pretend Azure is in the same process and answers at once,
//! and waiting costs no time, so what is measured is work alone.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start ends with a panic")]

#[expect(dead_code, reason = "one of its two ways is enough here")]
#[path = "../tests/it/person.rs"]
mod person;

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use criterion::Criterion;
use serde_json::json;
use tether::azure::{Auth, Cloud, Endpoint, Estate, Graph, Queue, Wire, credential, http_client};
use tether::emulator::Clock;
use tether::emulator::azure::{Azure, ClusterSpec, Options, RegistrySpec, Subscription};
use tether::emulator::graph;
use tether::emulator::world::{PAYMENTS, PLATFORM, TENANT};
use tether::functions::status::StatusPage;
use tether::functions::{Worker, app};
use tether::model::SubscriptionId;
use tether::policy::Policy;
use tether::reconcile::Reconciler;
use tether::runtime::logs;
use tether::runtime::telemetry::{Otlp, Sampler, Telemetry, Temporality};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt as _;

const CONTEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    // Time stands still: the pace of requests is kept, and costs nothing.
    let tokio = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (azure, cluster) = tokio.block_on(async { attached() });
    {
        let lines = logs::subscriber("info", std::io::sink).unwrap();
        let _guard = tracing::subscriber::set_default(lines);
        measure(&mut criterion, &tokio, "off", &azure, &cluster);
    }
    // What sends has a runtime of its own, whose time passes.
    let background = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let telemetry = background.block_on(async {
        let otlp = Otlp {
            endpoint: collector().await.parse().unwrap(),
            headers: HeaderMap::new(),
            resource: Vec::new(),
            sampler: Sampler::AlwaysOn,
            temporality: Temporality::Cumulative,
        };
        Telemetry::begin(&otlp, http_client().unwrap()).unwrap()
    });
    {
        let lines = logs::traced("info", std::io::sink, &telemetry).unwrap();
        let _guard = tracing::subscriber::set_default(lines);
        measure(&mut criterion, &tokio, "on", &azure, &cluster);
    }
    background.block_on(telemetry.end());
    criterion.final_summary();
}

/// Takes whatever it is sent, and keeps nothing
async fn collector() -> String {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(async |body: Bytes| drop(body));
    tokio::spawn(async { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A pretend Azure with a registry and a cluster, and the cluster's id
fn attached() -> (Arc<Azure>, String) {
    let subscription = |id, name: &str| Subscription { id, name: name.to_owned() };
    let subscriptions =
        vec![subscription(PAYMENTS, "payments"), subscription(PLATFORM, "platform")];
    let options = Options {
        cluster_creation: Duration::ZERO,
        directory_lag: Duration::ZERO,
        graph_lag: Duration::ZERO,
        throttled: false,
        graph: Arc::new(|tables, body, caller| {
            let graph::Answer { status, body } = graph::answer(tables, body, &caller.subscriptions);
            (status, body)
        }),
        ..Options::new(Clock::new(0.0), TENANT, subscriptions)
    };
    let azure = Azure::within(options, "http://127.0.0.1:9".to_owned());
    let registry = RegistrySpec::new(PLATFORM, "images", "acr1");
    azure.create_registry(&registry.tag("acr-attach", "auto").tag("team", "a")).unwrap();
    let cluster = ClusterSpec::new(PAYMENTS, "shop", "aks1");
    let cluster = cluster.tag("acr-attach", "auto").tag("team", "a");
    let cluster = azure.create_cluster(&cluster).unwrap();
    (Arc::new(azure), cluster)
}

/// The functions, whose requests reach the pretend Azure without a network
fn functions(azure: &Arc<Azure>) -> Router {
    let here = Arc::clone(azure);
    let wire = Wire::to(move |sent: reqwest::Request| {
        let azure = Arc::clone(&here);
        Box::pin(async move {
            let body = sent.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
            let mut request = Request::new(Bytes::copy_from_slice(body));
            *request.method_mut() = sent.method().clone();
            *request.uri_mut() = sent.url().as_str().parse().unwrap();
            *request.headers_mut() = sent.headers().clone();
            let answer = azure.answer(request).await;
            azure.clear_log();
            answer.into()
        })
    });
    let endpoint: Endpoint = azure.endpoint().parse().unwrap();
    let arm = person::arm_by(wire.clone(), azure.endpoint(), azure.person_token());
    let graph = Graph::new(arm.clone(), Duration::ZERO);
    let subscriptions = vec![SubscriptionId(PAYMENTS), SubscriptionId(PLATFORM)];
    let estate = Estate { subscriptions, ..Estate::default() };
    let policy = include_str!("../policy.yaml").replace("change-me", "contoso");
    let policy = Policy::parse("policy.yaml", &policy).unwrap();
    let reconciler = Reconciler::new(arm, graph, estate, policy);
    // Nothing is sent to a queue: the command asks for no second look.
    let nobody = credential(&Auth::Developer).unwrap();
    let queue = Queue::new(&endpoint, Cloud::Public, nobody, wire).unwrap();
    let worker = Arc::new(Worker::new(reconciler, queue, BTreeSet::new()));
    app(worker, StatusPage::off()).into_router()
}

async fn call(router: Router, function: &str, envelope: String) -> String {
    let request = Request::post(format!("/{function}"))
        .header("x-azure-functions-invocationid", "0d9c0c1e-0000-4000-8000-000000000001")
        .body(Body::from(envelope))
        .unwrap();
    let answer = router.oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

fn measure(
    criterion: &mut Criterion,
    tokio: &Runtime,
    telemetry: &str,
    azure: &Arc<Azure>,
    cluster: &str,
) {
    let router = functions(azure);
    let event = json!({
        "specversion": "1.0", "id": "1", "type": "Microsoft.Resources.ResourceWriteSuccess",
        "source": "x", "subject": cluster, "time": "2026-01-10T09:00:00Z", "traceparent": CONTEXT,
        "data": {
            "operationName": "Microsoft.ContainerService/managedClusters/write",
            "resourceUri": cluster,
        },
    });
    let command = json!({ "command": "reconcile", "scope": cluster, "traceparent": CONTEXT });
    let command = STANDARD.encode(command.to_string());
    let invocations = BTreeMap::from([
        ("event", ("resource-changed", json!({ "Data": { "event": event }, "Metadata": {} }))),
        ("run", ("command-received", json!({ "Data": { "message": command }, "Metadata": {} }))),
    ]);
    for (name, (function, envelope)) in invocations {
        let envelope = envelope.to_string();
        let answer = tokio.block_on(call(router.clone(), function, envelope.clone()));
        let said = if name == "run" { "command ended" } else { r#"{"commands":["# };
        assert!(answer.contains(said), "{answer}");
        let mut group = criterion.benchmark_group(name);
        group.bench_function(telemetry, |b| {
            let call = || call(router.clone(), function, black_box(envelope.clone()));
            b.to_async(tokio).iter(call);
        });
        group.finish();
    }
}
