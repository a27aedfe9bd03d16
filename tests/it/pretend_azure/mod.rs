//! The pretend Azure, driven over HTTP.
//!
//! These tests know what is published of Azure, and nothing of what tether makes of it.

mod assignments;
mod events;
mod resources;
mod tokens;
mod trouble;

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tether::emulator::Clock;
use tether::emulator::azure::{Azure, ClusterSpec, Options, RegistrySpec, Subscription};
use uuid::{Uuid, uuid};

const TENANT: Uuid = uuid!("22222222-2222-2222-2222-222222222222");
const FIRST: Uuid = uuid!("11111111-1111-1111-1111-111111111111");
const SECOND: Uuid = uuid!("aaaaaaaa-1111-1111-1111-111111111111");
const ACR_PULL: Uuid = uuid!("7f951dda-4ed3-4680-a7ca-43fe172d538d");

/// A running Azure, a client, and a clock that moves only when told to
struct Setup {
    azure: Azure,
    clock: Clock,
    http: Client,
}

/// What was answered
#[derive(Debug)]
struct Said {
    status: u16,
    headers: reqwest::header::HeaderMap,
    text: String,
    json: Value,
}

impl Setup {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Options)) -> Self {
        // Another test of this binary may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::new(0.0);
        let named = |id, name: &str| Subscription { id, name: name.to_owned() };
        let subscriptions = vec![named(FIRST, "first"), named(SECOND, "second")];
        let mut options = Options::new(clock.clone(), TENANT, subscriptions);
        change(&mut options);
        let azure = Azure::start(options).await.unwrap();
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { azure, clock, http }
    }

    /// Asks as the person
    async fn ask(&self, method: &str, path: &str, body: Value) -> Said {
        self.ask_as(self.azure.person_token(), method, path, body).await
    }

    async fn get(&self, path: &str) -> Said {
        self.ask("GET", path, Value::Null).await
    }

    /// Asks with a token; a path without a query gets an api-version
    async fn ask_as(&self, token: &str, method: &str, path: &str, body: Value) -> Said {
        let query = if path.contains('?') { "" } else { "?api-version=2025-11-01" };
        let path = path.strip_prefix(self.azure.endpoint()).unwrap_or(path);
        let url = format!("{}{path}{query}", self.azure.endpoint());
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if !body.is_null() {
            request = request.json(&body);
        }
        Said::read(request.send().await.unwrap()).await
    }

    /// A token of the function's identity for ARM
    async fn identity_token(&self) -> String {
        let url = format!(
            "{}?api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com",
            self.azure.identity_endpoint()
        );
        let header = self.azure.identity_header();
        let request = self.http.get(url).header("x-identity-header", header);
        let said = Said::read(request.send().await.unwrap()).await;
        said.expect(200)["access_token"].as_str().unwrap().to_owned()
    }

    fn cluster(&self, name: &str) -> String {
        self.azure.create_cluster(&ClusterSpec::new(FIRST, "rg-aks", name)).unwrap()
    }

    fn registry(&self, name: &str) -> String {
        self.azure.create_registry(&RegistrySpec::new(FIRST, "rg-acr", name)).unwrap()
    }
}

impl Said {
    async fn read(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, text, json }
    }

    /// The body, if this is the status
    #[track_caller]
    fn expect(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{}", self.text);
        &self.json
    }

    /// That this is a refusal in ARM's shape
    #[track_caller]
    fn refused(&self, status: u16, code: &str) -> &str {
        let error = &self.expect(status)["error"];
        assert_eq!(error["code"], code);
        error["message"].as_str().unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The names of the items in a list
    fn names(&self) -> Vec<&str> {
        let items = self.json["value"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap()).collect()
    }
}

/// That everything in the official example is there, and of the same JSON type
#[track_caller]
fn check_shape(example: &Value, actual: &Value) {
    if let (Some(example), Some(actual)) = (example.as_object(), actual.as_object()) {
        for (name, value) in example {
            check_shape(value, actual.get(name).unwrap_or_else(|| panic!("no `{name}`")));
        }
        return;
    }
    let same = std::mem::discriminant(example) == std::mem::discriminant(actual);
    assert!(same, "{example} is not like {actual}");
}

fn id_of(said: &Value) -> String {
    said["id"].as_str().unwrap().to_owned()
}

/// The body of the official example for creating a role assignment, with our names in it
fn assignment(principal: Uuid) -> Value {
    let roles = "providers/Microsoft.Authorization/roleDefinitions";
    json!({"properties": {
        "roleDefinitionId": format!("/subscriptions/{FIRST}/{roles}/{ACR_PULL}"),
        "principalId": principal,
        "principalType": "ServicePrincipal",
    }})
}

fn assignment_path(scope: &str, name: Uuid) -> String {
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}")
}
