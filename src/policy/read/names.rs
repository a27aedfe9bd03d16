//! What may be the name of a tag, of a rule and of a service principal's cluster, and what relates
//! two tags.
//!
//! Whether anything in Azure is called so is not known here.

use std::collections::{BTreeMap, BTreeSet};

use miette::SourceSpan;

use super::super::reader::{Reader, shown};
use super::super::yaml::{Node, Value, at};
use super::super::{Join, Problem};
use super::keys;
use crate::model::{ClusterId, PrincipalId};

/// Longest name of a rule: it must leave room in a role assignment's description
const RULE_NAME: usize = 100;

/// Azure's limits for tags
const TAG_NAME: usize = 512;
pub(super) const TAG_VALUE: usize = 256;
const NOT_IN_TAG_NAMES: &str = "<>%&\\?/";

const JOIN_LIKE: &str = "`- same_tag: team`";
const SAME_TAG_LIKE: &str = "`{cluster: team, registry: owner-team}`";
const BOTH_TAGS_HELP: &str = "`same_tag` with two names has one for each side; for one name on both sides, write `same_tag: team`";
const PRINCIPALS_LIKE: &str = "`<cluster id>: <object id>`, a line for each";

impl Reader {
    pub(super) fn rule_name(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node, "a rule's name")?.trim();
        let fits = (1..=RULE_NAME).contains(&name.chars().count());
        if !fits || name.chars().any(char::is_control) {
            return self.refuse(Problem::RuleName { most: RULE_NAME, at: at(node) });
        }
        Some(name.to_owned())
    }

    pub(super) fn tag_name(&mut self, name: &str, at: SourceSpan) -> Option<String> {
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

    pub(super) fn joins(&mut self, node: Option<&Node>) -> Option<BTreeSet<Join>> {
        let Some(node) = node else { return Some(BTreeSet::new()) };
        let items = self.list(node, "`join`", JOIN_LIKE)?;
        let joins: Vec<_> = items.iter().map(|item| self.join(item)).collect();
        joins.into_iter().collect()
    }

    fn join(&mut self, node: &Node) -> Option<Join> {
        let noted = self.problems.len();
        let fields = self.fields(node, "a join", &keys::JOIN, JOIN_LIKE)?;
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

    /// The object ids of service principals, by the clusters that pull as them
    pub(super) fn service_principals(
        &mut self,
        node: &Node,
    ) -> Option<BTreeMap<ClusterId, PrincipalId>> {
        let noted = self.problems.len();
        let mut first: BTreeMap<ClusterId, SourceSpan> = BTreeMap::new();
        let mut principals = BTreeMap::new();
        for (key, value) in self.entries(node, "`service_principals`", PRINCIPALS_LIKE)? {
            let cluster = match key.value.parse::<ClusterId>() {
                Ok(id) => Some(id),
                Err(reason) => self.refuse(Problem::ClusterId { at: at(key), reason }),
            };
            let principal = self.object_id(value);
            let (Some(cluster), Some(principal)) = (cluster, principal) else { continue };
            if let Some(first) = first.insert(cluster.clone(), at(key)) {
                let help = "letter case makes no difference in ids: keep one of the two";
                let (found, at) = (shown(&key.value), at(key));
                self.problems.push(Problem::RepeatedKey { found, help, first, at });
            }
            principals.insert(cluster, principal);
        }
        (self.problems.len() == noted).then_some(principals)
    }

    fn object_id(&mut self, node: &Node) -> Option<PrincipalId> {
        let text = self.text(node, "an object id")?;
        let wrong = Problem::ObjectId { found: shown(text), at: at(node) };
        text.parse().map_or_else(|_| self.refuse(wrong), Some)
    }
}
