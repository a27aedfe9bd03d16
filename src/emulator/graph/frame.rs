//! Rows under way through a query: the names of their columns, and whether they can be paged.
//!
//! Values are borrowed from the tables until something is computed, so that a query over a large
//! estate copies only the page it answers with.

use std::borrow::Cow;

use serde_json::Value;

use super::evaluate::Reader;
use super::query::{Expression, Projection};
use super::refusal::Refusal;

/// The columns that every table has, and whether they are text (which is empty, never null)
const COLUMNS: [(&str, bool); 16] = [
    ("id", true),
    ("name", true),
    ("type", true),
    ("tenantId", true),
    ("kind", true),
    ("location", true),
    ("resourceGroup", true),
    ("subscriptionId", true),
    ("managedBy", true),
    ("sku", false),
    ("plan", false),
    ("properties", false),
    ("tags", false),
    ("identity", false),
    ("zones", false),
    ("extendedLocation", false),
];

/// The values of a row, in the order of its columns
pub(super) type Row<'a> = Vec<Cow<'a, Value>>;

/// Rows under way through a query
#[derive(Clone, Debug)]
pub(super) struct Frame<'a> {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Row<'a>>,
    /// Whether each row still has its own, unmodified `id`
    pub(super) has_id: bool,
    /// Whether rows were cut off by number
    pub(super) limited: bool,
}

impl<'a> Frame<'a> {
    /// The rows of a table with the columns that all have and those that any has
    pub(super) fn of(rows: &[&'a Value]) -> Self {
        let mut columns: Vec<String> = COLUMNS.iter().map(|(name, _)| (*name).to_owned()).collect();
        for name in rows.iter().filter_map(|row| row.as_object()).flat_map(|row| row.keys()) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let rows = rows.iter().map(|row| columns.iter().map(|name| cell(row, name)).collect());
        Self { rows: rows.collect(), columns, has_id: true, limited: false }
    }

    /// A row to evaluate expressions on
    pub(super) fn reader<'r>(&'r self, row: &'r Row<'a>) -> Reader<'r, 'a> {
        Reader { columns: &self.columns, row }
    }

    /// Refuses an expression that reads a column which is not here
    pub(super) fn check(&self, expression: &Expression) -> Result<(), Refusal> {
        let mut names = Vec::new();
        expression.columns(&mut names);
        names.into_iter().try_for_each(|name| self.index(name).map(drop))
    }

    /// Where a column is
    pub(super) fn index(&self, name: &str) -> Result<usize, Refusal> {
        let index = self.columns.iter().position(|column| column == name);
        index.ok_or_else(|| Refusal::UnknownColumn(name.to_owned()))
    }

    /// Whether `id` comes unmodified through these projections
    pub(super) fn passes_id(&self, projections: &[Projection]) -> bool {
        let mut ids = projections.iter().filter(|projection| projection.name == "id");
        self.has_id
            && ids.next().is_some_and(|id| id.value == Expression::Column("id".to_owned()))
            && ids.next().is_none()
    }

    /// Only these values, computed from each row
    pub(super) fn project(&self, projections: &[Projection]) -> Result<Self, Refusal> {
        projections.iter().try_for_each(|projection| self.check(&projection.value))?;
        let mut seen = Self { rows: Vec::new(), columns: Vec::new(), ..*self };
        for projection in projections {
            seen.columns.push(seen.free_name(&projection.name));
        }
        seen.has_id = self.passes_id(projections);
        seen.rows = self.rows.iter().map(|row| self.values(row, projections)).collect();
        Ok(seen)
    }

    /// The values of these projections for one row
    pub(super) fn values(&self, row: &Row<'a>, projections: &[Projection]) -> Row<'a> {
        let reader = self.reader(row);
        projections.iter().map(|projection| reader.value(&projection.value)).collect()
    }

    /// This name, or it with the first number that makes it unlike the columns so far
    pub(super) fn free_name(&self, name: &str) -> String {
        let taken = |name: &String| self.columns.contains(name);
        let numbered = (1..).map(|number: usize| format!("{name}{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(|name| !taken(name)).unwrap_or_default()
    }
}

fn cell<'a>(row: &'a Value, name: &str) -> Cow<'a, Value> {
    let value = row.get(name).filter(|value| !value.is_null());
    match value {
        // The service writes types in lower case and leaves ids as they came.
        Some(Value::String(kind)) if name == "type" && kind.chars().any(char::is_uppercase) => {
            Cow::Owned(Value::String(kind.to_lowercase()))
        }
        Some(value) => Cow::Borrowed(value),
        None if COLUMNS.contains(&(name, true)) => Cow::Owned(Value::String(String::new())),
        None => Cow::Owned(Value::Null),
    }
}
