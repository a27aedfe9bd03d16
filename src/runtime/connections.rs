//! The connections that are open at once: so many, and no more.
//!
//! Each takes some 17 KiB, with or without a request on it, and the host opens one for every event
//! that comes while others are under way: a burst of events would decide how much memory there is.
//! Who comes too many waits with the kernel, which costs this process nothing. What is sent over a
//! connection is not known here.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::response::Response;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections are open at once: more than there are slots for invocations, and functions that
/// are called by more than the host alone let nobody wait for one, so that no slot is ever empty for want
/// of a connection
const OPEN: usize = 256;

/// As long as no more than this are open, the next one among them, they stay open after an answer.
/// Beyond it each answer is its connection's last, and makes room for who waits.
const KEPT: usize = OPEN / 2;

/// How many may wait with the kernel. Linux takes at most `somaxconn`, which is 4096 unless changed.
const WAITING: u32 = 4096;

/// A socket that has no more than so many connections open
#[derive(Debug)]
pub(super) struct Bounded {
    listener: TcpListener,
    room: Room,
}

/// The room that is left for connections; clones share it
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// A connection, which takes room until it is dropped
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    _room: Option<OwnedSemaphorePermit>,
}

impl Bounded {
    /// Listens on a port of 127.0.0.1.
    pub(super) fn bind(port: u16) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        // As the standard library does: a port whose last connections are still closing is free. On
        // Windows the same option would let two processes listen.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        let listener = socket.listen(WAITING)?;
        Ok(Self { listener, room: Room(Arc::new(Semaphore::new(OPEN))) })
    }

    pub(super) fn room(&self) -> Room {
        self.room.clone()
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // It only fails once the semaphore is closed, which nobody does.
        let room = Arc::clone(&self.room.0).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // An answer in several pieces must not wait for the host's acknowledgement of the first.
        let _ = stream.set_nodelay(true);
        (Connection { stream, _room: room }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Room {
    /// Says in an answer that it is the last on its connection, if many are open.
    pub(super) fn end_if_crowded(&self, mut answer: Response) -> Response {
        if self.0.available_permits() < OPEN - KEPT {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn who_comes_too_many_waits_until_another_leaves() {
        let mut bounded = Bounded::bind(0).unwrap();
        let address = bounded.local_addr().unwrap();
        let mut clients = Vec::new();
        for _ in 0..=OPEN {
            clients.push(TcpStream::connect(address).await.unwrap());
        }
        let mut open = Vec::new();
        for _ in 0..OPEN {
            open.push(bounded.accept().await.0);
        }
        assert!(bounded.accept().now_or_never().is_none(), "there is no room");
        drop(open.pop());
        open.push(bounded.accept().await.0);
        assert_eq!(open.len(), OPEN);
    }

    #[test]
    fn answers_end_their_connections_only_while_many_are_open() {
        let room = Room(Arc::new(Semaphore::new(OPEN)));
        let ends = || {
            let answer = room.end_if_crowded(Response::default());
            answer.headers().contains_key(CONNECTION)
        };
        let kept = room.0.try_acquire_many(KEPT.try_into().unwrap()).unwrap();
        assert!(!ends());
        let one_more = room.0.try_acquire().unwrap();
        assert!(ends());
        drop((kept, one_more));
        assert!(!ends());
    }
}
