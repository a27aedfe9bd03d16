//! Azure that is slow, busy, out of order or of two minds.

use tether::emulator::azure::{AssignmentSpec, Fault};

use super::stage::{Case, End, attach, detach};
use crate::corridor::ACR_PULL;

fn put() -> Fault {
    Fault::on("PUT", "/roleAssignments/")
}

fn delete() -> Fault {
    Fault::on("DELETE", "/roleAssignments/")
}

pub(super) fn cases() -> Vec<Case> {
    [attaching(), conflicting(), detaching()].into_iter().flatten().collect()
}

fn attaching() -> Vec<Case> {
    vec![
        attach("nothing", |_| {}).az("8 requests, the cluster written"),
        attach("nothing: both called by name, in two subscriptions", |_| {})
            .by_name()
            .az("the registry is not found"),
        attach("an identity that the directory does not know yet", |stage| {
            stage.fault(put().refusing(400, "PrincipalNotFound", "replication delay"));
        })
        .az("waits 2 s, then 4 s, in the process")
        .later(1)
        .writes(2),
        attach("an identity that the directory never knows", |stage| {
            stage.fault(put().refusing(400, "PrincipalNotFound", "gone").always());
        })
        .later(13)
        .refused("the identity is not known, or not yet")
        .writes(14),
        attach("429 with `Retry-After: 1`, twice", |stage| {
            let fault = put().refusing(429, "TooManyRequests", "slow down");
            stage.fault(fault.header("Retry-After", "1").times(2));
        })
        .writes(3),
        attach("429 as a web page with `Retry-After: 120`", |stage| {
            stage.fault(put().html(429, "<html>no</html>").header("Retry-After", "120"));
        })
        .later(1)
        .writes(2),
        attach("429 at the first read with `Retry-After: 120`", |stage| {
            let fault = Fault::on("GET", "/managedClusters/");
            stage.fault(fault.html(429, "slow").header("Retry-After", "120"));
        })
        .later(1),
        attach("503, twice", |stage| stage.fault(put().bare(503).times(2)))
            .az("tries again at once, then after 1.6 s")
            .writes(3),
        attach("503 after the work was done", |stage| {
            stage.fault(put().bare(503).after_doing_it());
        })
        .ends(End::Already, true, 2),
        attach("500 for as long as it is tried", |stage| {
            stage.fault(put().bare(500).always());
        })
        .meanwhile(|stage| stage.world.azure.faults().clear())
        .later(1)
        .writes(4),
        attach("Resource Graph asks to slow down for two minutes", |stage| {
            let fault = Fault::on("POST", "ResourceGraph");
            stage.fault(fault.html(429, "slow").header("Retry-After", "120"));
        })
        .later(1),
        attach("Resource Graph does not know the registry yet", |stage| {
            let empty = serde_json::json!({ "totalRecords": 0, "count": 0, "data": [], "resultTruncated": "false" });
            stage.fault(Fault::on("POST", "ResourceGraph").json(200, empty));
        }),
    ]
}

fn conflicting() -> Vec<Case> {
    let exists = "an assignment by somebody else that the list does not show";
    vec![
        attach("an assignment by somebody else", |stage| {
            stage.assign(&stage.acr, ACR_PULL, stage.principal());
        })
        .az("8 requests, the cluster written")
        .ends(End::Already, true, 0),
        attach(exists, |stage| {
            stage.assign(&stage.acr, ACR_PULL, stage.principal());
            let empty = serde_json::json!({ "value": [] });
            stage.fault(Fault::on("GET", "/roleAssignments?").json(200, empty));
        })
        .ends(End::Already, true, 1),
        attach("an assignment by somebody else with a condition", |stage| {
            stage.assign_under(&stage.acr, ACR_PULL, stage.principal(), Some("@x"));
        })
        .ends(End::Held("is there with a condition"), true, 0),
        attach("one with a condition that the list does not show", |stage| {
            stage.assign_under(&stage.acr, ACR_PULL, stage.principal(), Some("@x"));
            let empty = serde_json::json!({ "value": [] });
            stage.fault(Fault::on("GET", "/roleAssignments?").json(200, empty));
        })
        .ends(End::Held("Conditional"), true, 1),
        attach("the assignment's name belongs to something else", |stage| {
            let text =
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
            stage.fault(put().refusing(400, "RoleAssignmentUpdateNotPermitted", text).always());
        })
        .held("RoleAssignmentUpdateNotPermitted")
        .told(&["\"assignment\":"]),
        attach("an identity of another type", |stage| {
            stage.fault(put().refusing(400, "UnmatchedPrincipalType", "has type 'User'").always());
        })
        .held("UnmatchedPrincipalType"),
        attach("400 InvalidRequestContent", |stage| {
            stage.fault(put().refusing(400, "InvalidRequestContent", "bad").always());
        })
        .held("InvalidRequestContent"),
        attach("a role that does not exist", |stage| {
            stage.fault(put().refusing(404, "RoleDefinitionDoesNotExist", "no role").always());
        })
        .held("RoleDefinitionDoesNotExist"),
        attach("409 of another kind", |stage| {
            stage.fault(put().refusing(409, "OperationNotAllowed", "in progress").always());
        })
        .az(SUCCESS)
        .held("OperationNotAllowed"),
        attach("the registry is deleted just before the write", |stage| {
            stage.fault(put().refusing(404, "ResourceNotFound", "not found").always());
        })
        .held("ResourceNotFound"),
        attach("the registry is gone", |stage| stage.world.azure.delete(&stage.acr).unwrap())
            .refused("there is no registry"),
    ]
}

const SUCCESS: &str = "any 409 counts as success";

fn detaching() -> Vec<Case> {
    vec![
        detach("nothing", |_| {}).az("6 requests, the cluster written"),
        detach("a token that is not valid any more", |stage| stage.world.azure.revoke_tokens()),
        detach("503 after the work was done", |stage| {
            stage.fault(delete().bare(503).after_doing_it());
        })
        .ends(End::Already, false, 2),
        detach("429 with `Retry-After: 120`", |stage| {
            stage.fault(delete().html(429, "slow").header("Retry-After", "120"));
        })
        .later(1)
        .writes(2),
        detach("somebody else was quicker", |stage| {
            let ours = stage.world.azure.assignments();
            stage.world.azure.unassign(&stage.acr, ours[0].name).unwrap();
        })
        .ends(End::Nothing, false, 0),
        detach("somebody put a condition on our assignment", |stage| {
            let ours = stage.world.azure.assignments();
            let spec = AssignmentSpec {
                description: ours[0].description.clone(),
                condition: Some("@x".to_owned()),
                ..AssignmentSpec::new(ours[0].name, &stage.acr, ACR_PULL, stage.principal())
            };
            stage.world.azure.assign(&spec).unwrap();
        })
        .ends(End::Held("is there with a condition"), true, 0),
    ]
}
