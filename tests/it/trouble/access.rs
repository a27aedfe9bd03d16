//! Roles that are the wrong ones, and access from above, by other roles and through groups.

use uuid::Uuid;

use super::stage::{Case, End, attach, detach};
use crate::corridor::{ACR_PULL, PUSH, REPOSITORY_READER};

const REMAINS: &str = "“deletion done”, access remains";

pub(super) fn cases() -> Vec<Case> {
    vec![
        attach("a registry in ABAC mode", |_| {})
            .spec(|_, acr| acr.abac = true)
            .az("assigns AcrPull, which is not honoured")
            .told(&["Container Registry Repository Reader"]),
        attach("AcrPull from before the switch to ABAC mode", |stage| {
            stage.assign(&stage.acr, ACR_PULL, stage.principal());
            stage.world.azure.set_registry_mode(&stage.acr, true).unwrap();
        })
        .az("“success”, pulls fail"),
        attach("AcrPull at the resource group", |stage| {
            stage.assign(stage.group(), ACR_PULL, stage.principal());
        }),
        attach("AcrPull through a group", |stage| {
            let group = Uuid::from_u128(77);
            stage.world.azure.add_to_group(group, stage.principal());
            stage.assign(&stage.acr, ACR_PULL, group);
        }),
        detach("AcrPull at the resource group", |stage| {
            stage.assign(stage.group(), ACR_PULL, stage.principal());
        })
        .az(REMAINS)
        .told(&["stillGranted", "\"role\":\"AcrPull\""]),
        detach("AcrPull through a group", |stage| {
            let group = Uuid::from_u128(77);
            stage.world.azure.add_to_group(group, stage.principal());
            stage.assign(&stage.acr, ACR_PULL, group);
        })
        .az(REMAINS)
        .told(&["throughGroup", "takes up to a day"]),
        detach("another role that allows pulling", |stage| {
            stage.assign(&stage.acr, PUSH, stage.principal());
        })
        .az(REMAINS)
        .told(&["\"role\":\"AcrPush\"", "\"certain\":true"]),
        detach("a role that the registry does not honour", |stage| {
            stage.assign(stage.group(), REPOSITORY_READER, stage.principal());
        })
        .told(&["\"stillGranted\":[]"]),
        detach("an assignment by somebody else besides ours, in the other role", |stage| {
            stage.world.azure.set_registry_mode(&stage.acr, true).unwrap();
            stage.assign(&stage.acr, REPOSITORY_READER, stage.principal());
        })
        .az("exit 0, assignment remains")
        .ends(End::Applied, true, 1)
        .told(&["Container Registry Repository Reader"]),
    ]
}
