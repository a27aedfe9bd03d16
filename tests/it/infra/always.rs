//! Resources and modules that are not always there: nothing reads them where they may be missing.

use std::collections::BTreeMap;

use super::bicep::File;
use super::syntax::{Access, Expr, Item, Loop, Piece, What};

/// A condition, and whether it holds or fails
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    text: String,
    holds: bool,
}

impl Condition {
    /// Without brackets around it and a `!` before it
    fn new(expr: &Expr) -> Self {
        let expr = expr.bare();
        if let What::Unary("!", of) = &expr.what {
            Self::new(of).not()
        } else {
            Self { text: expr.to_string(), holds: true }
        }
    }

    fn not(self) -> Self {
        Self { holds: !self.holds, ..self }
    }
}

/// What has to hold for something to be there
#[derive(Debug, Default)]
struct Needs {
    conditions: Vec<Condition>,
    /// Made in a loop over a list that may be empty, so it is read by an index
    of_loop: bool,
    /// Made under `if`, so it may be null
    may_be_null: bool,
    /// A condition that cannot be stated elsewhere, since it is about the names of a loop
    is_own: bool,
}

impl Needs {
    /// What a declaration needs, if it needs anything
    fn of(item: &Item, file: &File) -> Option<Self> {
        let mut needs = Self::default();
        let mut body = item.body.as_ref()?;
        let mut names = [].as_slice();
        if let What::Each(each) = &body.what {
            needs.conditions.extend(not_empty(&each.over, file));
            needs.of_loop = !needs.conditions.is_empty();
            (body, names) = (&each.body, &each.names);
        }
        if let What::If(parts) = &body.what {
            needs.conditions.push(Condition::new(&parts[0]));
            needs.may_be_null = true;
            needs.is_own = mentions(&parts[0], names);
        }
        (!needs.conditions.is_empty()).then_some(needs)
    }

    fn hold(&self, known: &[Condition]) -> bool {
        !self.is_own && self.conditions.iter().all(|condition| known.contains(condition))
    }
}

/// The conditions under which a list that is written as a choice has anything in it
fn not_empty(list: &Expr, file: &File) -> Vec<Condition> {
    let list = list.bare();
    if let What::Choice(parts) = &list.what {
        let [condition, one, other] = &**parts;
        let condition = Condition::new(condition);
        let is_empty =
            |expr: &Expr| matches!(&expr.bare().what, What::Array(items) if items.is_empty());
        let (rest, condition) = match (is_empty(one), is_empty(other)) {
            (false, true) => (one, condition),
            (true, false) => (other, condition.not()),
            _ => return Vec::new(),
        };
        let mut all = not_empty(rest, file);
        all.push(condition);
        return all;
    }
    let is_it = |item: &&Item| item.word == "var" && list.name() == Some(&item.name);
    let variable = file.items.iter().find(is_it).and_then(|item| item.body.as_ref());
    variable.map(|list| not_empty(list, file)).unwrap_or_default()
}

fn mentions(expr: &Expr, names: &[String]) -> bool {
    let is_one = expr.name().is_some_and(|name| names.iter().any(|one| one == name));
    is_one || expr.parts().into_iter().any(|part| mentions(part, names))
}

/// What is wrong with how a file reads things that are not always there. Wherever such a name stands, it
/// is a problem, with few exceptions:
///
/// - in `dependsOn`;
/// - as the `parent` or `scope` of what is made under the same condition;
/// - as `name!.member` where the same condition is known to hold;
/// - as `name.?member ?? other`.
pub(super) fn check(file: &File) -> Vec<String> {
    let needs = |item: &Item| Some((item.name.clone(), Needs::of(item, file)?));
    let mut check = Check {
        file,
        needs: file.items.iter().filter_map(needs).collect(),
        known: Vec::new(),
        loops: Vec::new(),
        problems: Vec::new(),
    };
    for item in &file.items {
        if let Some(body) = &item.body {
            let is_made = ["resource", "module"].contains(&item.word.as_str());
            if is_made { check.made(body) } else { check.value(body) }
        }
    }
    check.problems
}

struct Check<'a> {
    file: &'a File,
    needs: BTreeMap<String, Needs>,
    /// What is known to hold here
    known: Vec<Condition>,
    /// Names that loops give here
    loops: Vec<String>,
    problems: Vec<String>,
}

impl<'a> Check<'a> {
    /// What stands under a condition. One about the names of a loop says nothing of the same text elsewhere.
    fn under(&mut self, conditions: Vec<Condition>, of: &Expr, inner: impl FnOnce(&mut Self)) {
        let before = self.known.len();
        if !mentions(of, &self.loops) {
            self.known.extend(conditions);
        }
        inner(self);
        self.known.truncate(before);
    }

    fn each(&mut self, each: &'a Loop, inner: impl FnOnce(&mut Self, &'a Expr)) {
        self.value(&each.over);
        let conditions = not_empty(&each.over, self.file);
        self.under(conditions, &each.over, |check| {
            let before = check.loops.len();
            check.loops.extend(each.names.iter().cloned());
            inner(check, &each.body);
            check.loops.truncate(before);
        });
    }

    /// The body of a resource or module
    fn made(&mut self, body: &'a Expr) {
        if let What::Each(each) = &body.what {
            self.each(each, Self::made);
            return;
        }
        if let What::If(parts) = &body.what {
            let [condition, body] = &**parts;
            self.value(condition);
            self.under(vec![Condition::new(condition)], condition, |check| check.made(body));
            return;
        }
        for entry in body.entries() {
            match entry.key() {
                Some("dependsOn") => {
                    let What::Array(items) = &entry.value.what else {
                        self.value(&entry.value);
                        continue;
                    };
                    items
                        .iter()
                        .filter(|item| item.name().is_none())
                        .for_each(|item| self.value(item));
                }
                Some("parent" | "scope") if self.is_there(&entry.value) => {}
                _ => {
                    for piece in &entry.key {
                        if let Piece::Made(made) = piece {
                            self.value(made);
                        }
                    }
                    self.value(&entry.value);
                }
            }
        }
        if body.entries().is_empty() {
            self.value(body);
        }
    }

    /// Whether this is the name of something that is there under what is known
    fn is_there(&self, expr: &Expr) -> bool {
        let needs = expr.name().and_then(|name| self.needs.get(name));
        needs.is_some_and(|needs| !needs.of_loop && needs.hold(&self.known))
    }

    fn value(&mut self, expr: &'a Expr) {
        match &expr.what {
            What::Name(name) if self.is_sometimes(name) => {
                let Check { file, problems, .. } = self;
                problems.push(format!("{}:{}: `{name}` is not always there", file.name, expr.line));
                return;
            }
            What::Each(each) => return self.each(each, Self::value),
            What::Choice(parts) => {
                let [condition, one, other] = &**parts;
                self.value(condition);
                let holds = Condition::new(condition);
                let fails = holds.clone().not();
                self.under(vec![holds], condition, |check| check.value(one));
                self.under(vec![fails], condition, |check| check.value(other));
                return;
            }
            What::Binary("??", parts) => {
                let [one, other] = &**parts;
                self.replaced(one);
                self.value(other);
                return;
            }
            What::Member(..) | What::Index(_) if self.is_known(expr) => {
                // What stands in the brackets remains.
                self.indexes(expr);
                return;
            }
            What::Call(function, given) if function.name().is_some() => {
                for one in given {
                    self.value(one);
                }
                return;
            }
            What::Name(_)
            | What::Number(_)
            | What::Bool(_)
            | What::Null
            | What::Text(_)
            | What::Array(_)
            | What::Object(_)
            | What::Binary(..)
            | What::Unary(..)
            | What::Member(..)
            | What::Index(_)
            | What::Call(..)
            | What::Assert(_)
            | What::Group(_)
            | What::If(_) => {}
        }
        expr.parts().into_iter().for_each(|part| self.value(part));
    }

    fn is_sometimes(&self, name: &String) -> bool {
        self.needs.contains_key(name) && !self.loops.contains(name)
    }

    /// A value for which there is another one, should it be null
    fn replaced(&mut self, expr: &'a Expr) {
        let expr = expr.bare();
        if let What::Binary("??", parts) = &expr.what {
            self.replaced(&parts[0]);
            self.replaced(&parts[1]);
            return;
        }
        let steps = steps(expr);
        let is_safe =
            matches!(steps.get(1).map(|step| &step.what), Some(What::Member(_, Access::Safe, _)));
        let needs = steps[0].name().and_then(|name| self.needs.get(name));
        // An index into an empty list fails all the same.
        if is_safe && needs.is_some_and(|needs| !needs.of_loop) {
            self.indexes(expr);
        } else {
            self.value(expr);
        }
    }

    /// `name!.member`, `list[0].member` or `list[0]!.member` where the condition is known to hold
    fn is_known(&self, expr: &Expr) -> bool {
        let steps = steps(expr);
        let [first, rest @ ..] = steps.as_slice() else { return false };
        let Some(name) = first.name().filter(|name| self.is_sometimes(&(*name).to_owned())) else {
            return false;
        };
        let needs = &self.needs[name];
        let is_indexed = matches!(rest, [index, ..] if matches!(index.what, What::Index(_)));
        let rest = if is_indexed { &rest[1..] } else { rest };
        let is_asserted = matches!(rest, [sign, ..] if matches!(sign.what, What::Assert(_)));
        let rest = if is_asserted { &rest[1..] } else { rest };
        let is_member = matches!(rest, [member, ..] if matches!(member.what, What::Member(_, Access::Plain, _)));
        needs.hold(&self.known)
            && is_member
            && (is_indexed || !needs.of_loop)
            && (is_asserted || !needs.may_be_null)
    }

    fn indexes(&mut self, expr: &'a Expr) {
        for step in steps(expr) {
            if let What::Index(parts) = &step.what {
                self.value(&parts[1]);
            }
        }
    }
}

/// `a`, `a!`, `a!.b`, `a!.b[0]` and so on, from the name outwards
fn steps(expr: &Expr) -> Vec<&Expr> {
    let inner = if let What::Member(of, ..) | What::Assert(of) = &expr.what {
        Some(&**of)
    } else if let What::Index(parts) = &expr.what {
        Some(&parts[0])
    } else {
        None
    };
    let mut steps = inner.map(steps).unwrap_or_default();
    steps.push(expr);
    steps
}
