//! Bicep files read by tree-sitter's grammar into declarations and values, as far as the checks need
//! them. Expressions are not evaluated: what is not a literal is [`Value::Other`].

use std::collections::BTreeMap;

use tree_sitter::{Node, Parser};

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
    /// What could not be read, and names that are declared twice
    pub(super) problems: Vec<String>,
}

/// What a name stands for
#[derive(Clone, Debug)]
pub(super) enum Declaration {
    Param { kind: String, default: Option<Value> },
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
        let tree = parser.parse(source, None).unwrap();
        let mut file = Self {
            name: name.to_owned(),
            target_scope: "resourceGroup".to_owned(),
            declarations: BTreeMap::new(),
            outputs: BTreeMap::new(),
            used: Vec::new(),
            called: Vec::new(),
            chains: Vec::new(),
            problems: Vec::new(),
        };
        let reader = Reader { source };
        for node in children(tree.root_node()) {
            file.declare(&reader, node);
        }
        file.look_for_errors(tree.root_node());
        file.look_for_uses(&reader, tree.root_node(), &mut Vec::new());
        file
    }

    fn declare(&mut self, reader: &Reader<'_>, node: Node<'_>) {
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
                self.outputs.insert(name(), last());
                return;
            }
            "parameter_declaration" => {
                let kind = reader.text(parts[1]).to_owned();
                (name(), Declaration::Param { kind, default: parts.get(2).map(|_| last()) })
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

    fn look_for_uses<'a>(&mut self, reader: &Reader<'a>, node: Node<'_>, loops: &mut Vec<&'a str>) {
        let depth = loops.len();
        let parts = children(node);
        let skip = match node.kind() {
            "decorators" => parts.len(),
            kind if kind.ends_with("_declaration") => 1,
            "object_property" if parts[0].kind() == "identifier" => 1,
            "for_statement" => {
                let names = match parts[0].kind() {
                    "for_loop_parameters" => children(parts[0]),
                    _ => vec![parts[0]],
                };
                loops.extend(names.into_iter().map(|name| reader.text(name)));
                1
            }
            "call_expression" => {
                self.called.push((line(node), reader.text(parts[0]).to_owned()));
                1
            }
            "member_expression" => {
                if let Some(chain) = reader.chain(node) {
                    self.chains.push((line(node), chain));
                }
                0
            }
            "identifier" => {
                let name = reader.text(node);
                if !loops.contains(&name) {
                    self.used.push((line(node), name.to_owned()));
                }
                0
            }
            _ => 0,
        };
        for part in parts.into_iter().skip(skip) {
            self.look_for_uses(reader, part, loops);
        }
        loops.truncate(depth);
    }
}

/// Named children, comments apart
fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    let named = node.named_children(&mut cursor);
    named.filter(|child| !child.is_extra() && child.kind() != "comment").collect()
}

fn line(node: Node<'_>) -> usize {
    node.start_position().row + 1
}

struct Reader<'a> {
    source: &'a str,
}

impl<'a> Reader<'a> {
    fn text(&self, node: Node<'_>) -> &'a str {
        self.source.get(node.byte_range()).unwrap()
    }

    fn has_word(&self, node: Node<'_>, word: &str) -> bool {
        let mut cursor = node.walk();
        node.children(&mut cursor).any(|child| self.text(child) == word)
    }

    /// The names in `a.b[0].c`, as far as they are plain
    fn chain(&self, node: Node<'_>) -> Option<Vec<String>> {
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
            "array" => Value::Array(parts.into_iter().map(|part| self.value(part)).collect()),
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
