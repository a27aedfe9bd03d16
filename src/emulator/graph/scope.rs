//! Which rows a caller gets to see: those of the subscriptions that were asked for and can be read,
//! and, of assignments, those at, below or above them as the filter says.
//!
//! The management groups of a subscription are read from its own row in `resourcecontainers`
//! (nearest first); the group named like its tenant is above all of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Tables;
use super::refusal::Refusal;
use super::request::{Asked, Request, ScopeFilter};

const SUBSCRIPTIONS: &str = "/subscriptions/";
const MANAGEMENT_GROUPS: &str = "/providers/microsoft.management/managementgroups/";

/// What a caller gets to see. All names are in lower case.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    asked: &'a Asked,
    filter: ScopeFilter,
    /// Subscriptions that were asked for and can be read, each with its groups, nearest first
    ancestors: BTreeMap<String, Vec<String>>,
}

/// Where something lies, seen from the scope that was asked for
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    At,
    Below,
    Above,
}

impl<'a> Scope<'a> {
    /// Finds out what can be read of what was asked for
    pub(super) fn of(
        request: &'a Request,
        tables: &Tables,
        visible: &BTreeSet<String>,
    ) -> Result<Self, Refusal> {
        let groups = groups_by_subscription(tables);
        let ancestors: BTreeMap<_, _> = visible
            .iter()
            .map(|id| (id.clone(), groups.get(id).cloned().unwrap_or_default()))
            .filter(|(id, groups)| match &request.asked {
                Asked::Everywhere => true,
                Asked::Subscriptions(asked) => asked.contains(id),
                Asked::ManagementGroups(asked) => groups.iter().any(|group| asked.contains(group)),
            })
            .collect();
        if !ancestors.is_empty() {
            return Ok(Self { asked: &request.asked, filter: request.filter, ancestors });
        }
        Err(match &request.asked {
            Asked::Subscriptions(asked) => Refusal::NoSubscription(asked.iter().cloned().collect()),
            Asked::Everywhere | Asked::ManagementGroups(_) => Refusal::AccessDenied,
        })
    }

    /// Whether the caller gets to see this row
    pub(super) fn admits(&self, table: &str, row: &Value) -> bool {
        let assigned = table == "authorizationresources";
        let place = if assigned { assignment_scope(row) } else { resource_place(row) };
        if assigned && place == "/" && lower(row, "/type").ends_with("/roledefinitions") {
            // What is built in is assigned to nobody, so no filter applies to it.
            return true;
        }
        let filter = if assigned { self.filter } else { ScopeFilter::AndBelow };
        self.relation(&place).is_some_and(|relation| match filter {
            ScopeFilter::AndBelow => relation != Relation::Above,
            ScopeFilter::AndAbove => relation != Relation::Below,
            ScopeFilter::AboveAndBelow => true,
            ScopeFilter::Exact => relation == Relation::At,
        })
    }

    fn relation(&self, place: &str) -> Option<Relation> {
        if place == "/" {
            return Some(Relation::Above);
        }
        if let Some(group) = place.strip_prefix(MANAGEMENT_GROUPS) {
            return self.relation_of_group(group);
        }
        let (id, inside) = split_subscription(place)?;
        let at = !inside && matches!(self.asked, Asked::Subscriptions(_));
        let relation = if at { Relation::At } else { Relation::Below };
        self.ancestors.contains_key(id).then_some(relation)
    }

    fn relation_of_group(&self, group: &str) -> Option<Relation> {
        let Asked::ManagementGroups(asked) = self.asked else {
            return self.is_ancestor(group).then_some(Relation::Above);
        };
        if asked.contains(group) {
            return Some(Relation::At);
        }
        let beneath = self.ancestors.values().any(|chain| {
            let mut above = chain.iter().skip_while(|name| *name != group);
            above.any(|name| asked.contains(name))
        });
        let relation = if beneath { Relation::Below } else { Relation::Above };
        self.is_ancestor(group).then_some(relation)
    }

    fn is_ancestor(&self, group: &str) -> bool {
        self.ancestors.values().flatten().any(|name| name == group)
    }
}

/// The groups above each subscription, nearest first
fn groups_by_subscription(tables: &Tables) -> BTreeMap<String, Vec<String>> {
    let rows = tables.get("resourcecontainers").into_iter().flatten();
    rows.filter(|row| lower(row, "/type") == "microsoft.resources/subscriptions")
        .map(|row| {
            let chain = row.pointer("/properties/managementGroupAncestorsChain");
            let chain = chain.and_then(Value::as_array).into_iter().flatten();
            let mut groups: Vec<_> = chain.map(|group| lower(group, "/name")).collect();
            groups.push(lower(row, "/tenantId"));
            (lower(row, "/subscriptionId"), groups)
        })
        .collect()
}

fn resource_place(row: &Value) -> String {
    let subscription = lower(row, "/subscriptionId");
    let id = lower(row, "/id");
    if subscription.is_empty() || id.starts_with(SUBSCRIPTIONS) {
        return id;
    }
    format!("{SUBSCRIPTIONS}{subscription}/{id}")
}

/// The scope of an assignment: as it says, else as its id says
fn assignment_scope(row: &Value) -> String {
    let scope = lower(row, "/properties/scope");
    if !scope.is_empty() {
        return scope;
    }
    let id = lower(row, "/id");
    match id.rsplit_once("/providers/microsoft.authorization/") {
        Some(("", _)) => "/".to_owned(),
        Some((scope, _)) => scope.to_owned(),
        None => id,
    }
}

/// The subscription of a place, and whether the place lies inside of it
fn split_subscription(place: &str) -> Option<(&str, bool)> {
    let rest = place.strip_prefix(SUBSCRIPTIONS)?;
    Some(match rest.split_once('/') {
        Some((id, inside)) => (id, !inside.is_empty()),
        None => (rest, false),
    })
}

fn lower(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_lowercase()
}
