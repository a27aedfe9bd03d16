//! The host's door for running a function by hand, as the portal and `curl` use it: an input, and the
//! master key.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::encoder::by_hand;
use super::invoke::invoke;
use super::webhook::key;
use super::{MASTER_KEY, Shared};

/// Where a function is run by hand, the key included
pub(super) fn url(address: &str, function: &str) -> String {
    format!("{address}/admin/functions/{function}?code={MASTER_KEY}")
}

pub(super) async fn run(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if key(&uri, &headers).as_deref() != Some(MASTER_KEY) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    // One that the settings disable is run all the same.
    let Some(function) = shared.app.function(&name).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let input = body.get("input").and_then(Value::as_str).unwrap_or_default();
    let trigger = by_hand(&function, input, &shared.namespace, shared.clock.now());
    let trigger = match trigger {
        Ok(trigger) => trigger,
        Err(reason) => return (StatusCode::NOT_IMPLEMENTED, reason).into_response(),
    };
    // The host answers at once; the result is only in the log.
    tokio::spawn(async move { invoke(&shared, &function, None, trigger).await });
    StatusCode::ACCEPTED.into_response()
}
