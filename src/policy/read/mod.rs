//! What a policy file consists of, key by key, and what each value may be.
//!
//! All problems are found in one go. Nothing is guessed: what is not understood is refused.

mod condition;
pub(super) mod keys;
mod names;

use std::collections::BTreeMap;
use std::str::FromStr;

use miette::SourceSpan;

use super::reader::{Fields, Reader, shown};
use super::yaml::{self, Node, Value, at};
use super::{Consent, Effect, Former, Limits, Mode, Policy, Problem, RoleChoice, Rule, Side};
use crate::model::{Owner, Role};

/// The owner in the policy that ships
const PLACEHOLDER: &str = "change-me";

/// Highest limit: far more role assignments than Azure allows in a subscription
const MOST: u32 = 100_000;

const POLICY_LIKE: &str = "`owner: contoso-production`, and more keys below";
const RULES_LIKE: &str = "`- name: same-team`, and the rule's other keys below";

const OWNER_HELP: &str = "`owner:` and any text unique to this installation";
const MODE_HELP: &str =
    "`mode: observe` changes nothing, `attach-only` attaches, `sync` detaches too";
const RULES_HELP: &str = "`rules:` and a list of rules; without rules nothing is ever attached";
const NAME_HELP: &str = "`name:` and a short name of the rule's own";

/// A policy, and where its rules stand
#[derive(Debug)]
pub(super) struct Read {
    pub(super) policy: Policy,
    /// Where each rule has its name
    pub(super) places: BTreeMap<String, SourceSpan>,
}

/// Reads a policy, or says all that is wrong, in the order of the text.
pub(super) fn policy(text: &str) -> Result<Read, Vec<Problem>> {
    let root = yaml::parse(text).map_err(|problem| vec![problem])?;
    let mut reader = Reader::default();
    let policy = reader.policy(&root);
    let mut problems = reader.problems;
    problems.sort_by_key(|problem| problem.at().offset());
    let read = policy.map(|policy| Read { policy, places: reader.places });
    read.filter(|_| problems.is_empty()).ok_or(problems)
}

impl Reader {
    fn policy(&mut self, root: &Node) -> Option<Policy> {
        let fields = self.fields(root, "the policy", &keys::POLICY, POLICY_LIKE)?;
        let owner = self.required(&fields, "owner", OWNER_HELP);
        let owner = owner.and_then(|node| self.owner(node));
        let mode = self.required(&fields, "mode", MODE_HELP);
        let mode = mode.and_then(|node| self.mode(node));
        let limits = self.limits(&fields);
        let rules = self.required(&fields, "rules", RULES_HELP);
        let rules = rules.and_then(|node| self.rules(node, "`rules`", Self::rule));
        let (rules, places) =
            rules.map_or((None, BTreeMap::new()), |(rules, places)| (Some(rules), places));
        self.places = places;
        let pins = fields.get("pins");
        let pins = pins.map_or(Some(Vec::new()), |node| {
            self.rules(node, "`pins`", Self::pin).map(|(pins, _)| pins)
        });
        let principals = fields.get("service_principals");
        let service_principals =
            principals.map_or(Some(BTreeMap::new()), |node| self.service_principals(node))?;
        let former_identities = self.former(&fields, "former_identities");
        let former_roles = self.former(&fields, "former_roles");
        Some(Policy {
            owner: owner?,
            mode: mode?,
            limits: limits?,
            service_principals,
            former_identities: former_identities?,
            former_roles: former_roles?,
            pins: pins?,
            rules: rules?,
        })
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

    fn former(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<Former> {
        let Some(node) = fields.get(key) else { return Some(Former::Keep) };
        self.word(node, key, &[("keep", Former::Keep), ("remove", Former::Remove)])
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
    ) -> Option<(Vec<Rule>, BTreeMap<String, SourceSpan>)> {
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
        let places = by_name.iter().map(|(name, (place, _))| (name.clone(), *place)).collect();
        Some((by_name.into_values().map(|(_, rule)| rule).collect(), places))
    }

    /// A rule, and where its name stands
    fn rule(&mut self, node: &Node) -> Option<(SourceSpan, Rule)> {
        let fields = self.fields(node, "a rule", &keys::RULE, RULES_LIKE)?;
        let effect = fields.get("effect").map_or(Some(Effect::Attach), |node| self.effect(node));
        let role = fields.get("role").map_or(Some(RoleChoice::Auto), |node| self.role(node));
        if let (Some(Effect::Veto), Some(node)) = (effect, fields.get("role")) {
            return self.refuse(Problem::RoleOfVeto { at: at(node) });
        }
        self.conditions(&fields, effect, role)
    }

    /// An entry of `pins`, and where its name stands
    fn pin(&mut self, node: &Node) -> Option<(SourceSpan, Rule)> {
        let fields = self.fields(node, "an entry of `pins`", &keys::PIN, RULES_LIKE)?;
        self.conditions(&fields, Some(Effect::Pin), Some(RoleChoice::Auto))
    }

    fn conditions(
        &mut self,
        fields: &Fields<'_>,
        effect: Option<Effect>,
        attach_as: Option<RoleChoice>,
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
            role: attach_as?,
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

    fn effect(&mut self, node: &Node) -> Option<Effect> {
        self.word(node, "effect", &[("attach", Effect::Attach), ("veto", Effect::Veto)])
    }

    fn role(&mut self, node: &Node) -> Option<RoleChoice> {
        let known = [
            ("auto", RoleChoice::Auto),
            ("AcrPull", RoleChoice::Only(Role::AcrPull)),
            ("Container Registry Repository Reader", RoleChoice::Only(Role::RepositoryReader)),
        ];
        self.word(node, "role", &known)
    }

    /// Refuses a rule that gives access without both sides having asked for it.
    fn consent(&mut self, rule: &Rule, at: SourceSpan) {
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
                    (
                        Side::Cluster,
                        "add a tag under `cluster`, a `join`, or the `subscription` that you answer for",
                    ),
                    (
                        Side::Registry,
                        "add a tag under `registry`, a `join` with `same_tag`, or the `subscription` that you answer for",
                    ),
                ] {
                    if rule.consent(side) == Consent::Nobody {
                        let name = name.clone();
                        self.problems.push(Problem::NoConsent { name, side, help, at });
                    }
                }
            }
        }
    }
}
