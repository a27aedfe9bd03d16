//! Several processes at one bucket, in simulated time: how long they take together and how often
//! they are refused.

use std::collections::BTreeSet;
use std::time::Duration;

use super::bucket::{Bucket, Told, Turn};
use super::lane::Kind;

/// The requests of all processes together
const REQUESTS: u32 = 600;

/// How many each has on its way at most
const AT_ONCE: u32 = 32;

const CAPACITY: f64 = 200.0;
const REFILL: f64 = 10.0;

/// The bucket as it is
struct Truth {
    level: f64,
    at: u64,
}

impl Truth {
    /// What a request is told at this time
    fn answer(&mut self, now: u64) -> Told {
        let passed = Duration::from_millis(now - self.at).as_secs_f64();
        (self.level, self.at) = (REFILL.mul_add(passed, self.level).min(CAPACITY), now);
        if self.level < 1.0 {
            let refused = Some(Duration::from_secs(1));
            return Told { remaining: Some(0.0), refused, spent: None };
        }
        self.level -= 1.0;
        Told { remaining: Some(self.level.floor()), ..Told::default() }
    }
}

/// One process: what it has still to send, and what is on its way
struct Process {
    bucket: Bucket,
    left: u32,
    on_its_way: u32,
}

/// What came of it: milliseconds and refusals
struct Outcome {
    took: u64,
    refused: u32,
}

/// Requests arrive after half of `latency` milliseconds and are heard of after the other half; each
/// takes a few milliseconds more than the one before. Meanwhile somebody else takes `stolen` a second.
fn run(processes: u32, latency: u64, full: bool, stolen: u64) -> Outcome {
    let mut truth = Truth { level: if full { CAPACITY } else { 0.0 }, at: 0 };
    let new = || Bucket::new(Kind::Writes.limit());
    let share = REQUESTS / processes;
    let mut all: Vec<_> =
        (0..processes).map(|_| Process { bucket: new(), left: share, on_its_way: 0 }).collect();
    let (mut arriving, mut leaving) = (BTreeSet::new(), Vec::<(u64, usize, Told)>::new());
    let (mut number, mut done, mut refused) = (0, 0, 0);
    for now in 0..600_000 {
        let time = Duration::from_millis(now);
        if stolen > 0 && now.is_multiple_of(1000 / stolen) {
            truth.answer(now);
        }
        while let Some((at, number, who)) = arriving.pop_first() {
            if at > now {
                arriving.insert((at, number, who));
                break;
            }
            leaving.push((now + latency / 2, who, truth.answer(now)));
        }
        for (_, who, told) in leaving.extract_if(.., |(at, ..)| *at <= now) {
            let process = &mut all[who];
            process.bucket.answered(time, told);
            process.on_its_way -= 1;
            let again = u32::from(told.refused.is_some());
            (process.left, refused, done) =
                (process.left + again, refused + again, done + 1 - again);
        }
        if done == share * processes {
            return Outcome { took: now, refused };
        }
        for (who, process) in all.iter_mut().enumerate() {
            while process.left > 0
                && process.on_its_way < AT_ONCE
                && process.bucket.turn(time) == Turn::Now
            {
                (process.left, process.on_its_way) = (process.left - 1, process.on_its_way + 1);
                number += 1;
                arriving.insert((now + latency / 2 + number % 7, number, who));
            }
        }
    }
    panic!("it never ends");
}

/// That it takes at most so many percent longer than need be, with at most so many refusals
#[track_caller]
fn check(outcome: &Outcome, shortest: u64, percent: u64, refusals: u32) {
    let Outcome { took, refused } = outcome;
    assert!(took * 100 <= shortest * (100 + percent), "{took} ms instead of {shortest}");
    assert!(*refused <= refusals, "{refused} refusals");
}

#[test]
fn one_process_is_hardly_slower_than_the_limit() {
    for latency in [2, 150, 500] {
        check(&run(1, latency, true, 0), 40_000, 10, 0);
        check(&run(1, latency, false, 0), 60_000, 10, 3);
    }
}

#[test]
fn several_processes_share_a_limit_without_knowing_of_each_other() {
    for processes in [2, 4] {
        for latency in [2, 150, 500] {
            check(&run(processes, latency, true, 0), 40_000, 10, 6);
            check(&run(processes, latency, false, 0), 60_000, 10, 18);
        }
    }
}

#[test]
fn a_slow_azure_does_not_make_several_processes_overdraw() {
    check(&run(4, 1500, true, 0), 40_000, 20, 6);
}

#[test]
fn what_somebody_else_takes_is_left_to_them() {
    for processes in [1, 4] {
        // Half of the refill is gone; (600 - 200) / 5 = 80 seconds are the shortest.
        check(&run(processes, 150, true, 5), 80_000, 10, 18);
    }
}
