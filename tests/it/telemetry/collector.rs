//! A collector on loopback: takes OTLP over HTTP, and keeps what it was sent.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

/// How a collector behaves
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Takes everything
    Takes,
    /// Answers 500
    Fails,
    /// Never answers
    Hangs,
}

/// A running collector
pub(super) struct Collector {
    pub(super) endpoint: String,
    inner: Arc<Inner>,
}

struct Inner {
    manner: Manner,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    requests: Vec<HeaderMap>,
    traces: Vec<ExportTraceServiceRequest>,
    metrics: Vec<ExportMetricsServiceRequest>,
}

impl Collector {
    pub(super) async fn start(manner: Manner) -> Self {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner { manner, kept: Mutex::default() });
        let routes = Router::new()
            .route("/v1/traces", post(traces))
            .route("/v1/metrics", post(metrics))
            .with_state(Arc::clone(&inner));
        tokio::spawn(async { axum::serve(listener, routes).await });
        Self { endpoint, inner }
    }

    /// The headers of each request so far
    pub(super) fn requests(&self) -> Vec<HeaderMap> {
        self.inner.kept.lock().unwrap().requests.clone()
    }

    /// All spans so far
    pub(super) fn spans(&self) -> Vec<Span> {
        let kept = self.inner.kept.lock().unwrap();
        let resources = kept.traces.iter().flat_map(|request| &request.resource_spans);
        resources.flat_map(|one| &one.scope_spans).flat_map(|one| one.spans.clone()).collect()
    }

    /// What the sender says of itself
    pub(super) fn resource(&self) -> Vec<(String, String)> {
        let kept = self.inner.kept.lock().unwrap();
        let mut resources = kept.traces.iter().flat_map(|request| &request.resource_spans);
        let attributes = &resources.next().unwrap().resource.as_ref().unwrap().attributes;
        attributes.iter().map(|one| (one.key.clone(), text(one))).collect()
    }

    /// All metrics so far, the latest of each name last
    pub(super) fn metrics(&self) -> Vec<Metric> {
        let kept = self.inner.kept.lock().unwrap();
        let resources = kept.metrics.iter().flat_map(|request| &request.resource_metrics);
        resources.flat_map(|one| &one.scope_metrics).flat_map(|one| one.metrics.clone()).collect()
    }
}

impl Inner {
    async fn answer(&self, headers: HeaderMap, keep: impl FnOnce(&mut Kept)) -> StatusCode {
        {
            let mut kept = self.kept.lock().unwrap();
            kept.requests.push(headers);
            keep(&mut kept);
        }
        match self.manner {
            Manner::Takes => StatusCode::OK,
            Manner::Fails => StatusCode::INTERNAL_SERVER_ERROR,
            Manner::Hangs => {
                tokio::time::sleep(Duration::from_secs(600)).await;
                StatusCode::OK
            }
        }
    }
}

async fn traces(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    inner.answer(headers, |kept| kept.traces.push(request)).await
}

async fn metrics(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    inner.answer(headers, |kept| kept.metrics.push(request)).await
}

/// An attribute's value as text
pub(super) fn text(attribute: &KeyValue) -> String {
    match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        other => format!("{other:?}"),
    }
}

/// The value of a span's attribute
pub(super) fn attribute(span: &Span, name: &str) -> Option<String> {
    span.attributes.iter().find(|one| one.key == name).map(text)
}

/// The attributes of each series of a metric, as `name=value` in order, and how much was counted: the
/// sum of a counter, or how often a histogram was recorded
pub(super) fn series(metric: &Metric) -> Vec<(String, u64)> {
    let named = |attributes: &[KeyValue]| {
        let mut names: Vec<_> =
            attributes.iter().map(|one| format!("{}={}", one.key, text(one))).collect();
        names.sort();
        names.join(" ")
    };
    match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => {
            let count = |value: &Option<Number>| match value {
                Some(Number::AsInt(number)) => u64::try_from(*number).unwrap(),
                other => panic!("no whole number: {other:?}"),
            };
            sum.data_points.iter().map(|one| (named(&one.attributes), count(&one.value))).collect()
        }
        Data::Histogram(histogram) => {
            let points = histogram.data_points.iter();
            points.map(|one| (named(&one.attributes), one.count)).collect()
        }
        other @ (Data::Gauge(_) | Data::ExponentialHistogram(_) | Data::Summary(_)) => {
            panic!("neither a counter nor a histogram: {other:?}")
        }
    }
}
