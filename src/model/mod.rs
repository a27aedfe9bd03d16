//! What exists: clusters, registries, and the role assignments between them, as plain values.
//!
//! This room knows no HTTP, no clock and no policy. Its types keep three promises that the rest of
//! the house leans on: ids compare without letter case, everything has one order, and what could
//! not be seen is a value ([`Gap`]) instead of an absence.

mod access;
mod barrier;
mod cluster;
mod door;
mod grant;
mod id;
mod inventory;
mod letters;
mod ownership;
mod propagation;
mod registry;
mod scope;
mod shown;
mod tags;

pub use access::{Access, Pulls};
pub use barrier::{Denial, Denied, Forbids, Lock, LockLevel, Permission, action_fits};
pub use cluster::{BootRegistry, Cluster, ClusterState, Identity, IdentityOrigin};
pub use door::Door;
pub use grant::{Grant, GrantKey, Role};
pub use id::{ClusterId, PrincipalId, RegistryId, ResourceId, ResourceIdError, SubscriptionId};
pub use inventory::{AssignmentUsage, Gap, Inventory};
pub use ownership::{AssignmentName, ClusterHash, Mark, MarkKind, Owner, OwnerError};
pub use propagation::{CREDENTIALS_KEPT, PROPAGATION, WHEN_IT_WORKS, WHEN_NODES_FOLLOW};
pub use registry::{Registry, RegistryMode};
pub use scope::{Scope, ScopeError};
pub use shown::{Shown, is_misleading};
pub use tags::Tags;
