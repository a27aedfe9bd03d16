//! ARM's and Resource Graph's rate limits: token buckets per caller, subscription and operation.
//!
//! The buckets run on virtual time. Nobody else's requests are counted here, and the limits of the
//! resource providers are not modelled.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::answer::Answer;
use super::paths::{Target, subscription_of};
use super::request::Asked;
use super::rights::Caller;

/// Capacity and refill per second
#[derive(Clone, Copy, Debug)]
struct Bucket {
    header: &'static str,
    capacity: f64,
    refill: f64,
}

const READS: Bucket = Bucket { header: "reads", capacity: 250.0, refill: 25.0 };
const WRITES: Bucket = Bucket { header: "writes", capacity: 200.0, refill: 10.0 };
const DELETES: Bucket = Bucket { header: "deletes", capacity: 200.0, refill: 10.0 };
const QUERIES: Bucket = Bucket { header: "queries", capacity: 15.0, refill: 3.0 };

/// Level of every bucket that was ever used, and when
#[derive(Debug, Default)]
pub(super) struct Limits(BTreeMap<(String, &'static str), (f64, OffsetDateTime)>);

/// What a request may do, and the headers that tell
pub(super) struct Ration {
    pub(super) headers: Vec<(String, String)>,
    pub(super) refusal: Option<Answer>,
}

impl Limits {
    /// Takes one from the bucket of this request. Unless `strict`, buckets stay full.
    pub(super) fn take(
        &mut self,
        now: OffsetDateTime,
        (asked, target, caller): (&Asked, &Target, &Caller),
        strict: bool,
    ) -> Ration {
        let bucket = bucket(asked, target);
        let subscription = subscription_of(&asked.path);
        let place = subscription.clone().unwrap_or_default();
        let key = (format!("{}/{place}", caller.principal), bucket.header);
        let (level, then) = self.0.get(&key).copied().unwrap_or((bucket.capacity, now));
        let refilled = (now - then).as_seconds_f64().mul_add(bucket.refill, level);
        let level = refilled.min(bucket.capacity) - 1.0;
        if level < 0.0 {
            let seconds = whole((-level / bucket.refill).ceil().max(1.0));
            let refusal = too_many(&seconds);
            return Ration {
                headers: headers(bucket, subscription.as_deref(), "0"),
                refusal: Some(refusal),
            };
        }
        if strict {
            self.0.insert(key, (level, now));
        }
        Ration {
            headers: headers(bucket, subscription.as_deref(), &whole(level.floor())),
            refusal: None,
        }
    }
}

fn bucket(asked: &Asked, target: &Target) -> Bucket {
    match (target, asked.method.as_str()) {
        (Target::Graph, _) => QUERIES,
        (_, "GET" | "HEAD") => READS,
        (_, "DELETE") => DELETES,
        _ => WRITES,
    }
}

fn headers(bucket: Bucket, subscription: Option<&str>, left: &str) -> Vec<(String, String)> {
    if bucket.header == QUERIES.header {
        return vec![
            ("x-ms-user-quota-remaining".to_owned(), left.to_owned()),
            ("x-ms-user-quota-resets-after".to_owned(), "00:00:05".to_owned()),
        ];
    }
    let place = if subscription.is_some() { "subscription" } else { "tenant" };
    vec![(format!("x-ms-ratelimit-remaining-{place}-{}", bucket.header), left.to_owned())]
}

fn too_many(seconds: &str) -> Answer {
    let message =
        format!("Number of requests exceeded. Please try again after '{seconds}' seconds.");
    Answer::refused(429, "TooManyRequests", message).with("Retry-After", seconds)
}

fn whole(number: f64) -> String {
    format!("{number:.0}")
}
