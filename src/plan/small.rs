//! Every small world: two clusters, two registries, the interesting tags, identities and grants, in
//! every combination.

use super::build::{
    By, World, cluster, cluster_id, creating, grant, registry, registry_id, sharing, subscription,
    unread, world,
};
use crate::model::{
    Cluster, ClusterState, Gap, Grant, Identity, Registry, RegistryMode, ResourceId, Role,
};

const AUTO: &str = "acr-attach=auto team=a";
const OFF: &str = "acr-attach=disabled team=a";
pub(super) const SHARED: u128 = 7;

fn first_registries() -> Vec<Registry> {
    let mut all = Vec::new();
    for tags in ["", AUTO, OFF] {
        for mode in [RegistryMode::Legacy, RegistryMode::Abac, RegistryMode::Unread] {
            all.push(Registry { mode, ..registry("r1", tags) });
        }
    }
    all
}

fn first_clusters() -> Vec<Cluster> {
    let mut all = vec![creating("c1", AUTO), cluster("c1", 9, AUTO)];
    let client_id = "app".to_owned();
    all.push(Cluster {
        identity: Identity::ServicePrincipal { client_id, object_id: None },
        ..creating("c1", AUTO)
    });
    for tags in ["", AUTO, OFF, "acr-attach=r1"] {
        all.push(cluster("c1", 1, tags));
        all.push(sharing("c1", SHARED, tags));
    }
    all.push(Cluster { state: ClusterState::Deleting, ..cluster("c1", 1, AUTO) });
    all
}

fn second_clusters() -> Vec<Option<Cluster>> {
    let mut all = vec![None, Some(creating("c2", "")), Some(cluster("c2", 2, AUTO))];
    all.extend(["", AUTO, OFF].map(|tags| Some(sharing("c2", SHARED, tags))));
    all
}

fn grants() -> Vec<Vec<Grant>> {
    let mut all = vec![Vec::new()];
    for by in [By::Rule("c1"), By::Pin("c1"), By::Pin("gone"), By::Unreadable, By::Foreign] {
        for identity in [1, SHARED] {
            for role in Role::ALL {
                let plain = grant(by, "r1", identity, role);
                let conditional = Grant { conditional: true, ..plain.clone() };
                all.extend([vec![plain], vec![conditional]]);
            }
        }
    }
    for role in Role::ALL {
        let other = grant(By::Rule("c1"), "r1", SHARED, role);
        all.push(vec![grant(By::Pin("c1"), "r1", 1, Role::AcrPull), other]);
    }
    all
}

fn gaps() -> [Option<Gap>; 6] {
    let silent = "22222222-2222-2222-2222-222222222222".parse().unwrap();
    let subscription = subscription();
    [
        None,
        Some(Gap::Clusters),
        Some(Gap::Subscription(silent)),
        Some(Gap::Grants { subscription, principal: None }),
        Some(unread(ResourceId::Cluster(cluster_id("c1")))),
        Some(unread(ResourceId::Registry(registry_id("r1")))),
    ]
}

pub(super) fn worlds() -> impl Iterator<Item = World> {
    let grants = grants();
    first_registries().into_iter().flat_map(move |r1| {
        let grants = grants.clone();
        first_clusters().into_iter().flat_map(move |c1| {
            let (r1, grants) = (r1.clone(), grants.clone());
            second_clusters().into_iter().flat_map(move |c2| {
                let base = world().registry(r1.clone()).registry(registry("r2", AUTO));
                let base = base.cluster(c1.clone());
                let base = c2.into_iter().fold(base, World::cluster);
                let grants = grants.clone();
                gaps().into_iter().flat_map(move |gap| {
                    let base = gap.into_iter().fold(base.clone(), World::gap);
                    let with =
                        move |set: Vec<Grant>| set.into_iter().fold(base.clone(), World::grant);
                    grants.clone().into_iter().map(with)
                })
            })
        })
    })
}
