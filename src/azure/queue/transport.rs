//! How a message leaves the machine: by our HTTP client, to the configured namespace, with a token
//! from Entra ID.
//!
//! The old library hands its requests to whatever implements its `HttpClient`. That is where
//! everything is put right that it can't express: the address, the token, the zone of a time, a
//! second try. What an answer means is not known here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core_legacy::error::{Error, ErrorKind, ResultExt};
use azure_core_legacy::headers::Headers;
use azure_core_legacy::{Body, HttpClient, Request, Response, StatusCode};
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use thiserror::Error;
use url::Url;

use super::header::broker_properties;
use super::{QueueAnswer, QueueError};
use crate::azure::{Cloud, Endpoint};

/// How long one try may take from its start to the last byte of the answer
const REQUEST: Duration = Duration::from_secs(30);

/// How long to wait before the second and the third try, where Service Bus doesn't say
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// The longest wait worth sitting out; whoever is told to wait longer has better things to do.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How much of an answer is read: an error is a few hundred bytes.
const ANSWER: usize = 16 * 1_024;

/// Carries the library's requests.
pub(super) struct Transport {
    // INVARIANT: of an `Endpoint`, hence https or a literal loopback address; nothing but scheme,
    // host and port.
    base: Url,
    scope: &'static str,
    credential: Arc<dyn TokenCredential>,
    client: reqwest::Client,
}

/// Why a request got no yes
#[derive(Debug, Error)]
pub(super) enum TransportError {
    /// The credential gave no token.
    #[error("there is no token")]
    Token(#[source] azure_core::Error),
    /// There was no connection, or no answer.
    #[error("there is no answer")]
    Unreachable(#[source] reqwest::Error),
    /// The answer was no.
    #[error(transparent)]
    Answer(QueueAnswer),
}

/// A request as it is sent, as often as needed
struct Outgoing {
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    token: String,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        Self::new(ErrorKind::Other, error)
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core_legacy::Result<Response> {
        let mut url = self.base.clone();
        url.set_path(request.url().path());
        let headers = headers(request.headers())?;
        let Body::Bytes(body) = request.body().clone() else {
            return Err(Error::message(ErrorKind::Other, "a message is not sent as a stream"));
        };
        // Asked for each time: credentials keep their tokens and know when to renew them.
        let token = self.credential.get_token(&[self.scope], None).await;
        let token = token.map_err(TransportError::Token)?.token.secret().to_owned();
        self.deliver(&Outgoing { url, headers, body, token }).await?;
        Ok(Response::new(StatusCode::Created, Headers::new(), Box::pin(futures::stream::empty())))
    }
}

impl Transport {
    /// Carries to `endpoint`.
    pub(super) fn new(
        endpoint: &Endpoint,
        cloud: Cloud,
        credential: Arc<dyn TokenCredential>,
        client: reqwest::Client,
    ) -> Result<Self, QueueError> {
        let base = endpoint.url().clone();
        // A user or a password would be sent next to the token, or instead of it.
        let has_user = !base.username().is_empty() || base.password().is_some();
        let has_more = base.path() != "/" || base.query().is_some() || base.fragment().is_some();
        if has_user || has_more {
            return Err(QueueError::Endpoint(base.host_str().unwrap_or_default().to_owned()));
        }
        Ok(Self { base, scope: cloud.service_bus_scope(), credential, client })
    }

    async fn deliver(&self, outgoing: &Outgoing) -> Result<(), TransportError> {
        for pause in PAUSES {
            let Err(failure) = self.attempt(outgoing).await else {
                return Ok(());
            };
            let Some(pause) = failure.pause(pause) else {
                return Err(failure);
            };
            tokio::time::sleep(pause).await;
        }
        self.attempt(outgoing).await
    }

    async fn attempt(&self, outgoing: &Outgoing) -> Result<(), TransportError> {
        let request = self
            .client
            .post(outgoing.url.clone())
            .timeout(REQUEST)
            .headers(outgoing.headers.clone())
            .bearer_auth(&outgoing.token)
            .body(outgoing.body.clone());
        let response = request.send().await.map_err(TransportError::Unreachable)?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(TransportError::Answer(read(response).await))
    }
}

impl TransportError {
    /// How long to wait before another try, if that is of any use. Whether a request that got no
    /// answer was carried out is not known, so only a failed connection is tried again.
    fn pause(&self, usual: Duration) -> Option<Duration> {
        match self {
            Self::Unreachable(cause) => cause.is_connect().then_some(usual),
            Self::Answer(answer) if matches!(answer.status(), 429 | 500 | 503) => {
                Some(answer.retry_after().unwrap_or(usual)).filter(|pause| *pause <= LONGEST_PAUSE)
            }
            Self::Answer(_) | Self::Token(_) => None,
        }
    }
}

/// The library's headers but for its signature, which is of no key at all
fn headers(written: &Headers) -> azure_core_legacy::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in written.iter() {
        let value = match name.as_str() {
            "authorization" => continue,
            "brokerproperties" => broker_properties(value.as_str()),
            _ => value.as_str().to_owned(),
        };
        let name = HeaderName::try_from(name.as_str())
            .context(ErrorKind::DataConversion, "the name of a header is malformed")?;
        let value = HeaderValue::try_from(value)
            .context(ErrorKind::DataConversion, "the value of a header is malformed")?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Reads an answer, as far as it is there and not absurdly long. A date in `Retry-After` is ignored.
async fn read(mut response: reqwest::Response) -> QueueAnswer {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let mut body = Vec::new();
    while body.len() < ANSWER
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    QueueAnswer::new(status, retry_after.map(Duration::from_secs), &String::from_utf8_lossy(&body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_pause(status: u16, retry_after: Option<u64>, expected: Option<Duration>) {
        let answer = QueueAnswer::new(status, retry_after.map(Duration::from_secs), "");
        assert_eq!(TransportError::Answer(answer).pause(PAUSES[0]), expected, "{status}");
    }

    #[test]
    fn only_what_passes_soon_is_tried_again() {
        for status in [429, 500, 503] {
            check_pause(status, None, Some(PAUSES[0]));
            check_pause(status, Some(5), Some(LONGEST_PAUSE));
            check_pause(status, Some(6), None);
        }
        for status in [301, 400, 401, 403, 404, 410, 413, 502, 504] {
            check_pause(status, None, None);
            check_pause(status, Some(1), None);
        }
    }

    #[test]
    fn the_signature_of_the_library_is_dropped() {
        let mut written = Headers::new();
        written.insert("authorization", "SharedAccessSignature sr=x&sig=y");
        written.insert("reason", "\"because\"");
        let sent = headers(&written).unwrap();
        assert_eq!(sent.len(), 1);
        assert_eq!(sent["reason"], "\"because\"");
    }
}
