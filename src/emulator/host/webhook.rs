//! The host's address, its keys, and its endpoint for Event Grid.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use futures::future;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::definition::Function;
use super::encoder::event;
use super::invoke::invoke;
use super::{Shared, admin, http};

pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new()
        .route("/runtime/webhooks/{extension}", any(webhook))
        .route("/api/{*route}", any(http::request))
        .route("/admin/functions/{name}", post(admin::run))
        .layer(DefaultBodyLimit::max(2 * 1024 * 1024))
        .with_state(shared);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "the pretend host's endpoint stopped");
    }
}

async fn webhook(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if parameter(&uri, "code").as_deref() != Some(&shared.key) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let name = parameter(&uri, "functionName").unwrap_or_default();
    let function = shared.app.functions.get(&name);
    let Some(function) = function.filter(|found| found.trigger.kind == "eventGridTrigger") else {
        let text = format!("cannot find function: '{name}'");
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    if method == Method::OPTIONS {
        let origin = headers.get("webhook-request-origin").and_then(|value| value.to_str().ok());
        let origin = origin.unwrap_or("eventgrid.azure.net").to_owned();
        return ([("Webhook-Allowed-Origin", origin)], StatusCode::OK).into_response();
    }
    let kind = headers.get("aeg-event-type").and_then(|value| value.to_str().ok());
    match kind.unwrap_or_default().to_lowercase().as_str() {
        "subscriptionvalidation" => validate(&body),
        "notification" => notify(&shared, function, &body).await,
        "unsubscribe" => StatusCode::ACCEPTED.into_response(),
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// The key that a request came with, in its header or in its address
pub(super) fn key(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let header = headers.get("x-functions-key").and_then(|value| value.to_str().ok());
    header.map(str::to_owned).or_else(|| parameter(uri, "code"))
}

fn parameter(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn validate(body: &[u8]) -> Response {
    let events: Value = serde_json::from_slice(body).unwrap_or_default();
    match events.pointer("/0/data/validationCode") {
        Some(code) => json!({ "validationResponse": code }).to_string().into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// One call for each event, side by side: accepted if all succeed.
async fn notify(shared: &Arc<Shared>, function: &Function, body: &[u8]) -> Response {
    let events = match serde_json::from_slice(body) {
        Ok(Value::Array(events)) => events,
        Ok(single @ Value::Object(_)) => vec![single],
        Ok(_) | Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    let calls = events.iter().map(|one| invoke(shared, function, None, event(one)));
    // All are awaited: a failure of one does not end the others.
    let answers = future::join_all(calls).await;
    match answers.into_iter().find_map(Result::err) {
        None => StatusCode::ACCEPTED.into_response(),
        Some(reason) => (StatusCode::INTERNAL_SERVER_ERROR, reason).into_response(),
    }
}
