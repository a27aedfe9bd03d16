//! Traces and metrics for a collector, by the OpenTelemetry Protocol; only if one is stated.
//!
//! Spans are those of `tracing` that say their `otel.kind`, wherever they are opened; log lines stay
//! what they are. Everything is sent in the background, from threads of the library's own, so that
//! a collector that does not answer costs nobody else anything: what does not fit into a queue is
//! dropped. Which spans and metrics there are is not known here, nor where the settings come from.

mod carried;
mod collector;
mod trace;

use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, RetryPolicy, SpanExporter, WithExportConfig as _,
    WithHttpConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider,
};
use thiserror::Error;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

use collector::Collector;

pub use opentelemetry_sdk::metrics::Temporality;
pub use opentelemetry_sdk::trace::Sampler;

pub(super) use trace::Trace;
pub use trace::{is_plain_id, traceparent};

/// How long spans wait for company: the platform may end the process at any time
const SPANS_EVERY: Duration = Duration::from_secs(1);

/// How often metrics are sent
const METRICS_EVERY: Duration = Duration::from_secs(15);

/// How many spans wait at most; more are dropped
const SPANS_WAITING: usize = 2048;

/// How many spans are sent at once
const SPANS_AT_ONCE: usize = 512;

/// How long the collector may take for an answer
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the end of the process waits for spans that were not sent yet; for metrics the library
/// waits five seconds, whatever it is told
const LAST_WORDS: Duration = Duration::from_secs(3);

/// A collector, and what it is told
#[derive(Clone, Debug)]
pub struct Otlp {
    /// Where it is; `v1/traces` and `v1/metrics` are below
    pub endpoint: Url,
    /// What every request carries. Values are marked as sensitive, so that no log shows them.
    pub headers: HeaderMap,
    /// What sends, as attributes such as `service.name`
    pub resource: Vec<(String, String)>,
    /// Which traces are sent
    pub sampler: Sampler,
    /// Whether metrics count from the start of the process or from the last time they were sent
    pub temporality: Temporality,
}

/// Nothing can be sent to a collector
#[derive(Debug, Error)]
#[error("nothing can be sent to the collector")]
pub struct TelemetryError(#[source] ExporterBuildError);

/// What sends spans and metrics; to be ended by [`end`](Self::end)
#[derive(Debug)]
pub struct Telemetry {
    spans: SdkTracerProvider,
    metrics: SdkMeterProvider,
}

impl Telemetry {
    /// Begins to send, through this client, what the process has to tell.
    ///
    /// Metrics are those of the global meter: whoever counts has to ask for it after this. Has to be
    /// called within tokio, which carries the requests.
    pub fn begin(otlp: &Otlp, client: reqwest::Client) -> Result<Self, TelemetryError> {
        let collector = Collector::new(client, otlp.headers.clone(), PATIENCE);
        let spans = SpanExporter::builder()
            .with_http()
            .with_http_client(collector.clone())
            .with_retry_policy(RetryPolicy::disabled())
            .with_endpoint(below(&otlp.endpoint, "v1/traces"))
            .with_timeout(PATIENCE)
            .build()
            .map_err(TelemetryError)?;
        let metrics = MetricExporter::builder()
            .with_temporality(otlp.temporality)
            .with_http()
            .with_http_client(collector)
            .with_retry_policy(RetryPolicy::disabled())
            .with_endpoint(below(&otlp.endpoint, "v1/metrics"))
            .with_timeout(PATIENCE)
            .build()
            .map_err(TelemetryError)?;
        let attributes = otlp.resource.iter().cloned();
        let attributes = attributes.map(|(name, value)| KeyValue::new(name, value));
        let resource = Resource::builder_empty().with_attributes(attributes).build();
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(SPANS_WAITING)
            .with_max_export_batch_size(SPANS_AT_ONCE)
            .with_scheduled_delay(SPANS_EVERY)
            .build();
        let batches = BatchSpanProcessor::builder(spans).with_batch_config(batches).build();
        let spans = SdkTracerProvider::builder()
            .with_sampler(otlp.sampler.clone())
            .with_resource(resource.clone())
            .with_span_processor(batches)
            .build();
        let reader = PeriodicReader::builder(metrics).with_interval(METRICS_EVERY).build();
        let metrics =
            SdkMeterProvider::builder().with_resource(resource).with_reader(reader).build();
        opentelemetry::global::set_meter_provider(metrics.clone());
        Ok(Self { spans, metrics })
    }

    /// What makes spans of `tracing` those of a trace
    pub(super) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + Send + Sync + for<'a> LookupSpan<'a>,
    {
        let tracer: SdkTracer = self.spans.tracer(env!("CARGO_PKG_NAME"));
        // How long a span was busy, and where in the source it was opened, nobody asks for.
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_context_activation(false)
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_traced).with_max_level_hint(Level::ERROR))
    }

    /// Sends what was not sent yet, as far as the collector takes it within five seconds.
    pub async fn end(self) {
        let Self { spans, metrics } = self;
        // Both wait for threads of their own, which in turn need this runtime.
        let spans = tokio::task::spawn_blocking(move || spans.shutdown_with_timeout(LAST_WORDS));
        let metrics = tokio::task::spawn_blocking(move || metrics.shutdown());
        let (spans, metrics) = futures::join!(spans, metrics);
        if !matches!((spans, metrics), (Ok(Ok(())), Ok(Ok(())))) {
            tracing::warn!("the collector did not take the last spans and metrics");
        }
    }
}

/// Whether a span is part of a trace, and no matter of log lines
pub(super) fn is_traced(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.fields().field("otel.kind").is_some()
}

fn below(endpoint: &Url, path: &str) -> String {
    format!("{}/{path}", endpoint.as_str().trim_end_matches('/'))
}
