//! Sending over REST, as the frozen Service Bus library does it.
//!
//! Senders live in real time and the queues in virtual time, so a scheduled moment is taken as a
//! delay from now.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use time::OffsetDateTime;
use tokio::net::TcpListener;

use super::broker_properties::message;
use super::{QueueError, Shared};

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .route("/{queue}/messages", post(send))
        .layer(DefaultBodyLimit::max(2 * 1024 * 1024))
        .with_state(shared);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "the pretend Service Bus stopped");
    }
}

async fn send(
    State(shared): State<Arc<Shared>>,
    Path(queue): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !has_token(&headers) {
        return refused(StatusCode::UNAUTHORIZED, "MissingToken: no bearer token");
    }
    if let Some(status) = failure(&shared) {
        return refused(status, "the service is not well");
    }
    let (mut message, due) = match message(&headers, body.to_vec()) {
        Ok(message) => message,
        Err(problem) => return refused(StatusCode::BAD_REQUEST, &problem),
    };
    let delay = due.map(|due| due - OffsetDateTime::now_utc());
    message.scheduled = delay.map(|delay| shared.clock.now() + delay);
    match shared.change(|broker, now| broker.send(&queue, message, now)) {
        Ok(()) => StatusCode::CREATED.into_response(),
        Err(QueueError::TooLarge) => refused(StatusCode::FORBIDDEN, "the message is too large"),
        Err(error) => refused(StatusCode::GONE, &error.to_string()),
    }
}

fn has_token(headers: &HeaderMap) -> bool {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    token.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|token| !token.is_empty())
}

fn failure(shared: &Shared) -> Option<StatusCode> {
    let mut broker = shared.broker();
    let (left, status) = broker.failures;
    broker.failures.0 = left.saturating_sub(1);
    (left > 0).then(|| StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}

fn refused(status: StatusCode, detail: &str) -> Response {
    let code = status.as_u16();
    let body = format!("<Error><Code>{code}</Code><Detail>{detail}</Detail></Error>");
    (status, [(header::CONTENT_TYPE, "application/xml; charset=utf-8")], body).into_response()
}
