//! A stand-in for the host's HTTP client, and a server to talk to.
//!
//! It writes requests byte by byte, so that the framing of a body is the test's choice. It doesn't
//! know what the answers mean.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tether::runtime::{App, ServeError, Server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Nothing here takes longer, not even 24 MiB on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) const ID: &str = "0d9c0c1e-0000-4000-8000-0000000000ff";

/// A running server
pub(super) struct Running {
    pub(super) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

/// An answer
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

/// How a body is sent
#[derive(Clone, Copy)]
pub(super) enum Framing {
    ContentLength,
    Chunked,
}

pub(super) async fn serve<S: Clone + Send + Sync + 'static>(app: App<S>) -> Running {
    let server = Server::bind(0).await.unwrap();
    start(server, async { Ok::<_, ServeError>(app) })
}

pub(super) fn start<S, I>(server: Server, init: I) -> Running
where
    S: Clone + Send + Sync + 'static,
    I: Future<Output = Result<App<S>, ServeError>> + Send + 'static,
{
    let (stop, stopped) = oneshot::channel::<()>();
    let address = server.address();
    let shutdown = async { stopped.await.unwrap_or_default() };
    Running { address, stop, task: tokio::spawn(server.run(init, shutdown)) }
}

impl Running {
    pub(super) fn stop(self) -> JoinHandle<Result<(), ServeError>> {
        self.stop.send(()).unwrap();
        self.task
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        exchange(self.address, &[head("GET", path, "")]).await
    }

    /// Posts an envelope as the host does in Azure: chunked.
    pub(super) async fn post(&self, function: &str, body: &str) -> Answer {
        post(self.address, function, body.as_bytes(), Framing::Chunked).await
    }
}

pub(super) async fn post(to: SocketAddr, function: &str, body: &[u8], framing: Framing) -> Answer {
    exchange(to, &request(function, body, framing)).await
}

/// The pieces of a request
pub(super) fn request(function: &str, body: &[u8], framing: Framing) -> Vec<Vec<u8>> {
    let id = format!("X-Azure-Functions-InvocationId: {ID}\r\n");
    match framing {
        Framing::ContentLength => {
            let length = format!("{id}Content-Length: {}\r\n", body.len());
            vec![head("POST", function, &length), body.to_vec()]
        }
        Framing::Chunked => {
            let chunked = format!("{id}Transfer-Encoding: chunked\r\n");
            let mut pieces = vec![head("POST", function, &chunked)];
            pieces.extend(body.chunks(60_000).map(chunk));
            pieces.push(b"0\r\n\r\n".to_vec());
            pieces
        }
    }
}

pub(super) fn chunk(part: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", part.len()).as_bytes(), part, b"\r\n"].concat()
}

pub(super) fn head(method: &str, path: &str, headers: &str) -> Vec<u8> {
    let path = path.trim_start_matches('/');
    format!(
        "{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
         User-Agent: Azure-Functions-Host/4.1037.0\r\nX-Azure-Functions-HostVersion: 4.1037.0\r\n\
         Content-Type: application/json; charset=utf-8\r\n{headers}\r\n"
    )
    .into_bytes()
}

/// Sends the pieces of a request and reads the answer.
pub(super) async fn exchange(address: SocketAddr, pieces: &[Vec<u8>]) -> Answer {
    let exchanged = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        for piece in pieces {
            stream.write_all(piece).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = timeout(PATIENCE, exchanged).await.expect("an answer in time");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        assert!(self.head.contains("content-type: application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    /// The kind of a failure, after checking that it is one
    #[track_caller]
    pub(super) fn failure(&self) -> (String, String) {
        assert!(self.status >= 400, "{self:?}");
        let error = self.json()["error"].clone();
        let text = |member: &str| error[member].as_str().unwrap().to_owned();
        (text("type"), text("message"))
    }
}

/// One of the recorded envelopes
pub(super) fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/host");
    std::fs::read_to_string(folder.join(name)).unwrap()
}
