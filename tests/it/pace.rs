//! Keeping to Azure's limits, with limits small enough for seconds. The pace itself is tested beside
//! the code, in simulated time; the real limits are measured by `benches/limits.rs`.

use std::time::Duration;

use futures::future::join_all;
use tether::azure::{Arm, ArmError, Estate, Graph};
use tether::emulator::azure::{Bucket, Fault, Quota, RateLimits};
use tether::model::{RegistryId, Scope};
use tokio::time::timeout;

use crate::script::{self, cluster_id, refuse, registry_id, say};
use crate::several::{Setup, Size, run};

const CLUSTER: &str = include_str!("../fixtures/arm/cluster-managed-identity.json");

/// How long a test may wait at most
const LIMIT: Duration = Duration::from_secs(30);

/// How long answers take
const LATENCY: Duration = Duration::from_millis(20);

fn forty_writes_and_ten_a_second() -> RateLimits {
    let writes = Bucket { capacity: 40.0, refill: 10.0 };
    RateLimits { writes, ..RateLimits::default() }
}

#[tokio::test]
async fn a_wide_run_goes_on_at_the_pace_of_the_limit() {
    let size = Size { subscriptions: 1, clusters: 6, registries: 10 };
    let setup = Setup::start(size, forty_writes_and_ten_a_second(), LATENCY).await;
    let handler = setup.handler();
    let report = timeout(LIMIT, run(&handler, &Scope::Everything)).await.unwrap();
    assert_eq!((report.attached.len(), report.undone.len()), (60, 0));
    let answers = setup.answers();
    assert!(answers.refused <= 1, "{answers:?}");
    assert_eq!(answers.writes, 60 + answers.refused_writes);
}

#[tokio::test]
async fn several_handlers_share_a_limit() {
    let size = Size { subscriptions: 4, clusters: 2, registries: 8 };
    let setup = Setup::start(size, forty_writes_and_ten_a_second(), LATENCY).await;
    let scopes = setup.scopes();
    let handlers: Vec<_> = scopes.iter().map(|_| setup.handler()).collect();
    let runs = handlers.iter().zip(&scopes).map(|(handler, scope)| run(handler, scope));
    let reports = timeout(LIMIT, join_all(runs)).await.unwrap();
    for report in reports {
        assert_eq!((report.attached.len(), report.undone.len()), (16, 0));
    }
    let answers = setup.answers();
    assert!(answers.refused <= 4, "{answers:?}");
}

#[tokio::test]
async fn after_a_refusal_the_whole_process_leaves_that_limit_alone() {
    let size = Size { subscriptions: 1, clusters: 1, registries: 10 };
    let setup = Setup::start(size, RateLimits::default(), Duration::ZERO).await;
    setup.azure.faults().clear();
    let refusal = Fault::on("GET", "/registries/").html(429, "<html>slow down</html>");
    setup.azure.faults().inject(refusal.header("Retry-After", "1").times(2));
    let arm = setup.arm();
    let ids: Vec<RegistryId> = setup
        .resources()
        .into_iter()
        .filter_map(|scope| if let Scope::Registry(id) = scope { Some(id) } else { None })
        .collect();
    // Two go ahead while nobody knows the level, and the others wait for what they are told.
    let read = join_all(ids.iter().map(|id| arm.registry(id))).await;
    assert!(read.iter().all(|registry| matches!(registry, Ok(Some(_)))));
    let [first, second, rest @ ..] = &setup.azure.log()[..] else { panic!("nothing was asked") };
    assert_eq!([first.status, second.status, rest.len().try_into().unwrap()], [429, 429, 10]);
    for one in rest {
        let waited = one.at - first.at;
        assert!(one.status == 200 && waited >= Duration::from_millis(900), "{waited}");
    }
}

#[tokio::test]
async fn a_limit_that_is_closed_for_minutes_is_given_back_without_asking() {
    #[track_caller]
    fn check<T: std::fmt::Debug>(answer: Result<T, ArmError>) {
        let error = answer.unwrap_err();
        assert!(matches!(error, ArmError::Throttled { .. }) && error.is_later(), "{error:?}");
        let wait = error.retry_after().unwrap();
        assert!(wait > Duration::from_secs(200) && wait <= Duration::from_secs(300), "{wait:?}");
    }
    let azure = script::Azure::new([refuse(429, "Throttled").with("retry-after", "300")]).await;
    check(azure.arm.cluster(&cluster_id()).await);
    check(azure.arm.cluster(&cluster_id()).await);
    check(azure.arm.registry(&registry_id("acr1")).await);
    assert_eq!(azure.got().len(), 1);
    let elsewhere = cluster_id().as_str().replace(script::SUB, script::PRINCIPAL);
    azure.then([say(200, CLUSTER)]);
    assert!(azure.arm.cluster(&elsewhere.parse().unwrap()).await.is_ok());
    assert_eq!(azure.got().len(), 2);
}

#[tokio::test]
async fn obedience_has_a_bound() {
    let azure = script::Azure::new([refuse(429, "Throttled").with("retry-after", "300")]).await;
    let arm: Arm = azure.arm.clone().closed_at_most(Duration::ZERO);
    let error = arm.cluster(&cluster_id()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
    azure.then([say(200, CLUSTER)]);
    assert!(arm.cluster(&cluster_id()).await.is_ok());
}

#[tokio::test]
async fn queries_wait_for_their_quota() {
    let queries = Quota { size: 3, window: Duration::from_secs(1) };
    let limits = RateLimits { queries, ..RateLimits::default() };
    let size = Size { subscriptions: 1, clusters: 1, registries: 1 };
    let setup = Setup::start(size, limits, Duration::ZERO).await;
    let graph = Graph::new(setup.arm(), Duration::ZERO);
    let queries = join_all((0..7).map(|_| async {
        let estate = Estate::default();
        graph.subscriptions_answering(&estate).await.unwrap().len()
    }));
    assert_eq!(timeout(LIMIT, queries).await.unwrap(), [2; 7]);
    let answers = setup.answers();
    assert_eq!((answers.all - answers.refused, answers.refused), (7, 0));
}
