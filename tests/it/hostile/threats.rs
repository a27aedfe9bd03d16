//! SECURITY.md: every claim names tests that prove it, and every test that is named exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Names of the tests of this project
fn tests() -> BTreeSet<String> {
    let mut folders: Vec<PathBuf> = ["src", "tests"].map(|folder| root().join(folder)).into();
    let mut names = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                names.extend(tests_in(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    names
}

fn tests_in(text: &str) -> Vec<String> {
    let is_mark = |line: &&str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let mut names = Vec::new();
    for (at, _) in lines.iter().enumerate().filter(|(_, line)| is_mark(line)) {
        let function = lines[at..].iter().find_map(|line| line.split_once("fn "));
        let name = function.and_then(|(_, rest)| rest.split('(').next());
        names.extend(name.map(str::to_owned));
    }
    names
}

/// The rows of the table of threats, as cells
fn rows(text: &str) -> Vec<Vec<&str>> {
    let section = text.split("\n## ").find(|section| section.starts_with("Threats\n")).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_claim_on_security_names_tests_that_exist() {
    let text = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let tests = tests();
    let claims: Vec<_> = rows(&text).into_iter().filter(|row| row[0] != "who").collect();
    assert!(claims.len() >= 12, "{claims:?}");
    for claim in claims {
        assert_eq!(claim.len(), 4, "{claim:?}");
        let named: Vec<&str> = claim[3].split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no test proves: {}", claim[2]);
        for name in named {
            assert!(tests.contains(name), "there is no test `{name}`");
        }
    }
}

#[test]
fn what_is_deployed_stops_at_a_wrong_number_instead_of_wrapping() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let release = manifest.split("[profile.release]").nth(1).unwrap();
    let release = release.split("\n[").next().unwrap();
    assert!(release.lines().any(|line| line.starts_with("overflow-checks = true")), "{release}");
    let script = fs::read_to_string(root().join("infra/package.sh")).unwrap();
    assert!(script.contains("--release") && !script.contains("overflow-checks"), "{script}");
}
