//! The way from a worker to the world: how long requests take, what goes wrong with them, and what the
//! witness is told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tether::azure::Wire;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::facts::{Assignment, Written};
use crate::history::{Trouble, Where};
use crate::stage::{SUBSCRIPTIONS, Stage};
use crate::witness::{self, Run};

/// What one worker's requests go through
pub(crate) struct Line {
    pub(crate) stage: Arc<Stage>,
    pub(crate) queue: tether::emulator::queue::Namespace,
    pub(crate) who: String,
    pub(crate) run: std::sync::Mutex<Run>,
    /// The worker is gone
    pub(crate) crash: Notify,
}

/// A request in one piece
struct Ask {
    method: String,
    path: String,
    request: axum::http::Request<Bytes>,
    at: Where,
    is_queue: bool,
}

/// How long an answer is waited for before it counts as lost
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn wire(line: &Arc<Line>) -> Wire {
    let line = Arc::clone(line);
    Wire::to(move |request| {
        let line = Arc::clone(&line);
        Box::pin(async move { line.carry(request).await })
    })
}

impl Ask {
    fn of(sent: &reqwest::Request) -> Self {
        let body = sent.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let mut request = axum::http::Request::new(Bytes::copy_from_slice(body));
        *request.method_mut() = sent.method().clone();
        *request.uri_mut() = sent.url().as_str().parse().unwrap();
        *request.headers_mut() = sent.headers().clone();
        let is_queue = sent.url().host_str().is_some_and(|host| host.ends_with("windows.net"));
        let path = sent.url().path().to_owned();
        let at = match sent.method().as_str() {
            _ if is_queue => Where::Queue,
            _ if path.ends_with("/Microsoft.ResourceGraph/resources") => Where::Graph,
            "GET" => Where::Reads,
            _ => Where::Writes,
        };
        Self { method: sent.method().to_string(), path, request, at, is_queue }
    }

    /// The name of the assignment that it is about
    fn assignment(&self) -> Option<Uuid> {
        let (_, name) = self.path.rsplit_once("/Microsoft.Authorization/roleAssignments/")?;
        name.parse().ok()
    }
}

impl Line {
    async fn carry(&self, sent: reqwest::Request) -> reqwest::Response {
        let ask = Ask::of(&sent);
        self.stage.count(if ask.is_queue { "requests to the queue" } else { "requests" });
        self.pause(self.stage.takes(60)).await;
        let trouble = self.stage.strike(ask.at);
        match trouble {
            Some(Trouble::CrashBefore) => self.die("crash before a request").await,
            Some(Trouble::RequestLost) => {
                self.tell(&ask, "request lost");
                tokio::time::sleep(PATIENCE).await;
                return broken();
            }
            Some(Trouble::Throttled(seconds)) => return self.refuse(&ask, 429, seconds),
            Some(Trouble::OutOfOrder) => return self.refuse(&ask, 503, 0),
            Some(Trouble::Slow(seconds)) => {
                self.stage.count("fault: slow request");
                self.pause(seconds * 1000).await;
            }
            Some(Trouble::CrashAfter | Trouble::AnswerLost | Trouble::CutShort) | None => {}
        }
        let (answer, whole) = self.answer(&ask, trouble).await;
        self.pause(self.stage.takes(40)).await;
        match trouble {
            Some(Trouble::CrashAfter) => self.die("crash after a request").await,
            Some(Trouble::AnswerLost) => {
                self.tell(&ask, "answer lost");
                tokio::time::sleep(PATIENCE).await;
                return broken();
            }
            _ => {}
        }
        self.learn(&ask, answer.status().as_u16(), answer.body(), whole);
        answer.into()
    }

    async fn pause(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    /// The worker ends here. Whoever drives it drops it.
    async fn die(&self, how: &'static str) {
        self.stage.count(how);
        self.stage.note(|| format!("{} {how}", self.who));
        self.crash.notify_one();
        std::future::pending().await
    }

    fn tell(&self, ask: &Ask, what: &str) {
        self.stage.count(match what {
            "request lost" => "fault: request lost",
            "answer lost" => "fault: answer lost",
            _ => "fault: refused",
        });
        self.stage.note(|| format!("{} {} {}: {what}", self.who, ask.method, ask.path));
    }

    fn refuse(&self, ask: &Ask, status: u16, seconds: u64) -> reqwest::Response {
        self.stage.count(if status == 429 { "fault: throttled" } else { "fault: out of order" });
        self.stage.note(|| format!("{} {} {}: {status}", self.who, ask.method, ask.path));
        let mut answer = axum::http::Response::builder().status(status);
        if seconds > 0 {
            answer = answer.header("retry-after", seconds);
        }
        answer.body(Bytes::new()).unwrap().into()
    }

    /// What the world answers, and whether it is a whole list
    async fn answer(
        &self,
        ask: &Ask,
        trouble: Option<Trouble>,
    ) -> (axum::http::Response<Bytes>, bool) {
        if ask.is_queue {
            let request = ask.request.clone().map(axum::body::Body::from);
            let (parts, body) = self.queue.answer(request).await.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            self.stage.note(|| format!("{} {}: {}", self.who, ask.path, parts.status.as_u16()));
            return (axum::http::Response::from_parts(parts, body), true);
        }
        let name = ask.assignment().filter(|_| ask.at == Where::Writes);
        let before = name.and_then(|name| self.stage.assignment(name));
        let mut answer = self.stage.azure.answer(ask.request.clone()).await;
        let status = answer.status().as_u16();
        self.stage.note(|| format!("{} {} {}: {status}", self.who, ask.method, ask.path));
        if let Some(name) = name
            && matches!(status, 200 | 201)
        {
            self.judge(&ask.method, before.as_ref(), name);
        }
        if trouble == Some(Trouble::CutShort) && status == 200 {
            self.stage.count("fault: cut short");
            let mut body: Value = serde_json::from_slice(answer.body()).unwrap();
            if let Some(rows) = body["data"].as_array_mut() {
                rows.pop();
            }
            body["resultTruncated"] = "true".into();
            *answer.body_mut() = body.to_string().into();
        }
        let next = if ask.path.ends_with("s") { b"nextLink".as_slice() } else { b"\0" };
        let whole = !answer.body().windows(next.len()).any(|part| part == next);
        (answer, whole)
    }

    /// Holds a write that was carried out against what the run has read.
    fn judge(&self, method: &str, before: Option<&Assignment>, name: Uuid) {
        let now = self.stage.assignment(name);
        let mut run = self.run.lock().unwrap();
        let wrong = match (before, &now) {
            (_, Some(now)) if method == "PUT" => {
                self.stage.count(match before {
                    None => "write: PUT, new",
                    Some(_) => "write: PUT, again",
                });
                run.judge_put(before, now)
            }
            (Some(gone), None) => {
                self.stage.count("write: DELETE");
                let estate = SUBSCRIPTIONS.map(|id| id.to_string());
                run.judge_delete(gone, &estate)
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            let what = now.as_ref().or(before);
            self.stage.wrong(format!("{} {method} {what:?}: {wrong}", self.who));
        }
    }

    /// Tells the witness what the run was answered.
    fn learn(&self, ask: &Ask, status: u16, body: &[u8], whole: bool) {
        if ask.is_queue || !matches!(status, 200 | 404) {
            return;
        }
        let mut run = self.run.lock().unwrap();
        let lower = ask.path.to_lowercase();
        let found = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
        if ask.at == Where::Graph {
            let rows = found(body)["data"].as_array().cloned().unwrap_or_default();
            let of = |part: &str| {
                let part = part.to_owned();
                rows.iter().filter(move |row| {
                    row["id"].as_str().is_some_and(|id| id.to_lowercase().contains(&part))
                })
            };
            run.saw_graph(of("/managedclusters/").filter_map(graph_cluster).collect());
            run.saw_pins(of("/roleassignments/").filter_map(Assignment::read).collect());
        } else if ask.at != Where::Reads {
        } else if let Some(name) = ask.assignment() {
            let shown = (status == 200).then(|| found(body));
            run.saw_assignment(name, shown.as_ref().and_then(Assignment::read));
        } else if let Some(scope) =
            lower.strip_suffix("/providers/microsoft.authorization/roleassignments")
        {
            if status == 200 {
                let filter = ask.request.uri().query().unwrap_or_default();
                let whose = filter.split("assignedTo(%27").nth(1);
                let whose = whose.and_then(|rest| rest.get(..36)?.parse().ok());
                run.saw_assignments(witness::assignments(&found(body)), scope, whose);
            }
        } else if lower.ends_with("/managedclusters") {
            let list: List = serde_json::from_slice(body).unwrap();
            let clusters = list.value.into_iter().map(Written::cluster).collect();
            run.saw_clusters(lower.split('/').nth(2).unwrap(), clusters, whole && status == 200);
        } else if lower.contains("/managedclusters/") {
            let read = |body| serde_json::from_slice::<Written>(body).unwrap().cluster();
            run.saw_cluster(&lower, (status == 200).then(|| read(body)));
        } else if lower.contains("/registries/") {
            let read = |body| serde_json::from_slice::<Written>(body).unwrap().registry();
            run.saw_registry(&lower, (status == 200).then(|| read(body)));
        }
    }
}

#[derive(serde::Deserialize)]
struct List {
    #[serde(default)]
    value: Vec<Written>,
}

/// A row of Resource Graph, as the query shapes it, as if it came from Resource Manager
fn graph_cluster(row: &Value) -> Option<crate::facts::Cluster> {
    let written = serde_json::json!({
        "id": row["id"],
        "tags": row["tags"],
        "properties": {
            "provisioningState": row["provisioningState"],
            "identityProfile": row["identityProfile"],
            "servicePrincipalProfile": row["servicePrincipalProfile"],
        },
    });
    Some(serde_json::from_value::<Written>(written).ok()?.cluster())
}

/// An answer that breaks off
fn broken() -> reqwest::Response {
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let body = futures::stream::once(std::future::ready(Err::<Bytes, _>(broken)));
    axum::http::Response::new(reqwest::Body::wrap_stream(body)).into()
}
