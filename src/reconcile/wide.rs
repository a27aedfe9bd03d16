//! Looking at the whole estate: a few runs at once, since each holds all of it in memory.
//!
//! Sixteen commands may be carried out at once, and the estate may be tens of thousands of clusters.
//! Most commands need a few of them only, and never wait here.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::{ReconcileError, reading};
use crate::azure::ArmError;

/// How many runs hold the whole estate at once. More would hardly be quicker: Resource Graph takes
/// three queries a second, and each such run needs some.
const WIDE_AT_ONCE: usize = 4;

/// How long a run waits for its turn. After that it comes later, so that its slot is free for a command
/// that needs little, and so that a run which gets its turn has time left to write.
const PATIENCE: Duration = Duration::from_secs(60);

/// The turns of all runs that look at the whole estate
#[derive(Debug)]
pub(super) struct Turns(Semaphore);

/// The turn of one run, once it has one. It lasts until the run lets go of what it saw.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    held: Option<SemaphorePermit<'a>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(WIDE_AT_ONCE))
    }
}

impl Turns {
    /// For a run that may not have to look at everything
    pub(super) fn none_yet(&self) -> Turn<'_> {
        Turn { turns: self, held: None }
    }
}

impl Turn<'_> {
    /// Waits for the run's turn, unless it has come already. Fails if it does not come in a minute.
    pub(super) async fn come(&mut self) -> Result<(), ReconcileError> {
        if self.held.is_none() {
            let late = |_| reading("the whole estate")(ArmError::out_of_turn(None));
            // The inner one only fails once the semaphore is closed, which nobody does.
            self.held = timeout(PATIENCE, self.turns.0.acquire()).await.map_err(late)?.ok();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_comes_later() {
        let turns = Turns::default();
        let mut runs: Vec<_> = (0..=WIDE_AT_ONCE).map(|_| turns.none_yet()).collect();
        let mut last = runs.pop().unwrap();
        for run in &mut runs {
            run.come().await.unwrap();
        }
        let started = Instant::now();
        let error = last.come().await.unwrap_err();
        assert!(error.source.is_later(), "{error:?}");
        assert_eq!(started.elapsed().as_secs(), PATIENCE.as_secs());
        drop(runs);
        last.come().await.unwrap();
    }

    #[tokio::test]
    async fn a_run_has_one_turn_and_leaves_it_to_the_next() {
        let turns = Turns::default();
        let mut runs: Vec<_> = (0..=WIDE_AT_ONCE).map(|_| turns.none_yet()).collect();
        let mut last = runs.pop().unwrap();
        for run in &mut runs {
            assert!(matches!(run.come().now_or_never(), Some(Ok(()))));
            assert!(matches!(run.come().now_or_never(), Some(Ok(()))), "it has its turn already");
        }
        assert!(last.come().now_or_never().is_none());
        runs.pop();
        assert!(matches!(last.come().now_or_never(), Some(Ok(()))));
    }
}
