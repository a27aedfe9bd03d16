//! The life of the process as the host sees it: listen, start, serve, end.
//!
//! The socket answers before anything is initialised: the host polls `GET /` and waits for the first
//! answer of any kind. What is initialised, and when to end, is passed in.

use std::error::Error;
use std::future::{Future, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::map_response;
use axum::response::Response;
use axum::serve::Listener as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::connections::Bounded;
use super::dispatch::{Dispatch, Stage};
use super::{App, ServeError};

/// The exit code after which the host starts the process again without counting an error
///
/// After a graceful end it is the right one: the host never restarts a process that exits with 0,
/// and from then on every invocation fails.
pub const EXIT_RESTART: u8 = 200;

/// A socket that the host can reach, not serving yet
#[derive(Debug)]
pub struct Server {
    listener: Bounded,
    address: SocketAddr,
    patience: Duration,
    grace: Duration,
}

impl Server {
    /// Listens on a port of 127.0.0.1, which is where the host looks and nobody else can. Port 0
    /// takes any free one.
    #[expect(clippy::unused_async, reason = "tokio's sockets want a runtime: who awaits has one")]
    pub async fn bind(port: u16) -> Result<Self, ServeError> {
        let failed = |source: io::Error| {
            if source.kind() == io::ErrorKind::AddrInUse {
                ServeError::PortInUse { port, source }
            } else {
                ServeError::Bind { port, source }
            }
        };
        let listener = Bounded::bind(port).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (patience, grace) = (Duration::from_secs(60), Duration::from_secs(20));
        Ok(Self { listener, address, patience, grace })
    }

    /// The address listened on
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How long an invocation waits for the initialisation before it fails (60 seconds unless
    /// stated). It comes before the function's own time limit, which isn't known by then.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How long running invocations get to finish at the end (20 seconds unless stated)
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Answers the host at once, initialises, then takes invocations until `shutdown` comes.
    ///
    /// On shutdown nothing new is accepted and running invocations get the grace to finish; what is
    /// left then is abandoned, and the queue delivers it again. If the initialisation fails, the
    /// invocations that wait for it fail and its error is returned.
    pub async fn run<S, E>(
        self,
        init: impl Future<Output = Result<App<S>, E>>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ServeError>
    where
        S: Clone + Send + Sync + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let (stage, watched) = watch::channel(Stage::Starting);
        let dispatch = Dispatch { stage: watched, patience: self.patience };
        // A task of its own: an initialisation that computes must not keep the host waiting.
        let mut serving = Serving::spawn(self.listener, dispatch);
        let mut shutdown = pin!(shutdown);
        let ended = tokio::select! {
            ended = serving.ended() => return Err(ended),
            () = &mut shutdown => Ok(()),
            app = init => app.map(|app| {
                stage.send_replace(Stage::Ready(Arc::new(app.into_functions())));
            }),
        };
        if ended.is_ok() && matches!(*stage.borrow(), Stage::Ready(_)) {
            tokio::select! {
                ended = serving.ended() => return Err(ended),
                () = shutdown => {}
            }
        }
        stage.send_replace(Stage::Stopping);
        serving.end(self.grace).await;
        ended.map_err(|error| ServeError::Init(error.into()))
    }
}

/// The task that accepts connections
struct Serving {
    task: JoinHandle<io::Result<()>>,
    stop: watch::Sender<bool>,
}

impl Serving {
    fn spawn(listener: Bounded, dispatch: Dispatch) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let stopped = async move {
            // An error means that the sender is gone, which is a reason to stop as well.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let room = listener.room();
        let ending = map_response(move |answer: Response| ready(room.end_if_crowded(answer)));
        let router = dispatch.router().layer(ending);
        let serve = axum::serve(listener, router).with_graceful_shutdown(stopped);
        Self { task: tokio::spawn(serve.into_future()), stop }
    }

    /// Waits for the end that nobody asked for.
    async fn ended(&mut self) -> ServeError {
        let source = match (&mut self.task).await {
            Ok(Ok(())) => io::Error::other("it stopped accepting connections"),
            Ok(Err(error)) => error,
            Err(error) => io::Error::other(error),
        };
        ServeError::Ended(source)
    }

    async fn end(mut self, grace: Duration) {
        self.stop.send_replace(true);
        if timeout(grace, &mut self.task).await.is_err() {
            tracing::warn!(grace_seconds = grace.as_secs(), "invocations abandoned at the end");
            self.task.abort();
        }
    }
}

/// Completes when the process is asked to end: ctrl-c anywhere, SIGTERM on Unix
///
/// It listens from the call on, not from the first poll: who asks during the start is heard, too. The
/// host itself never asks, it kills; platforms and people do.
#[cfg(unix)]
pub fn shutdown_signal() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};

    async fn next(signals: io::Result<Signal>) {
        match signals {
            Ok(mut signals) => drop(signals.recv().await),
            Err(_) => std::future::pending().await,
        }
    }
    let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
    let (interrupt, terminate) = (signal(interrupt), signal(terminate));
    async {
        tokio::select! {
            () = next(interrupt) => {}
            () = next(terminate) => {}
        }
    }
}

/// Completes when the process is asked to end: ctrl-c anywhere, SIGTERM on Unix
#[cfg(not(unix))]
pub async fn shutdown_signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
