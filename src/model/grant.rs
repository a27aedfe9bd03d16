//! Role assignments that let an identity pull from a registry.

use std::fmt;

use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use super::{PrincipalId, RegistryId};

/// A role that grants pulling
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `AcrPull`: right where the registry is in legacy mode, without effect in ABAC mode
    AcrPull,
    /// `Container Registry Repository Reader`: right where the registry is in ABAC mode
    RepositoryReader,
}

impl Role {
    /// Every role that tether hands out
    pub const ALL: [Self; 2] = [Self::AcrPull, Self::RepositoryReader];

    /// The role definition's GUID, the same in every tenant
    ///
    /// From Microsoft's list of built-in roles; `infra` names the same two.
    pub const fn guid(self) -> Uuid {
        match self {
            Self::AcrPull => uuid!("7f951dda-4ed3-4680-a7ca-43fe172d538d"),
            Self::RepositoryReader => uuid!("b93aa761-3e63-49ed-ac28-beffa264f7ac"),
        }
    }

    /// The role that a role definition's id ends with, with or without a subscription before it
    pub fn from_definition_id(id: &str) -> Option<Self> {
        let guid = Uuid::parse_str(id.trim_end_matches('/').rsplit('/').next()?).ok()?;
        Self::ALL.into_iter().find(|role| role.guid() == guid)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AcrPull => "AcrPull",
            Self::RepositoryReader => "Container Registry Repository Reader",
        })
    }
}

/// What a grant is about: Azure allows one unconditional assignment for each
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrantKey {
    /// The scope
    pub registry: RegistryId,
    /// The identity that may pull
    pub principal: PrincipalId,
    /// By which role
    pub role: Role,
}

/// A role assignment at a registry, as Azure holds it
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The assignment's own resource id, as Azure spells it
    pub id: String,
    /// The last segment of the id
    pub name: Uuid,
    /// Scope, principal and role
    pub key: GrantKey,
    /// An ABAC condition narrows it: it may not cover what the cluster needs
    pub conditional: bool,
    /// Free text; ours starts with a [`Mark`](super::Mark)
    pub description: String,
    /// When it was last written, where the source says so
    pub updated_on: Option<OffsetDateTime>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_its_last_segment_alone() {
        let guid = Role::AcrPull.guid();
        let path = format!("/providers/Microsoft.Authorization/roleDefinitions/{guid}");
        for id in [
            path.clone(),
            format!("/subscriptions/11111111-1111-1111-1111-111111111111{path}"),
            path.to_uppercase(),
            guid.to_string(),
        ] {
            assert_eq!(Role::from_definition_id(&id), Some(Role::AcrPull), "{id}");
        }
        let owner = "/providers/x/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
        assert_eq!(Role::from_definition_id(owner), None);
        assert_eq!(Role::from_definition_id(""), None);
    }
}
