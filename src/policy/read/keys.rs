//! The keys of a policy file, map by map.
//!
//! What stands under each is read elsewhere; the schema for editors has the same keys.

/// The policy itself
pub(in crate::policy) const POLICY: [&str; 10] = [
    "owner",
    "mode",
    "max_attach",
    "max_detach",
    "max_detach_percent",
    "former_identities",
    "former_roles",
    "service_principals",
    "pins",
    "rules",
];

/// A rule
pub(in crate::policy) const RULE: [&str; 7] =
    ["name", "description", "effect", "role", "cluster", "registry", "join"];

/// An entry of `pins`
pub(in crate::policy) const PIN: [&str; 5] = ["name", "description", "cluster", "registry", "join"];

/// What one side must be like
pub(in crate::policy) const SELECTOR: [&str; 8] =
    ["tags", "name", "subscription", "resource_group", "location", "all", "any", "not"];

/// What is asked of a tag
pub(in crate::policy) const TAG_TEST: [&str; 6] =
    ["equals", "any_of", "glob", "present", "absent", "not"];

/// What is asked of a text that every resource has
pub(in crate::policy) const TEXT_TEST: [&str; 4] = ["equals", "any_of", "glob", "not"];

/// What is asked of a subscription, whose ids have nothing in common
pub(in crate::policy) const ID_TEST: [&str; 3] = ["equals", "any_of", "not"];

/// What relates the two sides
pub(in crate::policy) const JOIN: [&str; 2] = ["same_tag", "registry_named_in"];
