//! The span of an invocation, and the trace context that goes out from within it.
//!
//! Without a collector no such span is opened: nothing is read for it, and nothing goes out.

use std::sync::Arc;

use axum::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::{Injector, TextMapPropagator as _};
use opentelemetry::trace::TraceContextExt as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::field::Empty;
use tracing::{Span, error_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::carried;
use crate::runtime::{Failure, Invocation};

/// The longest id from outside that is shown
const LONGEST_ID: usize = 64;

/// The span of an invocation
pub(in crate::runtime) struct Trace(Span);

impl Trace {
    /// Opens the span, within that of the log.
    pub(in crate::runtime) fn open(function: &Arc<str>, log: &Span) -> Self {
        Self(error_span!(
            parent: log,
            "invocation",
            otel.kind = "consumer",
            otel.name = &**function,
            otel.status_code = Empty,
            error.type = Empty,
            faas.name = &**function,
            faas.invocation_id = Empty,
            messaging.message.id = Empty,
            messaging.message.delivery_count = Empty,
        ))
    }

    /// Ties the span to whatever caused the invocation: the first context is the parent, and there
    /// are links to the others.
    pub(in crate::runtime) fn caused_by(&self, headers: &HeaderMap, invocation: &Invocation) {
        if self.0.is_disabled() {
            return;
        }
        let mut causes = carried::contexts(headers, invocation).into_iter();
        if let Some(parent) = causes.next() {
            // Fails for a span that has begun, which this one has not.
            let _ = self.0.set_parent(parent);
        }
        for other in causes {
            self.0.add_link(other.span().span_context().clone());
        }
        self.0.record("faas.invocation_id", &invocation.context().invocation_id);
        let id = invocation.message_property("MessageId");
        if let Some(id) = id.filter(|id| is_plain_id(id)) {
            self.0.record("messaging.message.id", id);
        }
        if let Some(count) = invocation.context().delivery_count {
            self.0.record("messaging.message.delivery_count", count);
        }
    }

    pub(in crate::runtime) fn span(&self) -> &Span {
        &self.0
    }

    /// Notes how the invocation failed. Its reason is for the log.
    pub(in crate::runtime) fn failed(&self, failure: &Failure) {
        self.0.record("otel.status_code", "ERROR").record("error.type", failure.kind());
    }
}

/// Whether an id that a sender made up may be shown to whoever reads logs and traces: it is short,
/// and nobody's address or name in full
pub fn is_plain_id(id: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    id.len() <= LONGEST_ID && id.chars().all(is_plain)
}

/// The W3C `traceparent` of the current span; none without a collector
pub fn traceparent() -> Option<String> {
    /// Takes this one header
    struct Taken(Option<String>);

    impl Injector for Taken {
        fn set(&mut self, key: &str, value: String) {
            if key == "traceparent" {
                self.0 = Some(value);
            }
        }
    }

    let mut taken = Taken(None);
    TraceContextPropagator::new().inject_context(&current()?, &mut taken);
    taken.0
}

fn current() -> Option<Context> {
    let context = Span::current().context();
    context.span().span_context().is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_may_name_somebody_are_not_plain() {
        assert!(is_plain_id("4bf92f35-77b3_4da6.a3ce:92"));
        assert!(is_plain_id(&"a".repeat(LONGEST_ID)));
        for id in ["ada@contoso.example", "Ada Lovelace", "zażółć", &"a".repeat(LONGEST_ID + 1)]
        {
            assert!(!is_plain_id(id), "{id}");
        }
    }
}
