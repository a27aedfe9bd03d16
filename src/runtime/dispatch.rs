//! From a request to an answer: find the function, wait for a slot, read, run, answer.
//!
//! Every step of an invocation counts against its one deadline, and every outcome ends in an answer.
//! A request whose connection breaks is dropped where it stands; the queue delivers it again.
//! What the function does, and when the process begins and ends, is known elsewhere.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use futures::FutureExt as _;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tower::ServiceExt as _;
use tracing::Instrument as _;

use super::app::{Function, Functions};
use super::envelope::Envelope;
use super::invocation::random_id;
use super::logs::InvocationLog;
use super::telemetry::Trace;
use super::{Context, Failure, Invocation, InvocationError, Outputs};
use super::{answer, body};

const INVOCATION_ID: &str = "x-azure-functions-invocationid";

/// How far the process is
#[derive(Clone)]
pub(super) enum Stage {
    /// The functions are not known yet.
    Starting,
    /// Invocations are taken.
    Ready(Arc<Functions>),
    /// No further invocation is begun.
    Stopping,
}

/// What every request needs
#[derive(Clone)]
pub(super) struct Dispatch {
    pub(super) stage: watch::Receiver<Stage>,
    pub(super) patience: Duration,
}

impl Dispatch {
    /// The routes: liveness, and one per function
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/", get(|| async { "ok\n" }))
            .route("/{function}", post(invoke))
            .method_not_allowed_fallback(method_not_allowed)
            .fallback(invoke)
            .with_state(self)
    }

    /// The functions, as soon as they are known
    async fn functions(&self) -> Result<Arc<Functions>, InvocationError> {
        let mut stage = self.stage.clone();
        let known = stage.wait_for(|stage| !matches!(stage, Stage::Starting));
        let Ok(known) = timeout(self.patience, known).await else {
            return Err(InvocationError::Starting { waited: self.patience });
        };
        match known.as_deref() {
            Ok(Stage::Ready(functions)) => Ok(Arc::clone(functions)),
            Ok(Stage::Starting | Stage::Stopping) | Err(_) => Err(InvocationError::Stopping),
        }
    }
}

async fn method_not_allowed() -> Response {
    let message = "`GET /` tells whether the process lives, `POST /<function>` invokes a function";
    answer::error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
}

async fn invoke(State(dispatch): State<Dispatch>, request: Request) -> Response {
    let functions = match dispatch.functions().await {
        Ok(functions) => functions,
        Err(error) => return refused(&request, error),
    };
    if let Some(function) = functions.get(name(&request)) {
        let (parts, body) = request.into_parts();
        return function.answer(parts.headers, body).await;
    }
    let known = functions.keys().map(ToString::to_string).collect();
    refused(&request, InvocationError::UnknownFunction { name: name(&request).to_owned(), known })
}

fn name(request: &Request) -> &str {
    request.uri().path().trim_start_matches('/')
}

fn refused(request: &Request, error: InvocationError) -> Response {
    let failure = Failure::from(error);
    let log = InvocationLog::new(name(request), header_id(request.headers()));
    log.span().in_scope(|| report(&failure));
    answer::failure(&failure)
}

fn report(failure: &Failure) {
    tracing::error!(kind = failure.kind(), reason = failure.message(), "invocation failed");
}

fn header_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(INVOCATION_ID)?.to_str().ok()
}

impl Function {
    async fn answer(&self, headers: HeaderMap, body: Body) -> Response {
        let log = InvocationLog::new(&self.name, header_id(&headers));
        let trace = Trace::open(&self.name, log.span());
        let work = AssertUnwindSafe(self.outcome(&headers, body, &log, &trace)).catch_unwind();
        let outcome = work.instrument(log.span().clone()).await;
        let outcome = outcome.unwrap_or_else(|_| Err(InvocationError::Panicked.into()));
        let written = outcome.and_then(|outputs| {
            log.span().in_scope(|| tracing::debug!("invocation succeeded"));
            answer::written(&outputs).map_err(Failure::from)
        });
        match written {
            Ok(body) => answer::success(body),
            Err(failure) => {
                log.span().in_scope(|| report(&failure));
                trace.failed(&failure);
                answer::failure(&failure)
            }
        }
    }

    async fn outcome(
        &self,
        headers: &HeaderMap,
        body: Body,
        log: &InvocationLog,
        trace: &Trace,
    ) -> Result<Outputs, Failure> {
        let limit = self.options.timeout;
        let deadline = Instant::now() + limit;
        // The slot comes before the body: what waits must not fill the memory.
        let waited = self.options.patience.min(limit);
        let Ok(Ok(_slot)) = timeout(waited, self.slots.acquire()).await else {
            let concurrency = self.options.concurrency;
            return Err(InvocationError::NoSlot { concurrency, waited }.into());
        };
        let run = async {
            let invocation = self.read(body, deadline, log).await?;
            trace.caused_by(headers, &invocation);
            let served = self.service.clone().oneshot(invocation);
            served.instrument(trace.span().clone()).await
        };
        timeout_at(deadline, run)
            .await
            .unwrap_or_else(|_| Err(InvocationError::TimedOut { limit }.into()))
    }

    async fn read(
        &self,
        body: Body,
        deadline: Instant,
        log: &InvocationLog,
    ) -> Result<Invocation, InvocationError> {
        let envelope = Envelope::parse(&body::read(body).await?)?;
        if log.id().is_none()
            && let Some(id) = random_id(&envelope.metadata)
        {
            log.identify(&id);
        }
        let context = Context {
            invocation_id: log.id().unwrap_or_default().to_owned(),
            function: Arc::clone(&self.name),
            delivery_count: None,
            deadline,
        };
        Invocation::new(context, envelope, self.options.input.as_deref())
    }
}
