//! When Azure is looked at, and what is told where it cannot be.

use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tether::emulator::azure::{Fault, Right};
use tether::emulator::world::PLATFORM;

use super::{HTML, JSON, get, pairs, queries, shown, status, url};
use crate::corridor::{cluster, policy, registry, start};

/// What a wide look asks of Resource Graph where everything fits on a page: resources, assignments,
/// which subscriptions answer, and how full they are
const QUERIES: usize = 4;

#[tokio::test]
async fn all_who_ask_share_one_look_and_see_how_old_it_is() {
    let world = start(shown(&policy())).await;
    world.azure.create_cluster(&cluster("aks-shop")).unwrap();
    // Nobody is done before the last one has asked.
    let slow = Fault::on("POST", "/Microsoft.ResourceGraph/resources");
    world.azure.faults().inject(slow.delayed(Duration::from_millis(300)).always());
    world.azure.clear_log();
    let url = url(&world);
    let answers = join_all((0..20).map(|number| get(&url, [HTML, JSON][number % 2]))).await;
    assert!(answers.iter().all(|got| got.status == 200));
    assert_eq!(queries(&world), QUERIES);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let later = status(&world).await;
    assert_eq!(queries(&world), QUERIES, "it is kept");
    assert!(later["age_seconds"].as_u64().unwrap() >= 1, "{later}");
    assert_eq!(later["kept_seconds"], 60);
}

#[tokio::test]
async fn a_subscription_that_does_not_answer_is_said() {
    let world = start(shown(&policy().replace("attach-only", "sync"))).await;
    let shop = cluster("aks-shop").tag("acr-attach", "auto").tag("team", "shop");
    world.azure.create_cluster(&shop).unwrap();
    world.azure.create_registry(&registry("acrshop").tag("acr-attach", "auto")).unwrap();
    world.azure.revoke(PLATFORM, Right::Read);
    let told = status(&world).await;
    assert_eq!(told["unseen"], json!([format!("subscription {PLATFORM} did not answer")]));
    assert_eq!((told["registries"].as_array().unwrap().len(), pairs(&told).len()), (0, 0));
}

/// For how long a failure is told, and somewhat more
const A_MOMENT: Duration = Duration::from_millis(5500);

#[tokio::test]
async fn a_look_that_fails_is_told_with_what_to_do_and_kept_for_a_moment_only() {
    let world = start(shown(&policy())).await;
    let fault = Fault::on("POST", "/Microsoft.ResourceGraph/resources");
    world.azure.faults().inject(fault.refusing(503, "ServiceUnavailable", "</h1>").always());
    let url = url(&world);
    let (json, page) = tokio::join!(get(&url, JSON), get(&url, HTML));
    let told = json.json();
    assert_eq!(json.status, 503, "{told}");
    assert!(told["error"].as_str().unwrap().contains("ServiceUnavailable"), "{told}");
    assert!(told["hint"].as_str().unwrap().contains("load it again"), "{told}");
    assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(page.body.contains("ServiceUnavailable"), "{}", page.body);
    assert_eq!(page.body.matches("</h1>").count(), 1, "{}", page.body);
    world.azure.faults().clear();
    let wrong = Fault::on("POST", "/Microsoft.ResourceGraph/resources");
    world.azure.faults().inject(wrong.refusing(400, "BadQuery", "no").always());
    assert_eq!(get(&url, JSON).await.status, 503, "nobody is asked again at once");
    tokio::time::sleep(A_MOMENT).await;
    assert_eq!(get(&url, JSON).await.status, 502);
    world.azure.faults().clear();
    tokio::time::sleep(A_MOMENT).await;
    assert_eq!(status(&world).await["counts"]["clusters"], 0, "the failure is not kept for long");
    let invocations = world.host.invocations();
    assert!(invocations.iter().all(|one| one.failure.is_none()), "to the host all went well");
}
