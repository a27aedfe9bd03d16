//! Load over loopback, as the host makes it: connections that are kept, each with one request at a
//! time.
//!
//! What is sent and what the answers mean is not known here. It costs little itself, so that it does not
//! hide what the other side costs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How many requests are under way at once
pub(crate) const AT_ONCE: usize = 8;

/// Where to send requests to, and one body after the other
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) function: &'static str,
    pub(crate) bodies: Arc<Vec<String>>,
    next: Arc<AtomicUsize>,
}

impl Target {
    pub(crate) fn new(address: SocketAddr, function: &'static str, bodies: Vec<String>) -> Self {
        Self { address, function, bodies: Arc::new(bodies), next: Arc::default() }
    }

    /// The next body; from the first again after the last
    fn request(&self) -> Vec<u8> {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % self.bodies.len();
        let body = &self.bodies[place];
        format!(
            "POST /{} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             X-Azure-Functions-InvocationId: 0d9c0c1e-0000-4000-8000-{place:012}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.function,
            body.len()
        )
        .into_bytes()
    }

    /// Sends so many requests as fast as they are answered: how many were answered in a second
    pub(crate) async fn flood(&self, count: usize) -> f64 {
        let left = AtomicUsize::new(count);
        let start = Instant::now();
        let lanes = (0..AT_ONCE).map(|_| async {
            let mut connection = Connection::open(self.address).await;
            let one_less = |left: usize| left.checked_sub(1);
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
                connection.exchange(&self.request()).await;
            }
        });
        join_all(lanes).await;
        number(count) / start.elapsed().as_secs_f64()
    }

    /// Sends so many requests at a steady rate, whether or not they are answered in time: how long
    /// each took, the quickest first. One that had to wait for the one before it has waited, too.
    pub(crate) async fn steady(&self, count: usize, rate: f64) -> Vec<Duration> {
        let pause = Duration::from_secs_f64(number(AT_ONCE) / rate);
        let lanes = (0..AT_ONCE).map(|lane| async move {
            let mut connection = Connection::open(self.address).await;
            let offset = pause.mul_f64(number(lane) / number(AT_ONCE));
            let mut due = Instant::now() + offset;
            let mut took = Vec::new();
            for _ in 0..count / AT_ONCE {
                let was_free = Instant::now() < due;
                tokio::time::sleep_until(due.into()).await;
                // The timer's own delay is not the other side's.
                let since = if was_free { Instant::now() } else { due };
                connection.exchange(&self.request()).await;
                took.push(since.elapsed());
                due += pause;
            }
            took
        });
        let mut took: Vec<Duration> = join_all(lanes).await.into_iter().flatten().collect();
        took.sort();
        took
    }
}

/// A connection that is kept, and opened again if the other side ends it
struct Connection {
    address: SocketAddr,
    stream: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { address, stream, answer: Vec::with_capacity(16 * 1024) }
    }

    async fn exchange(&mut self, request: &[u8]) {
        self.stream.write_all(request).await.unwrap();
        self.answer.clear();
        while !is_whole(&self.answer) {
            let read = self.stream.read_buf(&mut self.answer).await.unwrap();
            assert_ne!(read, 0, "a whole answer");
        }
        let head = String::from_utf8_lossy(&self.answer).to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        if head.contains("connection: close") {
            *self = Self::open(self.address).await;
        }
    }
}

/// Whether an answer has come to its end, by the length that it states
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.expect("answers state their length").trim().parse().unwrap();
    answer.len() >= end + 4 + length
}

/// Counts are small enough for a float.
pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}
