//! What the pretend Azure says: a status, headers and a body, and the error shape of ARM.
//!
//! It does not know which request it answers; ids and limits in headers are added by the server.

use axum::body::Body as HttpBody;
use axum::http::Response;
use axum::response::IntoResponse;
use bytes::Bytes;
use serde_json::{Value, json};

/// One answer
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Body,
}

/// What an answer carries
#[derive(Clone, Debug)]
pub(super) enum Body {
    Empty,
    Json(Value),
    Text { kind: &'static str, text: String },
}

/// Done or refused: both are answers, and `?` passes a refusal on.
pub(super) type Answered = Result<Answer, Answer>;

impl Answer {
    pub(super) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(body) }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    pub(super) fn text(status: u16, kind: &'static str, text: String) -> Self {
        Self { status, headers: Vec::new(), body: Body::Text { kind, text } }
    }

    /// A refusal in ARM's error shape
    pub(super) fn refused(status: u16, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::json(status, json!({"error": {"code": code, "message": message}}))
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Code and message of a refusal in ARM's error shape
    pub(super) fn reason(&self) -> (String, String) {
        let field = |name| match &self.body {
            Body::Json(body) => {
                body.pointer(name).and_then(Value::as_str).unwrap_or_default().to_owned()
            }
            Body::Empty | Body::Text { .. } => String::new(),
        };
        (field("/error/code"), field("/error/message"))
    }
}

impl Answer {
    /// As it stands on the wire
    pub(super) fn into_bytes(self) -> Response<Bytes> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let built = match self.body {
            Body::Empty => response.body(Bytes::new()),
            Body::Json(value) => response
                .header("content-type", "application/json; charset=utf-8")
                .body(value.to_string().into()),
            Body::Text { kind, text } => response.header("content-type", kind).body(text.into()),
        };
        // Only a fault with an impossible header or status comes here.
        built.unwrap_or_else(|_| Response::new("impossible fault".into()))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> axum::response::Response {
        self.into_bytes().map(HttpBody::from)
    }
}
