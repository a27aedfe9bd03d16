//! Whether one rule fits all that another fits.

use std::collections::BTreeSet;

use super::super::{Clause, Join, Rule, Side, Test};
use super::logic::{follows, is_always_met};

/// Whether every pair that fits the narrow rule fits the wide one, as far as can be told
pub(super) fn covers(wide: &Rule, narrow: &Rule) -> bool {
    let follow = |side, clauses: &BTreeSet<Clause>| {
        let known = known(narrow, side);
        clauses.iter().all(|clause| follows(clause, &known))
    };
    wide.joins.is_subset(&narrow.joins)
        && follow(Side::Cluster, &wide.cluster.clauses)
        && follow(Side::Registry, &wide.registry.clauses)
}

/// Whether every pair there is fits
pub(super) fn fits_everything(rule: &Rule) -> bool {
    let mut clauses = rule.cluster.clauses.iter().chain(&rule.registry.clauses);
    rule.joins.is_empty() && clauses.all(is_always_met)
}

/// All that is known of a side of the pairs that fit: a tag that is joined is there
fn known(rule: &Rule, side: Side) -> BTreeSet<Clause> {
    let (selector, joined): (_, fn(&Join) -> Option<&String>) = match side {
        Side::Cluster => (&rule.cluster, |join| match join {
            Join::SameTag { cluster, .. } => Some(cluster),
            Join::RegistryNamedIn(tag) => Some(tag),
        }),
        Side::Registry => (&rule.registry, |join| match join {
            Join::SameTag { registry, .. } => Some(registry),
            Join::RegistryNamedIn(_) => None,
        }),
    };
    let joined = rule.joins.iter().filter_map(joined);
    let present = joined.map(|tag| Clause::Tag { tag: tag.clone(), test: Test::Present });
    selector.clauses.iter().cloned().chain(present).collect()
}
