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
    let order = [
        "event",
        "command",
        "plan",
        "assignment",
        "attached",
        "already",
        "later",
        "denied",
        "held",
        "refused",
        "follow-up",
    ];
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
    let message: Value = serde_json::from_slice(body).ok()?;
    let name = |field| message.get(field)?.as_str().map(last_name);
    let command = message.get("command")?.as_str()?;
    let what = match (name("scope"), name("cluster"), name("registry")) {
        (Some(scope), _, _) => scope.to_owned(),
        (None, Some(cluster), Some(registry)) => format!("{cluster} → {registry}"),
        (None, ..) => return None,
    };
    Some(match delay {
        Some(delay) => format!("follow-up  {command} {what} in {} s", delay.whole_seconds()),
        None => format!("command    {command} {what}"),
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
    if let Some((_, counts)) = line.split_once(": planned scope=\"") {
        let (pair, counts) = counts.split_once("\" ")?;
        let (cluster, registry) = pair.split_once(" → ")?;
        let pair = format!("{} → {}", last_name(cluster), last_name(registry));
        return Some(format!("plan       {pair}: {counts}"));
    }
    if let Some((_, counts)) = line.split_once(": planned scope=") {
        let (scope, counts) = counts.split_once(' ')?;
        return Some(format!("plan       {}: {counts}", last_name(scope)));
    }
    if message(line) == "message refused" {
        return Some(format!("refused    {}", quoted(line, "reason")?));
    }
    let (message, change) = (message(line), quoted(line, "change")?);
    let undone = message.strip_prefix("not attached: ");
    let undone = undone.or_else(|| message.strip_prefix("not detached: "));
    let word = match (undone, message.as_str()) {
        (Some("will be tried again"), _) => "later",
        (Some("not permitted"), _) => "denied",
        (Some(_), _) => "held",
        (None, "attached already") => "already",
        (None, message) => message,
    };
    let code = word_of(line, "code").filter(|_| undone.is_some());
    let why = code.map_or_else(String::new, |code| format!("; {message} ({code})"));
    Some(format!("{word:<9}  {change}{why}"))
}

/// What a log line says before its fields
fn message(line: &str) -> String {
    let said = line.split_once(": ").map_or(line, |(_, said)| said);
    let words: Vec<_> = said.split(' ').take_while(|word| !word.contains('=')).collect();
    words.join(" ")
}

/// The value of a field that is one word
fn word_of<'a>(line: &'a str, field: &str) -> Option<&'a str> {
    let (_, value) = line.split_once(&format!(" {field}="))?;
    value.split(' ').next()
}

/// The value of a field that is more than one word
fn quoted(line: &str, field: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!(" {field}=\""))?;
    let mut value = String::new();
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => break,
            '\\' => value.extend(letters.next()),
            letter => value.push(letter),
        }
    }
    Some(value)
}

fn last_name(id: &str) -> &str {
    let id = id.split_once("/providers/Microsoft.Resources/tags").map_or(id, |(id, _)| id);
    id.rsplit('/').next().unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This end of a line of the handler is shown so.
    #[track_caller]
    fn check(said: &str, shown: Option<&str>) {
        let head = "INFO invocation=1 function=command-received tether::functions::journal";
        assert_eq!(log_line(&format!("{head}: {said}")).as_deref(), shown);
    }

    #[test]
    fn each_outcome_of_a_change_has_a_word_of_its_own() {
        let change = r#"change="aks → acr as AcrPull: rule `a \"b\"` wants it""#;
        let shown = r#"aks → acr as AcrPull: rule `a "b"` wants it"#;
        let ids = "registry=/subscriptions/1/registries/acr principal=1 assignment=2";
        check(&format!("attached {ids} {change}"), Some(&format!("attached   {shown}")));
        check(&format!("attached already {ids} {change}"), Some(&format!("already    {shown}")));
        check(&format!("held {change}"), Some(&format!("held       {shown}")));
        for (outcome, word, code) in [
            ("will be tried again", "later", "PrincipalNotFound"),
            ("not permitted", "denied", "AuthorizationFailed"),
            ("held", "held", "ScopeLocked"),
        ] {
            let cause = r#"cause="Azure refused: no""#;
            let fields = format!("{change} assignment=2 code={code} {cause}");
            let line = format!("{word:<9}  {shown}; not attached: {outcome} ({code})");
            check(&format!("not attached: {outcome} {fields}"), Some(&line));
        }
    }

    #[test]
    fn plans_are_shown_by_the_name_of_their_scope_and_other_lines_not_at_all() {
        check("planned scope=/x/aks attach=1 held=0", Some("plan       aks: attach=1 held=0"));
        check(
            "planned scope=\"/x/aks → /y/acr\" attach=1 held=0",
            Some("plan       aks → acr: attach=1 held=0"),
        );
        check(
            "message refused reason=\"no rule wants this pair\" field=\"command\" hint=\"tag it\"",
            Some("refused    no rule wants this pair"),
        );
        check("reconciled scope=/x/aks attached=1", None);
        check("will look again scope=everything in_seconds=60", None);
    }
}
