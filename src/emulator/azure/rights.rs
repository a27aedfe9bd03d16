//! Who asks, and what they may do.
//!
//! A person may do everything. The function's identity may read, and may write role assignments,
//! but only those that its condition allows: the two pull roles, to a stated service principal.
//! Conditions are not evaluated as text; this one is built in.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::answer::Answer;
use super::paths::subscription_of;
use super::roles;
use super::world::World;

/// Who asks
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `person`, `identity` or `nobody`
    pub name: &'static str,
    /// Object id of the principal
    pub principal: Uuid,
    /// Ids of the subscriptions they may read, in lower case
    pub subscriptions: BTreeSet<String>,
}

/// What the function's identity may do in a subscription
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Read everything
    Read,
    /// Write and delete role assignments
    Assign,
}

/// Name of the caller who may do everything
pub(super) const PERSON: &str = "person";

/// Name of the function's identity
pub(super) const IDENTITY: &str = "identity";

/// Name of a caller without a token
pub(super) const NOBODY: &str = "nobody";

impl Caller {
    pub(super) fn is_person(&self) -> bool {
        self.name == PERSON
    }
}

impl World {
    /// Refuses what the caller may not do
    pub(super) fn authorize(
        &self,
        caller: &Caller,
        action: &str,
        scope: &str,
    ) -> Result<(), Answer> {
        let held = |right| {
            subscription_of(scope).is_some_and(|subscription| self.holds(&subscription, right))
        };
        let allowed = caller.is_person()
            || match action.rsplit_once('/') {
                Some((_, "read")) => held(Right::Read),
                Some(("Microsoft.Authorization/roleAssignments", _)) => held(Right::Assign),
                _ => false,
            };
        allowed.then_some(()).ok_or_else(|| forbidden(caller, action, scope, ""))
    }

    /// Refuses assignments that the condition on the identity's own role forbids
    pub(super) fn authorize_assignment(
        &self,
        caller: &Caller,
        action: &str,
        scope: &str,
        (role, principal_type): (Uuid, Option<&str>),
    ) -> Result<(), Answer> {
        self.authorize(caller, action, scope)?;
        let allowed = caller.is_person()
            || roles::PULL.contains(&role)
                && principal_type.is_some_and(|kind| kind.eq_ignore_ascii_case("ServicePrincipal"));
        let abac = " or an ABAC condition not fulfilled";
        allowed.then_some(()).ok_or_else(|| forbidden(caller, action, scope, abac))
    }

    pub(super) fn holds(&self, subscription: &str, right: Right) -> bool {
        self.rights.contains(&(subscription.to_owned(), right))
    }

    /// The identity behind a token, with what it may read now
    pub(super) fn identity_caller(&self) -> Caller {
        let readable = |id: &&String| self.holds(id, Right::Read);
        Caller {
            name: IDENTITY,
            principal: self.options.identity.principal_id,
            subscriptions: self.subscriptions.keys().filter(readable).cloned().collect(),
        }
    }

    pub(super) fn person_caller(&self) -> Caller {
        Caller {
            name: PERSON,
            principal: self.made_up("person"),
            subscriptions: self.subscriptions.keys().cloned().collect(),
        }
    }
}

fn forbidden(caller: &Caller, action: &str, scope: &str, abac: &str) -> Answer {
    let Caller { principal, .. } = caller;
    Answer::refused(
        403,
        "AuthorizationFailed",
        format!(
            "The client '{principal}' with object id '{principal}' does not have authorization{abac} \
             to perform action '{action}' over scope '{scope}' or the scope is invalid. If access \
             was recently granted, please refresh your credentials."
        ),
    )
}
