//! The log of one invocation: its id, its span, and the lines that belong to it.
//!
//! The record hangs on the span, where the layer finds it from any event inside, also from a task
//! that was spawned within the span. It does not know how lines are written.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracing::{Span, error_span};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

/// The target of the spans of invocations, and of nothing else
pub(super) const TARGET: &str = module_path!();

const MAX_LINES: usize = 200;
const MAX_BYTES: usize = 64 * 1024;
const MAX_ID_CHARS: usize = 128;

/// What the layer knows of an invocation
#[derive(Debug, Default)]
pub(super) struct InvocationRecord {
    pub(super) function: String,
    id: OnceLock<String>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    lines: Vec<String>,
    bytes: usize,
    left_out: usize,
}

impl InvocationRecord {
    pub(super) fn id(&self) -> Option<&str> {
        self.id.get().map(String::as_str)
    }

    /// Keeps a line for the answer, as long as the answer stays small.
    pub(super) fn keep(&self, line: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.lines.len() < MAX_LINES && kept.bytes + line.len() <= MAX_BYTES {
            kept.bytes += line.len();
            kept.lines.push(line.to_owned());
        } else {
            kept.left_out += 1;
        }
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

    /// The lines so far
    pub(in crate::runtime) fn take(&self) -> Vec<String> {
        let mut kept = self.record.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = std::mem::take(&mut *kept);
        let mut lines = kept.lines;
        if kept.left_out > 0 {
            lines.push(format!("{} more lines are in the log of the process", kept.left_out));
        }
        lines
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

    #[test]
    fn lines_beyond_the_limit_are_counted() {
        let log = InvocationLog::new("tick", None);
        for _ in 0..MAX_LINES + 3 {
            log.record.keep("line");
        }
        let lines = log.take();
        assert_eq!(lines.len(), MAX_LINES + 1);
        assert_eq!(lines.last().unwrap(), "3 more lines are in the log of the process");
    }
}
