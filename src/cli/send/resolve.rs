//! Which cluster and which registry are meant, by id: names are looked up in the estate.
//!
//! Resource Graph lags, so what was made a moment ago may not be found yet.

use anyhow::{Context, bail};

use super::command::Outgoing;
use super::target::Target;
use crate::azure::{Arm, Estate, Graph, Seen, Wanted};
use crate::model::{ClusterId, RegistryId};

/// The cluster and the registry that a command is about
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) cluster: ClusterId,
    pub(super) registry: RegistryId,
}

/// The ids of the pair; without a name in it, nothing is asked.
pub(super) async fn resolve(
    arm: &Arm,
    estate: Option<&Estate>,
    outgoing: &Outgoing,
) -> anyhow::Result<Pair> {
    let (Some(cluster), Some(registry)) = (&outgoing.cluster, &outgoing.registry) else {
        bail!("only a cluster and a registry can be waited for");
    };
    if let (Target::Id(cluster), Target::Id(registry)) = (cluster, registry) {
        return Ok(Pair { cluster: cluster.clone(), registry: registry.clone() });
    }
    let Some(estate) = estate else {
        bail!(
            "--wait needs ids: {} is looked up in the estate, and none is stated; give the ids, or \
             set TETHER_SUBSCRIPTIONS to the subscriptions to look in",
            names(cluster, registry)
        );
    };
    let graph = Graph::new(arm.clone(), std::time::Duration::ZERO);
    let seen = graph.seen(estate, Wanted::Everything).await;
    let seen =
        seen.context("the names cannot be looked up; give the ids, or send without --wait")?;
    let cluster = match cluster {
        Target::Id(id) => id.clone(),
        Target::Name(name) => the_one("cluster", name, clusters(&seen, name))?,
    };
    let registry = match registry {
        Target::Id(id) => id.clone(),
        Target::Name(name) => the_one("registry", name, registries(&seen, name))?,
    };
    Ok(Pair { cluster, registry })
}

fn names(cluster: &Target<ClusterId>, registry: &Target<RegistryId>) -> String {
    let cluster = matches!(cluster, Target::Name(_)).then(|| cluster.to_text());
    let registry = matches!(registry, Target::Name(_)).then(|| registry.to_text());
    let names = cluster.into_iter().chain(registry).map(|name| format!("`{name}`"));
    names.collect::<Vec<_>>().join(" or ")
}

fn clusters(seen: &Seen, name: &str) -> Vec<ClusterId> {
    let found = seen.clusters.iter().map(|cluster| &cluster.id);
    found.filter(|id| id.name().eq_ignore_ascii_case(name)).cloned().collect()
}

fn registries(seen: &Seen, name: &str) -> Vec<RegistryId> {
    let found = seen.registries.iter().filter(|registry| {
        let names = [registry.id.name(), registry.login_server.as_str()];
        names.iter().any(|known| known.eq_ignore_ascii_case(name))
    });
    found.map(|registry| registry.id.clone()).collect()
}

fn the_one<I: ToString>(kind: &str, name: &str, found: Vec<I>) -> anyhow::Result<I> {
    let ids: Vec<_> = found.iter().map(ToString::to_string).collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => bail!(
            "nothing is sent: --{kind} is `{name}`, which fits {}: give the id of one: {}",
            ids.len(),
            ids.join(", ")
        ),
        (None, _) => bail!(
            "nothing is sent: --{kind} is `{name}`, and Resource Graph knows no such {kind} in the \
             estate; it may lag some minutes: give the id"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> RegistryId {
        format!(
            "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/{name}"
        )
        .parse()
        .unwrap()
    }

    #[test]
    fn a_name_has_to_fit_one() {
        assert_eq!(the_one("registry", "acr1", vec![id("acr1")]).unwrap(), id("acr1"));
        let none = the_one::<RegistryId>("registry", "acr1", Vec::new()).unwrap_err().to_string();
        assert!(none.contains("--registry is `acr1`") && none.contains("give the id"), "{none}");
        let two = the_one("registry", "acr1", vec![id("acr1"), id("ACR1")]).unwrap_err();
        let two = two.to_string();
        assert!(two.contains("fits 2") && two.contains("/registries/ACR1"), "{two}");
    }
}
