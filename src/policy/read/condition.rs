//! What a selector may be: conditions on tags and properties, nested with `all`, `any` and `not`.
//!
//! Whether a rule's conditions together are enough is not asked here.

use std::collections::{BTreeMap, BTreeSet};

use miette::SourceSpan;

use super::super::reader::{Fields, Reader, shown};
use super::super::yaml::{Node, Value, at};
use super::super::{Clause, Glob, Problem, Property, Selector, Test, resource};
use super::keys;
use super::names::TAG_VALUE;
use crate::model::SubscriptionId;

const SELECTOR_LIKE: &str = "`{tags: {team: payments}}`";
const TAGS_LIKE: &str = "`{team: payments}`";
const PARTS_LIKE: &str = "`- tags: {team: payments}`";
const VALUES_LIKE: &str = "`[payments, billing]`";
const TEST_LIKE: &str = "`{present: true}`";

/// What a condition looks at
#[derive(Clone, Copy)]
enum Of<'t> {
    Tag(&'t str),
    Property(Property),
}

impl Of<'_> {
    fn place(self) -> &'static str {
        match self {
            Self::Tag(_) => "a condition on a tag",
            Self::Property(Property::Name) => "a condition on a name",
            Self::Property(Property::Subscription) => "a condition on a subscription",
            Self::Property(Property::ResourceGroup) => "a condition on a resource group",
            Self::Property(Property::Location) => "a condition on a location",
        }
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Tag(_) => &keys::TAG_TEST,
            Self::Property(Property::Subscription) => &keys::ID_TEST,
            Self::Property(Property::Name | Property::ResourceGroup | Property::Location) => {
                &keys::TEXT_TEST
            }
        }
    }

    fn name(self) -> String {
        match self {
            Self::Tag(tag) => format!("the tag `{}`", shown(tag)),
            Self::Property(what) => format!("the {}", what.word()),
        }
    }
}

impl Reader {
    /// Conditions on one side; none if there is nothing
    pub(super) fn selector(
        &mut self,
        node: Option<&Node>,
        place: &'static str,
    ) -> Option<Selector> {
        let Some(node) = node else { return Some(Selector::default()) };
        self.clauses(node, place).map(|clauses| Selector { clauses })
    }

    fn clauses(&mut self, node: &Node, place: &'static str) -> Option<BTreeSet<Clause>> {
        let noted = self.problems.len();
        let fields = self.fields(node, place, &keys::SELECTOR, SELECTOR_LIKE)?;
        let mut clauses = BTreeSet::new();
        if let Some(tags) = fields.get("tags") {
            clauses.extend(self.tags(tags).into_iter().flatten());
        }
        for what in Property::ALL {
            let test = fields.get(what.key()).and_then(|node| self.test(Of::Property(what), node));
            clauses.extend(test.map(|test| Clause::Is { what, test }));
        }
        if let Some(node) = fields.get("all") {
            clauses.extend(self.parts(node, "`all`").into_iter().flatten());
        }
        if let Some(node) = fields.get("any") {
            clauses.extend(self.parts(node, "`any`").map(Clause::Any));
        }
        if let Some(node) = fields.get("not") {
            let part = self.part(node, "`not`");
            clauses.extend(part.map(|clause| Clause::Not(Box::new(clause))));
        }
        // A condition that was refused must not be missed as well.
        (self.problems.len() == noted).then_some(clauses)
    }

    /// The selectors in a list, each as one condition
    fn parts(&mut self, node: &Node, place: &'static str) -> Option<BTreeSet<Clause>> {
        let items = self.list(node, place, PARTS_LIKE)?;
        if items.is_empty() {
            return self.refuse(Problem::NoParts { place, at: at(node) });
        }
        let parts: Vec<_> = items.iter().map(|item| self.part(item, place)).collect();
        parts.into_iter().collect()
    }

    /// A selector inside of another, as one condition. One without any would fit everything.
    fn part(&mut self, node: &Node, place: &'static str) -> Option<Clause> {
        let mut clauses = self.clauses(node, place)?;
        match clauses.len() {
            0 => self.refuse(Problem::EmptyPart { place, at: at(node) }),
            1 => clauses.pop_first(),
            _ => Some(Clause::All(clauses)),
        }
    }

    fn tags(&mut self, node: &Node) -> Option<Vec<Clause>> {
        let mut first: BTreeMap<String, SourceSpan> = BTreeMap::new();
        let mut clauses = Vec::new();
        for (key, value) in self.entries(node, "`tags`", TAGS_LIKE)? {
            let name = self.tag_name(&key.value, at(key));
            let test = self.test(Of::Tag(&key.value), value);
            let (Some(tag), Some(test)) = (name, test) else { continue };
            if let Some(first) = first.insert(tag.clone(), at(key)) {
                let help =
                    "letter case makes no difference in the names of tags: keep one of the two";
                let (found, at) = (shown(&key.value), at(key));
                self.problems.push(Problem::RepeatedKey { found, help, first, at });
            }
            clauses.push(Clause::Tag { tag, test });
        }
        Some(clauses)
    }

    fn test(&mut self, of: Of<'_>, node: &Node) -> Option<Test> {
        match &node.value {
            Value::List(_) => self.values(of, node).map(Test::AnyOf),
            Value::Map(_) => self.worded_test(of, node),
            Value::Nothing | Value::Truth(_) | Value::Whole(_) | Value::Number | Value::Text(_) => {
                self.value(of, node).map(|value| Test::AnyOf(BTreeSet::from([value])))
            }
        }
    }

    /// A condition that says in a word what it is
    fn worded_test(&mut self, of: Of<'_>, node: &Node) -> Option<Test> {
        let noted = self.problems.len();
        let fields = self.fields(node, of.place(), of.keys(), TEST_LIKE)?;
        if self.problems.len() > noted {
            return None;
        }
        let mut said = of.keys().iter().filter_map(|key| Some((*key, fields.get(key)?)));
        let (Some((key, value)), None) = (said.next(), said.next()) else {
            return self.not_one(of, &fields);
        };
        match key {
            "equals" => self.value(of, value).map(|value| Test::AnyOf(BTreeSet::from([value]))),
            "any_of" => self.values(of, value).map(Test::AnyOf),
            "glob" => self.globs(of, value).map(Test::Like),
            "present" => self.is_true("present", value).then_some(Test::Present),
            "absent" => self.is_true("absent", value).then(|| Test::Present.opposite()),
            _ => self.test(of, value).map(Test::opposite),
        }
    }

    fn not_one<T>(&mut self, of: Of<'_>, fields: &Fields<'_>) -> Option<T> {
        let help = match of {
            Of::Tag(_) => {
                "write the value that fits, a list of values, `{present: true}`, `{absent: true}`, `{glob: 'prod-*'}` or `{not: prod}`"
            }
            Of::Property(Property::Subscription) => {
                "write the id that fits, a list of ids, or `{not: <id>}`"
            }
            Of::Property(Property::Name | Property::ResourceGroup | Property::Location) => {
                "write what fits, a list, `{glob: 'prod-*'}` or `{not: prod}`"
            }
        };
        self.refuse(Problem::NotOneTest { place: of.place(), help, at: fields.at })
    }

    fn is_true(&mut self, key: &'static str, node: &Node) -> bool {
        let is_true = matches!(node.value, Value::Truth(true));
        if !is_true {
            self.problems.push(Problem::NotTrue { key, at: at(node) });
        }
        is_true
    }

    fn values(&mut self, of: Of<'_>, node: &Node) -> Option<BTreeSet<String>> {
        let items = self.list(node, "`any_of`", VALUES_LIKE)?;
        if items.is_empty() {
            return self.refuse(Problem::NoValues { what: of.name(), at: at(node) });
        }
        let values: Vec<_> = items.iter().map(|item| self.value(of, item)).collect();
        values.into_iter().collect()
    }

    fn globs(&mut self, of: Of<'_>, node: &Node) -> Option<BTreeSet<Glob>> {
        let items = match &node.value {
            Value::List(items) if items.is_empty() => {
                return self.refuse(Problem::NoValues { what: of.name(), at: at(node) });
            }
            Value::List(items) => items.iter().collect(),
            Value::Nothing
            | Value::Truth(_)
            | Value::Whole(_)
            | Value::Number
            | Value::Text(_)
            | Value::Map(_) => vec![node],
        };
        let globs: Vec<_> = items.into_iter().map(|item| self.glob(of, item)).collect();
        globs.into_iter().collect()
    }

    fn glob(&mut self, of: Of<'_>, node: &Node) -> Option<Glob> {
        let text = self.text(node, "a pattern")?;
        if text.is_empty() {
            return self.refuse(Problem::EmptyGlob { at: at(node) });
        }
        match of {
            Of::Tag(_) => self.tag_value(node).map(|text| Glob::new(&text)),
            Of::Property(Property::Location) => Some(Glob::new(&resource::location(text))),
            Of::Property(_) => {
                let text = self.segment(of, text, at(node))?;
                Some(Glob::new(&text))
            }
        }
    }

    fn value(&mut self, of: Of<'_>, node: &Node) -> Option<String> {
        match of {
            Of::Tag(_) => self.tag_value(node),
            Of::Property(what) => {
                let text = self.text(node, &of.name())?.trim();
                match what {
                    Property::Location => Some(resource::location(text).into_owned()),
                    Property::Subscription => match text.parse::<SubscriptionId>() {
                        Ok(id) => Some(id.to_string()),
                        Err(_) => {
                            self.refuse(Problem::Subscription { found: shown(text), at: at(node) })
                        }
                    },
                    Property::Name | Property::ResourceGroup => self.segment(of, text, at(node)),
                }
            }
        }
    }

    /// A part of a resource id, in lower case
    fn segment(&mut self, of: Of<'_>, text: &str, at: SourceSpan) -> Option<String> {
        if text.is_empty() || text.contains('/') {
            return self.refuse(Problem::NotAName { what: of.name(), found: shown(text), at });
        }
        Some(text.to_lowercase())
    }

    fn tag_value(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "a tag's value")?;
        let length = text.chars().count();
        if length > TAG_VALUE {
            return self.refuse(Problem::TagValue { most: TAG_VALUE, length, at: at(node) });
        }
        Some(text.to_owned())
    }
}
