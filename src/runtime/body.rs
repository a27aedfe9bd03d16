//! Reading a request's body, whatever its framing, up to a limit.
//!
//! It does not know what is in the body.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;

use super::InvocationError;

/// The largest body of an invocation: 24 MiB
///
/// Enough for a message of 16 MiB: the host sends it as base64, a third larger (21.4 MiB), beside a
/// few KiB of metadata. Memory held is at most this times the concurrency of a function.
pub const MAX_BODY_BYTES: usize = 24 * 1024 * 1024;

/// Reads a body to its end. One that is too large is read to its end too, without being kept: an
/// answer in the middle of a request may be lost with the connection.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, InvocationError> {
    let mut frames = body.into_data_stream().map_err(InvocationError::BodyCutShort);
    let first = frames.try_next().await?.unwrap_or_default();
    let Some(second) = frames.try_next().await? else {
        // Most bodies are one frame, which needs no copy.
        return within_limit(first.len()).map(|()| first);
    };
    let mut whole = BytesMut::with_capacity(announced(headers).max(first.len() + second.len()));
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    let mut length = whole.len();
    while let Some(frame) = frames.try_next().await? {
        length = length.saturating_add(frame.len());
        if within_limit(length).is_ok() {
            whole.extend_from_slice(&frame);
        } else {
            whole = BytesMut::new();
        }
    }
    within_limit(length).map(|()| whole.freeze())
}

fn within_limit(length: usize) -> Result<(), InvocationError> {
    if length <= MAX_BODY_BYTES {
        Ok(())
    } else {
        Err(InvocationError::BodyTooLarge { limit: MAX_BODY_BYTES })
    }
}

/// How much room to make at once: what the sender announces, if it is within the limit
fn announced(headers: &HeaderMap) -> usize {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    if length <= MAX_BODY_BYTES { length } else { 0 }
}
