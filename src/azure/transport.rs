//! How requests leave the machine: one HTTP client, and what carries requests of Azure's library.
//!
//! What is in a request and what an answer means is not known here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::headers::{HeaderName, HeaderValue, Headers};
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, Url};
use futures::future::BoxFuture;
use reqwest::redirect::Policy;
use thiserror::Error;

use super::Endpoint;

/// How long it may take to reach a server
const CONNECT: Duration = Duration::from_secs(10);

/// How many connections to one server are kept for later: a run over many subscriptions opens hundreds,
/// each with its keys and buffers. While there is that much to ask, who waits takes them over at once.
const KEPT: usize = 64;

/// How long one request may take from its start to the last byte of the answer
const REQUEST: Duration = Duration::from_secs(30);

/// The HTTP client could not be made
#[derive(Debug, Error)]
#[error("no HTTP client can be made on this machine")]
pub struct ClientError(#[source] reqwest::Error);

/// The HTTP client that everything shares
///
/// It follows no redirect, so that a token only goes where it was sent, and knows no proxy, so that
/// a loopback address stays on the machine.
pub fn http_client() -> Result<reqwest::Client, ClientError> {
    // Fails when there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("tether/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .timeout(REQUEST)
        .pool_max_idle_per_host(KEPT)
        .redirect(Policy::none())
        .no_proxy()
        .build()
        .map_err(ClientError)
}

/// What takes requests out of this process: an HTTP client, or whatever stands in for the network
#[derive(Clone)]
pub struct Wire(Way);

#[derive(Clone)]
enum Way {
    Network(reqwest::Client),
    StandIn(StandIn),
}

type StandIn = Arc<dyn Fn(reqwest::Request) -> BoxFuture<'static, reqwest::Response> + Send + Sync>;

impl Wire {
    /// Hands every request to this function instead of the network. One that never gets an answer is
    /// answered with a body that breaks off.
    pub fn to<F>(stand_in: F) -> Self
    where
        F: Fn(reqwest::Request) -> BoxFuture<'static, reqwest::Response> + Send + Sync + 'static,
    {
        Self(Way::StandIn(Arc::new(stand_in)))
    }

    pub(super) async fn carry(
        &self,
        request: reqwest::Request,
    ) -> reqwest::Result<reqwest::Response> {
        match &self.0 {
            Way::Network(client) => client.execute(request).await,
            Way::StandIn(answer) => Ok(answer(request).await),
        }
    }
}

impl From<reqwest::Client> for Wire {
    fn from(client: reqwest::Client) -> Self {
        Self(Way::Network(client))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

/// Carries requests of Azure's library by wire.
#[derive(Debug)]
pub(super) struct Carrier {
    wire: Wire,
    plain: Option<Url>,
}

impl Carrier {
    /// Sends every request to the address it names.
    pub(super) fn anywhere(wire: impl Into<Wire>) -> Self {
        Self { wire: wire.into(), plain: None }
    }

    /// Sends requests that were built with [`Endpoint::as_https`] to the endpoint itself. Only if
    /// that is plain http, and only for its very host and port, https becomes http.
    pub(super) fn to(wire: impl Into<Wire>, endpoint: &Endpoint) -> Self {
        Self { wire: wire.into(), plain: endpoint.is_plain().then(|| endpoint.url().clone()) }
    }

    fn address(&self, url: &Url) -> Url {
        let mut url = url.clone();
        if self.plain.as_ref().is_some_and(|plain| is_same_host(plain, &url)) {
            let port = url.port_or_known_default();
            // Both can only fail for addresses without a host; a plain endpoint has one.
            let _ = url.set_scheme("http");
            let _ = url.set_port(port);
        }
        url
    }

    fn translate(&self, request: &Request) -> azure_core::Result<reqwest::Request> {
        let url = self.address(request.url());
        let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes())
            .map_err(|error| Error::new(ErrorKind::DataConversion, error))?;
        let mut outgoing = reqwest::Request::new(method, url);
        for (name, value) in request.headers().iter() {
            // The client's own says who we are.
            if name.as_str() != "user-agent" {
                let written = reqwest::header::HeaderName::try_from(name.as_str());
                let written =
                    written.map_err(|error| Error::new(ErrorKind::DataConversion, error))?;
                outgoing.headers_mut().append(written, secret(name, value)?);
            }
        }
        match request.body() {
            Body::Bytes(bytes) => *outgoing.body_mut() = Some(bytes.clone().into()),
            Body::SeekableStream(_) => {
                return Err(Error::with_message(ErrorKind::Other, "streams are not sent"));
            }
        }
        Ok(outgoing)
    }
}

/// Whether host and port are the same, whatever the scheme
pub(super) fn is_same_host(a: &Url, b: &Url) -> bool {
    a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

/// The value of a header, marked so that no log shows it if it proves who we are
fn secret(
    name: &HeaderName,
    value: &HeaderValue,
) -> azure_core::Result<reqwest::header::HeaderValue> {
    let mut value = reqwest::header::HeaderValue::from_str(value.as_str())
        .map_err(|error| Error::new(ErrorKind::DataConversion, error))?;
    value.set_sensitive(matches!(name.as_str(), "authorization" | "x-identity-header"));
    Ok(value)
}

#[async_trait]
impl HttpClient for Carrier {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let answer = self.wire.carry(self.translate(request)?).await.map_err(failure)?;
        let status = answer.status().as_u16();
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let body = answer.bytes().await.map_err(failure)?;
        Ok(AsyncRawResponse::from_bytes(status.into(), headers, body))
    }
}

/// A failure without its address, which may hold what should not be logged
fn failure(error: reqwest::Error) -> Error {
    let kind = if error.is_connect() { ErrorKind::Connection } else { ErrorKind::Io };
    Error::new(kind, error.without_url())
}

#[cfg(test)]
mod tests {
    use azure_core::http::Method;

    use super::*;

    #[track_caller]
    fn check(endpoint: &str, built: &str, sent: &str) {
        let carrier = Carrier::to(http_client().unwrap(), &endpoint.parse().unwrap());
        assert_eq!(carrier.address(&built.parse().unwrap()).as_str(), sent);
    }

    #[test]
    fn only_the_configured_loopback_address_is_spoken_to_in_plain_http() {
        let plain = "http://127.0.0.1:8080";
        check(plain, "https://127.0.0.1:8080/a?b=c", "http://127.0.0.1:8080/a?b=c");
        check(plain, "https://127.0.0.1:8081/", "https://127.0.0.1:8081/");
        check(plain, "https://127.0.0.2:8080/", "https://127.0.0.2:8080/");
        check(plain, "https://management.azure.com/", "https://management.azure.com/");
        check("http://127.0.0.1", "https://127.0.0.1:80/", "http://127.0.0.1/");
        check("http://[::1]:81", "https://[::1]:81/", "http://[::1]:81/");
        check("https://127.0.0.1:8443", "https://127.0.0.1:8443/", "https://127.0.0.1:8443/");
    }

    #[test]
    fn the_proof_of_who_we_are_is_marked_secret() {
        let carrier = Carrier::anywhere(http_client().unwrap());
        let mut request = Request::new("https://127.0.0.1".parse().unwrap(), Method::Get);
        request.insert_header("authorization", "Bearer hidden");
        request.insert_header("accept", "application/json");
        let built = carrier.translate(&request).unwrap();
        assert!(built.headers()["authorization"].is_sensitive());
        assert!(!format!("{built:?}").contains("hidden"));
        assert_eq!(built.headers()["accept"], "application/json");
    }
}
