//! How close to Azure's own limits 600 attachments come: made by one handler, by four that share the
//! limits and know nothing of each other, and by four that get a command for every cluster.
//!
//! Takes some minutes, since the limits are the real ones. `cargo bench --bench limits -- 150` makes
//! every answer take 150 ms, which is also the default.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start ends with a panic")]
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

#[path = "../tests/it/person.rs"]
mod person;
#[path = "../tests/it/several.rs"]
mod several;

use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use tether::emulator::azure::RateLimits;
use tether::functions::COMMANDS_AT_ONCE;
use tether::model::Scope;
use tether::reconcile::Report;
use tokio::time::Instant;

use several::{Answers, Setup, Size, run};

const SIZE: Size = Size { subscriptions: 4, clusters: 15, registries: 10 };

const ATTACHMENTS: u32 = 600;

#[tokio::main]
async fn main() {
    let milliseconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(150);
    let latency = Duration::from_millis(milliseconds);
    println!("{ATTACHMENTS} attachments, answers after {milliseconds} ms");
    measure("one handler, everything at once", 1, latency, |_| vec![Scope::Everything]).await;
    measure("four handlers, a subscription each", 4, latency, Setup::scopes).await;
    measure("four handlers, a command for each cluster", 4, latency, clusters).await;
}

fn clusters(setup: &Setup) -> Vec<Scope> {
    let all = setup.resources().into_iter();
    all.filter(|scope| matches!(scope, Scope::Cluster(_))).collect()
}

/// Lets so many handlers share out these scopes and prints what came of it.
async fn measure(what: &str, handlers: usize, latency: Duration, scopes: fn(&Setup) -> Vec<Scope>) {
    let limits = RateLimits::default();
    let setup = Setup::start(SIZE, limits, latency).await;
    let scopes = scopes(&setup);
    let start = Instant::now();
    let runs = (0..handlers).map(|number| {
        let handler = setup.handler();
        let mine: Vec<_> = scopes.iter().skip(number).step_by(handlers).cloned().collect();
        async move {
            let runs = mine.iter().map(|scope| run(&handler, scope));
            stream::iter(runs).buffer_unordered(COMMANDS_AT_ONCE).collect::<Vec<_>>().await
        }
    });
    let reports: Vec<Report> = join_all(runs).await.into_iter().flatten().collect();
    let took = start.elapsed().as_secs_f64();
    let undone: usize = reports.iter().map(|report| report.undone.len()).sum();
    let shortest = (f64::from(ATTACHMENTS) - limits.writes.capacity) / limits.writes.refill;
    let Answers { all, refused, writes, refused_writes } = setup.answers();
    println!("{what}:");
    println!("  shortest time  {shortest:6.1} s  by the limit on writes alone");
    println!("  taken          {took:6.1} s  {:+.1} %", 100.0 * (took / shortest - 1.0));
    println!("  attached       {:6}    {undone} undone", setup.azure.assignments().len());
    println!("  answers        {all:6}    {refused} of them 429: {:.1} %", percent(refused, all));
    let share = percent(refused_writes, writes);
    println!("  to writes      {writes:6}    {refused_writes} of them 429: {share:.1} %");
}

fn percent(part: usize, whole: usize) -> f64 {
    let [part, whole] = [part, whole].map(|number| u32::try_from(number).map_or(0.0, f64::from));
    100.0 * part / whole
}
