//! How a message leaves the machine: by our HTTP client, to the configured namespace, with a token
//! from Entra ID.
//!
//! The old library hands its requests to whatever implements its `HttpClient`. That is where
//! everything is put right that it can't express: the address, the token, the zone of a time, a
//! second try, and answers that it could not read. What an answer means is not known here.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_core_legacy::error::{Error, ErrorKind, ResultExt};
use azure_core_legacy::headers::Headers;
use azure_core_legacy::{Body, HttpClient, Request, Response, StatusCode};
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use thiserror::Error;
use url::Url;

use super::header::broker_properties;
use super::{QueueAnswer, QueueError, UNUSED};
use crate::azure::transport::is_same_host;
use crate::azure::{Cloud, Credential, Endpoint, Wire};

/// How long one try may take from its start to the last byte of the answer
const REQUEST: Duration = Duration::from_secs(30);

/// How long to wait before the second and the third try, where Service Bus doesn't say
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

/// The longest wait worth sitting out; whoever is told to wait longer has better things to do.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How much of an answer is read: an error is a few hundred bytes.
const ANSWER: usize = 16 * 1_024;

/// How much of a message is read: what Event Grid allows an event. Only a premium namespace takes
/// more, and none of it is ours.
const MESSAGE: usize = 1024 * 1024;

/// Under which name the library's answers carry `BrokerProperties`. By its own name the library would
/// read it, into types that are too small and miss fields, and would fail with the lock in hand.
pub(super) const BROKER_PROPERTIES: &str = "tether-broker-properties";

/// Stands in the headers of an answer whose body was left out, since it is no text, which the library
/// cannot carry, or too long
pub(super) const UNFIT: &str = "tether-unfit";

/// Carries the library's requests.
pub(super) struct Transport {
    // INVARIANT: of an `Endpoint`, hence https or a literal loopback address; nothing but scheme,
    // host and port.
    base: Url,
    scope: &'static str,
    credential: Credential,
    wire: Wire,
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
    /// A lock is at another host, which must not get the token.
    #[error("the lock is at another host, `{0}`")]
    Elsewhere(String),
    /// The answer was no.
    #[error(transparent)]
    Answer(QueueAnswer),
}

/// A request as it is sent, as often as needed
struct Outgoing {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    token: HeaderValue,
}

impl Outgoing {
    fn request(&self) -> reqwest::Request {
        let mut request = reqwest::Request::new(self.method.clone(), self.url.clone());
        request.headers_mut().clone_from(&self.headers);
        request.headers_mut().insert(AUTHORIZATION, self.token.clone());
        *request.timeout_mut() = Some(REQUEST);
        *request.body_mut() = Some(self.body.clone().into());
        request
    }
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
        let method = Method::from_bytes(request.method().as_ref().as_bytes())
            .context(ErrorKind::DataConversion, "the method is malformed")?;
        let url = self.address(request.url())?;
        let headers = headers(request.headers())?;
        let Body::Bytes(body) = request.body().clone() else {
            return Err(Error::message(ErrorKind::Other, "a message is not sent as a stream"));
        };
        let token = self.token().await?;
        let mut outgoing = Outgoing { method, url, headers, body, token };
        let mut answer = self.deliver(&outgoing).await;
        let is_refused = answer.as_ref().is_err_and(TransportError::is_of_the_token);
        if is_refused && self.credential.forget() {
            outgoing.token = self.token().await?;
            answer = self.deliver(&outgoing).await;
        }
        let Answer { status, headers, body } = answer?;
        let status = StatusCode::try_from(status).unwrap_or(StatusCode::Ok);
        let body = futures::stream::once(std::future::ready(Ok(body)));
        Ok(Response::new(status, headers, Box::pin(body)))
    }
}

impl Transport {
    /// Carries to `endpoint`.
    pub(super) fn new(
        endpoint: &Endpoint,
        cloud: Cloud,
        credential: Credential,
        wire: Wire,
    ) -> Result<Self, QueueError> {
        let base = endpoint.url().clone();
        // A user or a password would be sent next to the token, or instead of it.
        let has_user = !base.username().is_empty() || base.password().is_some();
        let has_more = base.path() != "/" || base.query().is_some() || base.fragment().is_some();
        if has_user || has_more {
            return Err(QueueError::Endpoint(base.host_str().unwrap_or_default().to_owned()));
        }
        Ok(Self { base, scope: cloud.service_bus_scope(), credential, wire })
    }

    /// Where a request goes: to the namespace, whatever the library thinks that is called. What it
    /// was told by the namespace itself, the address of a lock, has to be at the same place.
    fn address(&self, url: &Url) -> Result<Url, TransportError> {
        let host = url.host_str().unwrap_or_default();
        let is_the_librarys = host.strip_suffix(".servicebus.windows.net") == Some(UNUSED);
        if !is_the_librarys && !is_same_host(url, &self.base) {
            return Err(TransportError::Elsewhere(host.to_owned()));
        }
        let mut address = self.base.clone();
        address.set_path(url.path());
        address.set_query(url.query());
        Ok(address)
    }

    /// A token, asked for each time: credentials keep theirs and know when to renew them.
    async fn token(&self) -> Result<HeaderValue, TransportError> {
        let token = self.credential.get_token(&[self.scope], None).await;
        let token = token.map_err(TransportError::Token)?;
        let bearer = HeaderValue::try_from(format!("Bearer {}", token.token.secret()));
        let mut bearer = bearer.map_err(|error| {
            let kind = azure_core::error::ErrorKind::DataConversion;
            TransportError::Token(azure_core::Error::new(kind, error))
        })?;
        bearer.set_sensitive(true);
        Ok(bearer)
    }

    async fn deliver(&self, outgoing: &Outgoing) -> Result<Answer, TransportError> {
        for pause in PAUSES {
            let failure = match self.attempt(outgoing).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(pause) = failure.pause(pause) else {
                return Err(failure);
            };
            tokio::time::sleep(pause).await;
        }
        self.attempt(outgoing).await
    }

    async fn attempt(&self, outgoing: &Outgoing) -> Result<Answer, TransportError> {
        let sent = self.wire.carry(outgoing.request()).await;
        let mut response = sent.map_err(TransportError::Unreachable)?;
        if !response.status().is_success() {
            return Err(TransportError::Answer(read(response).await));
        }
        let status = response.status().as_u16();
        let mut headers = answer_headers(response.headers());
        let body = body(&mut response, MESSAGE).await.map_err(TransportError::Unreachable)?;
        if body.len() <= MESSAGE && std::str::from_utf8(&body).is_ok() {
            return Ok(Answer { status, headers, body: body.into() });
        }
        headers.insert(UNFIT, "yes");
        Ok(Answer { status, headers, body: Bytes::new() })
    }
}

/// An answer that says yes, as the library may see it
struct Answer {
    status: u16,
    headers: Headers,
    body: Bytes,
}

/// The headers of an answer, those that are no text left out
fn answer_headers(sent: &HeaderMap) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in sent {
        let Ok(value) = value.to_str() else { continue };
        match name.as_str() {
            "brokerproperties" => headers.insert(BROKER_PROPERTIES, value.to_owned()),
            // Only we may say this.
            BROKER_PROPERTIES | UNFIT => {}
            name => headers.insert(name.to_owned(), value.to_owned()),
        }
    }
    headers
}

/// A body, up to just beyond the limit
async fn body(response: &mut reqwest::Response, limit: usize) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while body.len() <= limit
        && let Some(chunk) = response.chunk().await?
    {
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl TransportError {
    /// Whether Service Bus does not accept the token; what it does not allow is 403.
    fn is_of_the_token(&self) -> bool {
        matches!(self, Self::Answer(answer) if answer.status() == 401)
    }

    /// How long to wait before another try, if that is of any use. Whether a request that got no
    /// answer was carried out is not known, so only a failed connection is tried again.
    fn pause(&self, usual: Duration) -> Option<Duration> {
        match self {
            Self::Unreachable(cause) => cause.is_connect().then_some(usual),
            Self::Answer(answer) if matches!(answer.status(), 429 | 500 | 503) => {
                Some(answer.retry_after().unwrap_or(usual)).filter(|pause| *pause <= LONGEST_PAUSE)
            }
            Self::Answer(_) | Self::Token(_) | Self::Elsewhere(_) => None,
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
    fn no_token_goes_to_another_host_though_the_namespace_says_so() {
        let credential = crate::azure::credential(&crate::azure::Auth::Developer).unwrap();
        let client = crate::azure::http_client().unwrap();
        let endpoint: Endpoint = "https://contoso.servicebus.windows.net".parse().unwrap();
        let transport =
            Transport::new(&endpoint, Cloud::Public, credential, client.into()).unwrap();
        let address = |url: &str| transport.address(&url.parse().unwrap());
        for url in [
            "https://unused.servicebus.windows.net/a/messages/1/2?timeout=1",
            "https://Contoso.servicebus.windows.net:443/a/messages/1/2?timeout=1",
        ] {
            let expected = "https://contoso.servicebus.windows.net/a/messages/1/2?timeout=1";
            assert_eq!(address(url).unwrap().as_str(), expected);
        }
        for url in [
            "https://fabrikam.servicebus.windows.net/a",
            "https://contoso.servicebus.windows.net.example.com/a",
            "https://contoso.servicebus.windows.net:8443/a",
            "https://contoso.servicebus.windows.net@example.com/a",
            "http://contoso.servicebus.windows.net/a",
        ] {
            assert!(matches!(address(url), Err(TransportError::Elsewhere(_))), "{url}");
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
