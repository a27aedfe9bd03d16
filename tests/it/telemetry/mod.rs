//! What a collector is told: the real executable, and a small collector on loopback.

mod collector;
mod host;
mod queries;

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind};
use serde_json::{Value, json};
use tether::emulator::azure::Fault;
use tether::emulator::event_grid::Schema;
use tether::emulator::queue::Message;
use tether::emulator::world::{Door, World, WorldOptions};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::corridor::input::{EVERYTHING, logged, send};
use super::corridor::{attached, cluster, options, registry, settle, start};
use collector::{Collector, Manner, attribute, series};

/// The longest that a test waits for the collector
const LIMIT: Duration = Duration::from_secs(30);

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CONTEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const CORRELATION: &str = "44444444-4444-4444-8444-444444444444";

/// A world whose handler tells this collector, with time that stands still
fn told(collector: &Collector) -> WorldOptions {
    let mut options = WorldOptions { speed: 0.0, schema: Schema::CloudEvents, ..options() };
    let endpoint = collector.endpoint.clone();
    options.environment.insert("OTEL_EXPORTER_OTLP_ENDPOINT".into(), endpoint);
    options
}

/// A world whose time stands still where that of the handler is: it notes how long ago things happened
async fn start_now(options: WorldOptions) -> World {
    let world = start(options).await;
    let ahead = OffsetDateTime::now_utc() - world.clock.now();
    world.clock.advance(ahead.try_into().unwrap());
    world
}

/// Asks the handler to end, so that it sends what is left, and waits until it has: its host starts
/// another one.
async fn end_handler(world: &World) {
    let pid = world.host.handler_pid().unwrap();
    let kill = tokio::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status();
    assert!(kill.await.unwrap().success());
    let is_another = || world.host.handler_pid().is_some_and(|now| now != pid);
    world.host.wait_until(LIMIT, is_another).await.unwrap();
}

/// The event of a cluster that was written, within a trace
fn event(id: &str, at: OffsetDateTime, traceparent: &str) -> Value {
    json!({
        "id": "55555555-5555-4555-8555-555555555555", "subject": id, "topic": "/subscriptions/x",
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": at.format(&Rfc3339).unwrap(), "traceparent": traceparent,
        "data": {
            "operationName": "Microsoft.ContainerService/managedClusters/write",
            "resourceUri": id, "correlationId": CORRELATION, "claims": { "name": "Pretend Person" },
        },
    })
}

fn name(span: &Span) -> (&str, SpanKind) {
    (span.name.as_str(), span.kind())
}

/// A cluster in the making is attached by a follow-up of what an event led to.
async fn attach_by_follow_up(door: Door, collector: &Collector) -> World {
    let world = start_now(WorldOptions { door, ..told(collector) }).await;
    world.events.pause();
    let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
    world.azure.create_registry(&acr).unwrap();
    let mut aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    aks.ready = false;
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    let event = event(&aks, world.clock.now(), CONTEXT);
    match door {
        Door::Function => deliver(&world, &event).await,
        Door::Queue => {
            let body = cloud(&event).to_string().into_bytes();
            let message = Message { body, ..Message::default() };
            world.namespace.send("commands", message).unwrap();
        }
    }
    settle(&world).await;
    for _ in 0..10 {
        if attached(&world, &aks).is_empty() {
            world.clock.advance(Duration::from_secs(120));
            settle(&world).await;
        }
    }
    assert_eq!(attached(&world, &aks).len(), 1);
    end_handler(&world).await;
    world
}

/// What led to a span, itself first, and the context that the first of all came with
fn path_to<'a>(span: &'a Span, spans: &'a [Span]) -> (Vec<(&'a str, SpanKind)>, String) {
    let mut path = vec![name(span)];
    let mut at = span;
    while let Some(parent) = spans.iter().find(|one| one.span_id == at.parent_span_id) {
        path.push(name(parent));
        at = parent;
    }
    (path, format!("00-{}-{}-01", hex(&at.trace_id), hex(&at.parent_span_id)))
}

/// What led to what stands in one trace, from the event to the PUT.
async fn an_attachment_is_one_trace(door: Door) {
    let collector = Collector::start(Manner::Takes).await;
    let world = attach_by_follow_up(door, &collector).await;
    let spans = collector.spans();
    let put = spans.iter().find(|span| span.name == "PUT role assignments").expect("a PUT");
    assert_eq!(attribute(put, "http.response.status_code").as_deref(), Some("201"));
    let (path, cause) = path_to(put, &spans);
    assert_eq!(cause, CONTEXT, "the event's own context");
    let run = ("reconcile", SpanKind::Internal);
    let received = ("command-received", SpanKind::Consumer);
    assert_eq!(path[0], ("PUT role assignments", SpanKind::Client));
    assert_eq!(path[1..5], [run, received, run, received], "a follow-up after the first look");
    let rest = &path[5..];
    let is_whole = match door {
        Door::Function => rest.last() == Some(&("resource-changed", SpanKind::Consumer)),
        Door::Queue => rest.iter().all(|span| [run, received].contains(span)),
    };
    assert!(is_whole, "{path:?}");

    // The pretend Azure was told the same, and whoever gives out tokens nothing.
    let log = world.azure.log();
    let request = log.iter().find(|request| request.method == "PUT").unwrap();
    let expected = format!("00-{TRACE}-{}-01", hex(&put.span_id));
    assert_eq!(request.traceparent.as_deref(), Some(expected.as_str()));
    let mut tokens = log.iter().filter(|request| request.path.contains("/msi/")).peekable();
    assert!(tokens.peek().is_some());
    assert!(tokens.all(|request| request.traceparent.is_none()));

    let shown = format!("{spans:?}");
    for word in ["Pretend", "claims", "Bearer", "eyJ"] {
        assert!(!shown.contains(word), "{shown}");
    }
    check_metrics(&collector);
    let resource = collector.resource();
    let has = |name: &str, value: &str| resource.contains(&(name.to_owned(), value.to_owned()));
    assert!(has("service.name", "tether") && has("service.version", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn an_event_a_command_a_follow_up_and_a_put_are_one_trace() {
    an_attachment_is_one_trace(Door::Function).await;
}

#[tokio::test]
async fn the_same_where_events_go_straight_to_the_queue() {
    an_attachment_is_one_trace(Door::Queue).await;
}

/// What was counted at the end of one series of a metric
fn counted(metrics: &[Metric], name: &str, attributes: &str) -> u64 {
    let all: BTreeMap<&str, _> = metrics.iter().map(|one| (one.name.as_str(), one)).collect();
    let metric = all.get(name).unwrap_or_else(|| panic!("no `{name}` in {:?}", all.keys()));
    let series = series(metric);
    let found = series.iter().find(|(named, _)| named == attributes);
    found.unwrap_or_else(|| panic!("no {attributes:?} of {name} in {series:?}")).1
}

#[tokio::test]
async fn each_refused_message_and_each_wait_counts_once() {
    let collector = Collector::start(Manner::Takes).await;
    let world = start_now(told(&collector)).await;
    let stranger = "/subscriptions/99999999-9999-4999-8999-999999999999";
    let outside = format!(r#"{{"command":"reconcile","scope":"{stranger}"}}"#);
    send(&world, "unreadable", "{}");
    send(&world, "outside", outside);
    let message = Message {
        body: EVERYTHING.into(),
        reply_to: Some("not-listed".to_owned()),
        ..Message::default()
    };
    world.namespace.send("commands", message).unwrap();
    send(&world, "no-such", r#"{"command":"attach","cluster":"none","registry":"none"}"#);
    settle(&world).await;
    world.azure.faults().inject(Fault::on("POST", "ResourceGraph").bare(400).times(1));
    settle(&world).await;
    send(&world, "twice", EVERYTHING);
    settle(&world).await;
    end_handler(&world).await;
    let deliveries = world.host.invocations();
    assert_eq!(deliveries.len(), 6, "{deliveries:?}");
    let metrics = collector.metrics();
    let refused = |command: &str| {
        let attributes = format!("tether.command={command} tether.outcome=refused");
        counted(&metrics, "tether.commands", &attributes)
    };
    assert_eq!(["unknown", "reconcile", "attach"].map(refused), [1, 2, 1]);
    assert_eq!(counted(&metrics, "tether.queue.age", ""), 5);
}

/// Every metric of the table in infra/README.md that such an attachment can lead to was sent, with
/// words for attributes and no name.
fn check_metrics(collector: &Collector) {
    let metrics = collector.metrics();
    let counted = |name: &str, attributes: &str| counted(&metrics, name, attributes);
    assert_eq!(counted("tether.changes", "tether.change=attach tether.outcome=applied"), 1);
    assert_eq!(counted("tether.event_to_attached", ""), 1);
    assert!(counted("tether.commands", "tether.command=reconcile tether.outcome=later") > 0);
    let ended = "tether.command=reconcile tether.outcome=done";
    assert_eq!(counted("tether.commands", ended), counted("tether.command.duration", ended));
    let held = "tether.change=attach tether.reason=NoIdentityYet tether.scope=cluster";
    assert!(counted("tether.held", held) > 0);
    assert!(counted("tether.queue.age", "") > 1);
    assert!(counted("tether.plan.duration", "tether.scope=cluster") > 1);
    assert!(counted("tether.plan.changes", "tether.change=attach tether.scope=cluster") > 1);
    let put = "http.request.method=PUT http.response.status_code=201 tether.kind=role assignments";
    assert_eq!(counted("tether.arm.requests", put), 1);
    for metric in &metrics {
        assert!(metric.name.starts_with("tether.") && !metric.unit.is_empty(), "{}", metric.name);
        for (attributes, _) in series(metric) {
            assert!(!attributes.contains("aks1") && !attributes.contains("acr1"), "{attributes}");
        }
    }
}

/// An event as Event Grid posts it, at the host's door
async fn deliver(world: &World, event: &Value) {
    let client = tether::azure::http_client().unwrap();
    let request = client.post(world.host.webhook_url("resource-changed"));
    let request = request.header("aeg-event-type", "Notification");
    let request = request.header("content-type", "application/cloudevents+json");
    let answer = request.body(cloud(event).to_string()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 202);
}

fn cloud(event: &Value) -> Value {
    let mut event = event.clone();
    let fields = event.as_object_mut().unwrap();
    for (old, new) in [("eventType", "type"), ("eventTime", "time"), ("topic", "source")] {
        let value = fields.remove(old).unwrap();
        fields.insert(new.into(), value);
    }
    fields.insert("specversion".into(), "1.0".into());
    event
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

#[tokio::test]
async fn a_context_comes_from_a_command_or_from_beside_it_and_goes_into_the_report() {
    let collector = Collector::start(Manner::Takes).await;
    let world = start(told(&collector)).await;
    let other = CONTEXT.replace('4', "7");
    let property = |name: &str, value: &str| {
        [(name.to_owned(), Value::String(value.to_owned()))].into_iter().collect()
    };
    let with = |id: &str, body: &str, context: Option<&str>| {
        let properties = context.map(|value| property("Diagnostic-Id", value)).unwrap_or_default();
        let reply_to = Some("reports".to_owned());
        let body = body.as_bytes().to_vec();
        let message_id = Some(id.to_owned());
        let message = Message { body, properties, reply_to, message_id, ..Message::default() };
        world.namespace.send("commands", message).unwrap();
    };
    let field =
        format!(r#"{{"command":"reconcile","scope":"everything","traceparent":"{other}"}}"#);
    let unrecorded = format!("{}-00", CONTEXT.replace('4', "9").strip_suffix("-01").unwrap());
    let cases = [
        (EVERYTHING, Some(unrecorded.as_str()), Some(unrecorded.as_str())),
        (EVERYTHING, Some(CONTEXT), Some(CONTEXT)),
        (field.as_str(), Some(CONTEXT), Some(other.as_str())),
        (EVERYTHING, Some("|not-w3c.1."), None),
        (EVERYTHING, None, None),
    ];
    let ids = ["1", "a-b_c.d:e", "Pretend Person", "pretend@contoso.example", "5"];
    for (id, (body, beside, _)) in ids.iter().zip(cases) {
        with(id, body, beside);
        settle(&world).await;
    }
    end_handler(&world).await;
    let spans = collector.spans();
    let mut received: Vec<_> = spans.iter().filter(|one| one.name == "command-received").collect();
    received.sort_by_key(|span| span.start_time_unix_nano);
    assert_eq!(received.len(), cases.len());
    let shown: Vec<_> =
        received.iter().map(|span| attribute(span, "messaging.message.id")).collect();
    assert_eq!(
        shown,
        ids.map(|id| (!id.to_lowercase().contains("pretend")).then(|| id.to_owned()))
    );
    let reports = world.namespace.active("reports");
    for (span, (_, _, expected)) in received.iter().zip(cases) {
        let parent = format!("00-{}-{}", hex(&span.trace_id), hex(&span.parent_span_id));
        match expected {
            // Whatever its flag says.
            Some(expected) => assert_eq!(parent, expected.rsplit_once('-').unwrap().0),
            None => assert_eq!(span.parent_span_id, Vec::<u8>::new()),
        }
        let trace = hex(&span.trace_id);
        let report = reports.iter().find(|one| {
            let context = one.message.properties.get("traceparent").and_then(Value::as_str);
            context.is_some_and(|context| context.contains(&trace))
        });
        assert!(report.is_some(), "no report says that it is of {trace}: {reports:?}");
    }
}

/// Whatever the collector does, clusters are attached as fast as without it, and the log says once
/// what is wrong.
async fn a_bad_collector_hurts_nobody(manner: Manner, said: &str) {
    let collector = Collector::start(manner).await;
    let world = start(told(&collector)).await;
    let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
    world.azure.create_registry(&acr).unwrap();
    let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
    let aks = world.azure.create_cluster(&aks).unwrap();
    settle(&world).await;
    assert_eq!(attached(&world, &aks).len(), 1);
    let told = || logged(&world).matches(said).count();
    world.host.wait_until(LIMIT, || told() > 0).await.unwrap();
    for number in 0..20 {
        send(&world, &number.to_string(), EVERYTHING);
        settle(&world).await;
    }
    let invocations = world.host.invocations();
    for one in &invocations {
        assert_eq!(one.failure, None);
        assert!(one.took < Duration::from_secs(4), "{} took {:?}", one.function, one.took);
    }
    assert!(invocations.len() > 20);
    assert_eq!(told(), 1, "{}", logged(&world));
    assert!(!collector.requests().is_empty());
    end_handler(&world).await;
}

#[tokio::test]
async fn a_collector_that_fails_hurts_nobody() {
    a_bad_collector_hurts_nobody(Manner::Fails, "reason=\"it answers 500\"").await;
}

#[tokio::test]
async fn a_collector_that_never_answers_hurts_nobody() {
    a_bad_collector_hurts_nobody(Manner::Hangs, "the collector takes no spans or metrics").await;
}

#[tokio::test]
async fn nothing_is_sent_and_nothing_goes_along_unless_it_is_asked_for() {
    let collector = Collector::start(Manner::Takes).await;
    let off = WorldOptions { speed: 0.0, ..options() };
    let mut disabled = told(&collector);
    disabled.environment.insert("OTEL_SDK_DISABLED".into(), "true".into());
    for options in [off, disabled] {
        let world = start(options).await;
        let acr = registry("acr1").tag("acr-attach", "auto").tag("team", "a");
        world.azure.create_registry(&acr).unwrap();
        let aks = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
        let aks = world.azure.create_cluster(&aks).unwrap();
        settle(&world).await;
        assert_eq!(attached(&world, &aks).len(), 1);
        end_handler(&world).await;
        assert!(world.azure.log().iter().all(|request| request.traceparent.is_none()));
        let sent = world.namespace.sent();
        assert!(sent.iter().all(|one| !String::from_utf8_lossy(&one.body).contains("traceparent")));
    }
    assert_eq!(collector.requests(), []);
}

#[tokio::test]
async fn only_the_stated_headers_are_sent() {
    let collector = Collector::start(Manner::Takes).await;
    let mut options = told(&collector);
    let headers = [
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=secret%20one"),
        // The library reads them; nobody checked where the first goes.
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "other-key=two"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
    ];
    options.environment.extend(headers.map(|(name, value)| (name.into(), value.into())));
    let world = start(options).await;
    send(&world, "1", EVERYTHING);
    settle(&world).await;
    end_handler(&world).await;
    let requests = collector.requests();
    assert!(requests.len() >= 2, "spans and metrics");
    for headers in requests {
        assert_eq!(headers["api-key"], "secret one");
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert!(!headers.contains_key("other-key") && !headers.contains_key("content-encoding"));
    }
    assert!(!logged(&world).contains("secret one"));
}
