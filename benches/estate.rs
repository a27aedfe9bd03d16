//! A whole estate at once: 10,000 clusters, 500 registries, 40 subscriptions and 30,000 assignments.
//! Is the result right to the last one, what does it cost, does the second run do nothing, and what
//! does it cost to remove them all?
//!
//! `cargo bench --bench estate` takes some minutes; `-- small` is a tenth of that. `-- limits` lets
//! Azure's own limits hold, with answers after 150 ms (`-- limits 1000`: after a second), and tells
//! how close to the limits the writing comes. The handler is a process of its own, which the bench
//! starts, so that its memory is its alone.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start ends with a panic")]
#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]
#![expect(clippy::indexing_slicing, reason = "the estate is made with what is looked up in it")]
#![expect(clippy::disallowed_methods, reason = "it measures time that has passed")]

#[path = "../tests/it/estate.rs"]
mod estate;
#[path = "../tests/it/person.rs"]
mod person;

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tether::azure::Wanted;
use tether::emulator::azure::{Fault, RateLimits, RequestRecord};
use tether::model::{Inventory, Scope};
use tether::plan::plan;

use estate::{Emulated, Size, handler, policy, queries, writes};

const LARGE: Size = Size { clusters: 10_000, registries: 500, subscriptions: 40 };
const SMALL: Size = Size { clusters: 1_000, registries: 50, subscriptions: 4 };

/// What the process that is the handler tells when it is done
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    attached: usize,
    kept: usize,
    removed: usize,
    /// Held, undone and unseen
    others: usize,
    planned_in: f64,
    applied_in: f64,
    most_memory: f64,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["handler", endpoint, token, subscriptions] => {
            let told = handle(endpoint, token, subscriptions.parse().unwrap()).await;
            return println!("{}", serde_json::to_string(&told).unwrap());
        }
        ["planner", endpoint, token, subscriptions] => {
            return decide(endpoint, token, subscriptions.parse().unwrap()).await;
        }
        _ => {}
    }
    let size = if arguments.contains(&"small") { SMALL } else { LARGE };
    let limits = arguments.contains(&"limits").then(RateLimits::default);
    println!("{size:?}");
    let start = Instant::now();
    let estate = Emulated::start(size, limits).await;
    println!("made in {:.1} s", seconds(start));
    if limits.is_some() {
        let milliseconds = arguments.iter().find_map(|one| one.parse().ok()).unwrap_or(150);
        let latency = Duration::from_millis(milliseconds);
        estate.azure.faults().inject(Fault::on("", "").delayed(latency).always());
        println!("Azure's limits hold; answers after {milliseconds} ms");
    }
    let start = Instant::now();
    let wanted = estate.wanted();
    println!("{} assignments wanted, found out in {:.1} s", wanted.len(), seconds(start));
    print!("{}", child("planner", &estate, size).await);
    let mut rounds = 0;
    while estate.found() != wanted {
        rounds += 1;
        let told = run(&estate, size, &format!("run {rounds}")).await;
        assert!(told.attached > 0, "nothing was done, and not all is there");
        if limits.is_some() {
            print_shares(&estate.azure.log(), "PUT");
        }
    }
    println!("right to the last assignment after {rounds} run(s)");
    print!("{}", child("planner", &estate, size).await);
    let told = run(&estate, size, "once more").await;
    assert_eq!((told.attached, told.kept, told.removed, told.others), (0, wanted.len(), 0, 0));
    assert_eq!(writes(&estate.azure.log()), 0);
    estate.untag();
    while !estate.found().is_empty() {
        let told = run(&estate, size, "no cluster wants anything any more").await;
        assert!(told.removed > 0, "nothing was removed, and something is left");
        if limits.is_some() {
            print_shares(&estate.azure.log(), "DELETE");
        }
    }
}

/// Lets a handler run over everything, and prints what it took.
async fn run(estate: &Emulated, size: Size, what: &str) -> Told {
    let fewest = estate.fewest_queries();
    estate.azure.clear_log();
    println!("{what}:");
    let told: Told = serde_json::from_str(&child("handler", estate, size).await).unwrap();
    let log = estate.azure.log();
    let (asked, refused) = (queries(&log), log.iter().filter(|one| one.status == 429).count());
    let Told { attached, kept, removed, others, .. } = told;
    println!("  attached {attached}, kept {kept}, removed {removed}, others {others}");
    println!("  observed, planned and read again in {:.1} s", told.planned_in);
    println!("  applied in {:.1} s", told.applied_in);
    println!("  memory at most {:.1} MiB", told.most_memory);
    println!("  Resource Graph {asked} requests, {fewest} at least");
    println!("  requests {}, {refused} of them 429, {} writes", log.len(), writes(&log));
    told
}

/// What a process of its own says that plays this part
async fn child(part: &str, estate: &Emulated, size: Size) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([part, estate.azure.endpoint(), estate.azure.person_token()]);
    command.arg(size.subscriptions.to_string()).stderr(Stdio::inherit());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The handler
async fn handle(endpoint: &str, token: &str, subscriptions: usize) -> Told {
    let (reconciler, ..) = handler(endpoint, token, subscriptions);
    let start = Instant::now();
    let plan = reconciler.plan(&Scope::Everything).await.unwrap();
    let planned_in = seconds(start);
    let (begun, start) = (tokio::time::Instant::from_std(start), Instant::now());
    let report = reconciler.apply(&Scope::Everything, plan, begun).await;
    let applied_in = seconds(start);
    let most_memory = most_memory();
    let others = report.held.len()
        + report.undone.len()
        + report.already.len()
        + report.gone.len()
        + report.gaps.len();
    let (attached, kept, removed) =
        (report.attached.len(), report.kept.len(), report.detached.len());
    Told { attached, kept, removed, others, planned_in, applied_in, most_memory }
}

/// Prints how long the planner alone takes, without any request.
async fn decide(endpoint: &str, token: &str, subscriptions: usize) {
    let (_, graph, estate) = handler(endpoint, token, subscriptions);
    let mut inventory = Inventory::new(Scope::Everything);
    let seen = graph.seen(&estate, Wanted::Everything).await.unwrap();
    seen.clusters.iter().cloned().for_each(|cluster| inventory.add_cluster(cluster));
    seen.registries.iter().cloned().for_each(|registry| inventory.add_registry(registry));
    let grants = graph.pull_grants(&estate).await.unwrap();
    for grant in grants {
        inventory.add_grant(grant);
    }
    let start = Instant::now();
    let plan = plan(&inventory, &policy());
    let (attach, kept, took) = (plan.attach.len(), plan.kept.len(), seconds(start));
    println!("  the planner alone: {attach} to attach, {kept} kept, in {took:.2} s");
}

/// The most memory that this process ever had, in MiB
fn most_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}

/// How much of what the limits allow between the first write and the last was made use of, in the
/// worst and in the best subscription
fn print_shares(log: &[RequestRecord], method: &str) {
    let limit = RateLimits::default().writes;
    let mut spans: BTreeMap<&str, (usize, _, _)> = BTreeMap::new();
    for one in log.iter().filter(|one| one.method == method && one.status < 300) {
        let subscription = one.path.split('/').nth(2).unwrap_or_default();
        let span = spans.entry(subscription).or_insert((0, one.at, one.at));
        *span = (span.0 + 1, span.1.min(one.at), span.2.max(one.at));
    }
    let shares = spans.values().map(|(count, first, last)| {
        let allowed = limit.refill.mul_add((*last - *first).as_seconds_f64(), limit.capacity);
        100.0 * f64::from(u32::try_from(*count).unwrap()) / allowed
    });
    let (worst, best) =
        shares.fold((f64::MAX, 0.0f64), |(low, high), share| (low.min(share), high.max(share)));
    println!("  of what the limits on {method} allow: {worst:.1} to {best:.1} %");
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}
