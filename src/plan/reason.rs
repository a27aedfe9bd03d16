//! Why something is done or not done, as data and as a sentence.

use std::fmt;

use super::Unseen;
use crate::model::{ClusterId, RegistryId, ResourceId, Role, Shown};
use crate::policy::Mode;

/// Why a role assignment is made
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttachReason {
    /// A rule wants it
    Rule(String),
    /// A pinned assignment follows its cluster to a new identity or its registry to a new mode
    PinFollows,
    /// A person asked for it by a command
    Asked,
}

impl fmt::Display for AttachReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule(name) => write!(f, "rule `{name}` wants it"),
            Self::PinFollows => f.write_str("its pin follows"),
            Self::Asked => f.write_str("a command asked for it"),
        }
    }
}

/// Why a role assignment is removed
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DetachReason {
    /// No rule wants it any more
    Unwanted,
    /// Cluster and registry live in different tenants
    OtherTenant,
    /// A veto
    Vetoed,
    /// The registry does not honour this role in its present mode
    RoleNotHonoured,
    /// The cluster that it was made for is gone, and no other one holds the identity and wants it
    ClusterGone,
    /// It was pinned for a cluster that has another identity now, where the pin stands
    IdentityReplaced,
    /// Its cluster has another identity now, and `former_identities` is `remove`
    FormerIdentity,
    /// A person asked for it by a command
    Asked,
    /// The registry was deleted or moved
    RegistryGone,
}

impl fmt::Display for DetachReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unwanted => "no rule wants it",
            Self::Vetoed => "it is vetoed",
            Self::RoleNotHonoured => "the registry does not honour this role in its present mode",
            Self::OtherTenant => "the two live in different tenants",
            Self::ClusterGone => "its cluster is gone",
            Self::IdentityReplaced => "its cluster has another identity now",
            Self::FormerIdentity => {
                "a former identity of its cluster, whose node pools are `Succeeded`"
            }
            Self::Asked => "a command asked for it",
            Self::RegistryGone => "the registry is not there any more",
        })
    }
}

/// Why a mark is written again
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkReason {
    /// The cluster that it names is gone
    ClusterGone,
    /// No rule wants it for the cluster that it names
    Unwanted,
    /// The cluster that it names was deleted, and created again with the same id
    Recreated,
    /// Several clusters that want the registry have the identity, or had it
    Shared,
    /// It lacks something that a mark says today
    Incomplete,
}

impl fmt::Display for MarkReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClusterGone => "the cluster that it named is gone",
            Self::Unwanted => "no rule wants it for the cluster that it named",
            Self::Recreated => "the cluster that it named was created again",
            Self::Shared => "several clusters may pull by the identity",
            Self::Incomplete => "it lacked something that a mark says",
        })
    }
}

/// What stands against a change
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldReason {
    /// The cluster is being made and has no kubelet identity yet
    NoIdentityYet,
    /// The cluster pulls as a service principal, whose object id nobody has stated
    ServicePrincipal,
    /// The cluster is finished and has no kubelet identity
    NoIdentity,
    /// The cluster is being deleted
    ClusterDeleting,
    /// Which role grants pulling is not known: the mode as Azure spells it, empty if it said nothing
    RegistryMode(String),
    /// The rule attaches with this role only, and the registry does not honour it
    RoleNotHonoured(Role),
    /// The grants at the registry could not be read
    GrantsUnreadable,
    /// A cluster or the registry itself could not be read, so what is known of it may be old
    Unread {
        /// Which
        id: ResourceId,
        /// Why, in a word: Azure's code where there is one
        code: String,
    },
    /// A tag names a registry by a name that fits several
    AmbiguousName {
        /// The name in the tag
        name: String,
        /// What it fits
        candidates: Vec<RegistryId>,
    },
    /// A grant with a condition is there; it may not cover what the cluster needs
    Conditional {
        /// The assignment's id
        assignment: String,
    },
    /// Something that was not seen may stand against it
    Unseen(Unseen),
    /// A tag names the registry by a name that this registry has too, which could not be read
    NamesakeUnread(RegistryId),
    /// Nodes of this cluster boot from the registry
    BootRegistry(ClusterId),
    /// Whether nodes of this cluster boot from the registry is not known
    BootRegistryUnread(ClusterId),
    /// A cluster that is being made may turn out to have this identity
    MayBeIdentityOf(ClusterId),
    /// The cluster that it was made for is there, and which identity it has is not known
    IdentityUnknown(ClusterId),
    /// The cluster that it was made for is not where anyone looks, so it may be there
    OutOfSight,
    /// Only the timer's run removes such things: its limits see everything
    LeftToTheTimer,
    /// Another cluster has the same identity, and a rule or a pin wants the registry for it
    NeededBy(ClusterId),
    /// Another cluster has the same identity, and the assignment is pinned for that one
    PinnedFor(ClusterId),
    /// Another cluster has the same identity, and a veto stands against that one
    VetoedFor(ClusterId),
    /// Other clusters may still pull by this identity, which several have held
    Shared,
    /// A person pinned it and the policy vetoes it
    PinnedButVetoed,
    /// The assignment that must be there first is held itself
    ReplacementHeld,
    /// The mode forbids it
    Mode(Mode),
    /// More changes than the limit allows, so none of them is made
    Limit {
        /// The limit's name in the policy file
        name: &'static str,
        /// How many were planned
        planned: usize,
        /// How many are allowed
        allowed: usize,
    },
}

impl HeldReason {
    /// The reason in one word, for whoever counts
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoIdentityYet => "NoIdentityYet",
            Self::ServicePrincipal => "ServicePrincipal",
            Self::NoIdentity => "NoIdentity",
            Self::ClusterDeleting => "ClusterDeleting",
            Self::RegistryMode(_) => "RegistryMode",
            Self::RoleNotHonoured(_) => "RoleNotHonoured",
            Self::GrantsUnreadable => "GrantsUnreadable",
            Self::Unread { .. } => "Unread",
            Self::AmbiguousName { .. } => "AmbiguousName",
            Self::Conditional { .. } => "Conditional",
            Self::Unseen(unseen) => unseen.what.code(),
            Self::NamesakeUnread(_) => "NamesakeUnread",
            Self::BootRegistry(_) => "BootRegistry",
            Self::BootRegistryUnread(_) => "BootRegistryUnread",
            Self::MayBeIdentityOf(_) => "MayBeIdentityOf",
            Self::IdentityUnknown(_) => "IdentityUnknown",
            Self::OutOfSight => "OutOfSight",
            Self::LeftToTheTimer => "LeftToTheTimer",
            Self::NeededBy(_) => "NeededBy",
            Self::PinnedFor(_) => "PinnedFor",
            Self::VetoedFor(_) => "VetoedFor",
            Self::Shared => "Shared",
            Self::PinnedButVetoed => "PinnedButVetoed",
            Self::ReplacementHeld => "ReplacementHeld",
            Self::Mode(_) => "Mode",
            Self::Limit { .. } => "Limit",
        }
    }

    /// Whether it passes by itself: a cluster that is being made or deleted will be done some day.
    pub fn passes(&self) -> bool {
        matches!(self, Self::NoIdentityYet | Self::ClusterDeleting | Self::MayBeIdentityOf(_))
    }
}

impl fmt::Display for HeldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut of = |cluster: &ClusterId, what| write!(f, "`{}` {what}", cluster.name());
        match self {
            Self::NoIdentityYet => f.write_str("the cluster has no kubelet identity yet"),
            Self::ServicePrincipal => f.write_str(
                "the cluster pulls as a service principal; state its object id in the policy, or move the cluster to a managed identity",
            ),
            Self::NoIdentity => f.write_str("the cluster has no kubelet identity"),
            Self::ClusterDeleting => f.write_str("the cluster is being deleted"),
            Self::RegistryMode(mode) if mode.is_empty() => {
                f.write_str("the registry's role assignment mode is not known")
            }
            Self::RegistryMode(mode) => {
                write!(f, "the registry's role assignment mode `{}` is new to tether", Shown(mode))
            }
            Self::RoleNotHonoured(role) => {
                write!(f, "the rule attaches as {role} only, which the registry does not honour")
            }
            Self::GrantsUnreadable => {
                f.write_str("the role assignments at the registry could not be read")
            }
            Self::Unread { id, code } => {
                write!(f, "{} `{}` could not be read: `{code}`", id.kind(), id.name())
            }
            Self::AmbiguousName { name, candidates } => {
                write!(f, "`{}` fits {} registries; name it by its id", Shown(name), candidates.len())
            }
            Self::Conditional { assignment } => {
                write!(f, "assignment `{assignment}` is there with a condition")
            }
            Self::Unseen(unseen) => unseen.fmt(f),
            Self::NamesakeUnread(id) => write!(f, "`{id}` has the same name, and cannot be read"),
            Self::BootRegistry(id) => write!(f, "nodes of `{}` boot from this registry", id.name()),
            Self::BootRegistryUnread(id) => {
                write!(f, "whether nodes of `{}` boot from this registry is not known", id.name())
            }
            Self::MayBeIdentityOf(id) => of(id, "is being made and may have this identity"),
            Self::IdentityUnknown(id) => of(id, "is there, and which identity it has is not known"),
            Self::OutOfSight => {
                f.write_str("the cluster that it was made for is in no subscription of the estate")
            }
            Self::LeftToTheTimer => f.write_str("left to the timer, whose limits see everything"),
            Self::NeededBy(id) => of(id, "has the same identity and needs it"),
            Self::PinnedFor(id) => of(
                id,
                "has the same identity and is pinned here: both pull by that pin, and detaching it ends it for both",
            ),
            Self::VetoedFor(id) => of(id, "has the same identity, and is vetoed"),
            Self::Shared => f.write_str(
                "several clusters have held the identity, and nodes of another one may still pull by it",
            ),
            Self::PinnedButVetoed => f.write_str("it is pinned, and the policy vetoes it"),
            Self::ReplacementHeld => f.write_str("the assignment that replaces it is held itself"),
            Self::Mode(mode) => write!(f, "mode is `{mode}`"),
            Self::Limit { name, planned, allowed } => {
                write!(f, "{planned} planned, `{name}` allows {allowed}")
            }
        }
    }
}
