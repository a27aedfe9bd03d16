//! Events that end in an attachment: what the handler makes of them in a pretend Azure, beside a bare
//! handler that makes the same requests, one after the other, and decides nothing.
//!
//! Which requests those are is taken from what the handler was seen to ask.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tether::emulator::azure::{ClusterSpec, RegistrySpec};
use tether::emulator::world::{PAYMENTS, PLATFORM, World, WorldOptions};
use uuid::Uuid;

use super::events::serve;
use super::load::Target;
use super::process::{Running, own, start};

const POLICY: &str = "
owner: bench
mode: sync
max_attach: 100000
rules:
  - name: same-team
    cluster: { tags: { acr-attach: auto } }
    registry: { tags: { acr-attach: auto } }
    join: [{ same_tag: team }]
";

/// The envelope of a message, recorded
const ENVELOPE: &str = include_str!("../../tests/fixtures/host/service-bus-binary.json");

/// Where the name of the cluster, its identity and the name of the assignment go in a recipe
const CLUSTER: &str = "{cluster}";
const PRINCIPAL: &str = "{principal}";
const NAME: &str = "{name}";

/// The handler in its pretend world, and a bare handler in the same
pub(crate) struct Attaching {
    world: World,
    made: usize,
    bare: Option<Running>,
}

/// What the bare handler needs to know
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Recipe {
    token: String,
    requests: Vec<Asked>,
    /// Where the follow-up goes to, and what is in it
    queue: String,
    follow_up: String,
}

/// A request, with its places left open
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    method: String,
    url: String,
    body: Option<String>,
}

impl Attaching {
    pub(crate) async fn start(root: &Path) -> Self {
        let folder = Path::new(env!("CARGO_BIN_EXE_tether")).parent().unwrap().to_owned();
        let options = WorldOptions::new(POLICY, folder, root.join("attaching"));
        let options = WorldOptions { cluster_creation: Duration::ZERO, ..options };
        let world = World::start(options).await.unwrap();
        world.events.pause();
        let registry = RegistrySpec::new(PLATFORM, "images", "acr");
        let registry = registry.tag("acr-attach", "auto").tag("team", "a");
        world.azure.create_registry(&registry).unwrap();
        let mut attaching = Self { world, made: 0, bare: None };
        // The first one asks Resource Graph too, for all that follow within seconds.
        attaching.handler(1).flood(1).await;
        let requests = attaching.seen_to_ask().await;
        let recipe = attaching.recipe(&requests);
        let recipe = serde_json::to_string(&recipe).unwrap();
        attaching.bare = Some(start(&mut own(&["replay", &recipe])));
        attaching
    }

    /// What the handler asks for one event
    async fn seen_to_ask(&mut self) -> Vec<Value> {
        self.world.azure.clear_log();
        self.handler(1).flood(1).await;
        let mut log = self.world.azure.log();
        log.retain(|record| record.caller == "identity");
        let is_write = |method: &str| method == "PUT";
        assert_eq!(log.iter().filter(|one| is_write(&one.method)).count(), 1, "{log:#?}");
        let told = log.into_iter().map(|one| {
            json!({"method": one.method, "path": one.path, "query": one.query, "body": one.body})
        });
        told.collect()
    }

    fn recipe(&self, requests: &[Value]) -> Recipe {
        let azure = &self.world.azure;
        let cluster = format!("aks{}", self.made - 1);
        let id = format!(
            "/subscriptions/{PAYMENTS}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/{cluster}"
        );
        let principal = azure.kubelet_principal(&id).unwrap().to_string();
        let put = requests.iter().find(|one| one["method"] == "PUT").unwrap();
        let name = put["path"].as_str().unwrap().rsplit('/').next().unwrap();
        let open = |text: &str| {
            let text = text.replace(&cluster, CLUSTER).replace(&principal, PRINCIPAL);
            text.replace(name, NAME)
        };
        let text = |value: &Value| open(value.as_str().unwrap_or_default());
        let asked = requests.iter().map(|one| Asked {
            method: text(&one["method"]),
            url: format!("{}{}?{}", azure.endpoint(), text(&one["path"]), text(&one["query"])),
            body: (!one["body"].is_null()).then(|| open(&one["body"].to_string())),
        });
        let sent = self.world.namespace.sent();
        let follow_up = String::from_utf8_lossy(&sent.last().unwrap().body).into_owned();
        Recipe {
            token: azure.person_token().to_owned(),
            requests: asked.collect(),
            queue: format!("{}/commands/messages", self.world.namespace.endpoint()),
            follow_up: open(&follow_up),
        }
    }

    /// So many new clusters, each with the event that tells of it
    fn bodies(&mut self, count: usize) -> Vec<String> {
        let numbers = self.made..self.made + count;
        self.made += count;
        let made = numbers.map(|number| {
            let spec = ClusterSpec::new(PAYMENTS, "shop", &format!("aks{number}"));
            let spec = spec.tag("acr-attach", "auto").tag("team", "a");
            let id = self.world.azure.create_cluster(&spec).unwrap();
            envelope(&id)
        });
        made.collect()
    }

    /// Sends the handler so many events.
    pub(crate) fn handler(&mut self, count: usize) -> Target {
        let url = self.world.host.handler_url();
        let address = url.trim_start_matches("http://").parse().unwrap();
        Target::new(address, "command-received", self.bodies(count))
    }

    /// Sends the bare handler so many events.
    pub(crate) fn bare(&mut self, count: usize) -> Target {
        let address = self.bare.as_ref().unwrap().address;
        Target::new(address, "command-received", self.bodies(count))
    }

    /// Every cluster is attached.
    pub(crate) fn check(&self) {
        assert_eq!(self.world.azure.assignments().len(), self.made);
    }
}

fn envelope(cluster: &str) -> String {
    let event = json!({
        "id": Uuid::new_v4(),
        "topic": format!("/subscriptions/{PAYMENTS}"),
        "subject": cluster,
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-01-02T03:04:05.6789012Z",
        "data": {
            "resourceUri": cluster,
            "operationName": "Microsoft.ContainerService/managedClusters/write",
            "status": "Succeeded",
            "subscriptionId": PAYMENTS,
        },
        "dataVersion": "2",
        "metadataVersion": "1",
    });
    let mut envelope: Value = serde_json::from_str(ENVELOPE).unwrap();
    envelope["Data"]["message"] = STANDARD.encode(event.to_string()).into();
    // Nobody is to be answered.
    envelope["Metadata"].as_object_mut().unwrap().remove("ReplyTo");
    envelope.to_string()
}

/// Is the bare handler, until it is ended.
pub(crate) async fn replay(recipe: &str) {
    let recipe: Recipe = serde_json::from_str(recipe).unwrap();
    let client = tether::azure::http_client().unwrap();
    let state = Arc::new((recipe, client));
    let router = Router::new()
        .route("/", get(|| async { "ok\n" }))
        .route("/command-received", post(replayed))
        .with_state(state);
    serve(router).await;
}

async fn replayed(
    State(state): State<Arc<(Recipe, reqwest::Client)>>,
    Json(envelope): Json<Value>,
) -> Json<Value> {
    let (recipe, client) = &*state;
    let message = STANDARD.decode(envelope["Data"]["message"].as_str().unwrap()).unwrap();
    let event: Value = serde_json::from_slice(&message).unwrap();
    let cluster = event["subject"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let (mut principal, name) = (String::new(), Uuid::new_v4().to_string());
    for asked in &recipe.requests {
        let fill = |text: &str| {
            let text = text.replace(CLUSTER, &cluster).replace(PRINCIPAL, &principal);
            text.replace(NAME, &name)
        };
        let method = asked.method.parse().unwrap();
        let mut request = client.request(method, fill(&asked.url)).bearer_auth(&recipe.token);
        if let Some(body) = &asked.body {
            request = request.header("content-type", "application/json").body(fill(body));
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{asked:?}");
        let answer: Value = answer.json().await.unwrap();
        let found = &answer["properties"]["identityProfile"]["kubeletidentity"]["objectId"];
        if let Some(found) = found.as_str() {
            found.clone_into(&mut principal);
        }
    }
    let properties = json!({"MessageId": Uuid::new_v4(), "ScheduledEnqueueTimeUtc": "Fri, 01 Jan 2100 00:00:00 GMT"});
    let message = client.post(&recipe.queue).bearer_auth(&recipe.token);
    let message = message.header("BrokerProperties", properties.to_string());
    let sent = message.body(recipe.follow_up.replace(CLUSTER, &cluster)).send().await.unwrap();
    assert!(sent.status().is_success(), "{sent:?}");
    Json(json!({"Outputs": {}}))
}
