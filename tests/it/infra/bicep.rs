//! Bicep files read by tree-sitter's grammar into declarations and values, as far as the checks need
//! them. Expressions are not evaluated: what is not a literal is [`Value::Other`].

use std::collections::BTreeMap;

use tree_sitter::{Node, Parser};

use super::kinds::Kind;
use super::uses::{Around, Condition, Read};

/// A file
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    /// `resourceGroup` unless it says otherwise
    pub(super) target_scope: String,
    pub(super) declarations: BTreeMap<String, Declaration>,
    pub(super) outputs: BTreeMap<String, Value>,
    /// Every name that is used, with its line, names of loops apart
    pub(super) used: Vec<(usize, String)>,
    /// Every function that is called, with its line
    pub(super) called: Vec<(usize, String)>,
    /// Every `a.b.c` and `a[0].b.c`, with its line
    pub(super) chains: Vec<(usize, Vec<String>)>,
    /// Every `a.b` and `a[0].b`, and how it is read
    pub(super) reads: Vec<Read>,
    /// Every name that a loop gives, with its line
    pub(super) loops: Vec<(usize, String)>,
    /// The condition under which a resource or module is made, where it has one
    pub(super) conditions: BTreeMap<String, Condition>,
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
        let mut parser = Parser::new();
        parser.set_language(&tree_sitter_bicep::LANGUAGE.into()).unwrap();
        let plain = without_assertions(source);
        let tree = parser.parse(&plain, None).unwrap();
        let mut file = Self {
            name: name.to_owned(),
            target_scope: "resourceGroup".to_owned(),
            declarations: BTreeMap::new(),
            outputs: BTreeMap::new(),
            used: Vec::new(),
            called: Vec::new(),
            chains: Vec::new(),
            reads: Vec::new(),
            loops: Vec::new(),
            conditions: BTreeMap::new(),
            problems: Vec::new(),
        };
        let reader = Reader { source: &plain, written: source };
        let mut decorators = "";
        for node in children(tree.root_node()) {
            if node.kind() == "decorators" {
                decorators = reader.text(node);
                continue;
            }
            file.declare(&reader, node, std::mem::take(&mut decorators));
        }
        file.look_for_errors(tree.root_node());
        file.look_for_uses(&reader, tree.root_node(), &mut Around::default());
        file
    }

    fn declare(&mut self, reader: &Reader<'_>, node: Node<'_>, decorators: &str) {
        let parts = children(node);
        let name = || reader.text(parts[0]).to_owned();
        let last = || reader.value(*parts.last().unwrap());
        let line = line(node);
        let (name, declaration) = match node.kind() {
            "target_scope_assignment" => {
                self.target_scope = reader.value(parts[0]).text().unwrap().to_owned();
                return;
            }
            "output_declaration" => {
                self.kind(reader, parts[1]);
                self.outputs.insert(name(), last());
                return;
            }
            "parameter_declaration" => {
                let kind = self.kind(reader, parts[1]);
                (name(), Declaration::Param { kind, default: parts.get(2).map(|_| last()) })
            }
            "type_declaration" => {
                let kind = self.kind(reader, parts[1]);
                (name(), Declaration::Type { kind, is_sealed: decorators.contains("@sealed()") })
            }
            "variable_declaration" => (name(), Declaration::Var(last())),
            "resource_declaration" => {
                let kind = reader.value(parts[1]).text().unwrap().to_owned();
                let existing = reader.has_word(node, "existing");
                (name(), Declaration::Resource { kind, existing, body: last(), line })
            }
            "module_declaration" => {
                let path = reader.value(parts[1]).text().unwrap().to_owned();
                (name(), Declaration::Module { path, body: last(), line })
            }
            _ => return,
        };
        if self.declarations.insert(name.clone(), declaration).is_some() {
            self.problems.push(format!("{}:{line}: `{name}` is declared twice", self.name));
        }
    }

    /// A type, whose names are used
    fn kind(&mut self, reader: &Reader<'_>, node: Node<'_>) -> Kind {
        let kind = Kind::read(reader.text(node)).unwrap_or_else(|problem| {
            self.problems.push(format!("{}:{}: {problem}", self.name, line(node)));
            Kind::Named("object".to_owned())
        });
        self.used.extend(kind.names().into_iter().map(|name| (line(node), name.to_owned())));
        kind
    }

    fn look_for_errors(&mut self, node: Node<'_>) {
        if node.is_error() || node.is_missing() {
            let line = line(node);
            self.problems.push(format!("{}:{line}: this cannot be read", self.name));
        }
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            self.look_for_errors(child);
        }
    }
}

/// With an assertion the grammar reads some expressions in other ways than without, so the sign is blanked.
fn without_assertions(source: &str) -> String {
    let mut plain = String::with_capacity(source.len());
    let mut before = ' ';
    let mut rest = source.chars().peekable();
    while let Some(c) = rest.next() {
        let is_after_name = before.is_alphanumeric() || [']', ')', '_'].contains(&before);
        let is_assertion = c == '!' && is_after_name && rest.peek() == Some(&'.');
        plain.push(if is_assertion { ' ' } else { c });
        before = c;
    }
    plain
}

/// Named children, comments apart
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    let named = node.named_children(&mut cursor);
    named.filter(|child| !child.is_extra() && child.kind() != "comment").collect()
}

pub(super) fn line(node: Node<'_>) -> usize {
    node.start_position().row + 1
}

pub(super) struct Reader<'a> {
    source: &'a str,
    /// The same with its assertions
    pub(super) written: &'a str,
}

impl<'a> Reader<'a> {
    pub(super) fn text(&self, node: Node<'_>) -> &'a str {
        self.source.get(node.byte_range()).unwrap()
    }

    fn has_word(&self, node: Node<'_>, word: &str) -> bool {
        let mut cursor = node.walk();
        node.children(&mut cursor).any(|child| self.text(child) == word)
    }

    /// The `a` of `a` and of `a[0]`
    pub(super) fn owner(&self, node: Node<'_>) -> Option<&'a str> {
        match node.kind() {
            "identifier" => Some(self.text(node)),
            "subscript_expression" => self.owner(children(node)[0]),
            _ => None,
        }
    }

    /// The names in `a.b[0].c`, as far as they are plain
    pub(super) fn chain(&self, node: Node<'_>) -> Option<Vec<String>> {
        let parts = children(node);
        match node.kind() {
            "identifier" => Some(vec![self.text(node).to_owned()]),
            "subscript_expression" => self.chain(parts[0]),
            "member_expression" => {
                let mut chain = self.chain(parts[0])?;
                chain.push(self.text(*parts.last()?).to_owned());
                Some(chain)
            }
            _ => None,
        }
    }

    fn value(&self, node: Node<'_>) -> Value {
        let parts = children(node);
        match node.kind() {
            "string" => Value::Text(self.string(&parts)),
            "number" => Value::Number(self.text(node).parse().unwrap()),
            "boolean" => Value::Bool(self.text(node) == "true"),
            "null" => Value::Null,
            "object" => Value::Object(parts.into_iter().map(|part| self.property(part)).collect()),
            "array" => self.array(&parts),
            "ternary_expression" => {
                let [one, other] = [1, 2].map(|index| Box::new(self.value(parts[index])));
                Value::Choice(one, other)
            }
            "for_statement" => Value::Each(Box::new(self.value(*parts.last().unwrap()))),
            "if_statement" | "parenthesized_expression" => self.value(*parts.last().unwrap()),
            "identifier" => Value::Name(self.text(node).to_owned()),
            "call_expression" => {
                let arguments = children(parts[1]).into_iter().map(|part| self.value(part));
                Value::Call(self.text(parts[0]).to_owned(), arguments.collect())
            }
            _ => Value::Other,
        }
    }

    /// In a list the grammar takes the name of a function and its brackets for two entries.
    pub(super) fn is_called(&self, node: Node<'_>) -> bool {
        self.source.get(node.end_byte()..).is_some_and(|rest| rest.starts_with('('))
    }

    fn array(&self, parts: &[Node<'_>]) -> Value {
        let mut items = Vec::new();
        let mut parts = parts.iter();
        while let Some(part) = parts.next() {
            if part.kind() == "identifier" && self.is_called(*part) {
                parts.next();
                items.push(Value::Other);
            } else {
                items.push(self.value(*part));
            }
        }
        Value::Array(items)
    }

    fn string(&self, parts: &[Node<'_>]) -> Option<String> {
        let mut text = String::new();
        for part in parts {
            match part.kind() {
                "string_content" => text.push_str(self.text(*part)),
                "escape_sequence" => text.push_str(self.text(*part).trim_start_matches('\\')),
                _ => return None,
            }
        }
        Some(text)
    }

    fn property(&self, node: Node<'_>) -> Property {
        let parts = children(node);
        let key = self.value(parts[0]);
        let key = if let Value::Name(name) = key {
            name
        } else {
            key.text().unwrap_or_default().to_owned()
        };
        Property { key, value: self.value(*parts.last().unwrap()), line: line(node) }
    }
}
