//! One invocation: the request in the host's framing, the answer judged, its outputs sent.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::stream;
use reqwest::Body;
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::queue::Message;
use super::Shared;
use super::answer::{Answer, HttpOutput, Verdict, judge};
use super::definition::Function;
use super::encoder::{Net, envelope};
use super::process::ready;

/// Longest wait for an answer: the host's own is the function timeout and a minute
const TIMEOUT: Duration = Duration::from_secs(660);

/// Size of a chunk where the body goes out in chunks
const CHUNK: usize = 64 * 1024;

/// What became of an invocation
#[derive(Clone, Debug, PartialEq)]
pub struct InvocationRecord {
    /// Of which function
    pub function: String,
    /// Its id
    pub invocation_id: String,
    /// How often the message has been delivered, for a queue's function
    pub delivery_count: Option<u32>,
    /// Why it failed, if it did
    pub failure: Option<String>,
    /// The handler's answer, as text
    pub answer: String,
    /// The log lines in it
    pub logs: Vec<String>,
    /// The trace context that the handler was sent, if any
    pub traceparent: Option<String>,
    /// How long it took, in real time
    pub took: Duration,
}

/// Invokes a function and does what its answer asks for. What it answers over HTTP is given back.
pub(super) async fn invoke(
    shared: &Arc<Shared>,
    function: &Function,
    delivery_count: Option<u32>,
    (value, metadata): (Net, Vec<(String, Net)>),
) -> Result<Option<HttpOutput>, String> {
    let _in_flight = InFlight::start(shared);
    let invocation_id = Uuid::new_v4().to_string();
    let body = envelope(function, &value, metadata, shared.clock.now());
    let started = Instant::now();
    let traceparent = shared.is_traced.then(new_trace);
    let request = Request { invocation_id: &invocation_id, traceparent: traceparent.as_deref() };
    let answered = call(shared, function, &request, &body).await;
    let (verdict, answer) = match answered {
        Ok(answer) => {
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            (judge(function, &answer), text)
        }
        Err(reason) => (Verdict::Failure(reason), String::new()),
    };
    let violation = |what: &str| shared.violation(format!("{}: {what}", function.name));
    let (failure, http, logs) = match verdict {
        Verdict::Success { outputs, logs, distorted } => {
            for what in &distorted {
                violation(what);
            }
            (send(shared, outputs.messages).err(), outputs.http, logs)
        }
        Verdict::Failure(reason) => (Some(reason), None, Vec::new()),
        Verdict::Violation(reason) => {
            violation(&reason);
            (Some(reason), None, Vec::new())
        }
    };
    shared.note(InvocationRecord {
        function: function.name.clone(),
        invocation_id,
        delivery_count,
        failure: failure.clone(),
        answer,
        logs,
        traceparent,
        took: started.elapsed(),
    });
    failure.map_or(Ok(http), Err)
}

/// An invocation that has not ended yet; its outputs are sent before it does
struct InFlight<'a>(&'a Shared);

impl<'a> InFlight<'a> {
    fn start(shared: &'a Shared) -> Self {
        shared.in_flight.fetch_add(1, Ordering::SeqCst);
        Self(shared)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

fn send(shared: &Shared, messages: Vec<(String, Vec<u8>)>) -> Result<(), String> {
    for (queue, body) in messages {
        // The host gives every message of an output an id of its own.
        let message_id = Some(Uuid::new_v4().simple().to_string());
        let message = Message { body, message_id, ..Message::default() };
        shared.namespace.send(&queue, message).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// What stands in the headers of a request
struct Request<'a> {
    invocation_id: &'a str,
    traceparent: Option<&'a str>,
}

/// The context of a new trace that is not sampled
fn new_trace() -> String {
    let span = Uuid::new_v4().simple().to_string();
    format!("00-{}-{}-00", Uuid::new_v4().simple(), span.get(..16).unwrap_or_default())
}

async fn call(
    shared: &Shared,
    function: &Function,
    headers: &Request<'_>,
    envelope: &Value,
) -> Result<Answer, String> {
    ready(&mut shared.stage.subscribe()).await?;
    let text = envelope.to_string();
    let url = format!("http://127.0.0.1:{}/{}", shared.port, function.name);
    let request = shared
        .client
        .post(url)
        .timeout(TIMEOUT)
        .header("X-Azure-Functions-InvocationId", headers.invocation_id)
        .header("X-Azure-Functions-HostVersion", "4.1037.0.0")
        .header("User-Agent", "Azure-Functions-Host/4.1037.0.0")
        .header("Content-Type", "application/json; charset=utf-8");
    let request = match headers.traceparent {
        Some(context) => request.header("traceparent", context),
        None => request,
    };
    // In Azure bodies come in chunks, under the local tools in one piece: both must do.
    let request = if shared.next_is_chunked() {
        let bytes = text.into_bytes();
        let chunks: Vec<_> =
            bytes.chunks(CHUNK).map(|chunk| Ok::<_, String>(chunk.to_vec())).collect();
        request.body(Body::wrap_stream(stream::iter(chunks)))
    } else {
        request.body(text)
    };
    let answer = request.send().await.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = kind.unwrap_or_default().to_owned();
    let body = answer.bytes().await.map_err(|error| error.to_string())?.to_vec();
    Ok(Answer { status, content_type, body })
}
