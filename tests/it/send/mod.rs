//! `tether send` as a person runs it: the real program against a pretend Azure and a pretend Service
//! Bus. Nothing takes commands from the queue but in `worker`, so what arrives can be looked at.

mod commands;
mod replays;
mod waiting;
mod worker;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tether::emulator::Clock;
use tether::emulator::azure::{Azure, ClusterSpec, RegistrySpec};
use tether::emulator::queue::{Namespace, QueueOptions, Stored};
use tether::emulator::world::{PAYMENTS, PLATFORM, settings};
use tokio::process::Command;

use super::cloud;
use super::program::{self, Ended, LIMIT, tether};

/// A cloud with queues, and the environment of a person in it
struct Place {
    azure: Azure,
    namespace: Namespace,
    clock: Clock,
    environment: BTreeMap<String, String>,
}

impl Place {
    async fn new() -> Self {
        let (azure, clock) = cloud::start().await;
        let mut commands = QueueOptions::new("commands");
        commands.max_delivery_count = 1;
        commands.duplicate_window = Some(Duration::from_secs(600));
        let queues = vec![commands, QueueOptions::new("rejected")];
        let namespace = Namespace::start(clock.clone(), queues).await.unwrap();
        let environment = settings(&azure, &namespace);
        Self { azure, namespace, clock, environment }
    }

    /// `tether send` with these words
    fn command(&self, words: &[&str]) -> Command {
        let mut command = tether(&["send"]);
        command.args(words).envs(&self.environment);
        command
    }

    async fn send(&self, words: &[&str]) -> Ended {
        run(self.command(words)).await
    }

    fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    fn cluster(&self, name: &str) -> String {
        self.azure.create_cluster(&ClusterSpec::new(PAYMENTS, "shop", name)).unwrap()
    }

    fn registry(&self, name: &str) -> String {
        self.azure.create_registry(&RegistrySpec::new(PLATFORM, "images", name)).unwrap()
    }

    /// The only message in the queue `commands`
    fn only(&self) -> Stored {
        let mut active = self.namespace.active("commands");
        assert_eq!(active.len(), 1);
        active.remove(0)
    }

    fn is_empty(&self) -> bool {
        self.namespace.sent().is_empty()
    }
}

async fn run(command: Command) -> Ended {
    let ended = program::run(command).await;
    for secret in ["eyJ", "Bearer", "pretend.person", "SharedAccess"] {
        assert!(!format!("{ended:?}").contains(secret), "`{secret}` is shown: {ended:?}");
    }
    ended
}

fn body(stored: &Stored) -> Value {
    serde_json::from_slice(&stored.message.body).unwrap()
}

/// It failed, and said all of this in one line on standard error.
#[track_caller]
fn check_refused(ended: &Ended, words: &[&str]) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    assert!(ended.stderr.starts_with("tether: "), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    check_says(&ended.stderr, words);
}

#[track_caller]
fn check_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is not in:\n{text}");
    }
}
