//! ARM's and Resource Graph's rate limits: token buckets per caller, subscription and operation, and
//! a quota of queries for a stretch of time.
//!
//! They run on virtual time. The limits of the resource providers are not modelled.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;

use super::answer::Answer;
use super::paths::{Target, subscription_of};
use super::request::Asked;
use super::rights::Caller;

/// How many requests are let through
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimits {
    /// Reads of each subscription, and of the tenant
    pub reads: Bucket,
    /// Writes, likewise
    pub writes: Bucket,
    /// Deletes, likewise
    pub deletes: Bucket,
    /// Queries of Resource Graph
    pub queries: Quota,
    /// Whether all callers drink from the same buckets, as they do from those that hold for a whole
    /// subscription
    pub shared: bool,
}

/// A token bucket
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// What it holds when it is full, and at first
    pub capacity: f64,
    /// What flows in each second
    pub refill: f64,
}

/// So many in a stretch of time that begins with the first of them
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many
    pub size: u32,
    /// How long
    pub window: Duration,
}

impl Default for RateLimits {
    /// What Azure documents
    fn default() -> Self {
        Self {
            reads: Bucket { capacity: 250.0, refill: 25.0 },
            writes: Bucket { capacity: 200.0, refill: 10.0 },
            deletes: Bucket { capacity: 200.0, refill: 10.0 },
            queries: Quota { size: 15, window: Duration::from_secs(5) },
            shared: false,
        }
    }
}

/// Whose limit, of which place and operation
type Key = (String, String, &'static str);

/// What was used of every limit that was ever touched
#[derive(Debug, Default)]
pub(super) struct Used {
    /// Level of a bucket, and when
    levels: BTreeMap<Key, (f64, OffsetDateTime)>,
    /// Queries in the window, and when it began
    windows: BTreeMap<Key, (u32, OffsetDateTime)>,
}

/// What a request may do, and the headers that tell
pub(super) struct Ration {
    pub(super) headers: Vec<(String, String)>,
    pub(super) refusal: Option<Answer>,
}

impl Used {
    /// Takes one from the limit of this request. Unless `strict`, limits stay untouched.
    pub(super) fn take(
        &mut self,
        now: OffsetDateTime,
        (asked, target, caller): (&Asked, &Target, &Caller),
        (limits, strict): (&RateLimits, bool),
    ) -> Ration {
        let who = if limits.shared { String::new() } else { caller.principal.to_string() };
        let subscription = subscription_of(&asked.path);
        let (operation, bucket) = match (target, asked.method.as_str()) {
            (Target::Graph, _) => {
                let key = (who, String::new(), "queries");
                return self.query(now, key, (limits.queries, strict));
            }
            (_, "GET" | "HEAD") => ("reads", limits.reads),
            (_, "DELETE") => ("deletes", limits.deletes),
            _ => ("writes", limits.writes),
        };
        let place = if subscription.is_some() { "subscription" } else { "tenant" };
        let header = |left| vec![(format!("x-ms-ratelimit-remaining-{place}-{operation}"), left)];
        let key = (who, subscription.unwrap_or_default(), operation);
        let (level, then) = self.levels.get(&key).copied().unwrap_or((bucket.capacity, now));
        let refilled = (now - then).as_seconds_f64().mul_add(bucket.refill, level);
        let level = refilled.min(bucket.capacity) - 1.0;
        if level < 0.0 {
            let seconds = whole((-level / bucket.refill).ceil().max(1.0));
            let refusal = too_many(&seconds).with("Retry-After", seconds);
            return Ration { headers: header(whole(0.0)), refusal: Some(refusal) };
        }
        if strict {
            self.levels.insert(key, (level, now));
        }
        Ration { headers: header(whole(level.floor())), refusal: None }
    }

    /// A query. Its refusal says only in its own header when there are queries again.
    fn query(&mut self, now: OffsetDateTime, key: Key, (quota, strict): (Quota, bool)) -> Ration {
        let window = self.windows.get(&key).copied();
        let open = window.filter(|(_, began)| now - *began < quota.window);
        let (used, began) = open.unwrap_or((0, now));
        let rest = (began + quota.window - now).as_seconds_f64().ceil();
        let left = quota.size.saturating_sub(used + 1);
        let headers = vec![
            ("x-ms-user-quota-remaining".to_owned(), left.to_string()),
            ("x-ms-user-quota-resets-after".to_owned(), clock_face(rest)),
        ];
        if used >= quota.size {
            return Ration { headers, refusal: Some(too_many(&whole(rest))) };
        }
        if strict {
            self.windows.insert(key, (used + 1, began));
        }
        Ration { headers, refusal: None }
    }
}

fn too_many(seconds: &str) -> Answer {
    let message =
        format!("Number of requests exceeded. Please try again after '{seconds}' seconds.");
    Answer::refused(429, "TooManyRequests", message)
}

fn whole(number: f64) -> String {
    format!("{number:.0}")
}

/// `hh:mm:ss`
fn clock_face(seconds: f64) -> String {
    let (hours, rest) = ((seconds / 3600.0).floor(), seconds % 3600.0);
    format!("{hours:02.0}:{:02.0}:{:02.0}", (rest / 60.0).floor(), rest % 60.0)
}
