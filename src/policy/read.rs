//! What a policy file consists of, key by key, and what each value may be.
//!
//! All problems are found in one go. Nothing is guessed: what is not understood is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use miette::SourceSpan;

use super::reader::{Fields, Reader, shown};
use super::yaml::{self, Node, Value, at};
use super::{Effect, Join, Limits, Mode, Policy, Problem, Rule, Selector, Side, TagTest};
use crate::model::Owner;

/// The owner in the policy that ships
const PLACEHOLDER: &str = "change-me";

/// Longest name of a rule: it must leave room in a role assignment's description
const RULE_NAME: usize = 100;

/// Highest limit: far more role assignments than Azure allows in a subscription
const MOST: u32 = 100_000;

/// Azure's limits for tags
const TAG_NAME: usize = 512;
const TAG_VALUE: usize = 256;
const NOT_IN_TAG_NAMES: &str = "<>%&\\?/";

const POLICY_KEYS: [&str; 7] =
    ["owner", "mode", "max_attach", "max_detach", "max_detach_percent", "pins", "rules"];
const RULE_KEYS: [&str; 6] = ["name", "description", "effect", "cluster", "registry", "join"];
const PIN_KEYS: [&str; 5] = ["name", "description", "cluster", "registry", "join"];
const JOIN_KEYS: [&str; 2] = ["same_tag", "registry_named_in"];

const POLICY_LIKE: &str = "`owner: contoso-production`, and more keys below";
const RULES_LIKE: &str = "`- name: same-team`, and the rule's other keys below";
const SELECTOR_LIKE: &str = "`{tags: {team: payments}}`";
const TAGS_LIKE: &str = "`{team: payments}`";
const JOIN_LIKE: &str = "`- same_tag: team`";
const SAME_TAG_LIKE: &str = "`{cluster: team, registry: owner-team}`";
const PRESENT_LIKE: &str = "`{present: true}`";

const OWNER_HELP: &str = "`owner:` and any text unique to this installation";
const MODE_HELP: &str =
    "`mode: observe` changes nothing, `attach-only` attaches, `sync` detaches too";
const RULES_HELP: &str = "`rules:` and a list of rules; without rules nothing is ever attached";
const NAME_HELP: &str = "`name:` and a short name of the rule's own";
const BOTH_TAGS_HELP: &str = "`same_tag` with two names has one for each side; for one name on both sides, write `same_tag: team`";

/// Reads a policy, or says all that is wrong, in the order of the text.
pub(super) fn policy(text: &str) -> Result<Policy, Vec<Problem>> {
    let root = yaml::parse(text).map_err(|problem| vec![problem])?;
    let mut reader = Reader::default();
    let policy = reader.policy(&root);
    let mut problems = reader.problems;
    problems.sort_by_key(|problem| problem.at().offset());
    policy.filter(|_| problems.is_empty()).ok_or(problems)
}

impl Reader {
    fn policy(&mut self, root: &Node) -> Option<Policy> {
        let fields = self.fields(root, "the policy", &POLICY_KEYS, POLICY_LIKE)?;
        let owner = self.required(&fields, "owner", OWNER_HELP);
        let owner = owner.and_then(|node| self.owner(node));
        let mode = self.required(&fields, "mode", MODE_HELP);
        let mode = mode.and_then(|node| self.mode(node));
        let limits = self.limits(&fields);
        let rules = self.required(&fields, "rules", RULES_HELP);
        let rules = rules.and_then(|node| self.rules(node, "`rules`", Self::rule));
        let pins = fields.get("pins");
        let pins = pins.map_or(Some(Vec::new()), |node| self.rules(node, "`pins`", Self::pin));
        let (owner, mode, limits) = (owner?, mode?, limits?);
        Some(Policy { owner, mode, limits, pins: pins?, rules: rules? })
    }

    fn owner(&mut self, node: &Node) -> Option<Owner> {
        let text = self.text(node, "the owner")?;
        if text.trim().eq_ignore_ascii_case(PLACEHOLDER) {
            return self.refuse(Problem::OwnerUnchanged { at: at(node) });
        }
        Owner::from_str(text)
            .map_or_else(|reason| self.refuse(Problem::Owner { at: at(node), reason }), Some)
    }

    fn mode(&mut self, node: &Node) -> Option<Mode> {
        let known =
            [("observe", Mode::Observe), ("attach-only", Mode::AttachOnly), ("sync", Mode::Sync)];
        self.word(node, "mode", &known)
    }

    fn limits(&mut self, fields: &Fields<'_>) -> Option<Limits> {
        let usual = Limits::default();
        let attach = self.limit(fields, "max_attach", usual.max_attach, MOST);
        let detach = self.limit(fields, "max_detach", usual.max_detach, MOST);
        let percent = self.limit(fields, "max_detach_percent", usual.max_detach_percent, 100);
        Some(Limits { max_attach: attach?, max_detach: detach?, max_detach_percent: percent? })
    }

    fn limit<N>(&mut self, fields: &Fields<'_>, key: &'static str, usual: N, most: N) -> Option<N>
    where
        N: TryFrom<u64> + PartialOrd + Into<u64>,
    {
        let Some(node) = fields.get(key) else { return Some(usual) };
        if let Value::Whole(number @ 1..) = node.value
            && let Ok(number) = N::try_from(number)
            && number <= most
        {
            return Some(number);
        }
        let help =
            "to change nothing at all, use `mode: observe`; leave the key out for the default";
        self.refuse(Problem::Limit { key, most: most.into(), help, at: at(node) })
    }

    /// Rules with names of their own, in the order of these
    fn rules(
        &mut self,
        node: &Node,
        place: &str,
        read: fn(&mut Self, &Node) -> Option<(SourceSpan, Rule)>,
    ) -> Option<Vec<Rule>> {
        let items = self.list(node, place, RULES_LIKE)?;
        let mut by_name: BTreeMap<String, (SourceSpan, Rule)> = BTreeMap::new();
        for item in items {
            let Some((place, rule)) = read(self, item) else { continue };
            if let Some((first, _)) = by_name.get(&rule.name) {
                let (name, first) = (shown(&rule.name), *first);
                self.problems.push(Problem::RepeatedRuleName { name, first, at: place });
            } else {
                by_name.insert(rule.name.clone(), (place, rule));
            }
        }
        Some(by_name.into_values().map(|(_, rule)| rule).collect())
    }

    /// A rule, and where its name stands
    fn rule(&mut self, node: &Node) -> Option<(SourceSpan, Rule)> {
        let fields = self.fields(node, "a rule", &RULE_KEYS, RULES_LIKE)?;
        let effect = fields.get("effect").map_or(Some(Effect::Attach), |node| self.effect(node));
        self.conditions(&fields, effect)
    }

    /// An entry of `pins`, and where its name stands
    fn pin(&mut self, node: &Node) -> Option<(SourceSpan, Rule)> {
        let fields = self.fields(node, "an entry of `pins`", &PIN_KEYS, RULES_LIKE)?;
        self.conditions(&fields, Some(Effect::Pin))
    }

    fn conditions(
        &mut self,
        fields: &Fields<'_>,
        effect: Option<Effect>,
    ) -> Option<(SourceSpan, Rule)> {
        let noted = self.problems.len();
        let name = self.required(fields, "name", NAME_HELP);
        let named = name.and_then(|node| Some((at(node), self.rule_name(node)?)));
        let description =
            fields.get("description").and_then(|node| self.text(node, "the description"));
        let cluster = self.selector(fields.get("cluster"), "`cluster`");
        let registry = self.selector(fields.get("registry"), "`registry`");
        let joins = self.joins(fields.get("join"));
        let (place, name) = named?;
        let rule = Rule {
            name,
            description: description.map(str::to_owned),
            effect: effect?,
            cluster: cluster?,
            registry: registry?,
            joins: joins?,
        };
        // A condition under a misspelled key must not be missed as well.
        if self.problems.len() == noted && fields.are_all_known() {
            self.consent(&rule, place);
        }
        Some((place, rule))
    }

    fn rule_name(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node, "a rule's name")?.trim();
        let fits = (1..=RULE_NAME).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            return self.refuse(Problem::RuleName { most: RULE_NAME, at: at(node) });
        }
        Some(name.to_owned())
    }

    fn effect(&mut self, node: &Node) -> Option<Effect> {
        self.word(node, "effect", &[("attach", Effect::Attach), ("veto", Effect::Veto)])
    }

    /// Refuses a rule that gives access without both sides having asked for it.
    fn consent(&mut self, rule: &Rule, at: SourceSpan) {
        let asks = |side| rule.conditions().any(|condition| condition.asks(side));
        let name = shown(&rule.name);
        match rule.effect {
            Effect::Veto if rule.conditions().next().is_none() => {
                self.problems.push(Problem::VetoOfEverything { name, at });
            }
            Effect::Pin if rule.conditions().next().is_none() => {
                self.problems.push(Problem::PinOfEverything { name, at });
            }
            Effect::Veto | Effect::Pin => {}
            Effect::Attach => {
                for (side, help) in [
                    (Side::Cluster, "add a tag under `cluster`, or a `join`"),
                    (Side::Registry, "add a tag under `registry`, or a `join` with `same_tag`"),
                ] {
                    if !asks(side) {
                        let name = name.clone();
                        self.problems.push(Problem::NoConsent { name, side, help, at });
                    }
                }
            }
        }
    }

    fn selector(&mut self, node: Option<&Node>, place: &'static str) -> Option<Selector> {
        let Some(node) = node else { return Some(Selector::default()) };
        let noted = self.problems.len();
        let fields = self.fields(node, place, &["tags"], SELECTOR_LIKE)?;
        let Some(tags) = fields.get("tags") else {
            return (self.problems.len() == noted).then(Selector::default);
        };
        let mut first: BTreeMap<String, SourceSpan> = BTreeMap::new();
        let mut selector = Selector::default();
        for (key, value) in self.entries(tags, "`tags`", TAGS_LIKE)? {
            let name = self.tag_name(&key.value, at(key));
            let test = self.tag_test(&key.value, value);
            let (Some(name), Some(test)) = (name, test) else { continue };
            if let Some(first) = first.insert(name.clone(), at(key)) {
                let help =
                    "letter case makes no difference in the names of tags: keep one of the two";
                let (found, at) = (shown(&key.value), at(key));
                self.problems.push(Problem::RepeatedKey { found, help, first, at });
            }
            selector.tags.insert(name, test);
        }
        // A condition that was refused must not be missed as well.
        (self.problems.len() == noted).then_some(selector)
    }

    fn tag_test(&mut self, tag: &str, node: &Node) -> Option<TagTest> {
        match &node.value {
            Value::List(items) if items.is_empty() => {
                self.refuse(Problem::NoValues { tag: shown(tag), at: at(node) })
            }
            Value::List(items) => {
                let values: Vec<_> = items.iter().map(|item| self.tag_value(item)).collect();
                values.into_iter().collect::<Option<_>>().map(TagTest::AnyOf)
            }
            Value::Map(_) => self.present(node),
            Value::Nothing | Value::Truth(_) | Value::Whole(_) | Value::Number | Value::Text(_) => {
                self.tag_value(node).map(|value| TagTest::AnyOf(BTreeSet::from([value])))
            }
        }
    }

    fn present(&mut self, node: &Node) -> Option<TagTest> {
        let noted = self.problems.len();
        let fields = self.fields(node, "a condition on a tag", &["present"], PRESENT_LIKE)?;
        if self.problems.len() > noted {
            return None;
        }
        let help = "write the value that fits, a list of values, or `{present: true}`";
        let present = self.required(&fields, "present", help)?;
        match present.value {
            Value::Truth(true) => Some(TagTest::Present),
            Value::Truth(false)
            | Value::Nothing
            | Value::Whole(_)
            | Value::Number
            | Value::Text(_)
            | Value::List(_)
            | Value::Map(_) => self.refuse(Problem::NotPresent { at: at(present) }),
        }
    }

    fn tag_value(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "a tag's value")?;
        let length = text.chars().count();
        if length > TAG_VALUE {
            return self.refuse(Problem::TagValue { most: TAG_VALUE, length, at: at(node) });
        }
        Some(text.to_owned())
    }

    fn tag_name(&mut self, name: &str, at: SourceSpan) -> Option<String> {
        let reason = if name.trim().is_empty() {
            "it is empty"
        } else if name.chars().count() > TAG_NAME {
            "it has more than 512 characters"
        } else if name.chars().any(|c| NOT_IN_TAG_NAMES.contains(c) || c.is_control()) {
            "Azure allows none of `<`, `>`, `%`, `&`, `\\`, `?` and `/` in it"
        } else {
            return Some(name.to_lowercase());
        };
        self.refuse(Problem::TagName { name: shown(name), reason, at })
    }

    fn joins(&mut self, node: Option<&Node>) -> Option<BTreeSet<Join>> {
        let Some(node) = node else { return Some(BTreeSet::new()) };
        let items = self.list(node, "`join`", JOIN_LIKE)?;
        let joins: Vec<_> = items.iter().map(|item| self.join(item)).collect();
        joins.into_iter().collect()
    }

    fn join(&mut self, node: &Node) -> Option<Join> {
        let noted = self.problems.len();
        let fields = self.fields(node, "a join", &JOIN_KEYS, JOIN_LIKE)?;
        match (fields.get("same_tag"), fields.get("registry_named_in")) {
            (Some(tag), None) => self.same_tag(tag),
            (None, Some(tag)) => self.tag_named(tag).map(Join::RegistryNamedIn),
            // An unknown key has been told already.
            (None, None) if self.problems.len() > noted => None,
            (None, None) | (Some(_), Some(_)) => self.refuse(Problem::Join { at: fields.at }),
        }
    }

    fn same_tag(&mut self, node: &Node) -> Option<Join> {
        if !matches!(node.value, Value::Map(_)) {
            let tag = self.tag_named(node)?;
            return Some(Join::SameTag { cluster: tag.clone(), registry: tag });
        }
        let fields = self.fields(node, "`same_tag`", &["cluster", "registry"], SAME_TAG_LIKE)?;
        let cluster = self.required(&fields, "cluster", BOTH_TAGS_HELP);
        let cluster = cluster.and_then(|node| self.tag_named(node));
        let registry = self.required(&fields, "registry", BOTH_TAGS_HELP);
        let registry = registry.and_then(|node| self.tag_named(node));
        Some(Join::SameTag { cluster: cluster?, registry: registry? })
    }

    fn tag_named(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node, "a tag's name")?;
        self.tag_name(name, at(node))
    }
}
