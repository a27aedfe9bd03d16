//! How much of one of Azure's limits is left, as far as anyone here can tell, and when to take from
//! it. Pure: the time is passed in, as what has passed since some moment.
//!
//! Azure's buckets are shared with other instances and other tools. Nobody knows how many there are;
//! all that is heard of them is how much is left after each answer. So nobody takes what it could,
//! but a rate in proportion to the level: the level then settles where all together take what flows
//! in, the fuller the fewer they are, and nobody has to be told of anybody.
//!
//! Written by hand, since the well-kept crate for it (`governor`) keeps a count of its own that cannot
//! be set to what a header says.

use std::time::Duration;

use super::inflow::Inflow;

/// How fast this process takes at most, in shares of what flows in. Slow enough that several which
/// start on a full bucket hear of each other before it is empty.
const TOP: f64 = 3.0;

/// What is on its way counts that many times against the level: four processes together then have no
/// more on its way than there is, however long the answers take.
const UNHEARD: f64 = 3.0;

/// How many requests are on their way at most while nobody knows the level
const SCOUTS: u32 = 2;

/// The part of the ease that will do where nobody else takes anything
const ALONE: f64 = 0.4;

/// For how long an answer tells the level
const FRESH: Duration = Duration::from_secs(5);

/// The part by which an answer that tells of more than expected is believed: answers overtake each
/// other, and one that tells of less is always believed.
const TRUST: f64 = 0.2;

/// From this share of the capacity on a bucket is as good as full.
const BRIM: f64 = 0.93;

/// How much more careful a refusal makes
const WARNED: f64 = 1.5;

/// How careful one can get
const MOST_CARE: f64 = 4.0;

/// What an answer that is no refusal leaves of the care
const CALMED: f64 = 0.99;

/// How long to wait at most before looking again: another answer may have told more
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// One of Azure's limits
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    /// What a full bucket holds
    pub(super) capacity: f64,
    /// What flows in each second
    pub(super) refill: f64,
    /// The level at which one process takes just what flows in, if there may be others
    pub(super) ease: f64,
    /// What may be taken at once from a full bucket
    pub(super) burst: f64,
}

/// Whether a request may be sent
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Turn {
    /// It may, and is counted as being on its way.
    Now,
    /// Look again after this time, or after an answer.
    Later(Duration),
    /// Azure asked to be left alone for this long.
    Closed(Duration),
}

/// What an answer tells
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Told {
    /// How much is left
    pub(super) remaining: Option<f64>,
    /// Nothing will be there before this time has passed, as a refusal says
    pub(super) refused: Option<Duration>,
    /// Nothing is left before this time has passed
    pub(super) spent: Option<Duration>,
}

/// One bucket, as seen from here
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    limit: Limit,
    at: Duration,
    /// What is left, if all that is on its way is counted
    level: f64,
    /// What this process may take of it
    allowance: f64,
    /// What the others leave of the refill
    inflow: Inflow,
    care: f64,
    on_its_way: u32,
    closed_until: Duration,
    heard_at: Option<Duration>,
}

impl Bucket {
    /// A bucket that is full, until an answer tells otherwise
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            limit,
            at: Duration::ZERO,
            level: limit.capacity,
            allowance: limit.burst,
            inflow: Inflow::of(limit.refill),
            care: 1.0,
            on_its_way: 0,
            closed_until: Duration::ZERO,
            heard_at: None,
        }
    }

    /// Whether a request may be sent now
    pub(super) fn turn(&mut self, now: Duration) -> Turn {
        self.pass(now);
        if now < self.closed_until {
            return Turn::Closed(self.closed_until.saturating_sub(now));
        }
        let on_its_way = f64::from(self.on_its_way);
        let is_unknown = !self.is_fresh(now) && self.on_its_way >= SCOUTS;
        let is_unheard = self.on_its_way >= SCOUTS && self.level < UNHEARD * on_its_way;
        if is_unknown || is_unheard {
            return Turn::Later(LOOK_AGAIN);
        }
        if self.level < 1.0 || self.allowance < 1.0 {
            return Turn::Later(self.wait());
        }
        self.level -= 1.0;
        self.allowance -= 1.0;
        self.on_its_way += 1;
        Turn::Now
    }

    /// Takes note of the answer to a request that was sent.
    pub(super) fn answered(&mut self, now: Duration, told: Told) {
        self.pass(now);
        self.on_its_way = self.on_its_way.saturating_sub(1);
        if let Some(wait) = told.refused {
            self.refused(now, wait, told.remaining);
        } else {
            self.care = (self.care * CALMED).max(1.0);
            if let Some(remaining) = told.remaining {
                let is_full = self.is_full(remaining);
                self.inflow.heard(now, remaining, is_full, self.is_fresh(now));
                self.follow(now, remaining);
            }
        }
        if let Some(wait) = told.spent {
            self.close(now, wait);
        }
        self.heard_at = Some(now);
    }

    /// Takes note that no answer will come.
    pub(super) fn abandoned(&mut self) {
        self.on_its_way = self.on_its_way.saturating_sub(1);
    }

    fn refused(&mut self, now: Duration, wait: Duration, remaining: Option<f64>) {
        // Several that were refused together are one warning.
        if now >= self.closed_until {
            self.care = (self.care * WARNED).min(MOST_CARE);
        }
        self.close(now, wait);
        // A refusal with something left is another limit's, such as a resource provider's own.
        self.level = self.level.min(remaining.unwrap_or_default());
        self.allowance = 0.0;
        self.inflow.start_again();
    }

    fn close(&mut self, now: Duration, wait: Duration) {
        self.closed_until = self.closed_until.max(now.saturating_add(wait));
    }

    /// Corrects the level by what Azure says is left.
    fn follow(&mut self, now: Duration, remaining: f64) {
        let capacity = self.limit.capacity;
        let known = (remaining - f64::from(self.on_its_way)).clamp(0.0, capacity);
        let is_full = self.is_full(remaining);
        if known < self.level || is_full || !self.is_fresh(now) {
            self.level = known;
        } else {
            self.level += TRUST * (known - self.level);
        }
        // A bucket that stays full, whatever is taken from it, needs no restraint.
        self.allowance = if is_full { self.burst() } else { self.allowance.min(self.burst()) };
    }

    /// Lets the time pass.
    fn pass(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        let Limit { capacity, refill, .. } = self.limit;
        let taken = self.share() * passed * self.inflow.rate().mul_add(passed / 2.0, self.level);
        self.allowance += taken.min(TOP * refill * passed);
        self.level = self.inflow.rate().mul_add(passed, self.level).min(capacity);
        self.allowance = self.allowance.min(self.burst());
    }

    /// How long it takes until there is one to be taken, if nothing else happens
    fn wait(&self) -> Duration {
        let missing = (1.0 - self.allowance).max(0.0);
        let inflow = self.inflow.rate();
        // The level rises steadily, so what may be taken grows with the square of the time.
        let root = 2.0f64.mul_add(missing * inflow / self.share(), self.level.powi(2)).sqrt();
        let allowed = ((root - self.level) / inflow).max(missing / (TOP * self.limit.refill));
        let seconds = allowed.max((1.0 - self.level) / inflow);
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(LOOK_AGAIN);
        wait.clamp(Duration::from_millis(1), LOOK_AGAIN)
    }

    /// What this process takes each second for each one that is left
    fn share(&self) -> f64 {
        let company = (1.0 - ALONE).mul_add(self.inflow.others(), ALONE);
        self.limit.refill / (self.limit.ease * company * self.care)
    }

    fn burst(&self) -> f64 {
        (self.limit.burst * self.level / self.limit.capacity).max(1.0)
    }

    fn is_full(&self, remaining: f64) -> bool {
        remaining >= BRIM * self.limit.capacity
    }

    fn is_fresh(&self, now: Duration) -> bool {
        self.heard_at.is_some_and(|heard| now.saturating_sub(heard) < FRESH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Limit = Limit { capacity: 200.0, refill: 10.0, ease: 20.0, burst: 12.0 };

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn left(remaining: f64) -> Told {
        Told { remaining: Some(remaining), ..Told::default() }
    }

    fn refused(seconds: u64) -> Told {
        Told { refused: Some(Duration::from_secs(seconds)), ..left(0.0) }
    }

    /// Sends one request, and hears of it at once
    #[track_caller]
    fn exchange(bucket: &mut Bucket, now: Duration, told: Told) {
        assert_eq!(bucket.turn(now), Turn::Now);
        bucket.answered(now, told);
    }

    /// How many may be sent in the first second, each answered at once with this level
    fn sent_at(remaining: f64) -> u32 {
        let mut bucket = Bucket::new(LIMIT);
        exchange(&mut bucket, at(0), left(remaining));
        let mut sent = 0;
        for now in (0..1000).map(at) {
            while bucket.turn(now) == Turn::Now {
                bucket.answered(now, left(remaining));
                sent += 1;
            }
        }
        sent
    }

    #[test]
    fn the_first_go_ahead_and_the_others_wait_for_what_they_are_told() {
        let mut bucket = Bucket::new(LIMIT);
        assert_eq!([0; 2].map(|_| bucket.turn(at(0))), [Turn::Now; 2]);
        assert_eq!(bucket.turn(at(0)), Turn::Later(LOOK_AGAIN));
        bucket.answered(at(100), left(199.0));
        assert_eq!(bucket.turn(at(100)), Turn::Now);
    }

    #[test]
    fn answers_that_tell_nothing_hold_nobody_up() {
        let mut bucket = Bucket::new(LIMIT);
        for _ in 0..10 {
            exchange(&mut bucket, at(0), Told::default());
        }
    }

    #[test]
    fn the_rate_follows_the_level() {
        for (level, low, high) in [(170.0, 30, 45), (40.0, 18, 23), (20.0, 9, 12), (5.0, 2, 4)] {
            let sent = sent_at(level);
            assert!((low..=high).contains(&sent), "{sent} in a second at {level}");
        }
    }

    #[test]
    fn whoever_is_alone_may_go_nearer_to_the_bottom() {
        let mut bucket = Bucket::new(LIMIT);
        let cautious = bucket.share();
        for tenth in 0..60 {
            exchange(&mut bucket, at(100 * tenth), left(30.0));
        }
        assert!(bucket.share() > 2.0 * cautious, "ten a second leave it as it is");
    }

    #[test]
    fn a_bucket_that_stays_full_needs_no_restraint() {
        let mut bucket = Bucket::new(LIMIT);
        for _ in 0..1000 {
            exchange(&mut bucket, at(0), left(199.0));
        }
    }

    #[test]
    fn a_lower_level_is_believed_at_once_and_a_higher_one_little_by_little() {
        let mut bucket = Bucket::new(LIMIT);
        exchange(&mut bucket, at(0), left(50.0));
        assert!((bucket.level - 50.0).abs() < 0.1);
        exchange(&mut bucket, at(0), left(10.0));
        assert!((bucket.level - 10.0).abs() < 0.1);
        bucket.on_its_way += 1;
        bucket.answered(at(0), left(110.0));
        assert!((bucket.level - 30.0).abs() < 0.1);
        bucket.on_its_way += 1;
        bucket.answered(at(10_000), left(110.0));
        assert!((bucket.level - 110.0).abs() < 0.1, "what was heard long ago is worth nothing");
    }

    #[test]
    fn after_a_refusal_nothing_is_sent_before_its_time() {
        let mut bucket = Bucket::new(LIMIT);
        assert_eq!([0; 2].map(|_| bucket.turn(at(0))), [Turn::Now; 2]);
        bucket.answered(at(0), refused(3));
        bucket.answered(at(0), refused(1));
        assert_eq!(bucket.turn(at(0)), Turn::Closed(at(3000)));
        assert_eq!(bucket.turn(at(2999)), Turn::Closed(at(1)));
        assert_eq!(bucket.turn(at(3000)), Turn::Now);
        assert!((bucket.care - WARNED).abs() < 0.1, "two refusals together are one warning");
    }

    #[test]
    fn a_quota_that_is_used_up_is_waited_for() {
        let mut bucket = Bucket::new(LIMIT);
        exchange(&mut bucket, at(0), Told { spent: Some(at(4000)), ..left(0.0) });
        assert_eq!(bucket.turn(at(1000)), Turn::Closed(at(3000)));
    }

    #[test]
    fn the_wait_is_neither_too_short_nor_too_long() {
        for level in [0.0, 3.0, 20.0, 80.0] {
            let mut bucket = Bucket::new(LIMIT);
            exchange(&mut bucket, at(0), left(level));
            bucket.allowance = 0.0;
            let Turn::Later(wait) = bucket.turn(at(0)) else { panic!("its turn at once") };
            let almost = wait.saturating_sub(at(2));
            assert!(matches!(bucket.clone().turn(almost), Turn::Later(_)), "too long at {level}");
            assert_eq!(bucket.turn(wait + at(1)), Turn::Now, "too short at {level}");
        }
    }

    #[test]
    fn a_request_without_an_answer_is_on_its_way_no_more() {
        let mut bucket = Bucket::new(LIMIT);
        assert_eq!([0; 2].map(|_| bucket.turn(at(0))), [Turn::Now; 2]);
        bucket.abandoned();
        assert_eq!(bucket.turn(at(0)), Turn::Now);
    }
}
