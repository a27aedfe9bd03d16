//! Mistakes that the compiler lets pass, or says of a template as a whole, and that Azure refuses or
//! takes in another sense: names of deployments and role assignments, indexes, parents.

use std::collections::{BTreeMap, BTreeSet};

use super::bicep::File;
use super::symbols::beside;
use super::syntax::{Expr, Item, Loop, Piece, Pieces, What};

/// What Azure takes as the name of a deployment
const LONGEST_NAME: usize = 64;

/// The digits of an index: there are at most 800 resources in a deployment.
const INDEX: usize = 3;

/// The length of a GUID, which the ids of subscriptions are
const GUID: usize = 36;

/// What may be said of a module
const OF_MODULE: [&str; 4] = ["name", "scope", "params", "dependsOn"];

/// What is wrong with the deployments of a file
pub(super) fn check(file: &File, files: &BTreeMap<String, File>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut say =
        |line: usize, what: String| problems.push(format!("{}:{line}: {what}", file.name));
    let mut names = BTreeSet::new();
    for item in &file.items {
        let Some(body) = &item.body else { continue };
        for (line, key) in twice(body) {
            say(line, format!("`{key}` is there twice"));
        }
        for (line, index) in strange_indexes(file, body, &mut Vec::new()) {
            say(line, format!("`{index}` is not of the same turn of the loop"));
        }
        match item.word.as_str() {
            "module" => {
                for problem in of_module(file, files, body, &mut names) {
                    say(item.line, format!("`{}` {problem}", item.name));
                }
            }
            "resource" => {
                let more = [lacks_parent(item, body), of_assignment(file, item, body)];
                for problem in more.into_iter().flatten() {
                    say(item.line, format!("`{}` {problem}", item.name));
                }
            }
            _ => {}
        }
    }
    problems
}

/// Properties that an object has twice, whatever their capitals
fn twice(expr: &Expr) -> Vec<(usize, String)> {
    let mut keys = BTreeSet::new();
    let mut found = Vec::new();
    for entry in expr.entries() {
        let key = Pieces(&entry.key).to_string();
        if !keys.insert(key.to_lowercase()) {
            found.push((entry.line, key));
        }
    }
    found.extend(expr.parts().into_iter().flat_map(twice));
    found
}

fn of_module(
    file: &File,
    files: &BTreeMap<String, File>,
    body: &Expr,
    names: &mut BTreeSet<String>,
) -> Vec<String> {
    let mut problems = Vec::new();
    let made = body.made();
    for entry in made.entries() {
        let key = entry.key().unwrap_or("${}");
        if !OF_MODULE.contains(&key) {
            problems.push(format!("is a module and has no property `{key}`"));
        }
    }
    let Some(name) = made.get("name") else {
        problems.push("has no name".to_owned());
        return problems;
    };
    let each = if let What::Each(each) = &body.what { Some(&**each) } else { None };
    if !names.insert(shown(file, name, each)) {
        problems.push(format!("has the name of another deployment: {name}"));
    }
    let of_loop = each.map_or([].as_slice(), |each| each.names.as_slice());
    if each.is_some() && !mentions(name, of_loop) {
        problems.push(format!("has one name for all: {name}"));
    }
    match (Lengths { file, files }).longest(name, each) {
        None => problems.push(format!("may have a name of any length: {name}")),
        Some(length) if length > LONGEST_NAME => {
            problems.push(format!("may have a name of {length} characters: {name}"));
        }
        Some(_) => {}
    }
    problems
}

fn mentions(expr: &Expr, names: &[String]) -> bool {
    expr.name().is_some_and(|name| names.iter().any(|one| one == name))
        || expr.parts().into_iter().any(|part| mentions(part, names))
}

/// A text with variables replaced by what they stand for, and names of loops by their places
#[expect(clippy::wildcard_enum_match_arm, reason = "everything else is shown as it is written")]
fn shown(file: &File, expr: &Expr, each: Option<&Loop>) -> String {
    match &expr.bare().what {
        What::Text(pieces) => {
            let shown = |piece: &Piece| match piece {
                Piece::Plain(text) => text.clone(),
                Piece::Made(made) => shown(file, made, each),
            };
            pieces.iter().map(shown).collect()
        }
        What::Name(name) => {
            let place = each.and_then(|each| each.names.iter().position(|one| one == name));
            match (place, variable(file, name)) {
                (Some(place), _) => format!("${{{place}}}"),
                (None, Some(body)) => shown(file, body, each),
                (None, None) => format!("${{{name}}}"),
            }
        }
        _ => format!("${{{expr}}}"),
    }
}

fn variable<'a>(file: &'a File, name: &str) -> Option<&'a Expr> {
    let item = file.items.iter().find(|item| item.word == "var" && item.name == name)?;
    item.body.as_ref()
}

/// The most characters that texts can have
struct Lengths<'a> {
    file: &'a File,
    files: &'a BTreeMap<String, File>,
}

impl Lengths<'_> {
    /// Nothing where it is not known
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else has a length that is known")]
    fn longest(&self, expr: &Expr, each: Option<&Loop>) -> Option<usize> {
        match &expr.bare().what {
            What::Text(pieces) => {
                let longest = |piece: &Piece| match piece {
                    Piece::Plain(text) => Some(text.chars().count()),
                    Piece::Made(made) => self.longest(made, each),
                };
                pieces.iter().map(longest).sum()
            }
            What::Choice(parts) => {
                Some(self.longest(&parts[1], each)?.max(self.longest(&parts[2], each)?))
            }
            What::Name(name) => match each.and_then(|each| self.of_loop(name, each)) {
                Some(length) => Some(length),
                None => match variable(self.file, name) {
                    Some(body) => self.longest(body, each),
                    None => self.of_parameter(name),
                },
            },
            What::Call(function, given) => match (function.name()?, given.as_slice()) {
                ("take", [text, most]) => {
                    let What::Number(most) = most.what else { return None };
                    let most = usize::try_from(most).ok()?;
                    Some(self.longest(text, each).map_or(most, |length| length.min(most)))
                }
                ("toLower" | "toUpper", [text]) => self.longest(text, each),
                ("guid", _) => Some(GUID),
                _ => None,
            },
            What::Member(of, _, member) => match (&of.what, member.as_str()) {
                (What::Call(function, _), "subscriptionId")
                    if function.name() == Some("subscription") =>
                {
                    Some(GUID)
                }
                (What::Name(name), _) => self.of_member(name, member),
                _ => None,
            },
            _ => None,
        }
    }

    /// Lists of subscriptions have ids.
    fn of_loop(&self, name: &str, each: &Loop) -> Option<usize> {
        match each.names.iter().position(|one| one == name)? {
            0 => self.is_of_subscriptions(&each.over).then_some(GUID),
            _ => Some(INDEX),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else is known to be such a list")]
    fn is_of_subscriptions(&self, list: &Expr) -> bool {
        let is_empty = |list: &Expr| matches!(&list.what, What::Array(items) if items.is_empty());
        match &list.bare().what {
            What::Choice(parts) => {
                parts[1..].iter().all(|one| is_empty(one) || self.is_of_subscriptions(one))
            }
            What::Name(name) => {
                name == "subscriptions"
                    || variable(self.file, name).is_some_and(|list| self.is_of_subscriptions(list))
            }
            What::Member(_, _, name) => name == "subscriptions",
            _ => false,
        }
    }

    /// What the parameter says itself, or the longest that any other file gives it
    fn of_parameter(&self, name: &str) -> Option<usize> {
        let mut items = self.file.items.iter();
        let item = items.find(|item| item.word == "param" && item.name == name)?;
        if let Some([most]) = item.decorator("maxLength") {
            let What::Number(most) = most.what else { return None };
            return usize::try_from(most).ok();
        }
        let mut longest = None;
        for file in self.files.values() {
            for user in file.items.iter().filter(|item| item.word == "module") {
                if beside(&file.name, &user.path) != self.file.name {
                    continue;
                }
                let body = user.body.as_ref()?;
                let each = if let What::Each(each) = &body.what { Some(&**each) } else { None };
                let given = body.made().get("params")?.get(name)?;
                let length = Lengths { file, files: self.files }.longest(given, each)?;
                longest = longest.max(Some(length));
            }
        }
        longest
    }

    /// A member of an object that another file puts out under the parameter's name
    fn of_member(&self, name: &str, member: &str) -> Option<usize> {
        let is_parameter = |item: &Item| item.word == "param" && item.name == name;
        self.file.items.iter().find(|item| is_parameter(item))?;
        let is_it = |item: &&Item| item.word == "output" && item.name == name;
        let (file, output) = self
            .files
            .values()
            .find_map(|file| Some((file, file.items.iter().find(|item| is_it(item))?)))?;
        Lengths { file, files: self.files }.longest(output.body.as_ref()?.get(member)?, None)
    }
}

/// Reads of what a loop makes, by anything but the index of a loop over the same list
fn strange_indexes<'a>(
    file: &File,
    expr: &'a Expr,
    around: &mut Vec<&'a Loop>,
) -> Vec<(usize, String)> {
    let mut strange = Vec::new();
    if let What::Index(parts) = &expr.what
        && let Some(over) = parts[0].bare().name().and_then(|name| made_over(file, name))
    {
        let its = |each: &&&Loop| each.names.len() == 2 && parts[1].name() == Some(&each.names[1]);
        let is_same = around
            .iter()
            .rev()
            .find(its)
            .is_some_and(|each| each.over.bare().to_string() == over.bare().to_string());
        if !is_same {
            strange.push((expr.line, expr.to_string()));
        }
    }
    if let What::Each(each) = &expr.what {
        strange.extend(strange_indexes(file, &each.over, around));
        around.push(each);
        strange.extend(strange_indexes(file, &each.body, around));
        around.pop();
    } else {
        for part in expr.parts() {
            strange.extend(strange_indexes(file, part, around));
        }
    }
    strange
}

/// The list of the loop that makes something
fn made_over<'a>(file: &'a File, name: &str) -> Option<&'a Expr> {
    let is_it =
        |item: &&Item| ["module", "resource"].contains(&item.word.as_str()) && item.name == name;
    let body = file.items.iter().find(is_it)?.body.as_ref()?;
    if let What::Each(each) = &body.what { Some(&each.over) } else { None }
}

/// A child has a parent, or the names of its parents before its own.
fn lacks_parent(item: &Item, body: &Expr) -> Option<String> {
    let kind = item.path.split('@').next()?;
    let parents = kind.split('/').count().checked_sub(2)?;
    let made = body.made();
    if made.get("parent").is_some() {
        return None;
    }
    let pieces = made.get("name").map(|name| &name.what);
    let named = if let Some(What::Text(pieces)) = pieces {
        let slashes = |piece: &Piece| match piece {
            Piece::Plain(text) => text.matches('/').count(),
            Piece::Made(_) => 0,
        };
        pieces.iter().map(slashes).sum()
    } else {
        0
    };
    (named != parents).then(|| format!("is a `{kind}` and has no parent"))
}

/// The name of a role assignment is made of what makes it another one: its scope, its principal and its
/// role. With less, two assignments are one.
fn of_assignment(file: &File, item: &Item, body: &Expr) -> Option<String> {
    if item.existing || !item.path.starts_with("Microsoft.Authorization/roleAssignments@") {
        return None;
    }
    let made = body.made();
    let properties = made.get("properties")?;
    let role = properties.get("roleDefinitionId")?;
    let role = if let What::Call(_, given) = &role.what { given.last()? } else { role };
    let scope = match made.get("scope") {
        Some(scope) => format!("{scope}.id"),
        None => format!("{}().id", file.target_scope),
    };
    let needed = [scope, properties.get("principalId")?.to_string(), role.to_string()];
    let given = match made.get("name").map(|name| &name.what) {
        Some(What::Call(function, given)) if function.name() == Some("guid") => given.as_slice(),
        _ => &[],
    };
    let given: Vec<String> = given.iter().map(Expr::to_string).collect();
    let missing = needed.iter().find(|one| !given.contains(one))?;
    Some(format!("has a name that is not made of `{missing}`"))
}
