//! A query as a value: a table and the operators that its rows pass through.
//!
//! How it was spelled is forgotten here, and what it yields is not yet known.

use serde_json::Value;

/// A table and what its rows pass through
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query {
    pub(super) table: String,
    pub(super) operators: Vec<Operator>,
}

/// A step of the pipeline
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operator {
    Where(Expression),
    Project(Vec<Projection>),
    ProjectAway(Vec<String>),
    Extend(Vec<Projection>),
    Order(Vec<SortKey>),
    Limit(usize),
    Count,
    /// Nothing stands for all columns
    Distinct(Vec<Projection>),
    /// The only aggregate is `count()`; these are the names it is given
    Summarize {
        counts: Vec<String>,
        by: Vec<Projection>,
    },
    Union(Vec<Query>),
    Join {
        kind: JoinKind,
        right: Query,
        on: Vec<(String, String)>,
    },
}

/// A value and the name of its column
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Projection {
    pub(super) name: String,
    pub(super) value: Expression,
}

/// What rows are sorted by
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SortKey {
    pub(super) value: Expression,
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
}

/// Which rows a join keeps
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JoinKind {
    /// The first left row of each key, with every match: the default
    InnerUnique,
    Inner,
    LeftOuter,
}

/// A value of a row
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Literal(Value),
    Column(String),
    Path(Box<Expression>, Vec<Key>),
    Call(Function, Vec<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Compare(Box<Comparison>),
}

/// A step into a dynamic value
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Name(String),
    Index(usize),
}

/// A comparison. Only `in` has other than one value on its right.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) left: Expression,
    pub(super) test: Test,
    pub(super) negated: bool,
    pub(super) cased: bool,
    pub(super) right: Vec<Expression>,
}

/// What a comparison asks
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Test {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    StartsWith,
    EndsWith,
    Has,
    In,
}

/// A scalar function. None of them can make a value longer than what goes in, on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    ToString,
    ToLower,
    ToUpper,
    Split,
    ToBool,
    ToLong,
    IsEmpty,
    IsNotEmpty,
    IsNull,
    IsNotNull,
    Not,
    Coalesce,
    Iff,
}

impl Expression {
    /// The names of the columns it reads
    pub(super) fn columns<'e>(&'e self, found: &mut Vec<&'e str>) {
        match self {
            Self::Literal(_) => {}
            Self::Column(name) => found.push(name),
            Self::Path(base, _) => base.columns(found),
            Self::Call(_, parts) | Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.columns(found);
                }
            }
            Self::Compare(comparison) => {
                comparison.left.columns(found);
                for part in &comparison.right {
                    part.columns(found);
                }
            }
        }
    }

    /// The name of its column when it is given none, if it has one of its own
    pub(super) fn own_name(&self) -> Option<String> {
        match self {
            Self::Column(name) => Some(name.clone()),
            Self::Path(base, keys) => {
                let mut name = base.own_name()?;
                for key in keys {
                    name.push('_');
                    match key {
                        Key::Name(key) => name.push_str(key),
                        Key::Index(index) => name.push_str(&index.to_string()),
                    }
                }
                Some(name)
            }
            Self::Call(Function::ToString | Function::ToBool | Function::ToLong, parts) => {
                parts.first()?.own_name()
            }
            Self::Literal(_) | Self::Call(..) | Self::And(_) | Self::Or(_) | Self::Compare(_) => {
                None
            }
        }
    }
}
