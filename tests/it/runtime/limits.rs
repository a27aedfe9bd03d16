//! Time, slots and panics: one invocation never harms another, and always ends.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tether::runtime::{App, Failure, FunctionService, Options, Outputs, ServiceBusTrigger, State};
use tower::ServiceExt as _;

use super::client::{chunk, exchange, head, serve};

const ENVELOPE: &str = r#"{"Data":{"message":"aGk="}}"#;

fn short() -> Options {
    Options { timeout: Duration::from_millis(20), ..Options::default() }
}

async fn endless(_: ServiceBusTrigger) -> Result<(), Failure> {
    pending().await
}

async fn quick(_: ServiceBusTrigger) -> Result<Outputs, Failure> {
    Ok(Outputs::new().send("out", ["done"]))
}

async fn panicking(message: ServiceBusTrigger) -> Result<(), Failure> {
    let nothing: Option<usize> = message.sequence_number.map(|_| 0);
    let _ = [0][nothing.unwrap()];
    Ok(())
}

#[tokio::test]
async fn an_endless_function_fails_at_its_limit() {
    let running = serve(App::new(()).function_with("it", short(), endless)).await;
    let answer = running.post("it", ENVELOPE).await;
    assert_eq!(answer.status, 500);
    let (kind, message) = answer.failure();
    assert_eq!((kind.as_str(), message.contains("`20` ms")), ("TimedOut", true), "{message}");
}

#[tokio::test]
async fn a_body_that_never_ends_fails_at_the_limit() {
    let running = serve(App::new(()).function_with("it", short(), quick)).await;
    let unfinished = [head("POST", "it", "Transfer-Encoding: chunked\r\n"), chunk(b"{\"Data\"")];
    assert_eq!(exchange(running.address, &unfinished).await.failure().0, "TimedOut");
}

#[tokio::test]
async fn waiting_for_a_slot_counts_against_the_limit() {
    let options = Options { concurrency: 0, ..short() };
    let running = serve(App::new(()).function_with("it", options, quick)).await;
    let answer = running.post("it", ENVELOPE).await;
    assert_eq!((answer.status, answer.failure().0.as_str()), (503, "NoSlot"));
}

#[tokio::test]
async fn no_more_run_at_once_than_there_are_slots() {
    #[derive(Clone, Default)]
    struct Gauge {
        now: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }
    let handler = async |_: ServiceBusTrigger, State(gauge): State<Gauge>| {
        let now = gauge.now.fetch_add(1, Ordering::SeqCst) + 1;
        gauge.most.fetch_max(now, Ordering::SeqCst);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        gauge.now.fetch_sub(1, Ordering::SeqCst);
        Ok::<_, Failure>(())
    };
    let gauge = Gauge::default();
    let options = Options { concurrency: 2, ..Options::default() };
    let running = serve(App::new(gauge.clone()).function_with("it", options, handler)).await;
    let answers = join_all((0..12).map(|_| running.post("it", ENVELOPE))).await;
    assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
    assert_eq!(gauge.most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_function_without_slots_holds_up_no_other() {
    let none = Options { concurrency: 0, ..Options::default() };
    let app = App::new(()).function_with("full", none, quick).function("free", quick);
    let running = serve(app).await;
    let full = running.post("full", ENVELOPE);
    tokio::select! {
        answer = full => panic!("{answer:?}"),
        answer = running.post("free", ENVELOPE) => assert_eq!(answer.status, 200),
    }
}

#[tokio::test]
async fn a_function_without_patience_lets_nobody_wait_for_a_slot() {
    let busy = Options { concurrency: 1, patience: Duration::ZERO, ..Options::default() };
    let app = App::new(()).function_with("busy", busy, async |_: ServiceBusTrigger| {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok::<_, Failure>(())
    });
    let running = serve(app).await;
    let answers = join_all((0..3).map(|_| running.post("busy", ENVELOPE))).await;
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503, 503], "{answers:?}");
    let refused = answers.iter().find(|answer| answer.status == 503).unwrap();
    assert_eq!(refused.failure().0, "NoSlot");
}

#[tokio::test]
async fn a_panic_fails_its_invocation_and_no_other() {
    let options = Options { concurrency: 1, ..Options::default() };
    let app = App::new(()).function_with("bad", options, panicking).function("good", quick);
    let running = serve(app).await;
    for _ in 0..3 {
        let answer = running.post("bad", ENVELOPE).await;
        assert_eq!((answer.status, answer.failure().0.as_str()), (500, "Panicked"));
    }
    assert_eq!(running.post("good", ENVELOPE).await.status, 200);
}

#[tokio::test]
async fn a_failure_carries_its_kind_and_its_causes() {
    let handler = async |_: ServiceBusTrigger| {
        let error = "x".parse::<u8>().unwrap_err();
        Err::<(), _>(Failure::caused_by("BadNumber", &error))
    };
    let running = serve(App::new(()).function("it", handler)).await;
    let answer = running.post("it", ENVELOPE).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.failure(), ("BadNumber".into(), "invalid digit found in string".into()));
}

#[tokio::test]
async fn a_layer_wraps_the_functions_added_before_it() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let layer = tower::layer::layer_fn(move |inner: FunctionService| {
        let counted = Arc::clone(&counted);
        inner.map_request(move |invocation| {
            counted.fetch_add(1, Ordering::SeqCst);
            invocation
        })
    });
    let app = App::new(()).function("inside", quick).layer(layer).function("outside", quick);
    assert_eq!(app.names().collect::<Vec<_>>(), ["inside", "outside"]);
    let running = serve(app).await;
    for name in ["inside", "outside"] {
        let answer = running.post(name, ENVELOPE).await;
        assert_eq!(answer.json()["Outputs"]["out"][0], "done");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
