//! What files put out: of the type that they say, of one that says something, and no secret; and the
//! decorators, which say what is a secret.

use std::collections::{BTreeMap, BTreeSet};

use super::bicep::{Declaration, File, value};
use super::kinds::{Fit, Kind};
use super::reserved::is_decorator;
use super::symbols::beside;
use super::syntax::{Expr, Item, What};
use super::types::Types;

/// The one output that may be any object: the type of a parameter of the second template says what it is.
const HANDED_ON: (&str, &str) = ("infra/main.bicep", "installation");

/// What is wrong with the decorators and outputs of a file, and with where its secrets go
pub(super) fn check(file: &File, files: &BTreeMap<String, File>, types: &Types) -> Vec<String> {
    let mut problems = Vec::new();
    let mut say =
        |line: usize, what: String| problems.push(format!("{}:{line}: {what}", file.name));
    let secrets = secrets(file);
    for item in &file.items {
        for decorator in &item.decorators {
            let is_known = matches!(&decorator.what, What::Call(function, _)
                if function.name().is_some_and(is_decorator));
            if !is_known {
                say(decorator.line, format!("there is no decorator `{decorator}`"));
            }
        }
        let Some(body) = &item.body else { continue };
        if item.word == "module" {
            for (line, name) in told(item, body, &secrets, file, files) {
                say(line, format!("`{name}` is given a secret and is not secure"));
            }
        }
        if item.word != "output" {
            continue;
        }
        let (name, kind) = (&item.name, &file.promised[&item.name]);
        if mentions(body, &secrets) {
            say(item.line, format!("`{name}` puts out a secret"));
        }
        if kind.is_open(file) && (file.name.as_str(), name.as_str()) != HANDED_ON {
            say(item.line, format!("`{name}` may put out anything: its type is `{kind}`"));
        }
        for problem in (Known { file, files, types }).problems(name, body, kind, &[]) {
            say(item.line, format!("the output `{name}` does not fit: it {problem}"));
        }
    }
    problems
}

/// Names of secure parameters, and of what is made of them
fn secrets(file: &File) -> BTreeSet<String> {
    let is_secure = |item: &&Item| item.decorator("secure").is_some();
    let mut secrets: BTreeSet<String> =
        file.items.iter().filter(is_secure).map(|item| item.name.clone()).collect();
    loop {
        let before = secrets.len();
        for item in file.items.iter().filter(|item| item.word == "var") {
            if item.body.as_ref().is_some_and(|body| mentions(body, &secrets)) {
                secrets.insert(item.name.clone());
            }
        }
        if secrets.len() == before {
            return secrets;
        }
    }
}

fn mentions(expr: &Expr, names: &BTreeSet<String>) -> bool {
    expr.name().is_some_and(|name| names.contains(name))
        || expr.parts().into_iter().any(|part| mentions(part, names))
}

/// The parameters of a module that are given secrets without being secure
fn told(
    item: &Item,
    body: &Expr,
    secrets: &BTreeSet<String>,
    file: &File,
    files: &BTreeMap<String, File>,
) -> Vec<(usize, String)> {
    let Some(module) = files.get(&beside(&file.name, &item.path)) else { return Vec::new() };
    let is_secure = |name: &str| {
        let mut items = module.items.iter();
        items.any(|item| item.name == name && item.decorator("secure").is_some())
    };
    let given = body.made().get("params").map(Expr::entries).unwrap_or_default();
    let secret = given.iter().filter(|entry| mentions(&entry.value, secrets));
    secret
        .filter_map(|entry| Some((entry.line, entry.key()?.to_owned())))
        .filter(|(_, name)| !is_secure(name))
        .collect()
}

/// A type that several files declare is sealed in all of them or in none.
pub(super) fn half_sealed(files: &BTreeMap<String, File>) -> Vec<String> {
    let mut types: BTreeMap<&str, Vec<(&str, bool)>> = BTreeMap::new();
    for file in files.values() {
        for (name, declaration) in &file.declarations {
            if let Declaration::Type { is_sealed, .. } = declaration {
                types.entry(name).or_default().push((&file.name, *is_sealed));
            }
        }
    }
    let mut problems = Vec::new();
    for (name, places) in types {
        if places.iter().any(|(_, is_sealed)| *is_sealed) {
            for (file, _) in places.iter().filter(|(_, is_sealed)| !is_sealed) {
                problems.push(format!("{file}: `{name}` is sealed elsewhere and not here"));
            }
        }
    }
    problems
}

/// Functions by what they give; what others give depends on what they are given.
const GIVES: [(&str, &[&str]); 3] = [
    ("bool", &["bool", "contains", "empty", "endsWith", "startsWith"]),
    ("int", &["indexOf", "int", "lastIndexOf", "length"]),
    (
        "string",
        &[
            "base64",
            "extensionResourceId",
            "format",
            "guid",
            "join",
            "loadTextContent",
            "padLeft",
            "replace",
            "resourceId",
            "string",
            "subscriptionResourceId",
            "substring",
            "tenantResourceId",
            "toLower",
            "toUpper",
            "trim",
            "uniqueString",
        ],
    ),
];

/// Finds the types of values.
struct Known<'a> {
    file: &'a File,
    files: &'a BTreeMap<String, File>,
    types: &'a Types,
}

impl<'a> Known<'a> {
    /// What is wrong with a value for a type of the same file; `loops` are names that loops give.
    fn problems(&self, at: &str, expr: &Expr, kind: &Kind, loops: &[String]) -> Vec<String> {
        let file = self.file;
        let each = |parts: &[Expr], kind: &Kind| -> Vec<String> {
            parts.iter().flat_map(|part| self.problems(at, part, kind, loops)).collect()
        };
        let resolved = kind.resolved(file);
        match (&expr.bare().what, &resolved) {
            (What::Choice(parts), _) => each(&parts[1..], kind),
            (What::Binary("??", parts), _) => each(&parts[..], kind),
            (What::Array(items), Kind::List(kind)) => each(items, kind),
            (What::Each(within), Kind::List(kind)) => {
                let loops = [loops, &within.names].concat();
                self.problems(at, &within.body, kind, &loops)
            }
            (What::Object(entries), Kind::Members(all)) => {
                let mut problems = self.fit(at, expr, kind);
                for entry in entries {
                    let key = entry.key().unwrap_or("*");
                    if let Some(kind) = all.get(key).or_else(|| all.get("*")) {
                        let at = format!("{at}.{key}");
                        problems.extend(self.problems(&at, &entry.value, kind, loops));
                    }
                }
                problems
            }
            (What::Name(name), _) if loops.contains(name) => Vec::new(),
            _ => match self.kind(expr, loops) {
                Some((other, its)) if !kind.takes(file, &other, its) => {
                    vec![format!("takes a {kind} for `{at}`, and is given a {other}")]
                }
                Some(_) => Vec::new(),
                None => self.fit(at, expr, kind),
            },
        }
    }

    fn fit(&self, at: &str, expr: &Expr, kind: &Kind) -> Vec<String> {
        (Fit { file: self.file, its: self.file }).problems(at, &value(expr), kind)
    }

    /// The type of a value, and the file that declares it, if they are known
    #[expect(clippy::wildcard_enum_match_arm, reason = "the types of all others are not known")]
    fn kind(&self, expr: &Expr, loops: &[String]) -> Option<(Kind, &'a File)> {
        let named = |name: &str| Some((Kind::Named(name.to_owned()), self.file));
        match &expr.bare().what {
            What::Binary("+" | "-" | "*" | "/" | "%", _) | What::Unary("-", _) => named("int"),
            What::Binary("??", _) => None,
            What::Binary(..) | What::Unary(..) => named("bool"),
            What::Call(function, _) => {
                let gives =
                    |(_, all): &&(&str, &[&str])| all.contains(&function.name().unwrap_or(""));
                named(GIVES.iter().find(gives)?.0)
            }
            What::Name(name) if !loops.contains(name) => self.named(name, &[]),
            What::Member(..) => {
                let (base, path) = members(expr);
                let base = base.name().filter(|name| !loops.iter().any(|one| one == name))?;
                self.named(base, &path)
            }
            _ => None,
        }
    }

    /// The type of a member of something that is declared
    fn named(&self, name: &str, path: &[String]) -> Option<(Kind, &'a File)> {
        match self.file.declarations.get(name)? {
            Declaration::Param { kind, .. } => Some((kind.at(self.file, path)?, self.file)),
            Declaration::Resource { kind, .. } if !path.is_empty() => {
                let kind = self.types.kind(kind, path)?;
                Some((Kind::Named(kind.to_owned()), self.file))
            }
            Declaration::Module { path: module, .. } => {
                let [outputs, output, rest @ ..] = path else { return None };
                let module = self.files.get(&beside(&self.file.name, module))?;
                let kind = module.promised.get(output).filter(|_| outputs == "outputs")?;
                Some((kind.at(module, rest)?, module))
            }
            Declaration::Var(_) if path.is_empty() => {
                let item = self.file.items.iter().find(|item| item.name == name)?;
                self.kind(item.body.as_ref()?, &[])
            }
            Declaration::Resource { .. } | Declaration::Var(_) | Declaration::Type { .. } => None,
        }
    }
}

/// The `a` and the `b.c` of `a.b.c`
fn members(expr: &Expr) -> (&Expr, Vec<String>) {
    if let What::Member(of, _, name) = &expr.what {
        let (base, mut path) = members(of);
        path.push(name.clone());
        (base, path)
    } else if let What::Assert(of) | What::Group(of) = &expr.what {
        members(of)
    } else {
        (expr, Vec::new())
    }
}
