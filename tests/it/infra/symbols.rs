//! Holds names to what they stand for: every name declared and used, every module given what it asks
//! for, nothing read that is not there, and every module at a scope that it is made for.

use std::collections::BTreeMap;
use std::path::Path;

use super::bicep::{Declaration, File, Value};
use super::kinds::Fit;
use super::reserved;
use super::types::Types;

/// What is wrong with the names of a file
pub(super) fn check(file: &File, files: &BTreeMap<String, File>, types: &Types) -> Vec<String> {
    let mut problems = Vec::new();
    let mut say =
        |line: usize, what: String| problems.push(format!("{}:{line}: {what}", file.name));
    for (line, name) in &file.uses.used {
        if !file.declarations.contains_key(name) {
            say(*line, format!("nothing is called `{name}`"));
        }
    }
    for (line, name) in &file.uses.called {
        if !reserved::is_function(name) {
            say(*line, format!("there is no function `{name}`"));
        }
    }
    for (name, declaration) in &file.declarations {
        for (line, problem) in declaration_problems(file, files, name, declaration) {
            say(line, problem);
        }
    }
    for (line, name) in &file.uses.loops {
        if reserved::is_reserved(name) {
            say(*line, format!("`{name}` hides what Bicep itself calls so"));
        }
    }
    for (line, chain) in &file.uses.chains {
        if let Some(problem) = chain_problem(file, files, types, chain) {
            say(*line, problem);
        }
    }
    problems
}

fn declaration_problems(
    file: &File,
    files: &BTreeMap<String, File>,
    name: &str,
    declaration: &Declaration,
) -> Vec<(usize, String)> {
    let mut problems = Vec::new();
    let mut say = |line: usize, what: String| problems.push((line, what));
    if reserved::is_reserved(name) {
        say(0, format!("`{name}` hides what Bicep itself calls so"));
    }
    let needs_use = match declaration {
        Declaration::Param { kind, default } => {
            if kind.is_open(file) {
                say(0, format!("`{name}` may be anything: its type is `{kind}`"));
            }
            let fit = Fit { file, its: file };
            let wrong = default.iter().flat_map(|value| fit.problems(name, value, kind));
            for problem in wrong {
                say(0, format!("the default of `{name}` does not fit: it {problem}"));
            }
            true
        }
        Declaration::Var(_) | Declaration::Type { .. } => true,
        Declaration::Module { path, body, line } => {
            match files.get(&beside(&file.name, path)) {
                None => say(*line, format!("there is no file `{path}`")),
                Some(module) => {
                    for problem in module_problems(file, module, body) {
                        say(*line, format!("`{path}` {problem}"));
                    }
                }
            }
            false
        }
        Declaration::Resource { .. } => false,
    };
    if needs_use && !file.uses.used.iter().any(|(_, used)| used == name) {
        say(0, format!("`{name}` is never used"));
    }
    problems
}

/// A path as it is meant in a file
pub(super) fn beside(file: &str, path: &str) -> String {
    let folder = Path::new(file).parent().unwrap();
    folder.join(path).to_str().unwrap().to_owned()
}

fn module_problems(file: &File, module: &File, body: &Value) -> Vec<String> {
    let body = if let Value::Each(each) = body { each } else { body };
    let mut problems = Vec::new();
    let nothing = Value::Object(Vec::new());
    let Value::Object(given) = body.get("params").unwrap_or(&nothing) else {
        panic!("the parameters of a module are an object")
    };
    for property in given {
        match module.declarations.get(&property.key) {
            Some(Declaration::Param { kind, .. }) => {
                let fit = Fit { file, its: module };
                problems.extend(fit.problems(&property.key, &property.value, kind));
            }
            _ => problems.push(format!("has no parameter `{}`", property.key)),
        }
    }
    for (name, declaration) in &module.declarations {
        let is_needed = matches!(declaration, Declaration::Param { default: None, .. });
        if is_needed && !given.iter().any(|property| property.key == *name) {
            problems.push(format!("needs `{name}`"));
        }
    }
    let at = scope(file, body.get("scope"));
    if at.as_deref() != Some(&module.target_scope) {
        problems.push(format!("is made for a {}, and put at {at:?}", module.target_scope));
    }
    problems
}

/// Where a module is put
fn scope(file: &File, scope: Option<&Value>) -> Option<String> {
    match scope {
        None => Some(file.target_scope.clone()),
        Some(Value::Call(function, _)) => Some(function.clone()),
        Some(Value::Name(name)) => match file.declarations.get(name) {
            Some(Declaration::Resource { kind, .. })
                if kind.starts_with("Microsoft.Resources/resourceGroups@") =>
            {
                Some("resourceGroup".to_owned())
            }
            _ => None,
        },
        Some(_) => None,
    }
}

/// What is wrong with `a.b.c`
fn chain_problem(
    file: &File,
    files: &BTreeMap<String, File>,
    types: &Types,
    chain: &[String],
) -> Option<String> {
    let shown = chain.join(".");
    match (file.declarations.get(&chain[0])?, &chain[1..]) {
        (Declaration::Module { path, .. }, [outputs, name]) if outputs == "outputs" => {
            let module = files.get(&beside(&file.name, path))?;
            (!module.outputs.contains_key(name))
                .then(|| format!("`{shown}`: `{path}` puts out no `{name}`"))
        }
        (Declaration::Module { .. }, [outputs]) if outputs == "outputs" => None,
        (Declaration::Module { .. }, _) => Some(format!("`{shown}` is no output")),
        (Declaration::Resource { kind, .. }, path) => {
            (!types.has(kind, path)).then(|| format!("`{shown}`: `{kind}` has no such property"))
        }
        (Declaration::Param { kind, .. }, path) => {
            (!kind.has(file, path)).then(|| format!("`{shown}`: `{kind}` has no such member"))
        }
        (Declaration::Var(_) | Declaration::Type { .. }, _) => None,
    }
}
