//! Reads the tabular part of a query: a table, then operators between bars.
//!
//! Whether the tables and columns exist is found out when the query runs.

use std::mem;
use std::vec::IntoIter;

use super::lexer::{self, Lexeme, Token};
use super::query::{Expression, JoinKind, Operator, Projection, Query, SortKey};
use super::refusal::Refusal;

/// The service's own limits
const JOINS: usize = 3;
const UNION_LEGS: usize = 3;
/// Ours, so that no query can exhaust the stack or the memory
const DEPTH: usize = 64;
const LENGTH: usize = 65_536;
const PROJECTIONS: usize = 256;

/// Reads a query
pub(super) fn parse(text: &str) -> Result<Query, Refusal> {
    if text.len() > LENGTH {
        return Err(Refusal::Request(format!("The query is longer than {LENGTH} bytes.")));
    }
    let mut rest = lexer::tokens(text)?.into_iter();
    let Some(current) = rest.next() else {
        return Err(Refusal::Request("The query is empty.".to_owned()));
    };
    let mut parser = Parser { current, rest, depth: 0, joins: 0, union_legs: 0 };
    let query = parser.query()?;
    if parser.current.lexeme == Lexeme::End { Ok(query) } else { Err(parser.current.refuse()) }
}

/// What remains to be read
#[derive(Debug)]
pub(super) struct Parser {
    pub(super) current: Token,
    rest: IntoIter<Token>,
    depth: usize,
    joins: usize,
    union_legs: usize,
}

impl Parser {
    fn query(&mut self) -> Result<Query, Refusal> {
        let (table, mut operators) = self.source()?;
        while self.accept("|") {
            self.operator(&mut operators)?;
        }
        Ok(Query { table, operators })
    }

    /// The table, or the first operator of a query that goes without: it means `resources`
    fn source(&mut self) -> Result<(String, Vec<Operator>), Refusal> {
        let mut operators = Vec::new();
        let bare = match self.following() {
            Some(Lexeme::Symbol(symbol)) => !matches!(*symbol, "(" | "[" | "-" | "*"),
            Some(Lexeme::Word(_) | Lexeme::Text(_) | Lexeme::Number(_)) => false,
            Some(Lexeme::End) | None => true,
        };
        if bare {
            return Ok((self.name()?, operators));
        }
        if self.at_word("union") {
            return Err(unsupported("union", "`union` is served between bars only"));
        }
        self.operator(&mut operators)?;
        Ok(("resources".to_owned(), operators))
    }

    fn operator(&mut self, operators: &mut Vec<Operator>) -> Result<(), Refusal> {
        let word = self.name()?;
        operators.push(match word.as_str() {
            "where" | "filter" => Operator::Where(self.expression()?),
            "project" => Operator::Project(self.projections()?),
            "project-away" => Operator::ProjectAway(self.list(Self::name)?),
            "extend" => Operator::Extend(self.projections()?),
            "order" | "sort" => {
                self.expect_word("by")?;
                Operator::Order(self.list(Self::sort_key)?)
            }
            "limit" | "take" => Operator::Limit(self.amount()?),
            "top" => return self.top(operators),
            "count" => Operator::Count,
            "distinct" if self.accept("*") => Operator::Distinct(Vec::new()),
            "distinct" => Operator::Distinct(self.projections()?),
            "summarize" => self.summarize()?,
            "union" => self.union()?,
            "join" => self.join()?,
            _ => return Err(unsupported(&word, "InvalidQueryLanguage")),
        });
        Ok(())
    }

    fn projections(&mut self) -> Result<Vec<Projection>, Refusal> {
        let mut projections = self.list(Self::projection)?;
        if projections.len() > PROJECTIONS {
            return Err(self.current.refuse());
        }
        for (index, projection) in projections.iter_mut().enumerate() {
            if projection.name.is_empty() {
                projection.name = format!("Column{}", index + 1);
            }
        }
        Ok(projections)
    }

    fn projection(&mut self) -> Result<Projection, Refusal> {
        let given = self.assigned_name()?;
        let value = self.expression()?;
        let name = given.or_else(|| value.own_name()).unwrap_or_default();
        Ok(Projection { name, value })
    }

    /// The name in `name = …`, if there is one
    fn assigned_name(&mut self) -> Result<Option<String>, Refusal> {
        if self.following() != Some(&Lexeme::Symbol("=")) {
            return Ok(None);
        }
        let name = self.name()?;
        self.expect("=")?;
        Ok(Some(name))
    }

    fn sort_key(&mut self) -> Result<SortKey, Refusal> {
        let value = self.expression()?;
        let ascending = self.accept_word("asc");
        if !ascending {
            self.accept_word("desc");
        }
        let nulls_first = if self.accept_word("nulls") {
            let first = self.accept_word("first");
            if !first {
                self.expect_word("last")?;
            }
            first
        } else {
            ascending
        };
        Ok(SortKey { value, descending: !ascending, nulls_first })
    }

    fn top(&mut self, operators: &mut Vec<Operator>) -> Result<(), Refusal> {
        let amount = self.amount()?;
        self.expect_word("by")?;
        operators.push(Operator::Order(self.list(Self::sort_key)?));
        operators.push(Operator::Limit(amount));
        Ok(())
    }

    fn summarize(&mut self) -> Result<Operator, Refusal> {
        let counts = if self.at_word("by") { Vec::new() } else { self.list(Self::count_name)? };
        let by = if self.accept_word("by") { self.projections()? } else { Vec::new() };
        Ok(Operator::Summarize { counts, by })
    }

    fn count_name(&mut self) -> Result<String, Refusal> {
        let name = self.assigned_name()?;
        let function = self.name()?;
        self.expect("(")?;
        if function != "count" {
            return Err(Refusal::UnknownFunction(function));
        }
        self.expect(")")?;
        Ok(name.unwrap_or_else(|| "count_".to_owned()))
    }

    fn union(&mut self) -> Result<Operator, Refusal> {
        if let Some(kind) = self.kind()?.filter(|kind| kind != "outer") {
            return Err(unsupported(&kind, "`union` is served as kind=outer only"));
        }
        let legs = self.list(Self::operand)?;
        self.union_legs += legs.len();
        if self.union_legs > UNION_LEGS {
            return Err(unsupported("union", "A query may have 3 legs of `union`"));
        }
        Ok(Operator::Union(legs))
    }

    fn join(&mut self) -> Result<Operator, Refusal> {
        self.joins += 1;
        if self.joins > JOINS {
            return Err(unsupported("join", "A query may have 3 times `join`"));
        }
        let kind = match self.kind()?.as_deref() {
            None | Some("innerunique") => JoinKind::InnerUnique,
            Some("inner") => JoinKind::Inner,
            Some("leftouter") => JoinKind::LeftOuter,
            Some(other) => return Err(unsupported(other, "This kind of `join` is not served")),
        };
        let right = self.operand()?;
        self.expect_word("on")?;
        let mut on = vec![self.join_key()?];
        while self.accept(",") || self.accept_word("and") {
            on.push(self.join_key()?);
        }
        Ok(Operator::Join { kind, right, on })
    }

    fn kind(&mut self) -> Result<Option<String>, Refusal> {
        if !(self.at_word("kind") && self.following() == Some(&Lexeme::Symbol("="))) {
            return Ok(None);
        }
        self.name()?;
        self.expect("=")?;
        self.name().map(Some)
    }

    /// The other side of a join or union: a table, or a query in parentheses
    fn operand(&mut self) -> Result<Query, Refusal> {
        if !self.accept("(") {
            return Ok(Query { table: self.name()?, operators: Vec::new() });
        }
        let query = self.deeper(Self::query)?;
        self.expect(")")?;
        Ok(query)
    }

    fn join_key(&mut self) -> Result<(String, String), Refusal> {
        let first = self.name()?;
        if !matches!(first.as_str(), "$left" | "$right") {
            return Ok((first.clone(), first));
        }
        self.expect(".")?;
        let mine = self.name()?;
        self.expect("==")?;
        self.expect_word(if first == "$left" { "$right" } else { "$left" })?;
        self.expect(".")?;
        let other = self.name()?;
        Ok(if first == "$left" { (mine, other) } else { (other, mine) })
    }

    fn amount(&mut self) -> Result<usize, Refusal> {
        let token = self.take();
        let Lexeme::Number(number) = &token.lexeme else { return Err(token.refuse()) };
        let amount = number.as_u64().and_then(|amount| usize::try_from(amount).ok());
        amount.ok_or_else(|| token.refuse())
    }
}

/// The moves that both halves of the grammar are made of
impl Parser {
    pub(super) fn take(&mut self) -> Token {
        match self.rest.next() {
            Some(next) => mem::replace(&mut self.current, next),
            None => self.current.clone(),
        }
    }

    pub(super) fn following(&self) -> Option<&Lexeme> {
        self.rest.as_slice().first().map(|token| &token.lexeme)
    }

    pub(super) fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.current.lexeme, Lexeme::Symbol(current) if current == symbol);
        if found {
            self.take();
        }
        found
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Result<(), Refusal> {
        if self.accept(symbol) { Ok(()) } else { Err(self.current.refuse()) }
    }

    fn at_word(&self, word: &str) -> bool {
        matches!(&self.current.lexeme, Lexeme::Word(found) if found == word)
    }

    pub(super) fn accept_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.take();
        }
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Refusal> {
        if self.accept_word(word) { Ok(()) } else { Err(self.current.refuse()) }
    }

    pub(super) fn name(&mut self) -> Result<String, Refusal> {
        let token = self.take();
        if let Lexeme::Word(word) = token.lexeme { Ok(word) } else { Err(token.refuse()) }
    }

    pub(super) fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, Refusal>,
    ) -> Result<Vec<T>, Refusal> {
        let mut items = vec![item(self)?];
        while self.accept(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    pub(super) fn expression(&mut self) -> Result<Expression, Refusal> {
        self.deeper(Self::disjunction)
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.current.refuse());
        }
        let result = read(self);
        self.depth -= 1;
        result
    }
}

fn unsupported(token: &str, reason: &str) -> Refusal {
    Refusal::Unsupported { token: token.to_owned(), reason: reason.to_owned() }
}
