//! A wire between a client and the pretend Azure that remembers what went over it.

use std::future::IntoFuture;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

/// The largest body that goes over it
const LARGEST: usize = 16 * 1024 * 1024;

/// One request and its answer
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) method: String,
    pub(super) url: Url,
    /// None if it had none
    pub(super) body: Option<Value>,
    pub(super) status: u16,
    pub(super) answer: String,
}

/// The wire. It leads nowhere until it is told where to.
#[derive(Clone)]
pub(super) struct Wire(Arc<Inner>);

struct Inner {
    address: String,
    leads_to: OnceLock<String>,
    seen: Mutex<Vec<Exchange>>,
    client: reqwest::Client,
}

impl Wire {
    pub(super) async fn start() -> Self {
        // Another test of this binary may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30));
        let client = client.redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let (leads_to, seen) = (OnceLock::new(), Mutex::new(Vec::new()));
        let wire = Self(Arc::new(Inner { address, leads_to, seen, client }));
        let router = Router::new().fallback(pass).with_state(wire.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        wire
    }

    /// What a client has to be told
    pub(super) fn address(&self) -> &str {
        &self.0.address
    }

    pub(super) fn lead_to(&self, address: &str) {
        self.0.leads_to.set(address.to_owned()).unwrap();
    }

    /// Everything that went over it so far
    pub(super) fn seen(&self) -> Vec<Exchange> {
        self.0.seen.lock().unwrap().clone()
    }
}

async fn pass(State(wire): State<Wire>, request: Request) -> Response {
    let leads_to = wire.0.leads_to.get().expect("the wire leads somewhere");
    let (parts, body) = request.into_parts();
    let sent = to_bytes(body, LARGEST).await.unwrap();
    let url: Url = format!("{leads_to}{}", parts.uri).parse().unwrap();
    let mut forwarded = wire.0.client.request(parts.method.clone(), url.clone()).body(sent.clone());
    for (name, value) in parts.headers.iter().filter(|(name, _)| *name != "host") {
        forwarded = forwarded.header(name, value);
    }
    let answered = forwarded.send().await.unwrap();
    let (status, headers) = (answered.status(), answered.headers().clone());
    // Links to a next page must lead over the wire, too.
    let answer = answered.text().await.unwrap().replace(leads_to.as_str(), wire.address());
    wire.0.seen.lock().unwrap().push(Exchange {
        method: parts.method.as_str().to_owned(),
        url,
        body: (!sent.is_empty()).then(|| serde_json::from_slice(&sent).unwrap()),
        status: status.as_u16(),
        answer: answer.clone(),
    });
    let mut response = Response::builder().status(status);
    for (name, value) in &headers {
        if name != "content-length" && name != "transfer-encoding" {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(answer)).unwrap()
}
