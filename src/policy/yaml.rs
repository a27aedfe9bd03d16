//! YAML as a tree in which every word knows where it stands.
//!
//! What the words mean is not known here. Size, depth and aliases are bounded, so that no text costs
//! more than a blink.

use std::fmt;

use miette::SourceSpan;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy};
use serde_saphyr::{Error, Location, MessageFormatter, Options, Spanned, UserMessageFormatter};

use super::Problem;

/// Longest line. Underlining a word far to the right overflows the report's column numbers.
const LINE: usize = 10_000;

/// A value and its place
pub(super) type Node = Spanned<Value>;

/// What stands at a place
#[derive(Debug)]
pub(super) enum Value {
    /// Nothing, or a word for it
    Nothing,
    /// `true` or `false`
    Truth(bool),
    /// A whole number, not negative
    Whole(u64),
    /// Any other number
    Number,
    /// Text
    Text(String),
    /// A list
    List(Vec<Node>),
    /// A map, in the order of the text, repeated keys and all
    Map(Vec<(Spanned<String>, Node)>),
}

impl Value {
    /// What it is, for an error
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Truth(_) => "true or false",
            Self::Whole(_) | Self::Number => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Reads the one document of a text.
pub(super) fn parse(text: &str) -> Result<Node, Problem> {
    if let Some(line) = text.split('\n').position(|line| line.len() > LINE) {
        return Err(Problem::LongLine { line: line + 1, most: LINE, at: (0, 0).into() });
    }
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let error = error.without_snippet();
        let at = error.location().map_or_else(|| (0, 0).into(), |at| span_in(text, &at));
        if matches!(error, Error::Budget { .. } | Error::RecursiveReferencesRequireWeakTypes { .. })
        {
            return Problem::TooMuch { at };
        }
        let message = UserMessageFormatter.format_message(error).into_owned();
        Problem::Yaml { message, at }
    })
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 100,
            max_anchors: 100,
            max_depth: 16,
            max_events: 100_000,
            max_nodes: 50_000,
            max_total_scalar_bytes: 1_000_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
        },
        // Repeated keys and `<<` are refused by the reader, which shows all of them at once.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        // A tag may well say `yes` or `on`; only `true` and `false` are not text.
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

/// Where a value stands
pub(super) fn at<T>(node: &Spanned<T>) -> SourceSpan {
    span(&node.referenced)
}

fn span(location: &Location) -> SourceSpan {
    let number = |number: Option<u64>| number.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let span = location.span();
    (number(span.byte_offset()), number(span.byte_len())).into()
}

/// Where an error is. Those of the scanner come without bytes, but with line and column.
fn span_in(text: &str, location: &Location) -> SourceSpan {
    if location.span().byte_offset().is_some() {
        return span(location);
    }
    let before = |count: u64| usize::try_from(count).unwrap_or(usize::MAX).saturating_sub(1);
    let (line, column) = (before(location.line()), before(location.column()));
    let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    (start + rest.chars().take(column).map(char::len_utf8).sum::<usize>(), 0).into()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Truth(truth))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Whole(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}
