//! The files in `infra`, without Azure: the Bicep is read, every property is held to the compiler's
//! type data, every name to what it stands for, and what stands in several places to be the same.

mod always;
mod bicep;
mod condition;
mod defaults;
mod deployments;
mod handed;
mod kinds;
mod lexer;
mod outputs;
mod parser;
mod planted;
mod reserved;
mod rules;
mod symbols;
mod syntax;
mod texts;
mod types;
mod uses;
mod versions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use bicep::File;
use types::Types;

/// Files of parameters, and the templates that they are for
const PARAMETERS: [(&str, &str); 2] = [
    ("infra/parameters.json", "infra/main.bicep"),
    ("infra/events.parameters.json", "infra/events.bicep"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Bicep files of the whole repository by name, such as `infra/main.bicep`, and what Bicep reads
/// as parameters
fn sources() -> BTreeMap<String, String> {
    static SOURCES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let mut sources = BTreeMap::new();
        walk(&root(), "", &mut sources);
        assert!(sources.len() > 5, "{:?}", sources.keys());
        sources
    });
    SOURCES.clone()
}

fn walk(root: &Path, folder: &str, sources: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let last = entry.file_name().into_string().unwrap();
        let name = if folder.is_empty() { last.clone() } else { format!("{folder}/{last}") };
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder && !["target", ".git"].contains(&last.as_str()) {
            walk(root, &name, sources);
        } else if !is_folder && (is_bicep(&name) || is_parameters(&name)) {
            sources.insert(name.clone(), fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn is_bicep(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "bicep")
}

/// Whether this is a file of parameters in Bicep's language
fn is_parameters(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending == "bicepparam")
}

fn files(sources: &BTreeMap<String, String>) -> BTreeMap<String, File> {
    let read = |(name, text): (&String, &String)| (name.clone(), File::read(name, text));
    sources.iter().filter(|(name, _)| is_bicep(name)).map(read).collect()
}

/// Everything that is wrong with these files
fn problems(sources: &BTreeMap<String, String>) -> Vec<String> {
    let files = files(sources);
    let types = Types::load();
    let mut problems = Vec::new();
    for name in sources.keys().filter(|name| is_parameters(name)) {
        problems
            .push(format!("{name}: nothing here reads parameters in Bicep; write them as JSON"));
    }
    for file in files.values() {
        problems.extend(file.problems.clone());
        problems.extend(types.check(file));
        problems.extend(symbols::check(file, &files, types));
        problems.extend(always::check(file));
        problems.extend(outputs::check(file, &files, types));
        problems.extend(deployments::check(file, &files));
    }
    problems.extend(outputs::half_sealed(&files));
    problems.extend(handed::check(&files));
    problems
}

#[test]
fn every_property_is_known_and_every_name_stands_for_something() {
    assert_eq!(problems(&sources()), Vec::<String>::new());
}

#[test]
fn bicep_is_found_wherever_it_stands() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bicep-anywhere");
    for (folder, name) in [
        ("", "a.bicep"),
        ("docs/deep/er", "b.bicep"),
        ("infra", "c.bicepparam"),
        ("infra", "d.bicep.md"),
        ("fuzz/target/x", "e.bicep"),
        (".git", "f.bicep"),
        (".ci", "g.bicep"),
    ] {
        fs::create_dir_all(place.join(folder)).unwrap();
        fs::write(place.join(folder).join(name), "").unwrap();
    }
    let mut found = BTreeMap::new();
    walk(&place, "", &mut found);
    let found: Vec<_> = found.into_keys().collect();
    assert_eq!(found, [".ci/g.bicep", "a.bicep", "docs/deep/er/b.bicep", "infra/c.bicepparam"]);
}

#[test]
fn every_module_is_used() {
    let sources = sources();
    for name in sources.keys().filter(|name| name.contains("modules")) {
        let last = name.rsplit('/').next().unwrap();
        let quoted = [format!("'modules/{last}'"), format!("'{last}'")];
        let is_used = sources.values().any(|text| quoted.iter().any(|name| text.contains(name)));
        assert!(is_used, "{name} is used by nothing");
    }
}
