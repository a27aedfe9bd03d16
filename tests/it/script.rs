//! A server that answers from a script, and the Azure client pointed at it.

use std::collections::VecDeque;
use std::future::IntoFuture;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Response;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::time::{Duration, OffsetDateTime};
use serde_json::{Value, json};
use tether::azure::{Arm, Cloud, Endpoint, Endpoints, http_client};
use tether::model::{ClusterId, PrincipalId, RegistryId};
use tokio::net::TcpListener;

pub(crate) const SUB: &str = "11111111-1111-1111-1111-111111111111";
pub(crate) const PRINCIPAL: &str = "2b2b2b2b-0000-4000-8000-000000000001";

/// A request as it arrived
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) token: Option<String>,
    pub(crate) agent: String,
    pub(crate) body: Value,
}

/// One answer of the script
pub(crate) struct Say(u16, Vec<(&'static str, String)>, String);

pub(crate) fn say(status: u16, body: impl Into<String>) -> Say {
    Say(status, Vec::new(), body.into())
}

pub(crate) fn refuse(status: u16, code: &str) -> Say {
    say(status, json!({ "error": { "code": code, "message": "the reason" } }).to_string())
}

impl Say {
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.1.push((name, value.into()));
        self
    }
}

/// A server that gives its answers one by one, and says 418 when there are none left
#[derive(Clone, Default)]
pub(crate) struct Script {
    answers: Arc<Mutex<VecDeque<Say>>>,
    got: Arc<Mutex<Vec<Got>>>,
}

pub(crate) struct Azure {
    script: Script,
    pub(crate) address: String,
    pub(crate) tokens: Arc<AtomicUsize>,
    pub(crate) arm: Arm,
}

/// Hands out a token without asking anyone, and counts
#[derive(Debug)]
pub(crate) struct Fake(pub(crate) Arc<AtomicUsize>);

#[async_trait::async_trait]
impl TokenCredential for Fake {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        assert_eq!(scopes, ["https://management.azure.com/.default"]);
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        let expires = OffsetDateTime::now_utc() + Duration::hours(1);
        Ok(AccessToken::new(format!("token-{number}"), expires))
    }
}

pub(crate) fn arm(address: &str, credential: Arc<dyn TokenCredential>) -> Arm {
    let endpoint: Endpoint = address.parse().unwrap();
    let endpoints =
        Endpoints { cloud: Cloud::Public, arm: endpoint.clone(), service_bus: endpoint };
    Arm::new(&endpoints, credential, http_client().unwrap())
}

impl Azure {
    pub(crate) async fn new(answers: impl IntoIterator<Item = Say>) -> Self {
        let script = Script::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        let tokens = Arc::new(AtomicUsize::new(0));
        let arm = arm(&address, Arc::new(Fake(Arc::clone(&tokens))));
        let azure = Self { script, address, tokens, arm };
        azure.then(answers);
        azure
    }

    pub(crate) fn then(&self, answers: impl IntoIterator<Item = Say>) {
        self.script.answers.lock().unwrap().extend(answers);
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        assert_eq!(self.script.answers.lock().unwrap().len(), 0, "answers nobody asked for");
        self.script.got.lock().unwrap().clone()
    }
}

async fn answer(State(script): State<Script>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let header = |name| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    script.got.lock().unwrap().push(Got {
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        token: header("authorization"),
        agent: header("user-agent").unwrap_or_default(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    });
    let next = script.answers.lock().unwrap().pop_front();
    let Say(status, headers, body) = next.unwrap_or_else(|| say(418, ""));
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap()
}

pub(crate) fn cluster_id() -> ClusterId {
    format!("/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1")
        .parse()
        .unwrap()
}

pub(crate) fn registry_id(name: &str) -> RegistryId {
    format!("/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/{name}")
        .parse()
        .unwrap()
}

pub(crate) fn principal() -> PrincipalId {
    PRINCIPAL.parse().unwrap()
}
