//! Watching the pretend world: what moved since the last look, as calm lines with times.

use std::time::Duration;

use anyhow::anyhow;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::emulator::azure::Event;
use crate::emulator::world::World;

/// How long anything may take to become quiet
const LIMIT: Duration = Duration::from_secs(60);

/// How often it is looked
const LOOK: Duration = Duration::from_millis(15);

/// A line for the person
#[expect(clippy::print_stdout, reason = "the demo speaks to a person")]
pub(super) fn say(line: &str) {
    println!("{line}");
}

/// What has been shown already
pub(super) struct Watch {
    events: UnboundedReceiver<Event>,
    invocations: usize,
    sends: usize,
    steps: usize,
    started: Instant,
}

impl Watch {
    pub(super) fn new(world: &World) -> Self {
        let events = world.azure.events();
        Self { events, invocations: 0, sends: 0, steps: 0, started: Instant::now() }
    }

    /// Begins a step.
    pub(super) fn step(&mut self, title: &str) {
        self.steps += 1;
        say(&format!("\n{}. {title}", self.steps));
        self.again();
    }

    /// Counts the time from here.
    pub(super) fn again(&mut self) {
        self.started = Instant::now();
    }

    /// Skips ahead while nothing moves.
    pub(super) fn skip(&mut self, world: &World, time: Duration, why: &str) {
        say(&format!("            ({why}: {} s are skipped)", time.as_secs()));
        self.again();
        world.clock.advance(time);
    }

    /// Shows what happens until nothing moves any more.
    pub(super) async fn until_quiet(&mut self, world: &World) -> anyhow::Result<()> {
        let mut settled = std::pin::pin!(world.settle(LIMIT));
        loop {
            tokio::select! {
                settled = &mut settled => {
                    self.look(world);
                    return settled.map_err(|reason| anyhow!(reason));
                }
                () = tokio::time::sleep(LOOK) => { self.look(world); }
            }
        }
    }

    /// Shows what happens until the demo is stopped, skipping nothing.
    pub(super) async fn forever(&mut self, world: &World) {
        loop {
            self.again();
            while !self.look(world) {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Shows what is new. Whether anything was.
    fn look(&mut self, world: &World) -> bool {
        let mut lines = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            lines.extend(event_line(&event.json));
        }
        let sent = world.namespace.sent();
        for record in sent.iter().skip(self.sends) {
            lines.extend(message_line(&record.body, record.scheduled.map(|due| due - record.at)));
        }
        self.sends = sent.len();
        let invocations = world.host.invocations();
        for record in invocations.iter().skip(self.invocations) {
            lines.extend(record.logs.iter().filter_map(|line| change_line(line)));
        }
        self.invocations = invocations.len();
        let elapsed = self.started.elapsed().as_millis();
        for line in &lines {
            say(&format!("  {elapsed:>5} ms  {line}"));
        }
        !lines.is_empty()
    }
}

/// An event of a resource; our own role assignments come back as events, too, and are shown as such
fn event_line(event: &Value) -> Option<String> {
    let operation = event.pointer("/data/operationName")?.as_str()?;
    let id = event.pointer("/data/resourceUri")?.as_str()?;
    let short = operation.rsplitn(3, '/').take(2).collect::<Vec<_>>();
    let [verb, kind] = short.as_slice() else { return None };
    if kind.eq_ignore_ascii_case("roleAssignments") {
        return None;
    }
    Some(format!("event      {kind}/{verb} {}", last_name(id)))
}

fn message_line(body: &[u8], delay: Option<time::Duration>) -> Option<String> {
    let command: Value = serde_json::from_slice(body).ok()?;
    let name = last_name(command.get("scope")?.as_str()?);
    Some(match delay {
        Some(delay) => format!("follow-up  reconcile {name} in {} s", delay.whole_seconds()),
        None => format!("command    reconcile {name}"),
    })
}

/// A change that the handler has logged
fn change_line(line: &str) -> Option<String> {
    let (head, change) = line.split_once("change=\"")?;
    let change = change.trim_end_matches('"').replace("\\\"", "\"");
    let word = if head.contains("held") { "held" } else { "attached" };
    Some(format!("{word:<9}  {change}"))
}

fn last_name(id: &str) -> &str {
    let id = id.split_once("/providers/Microsoft.Resources/tags").map_or(id, |(id, _)| id);
    id.rsplit('/').next().unwrap_or(id)
}
