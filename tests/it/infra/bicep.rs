//! Bicep files read by tree-sitter's grammar into declarations and values, as far as the checks need
//! them. Expressions are not evaluated: what is not a literal is [`Value::Other`].

use std::collections::BTreeMap;

use tree_sitter::{Node, Parser};

use super::kinds::Kind;

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

/// A condition, and whether it holds or fails
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    text: String,
    holds: bool,
}

impl Condition {
    /// Without spaces, brackets around it and a `!` before it
    fn new(text: &str) -> Self {
        let mut text: String = text.split_whitespace().collect();
        let mut holds = true;
        loop {
            let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
            if let Some(inner) = inner
                && !inner.contains(['(', ')'])
            {
                text = inner.to_owned();
            } else if let Some(rest) = text.strip_prefix('!')
                && !rest.contains(['&', '|', '=', '?', ' '])
            {
                (text, holds) = (rest.to_owned(), !holds);
            } else {
                return Self { text, holds };
            }
        }
    }

    fn not(&self) -> Self {
        Self { text: self.text.clone(), holds: !self.holds }
    }
}

/// Something read of a name
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) how: Access,
    /// What is known to hold there
    pub(super) under: Vec<Condition>,
}

/// The sign before the point
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// `a.b`
    Plain,
    /// `a!.b`
    Asserted,
    /// `a.?b`
    Safe,
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

    fn look_at_choice<'a>(
        &mut self,
        reader: &Reader<'a>,
        parts: &[Node<'_>],
        around: &mut Around<'a>,
    ) {
        let condition = Condition::new(reader.text(parts[0]));
        self.look_for_uses(reader, parts[0], around);
        for (part, known) in [(parts[1], condition.clone()), (parts[2], condition.not())] {
            around.conditions.push(known);
            self.look_for_uses(reader, part, around);
            around.conditions.pop();
        }
    }

    /// Gives how many parts are done.
    fn look_at_members<'a>(
        &mut self,
        reader: &Reader<'a>,
        node: Node<'_>,
        around: &mut Around<'a>,
    ) -> usize {
        let parts = children(node);
        if let Some((choice, names)) = choice_within(node) {
            self.look_for_uses(reader, choice, around);
            self.look_at_last(reader, choice, &names, around);
            return parts.len();
        }
        if let Some(chain) = reader.chain(node) {
            self.chains.push((line(node), chain));
        }
        self.look_at_read(reader, parts[0], parts[1], around);
        0
    }

    /// What is read of a name: its member `property`
    fn look_at_read(
        &mut self,
        reader: &Reader<'_>,
        object: Node<'_>,
        property: Node<'_>,
        around: &Around<'_>,
    ) {
        let Some(name) = reader.owner(object) else { return };
        let sign = reader.written.get(object.end_byte()..property.start_byte());
        let how = match sign.unwrap().trim() {
            "!." => Access::Asserted,
            ".?" => Access::Safe,
            _ => Access::Plain,
        };
        let under = around.conditions.clone();
        self.reads.push(Read { line: line(property), name: name.to_owned(), how, under });
    }

    /// What is read of the last part of a choice: these members
    fn look_at_last<'a>(
        &mut self,
        reader: &Reader<'a>,
        choice: Node<'_>,
        names: &[Node<'_>],
        around: &mut Around<'a>,
    ) {
        let parts = children(choice);
        around.conditions.push(Condition::new(reader.text(parts[0])).not());
        if parts[2].kind() == "ternary_expression" {
            self.look_at_last(reader, parts[2], names, around);
        } else {
            if let Some(mut chain) = reader.chain(parts[2]) {
                chain.extend(names.iter().map(|name| reader.text(*name).to_owned()));
                self.chains.push((line(choice), chain));
            }
            self.look_at_read(reader, parts[2], names[0], around);
        }
        around.conditions.pop();
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

    fn look_for_uses<'a>(&mut self, reader: &Reader<'a>, node: Node<'_>, around: &mut Around<'a>) {
        let (loops, conditions) = (around.loops.len(), around.conditions.len());
        let parts = children(node);
        let skip = match node.kind() {
            "decorators" | "type_declaration" => parts.len(),
            // The types are read where they are declared.
            "parameter_declaration" | "output_declaration" => 2,
            "resource_declaration" | "module_declaration" => {
                if let Some(condition) = condition(reader, *parts.last().unwrap()) {
                    self.conditions.insert(reader.text(parts[0]).to_owned(), condition.clone());
                    around.conditions.push(condition);
                }
                1
            }
            "ternary_expression" => {
                self.look_at_choice(reader, &parts, around);
                parts.len()
            }
            kind if kind.ends_with("_declaration") => 1,
            "object_property" if parts[0].kind() == "identifier" => 1,
            "for_statement" => {
                let names = match parts[0].kind() {
                    "for_loop_parameters" => children(parts[0]),
                    _ => vec![parts[0]],
                };
                for name in names {
                    around.loops.push(reader.text(name));
                    self.loops.push((line(name), reader.text(name).to_owned()));
                }
                1
            }
            "call_expression" => {
                self.called.push((line(node), reader.text(parts[0]).to_owned()));
                1
            }
            "member_expression" => self.look_at_members(reader, node, around),
            "identifier" if reader.is_called(node) => {
                self.called.push((line(node), reader.text(node).to_owned()));
                0
            }
            "identifier" => {
                let name = reader.text(node);
                if !around.loops.contains(&name) {
                    self.used.push((line(node), name.to_owned()));
                }
                0
            }
            _ => 0,
        };
        for part in parts.into_iter().skip(skip) {
            self.look_for_uses(reader, part, around);
        }
        around.loops.truncate(loops);
        around.conditions.truncate(conditions);
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

/// The grammar reads `x ? a : b.c.d` as the members `c.d` of the whole choice. Gives the choice and those
/// members; a choice that is meant as a whole stands in brackets.
fn choice_within(node: Node<'_>) -> Option<(Node<'_>, Vec<Node<'_>>)> {
    let parts = children(node);
    match node.kind() {
        "ternary_expression" => Some((node, Vec::new())),
        "subscript_expression" => choice_within(parts[0]),
        "member_expression" => {
            let (choice, mut names) = choice_within(parts[0])?;
            names.push(*parts.last()?);
            Some((choice, names))
        }
        _ => None,
    }
}

/// What stands around a place
#[derive(Debug, Default)]
struct Around<'a> {
    /// Names that loops give
    loops: Vec<&'a str>,
    /// What is known to hold
    conditions: Vec<Condition>,
}

/// The condition of a body, inside a loop too
fn condition(reader: &Reader<'_>, body: Node<'_>) -> Option<Condition> {
    let parts = children(body);
    match body.kind() {
        "if_statement" => Some(Condition::new(reader.text(parts[0]))),
        "for_statement" => condition(reader, *parts.last()?),
        _ => None,
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
    /// The same with its assertions
    written: &'a str,
}

impl<'a> Reader<'a> {
    fn text(&self, node: Node<'_>) -> &'a str {
        self.source.get(node.byte_range()).unwrap()
    }

    fn has_word(&self, node: Node<'_>, word: &str) -> bool {
        let mut cursor = node.walk();
        node.children(&mut cursor).any(|child| self.text(child) == word)
    }

    /// The `a` of `a` and of `a[0]`
    fn owner(&self, node: Node<'_>) -> Option<&'a str> {
        match node.kind() {
            "identifier" => Some(self.text(node)),
            "subscript_expression" => self.owner(children(node)[0]),
            _ => None,
        }
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
    fn is_called(&self, node: Node<'_>) -> bool {
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
