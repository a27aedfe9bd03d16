//! What should be: the operator's policy, and its verdict on one cluster and one registry.
//!
//! This room parses a text and reads no file. It is pure and total: no clock, no I/O, no panic. It
//! knows nothing of role assignments; what a verdict means for them is the planner's business.

mod candidates;
mod cases;
mod decide;
#[cfg(test)]
mod decide_tests;
mod error;
mod glob;
mod lint;
mod names;
mod read;
mod reader;
#[cfg(test)]
mod refusal_tests;
mod resource;
mod rule;
mod schema;
mod selector;
mod stand;
mod suggest;
mod verdict;
mod yaml;

use std::collections::BTreeMap;
use std::fmt;

use crate::model::{Cluster, ClusterId, Identity, Owner, PrincipalId};

use error::Problem;

pub use candidates::Candidate;
pub use cases::{Case, CaseResult, Cases, Difference};
pub use error::PolicyError;
pub use glob::Glob;
pub use lint::PolicyWarnings;
pub use names::RegistryNames;
pub use rule::{Effect, Join, RoleChoice, Rule};
pub use schema::schema;
pub use selector::{Clause, Consent, Property, Selector, Test};
pub use stand::Stand;
pub use verdict::{
    Check, Condition, Decision, Looked, Match, Seen, Side, Step, Subject, Verdict, Veto,
};

/// What the operator wants
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whose the assignments are
    pub owner: Owner,
    /// How far tether may go
    pub mode: Mode,
    /// How much may change at once
    pub limits: Limits,
    /// The object ids of the service principals that clusters pull as, which Azure does not tell
    pub service_principals: BTreeMap<ClusterId, PrincipalId>,
    /// What becomes of an assignment for an identity that its cluster had before
    pub former_identities: Former,
    /// What becomes of an assignment of a role that the registry does not honour any more
    pub former_roles: Former,
    /// INVARIANT: in the order of names, which are unique.
    rules: Vec<Rule>,
    /// What a person may attach by a command. INVARIANT: as for rules.
    pins: Vec<Rule>,
}

/// How far tether may go
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Say what would be done, and do nothing
    Observe,
    /// Attach what is wanted; never detach
    AttachOnly,
    /// Attach what is wanted, and detach what is ours and no longer wanted
    Sync,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observe => "observe",
            Self::AttachOnly => "attach-only",
            Self::Sync => "sync",
        })
    }
}

/// What becomes of an assignment that was replaced
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Former {
    /// It stays as long as its pair is wanted
    #[default]
    Keep,
    /// Wide runs in mode `sync` remove it once what replaces it stands
    Remove,
}

/// How much may change in one run, in one subscription of registries
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Attachments
    pub max_attach: u32,
    /// Detachments
    pub max_detach: u32,
    /// Detachments, as a share of what is ours
    pub max_detach_percent: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_attach: 500, max_detach: 50, max_detach_percent: 20 }
    }
}

impl Policy {
    /// Reads a policy. `name` is what errors call the text, such as its file name.
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyError> {
        let read = read::policy(text).map_err(|problems| PolicyError::new(name, text, problems))?;
        Ok(read.policy)
    }

    /// Reads a policy, and looks for what it can hardly mean.
    pub fn check(name: &str, text: &str) -> Result<(Self, PolicyWarnings), PolicyError> {
        let read = read::policy(text).map_err(|problems| PolicyError::new(name, text, problems))?;
        let warnings = PolicyWarnings::of(name, text, &read.policy, &read.places);
        Ok((read.policy, warnings))
    }

    /// The cluster with all that the policy knows of it: the object id of its service principal
    #[must_use]
    pub fn knowing(&self, mut cluster: Cluster) -> Cluster {
        if let Identity::ServicePrincipal { object_id, .. } = &mut cluster.identity {
            *object_id = self.service_principals.get(&cluster.id).copied();
        }
        cluster
    }

    /// The rules, in the order of their names
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}
