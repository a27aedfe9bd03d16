//! A deterministic simulation: the real worker, on a time that stands still, against the pretend Azure
//! and queue, in histories made up from seeds. Everything goes wrong that can; no promise may break.
//!
//! `tests/simulate.sh` plays as many histories as one likes. `TETHER_SIM_SEED` replays one.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(test)]
mod facts;
#[cfg(test)]
mod history;
#[cfg(test)]
mod installation;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod people;
#[cfg(test)]
mod play;
#[cfg(test)]
mod shrink;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod tally;
#[cfg(test)]
mod wire;
#[cfg(test)]
mod witness;

#[cfg(test)]
mod tests {
    use std::str::FromStr;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    use crate::history::History;
    use crate::play::play;
    use crate::shrink::{explain, shrink};
    use crate::tally::Tally;

    #[expect(clippy::disallowed_methods, reason = "a test is told so by its environment")]
    fn told<T: FromStr>(name: &str) -> Option<T> {
        std::env::var(name).ok().and_then(|text| text.parse().ok())
    }

    #[test]
    fn no_promise_breaks_in_any_history() {
        if let Some(seed) = told("TETHER_SIM_SEED") {
            let history = History::of(seed);
            let outcome = play(&history, true);
            println!("{history}\n{}\n{}", outcome.story.join("\n"), outcome.tally);
            assert!(outcome.wrong.is_empty(), "{}", explain(&history));
            return;
        }
        let first: u64 = told("TETHER_SIM_FIRST").unwrap_or(0);
        let count: u64 = told("TETHER_SIM_COUNT").unwrap_or(300);
        let most = told("TETHER_SIM_MOST").unwrap_or(3);
        let next = AtomicU64::new(first);
        let tally = Mutex::new(Tally::default());
        let wrong = Mutex::new(Vec::new());
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    let mut own = Tally::default();
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= first + count || wrong.lock().unwrap().len() >= most {
                            break;
                        }
                        let outcome = play(&History::of(seed), false);
                        own.add(&outcome.tally);
                        if !outcome.wrong.is_empty() {
                            println!("{seed}: {:?}", outcome.wrong);
                            wrong.lock().unwrap().push(seed);
                        }
                    }
                    tally.lock().unwrap().add(&own);
                });
            }
        });
        println!("{}\n{:?}", tally.lock().unwrap(), start.elapsed());
        let wrong = wrong.into_inner().unwrap();
        let explained: Vec<_> =
            wrong.iter().take(3).map(|seed| explain(&History::of(*seed))).collect();
        assert!(wrong.is_empty(), "{}", explained.join("\n\n"));
    }

    #[test]
    fn the_same_seed_is_the_same_history() {
        for seed in 0..40 {
            let history = History::of(seed);
            assert_eq!(play(&history, false).trace, play(&history, false).trace, "{seed}");
        }
    }

    #[test]
    fn a_history_shrinks_to_what_is_needed() {
        let history = History::of(7);
        let makes = |history: &History| {
            let text = history.to_string();
            text.contains("MakeCluster { place: 1") && text.contains("MakeRegistry { place: 0")
        };
        assert!(makes(&history));
        assert_eq!(shrink(&history, makes).steps.len(), 2);
    }
}
