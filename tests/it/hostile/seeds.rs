//! The properties that are fuzzed, on every seed and on what fuzzing found: `fuzz/` says more.

#[expect(unreachable_pub, reason = "elsewhere it is a crate of its own")]
#[path = "../../../fuzz/src/lib.rs"]
mod properties;

use std::fs;
use std::path::Path;

/// Every file of a folder goes to the property. How many there were.
fn replay(folder: &str, property: fn(&[u8])) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let files = files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| property(&fs::read(path).unwrap())).count()
}

/// A name, folders, and what must hold
type Target = (&'static str, &'static [&'static str], fn(&[u8]));

/// Each target with where its seeds are, as in `fuzz/run.sh`
const TARGETS: [Target; 6] = [
    ("envelope", &["tests/fixtures/host", "fuzz/seeds/envelope"], properties::envelope),
    ("event", &["fuzz/seeds/event"], properties::event),
    ("command", &["fuzz/seeds/command"], properties::command),
    (
        "policy",
        &["tests/policies/broken", "tests/policies/doubtful", "fuzz/seeds/policy"],
        properties::policy,
    ),
    (
        "answer",
        &["tests/fixtures/arm", "tests/fixtures/azure-api/odd", "fuzz/seeds/answer"],
        properties::answer,
    ),
    ("resource_id", &["fuzz/seeds/resource_id"], properties::resource_id),
];

#[test]
fn what_holds_for_any_input_holds_for_every_seed() {
    for (target, folders, property) in TARGETS {
        let seeds: usize = folders.iter().map(|folder| replay(folder, property)).sum();
        assert!(seeds >= 10, "{target} has {seeds} seeds");
    }
}

#[test]
fn every_target_is_run_with_these_seeds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let (script, manifest) = (read("fuzz/run.sh"), read("fuzz/Cargo.toml"));
    for (target, folders, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
        let calls = format!("tether_fuzz::{target}(data)");
        assert!(read(&format!("fuzz/fuzz_targets/{target}.rs")).contains(&calls), "{target}");
        assert!(script.contains(target), "{target}");
        for folder in folders.iter().filter_map(|folder| folder.strip_prefix("tests/")) {
            assert!(script.contains(&format!("../tests/{folder}")), "{target}: {folder}");
        }
    }
    assert_eq!(fs::read_dir(root.join("fuzz/fuzz_targets")).unwrap().count(), TARGETS.len());
}
