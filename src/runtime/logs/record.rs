//! What names the log lines of one invocation: its id, and its span.
//!
//! The record hangs on the span, where the layer finds it from any event inside, also from a task
//! that was spawned within the span. It does not know how lines are written.

use std::sync::{Arc, OnceLock};

use tracing::{Span, error_span};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

/// The target of the spans of invocations, and of nothing else
pub(super) const TARGET: &str = module_path!();

const MAX_ID_CHARS: usize = 128;

/// What the layer knows of an invocation
#[derive(Debug, Default)]
pub(super) struct InvocationRecord {
    pub(super) function: String,
    id: OnceLock<String>,
}

impl InvocationRecord {
    pub(super) fn id(&self) -> Option<&str> {
        self.id.get().map(String::as_str)
    }
}

/// An invocation's span and the record on it
pub(in crate::runtime) struct InvocationLog {
    span: Span,
    record: Arc<InvocationRecord>,
}

impl InvocationLog {
    /// Opens the span of an invocation, with the id if the host told it.
    pub(in crate::runtime) fn new(function: &str, id: Option<&str>) -> Self {
        let function = function.to_owned();
        let record = Arc::new(InvocationRecord { function, ..InvocationRecord::default() });
        let span = error_span!("invocation");
        span.with_subscriber(|(span, dispatch)| {
            let registry = dispatch.downcast_ref::<Registry>();
            if let Some(span) = registry.and_then(|registry| registry.span(span)) {
                span.extensions_mut().insert(Arc::clone(&record));
            }
        });
        let log = Self { span, record };
        if let Some(id) = id {
            log.identify(id);
        }
        log
    }

    /// Names the invocation, unless it has a name. A text that would not fit into a log line as one
    /// word is not taken.
    pub(in crate::runtime) fn identify(&self, id: &str) {
        let fits = !id.is_empty() && id.len() <= MAX_ID_CHARS;
        if fits && id.chars().all(|char| char.is_ascii_graphic()) {
            self.record.id.get_or_init(|| id.to_owned());
        }
    }

    pub(in crate::runtime) fn id(&self) -> Option<&str> {
        self.record.id()
    }

    pub(in crate::runtime) fn span(&self) -> &Span {
        &self.span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_id(id: &str, expected: Option<&str>) {
        assert_eq!(InvocationLog::new("tick", Some(id)).id(), expected);
    }

    #[test]
    fn an_id_that_is_not_one_word_is_not_taken() {
        check_id(
            "0d9c0c1e-0000-4000-8000-000000000000",
            Some("0d9c0c1e-0000-4000-8000-000000000000"),
        );
        check_id("", None);
        check_id("a b", None);
        check_id("a\nINFO forged", None);
        check_id(&"a".repeat(MAX_ID_CHARS + 1), None);
    }
}
