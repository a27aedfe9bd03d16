//! Answers that the host can't misread.
//!
//! Success is always 200 with a JSON object: an empty one leaves the invocation hanging until the
//! host kills the process. It holds no log lines: the host would store them a second time, and those on
//! the streams are not lost when the process dies. A failure is always an error status with a JSON
//! object; the host drops its text, other clients don't. Which outcome it is was decided elsewhere.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::json;

use super::{Failure, InvocationError, Outputs};

#[derive(Serialize)]
struct Success<'a> {
    #[serde(rename = "Outputs")]
    outputs: &'a Outputs,
}

/// The body of a success
pub(super) fn written(outputs: &Outputs) -> Result<Vec<u8>, InvocationError> {
    serde_json::to_vec(&Success { outputs }).map_err(InvocationError::UnwritableOutputs)
}

/// The answer to an invocation that succeeded
pub(super) fn success(body: Vec<u8>) -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, json)], body).into_response()
}

/// The answer to an invocation that failed
pub(super) fn failure(failure: &Failure) -> Response {
    error(failure.status(), failure.kind(), failure.message())
}

/// An answer with any error status
pub(super) fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    (status, Json(json!({ "error": { "type": kind, "message": message } }))).into_response()
}
