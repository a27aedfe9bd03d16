//! A rule as the operator meant it: checked, and with tag names in lower case.
//!
//! How a rule is spelled in YAML and how it is held against a pair stand elsewhere.

use std::collections::BTreeSet;
use std::fmt;

use super::{Condition, Consent, Selector, Side};
use crate::model::{RegistryMode, Role};

/// A rule: what it does to the pairs that fit all its conditions
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, unique in the policy
    pub name: String,
    /// What it is for, in the operator's words
    pub description: Option<String>,
    /// What it does
    pub effect: Effect,
    /// Which role it attaches with
    pub role: RoleChoice,
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

/// Which role a rule attaches with
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleChoice {
    /// The one that the registry honours
    #[default]
    Auto,
    /// This one, and only where the registry honours it
    Only(Role),
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

impl RoleChoice {
    /// Whether a registry in this mode honours it, as far as its mode is known
    pub fn suits(self, mode: &RegistryMode) -> bool {
        match (self, mode.pull_role()) {
            (Self::Auto, _) | (Self::Only(_), None) => true,
            (Self::Only(role), Some(honoured)) => role == honoured,
        }
    }
}

impl Rule {
    /// Every condition of the rule, in an order that the text does not influence
    pub fn conditions(&self) -> impl Iterator<Item = Condition<'_>> {
        let of = |side| move |clause| Condition::Clause { side, clause };
        let registry = self.registry.clauses.iter().map(of(Side::Registry));
        let cluster = self.cluster.clauses.iter().map(of(Side::Cluster));
        registry.chain(cluster).chain(self.joins.iter().map(Condition::Join))
    }

    /// Who answers for a side of the pairs that fit
    pub fn consent(&self, side: Side) -> Consent {
        let selector = match side {
            Side::Cluster => &self.cluster,
            Side::Registry => &self.registry,
        };
        let reads_its_tag = |join: &Join| match join {
            Join::RegistryNamedIn(_) => side == Side::Cluster,
            Join::SameTag { .. } => true,
        };
        if self.joins.iter().any(reads_its_tag) { Consent::Tags } else { selector.consent() }
    }
}

impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameTag { cluster, registry } => {
                write!(f, "the cluster's tag `{cluster}` equals the registry's tag `{registry}`")
            }
            Self::RegistryNamedIn(tag) => write!(f, "the cluster's tag `{tag}` names the registry"),
        }
    }
}
