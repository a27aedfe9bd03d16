//! A rule as the operator meant it: checked, and with tag names in lower case.
//!
//! How a rule is spelled in YAML and how it is held against a pair stand elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::{Condition, Side};

/// A rule: what it does to the pairs that fit all its conditions
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, unique in the policy
    pub name: String,
    /// What it is for, in the operator's words
    pub description: Option<String>,
    /// What it does
    pub effect: Effect,
    /// What the cluster must be like
    pub cluster: Selector,
    /// What the registry must be like
    pub registry: Selector,
    /// How the two must belong together
    pub joins: BTreeSet<Join>,
}

/// What a rule does to the pairs that fit it
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Wants the registry attached to the cluster
    Attach,
    /// Forbids it, whatever other rules want
    Veto,
    /// Wants nothing, and lets a person attach it by a command: what stands under `pins`
    Pin,
}

/// Conditions on one side of a pair; none fit everything
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Conditions on tags, by the tag's name in lower case
    pub tags: BTreeMap<String, TagTest>,
}

/// What a tag must be like
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagTest {
    /// There, with any value, even an empty one
    Present,
    /// One of these values, exactly as written
    AnyOf(BTreeSet<String>),
}

/// What relates a cluster to a registry. Tag names are in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Join {
    /// A tag of the cluster and a tag of the registry have the same value, which is not blank
    SameTag {
        /// The cluster's tag
        cluster: String,
        /// The registry's tag
        registry: String,
    },
    /// A tag of the cluster names the registry: names, login servers or ids, between commas.
    /// The words `auto` and `disabled` name nothing.
    RegistryNamedIn(String),
}

impl Rule {
    /// Every condition of the rule, in an order that the text does not influence
    pub fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        (self.registry.conditions(Side::Registry))
            .chain(self.cluster.conditions(Side::Cluster))
            .chain(self.joins.iter().map(Condition::Join))
    }
}

impl Selector {
    fn conditions(&self, side: Side) -> impl Iterator<Item = Condition<'_>> {
        self.tags.iter().map(move |(tag, test)| Condition::Tag { side, tag, test })
    }
}

impl Condition<'_> {
    /// Whether the condition asks this side for something that whoever tags it must have written
    pub(super) fn asks(&self, of: Side) -> bool {
        match self {
            Self::Tag { side, .. } | Self::SaysDisabled(side) => *side == of,
            Self::Join(Join::RegistryNamedIn(_)) => of == Side::Cluster,
            Self::Join(Join::SameTag { .. }) => true,
            Self::TenantsDiffer => false,
        }
    }
}
