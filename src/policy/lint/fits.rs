//! Whether any pair can fit a rule at all, as far as its conditions tell.

use std::collections::BTreeSet;

use super::super::decide::ACR_ATTACH;
use super::super::names::{DISABLED, is_reserved, words};
use super::super::{Join, Rule, Selector, Side, Test};
use super::logic::{Subject, Together, values, ways};

/// Why no pair can fit the rule, or `None` if one may
pub(super) fn why_never(rule: &Rule) -> Option<String> {
    let cluster = ways(&rule.cluster.clauses)?;
    let registry = ways(&rule.registry.clauses)?;
    for (side, ways) in [(Side::Cluster, &cluster), (Side::Registry, &registry)] {
        if ways.is_empty() {
            return Some(format!("its conditions on the {side} contradict each other"));
        }
    }
    let hopeless = |join: &&Join| {
        !cluster
            .iter()
            .any(|cluster| registry.iter().any(|registry| joins(join, cluster, registry)))
    };
    let join = rule.joins.iter().find(hopeless)?;
    Some(format!("it cannot be that {join}, given what it asks of the two"))
}

/// The side whose tag must say `disabled`
pub(super) fn says_disabled(rule: &Rule) -> Option<Side> {
    let must = |selector: &Selector| {
        let is_disabled = |way: &Together| {
            named(way, ACR_ATTACH).is_some_and(|values| {
                values
                    .iter()
                    .all(|value| words(value).any(|word| word.eq_ignore_ascii_case(DISABLED)))
            })
        };
        ways(&selector.clauses).is_some_and(|ways| ways.iter().all(is_disabled))
    };
    if must(&rule.cluster) {
        Some(Side::Cluster)
    } else {
        must(&rule.registry).then_some(Side::Registry)
    }
}

/// Whether the two may be joined
fn joins(join: &Join, cluster: &Together, registry: &Together) -> bool {
    match join {
        Join::SameTag { cluster: ours, registry: theirs } => {
            let (one, other) = (tests(cluster, ours), tests(registry, theirs));
            let passes = |value: &String| {
                let fits = |tests: &BTreeSet<Test>| tests.iter().all(|test| test.fits(Some(value)));
                !value.trim().is_empty() && fits(&one) && fits(&other)
            };
            let may_be_there = |tests: &BTreeSet<Test>| !forbids_presence(tests);
            let shared = values(&one).or_else(|| values(&other));
            may_be_there(&one)
                && may_be_there(&other)
                && shared.is_none_or(|values| values.iter().any(passes))
        }
        Join::RegistryNamedIn(tag) => {
            let tests = tests(cluster, tag);
            let names_any = |value: &String| {
                tests.iter().all(|test| test.fits(Some(value)))
                    && words(value).any(|word| !is_reserved(word))
            };
            !forbids_presence(&tests)
                && values(&tests).is_none_or(|values| values.iter().any(names_any))
        }
    }
}

fn forbids_presence(tests: &BTreeSet<Test>) -> bool {
    tests.contains(&Test::Present.opposite())
}

fn tests(together: &Together, tag: &str) -> BTreeSet<Test> {
    together.get(&Subject::Tag(tag.to_owned())).cloned().unwrap_or_default()
}

fn named<'a>(together: &'a Together, tag: &str) -> Option<&'a BTreeSet<String>> {
    together.get(&Subject::Tag(tag.to_owned())).and_then(values)
}
