//! Why something that was not seen holds a change.

use std::fmt;

use crate::model::SubscriptionId;

/// What may lie where nothing was seen, and would stand against a change
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unseen {
    /// What it may be
    pub what: Hidden,
    /// The subscription that did not answer, where one is the reason
    pub silent: Option<SubscriptionId>,
}

/// What may lie where nothing was seen
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hidden {
    /// A cluster that needs the assignment
    Clusters,
    /// The registry of the assignment
    Registries,
    /// Another registry with the name by which a tag names this one
    Names,
    /// A cluster with the same identity, and a veto
    Sharers,
}

impl Hidden {
    /// The reason in one word, for counts and queries
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Clusters => "ClustersUnseen",
            Self::Registries => "RegistriesUnseen",
            Self::Names => "NamesUnseen",
            Self::Sharers => "SharersUnseen",
        }
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (partly, there) = match self.what {
            Hidden::Clusters => {
                ("not every cluster that may need it was looked at", "a cluster there may need it")
            }
            Hidden::Registries => ("not every registry was looked at", "the registry may be there"),
            Hidden::Names => (
                "not every registry was looked at, and another may have the same name",
                "a registry there may have the same name",
            ),
            Hidden::Sharers => (
                "not every cluster was looked at, and one with the same identity may be vetoed",
                "a cluster there may have the same identity and a veto",
            ),
        };
        match self.silent {
            Some(silent) => write!(f, "subscription {silent} did not answer, and {there}"),
            None => f.write_str(partly),
        }
    }
}
