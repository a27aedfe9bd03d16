//! Rights that are missing, locks, rules above all rights, limits.

use tether::emulator::azure::{Fault, LockKind, Right};
use tether::emulator::world::PLATFORM;

use super::stage::{Case, End, attach, detach};

const OWNER: &str = "10 tries in 114 s, “Are you an Owner on this subscription?”";
const SUCCESS: &str = "“success”, nothing attached";

fn put() -> Fault {
    Fault::on("PUT", "/roleAssignments/")
}

pub(super) fn cases() -> Vec<Case> {
    [rights(), locks_and_limits()].into_iter().flatten().collect()
}

fn rights() -> Vec<Case> {
    vec![
        attach("no right to assign roles", |stage| {
            stage.world.azure.revoke(PLATFORM, Right::Assign);
        })
        .az(OWNER)
        .later(3)
        .writes(4)
        .held("AuthorizationFailed"),
        attach("a right to assign roles that has not spread yet", |stage| {
            stage.world.azure.revoke(PLATFORM, Right::Assign);
        })
        .meanwhile(|stage| stage.world.azure.allow(PLATFORM, Right::Assign))
        .later(1)
        .writes(2),
        attach("403 as a web page", |stage| {
            stage.fault(put().html(403, "<html>Forbidden</html>").always());
        })
        .az("Python traceback")
        .later(3)
        .writes(4)
        .held("a web page came instead of an answer"),
        attach("403 LinkedAuthorizationFailed", |stage| {
            stage.fault(put().refusing(403, "LinkedAuthorizationFailed", "linked scope").always());
        })
        .held("LinkedAuthorizationFailed"),
        attach("a deny assignment", |stage| {
            let code = "DenyAssignmentAuthorizationFailed";
            stage.fault(put().refusing(403, code, "deny").always());
        })
        .held("a deny assignment forbids it"),
        attach("Azure Policy forbids it", |stage| {
            stage.fault(put().refusing(403, "RequestDisallowedByPolicy", "policy").always());
        })
        .held("Azure Policy forbids it"),
        detach("no right to delete assignments", |stage| {
            stage.world.azure.revoke(PLATFORM, Right::Assign);
        })
        .az("32 requests in 114 s, “Are you an Owner on this subscription?”")
        .later(3)
        .writes(4)
        .held("AuthorizationFailed"),
        attach("role assignments may not be listed", |stage| {
            let fault = Fault::on("GET", "/roleAssignments?");
            stage.fault(fault.refusing(403, "AuthorizationFailed", "no").always());
        })
        .later(3)
        .writes(0)
        .ends(End::Held("could not be read"), false, 0),
        detach("role assignments may not be listed", |stage| {
            let fault = Fault::on("GET", "/roleAssignments?");
            stage.fault(fault.refusing(403, "AuthorizationFailed", "no").always());
        })
        .later(3)
        .ends(End::Held("could not be read"), true, 0),
        attach("the registry cannot be read", |stage| {
            stage.world.azure.revoke(PLATFORM, Right::Read);
        })
        .later(3)
        .refused("the right to do that is missing"),
    ]
}

fn locks_and_limits() -> Vec<Case> {
    vec![
        attach("a read-only lock on the registry", |stage| {
            stage.world.azure.lock(&stage.acr, LockKind::ReadOnly);
        })
        .az(SUCCESS)
        .held("ScopeLocked"),
        attach("a read-only lock on the resource group", |stage| {
            stage.world.azure.lock(stage.group(), LockKind::ReadOnly);
        })
        .az(SUCCESS)
        .held("ScopeLocked"),
        attach("a delete lock on the registry", |stage| {
            stage.world.azure.lock(&stage.acr, LockKind::CannotDelete);
        }),
        detach("a delete lock on the registry", |stage| {
            stage.world.azure.lock(&stage.acr, LockKind::CannotDelete);
        })
        .az("32 requests in 114 s, “Are you an Owner on this subscription?”")
        .held("ScopeLocked"),
        detach("a read-only lock on the resource group", |stage| {
            stage.world.azure.lock(stage.group(), LockKind::ReadOnly);
        })
        .held("ScopeLocked"),
        attach("the subscription is full of role assignments", |stage| {
            let text = "The role assignment limit for the subscription has been reached.";
            stage.fault(put().refusing(400, "RoleAssignmentLimitExceeded", text).always());
        })
        .az(OWNER)
        .held("RoleAssignmentLimitExceeded"),
    ]
}
