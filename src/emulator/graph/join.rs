//! Brings the rows of two frames together where their keys are equal.
//!
//! Keys compare with letter case, and a null key matches nothing, not even another null.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::frame::{Frame, Row};
use super::query::JoinKind;
use super::refusal::Refusal;

/// A few joins can multiply rows without end; more than this is refused.
const ROWS: usize = 200_000;

/// The left rows with the right rows of the same key
pub(super) fn join<'a>(
    left: &Frame<'a>,
    kind: JoinKind,
    right: &Frame<'a>,
    on: &[(String, String)],
) -> Result<Frame<'a>, Refusal> {
    let left_keys = indexes(left, on.iter().map(|(name, _)| name))?;
    let right_keys = indexes(right, on.iter().map(|(_, name)| name))?;
    let mut matches: BTreeMap<String, Vec<&Row<'a>>> = BTreeMap::new();
    for row in &right.rows {
        if let Some(key) = key(row, &right_keys) {
            matches.entry(key).or_default().push(row);
        }
    }
    let absent: Row<'a> = right.columns.iter().map(|_| Cow::Owned(Value::Null)).collect();
    let mut joined = heading(left, right);
    let mut seen = BTreeSet::new();
    for row in &left.rows {
        let key = key(row, &left_keys);
        if kind == JoinKind::InnerUnique && !key.clone().is_none_or(|key| seen.insert(key)) {
            continue;
        }
        let found = key.and_then(|key| matches.get(&key));
        for other in found.into_iter().flatten() {
            joined.rows.push(row.iter().chain(*other).cloned().collect());
        }
        if found.is_none() && kind == JoinKind::LeftOuter {
            joined.rows.push(row.iter().chain(&absent).cloned().collect());
        }
        if joined.rows.len() > ROWS {
            return Err(Refusal::TooLarge);
        }
    }
    Ok(joined)
}

/// No rows yet; a name that both sides have gets a number on the right
fn heading<'a>(left: &Frame<'a>, right: &Frame<'a>) -> Frame<'a> {
    let mut joined = Frame {
        columns: left.columns.clone(),
        rows: Vec::new(),
        has_id: left.has_id,
        limited: left.limited || right.limited,
    };
    for name in &right.columns {
        joined.columns.push(joined.free_name(name));
    }
    joined
}

fn indexes<'n>(
    frame: &Frame<'_>,
    names: impl Iterator<Item = &'n String>,
) -> Result<Vec<usize>, Refusal> {
    names.map(|name| frame.index(name)).collect()
}

fn key(row: &Row<'_>, places: &[usize]) -> Option<String> {
    let values: Vec<_> = places.iter().filter_map(|place| row.get(*place)).collect();
    let complete = values.iter().all(|value| !value.is_null());
    complete.then(|| json!(values).to_string())
}
