//! Management locks.
//!
//! They bind everyone, people included; only this world's own helpers take them away.

use super::answer::Answer;
use super::paths::contains;
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
