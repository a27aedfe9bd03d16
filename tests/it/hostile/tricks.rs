//! Tags and names that try to be more than a text: in an address, a query, a header, a log line or on
//! a terminal.

use std::collections::BTreeSet;

use serde_json::json;
use tether::emulator::world::{World, settings};
use url::Url;

use super::{asking, offered, reconcile_everything};
use crate::corridor::commands::{ask, reports, with_pins};
use crate::corridor::input::logged;
use crate::corridor::{settle, start};
use crate::program;

/// What a tag or a name may try
const TRICKS: [&str; 16] = [
    "../../acr1",
    "acr1/../../x",
    "acr1%2f..%2fx",
    "%2e%2e%2facr1",
    "acr1\r\nHost: evil.example",
    "acr1\r\nx-injected: 1\r\n\r\nGET / HTTP/1.1",
    "acr1' or '1' == '1",
    "acr1') | project secret //",
    "\"acr1\"\\",
    "\u{202e}1rca",
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}8m",
    "<script>alert(1)</script>",
    "ａｃｒ１",
    "\u{430}cr1",
    "acr1\u{200b}",
    "acr1?api-version=x#y",
];

/// A world with a cluster for each trick, each asking for what the trick says
async fn world() -> World {
    let world = start(with_pins()).await;
    world.events.pause();
    world.azure.create_registry(&offered("acr1")).unwrap();
    for (number, trick) in TRICKS.iter().enumerate() {
        let spec = asking(&format!("aks{number}"), trick).tag("team", trick);
        world.azure.create_cluster(&spec).unwrap();
    }
    world
}

/// What of a trick is too plain to be looked for
fn is_telling(part: &str) -> bool {
    part.len() > 3 && !["acr1", "Host", "project", "secret"].contains(&part)
}

/// Whether a text holds anything that acts instead of being read
fn acts(text: &str) -> bool {
    let acting = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202a}'..='\u{202e}');
    text.contains(acting)
}

/// Every address is made of known ids, and nothing of any trick is in an address, a query or a body.
#[track_caller]
fn check_requests(world: &World) {
    let log = world.azure.log();
    assert!(log.len() >= 3);
    for request in log {
        let sent = format!("{} {} {:?}", request.path, request.query, request.body);
        for part in
            TRICKS.iter().flat_map(|trick| trick.split_whitespace()).filter(|p| is_telling(p))
        {
            assert!(!sent.contains(part), "`{part}` is in {sent}");
        }
        let address = Url::parse(&format!("http://127.0.0.1{}", request.path)).unwrap();
        assert!(!address.path().contains("..") && !address.path().contains('%'), "{address}");
    }
}

#[tokio::test]
async fn a_tag_gets_into_no_address_and_no_query_and_attaches_nothing() {
    let world = world().await;
    world.azure.clear_log();
    reconcile_everything(&world, "m-1").await;
    assert_eq!(world.azure.assignments(), []);
    check_requests(&world);
    let lines = logged(&world);
    assert!(!acts(&lines), "{lines:?}");
}

#[tokio::test]
async fn a_name_in_a_command_gets_into_no_address_no_query_and_no_header() {
    let world = world().await;
    world.azure.clear_log();
    for (number, trick) in TRICKS.iter().enumerate() {
        let id = |part: &str| format!("{part}-{number}-{trick}");
        let command = json!({ "command": "attach", "cluster": trick, "registry": "acr1" });
        ask(&world, &id("c"), &command);
        let command = json!({ "command": "detach", "cluster": "aks1", "registry": trick });
        ask(&world, &id("r"), &command);
        ask(&world, &id("s"), &json!({ "command": "reconcile", "scope": trick }));
        ask(
            &world,
            &id("f"),
            &json!({ "command": "reconcile", "scope": "everything", (*trick): 1 }),
        );
        settle(&world).await;
        for part in ["c", "r", "s", "f"] {
            let reports = reports(&world, &id(part));
            assert_eq!(reports.len(), 1, "{part} {trick:?}");
            assert_eq!(reports[0]["outcome"], "refused", "{part} {trick:?}: {}", reports[0]);
        }
    }
    assert_eq!(world.azure.assignments(), []);
    check_requests(&world);
    assert!(!acts(&logged(&world)));
    // Each is in `rejected` with its own properties, and no trick made a property of its own.
    let names: BTreeSet<String> = world
        .namespace
        .active("rejected")
        .into_iter()
        .flat_map(|stored| stored.message.properties.into_keys())
        .collect();
    let known = ["field", "hint", "reason"].map(str::to_owned);
    assert_eq!(names, BTreeSet::from(known));
}

#[tokio::test]
async fn no_tag_moves_the_cursor_of_whoever_looks() {
    let world = world().await;
    for (number, trick) in TRICKS.iter().enumerate() {
        let name = format!("aks{number}");
        let explained = look(&world, &["explain", &name, "acr1"]).await;
        assert!(explained.contains("By the policy: no rule wants it"), "{explained}");
        assert!(!acts(&explained), "{trick:?}: {explained:?}");
        let plain = look(&world, &["explain", "aks0", "acr1"]).await;
        assert_eq!(explained.lines().count(), plain.lines().count(), "{explained}");
    }
    for words in [&["plan", "--all"][..], &["plan", "--output", "json"], &["check", "aks4", "acr1"]]
    {
        let told = look(&world, words).await;
        assert!(!told.is_empty() && !acts(&told), "{told:?}");
    }
}

async fn look(world: &World, words: &[&str]) -> String {
    let mut command = program::tether(words);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    command.envs(settings(&world.azure, &world.namespace)).current_dir(folder);
    let policy = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tricks.yaml");
    std::fs::write(&policy, crate::corridor::policy()).unwrap();
    command.env("TETHER_POLICY", policy);
    let ended = program::run(command).await;
    assert!(!acts(&ended.stderr), "{:?}", ended.stderr);
    ended.stdout
}

/// What is said in one place is made harmless there.
#[test]
fn only_one_place_speaks_to_whoever_runs_tether() {
    let mut folders =
        vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli"))];
    let mut speaking = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let words = ["io::stdout()", "io::stderr()", "println!(", "print!("];
            if words.iter().any(|word| text.contains(word)) {
                let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
                speaking.insert(name.display().to_string());
            }
        }
    }
    // The demo shows a world of its own making; `mod` says why the program ends.
    let known = ["src/cli/demo/watch.rs", "src/cli/mod.rs", "src/cli/voice.rs"];
    assert_eq!(speaking, BTreeSet::from(known.map(str::to_owned)));
}
