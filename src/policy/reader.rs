//! Walking a tree of YAML: each step notes what is wrong and goes on, so that all of it is told.
//!
//! Which keys there are and what they mean is not known here.

use std::collections::BTreeMap;

use miette::SourceSpan;
use serde_saphyr::Spanned;

use super::Problem;
use super::suggest;
use super::yaml::{Node, Value, at};

/// Collects problems
#[derive(Debug, Default)]
pub(super) struct Reader {
    problems: Vec<Problem>,
}

/// The entries of a map, by key
pub(super) struct Fields<'n> {
    by_key: BTreeMap<&'n str, &'n Node>,
    at: SourceSpan,
    is_empty: bool,
}

impl<'n> Fields<'n> {
    /// Whether there is nothing in it, not even a key that is unknown and told already
    pub(super) fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// The value of a key that may be left out; a key without a value counts as left out
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        let node = self.by_key.get(key).copied()?;
        (!matches!(node.value, Value::Nothing)).then_some(node)
    }
}

impl Reader {
    /// Everything that was wrong, in the order of the text
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|problem| problem.at.offset());
        self.problems
    }

    /// Notes a problem. Always `None`, for whoever has nothing to go on with.
    pub(super) fn problem<T>(
        &mut self,
        message: impl Into<String>,
        at: SourceSpan,
        help: impl Into<String>,
    ) -> Option<T> {
        self.problems.push(Problem::new(message, at, help));
        None
    }

    /// A map with no other keys than these, each at most once
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let Value::Map(entries) = &node.value else {
            return self.unfit(node, what, "a map", &keys(known));
        };
        let mut by_key = BTreeMap::new();
        for (key, value) in entries {
            self.entry(key, value, known, &mut by_key);
        }
        Some(Fields { by_key, at: at(node), is_empty: entries.is_empty() })
    }

    fn entry<'n>(
        &mut self,
        key: &'n Spanned<String>,
        value: &'n Node,
        known: &[&str],
        by_key: &mut BTreeMap<&'n str, &'n Node>,
    ) {
        let name = key.value.as_str();
        if !known.contains(&name) {
            let help = suggest::instead_of(name, known);
            self.problem::<()>(format!("unknown key `{name}`"), at(key), help);
        } else if by_key.insert(name, value).is_some() {
            self.problem::<()>(format!("`{name}` is stated twice"), at(key), "keep one of them");
        }
    }

    /// The value of a key that must be there
    pub(super) fn required<'n>(
        &mut self,
        fields: &Fields<'n>,
        key: &str,
        help: &str,
    ) -> Option<&'n Node> {
        fields.get(key).or_else(|| {
            let start = SourceSpan::from((fields.at.offset(), 0));
            self.problem(format!("`{key}` is missing"), start, help)
        })
    }

    /// Text that is not blank
    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.value {
            Value::Text(text) if text.trim().is_empty() => {
                self.problem(format!("`{what}` is empty"), at(node), "state it")
            }
            Value::Text(text) => Some(text),
            Value::Truth(_) | Value::Whole(_) | Value::Number => {
                self.unfit(node, what, "text", "put it between quotation marks")
            }
            Value::Nothing | Value::List(_) | Value::Map(_) => {
                self.unfit(node, what, "text", "state one word or sentence")
            }
        }
    }

    /// One of a few words
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &Node,
        what: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        let text = self.text(node, what)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let help = suggest::instead_of(text, &known);
            self.problem(format!("`{text}` is no {what}"), at(node), help)
        })
    }

    /// A whole number within bounds
    pub(super) fn whole(&mut self, node: &Node, what: &str, most: u64) -> Option<u64> {
        if let Value::Whole(number) = node.value
            && (1..=most).contains(&number)
        {
            return Some(number);
        }
        let expected = format!("a whole number from 1 to {most}");
        self.unfit(node, what, &expected, "state it in digits")
    }

    /// The items of a list that is not empty
    pub(super) fn items<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        help: &str,
    ) -> Option<&'n [Node]> {
        let Value::List(items) = &node.value else {
            return self.unfit(node, what, "a list", help);
        };
        if items.is_empty() {
            return self.problem(format!("`{what}` is an empty list"), at(node), help);
        }
        Some(items)
    }

    /// The value is of another kind than it should be.
    pub(super) fn unfit<T>(
        &mut self,
        node: &Node,
        what: &str,
        expected: &str,
        help: &str,
    ) -> Option<T> {
        let found = node.value.kind();
        self.problem(format!("`{what}` is {found}, not {expected}"), at(node), help)
    }
}

fn keys(known: &[&str]) -> String {
    let keys: Vec<_> = known.iter().map(|key| format!("`{key}:`")).collect();
    format!("its keys are {}", keys.join(", "))
}
