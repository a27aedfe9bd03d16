//! The pretend Service Bus, sent to and received from over HTTP and from Rust.
//!
//! These tests know what is published of Service Bus, and nothing of what tether makes of it.

mod delivery;
mod receive;
mod rest;
mod schedule;

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use tether::emulator::Clock;
use tether::emulator::queue::{Delivery, Message, Namespace, QueueOptions, Stored};

const MINUTE: Duration = Duration::from_secs(60);

/// The bound on every wait, in real time
const PATIENCE: Duration = Duration::from_secs(20);

/// A running namespace, a client, and a clock that moves only when told to
struct Setup {
    namespace: Namespace,
    clock: Clock,
    http: Client,
}

impl Setup {
    /// A queue `commands` with duplicate detection of ten minutes, and a plain queue `replies`
    async fn new() -> Self {
        // Another test of this binary may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clock = Clock::new(0.0);
        let mut commands = QueueOptions::new("commands");
        commands.duplicate_window = Some(10 * MINUTE);
        let queues = vec![commands, QueueOptions::new("replies")];
        let namespace = Namespace::start(clock.clone(), queues).await.unwrap();
        let http = Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { namespace, clock, http }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.namespace.endpoint())
    }

    /// A send to a queue over HTTP, without a token
    fn anonymous(&self, queue: &str) -> RequestBuilder {
        self.http.post(self.url(&format!("/{queue}/messages")))
    }

    /// A send to a queue over HTTP
    fn post(&self, queue: &str) -> RequestBuilder {
        self.anonymous(queue).bearer_auth("token")
    }

    fn send(&self, body: &str) {
        self.namespace.send("commands", message(body)).unwrap();
    }

    async fn receive(&self) -> Delivery {
        tokio::time::timeout(PATIENCE, self.namespace.receive("commands")).await.unwrap().unwrap()
    }

    /// Waits until the condition holds
    async fn until(&self, holds: impl Fn(&Namespace) -> bool) {
        let waiting = async {
            loop {
                let changed = self.namespace.changed();
                if holds(&self.namespace) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }
}

fn message(body: &str) -> Message {
    Message { body: body.into(), ..Message::default() }
}

fn identified(id: &str) -> Message {
    Message { message_id: Some(id.to_owned()), ..message(id) }
}

fn bodies(stored: &[Stored]) -> Vec<&str> {
    stored.iter().map(|one| str::from_utf8(&one.message.body).unwrap()).collect()
}

#[track_caller]
fn check_bodies(stored: &[Stored], expected: &[&str]) {
    assert_eq!(bodies(stored), expected);
}

/// Sends and reads the answer, which is empty or an error of Service Bus
async fn ask(request: RequestBuilder) -> (u16, String) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// That a send is refused with a status, and for a reason in which this occurs
async fn check_refused(request: RequestBuilder, status: u16, reason: &str) {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status().as_u16(), status, "for {reason}");
    assert_eq!(answer.headers()["content-type"], "application/xml; charset=utf-8");
    let text = answer.text().await.unwrap();
    let start = format!("<Error><Code>{status}</Code><Detail>");
    assert!(text.starts_with(&start) && text.contains(reason), "{text}");
}
