//! What a policy says about a pair, and every step that led there.
//!
//! These are plain values with their sentences; the deciding itself stands in `decide`.

use std::fmt;

use crate::model::{RegistryId, Shown};

use super::{Clause, Join, Property, Rule};

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
        /// The wanting rule; of several the one with the least name, those first whose role the
        /// registry honours
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
    /// The conditions that it is made of, where there are several
    pub parts: Vec<Check<'p>>,
}

/// One condition of a rule
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition<'p> {
    /// Built in: both tenants are known and differ
    TenantsDiffer,
    /// Built in: the tag `acr-attach` on this side says `disabled`
    SaysDisabled(Side),
    /// What one side must be like
    Clause {
        /// Which side
        side: Side,
        /// What it must be like
        clause: &'p Clause,
    },
    /// What relates the two sides
    Join(&'p Join),
}

/// Something that a condition looked at
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'p> {
    /// On which side
    pub side: Side,
    /// The tag's name in lower case, or what it is that is no tag
    pub what: Looked<'p>,
    /// Its value, if it is there
    pub value: Option<String>,
}

/// What a condition looked at
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked<'p> {
    /// A tag, by its name in lower case
    Tag(&'p str),
    /// What Azure says of the resource
    Property(Property),
    /// The tenant that it lives in
    Tenant,
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

impl Check<'_> {
    /// The condition and what it saw, as one sentence; of a condition with parts, the condition alone
    pub fn sentence(&self) -> String {
        let seen: Vec<String> = self.seen.iter().map(ToString::to_string).collect();
        if seen.is_empty() {
            return self.condition.to_string();
        }
        format!("{}: {}", self.condition, seen.join(", "))
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Registry => "registry",
        })
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attach { by } => write!(f, "rule `{}` wants it", by.name),
            Self::Vetoed { by } => by.fmt(f),
            Self::Ambiguous { by, name, candidates } => write!(
                f,
                "rule `{}` would want it, but `{}` fits {} registries",
                by.name,
                Shown(name),
                candidates.len()
            ),
            Self::NotWanted => f.write_str("no rule wants it"),
            Self::OtherTenant => Condition::TenantsDiffer.fmt(f),
        }
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
            Self::Clause { side, clause } => clause.about(*side).fmt(f),
            Self::Join(join) => join.fmt(f),
        }
    }
}

impl fmt::Display for Looked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(name) => write!(f, "`{name}`"),
            Self::Property(property) => f.write_str(property.word()),
            Self::Tenant => f.write_str("tenant"),
        }
    }
}

impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { side, what, value } = self;
        match value {
            Some(value) => write!(f, "the {side}'s {what} is `{}`", Shown(value)),
            None => write!(f, "the {side} has no {what}"),
        }
    }
}
