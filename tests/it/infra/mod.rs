//! The files in `infra`, without Azure: the Bicep is read, every property is held to the compiler's
//! type data, every name to what it stands for, and what stands in several places to be the same.

mod always;
mod bicep;
mod condition;
mod defaults;
mod kinds;
mod lexer;
mod parser;
mod planted;
mod reserved;
mod rules;
mod symbols;
mod syntax;
mod types;
mod uses;
mod versions;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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

/// The Bicep files by name, such as `infra/main.bicep`
fn sources() -> BTreeMap<String, String> {
    let mut sources = BTreeMap::new();
    for folder in ["infra", "infra/modules"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "bicep") {
                let name = format!("{folder}/{}", path.file_name().unwrap().to_str().unwrap());
                sources.insert(name.clone(), read(name));
            }
        }
    }
    assert!(sources.len() > 5, "{:?}", sources.keys());
    sources
}

fn files(sources: &BTreeMap<String, String>) -> BTreeMap<String, File> {
    let read = |(name, text): (&String, &String)| (name.clone(), File::read(name, text));
    sources.iter().map(read).collect()
}

/// Everything that is wrong with these files
fn problems(sources: &BTreeMap<String, String>) -> Vec<String> {
    let files = files(sources);
    let types = Types::load();
    let mut problems = Vec::new();
    for file in files.values() {
        problems.extend(file.problems.clone());
        problems.extend(types.check(file));
        problems.extend(symbols::check(file, &files, &types));
        problems.extend(always::check(file));
    }
    problems
}

#[test]
fn every_property_is_known_and_every_name_stands_for_something() {
    assert_eq!(problems(&sources()), Vec::<String>::new());
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
