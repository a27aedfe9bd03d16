//! What the policy says about each identity at each registry.
//!
//! Clusters that share an identity are joined here; what is found at the registry is not looked at
//! yet.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Held, HeldReason};
use crate::model::{
    AssignmentName, Cluster, ClusterHash, ClusterState, Grant, Identity, Inventory, Mark, MarkKind,
    PrincipalId, Registry, RegistryMode, Role, Scope,
};
use crate::policy::{Decision, Policy, RegistryNames};

/// What the policy says about one identity at one registry
#[derive(Debug)]
pub(super) struct Desire<'a> {
    pub(super) registry: &'a Registry,
    pub(super) principal: PrincipalId,
    /// The clusters that hold the identity, as far as they were seen
    pub(super) holders: Vec<&'a Cluster>,
    pub(super) stance: Stance<'a>,
    /// The grants found, by role
    pub(super) found: Vec<&'a Grant>,
    /// Holders that are pinned here at the identity they had before
    pub(super) followed_by_pin: Vec<&'a Cluster>,
}

/// What the holders' verdicts come to
#[derive(Debug)]
pub(super) enum Stance<'a> {
    /// A rule wants it for these clusters
    Wanted { rule: &'a str, clusters: Vec<&'a Cluster> },
    /// A veto on one of the holders
    Vetoed,
    /// A tag names it by a name that fits several registries
    Ambiguous(HeldReason),
    /// Nobody wants it
    Unwanted,
}

/// The desires of every identity in scope, in the order of registries and identities. Wishes of
/// clusters without an identity go to `held`.
pub(super) fn desires<'a>(
    inventory: &'a Inventory,
    policy: &'a Policy,
    held: &mut Vec<Held>,
) -> Vec<Desire<'a>> {
    let names = RegistryNames::new(inventory.registries.values());
    let holders = holders(inventory);
    let mut found = found(inventory);
    let mut pins = pins_that_follow(inventory, policy);
    let mut desires = Vec::new();
    for registry in inventory.registries.values() {
        hold_wishes_without_identity(inventory, policy, registry, &names, held);
        for principal in principals(inventory, registry, &holders, &found) {
            let holders = holders.get(&principal).cloned().unwrap_or_default();
            let stance = stance(policy, registry, &holders, &names);
            let pair = (registry.id.key(), principal);
            let followed_by_pin = pins.remove(&pair).unwrap_or_default();
            let found = found.remove(&pair).unwrap_or_default();
            let desire = Desire { registry, principal, holders, stance, found, followed_by_pin };
            desires.push(desire);
        }
    }
    desires
}

type Holders<'a> = BTreeMap<PrincipalId, Vec<&'a Cluster>>;
type Pinned<'a> = BTreeMap<(&'a str, PrincipalId), Vec<&'a Cluster>>;
type Found<'a> = BTreeMap<(&'a str, PrincipalId), Vec<&'a Grant>>;

fn holders(inventory: &Inventory) -> Holders<'_> {
    let mut holders = Holders::new();
    for cluster in inventory.clusters.values() {
        if let Some(principal) = cluster.identity.principal() {
            holders.entry(principal).or_default().push(cluster);
        }
    }
    holders
}

fn found(inventory: &Inventory) -> Found<'_> {
    let mut found = Found::new();
    for grant in inventory.grants.values() {
        let key = (grant.key.registry.key(), grant.key.principal);
        found.entry(key).or_default().push(grant);
    }
    for grants in found.values_mut() {
        grants.sort_by_key(|grant| (grant.key.role, grant.name));
    }
    found
}

/// The clusters that are pinned somewhere by an identity they no longer have, by registry and the
/// identity they have now
fn pins_that_follow<'a>(inventory: &'a Inventory, policy: &Policy) -> Pinned<'a> {
    let mut follow = Pinned::new();
    for grant in inventory.grants.values() {
        let Some(mark) = Mark::read(&grant.description) else { continue };
        if mark.kind != MarkKind::Pin || !AssignmentName::is_of(&policy.owner, grant) {
            continue;
        }
        let mut clusters = inventory.clusters.values();
        let cluster = clusters.find(|cluster| ClusterHash::of(&cluster.id) == mark.cluster);
        let Some(cluster) = cluster else { continue };
        match cluster.identity.principal() {
            Some(principal) if principal != grant.key.principal => {
                let pair = (grant.key.registry.key(), principal);
                follow.entry(pair).or_default().push(cluster);
            }
            Some(_) | None => {}
        }
    }
    follow
}

/// The identities to decide about at a registry: those of clusters in scope, and those that only a
/// grant remembers, where the scope is wide enough to tell that they are orphans.
fn principals(
    inventory: &Inventory,
    registry: &Registry,
    holders: &Holders<'_>,
    found: &Found<'_>,
) -> BTreeSet<PrincipalId> {
    let scope = &inventory.scope;
    let held = holders.iter().filter(|(_, clusters)| {
        clusters.iter().any(|cluster| scope.covers(&cluster.id, &registry.id))
    });
    let key = registry.id.key();
    let range = (key, PrincipalId(uuid::Uuid::nil()))..=(key, PrincipalId(uuid::Uuid::max()));
    let orphaned = found.range(range).filter(|((_, principal), grants)| {
        !holders.contains_key(principal) && grants.iter().any(|grant| is_in_scope(inventory, grant))
    });
    held.map(|(principal, _)| *principal)
        .chain(orphaned.map(|((_, principal), _)| *principal))
        .collect()
}

/// Whether an unheld grant is looked at: always when the registry itself is in scope, otherwise only
/// when its mark names the one cluster in scope.
fn is_in_scope(inventory: &Inventory, grant: &Grant) -> bool {
    match &inventory.scope {
        Scope::Everything => true,
        Scope::Subscription(id) => grant.key.registry.subscription() == *id,
        Scope::Registry(id) => *id == grant.key.registry,
        Scope::Cluster(id) => {
            Mark::read(&grant.description).is_some_and(|mark| mark.cluster == ClusterHash::of(id))
        }
    }
}

/// Joins the verdicts of all holders: a veto wins, then a wish, then an ambiguous name.
fn stance<'a>(
    policy: &'a Policy,
    registry: &'a Registry,
    holders: &[&'a Cluster],
    names: &RegistryNames,
) -> Stance<'a> {
    let mut wanted: Option<&'a str> = None;
    let mut clusters = Vec::new();
    let mut ambiguous = None;
    for cluster in holders {
        match policy.decision(cluster, registry, names) {
            Decision::Vetoed { .. } => return Stance::Vetoed,
            Decision::Attach { by } => {
                wanted = Some(wanted.map_or(by.name.as_str(), |first| first.min(&by.name)));
                clusters.push(*cluster);
            }
            Decision::Ambiguous { name, candidates, .. } => {
                ambiguous.get_or_insert(HeldReason::AmbiguousName { name, candidates });
            }
            Decision::NotWanted | Decision::OtherTenant => {}
        }
    }
    match (wanted, ambiguous) {
        (Some(rule), _) => Stance::Wanted { rule, clusters },
        (None, Some(reason)) => Stance::Ambiguous(reason),
        (None, None) => Stance::Unwanted,
    }
}

fn hold_wishes_without_identity(
    inventory: &Inventory,
    policy: &Policy,
    registry: &Registry,
    names: &RegistryNames,
    held: &mut Vec<Held>,
) {
    for cluster in inventory.clusters.values() {
        let reason = match &cluster.identity {
            Identity::Kubelet { .. } => continue,
            _ if cluster.state == ClusterState::Deleting => HeldReason::ClusterDeleting,
            Identity::Pending => HeldReason::NoIdentityYet,
            Identity::ServicePrincipal { .. } => HeldReason::ServicePrincipal,
            Identity::Missing => HeldReason::NoIdentity,
        };
        if !inventory.scope.covers(&cluster.id, &registry.id) {
            continue;
        }
        let reason = match policy.decision(cluster, registry, names) {
            Decision::Attach { .. } => reason,
            Decision::Ambiguous { name, candidates, .. } => {
                HeldReason::AmbiguousName { name, candidates }
            }
            Decision::Vetoed { .. } | Decision::NotWanted | Decision::OtherTenant => continue,
        };
        held.push(Held {
            registry: registry.id.clone(),
            principal: None,
            clusters: vec![cluster.id.clone()],
            action: Action::Attach,
            reason,
        });
    }
}

impl Desire<'_> {
    /// The role that grants pulling at this registry, or why it is not known
    pub(super) fn role(&self) -> Result<Role, HeldReason> {
        self.registry.mode.pull_role().ok_or_else(|| {
            HeldReason::RegistryMode(match &self.registry.mode {
                RegistryMode::Other(mode) => mode.clone(),
                RegistryMode::Unread | RegistryMode::Legacy | RegistryMode::Abac => String::new(),
            })
        })
    }
}
