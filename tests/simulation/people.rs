//! What people do to the world in a step.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tether::emulator::azure::{
    AssignmentSpec, AzureError, ClusterIdentity, ClusterSpec, KubeletIdentity, RegistrySpec, Right,
};
use uuid::Uuid;

use crate::facts::{ACR_PULL, READER, SERVICE_PRINCIPAL, SHARED, Written, hash};
use crate::history::{
    ASKS, Act, Ask, ByHand, OFFERS, OnCluster, OnRegistry, PLACES, POOLS, Rights, STATES, TEAMS,
    Tags, Whose,
};
use crate::stage::{SUBSCRIPTIONS, Stage};

/// What is where: registries may be moved
#[derive(Debug, Default)]
pub(crate) struct Places {
    moved: [usize; PLACES],
    made: BTreeMap<usize, RegistrySpec>,
    /// The state of each pool of a cluster whose pools were spoken of
    pools: BTreeMap<usize, [usize; POOLS]>,
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

/// A registry with the name of the one at this place and another login server, in the other subscription.
/// It offers nothing.
fn namesake(place: usize) -> RegistrySpec {
    RegistrySpec::new(SUBSCRIPTIONS[(place + 1) % 2], "namesakes", &format!("acr{place}"))
}

fn namesake_id(place: usize) -> String {
    let RegistrySpec { subscription, group, name, .. } = namesake(place);
    format!(
        "/subscriptions/{subscription}/resourceGroups/{group}/providers/\
         Microsoft.ContainerRegistry/registries/{name}"
    )
}

/// Whether another registry has the name of this one
pub(crate) fn has_namesake(stage: &Stage, place: usize) -> bool {
    stage.azure.resource(&namesake_id(place)).is_some()
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
        object_id: id(SHARED),
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
        match act {
            Act::Cluster(place, what) => self.on_cluster(stage, place, what),
            Act::Registry(place, what) => {
                self.on_registry(stage, place, what).is_ok_and(|done| done)
            }
            Act::ByHand(what) => self.by_hand(stage, what),
            Act::Rights(what) => {
                change_rights(stage, what);
                true
            }
            Act::Policy(switches) => {
                stage.inner().switches = switches;
                true
            }
            Act::Ask { .. } | Act::Goes { .. } | Act::Wait(_) => true,
        }
    }

    fn on_cluster(&mut self, stage: &Stage, place: usize, what: OnCluster) -> bool {
        let (azure, id) = (&stage.azure, cluster_id(place));
        match what {
            // A put would only change one that is there.
            OnCluster::Make { .. } if azure.resource(&id).is_some() => false,
            OnCluster::Make { whose, tags, ready } => make(stage, place, whose, tags, ready),
            OnCluster::MakeAgain { whose, tags } => {
                let _ = azure.delete(&id);
                make(stage, place, whose, tags, true)
            }
            OnCluster::Delete => {
                stage.inner().nodes.made_anew(place);
                azure.delete(&id).is_ok()
            }
            OnCluster::Tag(tags) => azure.set_tags(&id, &written(tags, true)).is_ok(),
            OnCluster::Identity(_) if azure.kubelet_principal(&id).is_none() => false,
            OnCluster::Migrate(_) if pulls_as(stage, place) != Some(SERVICE_PRINCIPAL) => false,
            OnCluster::Identity(whose) | OnCluster::Migrate(whose) => identify(stage, place, whose),
            OnCluster::Reimage(pool) => stage.inner().nodes.reimaged(place, pool),
            OnCluster::Pool { pool, state } => {
                let states = self.pools.entry(place).or_default();
                states[pool] = state;
                let names = ["pool0", "pool1"].into_iter().zip(states.map(|state| STATES[state]));
                azure.set_pools(&id, &names.collect::<Vec<_>>()).is_ok()
            }
            OnCluster::Boot(registry) => {
                let registry = registry.map(|place| self.registry_id(place));
                azure.set_boot_registry(&id, registry.as_deref()).is_ok()
            }
        }
    }

    fn on_registry(
        &mut self,
        stage: &Stage,
        place: usize,
        what: OnRegistry,
    ) -> Result<bool, AzureError> {
        let (azure, id) = (&stage.azure, self.registry_id(place));
        match what {
            OnRegistry::Make { .. } if azure.resource(&id).is_some() => return Ok(false),
            OnRegistry::Make { tags, abac } => {
                self.moved[place] = 0;
                let name = format!("acr{place}");
                let mut spec = RegistrySpec::new(SUBSCRIPTIONS[place % 2], "images0", &name);
                (spec.tags, spec.abac) = (written(tags, false), abac);
                azure.create_registry(&spec)?;
                self.made.insert(place, spec);
            }
            OnRegistry::Namesake { is_there: true } => {
                let id = azure.create_registry(&namesake(place))?;
                let server = format!("acr{place}-label.azurecr.io");
                azure.set_property(&id, "loginServer", server.into())?;
            }
            OnRegistry::Namesake { is_there: false } => azure.delete(&namesake_id(place))?,
            OnRegistry::Delete => azure.delete(&id)?,
            OnRegistry::Move => self.move_registry(stage, place)?,
            OnRegistry::Tag(tags) => {
                let tags = written(tags, false);
                azure.set_tags(&id, &tags)?;
                self.made.entry(place).and_modify(|spec| spec.tags = tags);
            }
            OnRegistry::Mode { abac } => {
                azure.set_registry_mode(&id, abac)?;
                self.made.entry(place).and_modify(|spec| spec.abac = abac);
            }
        }
        Ok(true)
    }

    fn by_hand(&self, stage: &Stage, what: ByHand) -> bool {
        let azure = &stage.azure;
        let all = azure.assignments();
        let chosen = |number: usize| all.get(number.checked_rem(all.len()).unwrap_or_default());
        match what {
            ByHand::Assign { cluster, registry, abac, conditional, copy } => {
                let cluster = cluster_id(cluster);
                let Some(principal) = azure.kubelet_principal(&cluster) else { return false };
                let role = if abac { READER } else { ACR_PULL };
                let name = Uuid::from_u128(0xf000_0000 + self.acts as u128);
                let scope = self.registry_id(registry);
                let mut spec = AssignmentSpec::new(name, &scope, role, principal);
                let hash = hash(&cluster).simple();
                spec.description = copy.then(|| format!("tether/1 rule {hash}: a copy"));
                spec.condition = conditional.then(|| "@Resource[x] StringEquals 'y'".to_owned());
                azure.assign(&spec).is_ok()
            }
            ByHand::Unassign(number) => {
                chosen(number).is_some_and(|one| azure.unassign(&one.scope, one.name).is_ok())
            }
            ByHand::Redescribe(number) => chosen(number).is_some_and(|one| {
                let mut spec = AssignmentSpec::new(one.name, &one.scope, one.role, one.principal);
                spec.description = Some("by hand".to_owned());
                azure.assign(&spec).is_ok()
            }),
        }
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

    /// The body of a command
    pub(crate) fn command(&self, ask: Ask) -> Value {
        match ask {
            Ask::Pair { attach, cluster, registry, by_name } => {
                let name = if attach { "attach" } else { "detach" };
                let (cluster, registry) = if by_name {
                    (format!("aks{cluster}"), format!("acr{registry}"))
                } else {
                    (cluster_id(cluster), self.registry_id(registry))
                };
                json!({ "command": name, "cluster": cluster, "registry": registry })
            }
            Ask::FormerIdentities { cluster, registry } => json!({
                "command": "detach",
                "cluster": cluster_id(cluster),
                "registry": self.registry_id(registry),
                "formerIdentities": true,
            }),
            Ask::Reconcile(scope) => {
                let scope = match scope.checked_sub(1) {
                    None => "everything".to_owned(),
                    Some(place) if place < PLACES => cluster_id(place),
                    Some(place) if place < 2 * PLACES => self.registry_id(place - PLACES),
                    Some(place) => format!("/subscriptions/{}", SUBSCRIPTIONS[place - 2 * PLACES]),
                };
                json!({ "command": "reconcile", "scope": scope })
            }
        }
    }
}

fn make(stage: &Stage, place: usize, whose: Whose, tags: Tags, ready: bool) -> bool {
    let name = format!("aks{place}");
    let mut spec = ClusterSpec::new(SUBSCRIPTIONS[place % 2], "shop", &name);
    (spec.tags, spec.ready) = (written(tags, true), ready);
    spec.identity = match whose {
        Whose::Own => ClusterIdentity::Managed,
        Whose::Shared(number) => ClusterIdentity::BroughtAlong(shared(number)),
        Whose::ServicePrincipal => {
            ClusterIdentity::ServicePrincipal { client_id: Uuid::from_u128(0x5e01) }
        }
    };
    stage.azure.add_principal(SERVICE_PRINCIPAL, "ServicePrincipal");
    stage.inner().nodes.made_anew(place);
    stage.azure.create_cluster(&spec).is_ok()
}

/// Gives a cluster another identity. Its nodes keep the one that they have.
fn identify(stage: &Stage, place: usize, whose: Whose) -> bool {
    let (azure, id) = (&stage.azure, cluster_id(place));
    let before = pulls_as(stage, place);
    let given = match whose {
        Whose::Shared(number) => Some(shared(number)),
        Whose::Own | Whose::ServicePrincipal => None,
    };
    let done = azure.set_identity(&id, given.as_ref()).is_ok();
    if done {
        stage.inner().nodes.identity_replaced(place, before);
    }
    done
}

/// What a cluster pulls as, by what Azure says
pub(crate) fn pulls_as(stage: &Stage, place: usize) -> Option<Uuid> {
    let shown = stage.azure.resource(&cluster_id(place))?;
    serde_json::from_value::<Written>(shown).unwrap().cluster().principal
}

fn change_rights(stage: &Stage, what: Rights) {
    match what {
        Rights::Unreadable(number) => stage.azure.revoke(SUBSCRIPTIONS[number], Right::Read),
        Rights::Unwritable(number) => stage.azure.revoke(SUBSCRIPTIONS[number], Right::Assign),
        Rights::Restored => restore(stage),
    }
}

/// Gives back every right.
pub(crate) fn restore(stage: &Stage) {
    for subscription in SUBSCRIPTIONS {
        stage.azure.allow(subscription, Right::Read);
        stage.azure.allow(subscription, Right::Assign);
    }
}
