//! Role assignments: the rules that Azure has for writing and deleting them.
//!
//! Lists are in `assignment_lists`. Whether anyone may pull because of one is never evaluated.

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::answer::{Answer, Answered};
use super::events::{Happened, event_time};
use super::locks::Operation;
use super::paths::{self, subscription_of};
use super::roles;
use super::routes::Call;
use super::world::World;

const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
const DELETE: &str = "Microsoft.Authorization/roleAssignments/delete";

/// A role assignment
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Its GUID, unique in the tenant
    pub name: Uuid,
    /// Where, as the caller wrote it
    pub scope: String,
    /// GUID of the role
    pub role: Uuid,
    /// Who holds it
    pub principal: Uuid,
    /// What kind of principal
    pub principal_type: String,
    /// Whether the caller stated the kind
    pub type_was_stated: bool,
    /// Free text
    pub description: Option<String>,
    /// Under which condition
    pub condition: Option<String>,
    /// When it was made
    pub created_on: OffsetDateTime,
    /// When it was changed last
    pub updated_on: OffsetDateTime,
    /// Who made it
    pub created_by: Uuid,
    /// Who changed it last
    pub updated_by: Uuid,
}

impl Assignment {
    /// Its ARM id
    pub fn id(&self) -> String {
        let scope = self.scope.trim_end_matches('/');
        format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", self.name)
    }

    /// The properties as answers and Resource Graph show them.
    ///
    /// Half of all role definition ids lack the subscription, and half of all principals come in
    /// capital letters: which half hangs on the name, so that every run sees the same.
    pub(super) fn properties(&self) -> Value {
        let odd = |bit: u32| (self.name.as_u128() >> bit) & 1 == 1;
        let principal = self.principal.to_string();
        let prefix = subscription_of(&self.scope)
            .filter(|_| !odd(1))
            .map(|subscription| format!("/subscriptions/{subscription}"))
            .unwrap_or_default();
        let mut shown = json!({
            "roleDefinitionId":
                format!("{prefix}/providers/Microsoft.Authorization/roleDefinitions/{}", self.role),
            "principalId": if odd(0) { principal.to_uppercase() } else { principal },
            "principalType": self.principal_type,
            "scope": if self.scope.is_empty() { "/" } else { &self.scope },
            "description": self.description,
            "condition": self.condition,
            "conditionVersion": self.condition.as_ref().map(|_| "2.0"),
            "createdOn": event_time(self.created_on),
            "updatedOn": event_time(self.updated_on),
            "createdBy": self.created_by,
            "updatedBy": self.updated_by,
            "delegatedManagedIdentityResourceId": null,
        });
        // Null and absent both occur: here a description is absent, the rest is null.
        if self.description.is_none()
            && let Some(shown) = shown.as_object_mut()
        {
            shown.remove("description");
        }
        shown
    }

    pub(super) fn shown(&self) -> Value {
        json!({
            "properties": self.properties(),
            "id": self.id(),
            "type": "Microsoft.Authorization/roleAssignments",
            "name": self.name,
        })
    }

    fn grants_the_same(&self, other: &Self) -> bool {
        let same_scope = self.scope.eq_ignore_ascii_case(&other.scope);
        same_scope && self.principal == other.principal && self.role == other.role
    }
}

/// One assignment
pub(super) fn get(world: &World, call: &Call<'_>, scope: &str, name: &str) -> Answered {
    world.authorize(call.caller, "Microsoft.Authorization/roleAssignments/read", scope)?;
    let found = name.parse().ok().and_then(|name: Uuid| world.assignments.get(&name));
    let found = found.filter(|found| found.scope.eq_ignore_ascii_case(scope)).ok_or_else(|| {
        let message = format!("The role assignment '{name}' is not found.");
        Answer::refused(404, "RoleAssignmentNotFound", message)
    })?;
    Ok(Answer::json(200, found.shown()))
}

/// Creates, or changes description and condition
pub(super) fn put(world: &mut World, call: &Call<'_>, scope: &str, name: &str) -> Answered {
    let name: Uuid = name.parse().map_err(|_| {
        let message = format!("The role assignment ID '{name}' is not valid: it must be a GUID.");
        Answer::refused(400, "InvalidRoleAssignmentId", message)
    })?;
    let mut wanted = read(world, call, scope, name)?;
    let asked_for = (wanted.role, wanted.type_was_stated.then_some(&*wanted.principal_type));
    world.authorize_assignment(call.caller, WRITE, scope, asked_for)?;
    world.scope_exists(scope)?;
    world.unlocked(scope, Operation::Write)?;
    if !roles::exists(wanted.role) {
        return Err(roles::unknown(&wanted.role.to_string()));
    }
    let old = world.assignments.get(&name).cloned();
    if let Some(old) = &old {
        if !old.grants_the_same(&wanted) {
            return Err(update_not_permitted());
        }
        wanted = Assignment {
            description: wanted.description,
            condition: wanted.condition,
            updated_on: world.now,
            updated_by: call.caller.principal,
            ..old.clone()
        };
    } else {
        world.may_be_new(&mut wanted)?;
    }
    let shown = wanted.shown();
    world.assignments.insert(wanted);
    world.index_assignment(name);
    world.emit(&happened(call, WRITE, old.is_some()));
    Ok(Answer::json(if old.is_some() { 200 } else { 201 }, shown))
}

/// Deletes; what does not exist is answered with 204.
pub(super) fn delete(world: &mut World, call: &Call<'_>, scope: &str, name: &str) -> Answered {
    world.authorize(call.caller, DELETE, scope)?;
    world.unlocked(scope, Operation::Delete)?;
    let found = name.parse().ok().and_then(|name: Uuid| world.assignments.get(&name)).cloned();
    let Some(found) = found.filter(|found| found.scope.eq_ignore_ascii_case(scope)) else {
        return Ok(Answer::empty(204));
    };
    let held = (found.role, Some(found.principal_type.as_str()));
    world.authorize_assignment(call.caller, DELETE, scope, held)?;
    world.assignments.remove(&found.name);
    world.index_assignment(found.name);
    world.emit(&happened(call, DELETE, true));
    Ok(Answer::json(200, found.shown()))
}

/// What the body of a put asks for
fn read(world: &World, call: &Call<'_>, scope: &str, name: Uuid) -> Result<Assignment, Answer> {
    let body = call.asked.json()?;
    let none = Map::new();
    let properties = body.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let text = |field: &str| properties.get(field).and_then(Value::as_str);
    let guid = |text: Option<&str>| text.and_then(|text| text.parse::<Uuid>().ok());
    let role = guid(text("roleDefinitionId").and_then(|id| id.rsplit('/').next()));
    let (Some(role), Some(principal)) = (role, guid(text("principalId"))) else {
        let message = "The request content was invalid: roleDefinitionId and principalId.";
        return Err(Answer::refused(400, "InvalidRequestContent", message));
    };
    let by = call.caller.principal;
    Ok(Assignment {
        name,
        scope: scope.to_owned(),
        role,
        principal,
        principal_type: text("principalType").unwrap_or_default().to_owned(),
        type_was_stated: text("principalType").is_some(),
        description: text("description").map(str::to_owned),
        condition: text("condition").map(str::to_owned),
        created_on: world.now,
        updated_on: world.now,
        created_by: by,
        updated_by: by,
    })
}

impl World {
    /// Refuses a new assignment that exists already, is for nobody, or is one too many; fills in
    /// the type of principal that the caller left out
    fn may_be_new(&self, wanted: &mut Assignment) -> Result<(), Answer> {
        if let Some(other) = self.assignments.same(wanted) {
            return Err(exists(other.name));
        }
        let principal = self
            .principals
            .get(&wanted.principal)
            .filter(|principal| principal.known_from <= self.now)
            .ok_or_else(|| self.principal_not_found(wanted.principal))?;
        if !wanted.type_was_stated {
            wanted.principal_type.clone_from(&principal.kind);
        } else if !wanted.principal_type.eq_ignore_ascii_case(&principal.kind) {
            return Err(unmatched_type(wanted, &principal.kind));
        }
        let subscription = subscription_of(&wanted.scope);
        let used = subscription.map(|subscription| self.assignments.count_in(&subscription));
        if used.is_some_and(|used| used >= self.options.assignment_limit) {
            let message = "The role assignment limit for the subscription has been reached. No more \
                           role assignments can be created.";
            return Err(Answer::refused(400, "RoleAssignmentLimitExceeded", message));
        }
        Ok(())
    }

    /// Refuses scopes that are not there
    fn scope_exists(&self, scope: &str) -> Result<(), Answer> {
        if let Some(subscription) = subscription_of(scope) {
            self.subscription(&subscription)?;
        }
        // Resource groups and what is above subscriptions come into being when named.
        match paths::parse_resource(scope) {
            Some(path) => self.resource(&path).map(|_| ()),
            None => Ok(()),
        }
    }

    fn principal_not_found(&self, principal: Uuid) -> Answer {
        let (principal, tenant) = (principal.simple(), self.options.tenant);
        Answer::refused(
            400,
            "PrincipalNotFound",
            format!(
                "Principal {principal} does not exist in the directory {tenant}. Check that you have \
                 the correct principal ID. If you are creating this principal and then immediately \
                 assigning a role, this error might be related to a replication delay. In this \
                 case, set the role assignment principalType property to a value, such as \
                 ServicePrincipal, User, or Group."
            ),
        )
    }
}

fn exists(other: Uuid) -> Answer {
    let other = other.simple();
    let message = format!(
        "The role assignment already exists. The ID of the conflicting role assignment is {other}."
    );
    Answer::refused(409, "RoleAssignmentExists", message)
}

fn update_not_permitted() -> Answer {
    let message =
        "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.";
    Answer::refused(400, "RoleAssignmentUpdateNotPermitted", message)
}

/// The spelling is the service's.
fn unmatched_type(wanted: &Assignment, kind: &str) -> Answer {
    let (principal, stated) = (wanted.principal.simple(), &wanted.principal_type);
    let message = format!(
        "The PrincipalId '{principal}' has type '{kind}' , which is different from specified \
         PrinciaplType '{stated}'."
    );
    Answer::refused(400, "UnmatchedPrincipalType", message)
}

fn happened(call: &Call<'_>, operation: &str, existed: bool) -> Happened {
    Happened {
        operation: operation.to_owned(),
        provider: "Microsoft.Authorization",
        subject: call.asked.path.clone(),
        scope: call.asked.path.clone(),
        existed,
        caller: call.caller.clone(),
        asked: call.asked.clone(),
        correlation: call.correlation,
    }
}
