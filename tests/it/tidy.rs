//! The house rules that no lint can express.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What each room may import of ours. `main` and `lib` may import everything.
const ARROWS: [(&str, &[&str]); 10] = [
    ("model", &[]),
    ("policy", &["model"]),
    ("plan", &["model", "policy"]),
    ("azure", &["model"]),
    ("runtime", &[]),
    ("emulator", &[]),
    ("config", &["azure", "model", "policy", "runtime"]),
    ("reconcile", &["azure", "model", "plan", "policy"]),
    ("functions", &["azure", "model", "plan", "policy", "reconcile", "runtime"]),
    (
        "cli",
        &[
            "azure",
            "config",
            "emulator",
            "functions",
            "model",
            "plan",
            "policy",
            "reconcile",
            "runtime",
        ],
    ),
];

const LONGEST_FILE: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "no files in {folder}");
    files
}

/// The room that a file of `src` belongs to: its folder, or its own name
fn room(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
    first.trim_end_matches(".rs").to_owned()
}

/// The rooms named after `crate::` in a text, comments apart
fn rooms_named(text: &str) -> BTreeSet<&str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn rooms_import_only_what_the_map_allows() {
    for file in rust_files("src") {
        let room = room(&file);
        if room == "main" || room == "lib" {
            continue;
        }
        let (_, allowed) =
            ARROWS.into_iter().find(|(name, _)| *name == room).unwrap_or_else(|| {
                panic!("`{room}` is on no arrow: add it here and to ARCHITECTURE.md")
            });
        for named in rooms_named(&fs::read_to_string(&file).unwrap()) {
            let is_allowed = named == room || allowed.contains(&named);
            assert!(is_allowed, "{} imports `{named}`", file.display());
        }
    }
}

#[test]
fn the_deciding_rooms_are_synchronous() {
    for room in ["src/model", "src/policy", "src/plan"] {
        for file in rust_files(room) {
            let text = fs::read_to_string(&file).unwrap();
            for word in ["async fn", "async move", ".await"] {
                assert!(!text.contains(word), "{} holds `{word}`", file.display());
            }
        }
    }
}

#[test]
fn the_deciding_rooms_tell_nobody() {
    for room in ["src/model", "src/policy", "src/plan"] {
        for file in rust_files(room) {
            let text = fs::read_to_string(&file).unwrap();
            for word in ["opentelemetry", "tracing::"] {
                assert!(!text.contains(word), "{} holds `{word}`", file.display());
            }
        }
    }
}

#[test]
fn only_config_reads_the_environment() {
    for file in rust_files("src") {
        let text = fs::read_to_string(&file).unwrap();
        let reads = ["env::var", "env::vars", "env::var_os"].iter().any(|call| text.contains(call));
        assert!(!reads || room(&file) == "config", "{} reads the environment", file.display());
    }
}

#[test]
fn every_file_says_what_it_is_for_and_stays_readable() {
    for file in [rust_files("src"), rust_files("tests"), rust_files("benches")].concat() {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} opens without a word on itself", file.display());
        let lines = text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", file.display());
    }
}

#[test]
fn the_map_names_every_room_and_nothing_that_is_not_there() {
    let map = read("ARCHITECTURE.md");
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let room = name.trim_end_matches(".rs");
        assert!(map.contains(&format!("`{room}`")), "ARCHITECTURE.md does not name `{room}`");
    }
    let texts = [map, read("README.md"), read("infra/README.md"), read("SECURITY.md")];
    for path in texts.iter().flat_map(|text| paths_in(text)) {
        assert!(root().join(path).exists(), "`{path}` is named in the documents, but not there");
    }
}

/// Words in backquotes that are paths of this project
fn paths_in(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|word| {
        let starts = ["src/", "tests/", "infra/", "benches/", "function-definitions/"];
        let is_path = starts.iter().any(|start| word.starts_with(start));
        is_path && !word.contains(['<', '*', '{', ' ', '\n'])
    })
}

#[test]
fn a_folder_of_function_definitions_for_every_function_and_no_other() {
    let folders: BTreeSet<String> = fs::read_dir(root().join("function-definitions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let functions = tether::functions::NAMES.map(str::to_owned);
    assert_eq!(folders, BTreeSet::from(functions));
}

#[test]
fn commands_in_the_readme_exist() {
    let readme = read("README.md") + &read("infra/README.md");
    let mut count = 0;
    for command in readme.split("cargo run -- ").skip(1) {
        let name = command.split(|c: char| !c.is_alphanumeric() && c != '-').next().unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_tether"))
            .args([name, "--help"])
            .output()
            .unwrap();
        assert!(output.status.success(), "README names `tether {name}`, which does not exist");
        count += 1;
    }
    assert!(count > 0);
    assert!(readme.contains("cargo test"));
}
