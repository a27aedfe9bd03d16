//! From YAML to a policy: which keys there are, what they may say, and what a rule must ask for.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::Owner;

use super::reader::{Fields, Reader};
use super::yaml::{self, Node, Value, at};
use super::{Effect, Join, Limits, Mode, Policy, Problem, Rule, Selector, Side, TagTest};

/// What the policy that ships says for an owner, so that nobody forgets to state one
const PLACEHOLDER: &str = "change-me";

pub(super) const OWNER_HELP: &str = "state a text that no other installation of tether uses, such as the function app's name; it never changes again";
pub(super) const MODE_HELP: &str =
    "state `mode: attach-only`, or `mode: observe` to see what would be done";
pub(super) const RULES_HELP: &str = "list at least one rule, each starting with `- name:`";
pub(super) const JOIN_HELP: &str =
    "list joins such as `- same_tag: team` or `- registry_named_in: acr-attach`";
const TEST_HELP: &str = "state a value, a list of values, or `{ present: true }`";

/// Azure's limits for tags
const LONGEST_TAG_NAME: usize = 512;
const LONGEST_TAG_VALUE: usize = 256;
const NOT_IN_TAG_NAMES: &[char] = &['<', '>', '%', '&', '\\', '?', '/'];

/// Reads a policy, or tells everything that is wrong with it.
pub(super) fn policy(text: &str) -> Result<Policy, Vec<Problem>> {
    let root = yaml::parse(text).map_err(|problem| vec![problem])?;
    let mut reader = Reader::default();
    let policy = reader.policy(&root);
    match (policy, reader.into_problems()) {
        (Some(policy), problems) if problems.is_empty() => Ok(policy),
        (_, problems) => Err(problems),
    }
}

impl Reader {
    fn policy(&mut self, root: &Node) -> Option<Policy> {
        let known = ["owner", "mode", "max_attach", "max_detach", "max_detach_percent", "rules"];
        let fields = self.fields(root, "the policy", &known)?;
        let owner = self.owner(&fields);
        let mode = self.mode(&fields);
        let limits = self.limits(&fields);
        let rules = self.rules(&fields);
        Some(Policy { owner: owner?, mode: mode?, limits: limits?, rules: rules? })
    }

    fn owner(&mut self, fields: &Fields<'_>) -> Option<Owner> {
        let node = self.required(fields, "owner", OWNER_HELP)?;
        let text = self.text(node, "owner")?;
        if text == PLACEHOLDER {
            return self.problem("`owner` is still `change-me`", at(node), OWNER_HELP);
        }
        text.parse().ok().or_else(|| {
            self.problem(
                "`owner` is longer than 128 bytes or holds control characters",
                at(node),
                OWNER_HELP,
            )
        })
    }

    fn mode(&mut self, fields: &Fields<'_>) -> Option<Mode> {
        let node = self.required(fields, "mode", MODE_HELP)?;
        let modes = [("observe", Mode::Observe), ("attach-only", Mode::AttachOnly)];
        if matches!(&node.value, Value::Text(text) if text == "sync") {
            let message = "mode `sync` is not available in this version";
            let help =
                "state `attach-only`: it attaches everything that rules want and detaches nothing";
            return self.problem(message, at(node), help);
        }
        self.word(node, "mode", &modes)
    }

    fn limits(&mut self, fields: &Fields<'_>) -> Option<Limits> {
        let Limits { max_attach, max_detach, max_detach_percent } = Limits::default();
        let most = u64::from(u32::MAX);
        Some(Limits {
            max_attach: self.limit(fields, "max_attach", most, max_attach)?,
            max_detach: self.limit(fields, "max_detach", most, max_detach)?,
            max_detach_percent: self.limit(
                fields,
                "max_detach_percent",
                100,
                max_detach_percent,
            )?,
        })
    }

    fn limit<T: TryFrom<u64>>(
        &mut self,
        fields: &Fields<'_>,
        key: &str,
        most: u64,
        default: T,
    ) -> Option<T> {
        match fields.get(key) {
            None => Some(default),
            Some(node) => self.whole(node, key, most)?.try_into().ok(),
        }
    }

    fn rules(&mut self, fields: &Fields<'_>) -> Option<Vec<Rule>> {
        let node = self.required(fields, "rules", RULES_HELP)?;
        let items = self.items(node, "rules", RULES_HELP)?;
        let mut by_name = BTreeMap::new();
        for item in items {
            let Some(rule) = self.rule(item) else { continue };
            if let Some(first) = by_name.insert(rule.name.clone(), rule) {
                let message = format!("there are two rules with the name `{}`", first.name);
                self.problem::<()>(message, at(item), "give each rule a name of its own");
            }
        }
        Some(by_name.into_values().collect())
    }

    fn rule(&mut self, node: &Node) -> Option<Rule> {
        let known = ["name", "description", "effect", "cluster", "registry", "join"];
        let fields = self.fields(node, "a rule", &known)?;
        let name = self.required(&fields, "name", "give the rule a name: logs and plans use it");
        let name = name.and_then(|node| self.text(node, "name"));
        let description = fields.get("description").map(|node| self.text(node, "description"));
        let effects = [("attach", Effect::Attach), ("veto", Effect::Veto)];
        let effect = fields
            .get("effect")
            .map_or(Some(Effect::Attach), |node| self.word(node, "effect", &effects));
        let cluster = self.selector(&fields, "cluster");
        let registry = self.selector(&fields, "registry");
        let joins = self.joins(&fields);
        let rule = Rule {
            name: name?.trim().to_owned(),
            description: description.flatten().map(str::to_owned),
            effect: effect?,
            cluster: cluster?,
            registry: registry?,
            joins: joins?,
        };
        self.asks_enough(rule, node)
    }

    /// Whoever tags one side must not decide alone: an attaching rule asks something of both.
    fn asks_enough(&mut self, rule: Rule, node: &Node) -> Option<Rule> {
        let asks = |side| rule.conditions().any(|condition| condition.asks(side));
        let (side, example) = match (rule.effect, asks(Side::Cluster), asks(Side::Registry)) {
            (Effect::Attach, false, _) => ("cluster", "`cluster: { tags: { acr-attach: auto } }`"),
            (Effect::Attach, _, false) => {
                ("registry", "`registry: { tags: { acr-attach: { present: true } } }`")
            }
            (Effect::Veto, false, false) => {
                ("cluster or registry", "a condition, or it forbids everything")
            }
            (Effect::Attach | Effect::Veto, ..) => return Some(rule),
        };
        let message = format!("rule `{}` asks nothing of the {side}", rule.name);
        let start = miette::SourceSpan::from((at(node).offset(), 0));
        self.problem(message, start, format!("both sides must consent: add {example}"))
    }

    fn selector(&mut self, fields: &Fields<'_>, side: &str) -> Option<Selector> {
        let Some(node) = fields.get(side) else { return Some(Selector::default()) };
        let fields = self.fields(node, side, &["tags"])?;
        let Some(node) = fields.get("tags") else { return Some(Selector::default()) };
        let Value::Map(entries) = &node.value else {
            return self.unfit(node, "tags", "a map", "state `tags: { name: value }`");
        };
        let mut tags = BTreeMap::new();
        for (name, test) in entries {
            let test = self.test(test, &name.value);
            let key = self.tag_name(&name.value, at(name));
            if let (Some(key), Some(test)) = (key, test)
                && tags.insert(key, test).is_some()
            {
                let message = format!("the tag `{}` is asked for twice", name.value);
                self.problem::<()>(
                    message,
                    at(name),
                    "names of tags have no letter case: keep one",
                );
            }
        }
        Some(Selector { tags })
    }

    fn test(&mut self, node: &Node, tag: &str) -> Option<TagTest> {
        match &node.value {
            Value::Map(_) => {
                let fields = self.fields(node, tag, &["present"])?;
                let present = self.required(&fields, "present", TEST_HELP)?;
                if matches!(present.value, Value::Truth(true)) {
                    return Some(TagTest::Present);
                }
                self.problem("`present` can only be `true`", at(present), TEST_HELP)
            }
            Value::List(_) => {
                let items = self.items(node, tag, TEST_HELP)?;
                let values = items.iter().map(|item| self.tag_value(item, tag));
                Some(TagTest::AnyOf(values.collect::<Option<BTreeSet<_>>>()?))
            }
            Value::Nothing | Value::Truth(_) | Value::Whole(_) | Value::Number | Value::Text(_) => {
                Some(TagTest::AnyOf(BTreeSet::from([self.tag_value(node, tag)?])))
            }
        }
    }

    fn tag_value(&mut self, node: &Node, tag: &str) -> Option<String> {
        let value = self.text(node, tag)?;
        if value.chars().count() > LONGEST_TAG_VALUE {
            let message = format!("the value is longer than {LONGEST_TAG_VALUE} characters");
            return self.problem(message, at(node), "no tag in Azure can have this value");
        }
        Some(value.to_owned())
    }

    fn tag_name(&mut self, name: &str, place: miette::SourceSpan) -> Option<String> {
        let fits = !name.trim().is_empty()
            && name.chars().count() <= LONGEST_TAG_NAME
            && !name.contains(NOT_IN_TAG_NAMES);
        if fits {
            return Some(name.to_lowercase());
        }
        let help = "in Azure it has 1 to 512 characters and none of < > % & \\ ? /";
        self.problem(format!("`{name}` cannot be the name of a tag"), place, help)
    }

    fn joins(&mut self, fields: &Fields<'_>) -> Option<BTreeSet<Join>> {
        let Some(node) = fields.get("join") else { return Some(BTreeSet::new()) };
        let items = self.items(node, "join", JOIN_HELP)?;
        let joins: Vec<_> = items.iter().map(|item| self.join(item)).collect();
        joins.into_iter().collect()
    }

    fn join(&mut self, node: &Node) -> Option<Join> {
        let fields = self.fields(node, "a join", &["same_tag", "registry_named_in"])?;
        match (fields.get("same_tag"), fields.get("registry_named_in")) {
            (Some(tags), None) => self.same_tag(tags),
            (None, Some(tag)) => self.tag(tag, "registry_named_in").map(Join::RegistryNamedIn),
            (None, None) if !fields.is_empty() => None,
            (Some(_), Some(_)) | (None, None) => {
                self.problem("a join is one thing", at(node), JOIN_HELP)
            }
        }
    }

    fn same_tag(&mut self, node: &Node) -> Option<Join> {
        if !matches!(node.value, Value::Map(_)) {
            let tag = self.tag(node, "same_tag")?;
            return Some(Join::SameTag { cluster: tag.clone(), registry: tag });
        }
        let help = "state both: `same_tag: { cluster: team, registry: owner-team }`";
        let fields = self.fields(node, "same_tag", &["cluster", "registry"])?;
        let mut side = |key| {
            let node = self.required(&fields, key, help)?;
            self.tag(node, key)
        };
        let (cluster, registry) = (side("cluster"), side("registry"));
        Some(Join::SameTag { cluster: cluster?, registry: registry? })
    }

    fn tag(&mut self, node: &Node, what: &str) -> Option<String> {
        let name = self.text(node, what)?;
        self.tag_name(name, at(node))
    }
}
