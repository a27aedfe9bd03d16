//! Identities and roles that were replaced, and an earlier cluster with the same id.

use std::time::Duration;

use tether::emulator::azure::{AssignmentSpec, ClusterIdentity, Fault};

use super::stage::{Case, End, STATED, Stage, attach, detach, detach_former, reconcile};
use crate::corridor::sync::{auto, tags};
use crate::corridor::{ACR_PULL, cluster, shared};

pub(super) fn cases() -> Vec<Case> {
    [identities(), of_others(), roles()].into_iter().flatten().collect()
}

/// The cluster gets an identity that AKS makes.
fn moves(stage: &Stage) {
    stage.world.azure.set_identity(&stage.aks, None).unwrap();
}

/// The registry is switched to ABAC mode.
fn switches(stage: &Stage) {
    stage.world.azure.set_registry_mode(&stage.acr, true).unwrap();
}

fn identities() -> Vec<Case> {
    let name = "a service principal gave way to a managed identity";
    vec![
        reconcile("the cluster has another identity by now", moves).attached_before(),
        attach(name, moves).with_service_principal().attached_before(),
        reconcile(name, moves).with_service_principal().attached_before(),
        detach(name, moves).with_service_principal(),
        detach_former(
            "a service principal gave way to a managed identity, which can pull",
            |stage| {
                moves(stage);
                stage.assign(&stage.acr, ACR_PULL, stage.principal());
                assert!(stage.world.azure.assignments().iter().any(|one| one.principal == STATED));
            },
        )
        .with_service_principal()
        .ends(End::Applied, true, 1),
    ]
}

fn of_others() -> Vec<Case> {
    let again: fn(&Stage) = |stage| {
        stage.world.azure.delete(&stage.aks).unwrap();
        stage.world.clock.advance(Duration::from_secs(60));
        stage.world.azure.create_cluster(&cluster("aks1")).unwrap();
    };
    let name = "the cluster was deleted, and another one created with the same id";
    vec![
        attach(name, again).attached_before(),
        detach(name, again).ends(End::Nothing, false, 0),
        detach_former(name, again).ends(End::Nothing, false, 0),
        detach(
            "several clusters had the identity, all have left it, and another one is wanted",
            |stage| {
                let azure = &stage.world.azure;
                let [ours] = &azure.assignments()[..] else { panic!("one assignment") };
                // As a run over everything marks it while both hold the identity
                let mark = ours.description.as_deref().unwrap().replacen(':', " shared:", 1);
                let spec = AssignmentSpec::new(ours.name, &stage.acr, ACR_PULL, ours.principal);
                azure.assign(&AssignmentSpec { description: Some(mark), ..spec }).unwrap();
                azure.create_cluster(&auto("aks2")).unwrap();
                let wanted = tags(&[("pin", "yes"), ("acr-attach", "auto"), ("team", "a")]);
                azure.set_tags(&stage.acr, &wanted).unwrap();
                moves(stage);
            },
        )
        .spec(|aks, _| aks.identity = ClusterIdentity::BroughtAlong(shared()))
        .ends(End::Held("several clusters have held the identity"), false, 0),
    ]
}

fn roles() -> Vec<Case> {
    let name = "the registry was switched to ABAC mode";
    vec![
        attach(name, switches).attached_before().told(&["Container Registry Repository Reader"]),
        detach(name, switches),
        detach("the registry was switched to ABAC mode, and ours has either role", switches)
            .attached_twice()
            .writes(2),
        attach("the registry was switched to ABAC mode, and the subscription is full", |stage| {
            switches(stage);
            let put = Fault::on("PUT", "/roleAssignments/");
            let text = "The role assignment limit for the subscription has been reached.";
            stage.fault(put.refusing(400, "RoleAssignmentLimitExceeded", text).always());
        })
        .attached_before()
        .told(&["`former_roles: remove` in the policy"])
        .held("RoleAssignmentLimitExceeded"),
    ]
}
