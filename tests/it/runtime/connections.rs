//! Many connections at once: those that are kept, and those that end with their answer.

use std::time::Duration;

use tether::runtime::{App, Failure, TimerTrigger};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{Running, serve};

const BOUND: Duration = Duration::from_secs(60);

async fn tick(_: TimerTrigger) -> Result<(), Failure> {
    Ok(())
}

/// Asks over a connection that the client would keep. The head of the answer, and the connection.
async fn ask(running: &Running) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        let read = timeout(BOUND, stream.read_buf(&mut answer)).await;
        assert_ne!(read.expect("an answer in time").unwrap(), 0, "a whole answer");
    }
    (String::from_utf8(answer).unwrap().to_lowercase(), stream)
}

#[tokio::test]
async fn a_crowd_is_served_and_leaves_few_connections_open() {
    let running = serve(App::new(()).function("tick", tick)).await;
    let mut kept = Vec::new();
    for _ in 0..1000 {
        let (head, mut stream) = ask(&running).await;
        if head.contains("connection: close") {
            let rest = timeout(BOUND, stream.read_to_end(&mut Vec::new())).await;
            assert_eq!(rest.expect("it ends").unwrap(), 0);
        } else {
            kept.push(stream);
        }
    }
    // Half of those that may be open at once, less the next one, for which room is kept.
    assert_eq!(kept.len(), 127);
}
