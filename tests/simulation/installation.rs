//! An installation: a queue, and workers that the host hands its messages to. A worker that crashes is
//! dropped in the middle of what it does, and another one takes its place.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures::future::{Either, select};
use serde_json::{Value, json};
use tether::azure::{Arm, Cloud, Endpoints, Estate, Graph, Queue};
use tether::emulator::queue::{Delivery, Message, Namespace, QueueOptions};
use tether::functions::status::StatusPage;
use tether::functions::{Worker, app};
use tether::model::SubscriptionId;
use tether::policy::Policy;
use tether::reconcile::Reconciler;
use time::OffsetDateTime;
use time::macros::datetime;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tower::ServiceExt as _;

use crate::facts::{POLICY, SERVICE_PRINCIPAL};
use crate::history::Switches;
use crate::people::cluster_id;
use crate::stage::{ARM, SUBSCRIPTIONS, Stage};
use crate::wire::{Line, wire};
use crate::witness::{Asked, Run, Wish};

const OWNERS: [&str; 2] = ["contoso", "fabrikam"];

/// How long a message is locked. Nothing renews it here: a run that takes longer is overtaken by a
/// second one.
const LOCK: Duration = Duration::from_secs(60);

pub(crate) struct Installation {
    pub(crate) owner: &'static str,
    pub(crate) queue: Namespace,
    hosts: Vec<tokio::task::JoinHandle<()>>,
}

impl Installation {
    pub(crate) fn start(stage: &Arc<Stage>, number: usize, workers: usize, token: &str) -> Self {
        let owner = OWNERS[number];
        let endpoint = format!("https://bus{number}.servicebus.windows.net");
        let queue = Namespace::within(stage.clock.clone(), queues(), endpoint.clone());
        let (idle, whoever_is_idle) = mpsc::unbounded_channel();
        let mut hands = Vec::new();
        let mut hosts = Vec::new();
        for worker in 0..workers {
            let line = Arc::new(Line {
                stage: Arc::clone(stage),
                queue: queue.clone(),
                who: format!("{owner}/{worker}"),
                run: std::sync::Mutex::new(Run::new(
                    (owner, stage.setting.sync, stage.setting.switches),
                    None,
                    stage.clock.now(),
                )),
                crash: tokio::sync::Notify::new(),
            });
            let host = Host { line, owner, endpoint: endpoint.clone(), token: token.to_owned() };
            let (hand, given) = mpsc::unbounded_channel();
            hands.push(hand);
            let idle = idle.clone();
            hosts.push(tokio::spawn(host.work(given, move || idle.send(worker).unwrap())));
        }
        hosts.push(tokio::spawn(dispatch(queue.clone(), whoever_is_idle, hands)));
        Self { owner, queue, hosts }
    }

    pub(crate) fn send(&self, body: &Value, id: &str, delay: Duration, now: OffsetDateTime) {
        let message = Message {
            body: body.to_string().into_bytes(),
            message_id: Some(id.to_owned()),
            reply_to: body.get("command").map(|_| "reports".to_owned()),
            scheduled: (!delay.is_zero()).then(|| now + delay),
            ..Message::default()
        };
        self.queue.send("commands", message).unwrap();
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.queue.locked("commands") == 0
            && self.queue.active("commands").is_empty()
            && self.queue.scheduled("commands").is_empty()
    }

    /// What became of the command in this message, if it came to an end
    pub(crate) fn end_of(&self, id: &str) -> Option<String> {
        let answers = |queue| {
            let all = self.queue.active(queue).into_iter();
            all.filter(|stored| stored.message.correlation_id.as_deref() == Some(id))
        };
        let outcome = |body: &[u8]| {
            let told: Value = serde_json::from_slice(body).unwrap();
            told["outcome"].as_str().unwrap_or_default().to_owned()
        };
        let reported = answers("reports").map(|stored| outcome(&stored.message.body));
        let rejected = answers("rejected").map(|_| "rejected".to_owned());
        let dead = self.queue.dead_letters("commands").into_iter().filter(|stored| {
            stored.message.message_id.as_deref() == Some(id)
                || stored.message.correlation_id.as_deref() == Some(id)
        });
        // Whoever is told that a command was refused finds it among the rejected.
        let was_passed_on = answers("rejected").next().is_some();
        reported
            .filter(|one| one != "later" && (one != "refused" || was_passed_on))
            .chain(rejected)
            .chain(dead.map(|_| "dead".to_owned()))
            .next()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        for host in &self.hosts {
            host.abort();
        }
    }
}

fn queues() -> Vec<QueueOptions> {
    let named = |name| QueueOptions {
        duplicate_window: Some(Duration::from_secs(24 * 3600)),
        lock: LOCK,
        ..QueueOptions::new(name)
    };
    ["commands", "reports", "rejected"].map(named).to_vec()
}

/// Hands each message to whoever has been idle for longest. Workers that waited for messages
/// themselves would be woken in no certain order.
async fn dispatch(
    queue: Namespace,
    mut idle: UnboundedReceiver<usize>,
    hands: Vec<UnboundedSender<Delivery>>,
) {
    while let Some(worker) = idle.recv().await {
        let delivery = queue.receive("commands").await.unwrap();
        hands[worker].send(delivery).unwrap();
    }
}

struct Host {
    line: Arc<Line>,
    owner: &'static str,
    endpoint: String,
    token: String,
}

impl Host {
    /// Has one message after the other worked on, for ever.
    async fn work(self, mut given: UnboundedReceiver<Delivery>, is_idle: impl Fn()) {
        let stage = &self.line.stage;
        let mut worker = self.worker();
        let mut switches = stage.inner().switches;
        is_idle();
        while let Some(delivery) = given.recv().await {
            if switches != stage.inner().switches {
                switches = stage.inner().switches;
                worker = self.worker();
            }
            stage.count("runs");
            let message = &delivery.stored.message;
            stage.note(|| {
                let body = String::from_utf8_lossy(&message.body);
                let short: String = if body.contains("eventType") {
                    let event: Value = serde_json::from_str(&body).unwrap();
                    format!("event {}", event["data"]["operationName"])
                } else {
                    body.into_owned()
                };
                format!("{} takes #{} {short}", self.line.who, delivery.stored.delivery_count)
            });
            *self.line.run.lock().unwrap() = self.run(&message.body);
            let crash = self.line.crash.notified();
            let answer = Box::pin(worker.clone().oneshot(envelope(&delivery)));
            match select(answer, Box::pin(crash)).await {
                Either::Left((Ok(answer), _)) if answer.status().is_success() => {
                    stage.note(|| format!("{} is done", self.line.who));
                    delivery.complete();
                }
                Either::Left((answer, _)) => {
                    stage.count("runs that failed");
                    let status = answer.map(|answer| answer.status().as_u16());
                    stage.note(|| format!("{} gives it back: {status:?}", self.line.who));
                    delivery.abandon();
                }
                Either::Right(_) => {
                    // With its host, the lock stays until it expires; alone, the host gives it back.
                    if stage.takes(2) == 0 {
                        delivery.abandon();
                    }
                    worker = self.worker();
                }
            }
            is_idle();
        }
    }

    fn run(&self, body: &[u8]) -> Run {
        let message: Value = serde_json::from_slice(body).unwrap();
        let asked = ["attach", "detach"].iter().find(|name| message["command"] == json!(name));
        let asked = asked.map(|name| {
            let id = |field: &str, called: fn(&str) -> String| {
                let text = message[field].as_str().unwrap();
                if text.starts_with('/') { text.to_lowercase() } else { called(text) }
            };
            let what = match *name {
                "attach" => Wish::Attach,
                _ if message["formerIdentities"] == json!(true) => Wish::DetachFormerIdentities,
                _ => Wish::Detach,
            };
            Asked {
                what,
                cluster: id("cluster", |name| cluster_id(place(name)).to_lowercase()),
                registry: id("registry", str::to_lowercase),
            }
        });
        let stage = &self.line.stage;
        let switches = stage.inner().switches;
        Run::new((self.owner, stage.setting.sync, switches), asked, stage.clock.now())
    }

    fn worker(&self) -> Router {
        let wire = wire(&self.line);
        let endpoints = Endpoints {
            cloud: Cloud::Public,
            arm: ARM.parse().unwrap(),
            service_bus: self.endpoint.parse().unwrap(),
        };
        let token = Arc::new(Token(self.token.clone()));
        let arm = Arm::new(&endpoints, Arc::clone(&token), wire.clone());
        // An answer would serve for seconds by a clock that is not this one.
        let graph = Graph::new(arm.clone(), Duration::ZERO);
        let subscriptions = SUBSCRIPTIONS.into_iter().map(SubscriptionId).collect();
        let estate = Estate { subscriptions, ..Estate::default() };
        let stage = &self.line.stage;
        let switches = stage.inner().switches;
        let policy = policy((self.owner, stage.setting.sync, switches));
        let reconciler = Reconciler::new(arm, graph, estate, policy);
        let queue = Queue::new(&endpoints.service_bus, Cloud::Public, token, wire).unwrap();
        let reports = BTreeSet::from(["reports".to_owned()]);
        let clock = self.line.stage.clock.clone();
        let worker = Worker::new(reconciler, queue, reports).by_clock(move || clock.now());
        app(Arc::new(worker), StatusPage::off()).into_router()
    }
}

fn place(name: &str) -> usize {
    name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

thread_local! {
    static POLICIES: RefCell<BTreeMap<Choice, Policy>> = RefCell::default();
}

/// Owner, whether the mode is sync, and the switches
type Choice = (&'static str, bool, Switches);

fn policy(choice: Choice) -> Policy {
    let (owner, sync, switches) = choice;
    POLICIES.with_borrow_mut(|known| {
        let parse = || {
            let mode = if sync { "sync" } else { "attach-only" };
            let clusters = (0..crate::history::PLACES)
                .map(|place| format!("  {}: {SERVICE_PRINCIPAL}\n", cluster_id(place)));
            let clusters: String = clusters.collect();
            let word = |removes| if removes { "remove" } else { "keep" };
            let text = format!(
                "owner: {owner}\nmode: {mode}\nformer_identities: {}\nformer_roles: {}\n\
                 service_principals:\n{clusters}{POLICY}",
                word(switches.removes_identities),
                word(switches.removes_roles)
            );
            Policy::parse("policy.yaml", &text).unwrap()
        };
        known.entry(choice).or_insert_with(parse).clone()
    })
}

/// What the host posts for a message
fn envelope(delivery: &Delivery) -> axum::http::Request<Body> {
    let message = &delivery.stored.message;
    let mut metadata = serde_json::Map::new();
    metadata.insert("DeliveryCount".into(), delivery.stored.delivery_count.to_string().into());
    for (name, value) in [
        ("MessageId", &message.message_id),
        ("ReplyTo", &message.reply_to),
        ("CorrelationId", &message.correlation_id),
        ("ContentType", &message.content_type),
    ] {
        if let Some(value) = value {
            metadata.insert(name.into(), json!(value).to_string().into());
        }
    }
    let body = BASE64_STANDARD.encode(&message.body);
    let body = json!({ "Data": { "message": json!(body) }, "Metadata": metadata });
    axum::http::Request::post("/command-received")
        .header("content-type", "application/json")
        .header("x-azure-functions-invocationid", "00000000-0000-0000-0000-000000000001")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// Whoever has this token
#[derive(Debug)]
struct Token(String);

#[async_trait::async_trait]
impl TokenCredential for Token {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        Ok(AccessToken::new(self.0.clone(), datetime!(2099-01-01 0:00 UTC)))
    }
}
