//! Observe, plan, confirm, guard, apply, report: the one walk that every door leads to.
//!
//! What caused a run is not known here, and nothing is decided here: `plan` decides, on what this
//! room has read.

mod abreast;
mod apply;
mod confirm;
mod ends;
mod names;
mod observe;
mod pair;
mod report;
mod sight;
mod wide;

use std::collections::BTreeSet;

use thiserror::Error;

pub use apply::{LAST, RUN, WRITING};
pub use names::{NameError, find_in, find_one_in};
pub use pair::{Left, PairError, PairPlan, Surroundings, Wish};
pub use report::{Cause, Change, Outcome, Report, Undone};

use wide::{Turn, Turns};

use crate::azure::{Arm, ArmError, Estate, Graph, Wanted};
use crate::model::{Inventory, ResourceId, Scope, SubscriptionId};
use crate::plan::{Plan, guard, needs_every_cluster, plan};
use crate::policy::Policy;

/// Everything that a run needs
#[derive(Debug)]
pub struct Reconciler {
    arm: Arm,
    graph: Graph,
    estate: Estate,
    policy: Policy,
    turns: Turns,
}

/// Why a run ended before it had a plan
#[derive(Debug, Error)]
#[error("cannot read {what}")]
pub struct ReconcileError {
    /// What was to be read
    pub what: String,
    /// What Azure said
    #[source]
    pub source: Box<ArmError>,
}

impl Reconciler {
    /// A reconciler for one estate and one policy
    pub fn new(arm: Arm, graph: Graph, estate: Estate, policy: Policy) -> Self {
        Self { arm, graph, estate, policy, turns: Turns::default() }
    }

    /// What a run would do now. Reads, and writes nothing.
    ///
    /// # Guarantees
    /// Both ends of every planned change have been read by GET after the decision to look at them;
    /// the mode and the limits have been applied. What could not be read is a gap of the plan, and
    /// what rests on it is held; all else goes on. Outside the estate nothing is planned.
    pub async fn plan(&self, scope: &Scope) -> Result<Plan, ReconcileError> {
        if !self.is_in_estate(scope).await? {
            tracing::warn!(%scope, "outside the estate");
            return Ok(Plan::default());
        }
        let mut turn = self.turns.none_yet();
        let mut inventory = self.observe(scope, &mut turn).await?;
        let plan = self.confirmed_plan(&mut inventory, &mut turn).await?;
        Ok(guard(plan, &self.policy, scope))
    }

    /// All that the timer decides on for a scope: everything that was seen, the scope itself and what is
    /// decided about read again, so that a saved inventory and a look at Azure give one answer. Reads,
    /// and writes nothing. Outside the estate nothing is seen.
    pub async fn see(&self, scope: &Scope) -> Result<Inventory, ReconcileError> {
        if !self.is_in_estate(scope).await? {
            return Ok(Inventory::new(scope.clone()));
        }
        let mut turn = self.turns.none_yet();
        let mut inventory = self.observe_estate(scope, &mut turn).await?;
        let within = match scope {
            Scope::Cluster(id) => BTreeSet::from([ResourceId::Cluster(id.clone())]),
            Scope::Registry(id) => BTreeSet::from([ResourceId::Registry(id.clone())]),
            Scope::Everything | Scope::Subscription(_) | Scope::Pair(..) => BTreeSet::new(),
        };
        self.read_again(&within, &mut inventory).await?;
        // The plan itself is made by whoever asked, from what was read for it.
        let _ = self.confirmed_plan(&mut inventory, &mut turn).await?;
        Ok(inventory)
    }

    /// The scope of the one cluster or registry in the estate that is called so. Asks Resource Graph
    /// alone.
    pub async fn find_one(&self, text: &str) -> Result<Scope, PairError> {
        let mut seen = Inventory::new(Scope::Everything);
        self.ask_graph(Wanted::Everything, &mut seen).await?;
        self.note_silent_subscriptions(&mut seen).await?;
        let found = find_one_in(&seen, text)?;
        if seen.gaps.is_empty() { Ok(found) } else { Err(NameError::of_part(text).into()) }
    }

    /// Whether a scope lies in the estate. Where a management group is stated, only Azure can tell.
    pub async fn is_in_estate(&self, scope: &Scope) -> Result<bool, ReconcileError> {
        let (ids, stated) = (subscriptions_of(scope), &self.estate.subscriptions);
        if ids.is_empty() || !stated.is_empty() {
            return Ok(ids.iter().all(|id| stated.contains(id)));
        }
        let answering = self.graph.subscriptions_answering(&self.estate).await;
        let answering = answering.map_err(reading("which subscriptions are in the estate"))?;
        Ok(ids.iter().all(|id| answering.contains(id)))
    }

    /// Plans, reads what the plan rests on, and plans again, until nothing that has not been read is
    /// to be written: both ends of every change; before a removal every cluster that may need it,
    /// whatever Resource Graph knows; and what Resource Graph may not show of our assignments.
    async fn confirmed_plan(
        &self,
        inventory: &mut Inventory,
        turn: &mut Turn<'_>,
    ) -> Result<Plan, ReconcileError> {
        let mut read = confirm::read_by_observing(inventory);
        let (mut saw_every_cluster, mut saw_marks) = (false, false);
        let mut asked_who_is_silent = confirm::knows_who_is_silent(&inventory.scope);
        loop {
            let draft = plan(inventory, &self.policy);
            let unmarked = sight::without_mark(&draft, inventory, &self.policy.owner);
            let unread = confirm::unread(&draft, inventory, &self.policy, &read);
            if !saw_marks && !unmarked.is_empty() {
                saw_marks = true;
                self.read_marks(&unmarked, inventory).await?;
            } else if !asked_who_is_silent && draft.attach.iter().any(|item| item.needs_all) {
                asked_who_is_silent = true;
                self.note_silent_subscriptions(inventory).await?;
            } else if !saw_every_cluster
                && needs_every_cluster(&draft, self.policy.mode, &inventory.scope)
            {
                saw_every_cluster = true;
                self.see_every_cluster(inventory, turn).await?;
            } else if unread.is_empty() {
                return Ok(draft);
            } else {
                self.read_again(&unread, inventory).await?;
                read.extend(unread);
            }
        }
    }
}

fn subscriptions_of(scope: &Scope) -> Vec<SubscriptionId> {
    match scope {
        Scope::Everything => Vec::new(),
        Scope::Subscription(id) => vec![*id],
        Scope::Cluster(id) => vec![id.subscription()],
        Scope::Registry(id) => vec![id.subscription()],
        Scope::Pair(cluster, registry) => vec![cluster.subscription(), registry.subscription()],
    }
}

fn reading(what: impl Into<String>) -> impl FnOnce(ArmError) -> ReconcileError {
    let what = what.into();
    move |source| ReconcileError { what, source: Box::new(source) }
}
