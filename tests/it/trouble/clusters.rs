//! Clusters of every kind.

use serde_json::json;
use tether::emulator::azure::{ClusterIdentity, ClusterSpec};
use uuid::Uuid;

use super::stage::{Case, End, attach, detach, detach_former};
use crate::corridor::{ACR_PULL, cluster, shared, sharing};

/// Another cluster with the same identity
fn twin(tags: &[(&str, &str)]) -> ClusterSpec {
    tags.iter().fold(sharing(cluster("aks2")), |spec, (name, value)| spec.tag(name, value))
}

pub(super) fn cases() -> Vec<Case> {
    [without_identity(), sharing_one(), of_every_kind()].into_iter().flatten().collect()
}

fn without_identity() -> Vec<Case> {
    vec![
        attach("a cluster in the making", |_| {})
            .spec(|aks, _| aks.ready = false)
            .az("“Unexpected error getting kubelet's identity”")
            .later(1),
        attach("a cluster that is being deleted", |stage| {
            stage.world.azure.set_state(&stage.aks, "Deleting").unwrap();
        })
        .meanwhile(|stage| stage.world.azure.delete(&stage.aks).unwrap())
        .later(1)
        .refused("there is no cluster"),
        attach("a cluster that pulls as a service principal", |_| {})
            .spec(|aks, _| {
                aks.identity = ClusterIdentity::ServicePrincipal { client_id: Uuid::from_u128(5) };
            })
            .az("needs Microsoft Graph to find the principal")
            .ends(End::Held("service principal"), false, 0),
        attach("a finished cluster without an identity", |stage| {
            stage.world.azure.set_property(&stage.aks, "identityProfile", json!(null)).unwrap();
        })
        .az("“Unexpected error getting kubelet's identity”")
        .ends(End::Held("has no kubelet identity"), false, 0),
    ]
}

fn sharing_one() -> Vec<Case> {
    vec![
        attach("a cluster whose nodes share an identity with others", |stage| {
            stage.world.azure.create_cluster(&twin(&[])).unwrap();
        })
        .spec(|aks, _| aks.identity = ClusterIdentity::BroughtAlong(shared())),
        attach("a veto on another cluster with the same identity", |stage| {
            let spec = twin(&[("acr-attach", "disabled")]);
            stage.world.azure.create_cluster(&spec).unwrap();
        })
        .spec(|aks, _| aks.identity = ClusterIdentity::BroughtAlong(shared()))
        .refused("it is vetoed for cluster `aks2`"),
        detach("another cluster with the same identity needs it", |stage| {
            let spec = twin(&[("acr-attach", "auto"), ("team", "a")]);
            stage.world.azure.create_cluster(&spec).unwrap();
            let tags = [("pin", "yes"), ("acr-attach", "auto"), ("team", "a")];
            let tags = tags.map(|(name, value)| (name.to_owned(), value.to_owned()));
            stage.world.azure.set_tags(&stage.acr, &tags.into()).unwrap();
        })
        .spec(|aks, _| aks.identity = ClusterIdentity::BroughtAlong(shared()))
        .ends(End::Held("needs it"), true, 0),
        detach_former("another cluster holds the former identity and needs it", |stage| {
            let spec = twin(&[("acr-attach", "acr1")]);
            stage.world.azure.create_cluster(&spec).unwrap();
            let tags = ["pin", "acr-attach"].map(|name| (name.to_owned(), "yes".to_owned()));
            stage.world.azure.set_tags(&stage.acr, &tags.into()).unwrap();
            stage.world.azure.set_identity(&stage.aks, None).unwrap();
        })
        .spec(|aks, _| aks.identity = ClusterIdentity::BroughtAlong(shared()))
        .ends(End::Held("`aks2` has the same identity and needs it"), false, 0),
        detach("another cluster with the same identity does not need it", |stage| {
            stage.world.azure.create_cluster(&twin(&[])).unwrap();
        })
        .spec(|aks, _| aks.identity = ClusterIdentity::BroughtAlong(shared())),
    ]
}

fn of_every_kind() -> Vec<Case> {
    vec![
        attach("a cluster that lets service accounts pull", |stage| {
            let profile = json!({ "serviceAccountImagePullProfile": { "enabled": true } });
            stage.world.azure.set_property(&stage.aks, "securityProfile", profile).unwrap();
        })
        .told(&["an attachment does nothing for such pulls"]),
        attach("an AKS Automatic cluster", |_| {}).spec(|aks, _| aks.automatic = true),
        attach("a stopped cluster", |stage| {
            let stopped = json!({ "code": "Stopped" });
            stage.world.azure.set_property(&stage.aks, "powerState", stopped).unwrap();
        }),
        attach("a cluster that failed", |stage| {
            stage.world.azure.set_state(&stage.aks, "Failed").unwrap();
        }),
        attach("a cluster that is being upgraded", |stage| {
            stage.world.azure.set_state(&stage.aks, "Upgrading").unwrap();
        })
        .az("exit 1, but the access stays"),
        detach("the cluster has another identity by now", |stage| {
            stage.world.azure.set_identity(&stage.aks, None).unwrap();
        }),
        detach_former("the cluster has another identity by now, which can pull", |stage| {
            stage.world.azure.set_identity(&stage.aks, None).unwrap();
            stage.assign(&stage.acr, ACR_PULL, stage.principal());
        })
        .ends(End::Applied, true, 1),
        detach_former("the cluster has the identity that it always had", |_| {}).ends(
            End::Nothing,
            true,
            0,
        ),
        detach("nodes of the cluster boot from the registry", |stage| {
            stage.world.azure.set_boot_registry(&stage.aks, Some(&stage.acr)).unwrap();
        })
        .ends(End::Held("nodes of `aks1` boot from this registry"), true, 0),
    ]
}
