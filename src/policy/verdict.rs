//! What a policy says about a pair, and every step that led there.
//!
//! These are plain values with their sentences; the deciding itself stands in `decide`.

use std::fmt;

use crate::model::RegistryId;

use super::{Join, Rule, TagTest};

/// What the policy says about a pair, and why
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict<'p> {
    /// What it says
    pub decision: Decision<'p>,
    /// Every rule, built-in ones first, whether or not it mattered in the end
    pub trace: Vec<Step<'p>>,
}

/// What the policy says about a pair
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'p> {
    /// Wanted
    Attach {
        /// The wanting rule, or of several the one with the least name
        by: &'p Rule,
    },
    /// Forbidden, whether or not a rule wants it
    Vetoed {
        /// What forbids it
        by: Veto<'p>,
    },
    /// Perhaps wanted: the cluster's tag has a name that fits several registries, this one too
    Ambiguous {
        /// The rule that reads the tag
        by: &'p Rule,
        /// The name, as the tag has it
        name: String,
        /// The registries it fits, in order
        candidates: Vec<RegistryId>,
    },
    /// No rule wants it
    NotWanted,
    /// Impossible: the two live in different tenants
    OtherTenant,
}

/// What forbids a pair
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Veto<'p> {
    /// The tag `acr-attach: disabled` on this side; on both sides, the cluster's
    Disabled(Side),
    /// A rule with the effect `veto`, or of several the one with the least name
    Rule(&'p Rule),
}

/// One side of a pair
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The cluster
    Cluster,
    /// The registry
    Registry,
}

/// One rule, held against the pair
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step<'p> {
    /// Which rule
    pub subject: Subject<'p>,
    /// Whether the pair fits all its conditions. For a veto, perhaps is yes.
    pub outcome: Match,
    /// Each of its conditions
    pub checks: Vec<Check<'p>>,
}

/// Which rule a step is about
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'p> {
    /// Built in: different tenants never match
    OtherTenant,
    /// Built in: the tag `acr-attach: disabled` on this side forbids
    Disabled(Side),
    /// A rule of the policy
    Rule(&'p Rule),
}

/// One condition, held against the pair
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check<'p> {
    /// The condition
    pub condition: Condition<'p>,
    /// What it looked at, and what was there
    pub seen: Vec<Seen<'p>>,
    /// Whether the pair fits
    pub outcome: Match,
}

/// One condition of a rule
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'p> {
    /// Built in: both tenants are known and differ
    TenantsDiffer,
    /// Built in: the tag `acr-attach` on this side says `disabled`
    SaysDisabled(Side),
    /// A tag on this side
    Tag {
        /// Which side
        side: Side,
        /// Which tag, in lower case
        tag: &'p str,
        /// What it must be like
        test: &'p TagTest,
    },
    /// What relates the two sides
    Join(&'p Join),
}

/// Something that a condition looked at
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'p> {
    /// On which side
    pub side: Side,
    /// The tag's name in lower case, or `tenant`
    pub what: &'p str,
    /// Its value, if it is there
    pub value: Option<String>,
}

/// Whether a pair fits
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// It does
    Yes,
    /// It does not
    No,
    /// It would, if this name did not fit several registries
    Ambiguous {
        /// The name, as the cluster's tag has it
        name: String,
        /// The registries it fits, in order
        candidates: Vec<RegistryId>,
    },
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Registry => "registry",
        })
    }
}

impl fmt::Display for Veto<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled(side) => Condition::SaysDisabled(*side).fmt(f),
            Self::Rule(rule) => write!(f, "the rule `{}` forbids it", rule.name),
        }
    }
}

impl fmt::Display for Condition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TenantsDiffer => f.write_str("the two live in different tenants"),
            Self::SaysDisabled(side) => {
                write!(f, "the {side}'s tag `acr-attach` says `disabled`")
            }
            Self::Tag { side, tag, test: TagTest::Present } => {
                write!(f, "the {side} has a tag `{tag}`")
            }
            Self::Tag { side, tag, test: TagTest::AnyOf(values) } => {
                let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
                write!(f, "the {side}'s tag `{tag}` is {}", values.join(" or "))
            }
            Self::Join(Join::SameTag { cluster, registry }) => {
                write!(f, "the cluster's tag `{cluster}` equals the registry's tag `{registry}`")
            }
            Self::Join(Join::RegistryNamedIn(tag)) => {
                write!(f, "the cluster's tag `{tag}` names the registry")
            }
        }
    }
}

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, what, value } = self;
        match value {
            Some(value) => write!(f, "the {side}'s `{what}` is `{value}`"),
            None => write!(f, "the {side} has no `{what}`"),
        }
    }
}
