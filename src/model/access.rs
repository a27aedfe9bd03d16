//! What else may let an identity pull: any role, at a registry or above it, to the identity itself or
//! to a group that it is in.
//!
//! Looked at when something was detached, to say whether the cluster can still pull. Nothing is ever
//! removed on what stands here.

use time::OffsetDateTime;
use uuid::{Uuid, uuid};

use super::{PrincipalId, RegistryMode};

/// A role assignment that an identity has at a registry, from wherever
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// The assignment's own resource id, as Azure spells it
    pub assignment: String,
    /// Where it stands: the registry, or something above it
    pub scope: String,
    /// The role definition's GUID
    pub role: Uuid,
    /// Whom it names: the identity itself, or a group
    pub principal: PrincipalId,
    /// Whether a condition narrows it
    pub conditional: bool,
    /// When it was made, where Azure says so
    pub created_on: Option<OffsetDateTime>,
}

/// Whether an assignment lets its holder pull
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pulls {
    /// It does
    Yes,
    /// It may: a role that is not known here, or a condition
    Perhaps,
    /// It does not
    No,
}

/// Where a built-in role lets its holder pull
enum Honoured {
    /// By an action, which registries in legacy mode honour
    Legacy,
    /// By data actions, which registries in ABAC mode honour
    Abac,
}

/// Microsoft's built-in roles that let their holder pull, by GUID. The general ones do it with
/// `*/read`, which holds `registries/pull/read`; registries in ABAC mode honour none of those.
const PULLING: [(Uuid, &str, Honoured); 8] = [
    (uuid!("7f951dda-4ed3-4680-a7ca-43fe172d538d"), "AcrPull", Honoured::Legacy),
    (uuid!("8311e382-0749-4cb8-b61a-304f252e45ec"), "AcrPush", Honoured::Legacy),
    (uuid!("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"), "Owner", Honoured::Legacy),
    (uuid!("b24988ac-6180-42a0-ab88-20f7382dd24c"), "Contributor", Honoured::Legacy),
    (uuid!("acdd72a7-3385-48ef-bd42-f606fba81ae7"), "Reader", Honoured::Legacy),
    (
        uuid!("b93aa761-3e63-49ed-ac28-beffa264f7ac"),
        "Container Registry Repository Reader",
        Honoured::Abac,
    ),
    (
        uuid!("2a1e307c-b015-4ebd-883e-5b7698a07328"),
        "Container Registry Repository Writer",
        Honoured::Abac,
    ),
    (
        uuid!("2efddaa5-3f1f-4df3-97df-af3f13818f4c"),
        "Container Registry Repository Contributor",
        Honoured::Abac,
    ),
];

impl Access {
    /// Whether it lets its holder pull from a registry in this mode. What is not known is never a no.
    pub fn pulls(&self, mode: &RegistryMode) -> Pulls {
        let known = PULLING.iter().find(|(role, ..)| *role == self.role);
        let honoured = match (known, mode) {
            (None, _) | (Some(_), RegistryMode::Unread | RegistryMode::Other(_)) => {
                return Pulls::Perhaps;
            }
            (Some((.., Honoured::Legacy)), RegistryMode::Legacy)
            | (Some((.., Honoured::Abac)), RegistryMode::Abac) => true,
            (Some((.., Honoured::Legacy)), RegistryMode::Abac)
            | (Some((.., Honoured::Abac)), RegistryMode::Legacy) => false,
        };
        match (honoured, self.conditional) {
            (false, _) => Pulls::No,
            (true, true) => Pulls::Perhaps,
            (true, false) => Pulls::Yes,
        }
    }

    /// Whether its role lets its holder pull from registries in some mode
    pub fn pulls_somewhere(&self) -> bool {
        PULLING.iter().any(|(role, ..)| *role == self.role)
    }

    /// The role's name, or its GUID if it is none of those that are known to pull
    pub fn role_name(&self) -> String {
        let known = PULLING.iter().find(|(role, ..)| *role == self.role);
        known.map_or_else(|| self.role.to_string(), |(_, name, _)| (*name).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    fn access(role: Uuid) -> Access {
        Access {
            assignment: String::new(),
            scope: String::new(),
            role,
            principal: PrincipalId(Uuid::from_u128(1)),
            conditional: false,
            created_on: None,
        }
    }

    #[test]
    fn the_roles_that_are_handed_out_pull_where_they_are_handed_out() {
        for (mode, other) in
            [(RegistryMode::Legacy, RegistryMode::Abac), (RegistryMode::Abac, RegistryMode::Legacy)]
        {
            let role = mode.pull_role().unwrap();
            let access = access(role.guid());
            assert_eq!(access.role_name(), role.to_string());
            assert_eq!(access.pulls(&mode), Pulls::Yes);
            assert_eq!(access.pulls(&other), Pulls::No);
        }
        assert_eq!(Role::ALL.len(), 2);
    }

    #[test]
    fn what_is_not_known_may_pull() {
        let reader = Role::RepositoryReader.guid();
        let conditional = Access { conditional: true, ..access(reader) };
        assert_eq!(conditional.pulls(&RegistryMode::Abac), Pulls::Perhaps);
        assert_eq!(conditional.pulls(&RegistryMode::Legacy), Pulls::No);
        let custom = access(Uuid::from_u128(5));
        for mode in [RegistryMode::Legacy, RegistryMode::Abac, RegistryMode::Unread] {
            assert_eq!(custom.pulls(&mode), Pulls::Perhaps);
        }
        assert_eq!(access(reader).pulls(&RegistryMode::Other("x".into())), Pulls::Perhaps);
        assert_eq!(custom.role_name(), "00000000-0000-0000-0000-000000000005");
    }
}
