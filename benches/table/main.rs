//! One table: each figure beside its ceiling or its peer, measured in the same run, and what was aimed
//! at. `docs/performance.md` has the figures of one run, and says what limits each.
//!
//! Figures that are compared are measured in turns, and of all turns the one in the middle counts. The
//! handler is the real program; what is measured for its memory or its start is a process of its own.
//! What `cargo bench --bench table` starts is itself with another task: `bare`, `replay` and `plan`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot start ends with a panic")]
#![expect(clippy::expect_used, reason = "a bench that cannot start ends with a panic")]
#![expect(clippy::print_stdout, reason = "the table is what was asked for")]
#![expect(clippy::disallowed_methods, reason = "it measures time, and is told where to listen")]
#![expect(clippy::indexing_slicing, reason = "what is looked up was put there")]

mod attach;
mod events;
mod goals;
mod load;
mod plans;
mod process;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use comfy_table::{CellAlignment, Table};

use attach::Attaching;
use goals::{
    ATTACHMENT_TAIL, ATTACHMENTS, EVENT_TAIL, EVENTS, GOALS, IDLE, LARGE_PLAN, MATCHING, MEMORY,
    PLAN, START,
};
use load::Target;
use process::{Running, own, start};

const POLICY: &str = include_str!("../../policy.yaml");

/// How often figures that are compared are measured
const TURNS: usize = 5;

/// How many attachments are made in a turn: in all fewer than a subscription may have
const BATCH: usize = 160;

/// Ours, and the peer's where there is one
type Figures = BTreeMap<&'static str, (f64, Option<f64>)>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tokio = tokio::runtime::Runtime::new().unwrap();
    match arguments[..] {
        ["bare"] => return tokio.block_on(events::be_bare()),
        ["replay", recipe] => return tokio.block_on(attach::replay(recipe)),
        ["plan", clusters, registries, tries] => {
            let [clusters, registries, tries] =
                [clusters, registries, tries].map(|text| text.parse().unwrap());
            return println!("{}", plans::planning(clusters, registries, tries));
        }
        ["matching", clusters, registries] => {
            let (ours, peer) =
                plans::matching(clusters.parse().unwrap(), registries.parse().unwrap());
            return println!("{ours} {peer}");
        }
        _ => {}
    }
    let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("table");
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("policy.yaml"), POLICY.replace("change-me", "bench")).unwrap();
    let mut figures = Figures::new();
    starts(&root, &mut figures);
    planned(&mut figures);
    tokio.block_on(async {
        handled(&root, &mut figures).await;
        attached(&root, &mut figures).await;
    });
    println!("{}", table(&figures));
}

/// The program as the host starts it, in an Azure that is not there: nothing here asks for one
fn handler(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tether"));
    let nowhere = "http://127.0.0.1:9";
    command.arg("serve").env_clear().envs([
        ("FUNCTIONS_APP_ROOT_PATH", root.to_str().unwrap()),
        ("TETHER_AUTH", "managed-identity"),
        ("IDENTITY_ENDPOINT", &format!("{nowhere}/msi/token")),
        ("IDENTITY_HEADER", "header"),
        ("TETHER_ARM_ENDPOINT", nowhere),
        ("TETHER_SERVICE_BUS_ENDPOINT", nowhere),
        ("TETHER_SUBSCRIPTIONS", "11111111-1111-4111-8111-111111111111"),
    ]);
    command
}

fn starts(root: &Path, figures: &mut Figures) {
    let took = |running: &Running| 1000.0 * running.took.as_secs_f64();
    let turns = (0..4 * TURNS).map(|_| (took(&start(&mut handler(root))), took(&events::bare())));
    let (ours, peer): (Vec<_>, Vec<_>) = turns.unzip();
    figures.insert(START, (median(ours), Some(median(peer))));
}

fn planned(figures: &mut Figures) {
    let told = |arguments: &[&str]| {
        let output = own(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().map(|word| word.parse().unwrap()).collect::<Vec<f64>>()
    };
    let matching = told(&["matching", "4000", "400"]);
    figures.insert(MATCHING, (matching[0], Some(matching[1])));
    figures.insert(PLAN, (told(&["plan", "10000", "1000", "9"])[0], None));
    figures.insert(LARGE_PLAN, (told(&["plan", "100000", "10000", "3"])[0], None));
}

async fn handled(root: &Path, figures: &mut Figures) {
    let (ours, peer) = (start(&mut handler(root)), events::bare());
    figures.insert(IDLE, (ours.memory(), Some(peer.memory())));
    let targets = (events::target(&ours), events::target(&peer));
    let mut rates = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        rates.0.push(targets.0.flood(20_000).await);
        rates.1.push(targets.1.flood(20_000).await);
    }
    figures.insert(MEMORY, (ours.memory(), Some(peer.memory())));
    let rates = (median(rates.0), median(rates.1));
    figures.insert(EVENTS, (rates.0, Some(rates.1)));
    let mut tails = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        tails.0.push(tail(&targets.0, 5_000, rates.0).await);
        tails.1.push(tail(&targets.1, 5_000, rates.1).await);
    }
    figures.insert(EVENT_TAIL, (median(tails.0), Some(median(tails.1))));
}

async fn attached(root: &Path, figures: &mut Figures) {
    let mut attaching = Attaching::start(root).await;
    let mut rates = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        rates.0.push(attaching.handler(BATCH).flood(BATCH).await);
        rates.1.push(attaching.bare(BATCH).flood(BATCH).await);
    }
    let rates = (median(rates.0), median(rates.1));
    figures.insert(ATTACHMENTS, (rates.0, Some(rates.1)));
    let mut tails = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        tails.0.push(tail(&attaching.handler(BATCH), BATCH, rates.0).await);
        tails.1.push(tail(&attaching.bare(BATCH), BATCH, rates.1).await);
    }
    figures.insert(ATTACHMENT_TAIL, (median(tails.0), Some(median(tails.1))));
    attaching.check();
}

/// How much longer the slowest of a hundred takes than one of two, at half the load that was possible
async fn tail(target: &Target, count: usize, most: f64) -> f64 {
    let took: Vec<Duration> = target.steady(count, most / 2.0).await;
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)].as_secs_f64();
    at(99) / at(50)
}

/// Half of them are smaller.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn table(figures: &Figures) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::ASCII_MARKDOWN);
    table.set_header(["figure", "tether", "beside it", "share", "goal", ""]);
    for (name, goal) in GOALS {
        let (ours, peer) = figures[name];
        let share = peer.map(|peer| 100.0 * ours / peer);
        let met = goal.is_met(ours, peer);
        table.add_row([
            name.to_owned(),
            shown(ours),
            peer.map_or_else(|| "-".to_owned(), shown),
            share.map_or_else(|| "-".to_owned(), |share| format!("{share:.0} %")),
            goal.to_string(),
            met.map_or("", |met| if met { "met" } else { "missed" }).to_owned(),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn shown(figure: f64) -> String {
    if figure < 100.0 { format!("{figure:.1}") } else { format!("{figure:.0}") }
}
