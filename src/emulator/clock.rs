//! Virtual time: real time multiplied by a speed, plus whatever was skipped.
//!
//! It starts at the same moment in every run and never reads the wall clock, so that what the
//! pretend world prints is the same every time. It does not know who waits on it.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use time::macros::datetime;
use tokio::sync::watch;
use tokio::time::Instant;

/// The moment at which every virtual clock starts
const START: OffsetDateTime = datetime!(2026-01-10 09:00 UTC);

/// A virtual clock; clones share one time
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    speed: f64,
    skipped: watch::Sender<Duration>,
}

impl Clock {
    /// A clock that runs `speed` times as fast as real time.
    ///
    /// At speed 0 (also what a negative or infinite speed becomes) time passes by
    /// [`Clock::advance`] alone.
    pub fn new(speed: f64) -> Self {
        let speed = if speed.is_finite() && speed > 0.0 { speed } else { 0.0 };
        let skipped = watch::Sender::new(Duration::ZERO);
        Self(Arc::new(Inner { started: Instant::now(), speed, skipped }))
    }

    /// The virtual time
    pub fn now(&self) -> OffsetDateTime {
        self.at(*self.0.skipped.borrow())
    }

    /// Skips ahead and wakes everyone who waits for a moment that has passed by then
    pub fn advance(&self, by: Duration) {
        self.0.skipped.send_modify(|skipped| *skipped = skipped.saturating_add(by));
    }

    /// Waits until the virtual time is at or after `moment`
    pub async fn sleep_until(&self, moment: OffsetDateTime) {
        let mut skipped = self.0.skipped.subscribe();
        loop {
            let now = self.at(*skipped.borrow_and_update());
            if now >= moment {
                return;
            }
            // Both ends are fine: the time has come, or somebody skipped ahead. The sender lives as
            // long as this clock, so that waiting for a change cannot fail.
            let _ = tokio::time::timeout(self.real(moment - now), skipped.changed()).await;
        }
    }

    fn at(&self, skipped: Duration) -> OffsetDateTime {
        let elapsed = self.0.started.elapsed().as_secs_f64() * self.0.speed;
        let passed = time::Duration::saturating_seconds_f64(elapsed)
            .saturating_add(time::Duration::try_from(skipped).unwrap_or(time::Duration::MAX));
        START.saturating_add(passed)
    }

    /// How long the virtual time span takes in real time
    fn real(&self, virtually: time::Duration) -> Duration {
        Duration::try_from_secs_f64(virtually.as_seconds_f64() / self.0.speed)
            .unwrap_or(Duration::MAX)
            .max(Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn at_speed_zero_only_skipping_moves_the_time() {
        let clock = Clock::new(0.0);
        assert_eq!(clock.now(), START);
        let shared = clock.clone();
        shared.advance(HOUR);
        assert_eq!(shared.now(), clock.now());
        assert_eq!(clock.now(), START + HOUR);
    }

    #[test]
    fn impossible_speeds_stand_still() {
        for speed in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Clock::new(speed).now(), START);
        }
    }

    #[tokio::test]
    async fn skipping_ahead_wakes_the_sleeper() {
        let clock = Clock::new(0.0);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(START + 2 * HOUR).await }
        });
        clock.advance(HOUR);
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(HOUR);
        sleeper.await.unwrap();
    }

    #[tokio::test]
    async fn a_fast_clock_reaches_a_far_moment_by_itself() {
        let clock = Clock::new(1_000_000.0);
        clock.sleep_until(START + HOUR).await;
        assert!(clock.now() >= START + HOUR);
    }
}
