//! Watching the pretend world: what moved since the last look, as calm lines with times.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anyhow::anyhow;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::Instant;

use crate::emulator::azure::{Event, RequestRecord};
use crate::emulator::world::World;

/// How long anything may take to become quiet
const LIMIT: Duration = Duration::from_secs(60);

/// How long a person gets to read what comes next
const READING: Duration = Duration::from_millis(1200);

/// After a pause of this length, times count anew
const PAUSE: Duration = Duration::from_millis(500);

/// How long nothing may move before it is skipped ahead
const PATIENCE: Duration = Duration::from_secs(4);

/// How often it is looked
const LOOK: Duration = Duration::from_millis(3);

/// A line for the person
pub(super) fn say(line: &str) {
    // Whoever closed the pipe does not want to know.
    let _ = writeln!(io::stdout(), "{line}");
}

/// What has been shown already
pub(super) struct Watch {
    events: UnboundedReceiver<Event>,
    console: usize,
    requests: usize,
    sends: usize,
    steps: usize,
    started: Instant,
}

impl Watch {
    pub(super) fn new(world: &World) -> Self {
        let events = world.azure.events();
        Self { events, console: 0, requests: 0, sends: 0, steps: 0, started: Instant::now() }
    }

    /// Begins a step.
    pub(super) async fn step(&mut self, title: &str) {
        self.steps += 1;
        say(&format!("\n{}. {title}", self.steps));
        if io::stdout().is_terminal() {
            tokio::time::sleep(READING).await;
        }
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

    /// Shows what happens until the demo is stopped. Once nothing has moved for some seconds, it skips
    /// to the next message that waits.
    pub(super) async fn forever(&mut self, world: &World) {
        let mut moved = Instant::now();
        loop {
            if moved.elapsed() > PAUSE {
                self.again();
            }
            if self.look(world) {
                moved = Instant::now();
            } else if moved.elapsed() > PATIENCE
                && let Some(next) = world.namespace.scheduled("commands").first()
            {
                let wait = (next.enqueued_at - world.clock.now()).unsigned_abs();
                self.skip(world, wait, "Nothing moves until the next follow-up is due");
                moved = Instant::now();
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Shows what is new. Whether anything was.
    fn look(&mut self, world: &World) -> bool {
        let mut lines = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            lines.extend(event_line(&event.json));
        }
        let requests = world.azure.log();
        lines.extend(requests.iter().skip(self.requests).filter_map(request_line));
        self.requests = requests.len();
        let sent = world.namespace.sent();
        for record in sent.iter().skip(self.sends) {
            lines.extend(message_line(&record.body, record.scheduled.map(|due| due - record.at)));
        }
        self.sends = sent.len();
        let console = world.host.console();
        lines.extend(console.iter().skip(self.console).filter_map(|line| log_line(&line.text)));
        self.console = console.len();
        lines.sort_by_key(|line| rank(line));
        let elapsed = self.started.elapsed().as_millis();
        for line in &lines {
            say(&format!("  {elapsed:>5} ms  {line}"));
        }
        !lines.is_empty()
    }
}

/// Where a line belongs among those that were found in one look
fn rank(line: &str) -> usize {
    let order = ["event", "command", "plan", "assignment", "attached", "held", "follow-up"];
    order.iter().position(|word| line.starts_with(word)).unwrap_or(order.len())
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

/// A role assignment that reached Azure
fn request_line(request: &RequestRecord) -> Option<String> {
    let (registry, rest) = request.path.split_once("/providers/Microsoft.Authorization/")?;
    let is_put = request.method == "PUT" && rest.starts_with("roleAssignments/");
    is_put.then(|| format!("assignment PUT at {}, answer {}", last_name(registry), request.status))
}

/// What the handler has logged about its plan and its changes
fn log_line(line: &str) -> Option<String> {
    if let Some((_, counts)) = line.split_once(": planned scope=") {
        let (scope, counts) = counts.split_once(' ')?;
        return Some(format!("plan       {}: {counts}", last_name(scope)));
    }
    let (head, change) = line.split_once("change=\"")?;
    let change = change.trim_end_matches('"').replace("\\\"", "\"");
    let word = if head.contains(": held") { "held" } else { "attached" };
    Some(format!("{word:<9}  {change}"))
}

fn last_name(id: &str) -> &str {
    let id = id.split_once("/providers/Microsoft.Resources/tags").map_or(id, |(id, _)| id);
    id.rsplit('/').next().unwrap_or(id)
}
