//! Answers as odd as Azure and what stands before it give them: each file of
//! `tests/fixtures/azure-api/odd`, and what it must mean.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tether::azure::{ArmError, answers, chain};
use tether::model::{Identity, IdentityOrigin, RegistryMode, Role};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/azure-api/odd"))
}

fn body(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Refusals: the file, the status it came with, and what is made of it
const REFUSALS: [(&str, u16, &str); 10] = [
    ("gateway.html", 403, "`Forbidden` (403) a web page came instead of an answer"),
    ("gateway.html", 404, "`NotFound` (404) a web page came instead of an answer"),
    ("throttled.html", 429, "`TooManyRequests` (429) a web page came instead of an answer"),
    ("throttled.txt", 429, "`TooManyRequests` (429) Too Many Requests"),
    (
        "error-bare.json",
        403,
        "`AuthorizationFailed` (403) The client (account) does not have authorization.",
    ),
    ("error-text.json", 403, "`Forbidden` (403)"),
    (
        "error-nested.json",
        400,
        "`BadRequest` (400) Please provide below info when asking for support. Query is invalid.",
    ),
    ("error-null.json", 500, "`InternalServerError` (500)"),
    ("exists.json", 409, "`RoleAssignmentExists` (409) The role assignment already exists."),
    (
        "locked.json",
        409,
        "`ScopeLocked` (409) The scope '/subscriptions/x' cannot perform write operation because following scope(s) are locked.",
    ),
];

#[test]
fn a_refusal_means_what_azure_meant() {
    for (name, status, expected) in REFUSALS {
        let error = answers::refusal(status, &body(name));
        assert!(chain(&error).contains(expected), "{name} {status}: {}", chain(&error));
    }
    let of = |name, status| answers::refusal(status, &body(name));
    assert!(matches!(of("exists.json", 409), ArmError::RoleAssignmentExists(_)));
    assert!(matches!(of("locked.json", 409), ArmError::ScopeLocked(_)));
    assert!(matches!(of("throttled.html", 429), ArmError::Throttled { .. }));
    // A page of a gateway proves no absence.
    assert!(!matches!(of("gateway.html", 404), ArmError::NotFound(_)));
    assert!(matches!(of("gone.json", 404), ArmError::NotFound(_)));
    assert!(answers::cluster(&body("gateway.html")).is_err());
}

#[test]
fn letter_case_nulls_and_missing_parts_change_nothing() {
    let loud = answers::cluster(&body("cluster-upper.json")).unwrap();
    let quiet = answers::cluster(&body("cluster-lower.json")).unwrap();
    assert_eq!(loud.id, quiet.id);
    assert_eq!(loud.identity, quiet.identity);
    assert!(matches!(loud.identity, Identity::Kubelet { origin: IdentityOrigin::Aks, .. }));
    assert_eq!(loud.tags.get("ACR-attach"), quiet.tags.get("acr-Attach"));
    assert_eq!(loud.tags.get("acr-attach"), Some("auto"));
    let bare = answers::registry(&body("registry-nulls.json")).unwrap();
    assert_eq!((bare.mode, bare.tags.iter().count()), (RegistryMode::Unread, 0));
    let later = answers::registry(&body("registry-later.json")).unwrap();
    assert!(matches!(later.mode, RegistryMode::Other(_)), "{later:?}");
    assert_eq!(later.mode.pull_role(), None);
}

#[test]
fn roles_are_known_with_and_without_what_stands_before_them() {
    let grants = answers::grants(&body("assignments-prefixes.json")).unwrap();
    assert_eq!(grants.problems, Vec::<String>::new());
    let roles: Vec<Role> = grants.items.iter().map(|grant| grant.key.role).collect();
    assert_eq!(roles, [Role::AcrPull, Role::AcrPull, Role::AcrPull, Role::RepositoryReader]);
    let keys: BTreeSet<_> = grants.items.iter().take(3).map(|grant| &grant.key).collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(grants.items.iter().take(3).all(|grant| !grant.conditional), "{grants:?}");
}

#[test]
fn a_truth_in_quotes_is_the_same_truth() {
    for (name, complete) in [
        ("page-truncated-text.json", false),
        ("page-truncated-bool.json", false),
        ("page-whole-text.json", true),
        ("page-whole-bool.json", true),
        ("page-goes-on.json", true),
    ] {
        assert_eq!(answers::resources(&body(name)).unwrap().complete, complete, "{name}");
    }
    let seen = answers::resources(&body("page-tags.json")).unwrap();
    let tags: Vec<_> = seen.clusters.iter().map(|one| one.tags.get("acr-attach")).collect();
    assert_eq!(tags, [Some("true"), Some("7"), Some(""), None], "{:?}", seen.problems);
}

#[test]
fn an_empty_link_ends_a_list_and_a_strange_one_gets_no_token() {
    let endpoint = "https://management.azure.com".parse().unwrap();
    let next = |name| answers::next_page(&endpoint, &body(name));
    assert_eq!(next("list-empty-link.json").unwrap(), None);
    assert!(next("list-elsewhere.json").is_err());
    let port = next("list-port.json").unwrap().unwrap();
    assert_eq!(port.host_str(), Some("management.azure.com"));
}

#[test]
fn every_odd_answer_is_asked_about_here() {
    let this = include_str!("odd.rs");
    let mut count = 0;
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(this.contains(&format!("\"{name}\"")), "no test reads {name}");
        count += 1;
    }
    assert!(count >= 20);
}
