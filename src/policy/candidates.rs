//! Which pairs an attaching rule fits, found without holding every cluster against every registry:
//! equal tags meet as in a join of two tables, and names are looked up.
//!
//! Vetoes, tenants and names that fit several are not looked at here: `decide` has the last word on
//! every pair that is found.

use std::collections::BTreeMap;

use super::resource::Resource;
use super::{Effect, Join, Policy, Rule, Stand, names};
use crate::model::{Cluster, Registry};

/// A pair of a registry and a cluster, by their places in what was given
pub type Candidate = (usize, usize);

impl Policy {
    /// Every pair that some attaching rule fits, or would if a name did not fit several registries
    ///
    /// # Guarantees
    /// In order of registries, then clusters, and none twice. Every pair that [`decision`] says is
    /// wanted or ambiguous is among them. The time it takes grows with rules × (clusters + registries)
    /// and with what is found.
    ///
    /// [`decision`]: Self::decision
    pub fn candidates(
        &self,
        clusters: &[(&Cluster, Stand)],
        registries: &[(&Registry, Stand)],
    ) -> Vec<Candidate> {
        let by_name = by_name(registries);
        let mut found = Vec::new();
        for (place, rule) in self.rules().iter().enumerate() {
            if rule.effect == Effect::Attach {
                let tables = Tables { place, rule, by_name: &by_name, clusters, registries };
                tables.meet(&mut found);
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The places of registries by everything they may be called, in lower case
fn by_name(registries: &[(&Registry, Stand)]) -> BTreeMap<String, Vec<usize>> {
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, (registry, _)) in registries.iter().enumerate() {
        for name in names::called(registry) {
            let places = by_name.entry(name.to_ascii_lowercase()).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }
    by_name
}

/// What a rule is held against
struct Tables<'a> {
    /// Which of the policy's rules it is
    place: usize,
    rule: &'a Rule,
    by_name: &'a BTreeMap<String, Vec<usize>>,
    clusters: &'a [(&'a Cluster, Stand)],
    registries: &'a [(&'a Registry, Stand)],
}

impl<'a> Tables<'a> {
    fn meet(&self, found: &mut Vec<Candidate>) {
        let mut by_values: BTreeMap<Vec<&'a str>, Vec<usize>> = BTreeMap::new();
        for (place, (registry, stand)) in self.registries.iter().enumerate() {
            let side = Resource::from(*registry);
            if let Some(values) = self.values_of(stand, side, false) {
                by_values.entry(values).or_default().push(place);
            }
        }
        if by_values.is_empty() {
            return;
        }
        for (place, (cluster, stand)) in self.clusters.iter().enumerate() {
            let side = Resource::from(*cluster);
            let Some(values) = self.values_of(stand, side, true) else { continue };
            let Some(registries) = by_values.get(&values) else { continue };
            match self.named(side) {
                None => found.extend(registries.iter().map(|registry| (*registry, place))),
                Some(named) => found.extend(
                    // Both are in order of places.
                    named
                        .into_iter()
                        .filter(|registry| registries.binary_search(registry).is_ok())
                        .map(|registry| (registry, place)),
                ),
            }
        }
    }

    /// The values of the joined tags on one side, if the side fits and has all of them
    fn values_of(
        &self,
        stand: &Stand,
        side: Resource<'a>,
        is_cluster: bool,
    ) -> Option<Vec<&'a str>> {
        if !stand.fits(self.place) {
            return None;
        }
        let mut values = Vec::new();
        for join in &self.rule.joins {
            if let Join::SameTag { cluster, registry } = join {
                let tag = if is_cluster { cluster } else { registry };
                values.push(side.tag(tag).filter(|value| !value.trim().is_empty())?);
            }
        }
        Some(values)
    }

    /// The registries that every naming tag of the cluster names; `None` if no tag has to
    fn named(&self, cluster: Resource<'_>) -> Option<Vec<usize>> {
        let mut named: Option<Vec<usize>> = None;
        for join in &self.rule.joins {
            let Join::RegistryNamedIn(tag) = join else { continue };
            let words = names::words(cluster.tag(tag).unwrap_or_default());
            let words = words.filter(|word| !names::is_reserved(word));
            let mut places: Vec<usize> = words
                .filter_map(|word| self.by_name.get(&word.to_ascii_lowercase()))
                .flatten()
                .copied()
                .collect();
            places.sort_unstable();
            places.dedup();
            if let Some(before) = &named {
                places.retain(|place| before.binary_search(place).is_ok());
            }
            named = Some(places);
        }
        named
    }
}
