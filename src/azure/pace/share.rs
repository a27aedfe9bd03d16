//! A part of a limit for those who must leave the rest to others.
//!
//! Whoever has a share waits here first, and then in the common line like everybody else.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Azure counts queries of Resource Graph in windows of five seconds and allows 15 in each
const WINDOW: Duration = Duration::from_secs(5);

/// A third of them
const IN_A_WINDOW: usize = 5;

/// A third of Resource Graph's queries
#[derive(Debug, Default)]
pub(super) struct Share {
    /// When the last ones were let through. Whoever is first holds it, so that it is a line.
    last: Mutex<VecDeque<Instant>>,
}

impl Share {
    /// Waits until one more query is within the share.
    ///
    /// # Guarantees
    /// No more than a third of what Azure allows, in whichever window of five seconds.
    pub(super) async fn turn(&self) {
        let mut last = self.last.lock().await;
        if last.len() == IN_A_WINDOW
            && let Some(first) = last.front()
        {
            sleep_until(*first + WINDOW).await;
            // Only now: whoever does not wait to the end must not take the place along.
            last.pop_front();
        }
        last.push_back(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_than_a_third_of_what_azure_allows() {
        let (share, start) = (Share::default(), Instant::now());
        let mut moments = Vec::new();
        for _ in 0..23 {
            share.turn().await;
            moments.push(start.elapsed());
        }
        let most = moments
            .iter()
            .map(|from| moments.iter().filter(|at| *at >= from && **at < *from + WINDOW).count());
        assert_eq!(most.max(), Some(15 / 3));
        assert_eq!(moments.last(), Some(&(WINDOW * 4)), "and no wait is longer than it has to be");
    }

    #[tokio::test(start_paused = true)]
    async fn who_gave_up_has_taken_nothing() {
        let share = Share::default();
        for _ in 0..IN_A_WINDOW {
            share.turn().await;
        }
        let start = Instant::now();
        assert!(tokio::time::timeout(Duration::from_secs(1), share.turn()).await.is_err());
        share.turn().await;
        assert_eq!(start.elapsed(), WINDOW);
    }
}
