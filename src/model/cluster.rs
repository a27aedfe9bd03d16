//! An AKS cluster, as far as pulling images is concerned.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{ClusterId, PrincipalId, RegistryId, Tags};

/// An AKS cluster
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its resource id
    pub id: ClusterId,
    /// Its tags
    pub tags: Tags,
    /// Its Azure region, such as `westeurope`
    pub location: String,
    /// The tenant it lives in, where the source says so
    pub tenant: Option<Uuid>,
    /// How far along it is
    pub state: ClusterState,
    /// What its nodes pull images with
    pub identity: Identity,
    /// Pulls use service-account identities instead of the kubelet identity: an attachment has no
    /// effect on them
    pub service_account_pull: bool,
    /// When it was created, where the source says so: an assignment that is older was made for an
    /// earlier cluster with this id
    pub created_at: Option<OffsetDateTime>,
    /// The cluster and every agent pool of it are `Succeeded`; false where the source does not say so
    pub is_succeeded: bool,
    /// The registry that its nodes boot from
    pub boot_registry: BootRegistry,
}

/// The registry that a network-isolated cluster's nodes boot from: `bootstrapProfile.containerRegistryId`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BootRegistry {
    /// Nodes boot without a registry of the estate
    None,
    /// This one
    Registry(RegistryId),
    /// The source does not have the field, or it could not be understood
    Unread,
}

/// How far along a cluster is: ARM's `provisioningState`, as much of it as matters
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// Not finished for the first time
    Creating,
    /// On its way out
    Deleting,
    /// Anything else: running, stopped, updating, failed. None of it matters to a role assignment.
    Settled,
}

/// What the nodes of a cluster pull images with
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The kubelet identity
    Kubelet {
        /// Its object id
        principal: PrincipalId,
        /// Who made it
        origin: IdentityOrigin,
    },
    /// Not there yet; it will appear while the cluster is made
    Pending,
    /// A service principal. It is no managed identity, so no other cluster's identity can be it.
    ServicePrincipal {
        /// Its application id
        client_id: String,
        /// Its object id. Azure does not tell it with the cluster: the operator states it.
        object_id: Option<PrincipalId>,
    },
    /// None, though the cluster is finished
    Missing,
}

impl Identity {
    /// The object id that the nodes pull with, where it is known
    pub fn principal(&self) -> Option<PrincipalId> {
        match self {
            Self::Kubelet { principal, .. } => Some(*principal),
            Self::ServicePrincipal { object_id, .. } => *object_id,
            Self::Pending | Self::Missing => None,
        }
    }
}

/// Who made a kubelet identity
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityOrigin {
    /// AKS, in the cluster's node resource group: no other cluster can have it
    Aks,
    /// Someone else: several clusters may share it
    BroughtAlong,
}
