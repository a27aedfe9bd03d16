//! Resource Graph's client against a server that answers from a script: sharing, paging, and what is
//! said about what is missing.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tether::azure::{Estate, Graph, Wanted};

use crate::script::{Azure, SUB, Say, principal, refuse, say};

/// How old an answer may be in these tests
const SHARED: Duration = Duration::from_secs(15);

const ROWS: &str = include_str!("../fixtures/arm/graph-resources.json");
const ASSIGNMENTS: &str = include_str!("../fixtures/arm/assignments.json");

fn page(skip_token: Option<&str>, total: u64) -> Say {
    let mut page: Value = serde_json::from_str(ROWS).unwrap();
    page["data"].as_array_mut().unwrap().remove(2);
    page["totalRecords"] = total.into();
    if let Some(token) = skip_token {
        page["$skipToken"] = token.into();
    }
    say(200, page.to_string())
}

fn estate() -> Estate {
    Estate { subscriptions: vec![SUB.parse().unwrap()], ..Estate::default() }
}

#[tokio::test]
async fn twenty_who_look_at_once_share_one_look() {
    let azure = Azure::new([page(None, 3)]).await;
    let graph = Graph::new(azure.arm.clone(), SHARED);
    let estate = estate();
    let looks = join_all((0..20).map(|_| graph.seen(&estate, Wanted::Everything))).await;
    for look in looks {
        let seen = look.unwrap();
        assert_eq!((seen.clusters.len(), seen.registries.len()), (2, 1));
        assert!(seen.complete && seen.problems.is_empty(), "{:?}", seen.problems);
    }
    graph.seen(&estate, Wanted::Everything).await.unwrap();
    assert_eq!(azure.got().len(), 1);
    azure.then([page(None, 3)]);
    graph.seen(&estate, Wanted::Registries).await.unwrap();
    assert_eq!(azure.got().len(), 2);
}

#[tokio::test]
async fn an_error_is_not_kept() {
    let azure = Azure::new([refuse(400, "BadRequest"), page(None, 3)]).await;
    let graph = Graph::new(azure.arm.clone(), SHARED);
    let error = graph.seen(&estate(), Wanted::Everything).await.unwrap_err();
    assert_eq!(error.code(), "BadRequest");
    assert!(graph.seen(&estate(), Wanted::Everything).await.is_ok());
    assert_eq!(azure.got().len(), 2);
}

#[tokio::test]
async fn pages_are_asked_for_with_the_same_query_and_the_token() {
    let spent = page(Some("more"), 6)
        .with("x-ms-user-quota-remaining", "0")
        .with("x-ms-user-quota-resets-after", "00:00:00");
    let azure = Azure::new([spent, page(None, 6)]).await;
    let graph = Graph::new(azure.arm.clone(), SHARED);
    let wanted = Wanted::RegistriesAndHolders(principal());
    let seen = graph.seen(&estate(), wanted).await.unwrap();
    assert_eq!((seen.clusters.len(), seen.complete), (4, true));
    let got = azure.got();
    assert_eq!(got[0].method, "POST");
    assert_eq!(got[0].body["query"], got[1].body["query"]);
    assert_eq!(got[0].body["subscriptions"], json!([SUB]));
    assert_eq!(got[0].body["options"].get("$skipToken"), None);
    assert_eq!(got[1].body["options"]["$skipToken"], "more");
}

#[tokio::test]
async fn what_is_missing_is_said() {
    async fn check(answer: Say, part: &str) {
        let azure = Azure::new([answer]).await;
        let seen = Graph::new(azure.arm, SHARED).seen(&estate(), Wanted::Everything).await.unwrap();
        assert!(!seen.complete);
        assert!(seen.problems.iter().any(|line| line.contains(part)), "{:?}", seen.problems);
    }
    check(say(200, ROWS), "`nobody` is no GUID").await;
    check(page(None, 4), "fewer rows than it counted").await;
    let limit = page(None, 3).with("x-ms-tenant-subscription-limit-hit", "true");
    check(limit, "did not look at all subscriptions").await;
    check(say(200, r#"{"data":[],"resultTruncated":"true"}"#), "cut its answer short").await;
}

#[tokio::test]
async fn resources_of_another_tenant_are_not_in_the_estate() {
    let azure = Azure::new([page(None, 3)]).await;
    let tenant = Some("00000000-0000-0000-0000-000000000000".parse().unwrap());
    let estate = Estate { tenant, ..estate() };
    let seen = Graph::new(azure.arm, SHARED).seen(&estate, Wanted::Everything).await.unwrap();
    assert_eq!((seen.clusters.len(), seen.registries.len(), seen.complete), (0, 0, true));
}

#[tokio::test]
async fn grants_and_subscriptions_are_found_across_the_estate() {
    let rows: Value = serde_json::from_str(ASSIGNMENTS).unwrap();
    let azure = Azure::new([
        say(200, json!({ "data": rows["value"] }).to_string()),
        say(200, json!({ "data": [{ "id": "x", "subscriptionId": SUB }] }).to_string()),
        say(200, json!({ "data": [], "resultTruncated": "true" }).to_string()),
    ])
    .await;
    let graph = Graph::new(azure.arm.clone(), SHARED);
    assert_eq!(graph.pull_grants(&estate()).await.unwrap().len(), 3);
    let answering = graph.subscriptions_answering(&estate()).await.unwrap();
    assert_eq!(answering, [SUB.parse().unwrap()].into_iter().collect());
    assert_eq!(graph.pull_grants(&estate()).await.unwrap_err().code(), "Malformed");
    assert_eq!(azure.got().len(), 3);
}
