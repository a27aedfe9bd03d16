//! Deny assignments: only listed here. Azure makes them itself, for deployment stacks and managed
//! applications; none of them forbids anything in this world, since nobody pulls in it.

use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Answered};
use super::paging::page;
use super::paths::{contains, subscription_of};
use super::routes::Call;
use super::world::World;

/// A deny assignment to be made
#[derive(Clone, Debug)]
pub struct DenialSpec {
    /// The name that people see
    pub name: String,
    /// What it is about, with all that is below
    pub scope: String,
    /// Whom it names, with their types: `ServicePrincipal`, `Group`, `SystemDefined` and so on
    pub principals: Vec<(Uuid, String)>,
    /// The actions that it denies
    pub actions: Vec<String>,
    /// The data actions that it denies
    pub data_actions: Vec<String>,
}

impl DenialSpec {
    fn shown(&self, id: Uuid) -> Value {
        let Self { name, scope, principals, actions, data_actions } = self;
        let principals: Vec<Value> =
            principals.iter().map(|(id, kind)| json!({"id": id, "type": kind})).collect();
        json!({
            "properties": {
                "denyAssignmentName": name,
                "description": Value::Null,
                "permissions": [{
                    "actions": actions,
                    "notActions": [],
                    "dataActions": data_actions,
                    "notDataActions": [],
                    "condition": Value::Null,
                    "conditionVersion": Value::Null,
                }],
                "scope": scope,
                "doNotApplyToChildScopes": false,
                "principals": principals,
                "excludePrincipals": [],
                "isSystemProtected": true,
            },
            "id": format!("{scope}/providers/Microsoft.Authorization/denyAssignments/{}", id.simple()),
            "type": "Microsoft.Authorization/denyAssignments",
            "name": id.simple().to_string(),
        })
    }
}

/// The deny assignments that can be seen at a scope
pub(super) fn list(world: &World, call: &Call<'_>, scope: &str) -> Answered {
    if let Some(subscription) = subscription_of(scope) {
        world.subscription(&subscription)?;
    }
    world.authorize(call.caller, "Microsoft.Authorization/denyAssignments/read", scope)?;
    let filter = call.asked.parameter("$filter").unwrap_or_default();
    let at_scope = match filter.trim() {
        "" => false,
        text if text.eq_ignore_ascii_case("atScope()") => true,
        _ => {
            let message = format!("The filter '{filter}' is not supported.");
            return Err(Answer::refused(400, "BadRequestFormat", message));
        }
    };
    let shown = world
        .denials
        .iter()
        .filter(|one| contains(&one.scope, scope) || !at_scope && contains(scope, &one.scope));
    let shown = shown.map(|one| one.shown(world.made_up(&format!("denial {}", one.name))));
    Ok(page(world, call.asked, shown.collect()))
}
