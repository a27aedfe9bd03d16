//! The declarations and values of Bicep files, as far as the checks need them. Expressions are not
//! evaluated: what is neither a literal nor a plain name is [`Value::Other`].

use std::collections::BTreeMap;

use tree_sitter::{Node, Parser};

use super::kinds::Kind;
use super::syntax::{self, Expr, Item, Piece, What};
use super::uses::Uses;

/// A file
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    /// `resourceGroup` unless it says otherwise
    pub(super) target_scope: String,
    pub(super) declarations: BTreeMap<String, Declaration>,
    pub(super) outputs: BTreeMap<String, Value>,
    /// The types of the outputs
    pub(super) promised: BTreeMap<String, Kind>,
    /// The same declarations as they are written
    pub(super) items: Vec<Item>,
    pub(super) uses: Uses,
    /// What could not be read, and names that are declared twice
    pub(super) problems: Vec<String>,
}

/// What a name stands for
#[derive(Clone, Debug)]
pub(super) enum Declaration {
    Param { kind: Kind, default: Option<Value> },
    Type { kind: Kind, is_sealed: bool },
    Var(Value),
    Resource { kind: String, existing: bool, body: Value, line: usize },
    Module { path: String, body: Value, line: usize },
}

/// A value, as it is written
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// A string; `None` if parts of it are computed
    Text(Option<String>),
    Number(i64),
    Bool(bool),
    Null,
    /// Keys that are computed are left empty
    Object(Vec<Property>),
    Array(Vec<Value>),
    /// A condition's two sides
    Choice(Box<Value>, Box<Value>),
    /// What a loop makes of each
    Each(Box<Value>),
    Name(String),
    Call(String, Vec<Value>),
    Other,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Property {
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) line: usize,
}

impl Value {
    /// The value of a property
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        let Value::Object(properties) = self else { return None };
        properties.iter().find(|property| property.key == key).map(|property| &property.value)
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(Some(text)) = self { Some(text) } else { None }
    }
}

impl File {
    pub(super) fn read(name: &str, source: &str) -> Self {
        let mut file = Self {
            name: name.to_owned(),
            target_scope: "resourceGroup".to_owned(),
            declarations: BTreeMap::new(),
            outputs: BTreeMap::new(),
            promised: BTreeMap::new(),
            items: Vec::new(),
            uses: Uses::default(),
            problems: Vec::new(),
        };
        match syntax::read(source) {
            Ok(items) => file.items = items,
            Err((line, problem)) => file.problems.push(format!("{name}:{line}: {problem}")),
        }
        for item in file.items.clone() {
            file.declare(&item);
        }
        file.uses.read(&file.items);
        file.look_for_errors(source);
        file
    }

    fn declare(&mut self, item: &Item) {
        let Item { name, kind, path, existing, body, line, .. } = item;
        let value = body.as_ref().map(value);
        let declaration = match (item.word.as_str(), value) {
            ("param", default) => Declaration::Param { kind: self.kind(kind, *line), default },
            ("type", _) => {
                let is_sealed = item.decorator("sealed").is_some();
                Declaration::Type { kind: self.kind(kind, *line), is_sealed }
            }
            ("output", Some(value)) => {
                let kind = self.kind(kind, *line);
                let is_new = self.promised.insert(name.clone(), kind).is_none();
                self.outputs.insert(name.clone(), value);
                if !is_new {
                    self.problems.push(format!("{}:{line}: `{name}` is put out twice", self.name));
                }
                return;
            }
            ("var", Some(value)) => Declaration::Var(value),
            ("resource", Some(body)) => {
                Declaration::Resource { kind: path.clone(), existing: *existing, body, line: *line }
            }
            ("module", Some(body)) => Declaration::Module { path: path.clone(), body, line: *line },
            (_, value) => {
                let scope = value.as_ref().and_then(Value::text).unwrap_or_default();
                scope.clone_into(&mut self.target_scope);
                return;
            }
        };
        if self.declarations.insert(name.clone(), declaration).is_some() {
            self.problems.push(format!("{}:{line}: `{name}` is declared twice", self.name));
        }
    }

    /// A type, whose names are used
    fn kind(&mut self, text: &str, line: usize) -> Kind {
        let kind = Kind::read(text).unwrap_or_else(|problem| {
            self.problems.push(format!("{}:{line}: {problem}", self.name));
            Kind::Named("object".to_owned())
        });
        self.uses.used.extend(kind.names().into_iter().map(|name| (line, name.to_owned())));
        kind
    }

    /// A second reader, which others wrote: tree-sitter's grammar takes the file, too.
    fn look_for_errors(&mut self, source: &str) {
        let mut parser = Parser::new();
        parser.set_language(&tree_sitter_bicep::LANGUAGE.into()).unwrap();
        let tree = parser.parse(source, None).unwrap();
        let mut nodes = vec![tree.root_node()];
        while let Some(node) = nodes.pop() {
            if node.is_error() || node.is_missing() {
                let line = node.start_position().row + 1;
                self.problems.push(format!("{}:{line}: this cannot be read", self.name));
            }
            nodes.extend(children(node));
        }
    }
}

fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.children(&mut cursor).collect()
}

pub(super) fn value(expr: &Expr) -> Value {
    let all = |items: &[Expr]| items.iter().map(value).collect();
    match &expr.what {
        What::Name(name) => Value::Name(name.clone()),
        What::Number(number) => Value::Number(*number),
        What::Bool(yes) => Value::Bool(*yes),
        What::Null => Value::Null,
        What::Text(pieces) => Value::Text(text(pieces)),
        What::Array(items) => Value::Array(all(items)),
        What::Object(entries) => {
            let property = |entry: &syntax::Entry| Property {
                key: text(&entry.key).unwrap_or_default(),
                value: value(&entry.value),
                line: entry.line,
            };
            Value::Object(entries.iter().map(property).collect())
        }
        What::Choice(parts) => {
            Value::Choice(Box::new(value(&parts[1])), Box::new(value(&parts[2])))
        }
        What::Call(function, given) => Value::Call(function.to_string(), all(given)),
        What::Group(inner) => value(inner),
        What::If(parts) => value(&parts[1]),
        What::Each(each) => Value::Each(Box::new(value(&each.body))),
        What::Binary(..)
        | What::Unary(..)
        | What::Member(..)
        | What::Index(_)
        | What::Assert(_) => Value::Other,
    }
}

/// A text, if no part of it is computed
fn text(pieces: &[Piece]) -> Option<String> {
    let plain = |piece: &Piece| match piece {
        Piece::Plain(text) => Some(text.clone()),
        Piece::Made(_) => None,
    };
    pieces.iter().map(plain).collect()
}
