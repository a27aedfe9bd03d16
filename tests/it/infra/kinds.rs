//! The types of parameters and outputs, as Bicep writes them, and whether a value fits one.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde_json::Value as Json;

use super::bicep::{Declaration, File, Property, Value};

/// A type, as it is written
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// `string`, `int`, `bool`, `array`, `object`, or a type that the file declares
    Named(String),
    /// `T[]`
    List(Box<Kind>),
    /// Members by name; `*` stands for all others
    Members(BTreeMap<String, Kind>),
    /// `T?`
    Nullable(Box<Kind>),
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::List(item) => write!(f, "{item}[]"),
            Self::Members(_) => f.write_str("object"),
            Self::Nullable(kind) => write!(f, "{kind}?"),
        }
    }
}

impl Kind {
    /// Reads a type; what is written otherwise than the templates do is refused.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let words = words(text);
        let mut rest = words.as_slice();
        let kind = kind(&mut rest).ok_or_else(|| format!("what type is `{text}`?"))?;
        if rest.is_empty() { Ok(kind) } else { Err(format!("what type is `{text}`?")) }
    }

    /// The names in it that the language does not know
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Named(name) if is_built_in(name) => Vec::new(),
            Self::Named(name) => vec![name],
            Self::List(kind) | Self::Nullable(kind) => kind.names(),
            Self::Members(members) => members.values().flat_map(Self::names).collect(),
        }
    }

    /// Whether anything at all may stand somewhere in it
    pub(super) fn is_open(&self, file: &File) -> bool {
        match self.resolved(file) {
            Self::Named(name) => ["array", "object"].contains(&name.as_str()),
            Self::List(kind) | Self::Nullable(kind) => kind.is_open(file),
            Self::Members(members) => members.values().any(|kind| kind.is_open(file)),
        }
    }

    /// The type that a name stands for
    pub(super) fn resolved(&self, file: &File) -> Self {
        if let Self::Named(name) = self
            && let Some(Declaration::Type { kind, .. }) = file.declarations.get(name)
        {
            return kind.resolved(file);
        }
        self.clone()
    }

    /// Whether something has these members, one within the other. An index has no name, so a list and an
    /// object with any keys stand for what is in them.
    pub(super) fn has(&self, file: &File, path: &[String]) -> bool {
        let Some((first, rest)) = path.split_first() else { return true };
        match self.resolved(file) {
            Self::Named(name) => ["array", "object"].contains(&name.as_str()),
            Self::List(kind) | Self::Nullable(kind) => kind.has(file, path),
            Self::Members(members) => match (members.get(first), members.get("*")) {
                (Some(kind), _) => kind.has(file, rest),
                (None, Some(any)) => any.has(file, path),
                (None, None) => false,
            },
        }
    }

    /// The type of a member, one within the other, if it is known
    pub(super) fn at(&self, file: &File, path: &[String]) -> Option<Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self.clone()) };
        match self.resolved(file) {
            Self::Members(members) => {
                members.get(first).or_else(|| members.get("*"))?.at(file, rest)
            }
            Self::Named(_) | Self::List(_) | Self::Nullable(_) => None,
        }
    }

    /// Whether everything of another type of another file is of this one, too
    pub(super) fn takes(&self, file: &File, other: &Self, its: &File) -> bool {
        match (self.resolved(file), other.resolved(its)) {
            (Self::Nullable(kind), Self::Nullable(other))
            | (Self::List(kind), Self::List(other)) => kind.takes(file, &other, its),
            (Self::Nullable(kind), other) => kind.takes(file, &other, its),
            (Self::Named(name), Self::List(_)) if name == "array" => true,
            (Self::Named(name), Self::Members(_)) if name == "object" => true,
            (Self::Named(name), Self::Named(other)) => name == other,
            (Self::Members(members), Self::Members(others)) => {
                members.len() == others.len()
                    && members.iter().all(|(name, kind)| {
                        others.get(name).is_some_and(|other| kind.takes(file, other, its))
                    })
            }
            _ => false,
        }
    }
}

fn is_built_in(name: &str) -> bool {
    ["string", "int", "bool", "array", "object"].contains(&name)
}

/// Names and signs; a new line ends a member as a comma does
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let mut name = String::new();
        for c in line.chars().chain([' ']) {
            if c.is_alphanumeric() || c == '_' || c == '*' {
                name.push(c);
                continue;
            }
            if !name.is_empty() {
                words.push(std::mem::take(&mut name));
            }
            if !c.is_whitespace() {
                words.push(c.to_string());
            }
        }
        words.push(",".to_owned());
    }
    while words.last().is_some_and(|word| word == ",") {
        words.pop();
    }
    words
}

fn next_is(words: &mut &[String], word: &str) -> bool {
    let is_it = words.first().is_some_and(|next| next == word);
    if is_it {
        *words = &words[1..];
    }
    is_it
}

fn kind(words: &mut &[String]) -> Option<Kind> {
    let mut one = if next_is(words, "{") {
        let mut members = BTreeMap::new();
        loop {
            while next_is(words, ",") {}
            if next_is(words, "}") {
                break;
            }
            let name = words.first()?.clone();
            *words = &words[1..];
            if !next_is(words, ":") {
                return None;
            }
            members.insert(name, kind(words)?);
        }
        Kind::Members(members)
    } else {
        let name = words.first()?.clone();
        if !name.starts_with(|c: char| c.is_alphabetic()) {
            return None;
        }
        *words = &words[1..];
        Kind::Named(name)
    };
    loop {
        if next_is(words, "[") {
            if !next_is(words, "]") {
                return None;
            }
            one = Kind::List(Box::new(one));
        } else if next_is(words, "?") {
            one = Kind::Nullable(Box::new(one));
        } else {
            return Some(one);
        }
    }
}

/// Where a value comes from, and what it is held to
pub(super) struct Fit<'a> {
    /// The file that the value stands in
    pub(super) file: &'a File,
    /// The file that the type stands in
    pub(super) its: &'a File,
}

impl Fit<'_> {
    /// What is wrong with a value for this type; what is not known may be right.
    pub(super) fn problems(&self, at: &str, value: &Value, kind: &Kind) -> Vec<String> {
        let wrong = || vec![format!("takes a {kind} for `{at}`")];
        let fits = |is_it: bool| if is_it { Vec::new() } else { wrong() };
        let resolved = kind.resolved(self.its);
        let is = |name: &str| resolved == Kind::Named(name.to_owned());
        match value {
            Value::Call(..) | Value::Other => Vec::new(),
            Value::Null => fits(matches!(resolved, Kind::Nullable(_))),
            Value::Choice(one, other) => {
                [one, other].iter().flat_map(|value| self.problems(at, value, kind)).collect()
            }
            Value::Name(name) => match self.file.declarations.get(name) {
                Some(Declaration::Param { kind: other, .. }) => {
                    fits(resolved.takes(self.its, other, self.file))
                }
                Some(Declaration::Var(value)) => self.problems(at, value, kind),
                _ => Vec::new(),
            },
            _ if matches!(resolved, Kind::Nullable(_)) => {
                let Kind::Nullable(inner) = &resolved else { return Vec::new() };
                self.problems(at, value, inner)
            }
            Value::Text(_) => fits(is("string")),
            Value::Number(_) => fits(is("int")),
            Value::Bool(_) => fits(is("bool")),
            Value::Array(items) => {
                let Kind::List(kind) = &resolved else { return fits(is("array")) };
                let place = |index: usize| format!("{at}[{index}]");
                let each = items.iter().enumerate();
                each.flat_map(|(index, one)| self.problems(&place(index), one, kind)).collect()
            }
            Value::Each(each) => {
                let Kind::List(kind) = &resolved else { return fits(is("array")) };
                self.problems(&format!("{at}[]"), each, kind)
            }
            Value::Object(given) => {
                let Kind::Members(members) = &resolved else { return fits(is("object")) };
                self.members(at, given, members)
            }
        }
    }

    fn members(
        &self,
        at: &str,
        given: &[Property],
        members: &BTreeMap<String, Kind>,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        for Property { key, value, .. } in given {
            match members.get(key).or_else(|| members.get("*")) {
                Some(kind) => problems.extend(self.problems(&format!("{at}.{key}"), value, kind)),
                None => problems.push(format!("has no member `{key}` in `{at}`")),
            }
        }
        for (name, kind) in members {
            let may_lack = name == "*" || matches!(kind.resolved(self.its), Kind::Nullable(_));
            if !may_lack && !given.iter().any(|property| property.key == *name) {
                problems.push(format!("needs the member `{name}` in `{at}`"));
            }
        }
        problems
    }
}

/// A value of JSON as Bicep would write it
pub(super) fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Bool(*yes),
        Json::Number(number) => number.as_i64().map_or(Value::Other, Value::Number),
        Json::String(text) => Value::Text(Some(text.clone())),
        Json::Array(items) => Value::Array(items.iter().map(value).collect()),
        Json::Object(all) => {
            let property = |(key, one): (&String, &Json)| Property {
                key: key.clone(),
                value: value(one),
                line: 0,
            };
            Value::Object(all.iter().map(property).collect())
        }
    }
}

/// What is wrong with a file of parameters for this template
pub(super) fn problems_of_parameters(name: &str, text: &str, template: &File) -> Vec<String> {
    let file: Json = match serde_json::from_str(text) {
        Ok(file) => file,
        Err(error) => return vec![format!("{name}: {error}")],
    };
    let Some(given) = file["parameters"].as_object() else {
        return vec![format!("{name}: there are no `parameters`")];
    };
    let mut problems = Vec::new();
    let fit = Fit { file: template, its: template };
    for (key, one) in given {
        match template.declarations.get(key) {
            Some(Declaration::Param { kind, .. }) => {
                problems.extend(fit.problems(key, &value(&one["value"]), kind));
            }
            _ => problems.push(format!("has no parameter `{key}`")),
        }
    }
    problems.into_iter().map(|what| format!("{name}: `{}` {what}", template.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_bicep_writes_them() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(format!("{:?}", Kind::read(text)), expected, "{text}");
        }
        check("string[]", r#"Ok(List(Named("string")))"#);
        check("{ *: string }", r#"Ok(Members({"*": Named("string")}))"#);
        check(
            "{\n  a: string? // one\n  b: int[]\n}",
            r#"Ok(Members({"a": Nullable(Named("string")), "b": List(Named("int"))}))"#,
        );
        check(
            "{ a: string, b: { *: topic } }[]",
            r#"Ok(List(Members({"a": Named("string"), "b": Members({"*": Named("topic")})})))"#,
        );
        for text in ["", "'a' | 'b'", "string[2]", "{ a }", "string string"] {
            assert!(Kind::read(text).is_err(), "{text}");
        }
    }
}
