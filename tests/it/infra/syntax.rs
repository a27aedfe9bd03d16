//! The declarations of a Bicep file, and its expressions with the precedence that the compiler gives
//! them, which is not that of tree-sitter's grammar. What the templates do not use is refused.

use std::fmt::{self, Display, Formatter};

use super::lexer::{Problem, tokens};
use super::parser::Parser;

/// A declaration, with what stands around it
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// `param`, `var`, `resource` and so on
    pub(super) word: String,
    pub(super) name: String,
    pub(super) decorators: Vec<Expr>,
    /// The type of a parameter or output, as it is written
    pub(super) kind: String,
    /// The type of a resource, or the file of a module
    pub(super) path: String,
    pub(super) existing: bool,
    /// A parameter's default, or what the declaration is made of
    pub(super) body: Option<Expr>,
    pub(super) line: usize,
}

impl Item {
    /// What a decorator of this name is given
    pub(super) fn decorator(&self, name: &str) -> Option<&[Expr]> {
        self.decorators.iter().find_map(|decorator| {
            let What::Call(function, given) = &decorator.what else { return None };
            (function.name() == Some(name)).then_some(given.as_slice())
        })
    }
}

#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) line: usize,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    Name(String),
    Number(i64),
    Bool(bool),
    Null,
    Text(Vec<Piece>),
    Array(Vec<Expr>),
    Object(Vec<Entry>),
    /// `a ? b : c`
    Choice(Box<[Expr; 3]>),
    Binary(&'static str, Box<[Expr; 2]>),
    Unary(&'static str, Box<Expr>),
    Member(Box<Expr>, Access, String),
    /// `a[b]`
    Index(Box<[Expr; 2]>),
    Call(Box<Expr>, Vec<Expr>),
    /// `a!`
    Assert(Box<Expr>),
    /// `(a)`
    Group(Box<Expr>),
    Each(Box<Loop>),
    /// A condition, and the body of what is made under it
    If(Box<[Expr; 2]>),
}

/// `a.b` or `a.?b`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Plain,
    Safe,
}

#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub(super) names: Vec<String>,
    pub(super) over: Expr,
    pub(super) body: Expr,
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
    Plain(String),
    Made(Expr),
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Vec<Piece>,
    pub(super) value: Expr,
    pub(super) line: usize,
}

impl Entry {
    /// The key, unless it is computed
    pub(super) fn key(&self) -> Option<&str> {
        if let [Piece::Plain(key)] = self.key.as_slice() { Some(key) } else { None }
    }
}

impl Expr {
    /// Without brackets around it
    pub(super) fn bare(&self) -> &Self {
        if let What::Group(inner) = &self.what { inner.bare() } else { self }
    }

    pub(super) fn name(&self) -> Option<&str> {
        if let What::Name(name) = &self.what { Some(name) } else { None }
    }

    /// A text, unless parts of it are computed
    pub(super) fn text(&self) -> Option<&str> {
        let What::Text(pieces) = &self.what else { return None };
        if let [Piece::Plain(text)] = pieces.as_slice() { Some(text) } else { None }
    }

    /// The properties of an object, or none
    pub(super) fn entries(&self) -> &[Entry] {
        if let What::Object(entries) = &self.what { entries } else { &[] }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|entry| entry.key() == Some(key)).map(|entry| &entry.value)
    }

    /// What a resource or module is made of, within its loop and its condition
    pub(super) fn made(&self) -> &Self {
        if let What::Each(each) = &self.what {
            each.body.made()
        } else if let What::If(parts) = &self.what {
            &parts[1]
        } else {
            self
        }
    }

    /// What it consists of
    pub(super) fn parts(&self) -> Vec<&Self> {
        match &self.what {
            What::Name(_) | What::Number(_) | What::Bool(_) | What::Null => Vec::new(),
            What::Text(pieces) => made(pieces).collect(),
            What::Array(items) => items.iter().collect(),
            What::Object(entries) => {
                entries.iter().flat_map(|entry| made(&entry.key).chain([&entry.value])).collect()
            }
            What::Choice(parts) => parts.iter().collect(),
            What::Binary(_, parts) | What::Index(parts) | What::If(parts) => parts.iter().collect(),
            What::Unary(_, of) | What::Member(of, ..) | What::Assert(of) | What::Group(of) => {
                vec![of]
            }
            What::Call(function, given) => [&**function].into_iter().chain(given).collect(),
            What::Each(each) => vec![&each.over, &each.body],
        }
    }
}

/// The computed parts of a text
fn made(pieces: &[Piece]) -> impl Iterator<Item = &Expr> {
    pieces.iter().filter_map(|piece| if let Piece::Made(made) = piece { Some(made) } else { None })
}

/// Without spaces: the same for what is the same
impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let list = |f: &mut Formatter<'_>, items: &[Self]| {
            items.iter().try_for_each(|item| write!(f, "{item},"))
        };
        match &self.what {
            What::Name(name) => f.write_str(name),
            What::Number(number) => write!(f, "{number}"),
            What::Bool(yes) => write!(f, "{yes}"),
            What::Null => f.write_str("null"),
            What::Text(pieces) => write!(f, "'{}'", Pieces(pieces)),
            What::Array(items) => {
                f.write_str("[")?;
                list(f, items)?;
                f.write_str("]")
            }
            What::Object(entries) => {
                f.write_str("{")?;
                entries.iter().try_for_each(|Entry { key, value, .. }| {
                    write!(f, "{}:{value},", Pieces(key))
                })?;
                f.write_str("}")
            }
            What::Choice(parts) => write!(f, "{}?{}:{}", parts[0], parts[1], parts[2]),
            What::Binary(sign, parts) => write!(f, "{}{sign}{}", parts[0], parts[1]),
            What::Unary(sign, of) => write!(f, "{sign}{of}"),
            What::Member(of, Access::Plain, name) => write!(f, "{of}.{name}"),
            What::Member(of, Access::Safe, name) => write!(f, "{of}.?{name}"),
            What::Index(parts) => write!(f, "{}[{}]", parts[0], parts[1]),
            What::Call(function, given) => {
                write!(f, "{function}(")?;
                list(f, given)?;
                f.write_str(")")
            }
            What::Assert(of) => write!(f, "{of}!"),
            What::Group(of) => write!(f, "({of})"),
            What::Each(each) => {
                let Loop { names, over, body } = &**each;
                write!(f, "[for {}in {over}:{body}]", names.join(","))
            }
            What::If(parts) => write!(f, "if({}){}", parts[0], parts[1]),
        }
    }
}

pub(super) struct Pieces<'a>(pub(super) &'a [Piece]);

impl Display for Pieces<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| match piece {
            Piece::Plain(text) => f.write_str(text),
            Piece::Made(made) => write!(f, "${{{made}}}"),
        })
    }
}

/// The declarations of a file
pub(super) fn read(source: &str) -> Result<Vec<Item>, Problem> {
    let source: Vec<char> = source.chars().collect();
    let tokens = tokens(&source)?;
    Parser::new(&source, tokens).items()
}
