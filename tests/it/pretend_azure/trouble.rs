//! Faults, limits, malformed requests and the log of it all.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::azure::{Bucket, Fault, Quota, RateLimits};
use uuid::Uuid;

use super::{FIRST, Setup, assignment, assignment_path};

#[tokio::test]
async fn faults_strike_instead_of_the_work() {
    let setup = Setup::new().await;
    let registry = setup.registry("r1");
    let faults = setup.azure.faults();
    faults.inject(
        Fault::on("GET", "/REGISTRIES/R1").html(429, "<h1>no</h1>").header("Retry-After", "7"),
    );
    faults.inject(Fault::on("", "registries/r1").bare(503).times(2));
    let said = setup.get(&registry).await;
    assert_eq!((said.status, said.text.as_str()), (429, "<h1>no</h1>"));
    assert_eq!((said.header("retry-after"), said.header("content-type")), ("7", "text/html"));
    assert_eq!(setup.get(&registry).await.status, 503);
    assert_eq!(faults.left(), 1);
    assert_eq!(setup.get(&registry).await.status, 503);
    setup.get(&registry).await.expect(200);
}

#[tokio::test]
async fn a_fault_may_strike_after_the_work_was_done() {
    let setup = Setup::new().await;
    let cluster = setup.cluster("aks1");
    let registry = setup.registry("r1");
    let principal = setup.azure.kubelet_principal(&cluster).unwrap();
    let fault = Fault::on("PUT", "/roleAssignments/").refusing(500, "InternalServerError", "oops");
    setup.azure.faults().inject(fault.after_doing_it());
    let path = assignment_path(&registry, Uuid::from_u128(1));
    let said = setup.ask("PUT", &path, assignment(principal)).await;
    said.refused(500, "InternalServerError");
    assert_eq!(setup.azure.assignments().len(), 1);
    setup.ask("PUT", &path, assignment(principal)).await.expect(200);
}

#[tokio::test]
async fn a_delay_is_in_virtual_time() {
    let setup = Arc::new(Setup::new().await);
    let delay = Duration::from_secs(3600);
    let faults = setup.azure.faults();
    faults.inject(Fault::on("GET", "/subscriptions").delayed(delay));
    let slow = tokio::spawn({
        let setup = Arc::clone(&setup);
        async move { setup.get("/subscriptions").await }
    });
    while faults.left() > 0 && !slow.is_finished() {
        tokio::task::yield_now().await;
    }
    setup.get("/subscriptions").await.expect(200);
    assert!(!slow.is_finished(), "an answer before its time");
    setup.clock.advance(delay);
    slow.await.unwrap().expect(200);
}

#[tokio::test]
async fn faults_stay_until_they_are_cleared() {
    let setup = Setup::new().await;
    let faults = setup.azure.faults();
    faults.inject(Fault::on("GET", "/subscriptions").json(200, json!({"value": 7})).always());
    for _ in 0..3 {
        assert_eq!(setup.get("/subscriptions").await.expect(200)["value"], 7);
    }
    faults.clear();
    assert!(setup.get("/subscriptions").await.json["value"].is_array());
}

#[tokio::test]
async fn what_arm_does_not_understand_it_refuses_in_its_shape() {
    let setup = Setup::new().await;
    let registry = setup.registry("r1");
    setup.get(&format!("{registry}?x=y")).await.refused(400, "MissingApiVersionParameter");
    let version = format!("{registry}?api-version=latest");
    setup.get(&version).await.refused(400, "InvalidApiVersionParameter");
    setup.get("/nowhere").await.refused(404, "InvalidResourceType");
    setup.ask("POST", &registry, json!({})).await.refused(405, "MethodNotAllowed");
    let nowhere = registry.replace(&FIRST.to_string(), &Uuid::nil().to_string());
    setup.get(&nowhere).await.refused(404, "SubscriptionNotFound");
}

#[tokio::test]
async fn buckets_run_empty_and_fill_again() {
    let setup = Setup::with(|options| options.throttled = true).await;
    let path = format!("/subscriptions/{FIRST}");
    for left in (0..250).rev() {
        let said = setup.get(&path).await;
        said.expect(200);
        let header = said.header("x-ms-ratelimit-remaining-subscription-reads");
        assert_eq!(header, left.to_string());
    }
    let said = setup.get(&path).await;
    said.refused(429, "TooManyRequests");
    assert_eq!(said.header("retry-after"), "1");
    setup.clock.advance(Duration::from_secs(1));
    let said = setup.get(&path).await;
    said.expect(200);
    assert_eq!(said.header("x-ms-ratelimit-remaining-subscription-reads"), "24");
}

#[tokio::test]
async fn limits_may_be_smaller_and_are_each_callers_own_unless_shared() {
    for shared in [false, true] {
        let setup = Setup::with(|options| {
            options.throttled = true;
            let reads = Bucket { capacity: 2.0, refill: 0.5 };
            options.rate_limits = RateLimits { reads, shared, ..RateLimits::default() };
        })
        .await;
        let token = setup.identity_token().await;
        let path = format!("/subscriptions/{FIRST}");
        for _ in 0..2 {
            setup.get(&path).await.expect(200);
        }
        let said = setup.get(&path).await;
        said.refused(429, "TooManyRequests");
        assert_eq!(said.header("retry-after"), "2");
        let said = setup.ask_as(&token, "GET", &path, Value::Null).await;
        said.expect(if shared { 429 } else { 200 });
    }
}

#[tokio::test]
async fn queries_come_again_when_their_window_is_over() {
    let setup = Setup::with(|options| {
        options.throttled = true;
        options.rate_limits.queries = Quota { size: 2, window: Duration::from_secs(65) };
    })
    .await;
    let path = "/providers/Microsoft.ResourceGraph/resources";
    let check = async |left: &str, resets_after: &str, refused: bool| {
        let said = setup.ask("POST", path, json!({"query": "resources"})).await;
        assert_eq!(said.status == 429, refused);
        assert_eq!(said.header("x-ms-user-quota-remaining"), left);
        assert_eq!(said.header("x-ms-user-quota-resets-after"), resets_after);
        assert_eq!(said.header("retry-after"), "");
    };
    check("1", "00:01:05", false).await;
    setup.clock.advance(Duration::from_millis(1500));
    check("0", "00:01:04", false).await;
    check("0", "00:01:04", true).await;
    setup.clock.advance(Duration::from_secs(64));
    check("1", "00:01:05", false).await;
}

#[tokio::test]
async fn the_log_tells_who_asked_what_and_keeps_no_secret() {
    let setup = Setup::new().await;
    let token = setup.identity_token().await;
    let body = json!({"location": "x"});
    let path = format!(
        "/subscriptions/{FIRST}/resourceGroups/r%20g/providers/Microsoft.ContainerRegistry/\
         registries/r1"
    );
    setup.ask_as(&token, "PUT", &path, body.clone()).await.expect(403);
    setup.ask_as("", "GET", &path, Value::Null).await.expect(401);
    let log = setup.azure.log();
    let told: Vec<_> = log.iter().map(|one| (one.caller, one.status)).collect();
    assert_eq!(told, [("nobody", 200), ("identity", 403), ("nobody", 401)]);
    assert_eq!((log[1].method.as_str(), &log[1].body), ("PUT", &Some(body)));
    assert!(log[1].path.contains("/r g/"), "{}", log[1].path);
    assert_eq!(log[1].query, "api-version=2025-11-01");
    assert_eq!(log[1].at, setup.clock.now());
    assert!(!format!("{log:?}").contains(&token));
    setup.azure.clear_log();
    assert!(setup.azure.log().is_empty());
}

#[tokio::test]
async fn answers_carry_ids() {
    let setup = Setup::new().await;
    let first = setup.get("/subscriptions").await;
    let second = setup.get("/subscriptions").await;
    for header in ["x-ms-request-id", "x-ms-correlation-request-id"] {
        assert!(first.header(header).parse::<Uuid>().is_ok(), "{header}");
        assert_ne!(first.header(header), second.header(header));
    }
    assert_eq!(first.header("x-ms-ratelimit-remaining-tenant-reads"), "249");
}

#[tokio::test]
async fn a_stopped_azure_answers_nobody() {
    let setup = Setup::new().await;
    let url = format!("{}/subscriptions", setup.azure.endpoint());
    setup.azure.stop().await;
    assert!(setup.http.get(url).send().await.is_err());
}
