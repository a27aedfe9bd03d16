//! Lists of role assignments at a scope, filtered and in pages, and how many a subscription holds.
//!
//! Only `assignedTo()` sees through groups. A scope that does not exist has what is above it.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use super::answer::{Answer, Answered};
use super::assignments::Assignment;
use super::filter::{AssignmentFilter, Who};
use super::paging::page;
use super::paths::{contains, subscription_of};
use super::routes::Call;
use super::world::World;

/// The assignments that can be seen at a scope
pub(super) fn list(world: &World, call: &Call<'_>, scope: &str) -> Answered {
    if let Some(subscription) = subscription_of(scope) {
        world.subscription(&subscription)?;
    }
    world.authorize(call.caller, "Microsoft.Authorization/roleAssignments/read", scope)?;
    let filter = AssignmentFilter::parse(&call.asked.parameter("$filter").unwrap_or_default())?;
    let holders = filter.who.map(|who| world.holders(who));
    let shown = world
        .assignments
        .values()
        .filter(|one| {
            contains(&one.scope, scope) || !filter.at_scope && contains(scope, &one.scope)
        })
        .filter(|one| holders.as_ref().is_none_or(|who| who.contains(&one.principal)))
        .map(Assignment::shown);
    Ok(page(world, call.asked, shown.collect()))
}

/// How many assignments a subscription holds and may hold
pub(super) fn usage(world: &World, call: &Call<'_>, subscription: &str) -> Answered {
    world.subscription(subscription)?;
    let scope = format!("/subscriptions/{subscription}");
    // An action of this name is in no published list of operations; here the right to read covers it.
    let action = "Microsoft.Authorization/roleAssignmentsUsageMetrics/read";
    world.authorize(call.caller, action, &scope)?;
    let (used, limit) = (world.assignments.count_in(subscription), world.options.assignment_limit);
    let body = json!({
        "subscriptionId": subscription,
        "roleAssignmentsLimit": limit,
        "roleAssignmentsCurrentCount": used,
        "roleAssignmentsRemainingCount": limit.saturating_sub(used),
    });
    Ok(Answer::json(200, body))
}

impl World {
    /// The principals whose assignments count as this one's
    fn holders(&self, who: Who) -> BTreeSet<Uuid> {
        let principal = match who {
            Who::Principal(principal) => return BTreeSet::from([principal]),
            Who::AssignedTo(principal) => principal,
        };
        let mut holders = BTreeSet::from([principal]);
        // Groups may be in groups: once more round for as long as there is someone new.
        loop {
            let before = holders.len();
            let found = self.groups.iter().filter(|(_, members)| !members.is_disjoint(&holders));
            let found: Vec<Uuid> = found.map(|(group, _)| *group).collect();
            holders.extend(found);
            if holders.len() == before {
                return holders;
            }
        }
    }
}
