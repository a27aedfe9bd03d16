//! What flows into a bucket and is not taken by others, learned from what is left after each answer.
//! Pure.

use std::time::Duration;

/// The least time that is measured over
const MEASURED: Duration = Duration::from_secs(1);

/// How much of the refill is counted on at least, whatever the others seem to take
const LEAST: f64 = 0.1;

/// What this process finds of the refill
#[derive(Clone, Copy, Debug)]
pub(super) struct Inflow {
    refill: f64,
    rate: f64,
    is_measured: bool,
    measure: Option<Measure>,
}

/// The start of a measurement, and the answers since
#[derive(Clone, Copy, Debug)]
struct Measure {
    since: Duration,
    remaining: f64,
    answers: u32,
}

impl Inflow {
    /// All of the refill, until measured
    pub(super) fn of(refill: f64) -> Self {
        Self { refill, rate: refill, is_measured: false, measure: None }
    }

    /// Each second
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// The part of the refill that others take: all of it as long as nothing is known
    pub(super) fn others(&self) -> f64 {
        if self.is_measured { 1.0 - self.rate / self.refill } else { 1.0 }
    }

    /// Takes note of what is left after an answer. A full bucket may spill over, and tells nothing;
    /// nor does it tell anything if the answer before is not fresh any more.
    pub(super) fn heard(&mut self, now: Duration, remaining: f64, is_full: bool, is_fresh: bool) {
        let start = Measure { since: now, remaining, answers: 0 };
        let Some(measure) = self.measure.filter(|_| is_fresh) else {
            self.measure = Some(start);
            return;
        };
        let answers = measure.answers.saturating_add(1);
        let passed = now.saturating_sub(measure.since);
        if passed < MEASURED || answers < 2 {
            self.measure = Some(Measure { answers, ..measure });
            return;
        }
        self.measure = Some(start);
        self.is_measured = !is_full;
        if is_full {
            self.rate = self.refill;
        } else {
            let net = remaining - measure.remaining + f64::from(answers);
            let found = net / passed.as_secs_f64();
            let found = found.clamp(LEAST * self.refill, self.refill);
            self.rate = f64::midpoint(self.rate, found);
        }
    }

    /// Forgets the measurement under way.
    pub(super) fn start_again(&mut self) {
        self.measure = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rate found of 10 when this process takes one every `pause` milliseconds and hears this
    #[track_caller]
    fn check(pause: u64, remaining: fn(u32) -> f64, is_full: bool, low: f64, high: f64) {
        let mut inflow = Inflow::of(10.0);
        for number in 0..60 {
            let now = Duration::from_millis(pause * u64::from(number));
            inflow.heard(now, remaining(number), is_full, number > 0);
        }
        assert!((low..=high).contains(&inflow.rate()), "{}", inflow.rate());
    }

    #[test]
    fn what_others_take_is_not_counted_on() {
        // Ten a second leave the level as it is: nobody else is there.
        check(100, |_| 20.0, false, 9.0, 10.0);
        // Four a second do: others take six.
        check(250, |_| 20.0, false, 3.9, 5.0);
        // It falls by one with each of two a second: others take as much as flows in.
        check(500, |number| 100.0 - f64::from(number), false, 1.0, 1.1);
        // More flows in than should: that much is not counted on.
        check(500, f64::from, false, 4.0, 10.0);
    }

    #[test]
    fn a_full_bucket_tells_nothing() {
        check(1000, |_| 199.0, true, 10.0, 10.0);
    }
}
