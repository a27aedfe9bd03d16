//! Reading a request's body, whatever its framing, up to a limit.
//!
//! It does not know what is in the body.

use axum::body::Body;
use bytes::Bytes;
use futures::TryStreamExt as _;

use super::InvocationError;

/// The largest body of an invocation: 24 MiB
///
/// Enough for a message of 16 MiB: the host sends it as base64, a third larger (21.4 MiB), beside a
/// few KiB of metadata. Memory held is at most this times the concurrency of a function.
pub const MAX_BODY_BYTES: usize = 24 * 1024 * 1024;

/// Reads a body to its end. One that is too large is read to its end too, without being kept: an
/// answer in the middle of a request may be lost with the connection.
pub(super) async fn read(body: Body) -> Result<Bytes, InvocationError> {
    let mut frames = body.into_data_stream().map_err(InvocationError::BodyCutShort);
    let (mut kept, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = frames.try_next().await? {
        length = length.saturating_add(frame.len());
        kept.push(frame);
        if within_limit(length).is_err() {
            kept.clear();
        }
    }
    within_limit(length)?;
    // Most bodies are one frame, which needs no copy.
    if kept.len() < 2 { Ok(kept.pop().unwrap_or_default()) } else { Ok(kept.concat().into()) }
}

fn within_limit(length: usize) -> Result<(), InvocationError> {
    if length <= MAX_BODY_BYTES {
        Ok(())
    } else {
        Err(InvocationError::BodyTooLarge { limit: MAX_BODY_BYTES })
    }
}
