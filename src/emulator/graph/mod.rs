//! Resource Graph as a pure function: tables, the body of a query, and who asks, to an answer.
//!
//! It understands the part of KQL that inventories are asked in, pages as the service pages, leaves
//! out silently what the caller cannot read, and refuses in the service's own shapes. It knows no
//! HTTP, no clock and no quota, and of a row only its id, subscription and scope.

mod evaluate;
mod expression;
mod frame;
mod join;
mod lexer;
mod page;
mod parser;
mod pipeline;
mod query;
mod refusal;
mod request;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::page::Page;
use self::pipeline::Pipeline;
use self::refusal::Refusal;
use self::request::Request;
use self::scope::Scope;

/// The rows of each table, by its name in lower case
pub type Tables = BTreeMap<String, Vec<Value>>;

/// What the service answers
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status
    pub status: u16,
    /// The body, also that of a refusal
    pub body: Value,
}

/// Answers the body of a `POST …/Microsoft.ResourceGraph/resources`.
///
/// `visible` holds the subscriptions that the caller can read, in lower case. Rows of others are
/// left out without a word; asking for nothing but others is refused.
pub fn answer(tables: &Tables, request: &Value, visible: &BTreeSet<String>) -> Answer {
    match respond(tables, request, visible) {
        Ok(body) => Answer { status: 200, body },
        Err(refusal) => Answer { status: refusal.status(), body: refusal.body() },
    }
}

fn respond(tables: &Tables, request: &Value, visible: &BTreeSet<String>) -> Result<Value, Refusal> {
    let request = Request::read(request)?;
    let page = Page::of(&request)?;
    let query = parser::parse(&request.query)?;
    let scope = Scope::of(&request, tables, visible)?;
    let frame = Pipeline::new(tables, &scope).run(&query)?;
    Ok(page.cut(frame))
}
