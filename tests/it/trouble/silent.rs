//! A subscription that the operator states and that does not answer, and a count that Azure does not
//! tell.

use tether::emulator::azure::{
    AssignmentSpec, ClusterIdentity, ClusterSpec, Fault, RegistrySpec, Right,
};
use tether::emulator::world::{PAYMENTS, PLATFORM};
use uuid::Uuid;

use super::stage::{Case, End, Stage, attach, reconcile};
use crate::corridor::sync::tags;
use crate::corridor::{PUSH, shared};

/// The other subscription does not answer.
fn silent(stage: &Stage) {
    stage.world.azure.revoke(PLATFORM, Right::Read);
}

/// Cluster and registry are in the same subscription, and a rule wants the two.
fn wanted(aks: &mut ClusterSpec, acr: &mut RegistrySpec, named: &str) {
    acr.subscription = PAYMENTS;
    acr.tags = tags(&[("acr-attach", "yes")]);
    aks.tags = tags(&[("acr-attach", named)]);
}

pub(super) fn cases() -> Vec<Case> {
    let held = "subscription 22222222-2222-4222-8222-222222222222 did not answer";
    vec![
        reconcile("a subscription does not answer, and the tag names the registry", silent)
            .spec(|aks, acr| wanted(aks, acr, "acr1"))
            .ends(End::Held(held), false, 0),
        attach("a subscription does not answer, and only a name in a tag allows the pair", silent)
            .spec(|aks, acr| wanted(aks, acr, "acr1"))
            .ends(End::Held(held), false, 0),
        reconcile("a subscription does not answer, and the tag names the login server", silent)
            .spec(|aks, acr| wanted(aks, acr, "acr1.azurecr.io")),
        attach("a subscription does not answer, and the identity was brought along", silent)
            .spec(|aks, acr| {
                acr.subscription = PAYMENTS;
                aks.identity = ClusterIdentity::BroughtAlong(shared());
            })
            .ends(End::Held(held), false, 0),
        attach("a subscription does not answer, and AKS made the identity", silent)
            .spec(|_, acr| acr.subscription = PAYMENTS),
        reconcile(
            "Azure does not tell how many role assignments a subscription may have",
            |stage| {
                // From this many on it is asked.
                for id in (1..=1600).map(Uuid::from_u128) {
                    stage.world.azure.add_principal(id, "ServicePrincipal");
                    stage
                        .world
                        .azure
                        .assign(&AssignmentSpec::new(id, &stage.acr, PUSH, id))
                        .unwrap();
                }
                let fault = Fault::on("GET", "/roleAssignmentsUsageMetrics");
                stage.fault(fault.refusing(403, "AuthorizationFailed", "no").always());
            },
        )
        .spec(|aks, acr| wanted(aks, acr, "acr1")),
    ]
}
