//! The value of an expression for one row, with the language's rules about null and letter case.
//!
//! A comparison with null is false and its negation true; two nulls compare to null; text tests
//! read null as the empty text; `where` takes only what is true.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::query::{Comparison, Expression, Function, Key, Test};

/// One row and the names of its columns
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'r, 'a> {
    pub(super) columns: &'r [String],
    pub(super) row: &'r [Cow<'a, Value>],
}

impl<'a> Reader<'_, 'a> {
    /// The value of an expression
    pub(super) fn value(&self, expression: &Expression) -> Cow<'a, Value> {
        match expression {
            Expression::Literal(value) => Cow::Owned(value.clone()),
            Expression::Column(name) => self.column(name),
            Expression::Path(base, keys) => {
                keys.iter().fold(self.value(base), |value, key| step(value, key))
            }
            Expression::Call(function, arguments) => self.call(*function, arguments),
            Expression::And(parts) => verdict(self.unless_any(parts, false)),
            Expression::Or(parts) => verdict(self.unless_any(parts, true)),
            Expression::Compare(comparison) => verdict(self.compare(comparison)),
        }
    }

    /// Whether a row with this value passes `where`
    pub(super) fn holds(&self, expression: &Expression) -> bool {
        self.value(expression).as_bool() == Some(true)
    }

    fn column(&self, name: &str) -> Cow<'a, Value> {
        let index = self.columns.iter().position(|column| column == name);
        let value = index.and_then(|index| self.row.get(index));
        value.cloned().unwrap_or(Cow::Owned(Value::Null))
    }

    /// `decisive` if any part is that, else null if any is null, else the opposite
    fn unless_any(&self, parts: &[Expression], decisive: bool) -> Option<bool> {
        let mut outcome = Some(!decisive);
        for part in parts {
            match self.value(part).as_bool() {
                Some(value) if value == decisive => return Some(decisive),
                Some(_) => {}
                None => outcome = None,
            }
        }
        outcome
    }

    fn call(&self, function: Function, arguments: &[Expression]) -> Cow<'a, Value> {
        let mut values = arguments.iter().map(|argument| self.value(argument));
        let value = values.next().unwrap_or(Cow::Owned(Value::Null));
        match function {
            Function::ToString => match value.as_str() {
                Some(_) => value,
                None => string(text(&value).into_owned()),
            },
            Function::ToLower => string(text(&value).to_lowercase()),
            Function::ToUpper => string(text(&value).to_uppercase()),
            Function::Split => {
                let delimiter = values.next().unwrap_or(Cow::Owned(Value::Null));
                Cow::Owned(split(&text(&value), &text(&delimiter)))
            }
            Function::ToBool => verdict(to_bool(&value)),
            Function::ToLong => Cow::Owned(to_long(&value).map_or(Value::Null, Value::from)),
            Function::IsEmpty => verdict(Some(text(&value).is_empty())),
            Function::IsNotEmpty => verdict(Some(!text(&value).is_empty())),
            Function::IsNull => verdict(Some(value.is_null())),
            Function::IsNotNull => verdict(Some(!value.is_null())),
            Function::Not => verdict(value.as_bool().map(|value| !value)),
            Function::Coalesce if !missing(&value) => value,
            Function::Coalesce => {
                values.find(|value| !missing(value)).unwrap_or(Cow::Owned(Value::Null))
            }
            Function::Iff => {
                let chosen = values.nth(usize::from(value.as_bool() != Some(true)));
                chosen.unwrap_or(Cow::Owned(Value::Null))
            }
        }
    }

    fn compare(&self, comparison: &Comparison) -> Option<bool> {
        let left = self.value(&comparison.left);
        let mut right = comparison.right.iter().map(|right| self.value(right));
        let outcome = if comparison.test == Test::In {
            Some(right.any(|right| equal(&left, &right, comparison.cased) == Some(true)))
        } else {
            let right = right.next().unwrap_or(Cow::Owned(Value::Null));
            test(comparison.test, &left, &right, comparison.cased)
        };
        outcome.map(|outcome| outcome != comparison.negated)
    }
}

/// The parts of a text; without a delimiter the whole is the only one
fn split(source: &str, delimiter: &str) -> Value {
    if delimiter.is_empty() {
        return vec![source].into();
    }
    source.split(delimiter).collect::<Vec<_>>().into()
}

/// The order of two values: null, then false and true, numbers, texts, and the rest as written
pub(super) fn order(left: &Value, right: &Value) -> Ordering {
    rank(left)
        .cmp(&rank(right))
        .then_with(|| comparable(left, right).unwrap_or_else(|| text(left).cmp(&text(right))))
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    }
}

/// The order of two values of one ordered kind
fn comparable(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return Some(left.cmp(&right));
    }
    if let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) {
        return left.partial_cmp(&right);
    }
    if let (Some(left), Some(right)) = (left.as_bool(), right.as_bool()) {
        return Some(left.cmp(&right));
    }
    Some(left.as_str()?.cmp(right.as_str()?))
}

fn test(test: Test, left: &Value, right: &Value, cased: bool) -> Option<bool> {
    match test {
        Test::Equal | Test::In => equal(left, right, cased),
        Test::Less => comparable(left, right).map(Ordering::is_lt),
        Test::LessOrEqual => comparable(left, right).map(Ordering::is_le),
        Test::Greater => comparable(left, right).map(Ordering::is_gt),
        Test::GreaterOrEqual => comparable(left, right).map(Ordering::is_ge),
        Test::Contains => Some(folded(left, cased).contains(&*folded(right, cased))),
        Test::StartsWith => Some(folded(left, cased).starts_with(&*folded(right, cased))),
        Test::EndsWith => Some(folded(left, cased).ends_with(&*folded(right, cased))),
        Test::Has => Some(has_term(&folded(left, cased), &folded(right, cased))),
    }
}

fn equal(left: &Value, right: &Value, cased: bool) -> Option<bool> {
    match (left.is_null(), right.is_null()) {
        (true, true) => None,
        (true, false) | (false, true) => Some(false),
        (false, false) => Some(match comparable(left, right) {
            Some(order) if cased || left.as_str().is_none() => order.is_eq(),
            _ => folded(left, cased) == folded(right, cased),
        }),
    }
}

/// Whether a text has another as a whole term: not preceded or followed by a letter or digit
fn has_term(text: &str, term: &str) -> bool {
    let starts_in_word = term.chars().next().is_some_and(char::is_alphanumeric);
    let ends_in_word = term.chars().next_back().is_some_and(char::is_alphanumeric);
    text.match_indices(term).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + term.len()..).and_then(|tail| tail.chars().next());
        let runs_on = starts_in_word && before.is_some_and(char::is_alphanumeric)
            || ends_in_word && after.is_some_and(char::is_alphanumeric);
        !runs_on
    })
}

fn step<'a>(value: Cow<'a, Value>, key: &Key) -> Cow<'a, Value> {
    fn inner<'v>(value: &'v Value, key: &Key) -> Option<&'v Value> {
        match key {
            Key::Name(name) => value.get(name),
            Key::Index(index) => value.get(index),
        }
    }
    match value {
        Cow::Borrowed(value) => inner(value, key).map(Cow::Borrowed),
        Cow::Owned(value) => inner(&value, key).cloned().map(Cow::Owned),
    }
    .unwrap_or(Cow::Owned(Value::Null))
}

/// A value as text: null is empty, and what is not text is written as JSON
fn text(value: &Value) -> Cow<'_, str> {
    if value.is_null() {
        return Cow::Borrowed("");
    }
    value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed)
}

fn folded(value: &Value, cased: bool) -> Cow<'_, str> {
    let text = text(value);
    if cased { text } else { Cow::Owned(text.to_lowercase()) }
}

fn missing(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

fn to_bool(value: &Value) -> Option<bool> {
    let text = text(value);
    if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        return Some(text.eq_ignore_ascii_case("true"));
    }
    to_long(value).map(|number| number != 0)
}

fn to_long(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| text(value).trim().parse().ok())
}

fn verdict<'a>(outcome: Option<bool>) -> Cow<'a, Value> {
    Cow::Owned(outcome.map_or(Value::Null, Value::Bool))
}

fn string<'a>(text: String) -> Cow<'a, Value> {
    Cow::Owned(Value::String(text))
}
