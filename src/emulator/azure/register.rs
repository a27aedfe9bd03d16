//! Every role assignment, found by its name, by what it grants, and counted by subscription.
//!
//! It knows no rules; those are in `assignments`.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::assignments::Assignment;
use super::paths::subscription_of;

/// What an assignment grants: scope in lower case, principal and role
type Granted = (String, Uuid, Uuid);

/// Every role assignment
#[derive(Debug, Default)]
pub(super) struct Register {
    by_name: BTreeMap<Uuid, Assignment>,
    /// Azure lets nobody have the same twice, so there is one name for each.
    by_grant: BTreeMap<Granted, Uuid>,
    in_subscription: BTreeMap<String, usize>,
}

impl Register {
    pub(super) fn get(&self, name: &Uuid) -> Option<&Assignment> {
        self.by_name.get(name)
    }

    /// All of them, in the order of their names
    pub(super) fn values(&self) -> impl Iterator<Item = &Assignment> {
        self.by_name.values()
    }

    /// The one that grants the same, if there is one
    pub(super) fn same(&self, wanted: &Assignment) -> Option<&Assignment> {
        self.by_grant.get(&granted(wanted)).and_then(|name| self.by_name.get(name))
    }

    /// How many a subscription holds, at whatever scope in it
    pub(super) fn count_in(&self, subscription: &str) -> usize {
        self.in_subscription.get(subscription).copied().unwrap_or_default()
    }

    /// Adds one, or replaces that of the same name
    pub(super) fn insert(&mut self, assignment: Assignment) {
        self.remove(&assignment.name);
        if let Some(subscription) = subscription_of(&assignment.scope) {
            *self.in_subscription.entry(subscription).or_default() += 1;
        }
        self.by_grant.insert(granted(&assignment), assignment.name);
        self.by_name.insert(assignment.name, assignment);
    }

    pub(super) fn remove(&mut self, name: &Uuid) {
        let Some(gone) = self.by_name.remove(name) else { return };
        self.by_grant.remove(&granted(&gone));
        let count = subscription_of(&gone.scope)
            .and_then(|subscription| self.in_subscription.get_mut(&subscription));
        if let Some(count) = count {
            *count = count.saturating_sub(1);
        }
    }
}

fn granted(assignment: &Assignment) -> Granted {
    (assignment.scope.to_ascii_lowercase(), assignment.principal, assignment.role)
}
