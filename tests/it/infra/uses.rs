//! What a Bicep file uses: names, functions, members, and under which conditions.

use tree_sitter::Node;

use super::bicep::{File, Reader, children, line};

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

impl File {
    pub(super) fn look_for_uses<'a>(
        &mut self,
        reader: &Reader<'a>,
        node: Node<'_>,
        around: &mut Around<'a>,
    ) {
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
pub(super) struct Around<'a> {
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
