//! The texts of the repository that may ask Azure for something, and the versions that stand in them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use super::{read, root};

/// Endings of files that are read
const ENDINGS: [&str; 12] =
    ["html", "js", "json", "kql", "md", "ps1", "py", "rs", "sh", "toml", "yaml", "yml"];

/// The program, what deploys it and what is said of it; beside these the files at the top
const FOLDERS: [&str; 4] = ["docs", "function-definitions", "infra", "src"];

/// Texts by name, without tests, without the emulator, which is asked and asks nobody, and without the
/// file that lists the versions
pub(super) fn texts(table: &str) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for folder in FOLDERS {
        collect(folder, &mut texts);
    }
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if is_text(&name) {
            texts.insert(name.clone(), read(name));
        }
    }
    texts.remove(table).expect("the table is among them");
    texts
}

fn is_text(name: &str) -> bool {
    let ending = Path::new(name).extension();
    ENDINGS.iter().any(|one| ending.is_some_and(|ending| ending == *one))
}

fn collect(folder: &str, texts: &mut BTreeMap<String, String>) {
    if folder == "src/emulator" {
        return;
    }
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{folder}/{}", entry.file_name().into_string().unwrap());
        if entry.path().is_dir() {
            collect(&name, texts);
        } else if is_text(&name) && Path::new(&name).file_stem().unwrap() != "tests" {
            texts.insert(name.clone(), before_tests(&read(name)).to_owned());
        }
    }
}

static TESTS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"#\[cfg\(test\)\]\s+mod tests \{").unwrap());

/// A file without the tests at its end. Other things that are only there for tests stay in.
fn before_tests(text: &str) -> &str {
    TESTS.splitn(text, 2).next().unwrap_or_default()
}

/// Ways to ask for a version in an address, and as a parameter of its own
static ASKED: LazyLock<[Regex; 2]> = LazyLock::new(|| {
    [
        r"api-version=([0-9A-Za-z][0-9A-Za-z-]*)",
        r#"api-version(?:["'\\=:,\s]|%3[Dd])*([0-9]{4}-[0-9]{2}-[0-9]{2}[0-9A-Za-z-]*)"#,
    ]
    .map(|way| Regex::new(way).unwrap())
});

static DATE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""([0-9]{4}-[0-9]{2}-[0-9]{2}(?:-[0-9A-Za-z-]+)?)""#).unwrap());

/// The versions that a file asks for, however it does. Where the program asks Azure, a date in quotes is
/// a version too.
pub(super) fn asked(name: &str, text: &str) -> BTreeSet<String> {
    let asks = ["src/azure/", "src/cli/"].iter().any(|folder| name.starts_with(folder));
    let ways = ASKED.iter().filter(|_| text.contains("api-version")).chain(asks.then_some(&*DATE));
    ways.flat_map(|way| way.captures_iter(text)).map(|found| found[1].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_seen_however_it_is_asked_for() {
        #[track_caller]
        fn check(name: &str, text: &str, expected: &[&str]) {
            let found: Vec<String> = asked(name, text).into_iter().collect();
            assert_eq!(found, expected, "{name}: {text}");
        }
        let preview = ["2019-01-01-preview"];
        for text in [
            "?api-version=2019-01-01-preview&x=1",
            r#"[("api-version", "2019-01-01-preview")]"#,
            r#"["api-version","2019-01-01-preview"]"#,
            "\"api-version\",\n    \"2019-01-01-preview\",",
            r#"{ "api-version": "2019-01-01-preview" }"#,
            r#"\"api-version\": \"2019-01-01-preview\""#,
            "az resource show --api-version 2019-01-01-preview --ids x",
            "az resource show --api-version=2019-01-01-preview",
            "az resource show --api-version '2019-01-01-preview'",
            "--api-version \\\n  2019-01-01-preview",
            "api-version%3D2019-01-01-preview",
        ] {
            check("infra/deploy.sh", text, &preview);
        }
        let constant = "const OLD: &str = \"2019-01-01-preview\";";
        check("src/azure/request.rs", constant, &preview);
        check("src/cli/send/mod.rs", "ask(\"2010-01-01\")", &["2010-01-01"]);
        check("src/policy/lint/mod.rs", constant, &[]);
        check("src/azure/request.rs", "\"2026-01-02T03:04:05.678Z\"", &[]);
        check("README.md", "api-version=latest, and `api-version` since 2019-01-01", &["latest"]);
    }

    #[test]
    fn only_the_tests_at_the_end_of_a_file_are_cut() {
        let text = "#[cfg(test)]\nmod tests;\n\nconst A: u8 = 1;\n\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(before_tests(text), "#[cfg(test)]\nmod tests;\n\nconst A: u8 = 1;\n\n");
    }

    #[test]
    fn every_place_that_may_ask_is_read() {
        let texts = texts("infra/api-versions.md");
        for name in [
            "infra/queries/role-assignments-outside.kql",
            "infra/hello.yaml",
            "infra/deploy.sh",
            "policy.yaml",
            "README.md",
            "host.json",
        ] {
            assert!(texts.contains_key(name), "{name}");
        }
        // These have tests declared near the top.
        for name in ["src/azure/pace/mod.rs", "src/functions/status/mod.rs", "src/plan/mod.rs"] {
            let after = texts[name].split_once("#[cfg(test)]").unwrap().1;
            assert!(after.contains("\nfn ") || after.contains("\npub"), "{name}");
        }
        assert!(!texts.keys().any(|name| name.starts_with("src/emulator/")));
    }
}
