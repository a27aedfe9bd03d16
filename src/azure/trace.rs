//! What a collector is told of requests to Resource Manager and Resource Graph: a span and a count
//! for each, and a trace context that goes along.
//!
//! Of a request only its method, its kind and its status are told: whose resource it is about stands
//! in the log. Without a collector nothing is opened and nothing counted.

use azure_core::http::Request;
use opentelemetry::metrics::Counter;
use opentelemetry::propagation::{Injector, TextMapPropagator as _};
use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Span, error_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::request::Ask;

/// Counts requests; clones count together
#[derive(Clone, Debug)]
pub(super) struct Counts {
    requests: Counter<u64>,
    throttled: Counter<u64>,
}

impl Counts {
    pub(super) fn new() -> Self {
        let meter = global::meter(env!("CARGO_PKG_NAME"));
        let counter = |name, description| {
            meter.u64_counter(name).with_unit("{request}").with_description(description).build()
        };
        Self {
            requests: counter("tether.arm.requests", "requests to Resource Manager, by kind"),
            throttled: counter("tether.arm.throttled", "requests that were asked to slow down"),
        }
    }

    /// Counts a request, with the status of its answer if there was one.
    pub(super) fn note(&self, ask: &Ask, status: Option<u16>) {
        let what = [
            KeyValue::new("http.request.method", ask.method.as_str()),
            KeyValue::new("tether.kind", ask.kind()),
        ];
        if status == Some(429) {
            self.throttled.add(1, &what);
        }
        let status = KeyValue::new("http.response.status_code", status.map_or(0, i64::from));
        let [method, kind] = what;
        self.requests.add(1, &[method, kind, status]);
    }
}

/// The span of one request
pub(super) struct Call(Span);

impl Call {
    pub(super) fn open(ask: &Ask) -> Self {
        let (method, kind) = (ask.method.as_str(), ask.kind());
        Self(error_span!(
            "request",
            otel.kind = "client",
            otel.name = %format_args!("{method} {kind}"),
            otel.status_code = Empty,
            error.type = Empty,
            http.request.method = method,
            http.response.status_code = Empty,
            server.address = ask.url.host_str(),
            tether.kind = kind,
        ))
    }

    pub(super) fn span(&self) -> Span {
        self.0.clone()
    }

    /// Has the request carry the context of its span.
    pub(super) fn goes_along(&self, request: &mut Request) {
        struct Headers<'a>(&'a mut Request);

        impl Injector for Headers<'_> {
            fn set(&mut self, key: &str, value: String) {
                if !value.is_empty() {
                    self.0.insert_header(key.to_owned(), value);
                }
            }
        }

        if !self.0.is_disabled() {
            let context = self.0.context();
            TraceContextPropagator::new().inject_context(&context, &mut Headers(request));
        }
    }

    /// Notes the status of the answer. What was not found or is there already is no error of anyone.
    pub(super) fn ended(&self, status: Option<u16>) {
        match status {
            Some(status) => {
                self.0.record("http.response.status_code", status);
                if status >= 400 && !matches!(status, 404 | 409) {
                    self.0.record("otel.status_code", "ERROR");
                }
            }
            None => {
                self.0.record("otel.status_code", "ERROR").record("error.type", "no answer");
            }
        }
    }
}
