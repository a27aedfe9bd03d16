//! Log lines: each once, on the stream, with the invocation that it belongs to.

use std::io;
use std::sync::{Arc, Mutex};

use tether::runtime::{App, Failure, ServeError, State, TimerTrigger, logs};
use tracing::subscriber::DefaultGuard;
use tracing::{Instrument as _, info_span};

use super::client::{Answer, ID, fixture, serve};

/// A stream that is remembered
#[derive(Clone, Default)]
struct Stream(Arc<Mutex<Vec<u8>>>);

impl Stream {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(ToOwned::to_owned).collect()
    }
}

impl io::Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs of this thread, on which all tasks of a test run, go to the stream.
fn listen(filter: &str) -> (Stream, DefaultGuard) {
    let stream = Stream::default();
    let writer = stream.clone();
    let subscriber = logs::subscriber(filter, move || writer.clone()).unwrap();
    (stream, tracing::subscriber::set_default(subscriber))
}

async fn working(_: TimerTrigger) -> Result<(), Failure> {
    tracing::info!(registry = "acr1", pairs = 2, reason = "a rule wants it", "attached");
    let spawned = async { tracing::warn!("slow") }.instrument(info_span!("apply", run = 7));
    tokio::spawn(spawned.in_current_span()).await.unwrap();
    Ok(())
}

async fn failing(_: TimerTrigger) -> Result<(), Failure> {
    tracing::info!("tried");
    Err(Failure::new("Throttled", "too many requests"))
}

async fn post(function: &str) -> Answer {
    let app = App::new(()).function("working", working).function("failing", failing);
    serve(app).await.post(function, &fixture("timer.json")).await
}

#[tokio::test]
async fn a_line_stands_on_the_stream_alone_and_names_its_invocation() {
    let (stream, _guard) = listen("info");
    let answer = post("working").await;
    assert_eq!(answer.json(), serde_json::json!({ "Outputs": {} }), "a copy would be stored too");
    let by = format!("invocation={ID} function=working it::runtime::logs:");
    let expected = [
        format!("INFO {by} attached registry=acr1 pairs=2 reason=\"a rule wants it\""),
        format!("WARN {by} apply{{run=7}}: slow"),
    ];
    assert_eq!(stream.lines(), expected);
}

#[tokio::test]
async fn a_failure_tells_the_stream_what_the_host_drops() {
    let (stream, _guard) = listen("info");
    assert_eq!(post("failing").await.failure().0, "Throttled");
    let lines = stream.lines();
    assert!(lines.iter().all(|line| line.contains(ID)), "{lines:?}");
    assert!(lines[0].ends_with("tried"), "{lines:?}");
    assert!(lines[1].starts_with("ERROR"), "{lines:?}");
    let told = "invocation failed kind=Throttled reason=\"too many requests\"";
    assert!(lines[1].ends_with(told), "{lines:?}");
}

#[tokio::test]
async fn an_unknown_function_is_logged_with_the_id() {
    let (stream, _guard) = listen("info");
    assert_eq!(post("gone").await.status, 404);
    let lines = stream.lines();
    assert!(lines.len() == 1 && lines[0].contains(ID), "{lines:?}");
}

#[tokio::test]
async fn no_filter_takes_the_id_away() {
    for filter in ["warn", "it=warn", "off,it=warn"] {
        let (stream, _guard) = listen(filter);
        post("working").await;
        let lines = stream.lines();
        assert!(lines.len() == 1 && lines[0].contains(ID), "{filter}: {lines:?}");
    }
}

#[tokio::test]
async fn an_event_is_one_line_whatever_it_carries() {
    let (stream, _guard) = listen("info");
    let handler = async |_: TimerTrigger, State(text): State<&'static str>| {
        tracing::info!(text, shown = %text, "{text}");
        Ok::<_, Failure>(())
    };
    let app = App::new("a\nERROR forged\r\u{1b}[2J\u{2028} x=1").function("it", handler);
    serve(app).await.post("it", &fixture("timer.json")).await;
    let lines = stream.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!lines[0].contains(['\n', '\r', '\u{1b}', '\u{2028}']), "{lines:?}");
    assert_eq!(lines[0].matches("=\"a\\nERROR forged").count(), 2, "{lines:?}");
}

#[tokio::test]
async fn without_a_header_the_hosts_own_random_id_names_the_invocation() {
    use super::client::{exchange, head};
    let (stream, _guard) = listen("info");
    let running = serve(App::new(()).function("failing", failing)).await;
    let envelope = fixture("timer.json");
    let length = format!("Content-Length: {}\r\n", envelope.len());
    let request = [head("POST", "failing", &length), envelope.into_bytes()];
    assert_eq!(exchange(running.address, &request).await.status, 500);
    let lines = stream.lines();
    let id = "invocation=0d9c0c1e-0000-4000-8000-000000000008 ";
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains(id)), "{lines:?}");
}

#[tokio::test]
async fn invocations_at_once_keep_their_lines_apart() {
    use super::client::{exchange, head};
    let (stream, _guard) = listen("info");
    let running = serve(App::new(()).function("working", working)).await;
    let envelope = fixture("timer.json");
    let ids: Vec<_> = (0..8).map(|number| format!("invocation-{number}")).collect();
    let posts = ids.iter().map(async |id| {
        let length = envelope.len();
        let headers =
            format!("X-Azure-Functions-InvocationId: {id}\r\nContent-Length: {length}\r\n");
        let request = [head("POST", "working", &headers), envelope.clone().into_bytes()];
        exchange(running.address, &request).await
    });
    for answer in futures::future::join_all(posts).await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let lines = stream.lines();
    for id in ids {
        let own = lines.iter().filter(|line| line.contains(&format!(" invocation={id} ")));
        let own: Vec<_> = own.collect();
        let is_whole = own.len() == 2 && own[0].contains("attached") && own[1].contains("slow");
        assert!(is_whole, "{id}: {lines:?}");
    }
}

#[test]
fn a_filter_that_is_none_is_refused_in_the_users_words() {
    let error = logs::subscriber("tether=loud", io::sink).err().unwrap();
    assert!(matches!(&error, ServeError::LogFilter { .. }));
    assert!(error.to_string().contains("`tether=loud`"), "{error}");
}
