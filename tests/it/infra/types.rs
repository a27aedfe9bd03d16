//! Holds values to the type data of the Bicep compiler: every property known, none missing, every
//! value of the right kind.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::bicep::{Declaration, File, Property, Value};
use super::kinds::Kind;

/// The compiler's types, as `tests/fixtures/bicep-types` explains them
#[derive(Debug, Deserialize)]
pub(super) struct Types {
    resources: BTreeMap<String, usize>,
    types: Vec<Type>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Type {
    By { by: String, object: BTreeMap<String, (usize, u8)>, elements: BTreeMap<String, usize> },
    Object { object: BTreeMap<String, (usize, u8)>, others: Option<usize> },
    Union { union: Vec<usize> },
    Array { array: usize },
    Literal { literal: String },
    Scalar { scalar: String },
}

const REQUIRED: u8 = 1;
const READ_ONLY: u8 = 2;

/// What Bicep itself adds to every resource
const BICEP: [&str; 3] = ["parent", "scope", "dependsOn"];

impl Types {
    pub(super) fn load() -> &'static Self {
        static TYPES: LazyLock<Types> = LazyLock::new(|| {
            serde_json::from_str(include_str!("../../fixtures/bicep-types/types.json")).unwrap()
        });
        &TYPES
    }

    /// What is wrong with the resources of a file
    pub(super) fn check(&self, file: &File) -> Vec<String> {
        let mut check = Check { types: self, file, problems: Vec::new() };
        for (name, declaration) in &file.declarations {
            let Declaration::Resource { kind, existing, body, line } = declaration else {
                continue;
            };
            let Some(number) = self.resources.get(kind) else {
                check.say(*line, &format!("there is no resource type `{kind}`"));
                continue;
            };
            let body = if let Value::Each(each) = body { each } else { body };
            let Value::Object(properties) = body else {
                check.say(*line, &format!("`{name}` has no body"));
                continue;
            };
            let own = properties.iter().filter(|one| !BICEP.contains(&one.key.as_str()));
            let own = own.cloned().collect();
            if *existing {
                check.known(&own, *number, *line);
            } else {
                check.value(&Value::Object(own), *number, *line);
            }
        }
        check.problems
    }

    /// The type of a property of a resource, in Bicep's words
    pub(super) fn kind(&self, kind: &str, path: &[String]) -> Option<&str> {
        let mut number = *self.resources.get(kind)?;
        for name in path {
            let (Type::Object { object, .. } | Type::By { object, .. }) = &self.types[number]
            else {
                return None;
            };
            number = object.get(name)?.0;
        }
        match &self.types[number] {
            Type::Object { .. } | Type::By { .. } => Some("object"),
            Type::Array { .. } => Some("array"),
            Type::Literal { .. } => Some("string"),
            Type::Scalar { scalar } => {
                Some(scalar).filter(|name| *name != "any").map(String::as_str)
            }
            Type::Union { .. } => None,
        }
    }

    /// Whether a resource type has something at this path
    pub(super) fn has(&self, kind: &str, path: &[String]) -> bool {
        let Some(mut number) = self.resources.get(kind).copied() else { return false };
        for name in path {
            match &self.types[number] {
                Type::Object { object, others } => {
                    let found = object.get(name).map(|(number, _)| *number).or(*others);
                    let Some(found) = found else { return false };
                    number = found;
                }
                Type::Scalar { scalar } if scalar != "any" => return false,
                // What is in a list or depends on a value is not looked into.
                Type::By { .. }
                | Type::Union { .. }
                | Type::Array { .. }
                | Type::Literal { .. }
                | Type::Scalar { .. } => return true,
            }
        }
        true
    }
}

struct Check<'a> {
    types: &'a Types,
    file: &'a File,
    problems: Vec<String>,
}

impl Check<'_> {
    fn say(&mut self, line: usize, what: &str) {
        self.problems.push(format!("{}:{line}: {what}", self.file.name));
    }

    /// Holds a value to a type.
    fn value(&mut self, value: &Value, number: usize, line: usize) {
        match value {
            Value::Choice(one, other) => {
                self.value(one, number, line);
                self.value(other, number, line);
            }
            Value::Name(name) => self.name(name, number, line),
            // Its items are at the start, and what they are joined with is unknown.
            Value::Call(function, arguments) if function == "concat" => {
                for argument in arguments {
                    self.value(argument, number, line);
                }
            }
            Value::Call(..) | Value::Other | Value::Null => {}
            Value::Text(_)
            | Value::Number(_)
            | Value::Bool(_)
            | Value::Object(_)
            | Value::Array(_)
            | Value::Each(_) => self.known_value(value, number, line),
        }
    }

    fn known_value(&mut self, value: &Value, number: usize, line: usize) {
        match (&self.types.types[number], value) {
            (Type::Scalar { scalar }, _) => {
                let fits = match scalar.as_str() {
                    "string" => matches!(value, Value::Text(_)),
                    "int" => matches!(value, Value::Number(_)),
                    "bool" => matches!(value, Value::Bool(_)),
                    _ => true,
                };
                if !fits {
                    self.say(line, &format!("{} where `{scalar}` is expected", shown(value)));
                }
            }
            (Type::Literal { .. } | Type::Union { .. }, _) => self.one_of(value, number, line),
            (Type::Array { array }, Value::Array(items)) => {
                for item in items {
                    self.value(item, *array, line);
                }
            }
            (Type::Array { array }, Value::Each(item)) => self.value(item, *array, line),
            (Type::Object { object, others }, Value::Object(properties)) => {
                self.object(properties, object, *others, line);
            }
            (Type::By { by, object, elements }, Value::Object(properties)) => {
                match value.get(by).map(Value::text) {
                    None => self.say(line, &format!("`{by}` is missing")),
                    Some(None) => {}
                    Some(Some(which)) => match elements.get(which) {
                        None => self.say(line, &format!("there is no `{by}` `{which}`")),
                        Some(element) => {
                            let mut all = object.clone();
                            if let Type::Object { object, .. } = &self.types.types[*element] {
                                all.extend(object.clone());
                            }
                            self.object(properties, &all, None, line);
                        }
                    },
                }
            }
            (expected, _) => {
                let expected =
                    if matches!(expected, Type::Array { .. }) { "a list" } else { "an object" };
                self.say(line, &format!("{} where {expected} is expected", shown(value)));
            }
        }
    }

    /// Strict: a word that the compiler does not know is wrong even where others may come one day.
    fn one_of(&mut self, value: &Value, number: usize, line: usize) {
        let alone = vec![number];
        let elements =
            if let Type::Union { union } = &self.types.types[number] { union } else { &alone };
        let mut literals = Vec::new();
        for element in elements {
            if let Type::Literal { literal } = &self.types.types[*element] {
                literals.push(literal.as_str());
            }
        }
        let fits =
            value.text().map_or(*value == Value::Text(None), |text| literals.contains(&text));
        if !fits {
            self.say(line, &format!("{} is none of {}", shown(value), literals.join(", ")));
        }
    }

    fn object(
        &mut self,
        properties: &[Property],
        known: &BTreeMap<String, (usize, u8)>,
        others: Option<usize>,
        line: usize,
    ) {
        for Property { key, value, line } in properties {
            match (known.get(key), others) {
                (Some((_, flags)), _) if flags & READ_ONLY != 0 => {
                    self.say(*line, &format!("`{key}` can only be read"));
                }
                (Some((_, flags)), _) if flags & REQUIRED != 0 && *value == Value::Null => {
                    self.say(*line, &format!("`{key}` is required"));
                }
                (Some((number, _)), _) => self.value(value, *number, *line),
                (None, Some(number)) => self.value(value, number, *line),
                (None, None) => self.say(*line, &format!("there is no property `{key}`")),
            }
        }
        for (name, (_, flags)) in known {
            let is_there = properties.iter().any(|property| property.key == *name);
            if *flags == REQUIRED && !is_there {
                self.say(line, &format!("`{name}` is missing"));
            }
        }
    }

    /// The body of something that is only referred to: fewer properties, but no others
    fn known(&mut self, properties: &Vec<Property>, number: usize, line: usize) {
        for Property { key, .. } in properties {
            if !matches!(&self.types.types[number], Type::Object { object, .. } if object.contains_key(key))
                && !matches!(&self.types.types[number], Type::By { by, .. } if by == key)
            {
                self.say(line, &format!("there is no property `{key}`"));
            }
        }
    }

    /// A name stands for a variable's value, or for anything of a parameter's kind.
    fn name(&mut self, name: &str, number: usize, line: usize) {
        match self.file.declarations.get(name) {
            Some(Declaration::Var(value)) => {
                let value = value.clone();
                self.value(&value, number, line);
            }
            Some(Declaration::Param { kind, .. }) => {
                let stand_in = match kind.resolved(self.file) {
                    Kind::List(_) => Value::Array(Vec::new()),
                    Kind::Named(name) => match name.as_str() {
                        "string" => Value::Text(None),
                        "int" => Value::Number(0),
                        "bool" => Value::Bool(true),
                        "array" => Value::Array(Vec::new()),
                        _ => return,
                    },
                    // Its properties are not known here.
                    Kind::Members(_) | Kind::Nullable(_) => return,
                };
                self.value(&stand_in, number, line);
            }
            _ => {}
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(Some(text)) => format!("`{text}`"),
        Value::Text(None) => "a text".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::Bool(_) => "a truth value".to_owned(),
        Value::Array(_) | Value::Each(_) => "a list".to_owned(),
        Value::Null
        | Value::Object(_)
        | Value::Choice(..)
        | Value::Name(_)
        | Value::Call(..)
        | Value::Other => "an object".to_owned(),
    }
}
