//! Plays a history to its end, waits for quiet, and holds the world against the policy.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::azure::Event;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::history::{Act, Ask, ByHand, Fate, History, OnCluster, OnRegistry, Rights};
use crate::installation::Installation;
use crate::oracle;
use crate::people::{Places, restore};
use crate::stage::{Armed, Stage};
use crate::tally::Tally;

/// What came of a history
pub(crate) struct Outcome {
    /// Every promise that was broken
    pub(crate) wrong: Vec<String>,
    /// What happened, in words, if anyone wanted to know
    pub(crate) story: Vec<String>,
    pub(crate) tally: Tally,
    /// The same in every run of the same history
    pub(crate) trace: u64,
}

/// How often quiet is looked for, half a minute apart
const LOOKS: usize = 400;

/// Plays a history. `tells` asks for the story.
pub(crate) fn play(history: &History, tells: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut play = Play::new(history, tells).await;
        play.steps(history).await;
        play.quiet().await;
        let (trace, mut inner) = (play.stage.trace(), play.stage.inner());
        inner.tally.count("histories");
        Outcome {
            wrong: std::mem::take(&mut inner.wrong),
            story: std::mem::take(&mut inner.story),
            tally: std::mem::take(&mut inner.tally),
            trace,
        }
    })
}

struct Play {
    stage: Arc<Stage>,
    places: Places,
    events: UnboundedReceiver<Event>,
    installations: Vec<Installation>,
    /// Message ids of what people asked for, and of which installation
    commands: Vec<(usize, String)>,
    sent: usize,
}

impl Play {
    async fn new(history: &History, tells: bool) -> Self {
        let stage = Stage::new(history, tells);
        let token = token(&stage).await;
        let installations = if history.setting.two {
            (0..2).map(|number| Installation::start(&stage, number, 1, &token)).collect()
        } else {
            vec![Installation::start(&stage, 0, 2, &token)]
        };
        let events = stage.azure.events();
        let (places, commands) = (Places::default(), Vec::new());
        Self { stage, places, events, installations, commands, sent: 0 }
    }

    async fn steps(&mut self, history: &History) {
        for step in &history.steps {
            tokio::time::sleep(Duration::from_millis(step.pause)).await;
            let done = self.places.act(&self.stage, step.act);
            let act = step.act;
            self.stage.note(|| format!("-- {act}{}", if done { "" } else { ": cannot be done" }));
            self.stage.count("steps");
            if done {
                self.stage.count(name(step.act));
            }
            match step.act {
                Act::Ask { of, what } => self.ask(of, what),
                Act::Goes { wrong, at, after, times } => {
                    self.stage.inner().troubles.push(Armed { wrong, at, after, times });
                }
                Act::Wait(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                Act::Cluster(..)
                | Act::Registry(..)
                | Act::ByHand(_)
                | Act::Rights(_)
                | Act::Policy(_) => {}
            }
            self.deliver(step.fate);
        }
    }

    fn ask(&mut self, of: usize, what: Ask) {
        let of = of % self.installations.len();
        let body = self.places.command(what);
        let id = format!("command {}", self.commands.len());
        self.installations[of].send(&body, &id, Duration::ZERO, self.stage.clock.now());
        self.commands.push((of, id));
    }

    /// Lets the events of a step come to their fate.
    fn deliver(&mut self, fate: Fate) {
        while let Ok(event) = self.events.try_recv() {
            let operation = event.json["data"]["operationName"].as_str().unwrap_or_default();
            if !matters(operation) {
                continue;
            }
            let delays: &[u64] = match fate {
                Fate::Lost => &[],
                Fate::Prompt => &[0],
                Fate::Late => &[25],
                Fate::Twice => &[0, 7],
            };
            self.stage.count(match fate {
                Fate::Lost => "event lost",
                Fate::Prompt => "event prompt",
                Fate::Late => "event late",
                Fate::Twice => "event twice",
            });
            for delay in delays {
                for installation in &self.installations {
                    self.sent += 1;
                    let (id, delay) = (format!("event {}", self.sent), Duration::from_secs(*delay));
                    installation.send(&event.json, &id, delay, self.stage.clock.now());
                }
            }
        }
    }

    /// Nothing goes wrong any more, and nothing happens. The world must come to what the policy says.
    async fn quiet(&mut self) {
        self.stage.inner().troubles.clear();
        restore(&self.stage);
        self.stage.note(|| "-- quiet".to_owned());
        self.settle().await;
        for (of, id) in std::mem::take(&mut self.commands) {
            match self.installations[of].end_of(&id) {
                Some(end) => self.stage.count(ended(&end)),
                None => self.stage.wrong(format!("{id} was lost")),
            }
        }
        // What is replaced goes one look after what replaces it came.
        let rounds = if self.installations.len() > 1 { 6 } else { 4 };
        let mut is_steady = false;
        for round in 0..rounds {
            let before = self.writes();
            self.look_everywhere(round).await;
            is_steady = self.writes() == before;
            if is_steady && round > 0 {
                break;
            }
        }
        if !is_steady {
            self.stage.wrong("it never stops writing".to_owned());
        }
        for wrong in oracle::wrong(&self.stage, &self.places, &self.installations) {
            self.stage.wrong(wrong);
        }
    }

    async fn look_everywhere(&self, round: usize) {
        let lag = self.stage.setting.graph_lag + self.stage.setting.creation + 30;
        tokio::time::sleep(Duration::from_secs(lag)).await;
        for installation in &self.installations {
            let id = format!("last look {round}");
            let body = json!({ "command": "reconcile", "scope": "everything" });
            installation.send(&body, &id, Duration::ZERO, self.stage.clock.now());
        }
        self.settle().await;
    }

    async fn settle(&self) {
        for _ in 0..LOOKS {
            tokio::time::sleep(Duration::from_secs(30)).await;
            if self.installations.iter().all(Installation::is_idle) {
                return;
            }
        }
        self.stage.wrong("it never comes to rest".to_owned());
    }

    fn writes(&self) -> u64 {
        self.stage.inner().tally.sum("write: ")
    }
}

/// A token of the function's identity
async fn token(stage: &Stage) -> String {
    let resource = "https://management.azure.com";
    let request = axum::http::Request::get(format!(
        "{resource}/msi/token?resource={resource}&api-version=2019-08-01"
    ))
    .header("x-identity-header", stage.azure.identity_header())
    .body(bytes::Bytes::new())
    .unwrap();
    let answer = stage.azure.answer(request).await;
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

fn matters(operation: &str) -> bool {
    let operation = operation.to_lowercase();
    ["managedclusters/", "registries/", "tags/"].iter().any(|part| operation.contains(part))
}

fn ended(end: &str) -> &'static str {
    match end {
        "done" => "command done",
        "rejected" => "command rejected",
        "dead" => "command dead",
        "refused" => "command refused",
        _ => "command ended otherwise",
    }
}

fn name(act: Act) -> &'static str {
    match act {
        Act::Cluster(_, OnCluster::Make { .. }) => "act: make cluster",
        Act::Cluster(_, OnCluster::Delete) => "act: delete cluster",
        Act::Cluster(_, OnCluster::Tag(_)) => "act: tag cluster",
        Act::Cluster(_, OnCluster::Identity(_)) => "act: replace identity",
        Act::Cluster(_, OnCluster::MakeAgain { .. }) => "act: make cluster again",
        Act::Cluster(_, OnCluster::Migrate(_)) => "act: migrate from service principal",
        Act::Cluster(_, OnCluster::Reimage(_)) => "act: reimage pool",
        Act::Cluster(_, OnCluster::Pool { .. }) => "act: change state of pool",
        Act::Cluster(_, OnCluster::Boot(_)) => "act: boot from registry",
        Act::Registry(_, OnRegistry::Make { .. }) => "act: make registry",
        Act::Registry(_, OnRegistry::Delete) => "act: delete registry",
        Act::Registry(_, OnRegistry::Move) => "act: move registry",
        Act::Registry(_, OnRegistry::Tag(_)) => "act: tag registry",
        Act::Registry(_, OnRegistry::Mode { .. }) => "act: switch mode of registry",
        Act::Registry(_, OnRegistry::Namesake { .. }) => "act: make or delete namesake",
        Act::ByHand(ByHand::Assign { .. }) => "act: assign by hand",
        Act::ByHand(ByHand::Unassign(_)) => "act: unassign by hand",
        Act::ByHand(ByHand::Redescribe(_)) => "act: redescribe by hand",
        Act::Rights(Rights::Unreadable(_)) => "act: subscription unreadable",
        Act::Rights(Rights::Unwritable(_)) => "act: subscription unwritable",
        Act::Rights(Rights::Restored) => "act: rights restored",
        Act::Ask { what: Ask::Pair { attach: true, .. }, .. } => "act: command attach",
        Act::Ask { what: Ask::Pair { .. }, .. } => "act: command detach",
        Act::Policy(_) => "act: deploy policy",
        Act::Ask { what: Ask::FormerIdentities { .. }, .. } => "act: command detach former",
        Act::Ask { what: Ask::Reconcile(_), .. } => "act: command reconcile",
        Act::Goes { .. } => "act: trouble ahead",
        Act::Wait(_) => "act: wait",
    }
}
