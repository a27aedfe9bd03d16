//! What the runtime adds to an invocation: the same envelope and the same answer, once through the
//! runtime and once through a bare axum handler that reads the envelope as an untyped value.
//!
//! `direct` calls the router as a tower service; `loopback` goes through a socket that is kept open,
//! as the host does. Neither knows what a real function would take on top.

use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput};
use serde_json::{Value, json};
use tether::runtime::{App, Failure, Outputs, ServiceBusTrigger, logs};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

const ENVELOPE: &str = include_str!("../tests/fixtures/host/service-bus-binary.json");

type Fault = Box<dyn std::error::Error>;

fn main() -> Result<(), Fault> {
    let mut criterion = Criterion::default().configure_from_args();
    direct(&mut criterion)?;
    loopback(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

fn with_runtime() -> Router {
    let handler = async |message: ServiceBusTrigger| {
        let length = format!("{} bytes", message.body.len());
        Ok::<_, Failure>(Outputs::new().send("commands", [length]))
    };
    App::new(()).function("command-received", handler).into_router()
}

fn bare() -> Router {
    let handler = async |Json(envelope): Json<Value>| {
        let body = envelope.pointer("/Data/message").and_then(Value::as_str).unwrap_or_default();
        let body = STANDARD.decode(body).unwrap_or_default();
        Json(json!({ "Outputs": { "commands": [format!("{} bytes", body.len())] } }))
    };
    let limit = axum::extract::DefaultBodyLimit::max(tether::runtime::MAX_BODY_BYTES);
    Router::new().route("/command-received", post(handler)).layer(limit)
}

/// The recorded envelope, and the same with a larger body
fn envelopes() -> Result<Vec<String>, Fault> {
    let mut large: Value = serde_json::from_str(ENVELOPE)?;
    *large.pointer_mut("/Data/message").ok_or("no message")? =
        STANDARD.encode(vec![7; 192 * 1024]).into();
    Ok(vec![ENVELOPE.to_owned(), large.to_string()])
}

async fn call(router: Router, envelope: String) -> Result<Bytes, Fault> {
    let request = Request::post("/command-received")
        .header("content-type", "application/json")
        .header("x-azure-functions-invocationid", "0d9c0c1e-0000-4000-8000-000000000001")
        .body(Body::from(envelope))?;
    let answer = router.oneshot(request).await?;
    Ok(to_bytes(answer.into_body(), usize::MAX).await?)
}

fn direct(criterion: &mut Criterion) -> Result<(), Fault> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut group = criterion.benchmark_group("direct");
    for envelope in envelopes()? {
        let [expected, answer] =
            [bare(), with_runtime()].map(|router| tokio.block_on(call(router, envelope.clone())));
        let [expected, answer]: [Value; 2] =
            [serde_json::from_slice(&expected?)?, serde_json::from_slice(&answer?)?];
        assert_eq!(answer, expected, "both answer the same");
        group.throughput(Throughput::Bytes(envelope.len().try_into()?));
        for (name, router) in [("bare", bare()), ("runtime", with_runtime())] {
            group.bench_with_input(
                BenchmarkId::new(name, envelope.len()),
                &envelope,
                |b, envelope| {
                    b.to_async(&tokio).iter(|| call(router.clone(), black_box(envelope.clone())));
                },
            );
        }
        let _guard = tracing::subscriber::set_default(logs::subscriber("info", std::io::sink)?);
        let (name, router) = ("runtime with logs", with_runtime());
        group.bench_with_input(BenchmarkId::new(name, envelope.len()), &envelope, |b, envelope| {
            b.to_async(&tokio).iter(|| call(router.clone(), black_box(envelope.clone())));
        });
    }
    group.finish();
    Ok(())
}

fn loopback(criterion: &mut Criterion) -> Result<(), Fault> {
    let tokio =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut group = criterion.benchmark_group("loopback");
    for envelope in envelopes()? {
        group.throughput(Throughput::Bytes(envelope.len().try_into()?));
        for (name, router) in [("bare", bare()), ("runtime", with_runtime())] {
            let mut connection = Connection::open(serve(&tokio, router)?, &envelope)?;
            let id = BenchmarkId::new(name, envelope.len());
            group.bench_function(id, |b| b.iter(|| connection.exchange().map_err(drop)));
        }
    }
    group.finish();
    Ok(())
}

fn serve(tokio: &Runtime, router: Router) -> Result<SocketAddr, Fault> {
    let listener = tokio.block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr()?;
    tokio.spawn(async { axum::serve(listener, router).await });
    Ok(address)
}

/// A connection that is kept open, with one request to repeat
struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr, envelope: &str) -> Result<Self, Fault> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let request = format!(
            "POST /command-received HTTP/1.1\r\nHost: 127.0.0.1\r\n\
             Content-Type: application/json; charset=utf-8\r\n\
             X-Azure-Functions-InvocationId: 0d9c0c1e-0000-4000-8000-000000000001\r\n\
             Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{envelope}\r\n0\r\n\r\n",
            envelope.len()
        );
        Ok(Self { stream, request: request.into_bytes(), answer: vec![0; 4096] })
    }

    /// Both answers end with the same bracket and come in one piece.
    fn exchange(&mut self) -> Result<usize, Fault> {
        self.stream.write_all(&self.request)?;
        let length = self.stream.read(&mut self.answer)?;
        let answer = self.answer.get(..length).unwrap_or_default();
        assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"}"), "a whole answer");
        Ok(length)
    }
}
