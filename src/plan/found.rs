//! An inventory turned round: who holds an identity, what was found for it at a registry, and which pins
//! follow their cluster to it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::desire::differ;
use super::known::{Known, Marked};
use crate::model::{
    AssignmentName, Cluster, ClusterHash, Grant, Inventory, Mark, MarkKind, PrincipalId,
};
use crate::policy::{Policy, Stand};

/// The clusters that hold one identity, their places among all, and their hashes once asked for
#[derive(Debug, Default)]
pub(super) struct Holders<'a> {
    pub(super) clusters: Vec<&'a Cluster>,
    pub(super) places: Vec<usize>,
    pub(super) hashes: Vec<OnceCell<ClusterHash>>,
}

/// Something by a registry's key, then by identity
pub(super) type ByRegistry<'a, T> = BTreeMap<&'a str, BTreeMap<PrincipalId, Vec<&'a T>>>;

pub(super) fn slice<'a, T>(
    by_identity: Option<&'a BTreeMap<PrincipalId, Vec<&'a T>>>,
    principal: PrincipalId,
) -> &'a [&'a T] {
    by_identity.and_then(|map| map.get(&principal)).map_or(&[], Vec::as_slice)
}

pub(super) fn holders<'a>(clusters: &[(&'a Cluster, Stand)]) -> BTreeMap<PrincipalId, Holders<'a>> {
    let mut all: BTreeMap<_, Holders<'a>> = BTreeMap::new();
    for (place, (cluster, _)) in clusters.iter().enumerate() {
        if let Some(principal) = cluster.identity.principal() {
            let holders = all.entry(principal).or_default();
            holders.clusters.push(cluster);
            holders.places.push(place);
            holders.hashes.push(OnceCell::new());
        }
    }
    all
}

pub(super) fn grants(inventory: &Inventory) -> ByRegistry<'_, Grant> {
    let mut found = ByRegistry::new();
    for grant in inventory.grants.values() {
        let at_registry: &mut BTreeMap<_, Vec<_>> =
            found.entry(grant.key.registry.key()).or_default();
        at_registry.entry(grant.key.principal).or_default().push(grant);
    }
    for grants in found.values_mut().flat_map(BTreeMap::values_mut) {
        grants.sort_by_key(|grant| (grant.key.role, grant.name));
    }
    found
}

/// The pins of clusters that are there, registry by registry
#[derive(Debug, Default)]
pub(super) struct Pins<'a> {
    /// The clusters that are pinned by an identity they no longer have, by the one they have now
    pub(super) follow: ByRegistry<'a, Cluster>,
    /// The assignments at those former identities, by the one that their clusters have now
    pub(super) followed: ByRegistry<'a, Grant>,
    /// The registries that some cluster is pinned at
    pub(super) registries: BTreeSet<&'a str>,
}

pub(super) fn pins<'a>(inventory: &'a Inventory, policy: &Policy, known: &Known<'a>) -> Pins<'a> {
    let pins = inventory.grants.values().filter_map(|grant| {
        let mark = Mark::read(&grant.description).filter(|mark| mark.kind == MarkKind::Pin)?;
        AssignmentName::is_of(&policy.owner, grant).then_some((grant, mark))
    });
    let mut found = Pins::default();
    for (grant, mark) in pins {
        let Marked::There(cluster) = known.marked(grant, &mark) else { continue };
        let key = grant.key.registry.key();
        found.registries.insert(key);
        let Some(principal) = cluster.identity.principal() else { continue };
        let registry = inventory.registries.get(&grant.key.registry);
        if principal == grant.key.principal || registry.is_none_or(|it| differ(cluster, it)) {
            continue;
        }
        let follow = found.follow.entry(key).or_default().entry(principal).or_default();
        if !follow.iter().any(|known| known.id == cluster.id) {
            follow.push(cluster);
        }
        found.followed.entry(key).or_default().entry(principal).or_default().push(grant);
    }
    found
}
