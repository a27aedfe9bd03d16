//! What the policy says about each identity at each registry.
//!
//! Clusters that share an identity are joined here; what is found at the registry is not looked at
//! yet.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::decide::Case;
use super::found::{ByRegistry, Holders, Pins, grants, holders, pins, slice};
use super::known::{Known, is_of_earlier};
use super::{Action, Held, HeldReason};
use crate::model::{
    AssignmentName, Cluster, ClusterHash, ClusterId, ClusterState, Grant, Identity, Inventory,
    Mark, MarkKind, PrincipalId, Registry, RegistryId, RegistryMode, Role, Scope,
};
use crate::policy::{Candidate, Decision, Policy, RegistryNames, RoleChoice, Rule, Stand};

/// What the policy says about one identity at one registry
#[derive(Debug)]
pub(super) struct Desire<'a> {
    pub(super) registry: &'a Registry,
    pub(super) principal: PrincipalId,
    /// The clusters that hold the identity, as far as they were seen
    pub(super) holders: &'a [&'a Cluster],
    /// Their hashes, once asked for, in the same order
    hashes: &'a [OnceCell<ClusterHash>],
    pub(super) stance: Stance<'a>,
    /// The grants found, by role
    pub(super) found: &'a [&'a Grant],
    /// Holders that are pinned here at the identity they had before
    pub(super) followed_by_pin: &'a [&'a Cluster],
    /// The assignments at those identities
    pub(super) followed: &'a [&'a Grant],
}

/// What the holders' verdicts come to
#[derive(Debug)]
pub(super) enum Stance<'a> {
    /// A rule wants it for these clusters
    Wanted { rule: &'a str, clusters: Vec<&'a Cluster> },
    /// A veto on one of the holders, and those for which a rule wants it all the same
    Vetoed { by: &'a Cluster, wanting: Vec<&'a Cluster> },
    /// A tag names it by a name that fits several registries, or a rule wants it with a role that
    /// it does not honour
    Ambiguous(HeldReason),
    /// No rule wants it for any holder; of one of them a rule cannot, since it lives in another tenant
    Unwanted { in_other_tenant: bool },
}

const UNWANTED: Stance<'static> = Stance::Unwanted { in_other_tenant: false };

/// The inventory, turned round so that a pair finds what belongs to it
#[derive(Debug)]
pub(super) struct Index<'a> {
    inventory: &'a Inventory,
    policy: &'a Policy,
    names: RegistryNames,
    /// In the order of ids
    clusters: Vec<(&'a Cluster, Stand)>,
    holders: BTreeMap<PrincipalId, Holders<'a>>,
    grants: ByRegistry<'a, Grant>,
    pins: Pins<'a>,
    /// Whether a registry is wanted for any cluster, once asked for
    wanted: RefCell<BTreeMap<String, bool>>,
    known: Known<'a>,
}

/// The pairs that the policy may want
#[derive(Debug)]
pub(super) struct Wished<'a> {
    /// INVARIANT: in order.
    pairs: Vec<Candidate>,
    clusters: Vec<&'a Cluster>,
    registries: Vec<&'a Registry>,
}

impl<'a> Index<'a> {
    pub(super) fn new(inventory: &'a Inventory, policy: &'a Policy) -> Self {
        let known = Known::new(inventory, policy);
        let clusters = policy.stands_of_clusters(inventory.clusters.values());
        Self {
            inventory,
            policy,
            names: RegistryNames::new(inventory.registries.values()),
            holders: holders(&clusters),
            clusters,
            grants: grants(inventory),
            pins: pins(inventory, policy, &known),
            wanted: RefCell::default(),
            known,
        }
    }

    /// The pairs that the policy may want, by the places of their registries and clusters
    pub(super) fn wished(&self) -> Wished<'a> {
        let registries = self.policy.stands_of_registries(self.inventory.registries.values());
        let pairs = self.policy.candidates(&self.clusters, &registries);
        let clusters = self.clusters.iter().map(|(cluster, _)| *cluster).collect();
        let registries = registries.into_iter().map(|(registry, _)| registry).collect();
        Wished { pairs, clusters, registries }
    }

    /// The desires that may lead to anything: pairs that nobody wants and where nothing was found are
    /// left out.
    pub(super) fn desires(&'a self, wished: &Wished<'a>) -> Vec<Desire<'a>> {
        let by_registry = wished.by_registry();
        by_registry.flat_map(|(registry, clusters)| self.desires_at(registry, clusters)).collect()
    }

    fn desires_at(
        &'a self,
        registry: &'a Registry,
        wishing: impl Iterator<Item = &'a Cluster>,
    ) -> impl Iterator<Item = Desire<'a>> {
        let key = registry.id.key();
        let scope = &self.inventory.scope;
        let mut principals: BTreeSet<PrincipalId> =
            wishing.filter_map(|cluster| cluster.identity.principal()).collect();
        let grants = self.grants.get(key);
        principals.extend(grants.into_iter().flat_map(BTreeMap::keys));
        principals.extend(self.pins.follow.get(key).into_iter().flat_map(BTreeMap::keys));
        let in_scope = move |principal: &PrincipalId| match self.holders.get(principal) {
            Some(holders) => {
                holders.clusters.iter().any(|cluster| scope.covers(&cluster.id, &registry.id))
            }
            // An identity that only a grant remembers, where the scope is wide enough to tell that
            // it is an orphan
            None => {
                slice(grants, *principal).iter().any(|grant| is_in_scope(self.inventory, grant))
            }
        };
        let stand = self.policy.stand_of_registry(registry);
        principals.into_iter().filter(in_scope).filter_map(move |principal| {
            let desire = self.desire_of(registry, &stand, principal);
            desire.may_matter().then_some(desire)
        })
    }

    /// The desire of one identity at one registry, whether or not it may lead to anything
    pub(super) fn desire(&'a self, registry: &'a Registry, principal: PrincipalId) -> Desire<'a> {
        self.desire_of(registry, &self.policy.stand_of_registry(registry), principal)
    }

    fn desire_of(
        &'a self,
        registry: &'a Registry,
        stand: &Stand,
        principal: PrincipalId,
    ) -> Desire<'a> {
        let key = registry.id.key();
        let holders = self.holders.get(&principal);
        Desire {
            registry,
            principal,
            holders: holders.map_or(&[], |holders| &holders.clusters),
            hashes: holders.map_or(&[], |holders| &holders.hashes),
            stance: holders.map_or(UNWANTED, |holders| {
                let stands = holders.places.iter().filter_map(|place| self.clusters.get(*place));
                stance(self.policy, (registry, stand), stands, &self.names)
            }),
            found: slice(self.grants.get(key), principal),
            followed_by_pin: slice(self.pins.follow.get(key), principal),
            followed: slice(self.pins.followed.get(key), principal),
        }
    }

    /// One identity at one registry, with all that deciding about it takes
    pub(super) fn case(&'a self, desire: &'a Desire<'a>) -> Case<'a> {
        let Self { inventory, policy, known, .. } = self;
        Case { desire, inventory, policy, known, index: self }
    }

    /// The grants of an identity at a registry
    pub(super) fn found(&self, registry: &RegistryId, principal: PrincipalId) -> &[&'a Grant] {
        let at_registry = self.grants.get(registry.key());
        at_registry.and_then(|map| map.get(&principal)).map_or(&[], Vec::as_slice)
    }

    /// Whether a rule wants the registry for any cluster, or one is pinned there
    pub(super) fn is_wanted_by_any(&self, registry: &Registry) -> bool {
        let key = registry.id.key();
        let wants = |(cluster, _): &(&Cluster, Stand)| {
            let decision = self.policy.decision(cluster, registry, &self.names);
            matches!(decision, Decision::Attach { .. } | Decision::Ambiguous { .. })
        };
        let find = || self.pins.registries.contains(key) || self.clusters.iter().any(wants);
        *self.wanted.borrow_mut().entry(key.to_owned()).or_insert_with(find)
    }

    /// Whether a pin of this cluster is at its present identity, in whatever role
    pub(super) fn is_pinned(&self, cluster: &Cluster, registry: &RegistryId) -> bool {
        self.pin_of(cluster, registry).is_some()
    }

    /// The assignment at the present identity of this cluster that is pinned for it
    pub(super) fn pin_of(&self, cluster: &Cluster, registry: &RegistryId) -> Option<&'a Grant> {
        let hash = ClusterHash::of(&cluster.id);
        let is_pin = |grant: &Grant| {
            Mark::read(&grant.description)
                .is_some_and(|mark| mark.kind == MarkKind::Pin && mark.cluster == hash)
        };
        let mut here = self.found(registry, cluster.identity.principal()?).iter().copied();
        here.find(|grant| {
            is_pin(grant)
                && !is_of_earlier(grant, cluster)
                && AssignmentName::is_of(&self.policy.owner, grant)
        })
    }

    /// What the registries of the inventory may be called
    pub(super) fn names(&self) -> &RegistryNames {
        &self.names
    }

    /// The wishes of clusters without an identity
    pub(super) fn held_wishes(&self, wished: &Wished<'_>) -> Vec<Held> {
        let pairs = wished.by_registry().flat_map(|(registry, clusters)| {
            clusters.filter_map(move |cluster| self.held_wish(cluster, registry))
        });
        pairs.collect()
    }

    fn held_wish(&self, cluster: &Cluster, registry: &Registry) -> Option<Held> {
        let reason = without_identity(cluster)?;
        if !self.inventory.scope.covers(&cluster.id, &registry.id) {
            return None;
        }
        let reason = match self.policy.decision(cluster, registry, &self.names) {
            Decision::Attach { .. } => reason,
            Decision::Ambiguous { name, candidates, .. } => {
                HeldReason::AmbiguousName { name, candidates }
            }
            Decision::Vetoed { .. } | Decision::NotWanted | Decision::OtherTenant => return None,
        };
        Some(Held {
            registry: registry.id.clone(),
            principal: None,
            clusters: vec![cluster.id.clone()],
            action: Action::Attach,
            reason,
        })
    }
}

#[cfg(test)]
impl<'a> Wished<'a> {
    /// Every pair there is
    pub(super) fn everything(inventory: &'a Inventory) -> Self {
        let clusters: Vec<_> = inventory.clusters.values().collect();
        let registries: Vec<_> = inventory.registries.values().collect();
        let pair = |registry| (0..clusters.len()).map(move |cluster| (registry, cluster));
        let pairs = (0..registries.len()).flat_map(pair).collect();
        Self { pairs, clusters, registries }
    }
}

impl<'a> Wished<'a> {
    /// Every registry, with the clusters that may want it
    fn by_registry(
        &self,
    ) -> impl Iterator<Item = (&'a Registry, impl Iterator<Item = &'a Cluster>)> {
        let mut rest = &self.pairs[..];
        self.registries.iter().enumerate().map(move |(place, registry)| {
            let (here, beyond) = rest.split_at(rest.partition_point(|(at, _)| *at <= place));
            rest = beyond;
            let clusters = here.iter().filter_map(|(_, cluster)| self.clusters.get(*cluster));
            (*registry, clusters.copied())
        })
    }
}

/// Why nothing can be attached to a cluster that has no kubelet identity
pub(super) fn without_identity(cluster: &Cluster) -> Option<HeldReason> {
    match &cluster.identity {
        Identity::Kubelet { .. } | Identity::ServicePrincipal { object_id: Some(_), .. } => None,
        _ if cluster.state == ClusterState::Deleting => Some(HeldReason::ClusterDeleting),
        Identity::Pending => Some(HeldReason::NoIdentityYet),
        Identity::ServicePrincipal { .. } => Some(HeldReason::ServicePrincipal),
        Identity::Missing => Some(HeldReason::NoIdentity),
    }
}

/// Whether cluster and registry are known to live in different tenants, where no pin follows
pub(super) fn differ(cluster: &Cluster, registry: &Registry) -> bool {
    cluster.tenant.zip(registry.tenant).is_some_and(|(one, other)| one != other)
}

/// Whether an unheld grant is looked at: always when the registry itself is in scope, otherwise only
/// when its mark names the one cluster in scope.
fn is_in_scope(inventory: &Inventory, grant: &Grant) -> bool {
    match &inventory.scope {
        Scope::Everything => true,
        Scope::Subscription(id) => grant.key.registry.subscription() == *id,
        Scope::Registry(id) => *id == grant.key.registry,
        Scope::Cluster(id) => is_marked_for(grant, id),
        Scope::Pair(id, registry) => *registry == grant.key.registry && is_marked_for(grant, id),
    }
}

fn is_marked_for(grant: &Grant, cluster: &ClusterId) -> bool {
    Mark::read(&grant.description).is_some_and(|mark| mark.cluster == ClusterHash::of(cluster))
}

/// Joins the verdicts of all holders: a veto wins, then a wish, then an ambiguous name.
fn stance<'a>(
    policy: &'a Policy,
    (registry, stand): (&'a Registry, &Stand),
    holders: impl Iterator<Item = &'a (&'a Cluster, Stand)>,
    names: &RegistryNames,
) -> Stance<'a> {
    let mut wanted: Option<&'a str> = None;
    let mut clusters = Vec::new();
    let (mut ambiguous, mut vetoed, mut in_other_tenant) = (None, None, false);
    for (cluster, its) in holders {
        match policy.decision_between((cluster, its), (registry, stand), names) {
            Decision::Vetoed { .. } => vetoed = vetoed.or(Some(*cluster)),
            Decision::Attach { by: Rule { role: RoleChoice::Only(role), .. } }
                if !RoleChoice::Only(*role).suits(&registry.mode) =>
            {
                ambiguous.get_or_insert(HeldReason::RoleNotHonoured(*role));
            }
            Decision::Attach { by } => {
                wanted = Some(wanted.map_or(by.name.as_str(), |first| first.min(&by.name)));
                clusters.push(*cluster);
            }
            Decision::Ambiguous { name, candidates, .. } => {
                ambiguous.get_or_insert(HeldReason::AmbiguousName { name, candidates });
            }
            Decision::OtherTenant => in_other_tenant = true,
            Decision::NotWanted => {}
        }
    }
    match (vetoed, wanted, ambiguous) {
        (Some(by), _, _) => Stance::Vetoed { by, wanting: clusters },
        (None, Some(rule), _) => Stance::Wanted { rule, clusters },
        (None, None, Some(reason)) => Stance::Ambiguous(reason),
        (None, None, None) => Stance::Unwanted { in_other_tenant },
    }
}

impl Desire<'_> {
    /// The hash of a cluster, computed once for all registries if it holds the identity
    pub(super) fn hash_of(&self, cluster: &Cluster) -> ClusterHash {
        let hash = || ClusterHash::of(&cluster.id);
        let mut known = self.holders.iter().zip(self.hashes);
        let known = known.find(|(holder, _)| std::ptr::eq(**holder, cluster));
        known.map_or_else(hash, |(_, known)| *known.get_or_init(hash))
    }

    fn may_matter(&self) -> bool {
        let is_idle = match &self.stance {
            Stance::Unwanted { .. } => true,
            Stance::Vetoed { wanting, .. } => wanting.is_empty(),
            Stance::Wanted { .. } | Stance::Ambiguous(_) => false,
        };
        !(is_idle && self.found.is_empty() && self.followed_by_pin.is_empty())
    }

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
