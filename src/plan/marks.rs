//! Marks that are kept true: each names a cluster that needs the assignment, as long as there is one.
//!
//! The mark is all that tells, once no cluster holds the identity any more, for which cluster the
//! assignment stays.

use super::decide::{Case, ids};
use super::known::{Marked, is_of_earlier};
use super::{MarkChange, MarkReason, Plan};
use crate::model::{
    AssignmentName, Cluster, ClusterHash, ClusterState, Grant, Mark, MarkKind, Scope,
};
use crate::policy::Decision;

impl Case<'_> {
    /// Adds the marks that have to be written again, where these holders want the registry. Runs for a
    /// single cluster or registry leave that to the wide ones, which see every cluster, but for the mark
    /// of an earlier cluster with the same id: its own run reads when a cluster was created.
    pub(super) fn keep_marks_true(
        &self,
        wanting: &[&Cluster],
        pinned: &[&Cluster],
        plan: &mut Plan,
    ) {
        let is_wide = match self.inventory.scope {
            Scope::Everything | Scope::Subscription(_) => true,
            Scope::Cluster(_) => false,
            Scope::Registry(_) | Scope::Pair(..) => return,
        };
        if self.unread().is_some() {
            return;
        }
        for grant in self.desire.found.iter().filter(|grant| self.is_ours(grant)) {
            let is_written = plan.attach.last().is_some_and(|attach| attach.grant == grant.key);
            let mut decided = plan.detach.iter().rev().take(self.desire.found.len());
            let is_removed = decided.any(|detach| detach.grant == grant.key);
            // A condition is a person's, and a PUT without it would take it away.
            if !is_written
                && !is_removed
                && !grant.conditional
                && let Some(mark) = Mark::read(&grant.description)
                && let Some(change) = self.mark_change(grant, mark, wanting, pinned)
                && (is_wide || change.reason == MarkReason::Recreated)
            {
                plan.marks.push(change);
            }
        }
    }

    fn mark_change(
        &self,
        grant: &Grant,
        mark: Mark,
        wanting: &[&Cluster],
        pinned: &[&Cluster],
    ) -> Option<MarkChange> {
        let is_principal = self.is_service_principal();
        if let [only] = wanting
            && self.desire.hash_of(only) == mark.cluster
            && mark.service_principal == is_principal
            && !is_of_earlier(grant, only)
        {
            // Nearly all are so, and no cluster has to be looked up for them.
            return None;
        }
        let living = |cluster: &&&Cluster| cluster.state != ClusterState::Deleting;
        let next = wanting.iter().copied().find(|cluster| living(&cluster))?;
        let pinned = pinned.iter().copied().find(|cluster| living(&cluster));
        let (marked, named, why) = match self.known.marked(grant, &mark) {
            Marked::OutOfSight => return None,
            Marked::Gone(Some(_)) => (None, next, Some(MarkReason::Recreated)),
            Marked::Gone(None) if !self.inventory.knows_all_clusters() => return None,
            Marked::Gone(None) => (None, next, Some(MarkReason::ClusterGone)),
            Marked::There(cluster) if self.still_wants(cluster, mark, wanting) => {
                (Some(cluster), cluster, None)
            }
            Marked::There(cluster) => (Some(cluster), next, Some(MarkReason::Unwanted)),
        };
        let is_among = wanting.iter().any(|cluster| cluster.id == named.id);
        let users = wanting.len() + usize::from(!is_among);
        // The cluster that had it pinned may still use it.
        let moved = marked.is_some_and(|it| mark.kind == MarkKind::Pin && it.id != named.id);
        let shared = mark.shared || users > 1 || moved;
        let moved_to = marked.filter(|_| moved);
        let registry = &self.desire.registry.id;
        let beside = moved_to.and_then(|cluster| self.index.pin_of(cluster, registry));
        // A pin of a cluster that is gone does not pin any more, nor does one that stands elsewhere.
        let is_another = named.id == next.id && marked.is_none_or(|it| it.id != named.id);
        let (kind, named) = match (is_another, pinned) {
            (false, _) => (mark.kind, named),
            (true, Some(pinned)) => (MarkKind::Pin, pinned),
            (true, None) => (MarkKind::Rule, named),
        };
        let new = Mark { service_principal: is_principal, ..self.mark(kind, named, shared) };
        let why = why.or((shared != mark.shared).then_some(MarkReason::Shared));
        let why = why.or((new != mark).then_some(MarkReason::Incomplete))?;
        Some(MarkChange {
            grant: grant.key.clone(),
            name: AssignmentName(grant.name),
            clusters: ids(wanting),
            marked: marked.map(|cluster| cluster.id.clone()),
            names: named.id.clone(),
            beside: beside.map(|pin| pin.key.clone()),
            was: mark,
            description: new.describe(format_args!("lets cluster {} pull", named.id.name())),
            reason: why,
        })
    }

    /// Whether the cluster that a mark names still needs the assignment
    fn still_wants(&self, cluster: &Cluster, mark: Mark, wanting: &[&Cluster]) -> bool {
        let decision = || {
            let registry = self.desire.registry;
            let decision = self.policy.decision(cluster, registry, self.index.names());
            matches!(decision, Decision::Attach { .. } | Decision::Ambiguous { .. })
        };
        let registry = &self.desire.registry.id;
        let is_moved = || self.index.is_pinned(cluster, registry);
        let is_holder = self.desire.holders.iter().any(|holder| holder.id == cluster.id);
        mark.kind == MarkKind::Pin && (is_holder || !is_moved())
            || wanting.iter().any(|one| ClusterHash::of(&one.id) == mark.cluster)
            || decision()
    }
}
