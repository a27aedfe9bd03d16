//! What people do to the world in a step.

use std::collections::BTreeMap;

use serde_json::json;
use tether::emulator::azure::{
    AssignmentSpec, AzureError, ClusterIdentity, ClusterSpec, KubeletIdentity, RegistrySpec, Right,
};
use uuid::Uuid;

use crate::facts::{ACR_PULL, READER, SERVICE_PRINCIPAL, hash};
use crate::history::{ASKS, Act, OFFERS, TEAMS, Tags, Whose};
use crate::stage::{SUBSCRIPTIONS, Stage};

/// What is where: registries may be moved
#[derive(Debug, Default)]
pub(crate) struct Places {
    moved: [usize; crate::history::PLACES],
    made: BTreeMap<usize, RegistrySpec>,
    acts: usize,
}

pub(crate) fn cluster_id(place: usize) -> String {
    let subscription = SUBSCRIPTIONS[place % 2];
    format!(
        "/subscriptions/{subscription}/resourcegroups/shop/providers/\
         Microsoft.ContainerService/managedClusters/aks{place}"
    )
}

pub(crate) fn registry_id(place: usize, group: usize) -> String {
    let subscription = SUBSCRIPTIONS[(place + group) % 2];
    format!(
        "/subscriptions/{subscription}/resourceGroups/images{group}/providers/\
         Microsoft.ContainerRegistry/registries/acr{place}"
    )
}

/// The identities that clusters may share
fn shared(number: usize) -> KubeletIdentity {
    let id = |kind: u128| Uuid::from_u128(kind + number as u128);
    KubeletIdentity {
        resource_id: format!(
            "/subscriptions/{}/resourcegroups/ids/providers/Microsoft.ManagedIdentity/\
             userAssignedIdentities/shared{number}",
            SUBSCRIPTIONS[0]
        ),
        client_id: id(0xc100),
        object_id: id(0x0b00),
    }
}

fn written(tags: Tags, is_cluster: bool) -> BTreeMap<String, String> {
    let Tags { attach, team, stage, pin } = tags;
    let attach = if is_cluster { ASKS[attach] } else { OFFERS[attach] };
    let stages = if is_cluster { "sandbox" } else { "production" };
    let all = [
        ("acr-attach", attach),
        ("team", TEAMS[team]),
        ("stage", if stage { stages } else { "" }),
        ("pin", if pin { "yes" } else { "" }),
    ];
    let given = all.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

impl Places {
    pub(crate) fn registry_id(&self, place: usize) -> String {
        registry_id(place, self.moved[place])
    }

    /// Does what a step says to the world, if it can be done. Whether it was.
    pub(crate) fn act(&mut self, stage: &Stage, act: Act) -> bool {
        self.acts += 1;
        let azure = &stage.azure;
        let done = match act {
            Act::MakeCluster { place, whose, tags, ready } => {
                let mut spec =
                    ClusterSpec::new(SUBSCRIPTIONS[place % 2], "shop", &format!("aks{place}"));
                spec.tags = written(tags, true);
                spec.ready = ready;
                spec.identity = match whose {
                    Whose::Own => ClusterIdentity::Managed,
                    Whose::Shared(number) => ClusterIdentity::BroughtAlong(shared(number)),
                    Whose::ServicePrincipal => {
                        ClusterIdentity::ServicePrincipal { client_id: Uuid::from_u128(0x5e01) }
                    }
                };
                azure.add_principal(SERVICE_PRINCIPAL, "ServicePrincipal");
                // A put would only change one that is there.
                if azure.resource(&cluster_id(place)).is_some() {
                    return false;
                }
                azure.create_cluster(&spec).map(|_| ())
            }
            Act::MakeRegistry { place, tags, abac } => {
                if azure.resource(&self.registry_id(place)).is_some() {
                    return false;
                }
                self.moved[place] = 0;
                let mut spec =
                    RegistrySpec::new(SUBSCRIPTIONS[place % 2], "images0", &format!("acr{place}"));
                (spec.tags, spec.abac) = (written(tags, false), abac);
                let made = azure.create_registry(&spec).map(|_| ());
                self.made.insert(place, spec);
                made
            }
            Act::DeleteCluster(place) => azure.delete(&cluster_id(place)),
            Act::DeleteRegistry(place) => azure.delete(&self.registry_id(place)),
            Act::MoveRegistry(place) => self.move_registry(stage, place),
            Act::TagCluster { place, tags } => {
                azure.set_tags(&cluster_id(place), &written(tags, true))
            }
            Act::TagRegistry { place, tags } => {
                let tags = written(tags, false);
                if let Some(spec) = self.made.get_mut(&place) {
                    spec.tags.clone_from(&tags);
                }
                azure.set_tags(&self.registry_id(place), &tags)
            }
            Act::SetMode { place, abac } => {
                if let Some(spec) = self.made.get_mut(&place) {
                    spec.abac = abac;
                }
                azure.set_registry_mode(&self.registry_id(place), abac)
            }
            Act::ReplaceIdentity { place, whose } => {
                let id = cluster_id(place);
                if azure.kubelet_principal(&id).is_none() {
                    return false;
                }
                match whose {
                    Whose::Shared(number) => azure.set_identity(&id, Some(&shared(number))),
                    Whose::Own | Whose::ServicePrincipal => azure.set_identity(&id, None),
                }
            }
            Act::Assign { cluster, registry, abac, conditional, copy } => {
                let Some(principal) = azure.kubelet_principal(&cluster_id(cluster)) else {
                    return false;
                };
                let role = if abac { READER } else { ACR_PULL };
                let name = Uuid::from_u128(0xf000_0000 + self.acts as u128);
                let mut spec =
                    AssignmentSpec::new(name, &self.registry_id(registry), role, principal);
                let hash = hash(&cluster_id(cluster)).simple();
                spec.description = copy.then(|| format!("tether/1 rule {hash}: a copy"));
                spec.condition = conditional.then(|| "@Resource[x] StringEquals 'y'".to_owned());
                azure.assign(&spec)
            }
            Act::Unassign(number) => {
                let all = azure.assignments();
                let Some(one) = all.get(number.checked_rem(all.len()).unwrap_or_default()) else {
                    return false;
                };
                azure.unassign(&one.scope, one.name)
            }
            Act::Redescribe(number) => {
                let all = azure.assignments();
                let Some(one) = all.get(number.checked_rem(all.len()).unwrap_or_default()) else {
                    return false;
                };
                let mut spec = AssignmentSpec::new(one.name, &one.scope, one.role, one.principal);
                spec.description = Some("by hand".to_owned());
                azure.assign(&spec)
            }
            Act::Unreadable(number) => {
                azure.revoke(SUBSCRIPTIONS[number], Right::Read);
                Ok(())
            }
            Act::Unwritable(number) => {
                azure.revoke(SUBSCRIPTIONS[number], Right::Assign);
                Ok(())
            }
            Act::Restore => {
                restore(stage);
                Ok(())
            }
            Act::Command { .. } | Act::Reconcile { .. } | Act::Goes { .. } | Act::Wait(_) => Ok(()),
        };
        done.is_ok()
    }

    /// Under another id, without its assignments
    fn move_registry(&mut self, stage: &Stage, place: usize) -> Result<(), AzureError> {
        let azure = &stage.azure;
        let Some(spec) = self.made.get(&place) else { return Ok(()) };
        let old = self.registry_id(place);
        azure.delete(&old)?;
        let group = 1 - self.moved[place];
        self.moved[place] = group;
        let subscription = SUBSCRIPTIONS[(place + group) % 2];
        let moved = RegistrySpec { subscription, group: format!("images{group}"), ..spec.clone() };
        azure.create_registry(&moved).map(|_| ())
    }

    /// What a command calls a cluster and a registry
    pub(crate) fn command(&self, act: Act) -> Option<serde_json::Value> {
        match act {
            Act::Command { attach, cluster, registry, by_name, .. } => {
                let name = if attach { "attach" } else { "detach" };
                Some(if by_name {
                    json!({ "command": name, "cluster": format!("aks{cluster}"), "registry": format!("acr{registry}") })
                } else {
                    json!({ "command": name, "cluster": cluster_id(cluster), "registry": self.registry_id(registry) })
                })
            }
            Act::Reconcile { scope, .. } => {
                let scope = match scope {
                    0..3 => "everything".to_owned(),
                    3..5 => cluster_id(scope - 3),
                    5..7 => self.registry_id(scope - 5),
                    _ => format!("/subscriptions/{}", SUBSCRIPTIONS[scope - 7]),
                };
                Some(json!({ "command": "reconcile", "scope": scope }))
            }
            _ => None,
        }
    }
}

/// Gives back every right.
pub(crate) fn restore(stage: &Stage) {
    for subscription in SUBSCRIPTIONS {
        stage.azure.allow(subscription, Right::Read);
        stage.azure.allow(subscription, Right::Assign);
    }
}
