//! The built-in roles that matter around registries, and reading them.
//!
//! What a role permits is shown, never evaluated.

use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::answer::{Answer, Answered};
use super::filter::quoted;
use super::request::Asked;
use super::rights::Caller;
use super::world::World;

const ACR_PULL: Uuid = uuid!("7f951dda-4ed3-4680-a7ca-43fe172d538d");
const REPOSITORY_READER: Uuid = uuid!("b93aa761-3e63-49ed-ac28-beffa264f7ac");

/// The roles that let a kubelet pull: the one for legacy registries, the one for ABAC registries
pub(super) const PULL: [Uuid; 2] = [ACR_PULL, REPOSITORY_READER];

/// GUID, name, actions, data actions
type Role = (Uuid, &'static str, &'static [&'static str], &'static [&'static str]);

const PULL_ACTION: &str = "Microsoft.ContainerRegistry/registries/pull/read";
const PUSH_ACTION: &str = "Microsoft.ContainerRegistry/registries/push/write";
const CONTENT_READ: &str = "Microsoft.ContainerRegistry/registries/repositories/content/read";
const METADATA_READ: &str = "Microsoft.ContainerRegistry/registries/repositories/metadata/read";

const BUILT_IN: &[Role] = &[
    (ACR_PULL, "AcrPull", &[PULL_ACTION], &[]),
    (uuid!("8311e382-0749-4cb8-b61a-304f252e45ec"), "AcrPush", &[PULL_ACTION, PUSH_ACTION], &[]),
    (
        REPOSITORY_READER,
        "Container Registry Repository Reader",
        &[],
        &[CONTENT_READ, METADATA_READ],
    ),
    (
        uuid!("f58310d9-a9f6-439a-9e8d-f62e7b41a168"),
        "Role Based Access Control Administrator",
        &[
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ],
        &[],
    ),
    (uuid!("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"), "User Access Administrator", &["*/read"], &[]),
    (uuid!("b24988ac-6180-42a0-ab88-20f7382dd24c"), "Contributor", &["*"], &[]),
    (uuid!("acdd72a7-3385-48ef-bd42-f606fba81ae7"), "Reader", &["*/read"], &[]),
    (uuid!("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"), "Owner", &["*"], &[]),
];

/// Whether there is such a role
pub(super) fn exists(role: Uuid) -> bool {
    BUILT_IN.iter().any(|(id, ..)| *id == role)
}

/// One role definition
pub(super) fn get(world: &World, caller: &Caller, scope: &str, name: &str) -> Answered {
    world.authorize(caller, "Microsoft.Authorization/roleDefinitions/read", scope)?;
    let role = name.parse::<Uuid>().ok();
    let role = BUILT_IN.iter().find(|(id, ..)| Some(*id) == role).ok_or_else(|| unknown(name))?;
    Ok(Answer::json(200, shown(role, scope)))
}

/// The role definitions at a scope, filtered by name or by nothing
pub(super) fn list(world: &World, caller: &Caller, scope: &str, asked: &Asked) -> Answered {
    world.authorize(caller, "Microsoft.Authorization/roleDefinitions/read", scope)?;
    let filter = asked.parameter("$filter").unwrap_or_default();
    let wanted = quoted(&filter, "roleName eq ");
    let roles: Vec<Value> = BUILT_IN
        .iter()
        .filter(|(_, name, ..)| wanted.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted)))
        .map(|role| shown(role, scope))
        .collect();
    Ok(Answer::json(200, json!({"value": roles})))
}

/// The refusal for a role that does not exist
pub(super) fn unknown(name: &str) -> Answer {
    let message = format!("The specified role definition with ID '{name}' does not exist.");
    Answer::refused(404, "RoleDefinitionDoesNotExist", message)
}

fn shown((id, name, actions, data_actions): &Role, scope: &str) -> Value {
    let prefix = super::paths::subscription_of(scope)
        .map(|subscription| format!("/subscriptions/{subscription}"))
        .unwrap_or_default();
    json!({
        "properties": {
            "roleName": name,
            "type": "BuiltInRole",
            "description": "",
            "assignableScopes": ["/"],
            "permissions": [{
                "actions": actions, "notActions": [],
                "dataActions": data_actions, "notDataActions": [],
            }],
        },
        "id": format!("{prefix}/providers/Microsoft.Authorization/roleDefinitions/{id}"),
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": id,
    })
}
