//! What follows from conditions alone, without any resource: whether they can be met at all, and
//! whether meeting one means meeting another.
//!
//! Where a question would take too long, or is not understood, the answer is the harmless one: it
//! can be met, and nothing follows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::super::{Clause, Property, Test};

/// The most alternatives that are tried one by one
const ALTERNATIVES: usize = 1000;

/// What a condition looks at on one side
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Tag(String),
    Property(Property),
}

/// Conditions on one side that must hold together, by what they look at
pub(super) type Together = BTreeMap<Subject, BTreeSet<Test>>;

/// Every way to meet the conditions, as conditions without alternatives. `None` if there are too
/// many to try.
pub(super) fn ways(clauses: &BTreeSet<Clause>) -> Option<Vec<Together>> {
    let mut ways = vec![Together::new()];
    for clause in clauses {
        let more = ways_of(clause, true)?;
        if ways.len().saturating_mul(more.len()) > ALTERNATIVES {
            return None;
        }
        ways = ways.iter().flat_map(|one| more.iter().map(|other| both(one, other))).collect();
    }
    ways.retain(|way| way.iter().all(|(subject, tests)| can_be_met(subject, tests)));
    Some(ways)
}

/// Whether every resource meets the condition
pub(super) fn is_always_met(clause: &Clause) -> bool {
    ways(&BTreeSet::from([Clause::Not(Box::new(clause.clone()))]))
        .is_some_and(|ways| ways.is_empty())
}

fn ways_of(clause: &Clause, is_so: bool) -> Option<Vec<Together>> {
    let single = |subject, test: &Test| {
        let test = if is_so { test.clone() } else { test.clone().opposite() };
        Some(vec![Together::from([(subject, BTreeSet::from([test]))])])
    };
    match clause {
        Clause::Tag { tag, test } => single(Subject::Tag(tag.clone()), test),
        Clause::Is { what, test } => single(Subject::Property(*what), test),
        Clause::Not(clause) => ways_of(clause, !is_so),
        Clause::All(clauses) if is_so => ways(clauses),
        Clause::Any(clauses) if !is_so => {
            ways(&clauses.iter().map(|clause| Clause::Not(Box::new(clause.clone()))).collect())
        }
        Clause::All(clauses) | Clause::Any(clauses) => {
            let mut ways = Vec::new();
            for clause in clauses {
                ways.extend(ways_of(clause, is_so)?);
            }
            (ways.len() <= ALTERNATIVES).then_some(ways)
        }
    }
}

fn both(one: &Together, other: &Together) -> Together {
    let mut together = one.clone();
    for (subject, tests) in other {
        together.entry(subject.clone()).or_default().extend(tests.iter().cloned());
    }
    together
}

/// Whether some value, or its absence, passes all tests
fn can_be_met(subject: &Subject, tests: &BTreeSet<Test>) -> bool {
    let passes = |value: Option<&str>| tests.iter().all(|test| test.fits(value));
    if let Some(values) = values(tests) {
        return values.iter().any(|value| passes(Some(value)));
    }
    let may_be_absent = matches!(subject, Subject::Tag(_)) && passes(None);
    // Nothing passes that is there, if anything that is there is forbidden.
    let forbidden = tests.iter().any(|test| matches!(test, Test::Not(test) if is_anything(test)));
    may_be_absent || !forbidden
}

/// The only values that may pass, where the tests name them
pub(super) fn values(tests: &BTreeSet<Test>) -> Option<&BTreeSet<String>> {
    let named = tests.iter().filter_map(|test| match test {
        Test::AnyOf(values) => Some(values),
        Test::Present | Test::Like(_) | Test::Not(_) => None,
    });
    named.min_by_key(|values| values.len())
}

/// Whether everything that is there passes
fn is_anything(test: &Test) -> bool {
    match test {
        Test::Present => true,
        Test::Like(globs) => globs.iter().any(super::super::Glob::fits_everything),
        Test::AnyOf(_) | Test::Not(_) => false,
    }
}

/// Whether whatever meets all of these meets that one
pub(super) fn follows(clause: &Clause, from: &BTreeSet<Clause>) -> bool {
    let clause = &*plain(clause);
    is_always_met(clause)
        || from.iter().any(|known| implies(known, clause))
        || match clause {
            Clause::All(parts) => parts.iter().all(|part| follows(part, from)),
            Clause::Any(parts) => parts.iter().any(|part| follows(part, from)),
            Clause::Tag { .. } | Clause::Is { .. } | Clause::Not(_) => false,
        }
}

/// The opposite of a condition on one thing as a condition on that thing
fn plain(clause: &Clause) -> Cow<'_, Clause> {
    match clause {
        Clause::Not(inner) => match &**inner {
            Clause::Tag { tag, test } => {
                Cow::Owned(Clause::Tag { tag: tag.clone(), test: test.clone().opposite() })
            }
            Clause::Is { what, test } => {
                Cow::Owned(Clause::Is { what: *what, test: test.clone().opposite() })
            }
            Clause::All(_) | Clause::Any(_) | Clause::Not(_) => Cow::Borrowed(clause),
        },
        Clause::Tag { .. } | Clause::Is { .. } | Clause::All(_) | Clause::Any(_) => {
            Cow::Borrowed(clause)
        }
    }
}

fn implies(known: &Clause, clause: &Clause) -> bool {
    let (known, clause) = (&*plain(known), &*plain(clause));
    if known == clause {
        return true;
    }
    match (known, clause) {
        (Clause::Tag { tag: a, test: known }, Clause::Tag { tag: b, test }) => {
            a == b && test_implies(known, test)
        }
        (Clause::Is { what: a, test: known }, Clause::Is { what: b, test }) => {
            a == b && test_implies(known, test)
        }
        (Clause::All(parts), _) => follows(clause, parts),
        (Clause::Any(parts), _) => parts.iter().all(|part| implies(part, clause)),
        (Clause::Not(known), Clause::Not(clause)) => implies(clause, known),
        (Clause::Tag { .. } | Clause::Is { .. } | Clause::Not(_), _) => false,
    }
}

fn test_implies(known: &Test, test: &Test) -> bool {
    match (known, test) {
        _ if known == test => true,
        (Test::AnyOf(values), test) => values.iter().all(|value| test.fits(Some(value))),
        (Test::Present | Test::Like(_), test) if is_anything(test) => true,
        (Test::Like(globs), Test::Like(others)) => globs.is_subset(others),
        (Test::Not(known), Test::Not(test)) => test_implies(test, known),
        (Test::Present | Test::Like(_) | Test::Not(_), _) => false,
    }
}
