//! Which of Azure's limits a request counts against, what that limit is, and what an answer says of
//! it.
//!
//! The numbers are those that Azure documents for every subscription and every principal. Limits of
//! resource providers are not known here; their refusals are obeyed as the others are.

use std::time::Duration;

use azure_core::http::Method;
use azure_core::http::headers::Headers;

use super::bucket::{Limit, Told};
use crate::azure::refusal::{header, quota_resets_after, retry_after};
use crate::azure::request::Ask;

/// How long to keep away where a refusal does not say: Azure counts in whole seconds
const UNSAID: Duration = Duration::from_secs(1);

/// What counts against one limit
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lane {
    /// The subscription, in lower case; none is the tenant
    place: Option<String>,
    pub(super) kind: Kind,
}

/// A kind of request
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Reads,
    Writes,
    Deletes,
    /// Queries of Resource Graph
    Queries,
    /// How many role assignments a subscription may hold: a read, but one that only warns, so its
    /// refusal keeps no other read waiting
    Usage,
}

impl Lane {
    /// What this request counts against
    pub(super) fn of(ask: &Ask) -> Self {
        let path = ask.url.path().to_ascii_lowercase();
        let mut parts = path.split('/').skip_while(|part| *part != "subscriptions").skip(1);
        let place = parts.next().map(str::to_owned);
        if path.ends_with("/providers/microsoft.resourcegraph/resources") {
            return Self { place: None, kind: Kind::Queries };
        }
        let kind = match ask.method {
            Method::Get if path.ends_with("/roleassignmentsusagemetrics") => Kind::Usage,
            Method::Get | Method::Head => Kind::Reads,
            Method::Delete => Kind::Deletes,
            Method::Patch | Method::Post | Method::Put | _ => Kind::Writes,
        };
        Self { place, kind }
    }
}

impl Kind {
    pub(super) fn limit(self) -> Limit {
        match self {
            Self::Reads | Self::Usage => {
                Limit { capacity: 250.0, refill: 25.0, ease: 25.0, burst: 16.0 }
            }
            Self::Writes | Self::Deletes => {
                Limit { capacity: 200.0, refill: 10.0, ease: 20.0, burst: 12.0 }
            }
            // 15 in 5 seconds; the three of a wide run may go out one right after the other.
            Self::Queries => Limit { capacity: 15.0, refill: 3.0, ease: 4.0, burst: 4.0 },
        }
    }

    /// The headers that tell how much is left. The global ones are about all principals together.
    fn headers(self) -> &'static [&'static str] {
        match self {
            Self::Reads | Self::Usage => &[
                "x-ms-ratelimit-remaining-subscription-reads",
                "x-ms-ratelimit-remaining-subscription-global-reads",
                "x-ms-ratelimit-remaining-tenant-reads",
            ],
            Self::Writes => &[
                "x-ms-ratelimit-remaining-subscription-writes",
                "x-ms-ratelimit-remaining-subscription-global-writes",
                "x-ms-ratelimit-remaining-tenant-writes",
            ],
            Self::Deletes => &[
                "x-ms-ratelimit-remaining-subscription-deletes",
                "x-ms-ratelimit-remaining-subscription-global-deletes",
                "x-ms-ratelimit-remaining-tenant-deletes",
            ],
            Self::Queries => {
                &["x-ms-user-quota-remaining", "x-ms-ratelimit-remaining-tenant-resource-requests"]
            }
        }
    }

    /// What an answer says of the limit
    pub(super) fn told(self, status: u16, headers: &Headers) -> Told {
        let counts =
            self.headers().iter().filter_map(|name| header(headers, name)?.trim().parse().ok());
        let remaining = counts.map(|count: u32| f64::from(count)).reduce(f64::min);
        let is_spent = self == Self::Queries && remaining == Some(0.0);
        Told {
            remaining,
            refused: (status == 429).then(|| retry_after(headers).unwrap_or(UNSAID)),
            spent: quota_resets_after(headers).filter(|_| is_spent),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SUB: &str = "11111111-1111-1111-1111-111111111111";

    #[track_caller]
    fn check_lane(method: Method, path: &str, place: Option<&str>, kind: Kind) {
        let url = format!("https://management.azure.com{path}").parse().unwrap();
        let lane = Lane::of(&Ask { method, url, body: Some(json!({})) });
        assert_eq!(lane, Lane { place: place.map(str::to_owned), kind });
    }

    #[test]
    fn a_request_counts_against_its_subscription_and_kind() {
        let inside = format!("/Subscriptions/{SUB}/resourceGroups/rg?a=/subscriptions/x");
        check_lane(Method::Get, &inside, Some(SUB), Kind::Reads);
        let usage = format!("/subscriptions/{SUB}/providers/Microsoft.Authorization");
        let usage = format!("{usage}/roleAssignmentsUsageMetrics?api-version=2019-08-01-preview");
        check_lane(Method::Get, &usage, Some(SUB), Kind::Usage);
        check_lane(Method::Put, &inside, Some(SUB), Kind::Writes);
        check_lane(Method::Delete, &inside, Some(SUB), Kind::Deletes);
        check_lane(Method::Get, "/providers/Microsoft.Management/x", None, Kind::Reads);
        let graph = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01";
        check_lane(Method::Post, graph, None, Kind::Queries);
        check_lane(Method::Get, "/subscriptions?api-version=2024-04-01", None, Kind::Reads);
    }

    #[track_caller]
    fn check_told(kind: Kind, status: u16, pairs: &[(&'static str, &'static str)], told: Told) {
        let mut headers = Headers::new();
        for (name, value) in pairs {
            headers.insert(*name, *value);
        }
        assert_eq!(kind.told(status, &headers), told);
    }

    #[test]
    fn the_scarcest_of_what_is_left_counts_and_other_kinds_do_not() {
        let told = Told { remaining: Some(70.0), ..Told::default() };
        let pairs = [
            ("x-ms-ratelimit-remaining-subscription-writes", "170"),
            ("x-ms-ratelimit-remaining-subscription-global-writes", "70"),
            ("x-ms-ratelimit-remaining-subscription-reads", "3"),
        ];
        check_told(Kind::Writes, 201, &pairs, told);
        check_told(Kind::Deletes, 200, &pairs, Told::default());
        let odd = [("x-ms-ratelimit-remaining-subscription-writes", "many")];
        check_told(Kind::Writes, 201, &odd, Told::default());
    }

    #[test]
    fn a_refusal_always_says_for_how_long() {
        let refused = |seconds| Some(Duration::from_secs(seconds));
        let told = Told { refused: refused(1), ..Told::default() };
        check_told(Kind::Reads, 429, &[], told);
        let told = Told { refused: refused(17), ..Told::default() };
        check_told(Kind::Reads, 429, &[("retry-after", "17")], told);
    }

    #[test]
    fn resource_graph_says_when_there_are_queries_again() {
        let pairs = |left| {
            [("x-ms-user-quota-remaining", left), ("x-ms-user-quota-resets-after", "00:00:04")]
        };
        let told = Told { remaining: Some(3.0), ..Told::default() };
        check_told(Kind::Queries, 200, &pairs("3"), told);
        let spent = Some(Duration::from_secs(4));
        let told = Told { remaining: Some(0.0), spent, ..Told::default() };
        check_told(Kind::Queries, 200, &pairs("0"), told);
        check_told(Kind::Queries, 429, &pairs("0"), Told { refused: spent, ..told });
    }
}
