//! A request as the routes see it: method, path, parameters, JSON.
//!
//! It does not know whether it came over HTTP or from a test that changes the world by hand.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{self, HeaderMap};
use bytes::Bytes;
use serde_json::Value;
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::Answer;

/// Larger bodies than this are refused; ARM's own limit is the same.
const LARGEST_BODY: usize = 4 * 1024 * 1024;

/// What was asked
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    /// Decoded, as written otherwise
    pub(super) path: String,
    /// As sent
    pub(super) query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Asked {
    /// Reads a request off the wire
    pub(super) async fn read(request: Request) -> Result<Self, Answer> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, LARGEST_BODY).await.map_err(|_| {
            Answer::refused(413, "RequestContentTooLarge", "The request content is too large.")
        })?;
        Ok(Self::of(http::Request::from_parts(parts, body)))
    }

    /// A request that came in one piece
    pub(super) fn of(request: http::Request<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        Self {
            method: parts.method.as_str().to_owned(),
            path: decoded(parts.uri.path()),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body,
        }
    }

    /// A request that never was on the wire
    pub(super) fn by_hand(method: &str, path: &str, query: &str, body: &Value) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_string()),
        }
    }

    /// A parameter of the query, its name in any letter case
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        parameter(self.query.as_bytes(), name)
    }

    /// A field of a form body
    pub(super) fn field(&self, name: &str) -> Option<String> {
        parameter(&self.body, name)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The token of `Authorization: Bearer`
    pub(super) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The body as JSON, if it is JSON
    pub(super) fn seen_json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The body as JSON, or ARM's refusal
    pub(super) fn json(&self) -> Result<Value, Answer> {
        self.seen_json().filter(Value::is_object).ok_or_else(|| {
            Answer::refused(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized.",
            )
        })
    }

    pub(super) fn api_version(&self) -> String {
        self.parameter("api-version").unwrap_or_default()
    }

    /// The id that ties this request, its answer and its events together
    pub(super) fn correlation(&self) -> Option<Uuid> {
        self.header("x-ms-correlation-request-id")?.parse().ok()
    }

    /// The URL that the activity log shows
    pub(super) fn public_url(&self) -> String {
        format!("https://management.azure.com{}?{}", self.path, self.query)
    }
}

fn parameter(encoded: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(encoded)
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.into_owned())
}

/// Percent-decodes a path with the decoder for forms, which needs its own separators hidden
fn decoded(path: &str) -> String {
    let hidden = path.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(hidden.as_bytes())
        .next()
        .map(|(text, _)| text.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_decoded_whole() {
        assert_eq!(decoded("/a%20b/c+d&e=f(%29"), "/a b/c+d&e=f()");
        assert_eq!(decoded("/"), "/");
    }
}
