//! The way out for the frozen Service Bus library: its requests with a token of Entra in place of
//! its signature, to the configured address, tried again where that is safe.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core_legacy::error::{Error, ErrorKind, ResultExt};
use azure_core_legacy::headers::{AUTHORIZATION, Headers};
use azure_core_legacy::{Body, BytesStream, HttpClient, Request, Response, StatusCode};
use bytes::Bytes;
use url::Url;

use crate::azure::Endpoint;

/// Pauses before the second and the third try
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// How long one try may take
const TIMEOUT: Duration = Duration::from_secs(30);

const BROKER_PROPERTIES: &str = "brokerproperties";

pub(super) struct Transport {
    endpoint: Endpoint,
    scope: &'static str,
    credential: Arc<dyn TokenCredential>,
    client: reqwest::Client,
}

impl Transport {
    pub(super) fn new(
        endpoint: Endpoint,
        scope: &'static str,
        credential: Arc<dyn TokenCredential>,
        client: reqwest::Client,
    ) -> Self {
        Self { endpoint, scope, credential, client }
    }

    /// The library's address moved to where the namespace really is
    fn address(&self, request: &Request) -> Url {
        let mut url = self.endpoint.url().clone();
        url.set_path(request.url().path());
        url
    }

    async fn once(&self, request: &Request) -> azure_core_legacy::Result<reqwest::Response> {
        // The credential keeps its tokens; asking each time is how they stay fresh.
        let token = self.credential.get_token(&[self.scope], None).await;
        let token = token.context(ErrorKind::Credential, "no token for Service Bus")?;
        let Body::Bytes(body) = request.body() else {
            return Err(Error::message(ErrorKind::Other, "only bodies in memory can be sent"));
        };
        let post = self.client.post(self.address(request)).timeout(TIMEOUT);
        let mut post = post.bearer_auth(token.token.secret()).body(body.clone());
        for (name, value) in request.headers().iter().filter(|(name, _)| **name != AUTHORIZATION) {
            let value = match name.as_str() {
                BROKER_PROPERTIES => in_gmt(value.as_str()),
                _ => value.as_str().to_owned(),
            };
            post = post.header(name.as_str(), value);
        }
        post.send().await.context(ErrorKind::Io, "no answer")
    }
}

/// The library writes the scheduled time with `+0000`; the interface documents `GMT`.
fn in_gmt(broker_properties: &str) -> String {
    broker_properties.replace(" +0000\"", " GMT\"")
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core_legacy::Result<Response> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let answer = self.once(request).await;
            let is_passing = match &answer {
                Ok(answer) => matches!(answer.status().as_u16(), 408 | 429 | 500 | 502 | 503 | 504),
                Err(error) => *error.kind() == ErrorKind::Io,
            };
            match pauses.next().filter(|_| is_passing) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return response(answer?).await,
            }
        }
    }
}

async fn response(answer: reqwest::Response) -> azure_core_legacy::Result<Response> {
    let status = StatusCode::try_from(answer.status().as_u16()).unwrap_or(StatusCode::BadGateway);
    let body: Bytes = answer.bytes().await.context(ErrorKind::Io, "the answer broke off")?;
    Ok(Response::new(status, Headers::new(), Box::pin(BytesStream::new(body))))
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_sent_in_the_documented_form() {
        let properties = r#"{"ScheduledEnqueueTimeUtc":"Sat, 10 Jan 2026 10:07:31 +0000"}"#;
        let expected = r#"{"ScheduledEnqueueTimeUtc":"Sat, 10 Jan 2026 10:07:31 GMT"}"#;
        assert_eq!(in_gmt(properties), expected);
    }
}
