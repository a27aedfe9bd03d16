//! What users are promised, by what really is and no answer says: with `former_identities: keep`, the
//! nodes of a cluster that is entitled to a registry never lose it by a removal of tether's.
//!
//! A cluster is entitled whose pair a rule wants or a pin has, and nothing vetoes, both by what it is now
//! and by what the run was answered last. These removals are no breach:
//!
//! - a command to detach asked for it;
//! - another cluster has the identity: then those that have it decide;
//! - the mark names another cluster and does not say `shared`, since no wide run came to write it while
//!   both had the identity;
//! - the pin that entitles it is younger than what Resource Graph shows;
//! - another cluster that had the identity is vetoed;
//! - it was written before the cluster was created, so that it counts as an earlier cluster's with the same
//!   id, since no wide run came to write it again while the cluster had the identity.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::facts::{
    Assignment, Cluster, Mark, Registry, SERVICE_PRINCIPAL, Written, asked_for, hash, vetoed,
};
use crate::history::PLACES;
use crate::people::cluster_id;
use crate::removals::is_for;
use crate::stage::Stage;
use crate::witness::Run;

/// A cluster whose nodes lost a registry although it is entitled to it
pub(crate) fn broken(stage: &Stage, run: &Run, gone: &Assignment) -> Option<String> {
    if run.asked.is_some() || run.switches.removes_identities {
        return None;
    }
    let registry = stage.azure.resource(&gone.scope)?;
    let registry = serde_json::from_value::<Written>(registry).unwrap().registry();
    let left = stage.assignments();
    let pulled = is_for(gone, gone.principal, &registry);
    if !pulled || left.iter().any(|one| is_for(one, gone.principal, &registry)) {
        return None;
    }
    let clusters: Vec<_> =
        (0..PLACES).filter_map(|place| Some((place, cluster(stage, place)?))).collect();
    let is_held = clusters.iter().any(|(_, one)| one.principal == Some(gone.principal));
    if is_held || !run.holders(gone.principal).is_empty() {
        return None;
    }
    let is_known = |one: &Cluster| is_shared(gone) || gone.mark().whose() == Some(hash(&one.id));
    let is_vetoed = clusters.iter().any(|(_, one)| is_known(one) && vetoed(one, &registry));
    let places: BTreeSet<_> = {
        let nodes = &stage.inner().nodes;
        (0..PLACES).filter(|place| nodes.former(*place).contains(&gone.principal)).collect()
    };
    let mut users = clusters.iter().filter(|(place, _)| places.contains(place)).map(|(_, one)| one);
    let lag = Duration::from_secs(stage.setting.graph_lag);
    let is_told = run.begun - lag;
    let loser = users.find(|one| {
        let pin = Mark::Pin(hash(&one.id));
        let is_pin = |other: &Assignment| {
            one.principal.is_some_and(|its| is_for(other, its, &registry))
                && other.is_of(run.owner)
                && other.mark() == pin
                && other.written < Some(is_told)
        };
        let was_told = || {
            let told = run.marked(hash(&one.id));
            told.is_none_or(|told| {
                is_entitled(told, run.registries.get(&registry.id), &is_pin, &left)
            })
        };
        is_known(one)
            && !gone.is_of_earlier(one)
            && is_entitled(one, Some(&Some(registry.clone())), &is_pin, &left)
            && was_told()
    });
    let loser = loser.filter(|_| !is_vetoed)?;
    let how = if asked_for(loser, &registry) { "entitled" } else { "pinned" };
    Some(format!("nodes of {}, which is {how}, used it", loser.id))
}

fn is_entitled(
    cluster: &Cluster,
    registry: Option<&Option<Registry>>,
    is_pin: &dyn Fn(&Assignment) -> bool,
    left: &[Assignment],
) -> bool {
    let Some(Some(registry)) = registry else { return false };
    asked_for(cluster, registry) || !vetoed(cluster, registry) && left.iter().any(is_pin)
}

/// Whether the mark says that more clusters than the one that it names may use the identity
fn is_shared(gone: &Assignment) -> bool {
    gone.is_flagged("shared") || gone.principal == SERVICE_PRINCIPAL
}

fn cluster(stage: &Stage, place: usize) -> Option<Cluster> {
    let shown = stage.azure.resource(&cluster_id(place))?;
    Some(serde_json::from_value::<Written>(shown).unwrap().cluster())
}
