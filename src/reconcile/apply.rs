//! Making a plan's assignments, side by side, each with an outcome of its own.
//!
//! One that fails stops no other.

use futures::stream::{self, StreamExt};

use super::Reconciler;
use super::report::{Outcome, Report, Undone};
use crate::azure::Put;
use crate::model::Scope;
use crate::plan::{Attach, Plan};

/// How many assignments are made at once: ARM lets ten a second through in the long run
const AT_ONCE: usize = 8;

impl Reconciler {
    /// Makes what the plan attaches, and says what came of it. Removals never come this far: the guard
    /// holds them in every mode that this version accepts.
    ///
    /// # Guarantees
    /// Safe to repeat and to run twice at once: names are computed, so the same assignment is made
    /// only once.
    pub async fn apply(&self, scope: &Scope, plan: Plan) -> Report {
        let Plan { attach, kept, held, gaps, detach: _ } = plan;
        let mut report = Report::new(scope.clone(), kept, held, gaps);
        let puts = attach.into_iter().map(|item| async move {
            let outcome = self.arm.put_grant(&item.grant, item.name, &item.description).await;
            (item, outcome)
        });
        let mut puts = stream::iter(puts).buffered(AT_ONCE);
        while let Some((item, outcome)) = puts.next().await {
            note(&mut report, item, outcome);
        }
        report
    }
}

fn note(report: &mut Report, item: Attach, outcome: Result<Put, crate::azure::ArmError>) {
    match outcome {
        Ok(Put::Created) => report.attached.push(item),
        Ok(Put::AlreadyThere) => report.already.push(item),
        Err(error) => {
            let outcome = if error.is_later() {
                Outcome::Later { not_before: error.retry_after() }
            } else if error.is_denied() {
                Outcome::Denied
            } else {
                Outcome::Held
            };
            report.undone.push(Undone { item, outcome, error });
        }
    }
}
