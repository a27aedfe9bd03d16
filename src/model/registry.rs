//! A container registry, as far as pulling images is concerned.

use uuid::Uuid;

use super::{RegistryId, Role, Tags};

/// A container registry
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    /// Its resource id
    pub id: RegistryId,
    /// The host that images are pulled from, as Azure states it. It cannot be built from the name:
    /// a registry with a domain name label has a hash in it.
    pub login_server: String,
    /// Its tags
    pub tags: Tags,
    /// Its Azure region, such as `westeurope`
    pub location: String,
    /// The tenant it lives in, where the source says so
    pub tenant: Option<Uuid>,
    /// How it decides who may pull
    pub mode: RegistryMode,
}

/// How a registry decides who may pull: ARM's `roleAssignmentMode`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryMode {
    /// `LegacyRegistryPermissions`: `AcrPull` grants pulling
    Legacy,
    /// `AbacRepositoryPermissions`: `AcrPull` is not honoured, Repository Reader grants pulling
    Abac,
    /// The source did not say. Resource Graph may leave it out; the registry itself says.
    Unread,
    /// A mode that came after this version, as Azure spells it
    Other(String),
}

impl RegistryMode {
    /// The role that grants pulling in this mode, if it is known
    pub fn pull_role(&self) -> Option<Role> {
        match self {
            Self::Legacy => Some(Role::AcrPull),
            Self::Abac => Some(Role::RepositoryReader),
            Self::Unread | Self::Other(_) => None,
        }
    }
}
