//! Cuts an answer into pages.
//!
//! A page that is not the last carries a token if, and only if, every row still has its own `id`
//! and the query did not cut rows off by number; otherwise what is missing is only admitted in
//! `resultTruncated`. A token is good for the same query in the same scope.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::frame::{Frame, Row};
use super::refusal::Refusal;
use super::request::{Request, ResultFormat};

const PAGE: usize = 1000;

/// The part of the rows to answer with
#[derive(Debug)]
pub(super) struct Page {
    skip: usize,
    size: usize,
    format: ResultFormat,
    fingerprint: Uuid,
}

/// What a skip token holds
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    #[serde(rename = "MaxRows")]
    size: usize,
    #[serde(rename = "RowsToSkip")]
    skip: usize,
    #[serde(rename = "Query")]
    fingerprint: Uuid,
}

impl Page {
    /// The page that is asked for. What the request states overrides what the token says.
    pub(super) fn of(request: &Request) -> Result<Self, Refusal> {
        let fingerprint = request.fingerprint();
        let token = request.skip_token.as_deref().map(|token| read(token, fingerprint));
        let token = token.transpose()?;
        Ok(Self {
            skip: request.skip.or(token.as_ref().map(|token| token.skip)).unwrap_or(0),
            size: request.top.or(token.as_ref().map(|token| token.size)).unwrap_or(PAGE),
            format: request.format,
            fingerprint,
        })
    }

    /// The body of the answer
    pub(super) fn cut(&self, frame: Frame<'_>) -> Value {
        let total = frame.rows.len();
        let pageable = frame.has_id && !frame.limited;
        let Frame { columns, rows, .. } = frame;
        let rows: Vec<_> = rows.into_iter().skip(self.skip).take(self.size).collect();
        let end = self.skip.saturating_add(rows.len());
        let more = !rows.is_empty() && end < total;
        let mut body = json!({
            "totalRecords": total,
            "count": rows.len(),
            "resultTruncated": if more && !pageable { "true" } else { "false" },
            "facets": [],
            "data": match self.format {
                ResultFormat::ObjectArray => objects(&columns, rows),
                ResultFormat::Table => table(&columns, &rows),
            },
        });
        if let (Some(body), true) = (body.as_object_mut(), more && pageable) {
            let token = Token { size: self.size, skip: end, fingerprint: self.fingerprint };
            body.insert(
                "$skipToken".to_owned(),
                Value::String(STANDARD.encode(json!(token).to_string())),
            );
        }
        body
    }
}

fn read(token: &str, fingerprint: Uuid) -> Result<Token, Refusal> {
    let bytes = STANDARD.decode(token).unwrap_or_default();
    let token: Option<Token> = serde_json::from_slice(&bytes).ok();
    token
        .filter(|token| token.fingerprint == fingerprint && token.size > 0)
        .ok_or_else(|| Refusal::Request("The skip token is not one of this query.".to_owned()))
}

fn objects(columns: &[String], rows: Vec<Row<'_>>) -> Value {
    let object = |row: Row<'_>| -> Map<String, Value> {
        let values = row.into_iter().map(std::borrow::Cow::into_owned);
        columns.iter().cloned().zip(values).collect()
    };
    Value::Array(rows.into_iter().map(|row| Value::Object(object(row))).collect())
}

fn table(columns: &[String], rows: &[Row<'_>]) -> Value {
    let heading = columns.iter().enumerate().map(|(index, name)| {
        let cells = rows.iter().filter_map(|row| row.get(index));
        let kind = cells.map(|value| kind(value)).find(|kind| *kind != "object");
        json!({ "name": name, "type": kind.unwrap_or("object") })
    });
    json!({ "columns": heading.collect::<Vec<_>>(), "rows": rows })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Null | Value::Array(_) | Value::Object(_) => "object",
    }
}
