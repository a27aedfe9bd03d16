//! Management locks.
//!
//! They bind everyone, people included; only this world's own helpers take them away.

use serde_json::{Value, json};

use super::answer::{Answer, Answered};
use super::paging::page;
use super::paths::{contains, subscription_of};
use super::routes::Call;
use super::world::World;

/// What a lock forbids
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Writing and deleting
    ReadOnly,
    /// Deleting
    CannotDelete,
}

/// A lock on a scope and what is below
#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub(super) scope: String,
    pub(super) kind: LockKind,
}

/// What a lock is asked about
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Write,
    Delete,
}

/// The locks at a scope and below it; one above it binds as well, and is not listed
pub(super) fn list(world: &World, call: &Call<'_>, scope: &str) -> Answered {
    if let Some(subscription) = subscription_of(scope) {
        world.subscription(&subscription)?;
    }
    world.authorize(call.caller, "Microsoft.Authorization/locks/read", scope)?;
    let shown = world.locks.iter().enumerate().filter(|(_, lock)| contains(scope, &lock.scope));
    Ok(page(world, call.asked, shown.map(|(place, lock)| lock.shown(place)).collect()))
}

impl Lock {
    fn shown(&self, place: usize) -> Value {
        let (scope, name) = (self.scope.trim_end_matches('/'), format!("lock-{place}"));
        let level = match self.kind {
            LockKind::ReadOnly => "ReadOnly",
            LockKind::CannotDelete => "CanNotDelete",
        };
        json!({
            "properties": {"level": level},
            "id": format!("{scope}/providers/Microsoft.Authorization/locks/{name}"),
            "type": "Microsoft.Authorization/locks",
            "name": name,
        })
    }
}

impl World {
    /// Refuses what a lock at or above the scope forbids
    pub(super) fn unlocked(&self, scope: &str, operation: Operation) -> Result<(), Answer> {
        let forbids = |lock: &&Lock| {
            contains(&lock.scope, scope)
                && (operation == Operation::Delete || lock.kind == LockKind::ReadOnly)
        };
        let locked: Vec<&str> =
            self.locks.iter().filter(forbids).map(|lock| lock.scope.as_str()).collect();
        if locked.is_empty() {
            return Ok(());
        }
        let verb = match operation {
            Operation::Write => "write",
            Operation::Delete => "delete",
        };
        Err(Answer::refused(
            409,
            "ScopeLocked",
            format!(
                "The scope '{scope}' cannot perform {verb} operation because following scope(s) are \
                 locked: '{}'. Please remove the lock and try again.",
                locked.join(",")
            ),
        ))
    }
}
