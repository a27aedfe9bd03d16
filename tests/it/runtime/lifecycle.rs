//! From the first probe to the last answer.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tether::runtime::{App, Failure, ServeError, Server, State, TimerTrigger};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use super::client::{Answer, Framing, Running, exchange, fixture, head, request, serve, start};

const BOUND: Duration = Duration::from_secs(60);

async fn tick(_: TimerTrigger) -> Result<(), Failure> {
    Ok(())
}

#[track_caller]
fn check_failure(answer: &Answer, status: u16, kind: &str) {
    assert_eq!((answer.status, answer.failure().0.as_str()), (status, kind), "{answer:?}");
}

#[tokio::test]
async fn the_probe_is_answered_while_the_initialisation_never_ends() {
    let server = Server::bind(0).await.unwrap().patience(Duration::from_millis(20));
    assert!(server.address().ip().is_loopback());
    let running = start(server, pending::<Result<App<()>, ServeError>>());
    assert_eq!(running.get("/").await.status, 200);
    check_failure(&running.post("tick", "{}").await, 503, "Starting");
    assert_eq!(running.get("/").await.status, 200);
}

#[tokio::test]
async fn an_invocation_waits_for_the_initialisation() {
    let (initialised, wait) = oneshot::channel::<()>();
    let init = async {
        wait.await.unwrap();
        Ok(App::new(()).function("tick", tick))
    };
    let running = start(Server::bind(0).await.unwrap(), init);
    let envelope = fixture("timer.json");
    let (answer, ()) = tokio::join!(running.post("tick", &envelope), async {
        assert_eq!(running.get("/").await.status, 200);
        initialised.send(()).unwrap();
    });
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_failed_initialisation_is_handed_back_and_fails_who_waits() {
    let (fail, wait) = oneshot::channel::<()>();
    let server = Server::bind(0).await.unwrap();
    let address = server.address();
    let init = async {
        wait.await.unwrap();
        Err::<App<()>, _>("the policy is missing")
    };
    let post = async {
        let request = [head("POST", "tick", "Content-Length: 0\r\n")];
        let answer = exchange(address, &request);
        let (answer, ()) = tokio::join!(answer, async {
            exchange(address, &[head("GET", "/", "")]).await;
            fail.send(()).unwrap();
        });
        answer
    };
    let run = timeout(BOUND, server.run(init, pending()));
    let (ended, answer) = tokio::join!(run, post);
    let error = ended.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "cannot initialise the functions");
    let cause = std::error::Error::source(&error).unwrap();
    assert_eq!(cause.to_string(), "the policy is missing");
    check_failure(&answer, 503, "Stopping");
}

#[tokio::test]
async fn a_port_in_use_is_named_with_its_setting() {
    let first = Server::bind(0).await.unwrap();
    let port = first.address().port();
    let error = Server::bind(port).await.unwrap_err().to_string();
    assert!(error.contains(&format!("port `{port}`")), "{error}");
    assert!(error.contains("`FUNCTIONS_CUSTOMHANDLER_PORT`"), "{error}");
}

#[tokio::test]
async fn an_unknown_function_is_told_which_there_are() {
    let app = App::new(()).function("reconcile-tick", tick).function("Status", tick);
    let running = serve(app).await;
    for path in ["status", "a/b", "reconcile-tick/"] {
        let answer = running.post(path, "{}").await;
        check_failure(&answer, 404, "UnknownFunction");
        let (_, message) = answer.failure();
        assert!(message.contains("`Status`, `reconcile-tick`"), "{message}");
    }
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let running = serve(App::new(()).function("tick", tick)).await;
    check_failure(&running.get("/tick").await, 405, "MethodNotAllowed");
    for method in ["POST", "DELETE"] {
        let request = [head(method, "/", "Content-Length: 0\r\n")];
        check_failure(&exchange(running.address, &request).await, 405, "MethodNotAllowed");
    }
}

/// A function that says that it runs, and finishes when it may
#[derive(Clone)]
struct Gate {
    entered: mpsc::UnboundedSender<()>,
    permits: Arc<Semaphore>,
}

async fn gated(_: TimerTrigger, State(gate): State<Gate>) -> Result<(), Failure> {
    gate.entered.send(()).unwrap();
    gate.permits.acquire().await.unwrap().forget();
    Ok(())
}

async fn serve_gated(grace: Duration) -> (Running, Arc<Semaphore>, mpsc::UnboundedReceiver<()>) {
    let (entered, entries) = mpsc::unbounded_channel();
    let permits = Arc::new(Semaphore::new(0));
    let app = App::new(Gate { entered, permits: Arc::clone(&permits) }).function("tick", gated);
    let server = Server::bind(0).await.unwrap().grace(grace);
    (start(server, async { Ok(app) }), permits, entries)
}

fn tick_request() -> Vec<Vec<u8>> {
    request("tick", fixture("timer.json").as_bytes(), Framing::ContentLength)
}

#[tokio::test]
async fn a_running_invocation_may_finish_at_the_end() {
    let (running, permits, mut entries) = serve_gated(BOUND).await;
    let (address, request) = (running.address, tick_request());
    let (answer, ended) = tokio::join!(exchange(address, &request), async {
        entries.recv().await.unwrap();
        let ending = running.stop();
        permits.add_permits(1);
        timeout(BOUND, ending).await.unwrap().unwrap()
    });
    assert_eq!(answer.status, 200);
    ended.unwrap();
}

#[tokio::test]
async fn an_invocation_that_does_not_finish_is_abandoned() {
    let (running, _permits, mut entries) = serve_gated(Duration::from_millis(20)).await;
    let (address, request) = (running.address, tick_request());
    let ended = tokio::select! {
        answer = exchange(address, &request) => panic!("{answer:?}"),
        ended = async {
            entries.recv().await.unwrap();
            timeout(BOUND, running.stop()).await.unwrap().unwrap()
        } => ended,
    };
    ended.unwrap();
}
