//! What came of a run, as values: who logs it or sends it is not known here.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::azure::ArmError;
use crate::model::{Gap, Scope};
use crate::plan::{Attach, Held, HeldReason, Kept};

/// What came of one run
#[derive(Debug)]
pub struct Report {
    /// Where it looked
    pub scope: Scope,
    /// Assignments made
    pub attached: Vec<Attach>,
    /// Assignments that someone made in the meantime
    pub already: Vec<Attach>,
    /// Assignments that could not be made
    pub undone: Vec<Undone>,
    /// What was as it should be
    pub kept: Vec<Kept>,
    /// What was not done, and why
    pub held: Vec<Held>,
    /// What could not be seen
    pub gaps: BTreeSet<Gap>,
}

/// An assignment that could not be made
#[derive(Debug)]
pub struct Undone {
    /// Which
    pub item: Attach,
    /// What becomes of it
    pub outcome: Outcome,
    /// What Azure said
    pub error: ArmError,
}

/// What becomes of an assignment that could not be made
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

impl Report {
    pub(super) fn new(scope: Scope, kept: Vec<Kept>, held: Vec<Held>, gaps: BTreeSet<Gap>) -> Self {
        let (attached, already, undone) = (Vec::new(), Vec::new(), Vec::new());
        Self { scope, attached, already, undone, kept, held, gaps }
    }

    /// Whether anything may work later, and how long to wait for it at least
    pub fn waits(&self) -> Option<Duration> {
        // A wide run does not wait for single clusters: their own events do, and the next tick.
        let is_narrow = matches!(self.scope, Scope::Cluster(_) | Scope::Registry(_));
        let identity =
            is_narrow && self.held.iter().any(|held| held.reason == HeldReason::NoIdentityYet);
        let later = self.undone.iter().filter_map(|undone| match undone.outcome {
            Outcome::Later { not_before } => Some(not_before.unwrap_or_default()),
            Outcome::Denied | Outcome::Held => None,
        });
        later.chain(identity.then_some(Duration::ZERO)).max()
    }

    /// Whether Azure refused anything for want of permission
    pub fn was_denied(&self) -> bool {
        self.undone.iter().any(|undone| undone.outcome == Outcome::Denied)
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
    fn only_a_narrow_run_waits_for_an_identity() {
        let waits = |scope, reason| {
            Report::new(scope, Vec::new(), vec![held(reason)], BTreeSet::new()).waits().is_some()
        };
        let cluster = || Scope::Cluster(held(HeldReason::NoIdentity).clusters.remove(0));
        assert!(waits(cluster(), HeldReason::NoIdentityYet));
        assert!(!waits(cluster(), HeldReason::NoIdentity));
        assert!(!waits(Scope::Everything, HeldReason::NoIdentityYet));
    }
}
