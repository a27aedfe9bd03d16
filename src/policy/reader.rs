//! Reading typed values out of a tree and noting what is wrong on the way, instead of stopping at
//! the first thing.
//!
//! What a policy consists of is not known here. A function that answers `None` has noted why.

use std::collections::{BTreeMap, BTreeSet};

use miette::SourceSpan;
use serde_saphyr::Spanned;

use super::yaml::{Node, Value, at};
use super::{Problem, suggest};

/// Longest text quoted back in an error; longer ones are cut
const SHOWN: usize = 80;

/// Where problems are noted
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
    /// Where each rule has its name
    pub(super) places: BTreeMap<String, SourceSpan>,
}

/// A map with known keys
#[derive(Debug)]
pub(super) struct Fields<'n> {
    by_key: BTreeMap<&'n str, &'n Node>,
    /// Known keys that an unknown one was probably meant to be
    meant: BTreeSet<&'static str>,
    has_unknown: bool,
    /// Its first key, or the map itself if it is empty
    pub(super) at: SourceSpan,
}

impl<'n> Fields<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.by_key.get(key).copied()
    }

    /// Whether no key was noted as unknown
    pub(super) fn are_all_known(&self) -> bool {
        !self.has_unknown
    }
}

impl Reader {
    /// Notes a problem, and answers with nothing.
    pub(super) fn refuse<T>(&mut self, problem: Problem) -> Option<T> {
        self.problems.push(problem);
        None
    }

    fn wrong_kind<T>(
        &mut self,
        node: &Node,
        what: &str,
        expected: &'static str,
        help: String,
    ) -> Option<T> {
        let (what, found) = (what.to_owned(), node.value.kind());
        self.refuse(Problem::WrongKind { what, expected, found, help, at: at(node) })
    }

    /// The entries of a map, repeated keys noted and left out
    pub(super) fn entries<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        example: &str,
    ) -> Option<Vec<(&'n Spanned<String>, &'n Node)>> {
        let Value::Map(entries) = &node.value else {
            return self.wrong_kind(node, what, "a map", format!("write it like this: {example}"));
        };
        let mut first: BTreeMap<&str, SourceSpan> = BTreeMap::new();
        let mut kept = Vec::new();
        for (key, value) in entries {
            if let Some(first) = first.get(key.value.as_str()).copied() {
                let (found, help) = (shown(&key.value), "keep one of the two");
                self.problems.push(Problem::RepeatedKey { found, help, first, at: at(key) });
            } else {
                first.insert(&key.value, at(key));
                kept.push((key, value));
            }
        }
        Some(kept)
    }

    /// A map that has these keys and no others
    pub(super) fn fields<'n>(
        &mut self,
        node: &'n Node,
        place: &'static str,
        known: &[&'static str],
        example: &str,
    ) -> Option<Fields<'n>> {
        let entries = self.entries(node, place, example)?;
        let first = entries.first().map_or_else(|| at(node), |(key, _)| at(key));
        let (mut by_key, mut meant, mut has_unknown) = (BTreeMap::new(), BTreeSet::new(), false);
        for (key, value) in entries {
            if known.contains(&key.value.as_str()) {
                by_key.insert(key.value.as_str(), value);
            } else {
                let (found, help) = (shown(&key.value), suggest::instead_of(&key.value, known));
                meant.extend(suggest::nearest(&key.value, known));
                has_unknown = true;
                self.problems.push(Problem::UnknownKey { found, help, at: at(key), place });
            }
        }
        Some(Fields { by_key, meant, has_unknown, at: first })
    }

    /// The value of a key that must be there. One that is only misspelled has been noted already.
    pub(super) fn required<'n>(
        &mut self,
        fields: &Fields<'n>,
        key: &'static str,
        help: &'static str,
    ) -> Option<&'n Node> {
        let node = fields.get(key);
        if node.is_none() && !fields.meant.contains(key) {
            self.problems.push(Problem::MissingKey { key, help, at: fields.at });
        }
        node
    }

    pub(super) fn list<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        example: &str,
    ) -> Option<&'n [Node]> {
        match &node.value {
            Value::List(items) => Some(items),
            Value::Nothing
            | Value::Truth(_)
            | Value::Whole(_)
            | Value::Number
            | Value::Text(_)
            | Value::Map(_) => {
                self.wrong_kind(node, what, "a list", format!("write it like this: {example}"))
            }
        }
    }

    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let help = match &node.value {
            Value::Text(text) => return Some(text),
            Value::Truth(_) | Value::Whole(_) | Value::Number => {
                "put it in quotation marks to make it text"
            }
            Value::Nothing => "write the text behind the colon",
            Value::List(_) | Value::Map(_) => "write a single text here",
        };
        self.wrong_kind(node, what, "text", help.to_owned())
    }

    /// One of a few words
    pub(super) fn word<T: Copy>(
        &mut self,
        node: &Node,
        what: &'static str,
        known: &[(&'static str, T)],
    ) -> Option<T> {
        let text = self.text(node, &format!("the {what}"))?;
        if let Some((_, meaning)) = known.iter().find(|(word, _)| *word == text) {
            return Some(*meaning);
        }
        let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
        let help = suggest::instead_of(text, &words);
        self.refuse(Problem::UnknownWord { found: shown(text), what, help, at: at(node) })
    }
}

/// A user's text, short enough to be quoted on one line
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short.replace(char::is_control, "�")
}
