//! Makes a history as short as it can be while something still goes wrong in it.

use crate::history::History;
use crate::play::play;

/// The shortest history for which this holds, by leaving out steps: halves first, then single ones
pub(crate) fn shrink(history: &History, is_wrong: impl Fn(&History) -> bool) -> History {
    let mut best = history.clone();
    let mut size = best.steps.len().div_ceil(2).max(1);
    loop {
        let mut at = 0;
        let mut is_shorter = false;
        while at < best.steps.len() {
            let mut shorter = best.clone();
            shorter.steps.drain(at..(at + size).min(best.steps.len()));
            if is_wrong(&shorter) {
                best = shorter;
                is_shorter = true;
            } else {
                at += size;
            }
        }
        if size > 1 {
            size = size.div_ceil(2);
        } else if !is_shorter {
            return best;
        }
    }
}

/// What a person needs to understand what went wrong
pub(crate) fn explain(history: &History) -> String {
    let shortest = shrink(history, |shorter| !play(shorter, false).wrong.is_empty());
    let outcome = play(&shortest, true);
    format!(
        "seed {} breaks a promise; TETHER_SIM_SEED={} replays it. The shortest history:\n{shortest}\n{}\n{}",
        history.seed,
        history.seed,
        outcome.story.join("\n"),
        outcome.wrong.join("\n"),
    )
}
