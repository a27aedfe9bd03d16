//! An event as one line of text: level, target, spans, message, fields.
//!
//! Whatever an event carries, the line stays one line and its fields stay apart. Where the line goes
//! is not known here.

use std::error::Error;
use std::fmt;
use std::fmt::Write as _;

use tracing::Event;
use tracing::field::{Field, Visit};

use super::record::InvocationRecord;
use crate::runtime::error::chain;

const MAX_LINE_BYTES: usize = 8 * 1024;

/// A message and fields, already safe to print
#[derive(Debug, Default)]
pub(super) struct Fields {
    message: String,
    fields: String,
}

impl Fields {
    fn add(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(&clean(value));
            return;
        }
        let name = field.name();
        let _ = if is_one_word(value) {
            write!(self.fields, " {name}={value}")
        } else {
            write!(self.fields, " {name}={}", clean(&format!("{value:?}")))
        };
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.add(field, &chain(value));
    }
}

/// An event on its way to a line
pub(super) struct Line {
    level: &'static str,
    target: String,
    spans: String,
    content: Fields,
}

impl Line {
    pub(super) fn new(event: &Event<'_>) -> Self {
        let mut content = Fields::default();
        event.record(&mut content);
        let metadata = event.metadata();
        let (level, target) = (metadata.level().as_str(), metadata.target().to_owned());
        Self { level, target, spans: String::new(), content }
    }

    /// Puts the event into a span, the innermost first.
    pub(super) fn within(&mut self, name: &str, fields: &Fields) {
        let fields = fields.fields.trim_start();
        let span =
            if fields.is_empty() { format!(" {name}:") } else { format!(" {name}{{{fields}}}:") };
        self.spans.insert_str(0, &span);
    }

    /// The whole line, its end included, with the invocation that it belongs to
    pub(super) fn written(&self, owner: Option<&InvocationRecord>) -> String {
        let Self { level, target, spans, content } = self;
        let mut line = (*level).to_owned();
        if let Some(owner) = owner {
            let id = owner.id().unwrap_or("unknown");
            let _ = write!(line, " invocation={id} function={}", clean(&owner.function));
        }
        let _ = write!(line, " {target}:{spans} {}{}", content.message, content.fields);
        // Cut between two characters, never inside one.
        let end = line.char_indices().map(|(at, _)| at).find(|at| *at >= MAX_LINE_BYTES);
        if let Some(end) = end {
            line.truncate(end);
            line.push('…');
        }
        line.push('\n');
        line
    }
}

fn is_one_word(value: &str) -> bool {
    let plain =
        |char: char| !char.is_whitespace() && !is_unsafe(char) && !matches!(char, '=' | '"');
    !value.is_empty() && value.chars().all(plain)
}

/// Replaces what would end the line, move the cursor or reverse the text.
fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for char in text.chars() {
        if is_unsafe(char) {
            clean.extend(char.escape_default());
        } else {
            clean.push(char);
        }
    }
    clean
}

fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, cleaned: &str) {
        assert_eq!(clean(text), cleaned);
    }

    #[test]
    fn nothing_ends_the_line_or_moves_the_cursor() {
        check("a\nb\r\nc", "a\\nb\\r\\nc");
        check("\u{1b}[2J", "\\u{1b}[2J");
        check("a\u{2028}b\u{85}c", "a\\u{2028}b\\u{85}c");
        check("\u{202e}abc", "\\u{202e}abc");
        check("grüße, 東京", "grüße, 東京");
    }

    #[test]
    fn a_value_that_could_pass_for_two_fields_is_quoted() {
        assert!(is_one_word("acr-1/x:y"));
        assert!(!is_one_word("a outcome=done"));
        assert!(!is_one_word("a=b"));
        assert!(!is_one_word(""));
    }
}
