//! What came of a run, as values: who logs it or sends it is not known here.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use thiserror::Error;

use crate::azure::ArmError;
use crate::model::{Gap, Scope};
use crate::plan::{Attach, Detach, Held, HeldReason, Kept, MarkChange, Plan, Warning};

/// What came of one run
#[derive(Debug)]
pub struct Report {
    /// Where it looked
    pub scope: Scope,
    /// Assignments made, or given a pin
    pub attached: Vec<Attach>,
    /// Assignments that someone made in the meantime
    pub already: Vec<Attach>,
    /// Assignments removed
    pub detached: Vec<Detach>,
    /// Assignments that were gone already when they were to be removed
    pub gone: Vec<Detach>,
    /// Assignments whose mark was written again
    pub marked: Vec<MarkChange>,
    /// Changes that could not be made
    pub undone: Vec<Undone>,
    /// What was as it should be
    pub kept: Vec<Kept>,
    /// What was not done, and why
    pub held: Vec<Held>,
    /// What could not be seen
    pub gaps: BTreeSet<Gap>,
    /// What an attachment does not do
    pub warnings: BTreeSet<Warning>,
}

/// A change that could not be made
#[derive(Debug)]
pub struct Undone {
    /// Which
    pub change: Change,
    /// What becomes of it
    pub outcome: Outcome,
    /// What stood against it
    pub cause: Cause,
}

/// A change of one assignment
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Making it
    Attach(Attach),
    /// Removing it
    Detach(Detach),
    /// Writing its mark again
    Mark(MarkChange),
}

/// What stood against a change
#[derive(Debug, Error)]
pub enum Cause {
    /// Azure did not do it
    #[error(transparent)]
    Azure(#[from] ArmError),
    /// The same scope, identity and role have an assignment under another name, with a condition
    #[error("assignment `{0}` is there with a condition")]
    Conditional(String),
    /// Azure said that it is there, and did not list it
    #[error("Azure says that it is there, and does not show it")]
    Hidden,
    /// What the decision rests on was changed since: the assignment, or either end
    #[error("it, or what it rests on, has changed since; the next run decides again")]
    Changed,
    /// The assignment that must be there first could not be made
    #[error("the assignment that replaces it could not be made")]
    NotReplaced,
    /// An assignment for an identity that the cluster had before is there, and a pin on it would bring
    /// this one back
    #[error("an assignment for a former identity of the cluster could not be removed first")]
    FormerStays,
}

impl Cause {
    /// Azure's code, such as `ScopeLocked`, or a word of ours
    pub fn code(&self) -> &str {
        match self {
            Self::Azure(error) => error.code(),
            Self::Conditional(_) => "Conditional",
            Self::Hidden => "Hidden",
            Self::Changed => "Changed",
            Self::NotReplaced => "NotReplaced",
            Self::FormerStays => "FormerStays",
        }
    }

    /// What becomes of the change
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Azure(error) if error.is_later() => {
                Outcome::Later { not_before: error.retry_after() }
            }
            Self::Azure(error) if error.lacks_right() => Outcome::Denied,
            Self::Hidden => Outcome::Later { not_before: None },
            Self::Azure(_)
            | Self::Conditional(_)
            | Self::Changed
            | Self::NotReplaced
            | Self::FormerStays => Outcome::Held,
        }
    }
}

/// What becomes of a change that could not be made
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may well work later
    Later {
        /// How long Azure asked to be left alone
        not_before: Option<Duration>,
    },
    /// Not permitted. A role assignment of our own may be minutes young, so it may work later.
    Denied,
    /// It needs a person
    Held,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attach(item) => item.fmt(f),
            Self::Detach(item) => item.fmt(f),
            Self::Mark(item) => item.fmt(f),
        }
    }
}

impl Report {
    /// What a plan leaves as it is; its changes are still to be made
    pub(super) fn of(scope: Scope, plan: &mut Plan) -> Self {
        Self {
            scope,
            attached: Vec::new(),
            already: Vec::new(),
            detached: Vec::new(),
            gone: Vec::new(),
            marked: Vec::new(),
            undone: Vec::new(),
            kept: std::mem::take(&mut plan.kept),
            held: std::mem::take(&mut plan.held),
            gaps: std::mem::take(&mut plan.gaps),
            warnings: std::mem::take(&mut plan.warnings),
        }
    }

    /// Whether anything may work later, and how long to wait for it at least
    pub fn waits(&self) -> Option<Duration> {
        let cluster = self.is_narrow() && self.held.iter().any(|held| held.reason.passes());
        let later = self.undone.iter().filter_map(|undone| match undone.outcome {
            Outcome::Later { not_before } => Some(not_before.unwrap_or_default()),
            Outcome::Denied | Outcome::Held => None,
        });
        let unread = self.gaps.iter().filter_map(|gap| match gap {
            Gap::Unread { passes, .. } => *passes,
            Gap::Clusters
            | Gap::OtherClusters
            | Gap::Registries
            | Gap::Subscription(_)
            | Gap::Grants { .. } => None,
        });
        later.chain(unread).chain(cluster.then_some(Duration::ZERO)).max()
    }

    /// Whether Azure refused anything for want of permission
    pub fn was_denied(&self) -> bool {
        let unreadable = |held: &Held| held.reason == HeldReason::GrantsUnreadable;
        self.undone.iter().any(|undone| undone.outcome == Outcome::Denied)
            || self.is_narrow() && self.held.iter().any(unreadable)
    }

    /// A wide run does not wait for single clusters: their own events do, and the next tick.
    fn is_narrow(&self) -> bool {
        match self.scope {
            Scope::Cluster(_) | Scope::Registry(_) | Scope::Pair(..) => true,
            Scope::Everything | Scope::Subscription(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClusterId, RegistryId};
    use crate::plan::Action;

    const GROUP: &str =
        "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers";

    fn held(reason: HeldReason) -> Held {
        let cluster = format!("{GROUP}/Microsoft.ContainerService/managedClusters/aks1");
        let cluster: ClusterId = cluster.parse().unwrap();
        let registry = format!("{GROUP}/Microsoft.ContainerRegistry/registries/acr1");
        let registry: RegistryId = registry.parse().unwrap();
        let (clusters, action) = (vec![cluster], Action::Attach);
        Held { registry, principal: None, clusters, action, reason }
    }

    #[test]
    fn what_may_be_readable_later_is_waited_for_as_long_as_azure_asks() {
        let waits = |passes: &[Option<u64>]| {
            let gap = |(number, seconds): (usize, &Option<u64>)| {
                let id = format!("{GROUP}/Microsoft.ContainerRegistry/registries/acr{number}");
                let passes = seconds.map(Duration::from_secs);
                Gap::Unread { id: id.parse().unwrap(), code: "Busy".to_owned(), passes }
            };
            let gaps = passes.iter().enumerate().map(gap).collect();
            let mut plan = Plan { gaps, ..Plan::default() };
            Report::of(Scope::Everything, &mut plan).waits().map(|wait| wait.as_secs())
        };
        assert_eq!(waits(&[None]), None);
        assert_eq!(waits(&[None, Some(0)]), Some(0));
        assert_eq!(waits(&[Some(600), None, Some(0)]), Some(600));
    }

    #[test]
    fn only_a_narrow_run_waits_for_a_cluster() {
        let waits = |scope, reason| {
            let mut plan = Plan { held: vec![held(reason)], ..Plan::default() };
            Report::of(scope, &mut plan).waits().is_some()
        };
        let cluster = || Scope::Cluster(held(HeldReason::NoIdentity).clusters.remove(0));
        assert!(waits(cluster(), HeldReason::NoIdentityYet));
        assert!(waits(cluster(), HeldReason::ClusterDeleting));
        assert!(!waits(cluster(), HeldReason::NoIdentity));
        assert!(!waits(Scope::Everything, HeldReason::NoIdentityYet));
    }
}
