//! Plays many histories, on every core, and says what happened in them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::history::History;
use crate::play::play;
use crate::tally::Tally;

/// How many seeds that break a promise are looked for: a few say as much as all
const ENOUGH: usize = 3;

/// How many histories are played between two words of progress
const PROGRESS: u64 = 20_000;

/// What came of many histories
pub(crate) struct Many {
    pub(crate) tally: Tally,
    /// The seeds that break a promise
    pub(crate) wrong: Vec<u64>,
    took: Duration,
}

impl Many {
    /// The histories of so many seeds from the first on, or of as many as begin within this time
    pub(crate) fn play(first: u64, count: u64, time: Duration) -> Self {
        let start = now();
        let next = AtomicU64::new(first);
        let many =
            Mutex::new(Self { tally: Tally::default(), wrong: Vec::new(), took: Duration::ZERO });
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut own = Tally::default();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        let is_enough = many.lock().unwrap().wrong.len() >= ENOUGH;
                        if seed >= first + count || is_enough || start.elapsed() > time {
                            break;
                        }
                        if seed > first && (seed - first).is_multiple_of(PROGRESS) {
                            tell(&format!("{} of {count} histories", seed - first));
                        }
                        let outcome = play(&History::of(seed), false);
                        own.add(&outcome.tally);
                        if !outcome.wrong.is_empty() {
                            many.lock().unwrap().wrong.push(seed);
                        }
                    }
                    many.lock().unwrap().tally.add(&own);
                });
            }
        });
        let mut many = many.into_inner().unwrap();
        many.wrong.sort_unstable();
        many.took = start.elapsed();
        many
    }

    /// What happened, item by item, and then in a line
    pub(crate) fn summary(&self) -> String {
        let of = |what| self.tally.of(what);
        let all = |what| self.tally.sum(what);
        format!(
            "{}{} histories, {} steps, {} runs, {} requests, {} writes, {} crashes, {} other faults, {} \
             violations, {} s",
            self.tally,
            of("histories"),
            of("steps"),
            of("runs"),
            all("requests"),
            all("write: "),
            all("crash "),
            all("fault: "),
            self.wrong.len(),
            self.took.as_secs(),
        )
    }
}

#[expect(clippy::disallowed_methods, reason = "how long it takes is for people")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::print_stdout, reason = "whoever plays for long wants to see how far it is")]
pub(crate) fn tell(what: &str) {
    println!("{what}");
}
