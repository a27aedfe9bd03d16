//! Looking at the whole estate: a few runs at once, since each holds all of it in memory.
//!
//! Sixteen commands may be carried out at once, and the estate may be tens of thousands of clusters.
//! Most commands need a few of them only, and never wait here.

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many runs hold the whole estate at once. More would hardly be quicker: Resource Graph takes
/// three queries a second, and each such run needs some.
const WIDE_AT_ONCE: usize = 4;

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
    /// Waits for the run's turn, unless it has come already.
    pub(super) async fn come(&mut self) {
        if self.held.is_none() {
            // It only fails once the semaphore is closed, which nobody does.
            self.held = self.turns.0.acquire().await.ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_run_has_one_turn_and_leaves_it_to_the_next() {
        let turns = Turns::default();
        let mut runs: Vec<_> = (0..=WIDE_AT_ONCE).map(|_| turns.none_yet()).collect();
        let mut last = runs.pop().unwrap();
        for run in &mut runs {
            assert!(run.come().now_or_never().is_some());
            assert!(run.come().now_or_never().is_some(), "it has its turn already");
        }
        assert!(last.come().now_or_never().is_none());
        runs.pop();
        assert!(last.come().now_or_never().is_some());
    }
}
