//! The door for HTTP: who may come in, sending, and how Service Bus refuses.
//!
//! Receiving is in `receive`. Tokens are looked at, never kept, and not verified.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::broker::{Broker, Claim};
use super::error::QueueError;
use super::headers::{self, Headers};
use super::receive::{self, Place};
use super::shared::Shared;

/// Where reading ends: far beyond what a message may have, so that the sender hears the reason
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// The form of many messages in one request, which this does not take apart
const BATCH: &str = "application/vnd.microsoft.servicebus.json";

/// A refusal: the status, and a sentence for people
#[derive(Debug)]
pub(super) struct Refusal(pub(super) u16, pub(super) String);

/// Serves until the other end of `stop` goes away
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: oneshot::Receiver<()>) {
    let router = Router::new().fallback(answer).with_state(shared);
    let stop = async move {
        // The sender going away is as good as its word.
        let _ = stop.await;
    };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop).await {
        tracing::warn!(%error, "the pretend Service Bus stopped");
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    carry_out(&shared, request).await
}

/// Does what a request asks for
pub(super) async fn carry_out(shared: &Shared, request: Request) -> Response {
    go(shared, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn go(shared: &Shared, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    // Read whatever the answer will be: a connection closed halfway hides it from the sender.
    let body = to_bytes(body, LARGEST_BODY).await;
    authorize(&parts.headers)?;
    let place = Place::parse(parts.uri.path());
    match place.ok_or_else(|| Refusal(404, "There is nothing at this address.".to_owned()))? {
        Place::Messages(queue) => {
            let body = body.map_err(|_| Refusal(403, "The message is too large.".to_owned()));
            send(shared, &parts, queue, body.map(|body| body.to_vec()))?;
            Ok(StatusCode::CREATED.into_response())
        }
        Place::Head(source) => {
            permit(shared, Claim::Listen, source.queue)?;
            receive::head(shared, &parts, source).await
        }
        Place::Lock(source, token) => {
            permit(shared, Claim::Listen, source.queue)?;
            if let Some(status) = shared.with(Broker::strike_lock) {
                return Err(Refusal(status, "The request was made to fail.".to_owned()));
            }
            receive::lock(shared, &parts.method, source, token)
        }
    }
}

fn send(
    shared: &Shared,
    parts: &Parts,
    queue: &str,
    body: Result<Vec<u8>, Refusal>,
) -> Result<(), Refusal> {
    if let Some(status) = shared.with(Broker::strike) {
        return Err(Refusal(status, "The request was made to fail.".to_owned()));
    }
    permit(shared, Claim::Send, queue)?;
    if parts.method != Method::POST {
        return Err(Refusal(405, format!("{} does not send messages.", parts.method)));
    }
    shared.with(|broker| broker.entity(queue).map(|_| ()))?;
    let told = headers::read(&parts.headers).map_err(|sentence| Refusal(400, sentence))?;
    if told.message.content_type.as_deref().is_some_and(|kind| kind.starts_with(BATCH)) {
        return Err(Refusal(400, "Batches are not understood here.".to_owned()));
    }
    let body = body?;
    let senders_time = shared.senders_time();
    Ok(shared.with(|broker| accept(broker, queue, told, body, senders_time))?)
}

/// Whether what is asked for was forbidden: by the status, no different from having no token
fn permit(shared: &Shared, claim: Claim, queue: &str) -> Result<(), Refusal> {
    if !shared.with(|broker| broker.is_forbidden(claim)) {
        return Ok(());
    }
    Err(Refusal(
        401,
        format!(
            "40103: Unauthorized: Unauthorized access. '{claim:?}' claim(s) are required to perform \
             this operation. Resource: 'sb://pretend.servicebus.windows.net/{queue}'."
        ),
    ))
}

/// The sender may live in real time and the queue in virtual time: what they have in common is how
/// long it takes from now on.
fn accept(
    broker: &mut Broker,
    queue: &str,
    told: Headers,
    body: Vec<u8>,
    senders_time: OffsetDateTime,
) -> Result<(), QueueError> {
    let Headers { mut message, time_to_live, scheduled } = told;
    let now = broker.now;
    message.body = body;
    message.scheduled = scheduled.map(|moment| now.saturating_add(moment - senders_time));
    broker.send(queue, message, time_to_live)
}

/// Whether there is an Entra token; signatures of shared keys are not taken
fn authorize(headers: &HeaderMap) -> Result<(), Refusal> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value.and_then(|value| value.split_once(' ')).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("Bearer") && !token.trim().is_empty() {
        return Ok(());
    }
    Err(Refusal(401, "claim is empty or token is invalid.".to_owned()))
}

impl From<QueueError> for Refusal {
    fn from(error: QueueError) -> Self {
        let status = match error {
            QueueError::Listen(_) => 500,
            QueueError::NoSuchQueue { .. } => 410,
            QueueError::TooLarge { .. } => 403,
            QueueError::TooLong { .. } => 400,
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, sentence) = self;
        let sentence = sentence.replace('&', "&amp;").replace('<', "&lt;");
        let body = format!("<Error><Code>{status}</Code><Detail>{sentence}</Detail></Error>");
        let kind = (header::CONTENT_TYPE, "application/xml; charset=utf-8");
        // Only a fault with an impossible status comes to the default.
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, [kind], Body::from(body)).into_response()
    }
}
