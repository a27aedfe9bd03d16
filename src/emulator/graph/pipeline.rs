//! Runs a query: rows enter from a table and pass through one operator after the other.
//!
//! What the caller may see is decided before the first operator, so no query can look around it.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Tables;
use super::evaluate;
use super::frame::{Frame, Row};
use super::join::join;
use super::query::{Expression, Operator, Projection, Query, SortKey};
use super::refusal::Refusal;
use super::scope::Scope;

/// Tables that exist even when nothing is in them
const TABLES: [&str; 3] = ["resources", "resourcecontainers", "authorizationresources"];

/// No operator may leave more values than these behind.
const CELLS: usize = 4_000_000;

/// The tables as the caller sees them
#[derive(Debug)]
pub(super) struct Pipeline<'a> {
    tables: &'a Tables,
    scope: &'a Scope<'a>,
}

impl<'a> Pipeline<'a> {
    /// The tables as seen in a scope
    pub(super) fn new(tables: &'a Tables, scope: &'a Scope<'a>) -> Self {
        Self { tables, scope }
    }

    /// The rows that a query yields
    pub(super) fn run(&self, query: &Query) -> Result<Frame<'a>, Refusal> {
        let start = self.table(&query.table)?;
        query.operators.iter().try_fold(start, |frame, operator| {
            let frame = self.apply(frame, operator)?;
            let cells = frame.rows.len().saturating_mul(frame.columns.len());
            if cells > CELLS { Err(Refusal::TooLarge) } else { Ok(frame) }
        })
    }

    fn table(&self, name: &str) -> Result<Frame<'a>, Refusal> {
        let lowered = name.to_lowercase();
        if !(TABLES.contains(&lowered.as_str()) || self.tables.contains_key(&lowered)) {
            return Err(Refusal::UnknownTable(name.to_owned()));
        }
        let rows = self.tables.get(&lowered).into_iter().flatten();
        let seen: Vec<_> = rows.filter(|row| self.scope.admits(&lowered, row)).collect();
        Ok(Frame::of(&seen))
    }

    fn apply(&self, frame: Frame<'a>, operator: &Operator) -> Result<Frame<'a>, Refusal> {
        match operator {
            Operator::Where(predicate) => filter(frame, predicate),
            Operator::Project(projections) => frame.project(projections),
            Operator::ProjectAway(names) => project_away(frame, names),
            Operator::Extend(projections) => extend(frame, projections),
            Operator::Order(keys) => order(frame, keys),
            Operator::Limit(amount) => Ok(limit(frame, *amount)),
            Operator::Count => Ok(count(&frame)),
            Operator::Distinct(projections) => distinct(frame, projections),
            Operator::Summarize { counts, by } => summarize(&frame, counts, by),
            Operator::Union(legs) => {
                legs.iter().try_fold(frame, |frame, leg| Ok(union(frame, self.run(leg)?)))
            }
            Operator::Join { kind, right, on } => join(&frame, *kind, &self.run(right)?, on),
        }
    }
}

fn filter<'a>(mut frame: Frame<'a>, predicate: &Expression) -> Result<Frame<'a>, Refusal> {
    frame.check(predicate)?;
    let mut rows = std::mem::take(&mut frame.rows);
    rows.retain(|row| frame.reader(row).holds(predicate));
    frame.rows = rows;
    Ok(frame)
}

fn project_away<'a>(mut frame: Frame<'a>, names: &[String]) -> Result<Frame<'a>, Refusal> {
    for name in names {
        let index = frame.index(name)?;
        frame.columns.remove(index);
        for row in &mut frame.rows {
            row.remove(index);
        }
        frame.has_id &= name != "id";
    }
    Ok(frame)
}

fn extend<'a>(mut frame: Frame<'a>, projections: &[Projection]) -> Result<Frame<'a>, Refusal> {
    let computed = frame.project(projections)?;
    let replaced = projections.iter().any(|projection| projection.name == "id");
    frame.has_id &= !replaced || frame.passes_id(projections);
    for (position, projection) in projections.iter().enumerate() {
        let index = frame.index(&projection.name).unwrap_or(frame.columns.len());
        if index == frame.columns.len() {
            frame.columns.push(projection.name.clone());
        }
        for (row, values) in frame.rows.iter_mut().zip(&computed.rows) {
            let value = values.get(position).cloned().unwrap_or(Cow::Owned(Value::Null));
            match row.get_mut(index) {
                Some(cell) => *cell = value,
                None => row.push(value),
            }
        }
    }
    Ok(frame)
}

fn order<'a>(mut frame: Frame<'a>, keys: &[SortKey]) -> Result<Frame<'a>, Refusal> {
    keys.iter().try_for_each(|key| frame.check(&key.value))?;
    let rows = std::mem::take(&mut frame.rows);
    let mut keyed: Vec<(Row<'a>, Row<'a>)> = rows
        .into_iter()
        .map(|row| {
            let reader = frame.reader(&row);
            (keys.iter().map(|key| reader.value(&key.value)).collect(), row)
        })
        .collect();
    keyed.sort_by(|(left, _), (right, _)| {
        let pairs = keys.iter().zip(left.iter().zip(right));
        pairs.fold(Ordering::Equal, |order, (key, (left, right))| {
            order.then_with(|| order_by(key, left, right))
        })
    });
    frame.rows = keyed.into_iter().map(|(_, row)| row).collect();
    Ok(frame)
}

fn order_by(key: &SortKey, left: &Value, right: &Value) -> Ordering {
    if left.is_null() || right.is_null() {
        let nulls_last = left.is_null().cmp(&right.is_null());
        return if key.nulls_first { nulls_last.reverse() } else { nulls_last };
    }
    let order = evaluate::order(left, right);
    if key.descending { order.reverse() } else { order }
}

fn limit(mut frame: Frame<'_>, amount: usize) -> Frame<'_> {
    frame.rows.truncate(amount);
    frame.limited = true;
    frame
}

fn count<'a>(frame: &Frame<'a>) -> Frame<'a> {
    let row = vec![Cow::Owned(json!(frame.rows.len()))];
    Frame { columns: vec!["Count".to_owned()], rows: vec![row], has_id: false, ..*frame }
}

fn distinct<'a>(frame: Frame<'a>, projections: &[Projection]) -> Result<Frame<'a>, Refusal> {
    let mut frame = if projections.is_empty() { frame } else { frame.project(projections)? };
    let mut seen = BTreeSet::new();
    frame.rows.retain(|row| seen.insert(key(row)));
    Ok(frame)
}

fn summarize<'a>(
    frame: &Frame<'a>,
    counts: &[String],
    by: &[Projection],
) -> Result<Frame<'a>, Refusal> {
    let mut groups = frame.project(by)?;
    let mut totals: BTreeMap<String, (Row<'a>, u64)> = BTreeMap::new();
    if by.is_empty() {
        totals.insert(key(&Vec::new()), (Vec::new(), 0));
    }
    for row in groups.rows.drain(..) {
        totals.entry(key(&row)).or_insert((row, 0)).1 += 1;
    }
    for name in counts {
        groups.columns.push(groups.free_name(name));
    }
    groups.rows = totals
        .into_values()
        .map(|(mut row, total)| {
            row.extend(counts.iter().map(|_| Cow::Owned(json!(total))));
            row
        })
        .collect();
    Ok(groups)
}

/// All rows of both, with the columns of both
fn union<'a>(mut frame: Frame<'a>, other: Frame<'a>) -> Frame<'a> {
    for name in &other.columns {
        if !frame.columns.contains(name) {
            frame.columns.push(name.clone());
        }
    }
    let null = || Cow::Owned(Value::Null);
    for row in &mut frame.rows {
        row.resize_with(frame.columns.len(), null);
    }
    let places: Vec<_> = frame.columns.iter().map(|name| other.index(name).ok()).collect();
    frame.rows.extend(other.rows.into_iter().map(|row| {
        let cells = places.iter().map(|place| place.and_then(|place| row.get(place)));
        cells.map(|cell| cell.cloned().unwrap_or_else(null)).collect()
    }));
    frame.has_id &= other.has_id;
    frame.limited |= other.limited;
    frame
}

/// A row as text, so that equal rows have equal texts
fn key(row: &Row<'_>) -> String {
    json!(row).to_string()
}
