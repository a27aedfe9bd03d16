//! A Resource Manager that knows one installation, as `infra/main.bicep` and `infra/events.bicep` make
//! it, and what it answers about it.

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::program::{self, Ended};

pub(super) const SUB: &str = "11111111-1111-4111-8111-111111111111";
pub(super) const GROUP: &str =
    "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-tether";
const CLIENT: &str = "33333333-3333-4333-8333-333333333333";
const PRINCIPAL: &str = "44444444-4444-4444-8444-444444444444";
const TOPIC_PRINCIPAL: &str = "55555555-5555-4555-8555-555555555555";
const CONDITION: &str = include_str!("../../../infra/condition.txt");

pub(super) fn app_id() -> String {
    format!("{GROUP}/providers/Microsoft.Web/sites/func-tether")
}

fn bus() -> String {
    format!("{GROUP}/providers/Microsoft.ServiceBus/namespaces/sbns-tether")
}

fn topic() -> String {
    format!(
        "/subscriptions/{SUB}/resourceGroups/rg-tether-events/providers/Microsoft.EventGrid/systemTopics/egst-tether"
    )
}

pub(super) fn role_id(name: &str) -> String {
    format!("/subscriptions/{SUB}/providers/Microsoft.Authorization/roleDefinitions/{name}")
}

/// What is answered, by lower-case path, to GET and to POST alike
#[derive(Clone, Debug)]
pub(super) struct Answers {
    all: BTreeMap<String, (u16, Value)>,
    /// The path that is answered a while after it was asked for
    slow: Option<String>,
}

impl Answers {
    /// Everything as it should be
    pub(super) fn right() -> Self {
        let mut answers = Self { all: BTreeMap::new(), slow: None };
        answers.put(&app_id(), app());
        answers.put(
            &format!("{}/config/appsettings/list", app_id()),
            json!({ "properties": settings() }),
        );
        let functions = tether::functions::NAMES.map(|name| {
            json!({ "name": format!("func-tether/{name}"), "properties": { "isDisabled": false } })
        });
        answers.put(&format!("{}/functions", app_id()), json!({ "value": functions }));
        answers.put(&role_assignments(), json!({ "value": held() }));
        answers.put(&topic_roles(), json!({ "value": held_by_topic() }));
        answers.put_roles();
        answers.put_queues();
        answers.put_events();
        answers
    }

    fn put_roles(&mut self) {
        let roles = [
            (
                "reader",
                json!([
                    "Microsoft.ContainerService/managedClusters/read",
                    "Microsoft.ContainerRegistry/registries/read",
                    "Microsoft.Authorization/roleAssignments/read",
                    "Microsoft.Resources/subscriptions/read",
                    "Microsoft.ResourceGraph/resources/read",
                ]),
            ),
            (
                "writer",
                json!([
                    "Microsoft.Authorization/roleAssignments/write",
                    "Microsoft.Authorization/roleAssignments/delete",
                ]),
            ),
            (OWNER, json!([])),
            (SENDER, json!([])),
            (RECEIVER, json!([])),
        ];
        for (name, actions) in roles {
            let permissions = json!([{ "actions": actions, "notActions": [] }]);
            self.put(
                &role_id(name),
                json!({
                    "properties": { "roleName": name, "permissions": permissions },
                }),
            );
        }
    }

    fn put_queues(&mut self) {
        self.put(
            &list("Microsoft.ServiceBus/namespaces"),
            json!({ "value": [{
            "id": bus(),
            "properties": {
                "serviceBusEndpoint": "https://sbns-tether.servicebus.windows.net:443/",
                "disableLocalAuth": true,
            },
        }] }),
        );
        self.put(
            &queue_path("commands"),
            json!({ "properties": {
            "requiresDuplicateDetection": true,
            "duplicateDetectionHistoryTimeWindow": "P1D",
            "requiresSession": false,
            "maxDeliveryCount": 10,
            "status": "Active",
        } }),
        );
        self.put(
            &queue_path("rejected"),
            json!({ "properties": {
            "requiresSession": false, "maxDeliveryCount": 10, "status": "Active",
        } }),
        );
    }

    fn put_events(&mut self) {
        self.put(
            &list("Microsoft.EventGrid/systemTopics"),
            json!({ "value": [{
            "id": topic(),
            "identity": { "type": "SystemAssigned", "principalId": TOPIC_PRINCIPAL },
            "properties": {
                "source": format!("/subscriptions/{SUB}"),
                "topicType": "microsoft.resources.subscriptions",
            },
        }] }),
        );
        self.put(&event_subscriptions(), json!({ "value": [event_subscription()] }));
    }

    pub(super) fn put(&mut self, path: &str, value: Value) {
        self.all.insert(path.to_lowercase(), (200, value));
    }

    pub(super) fn refuse(&mut self, path: &str, status: u16, code: &str) {
        let error = json!({ "error": { "code": code, "message": "the reason" } });
        self.all.insert(path.to_lowercase(), (status, error));
    }

    /// Answers at this path a while after it was asked.
    pub(super) fn wait_at(&mut self, path: &str) {
        self.slow = Some(path.to_owned());
    }

    /// Changes what is answered at a path.
    pub(super) fn change(&mut self, path: &str, change: impl FnOnce(&mut Value)) {
        change(&mut self.all.get_mut(&path.to_lowercase()).unwrap().1);
    }
}

const OWNER: &str = "090c5cfd-751d-490a-894a-3ce6f1109419";
pub(super) const SENDER: &str = "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39";
const BLOB_CONTRIBUTOR: &str = "ba92f5b4-2d11-453d-a403-e96b0029c9fe";
pub(super) const RECEIVER: &str = "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0";

pub(super) fn role_assignments() -> String {
    list("Microsoft.Authorization/roleAssignments")
}

/// Where the roles of the topic's identity are kept: asked for by a filter, not by a path
pub(super) fn topic_roles() -> String {
    format!("{}?{TOPIC_PRINCIPAL}", role_assignments())
}

pub(super) fn queue_path(name: &str) -> String {
    format!("{}/queues/{name}", bus())
}

pub(super) fn event_subscriptions() -> String {
    format!("{}/eventSubscriptions", topic())
}

fn list(kind: &str) -> String {
    format!("/subscriptions/{SUB}/providers/{kind}")
}

fn app() -> Value {
    json!({
        "id": app_id(),
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": {
                "/some/id": { "clientId": CLIENT, "principalId": PRINCIPAL },
            },
        },
        "properties": {
            "state": "Running",
            "httpsOnly": true,
            "functionAppConfig": { "runtime": { "name": "custom", "version": "1.0" } },
        },
    })
}

fn settings() -> Value {
    json!({
        "AZURE_CLIENT_ID": CLIENT,
        "AzureWebJobsStorage__blobServiceUri": "https://sttether.blob.core.windows.net/",
        "AzureWebJobsStorage__clientId": CLIENT,
        "AzureWebJobsStorage__credential": "managedidentity",
        "ServiceBus__clientId": CLIENT,
        "ServiceBus__credential": "managedidentity",
        "ServiceBus__fullyQualifiedNamespace": "sbns-tether.servicebus.windows.net",
        "TETHER_AUTH": "managed-identity",
        "TETHER_SUBSCRIPTIONS": SUB,
    })
}

fn held() -> Value {
    let role = |name: &str, scope: &str, condition: Value| {
        json!({ "properties": {
            "roleDefinitionId": role_id(name),
            "principalId": PRINCIPAL,
            "scope": scope,
            "condition": condition,
        } })
    };
    let estate = format!("/subscriptions/{SUB}");
    json!([
        role("reader", &estate, Value::Null),
        role("writer", &estate, json!(CONDITION)),
        role(OWNER, &queue_path("commands"), Value::Null),
        role(SENDER, &queue_path("rejected"), Value::Null),
    ])
}

fn held_by_topic() -> Value {
    let container = format!(
        "{GROUP}/providers/Microsoft.Storage/storageAccounts/sttether/blobServices/default/containers/dead-events"
    );
    let role = |name: &str, scope: &str| json!({ "properties": { "roleDefinitionId": role_id(name), "scope": scope } });
    json!([role(SENDER, &queue_path("commands")), role(BLOB_CONTRIBUTOR, &container)])
}

fn event_subscription() -> Value {
    json!({
        "name": "tether",
        "properties": {
            "provisioningState": "Succeeded",
            "destination": null,
            "deliveryWithResourceIdentity": { "destination": {
                "endpointType": "ServiceBusQueue",
                "properties": { "resourceId": queue_path("commands") },
            } },
            "filter": {
                "includedEventTypes": [
                    "Microsoft.Resources.ResourceWriteSuccess",
                    "Microsoft.Resources.ResourceDeleteSuccess",
                ],
                "advancedFilters": [
                    { "operatorType": "StringContains", "key": "data.resourceUri", "values": ["x"] },
                    { "operatorType": "StringIn", "key": "data.operationName", "values": [
                        "Microsoft.ContainerService/managedClusters/write",
                        "Microsoft.ContainerService/managedClusters/delete",
                        "Microsoft.ContainerRegistry/registries/write",
                        "Microsoft.ContainerRegistry/registries/delete",
                        "Microsoft.Resources/tags/write",
                        "Microsoft.Resources/tags/delete",
                    ] },
                ],
            },
        },
    })
}

/// What the program said
pub(super) struct Said {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    /// Method and path of everything that it asked of Resource Manager
    pub(super) asked: Vec<(String, String)>,
}

#[derive(Clone)]
struct Server {
    answers: Answers,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

/// Runs `tether check-install` on this app against a server that gives these answers.
pub(super) async fn run(answers: Answers, app: &str) -> Said {
    let server = Server { answers, asked: Arc::default() };
    let asked = Arc::clone(&server.asked);
    let (command, task) = start(server, &[app]).await;
    let Ended { code, stdout, stderr } = program::run(command).await;
    task.abort();
    let asked = asked.lock().unwrap().clone();
    Said { code, stdout, stderr, asked }
}

/// What a terminal without colour shows of it
pub(super) async fn run_on_terminal(answers: Answers, words: &[&str]) -> String {
    let (mut command, task) = start(Server { answers, asked: Arc::default() }, words).await;
    command.env("NO_COLOR", "1");
    let (_, shown) = program::run_on_terminal(command).await;
    task.abort();
    shown
}

/// The program with these words, and the server that it asks
async fn start(server: Server, words: &[&str]) -> (Command, JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(answer).with_state(server);
    let task = tokio::spawn(axum::serve(listener, router).into_future());
    let mut command = program::tether(&["check-install"]);
    command.args(words);
    command.env("TETHER_AUTH", "managed-identity").env("TETHER_ARM_ENDPOINT", &address);
    command.env("IDENTITY_ENDPOINT", format!("{address}/msi/token")).env("IDENTITY_HEADER", "h");
    (command, task)
}

async fn answer(State(server): State<Server>, request: Request) -> (StatusCode, Json<Value>) {
    let path = request.uri().path().to_owned();
    if path == "/msi/token" {
        let token = json!({
            "access_token": "token", "expires_on": "4102444800",
            "resource": "https://management.azure.com", "token_type": "Bearer",
        });
        return (StatusCode::OK, Json(token));
    }
    server.asked.lock().unwrap().push((request.method().to_string(), path.clone()));
    if server.answers.slow.as_deref() == Some(path.as_str()) {
        sleep(Duration::from_millis(1500)).await;
    }
    let is_topics = request.uri().query().is_some_and(|query| query.contains(TOPIC_PRINCIPAL));
    let path = if is_topics { format!("{path}?{TOPIC_PRINCIPAL}") } else { path };
    let nothing = json!({ "error": { "code": "ResourceNotFound", "message": "no such thing" } });
    let (status, body) =
        server.answers.all.get(&path.to_lowercase()).cloned().unwrap_or((404, nothing));
    (StatusCode::from_u16(status).unwrap(), Json(body))
}
