//! Answers of Azure: every reader on every body, since a broken server may send anything anywhere.

use serde_json::Value;
use tether::azure::{Endpoint, Listed, Unreadable, answers, chain};

use super::check_text;

/// The longest word on an item that was not understood
const LONGEST_PROBLEM: usize = 4_000;

/// The body of an answer
pub fn answer(data: &[u8]) {
    one(data);
    check_pages(data);
    check_next(data);
    for status in [403, 404, 409, 429, 599] {
        check_refusal(status, data);
    }
}

fn one(data: &[u8]) {
    if let Ok(cluster) = answers::cluster(data) {
        assert_eq!(answers::cluster(data).unwrap(), cluster);
        assert!(answers::registry(data).is_err(), "a cluster is a registry, too");
    }
    if let Ok(registry) = answers::registry(data) {
        assert_eq!(answers::registry(data).unwrap(), registry);
    }
    let _ = answers::door(data);
    let subscription = "a925f2f7-5c63-4b7b-8799-25a5f97bc3b2".parse().unwrap();
    if let Ok(usage) = answers::assignment_usage(data, subscription) {
        assert!((1..=1_000_000).contains(&usage.limit) && usage.used <= 1_000_000, "{usage:?}");
    }
}

/// No item is lost: each is understood, said not to be, or of no interest.
fn check_pages(data: &[u8]) {
    let items = |field| {
        let body: Value = serde_json::from_slice(data).ok()?;
        Some(body.get(field)?.as_array()?.len())
    };
    let count = items("value");
    check_list(count, answers::clusters(data));
    check_list(count, answers::registries(data));
    check_list(count, answers::access(data));
    check_list(count, answers::locks(data));
    check_list(count, answers::denials(data));
    if let (Ok(all), Ok(grants)) = (answers::access(data), answers::grants(data)) {
        let all = all.items.len() + all.problems.len();
        let grants = grants.items.len() + grants.problems.len();
        assert!(grants <= all, "{grants} of {all}");
    }
    if let Ok(seen) = answers::resources(data) {
        check_problems(&seen.problems);
        // One more says that rows are missing.
        let rows = seen.problems.iter().filter(|one| !one.starts_with("Resource Graph ")).count();
        check_count(items("data"), seen.clusters.len() + seen.registries.len() + rows);
        assert!(seen.problems.is_empty() || !seen.complete);
    }
}

fn check_list<T>(count: Option<usize>, read: Result<Listed<T>, Unreadable>) {
    if let Ok(Listed { items, problems }) = read {
        check_problems(&problems);
        check_count(count, items.len() + problems.len());
    }
}

fn check_count(items: Option<usize>, read: usize) {
    // A body nested too deep is no value to the untyped reader, and need not be.
    assert!(items.is_none_or(|items| items == read), "{items:?} items, {read} read");
}

fn check_problems(problems: &[String]) {
    for problem in problems {
        check_text(problem, LONGEST_PROBLEM);
    }
}

/// No link leads to another host.
fn check_next(data: &[u8]) {
    for endpoint in ["https://management.azure.com", "http://127.0.0.1:8080"] {
        let endpoint: Endpoint = endpoint.parse().unwrap();
        if let Ok(Some(next)) = answers::next_page(&endpoint, data) {
            let base = endpoint.as_https();
            assert_eq!(next.origin(), base.origin(), "{next}");
            assert_eq!((next.username(), next.password()), ("", None), "{next}");
        }
    }
}

fn check_refusal(status: u16, data: &[u8]) {
    let error = answers::refusal(status, data);
    check_text(&chain(&error), 1_000);
    check_text(error.code(), 401);
    if let Some(refusal) = error.refusal() {
        assert_eq!(refusal.status, status);
    }
}
