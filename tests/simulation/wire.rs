//! The way from a worker to the world: how long requests take, what goes wrong with them, and what the
//! witness is told.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tether::azure::Wire;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::answers::Heard;
use crate::facts::Assignment;
use crate::history::{Trouble, Where};
use crate::promise;
use crate::stage::Stage;
use crate::witness::Run;

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
        let answer = self.answer(&ask, trouble).await;
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
        if !ask.is_queue {
            let query = ask.request.uri().query().unwrap_or_default();
            let (path, asked) = (&ask.path, ask.request.body());
            let heard = Heard { path, query, asked, status: answer.status().as_u16() };
            heard.tell(&mut self.run.lock().unwrap(), answer.body());
        }
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
        std::future::pending::<()>().await;
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

    /// What the world answers
    async fn answer(&self, ask: &Ask, trouble: Option<Trouble>) -> axum::http::Response<Bytes> {
        if ask.is_queue {
            let request = ask.request.clone().map(axum::body::Body::from);
            let (parts, body) = self.queue.answer(request).await.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            self.stage.note(|| format!("{} {}: {}", self.who, ask.path, parts.status.as_u16()));
            if ask.path.contains("/reports/") && parts.status.is_success() {
                self.stage.reported(&self.run.lock().unwrap(), ask.request.body());
            }
            return axum::http::Response::from_parts(parts, body);
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
        answer
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
                self.stage.count_kind(before, now);
                let wrong = run.judge_put(before, now).map(str::to_owned);
                wrong.or_else(|| self.stage.came_back(&run, now))
            }
            (Some(gone), None) => {
                self.stage.count("write: DELETE");
                let broken = promise::broken(&self.stage, &run, gone);
                run.judge_delete(gone).map(str::to_owned).or(broken)
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            let what = now.as_ref().or(before);
            self.stage.wrong(format!("{} {method} {what:?}: {wrong}", self.who));
        }
    }
}

/// An answer that breaks off
fn broken() -> reqwest::Response {
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let body = futures::stream::once(std::future::ready(Err::<Bytes, _>(broken)));
    axum::http::Response::new(reqwest::Body::wrap_stream(body)).into()
}
