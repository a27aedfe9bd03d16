//! How a registry may be reached, and whether it asks who one is.
//!
//! Whether a cluster's nodes are in a network that reaches it cannot be told from outside.

/// How a registry may be reached
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Door {
    /// It takes traffic from public networks at all
    pub public: bool,
    /// Of public networks, only those that are listed
    pub listed_only: bool,
    /// Whoever reaches it may pull, without any role
    pub anonymous_pull: bool,
}
