//! Azure Resource Manager ids, compared without letter case.
//!
//! ARM answers the same id in different case from one call to the next (`resourcegroups`,
//! `ManagedClusters`), so every id carries a folded key for comparing and the text as it came for
//! showing. Only top-level clusters and registries are understood here; whether such a resource
//! exists is not this file's business.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;
use uuid::Uuid;

use super::letters::folded;

/// The object id of an identity in Entra: what a role assignment names
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalId(pub Uuid);

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PrincipalId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text.trim()).map(Self)
    }
}

/// An Azure subscription
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(pub Uuid);

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SubscriptionId {
    type Err = ResourceIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = text.trim();
        Uuid::parse_str(id)
            .map(Self)
            .map_err(|_| ResourceIdError::Subscription { found: shown(id), id: shown(text) })
    }
}

/// Why a text is not the id of a cluster or a registry
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ResourceIdError {
    /// The text does not have the eight segments of a top-level resource.
    #[error(
        "`{id}` is not a resource id: expected `/subscriptions/<id>/resourceGroups/<group>/providers/<namespace>/<type>/<name>`"
    )]
    Shape {
        /// The text as it came, shortened
        id: String,
    },
    /// The subscription segment is no GUID.
    #[error("`{found}` in `{id}` is not a subscription id: expected a GUID")]
    Subscription {
        /// The segment at fault
        found: String,
        /// The whole text, shortened
        id: String,
    },
    /// A segment holds a character that no Azure name may hold.
    #[error("`{found}` in `{id}` is not a valid name")]
    Name {
        /// The segment at fault
        found: String,
        /// The whole text, shortened
        id: String,
    },
    /// A well-formed id of something that tether does not look after.
    #[error("`{id}` is of type `{found}`: expected {expected}")]
    Type {
        /// The provider and type found
        found: String,
        /// What would have been right
        expected: &'static str,
        /// The whole text, shortened
        id: String,
    },
}

const CLUSTER_TYPE: &str = "Microsoft.ContainerService/managedClusters";
const REGISTRY_TYPE: &str = "Microsoft.ContainerRegistry/registries";

/// Longest text quoted back in an error; longer ones are cut
const SHOWN: usize = 300;

/// The id of an AKS cluster
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(Parts);

/// The id of a container registry
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryId(Parts);

/// The id of either kind of resource that tether looks after
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceId {
    /// An AKS cluster
    Cluster(ClusterId),
    /// A container registry
    Registry(RegistryId),
}

impl ResourceId {
    /// What it is, in a word
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Cluster(_) => "cluster",
            Self::Registry(_) => "registry",
        }
    }

    /// The resource's own name, as it came
    pub fn name(&self) -> &str {
        match self {
            Self::Cluster(id) => id.name(),
            Self::Registry(id) => id.name(),
        }
    }

    /// The subscription that holds the resource
    pub fn subscription(&self) -> SubscriptionId {
        match self {
            Self::Cluster(id) => id.subscription(),
            Self::Registry(id) => id.subscription(),
        }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(id) => id.fmt(f),
            Self::Registry(id) => id.fmt(f),
        }
    }
}

impl FromStr for ResourceId {
    type Err = ResourceIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (parts, kind) = Parts::parse(text)?;
        if kind.eq_ignore_ascii_case(CLUSTER_TYPE) {
            Ok(Self::Cluster(ClusterId(parts)))
        } else if kind.eq_ignore_ascii_case(REGISTRY_TYPE) {
            Ok(Self::Registry(RegistryId(parts)))
        } else {
            let expected = "an AKS cluster or a container registry";
            Err(ResourceIdError::Type { found: kind, expected, id: shown(text) })
        }
    }
}

macro_rules! typed_id {
    ($name:ident, $variant:ident, $kind:expr, $expected:literal) => {
        impl $name {
            /// The id as it came, for showing and for URLs
            pub fn as_str(&self) -> &str {
                &self.0.original
            }

            /// The id in one letter case, for comparing
            pub fn key(&self) -> &str {
                &self.0.key
            }

            /// The subscription that holds the resource
            pub fn subscription(&self) -> SubscriptionId {
                self.0.subscription
            }

            /// The resource group's name, as it came
            pub fn resource_group(&self) -> &str {
                self.0.segment(3)
            }

            /// The resource's own name, as it came
            pub fn name(&self) -> &str {
                // The last segment, looked for from behind: it is asked for every pair.
                self.0.original.rsplit('/').next().unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = ResourceIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let (parts, kind) = Parts::parse(text)?;
                if kind.eq_ignore_ascii_case($kind) {
                    Ok(Self(parts))
                } else {
                    Err(ResourceIdError::Type { found: kind, expected: $expected, id: shown(text) })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

typed_id!(ClusterId, Cluster, CLUSTER_TYPE, "an AKS cluster");
typed_id!(RegistryId, Registry, REGISTRY_TYPE, "a container registry");

/// A parsed id. Equality, order and hash are the key's alone. Clones share the text: in a large estate
/// each id is in the inventory, in the plan and in the report many times.
#[derive(Clone)]
struct Parts {
    original: Arc<str>,
    key: Arc<str>,
    subscription: SubscriptionId,
}

impl Parts {
    /// Splits a top-level resource id into its parts and its `namespace/type`.
    fn parse(text: &str) -> Result<(Self, String), ResourceIdError> {
        let original = text.trim().trim_end_matches('/');
        let shape = || ResourceIdError::Shape { id: shown(text) };
        let rest = original.strip_prefix('/').ok_or_else(shape)?;
        let segments: Vec<&str> = rest.split('/').collect();
        let [a, subscription, b, group, c, namespace, kind, name] =
            <[&str; 8]>::try_from(segments).map_err(|_| shape())?;
        let words = [(a, "subscriptions"), (b, "resourceGroups"), (c, "providers")];
        if words.iter().any(|(found, word)| !found.eq_ignore_ascii_case(word)) {
            return Err(shape());
        }
        for segment in [group, namespace, kind, name] {
            if !is_name(segment) {
                return Err(ResourceIdError::Name { found: shown(segment), id: shown(text) });
            }
        }
        // Only the names of resource groups may go beyond ASCII, so no letter can pass for another in
        // the name of a cluster or a registry.
        if !name.is_ascii() {
            return Err(ResourceIdError::Name { found: shown(name), id: shown(text) });
        }
        let uuid = Uuid::parse_str(subscription).map_err(|_| ResourceIdError::Subscription {
            found: shown(subscription),
            id: shown(text),
        })?;
        let parts = Self {
            key: folded(original).into(),
            original: original.into(),
            subscription: SubscriptionId(uuid),
        };
        Ok((parts, format!("{namespace}/{kind}")))
    }

    fn segment(&self, index: usize) -> &str {
        self.original.split('/').nth(index + 1).unwrap_or_default()
    }
}

/// Whether a segment may stand in a URL and a query as it is: Azure's own name rules allow letters,
/// digits and `-_.()`, so anything else is not the name of anything.
fn is_name(segment: &str) -> bool {
    !segment.is_empty()
        && segment.len() <= 260
        && segment.chars().all(|c| c.is_alphanumeric() || "-_.()".contains(c))
        && segment.chars().any(|c| c != '.')
}

fn shown(text: &str) -> String {
    let mut kept = text.chars().filter(|c| !c.is_control());
    let mut short: String = kept.by_ref().take(SHOWN).collect();
    if kept.next().is_some() {
        short.push('…');
    }
    short
}

impl PartialEq for Parts {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Parts {}

impl PartialOrd for Parts {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Parts {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Hash for Parts {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUB: &str = "11111111-1111-1111-1111-111111111111";

    fn cluster(text: &str) -> ClusterId {
        text.parse().unwrap()
    }

    #[test]
    fn letter_case_and_a_trailing_slash_make_no_difference() {
        let usual = cluster(&format!(
            "/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/Aks-1"
        ));
        let odd = cluster(&format!(
            " /Subscriptions/{SUB}/resourcegroups/RG/providers/microsoft.containerservice/ManagedClusters/aks-1/ "
        ));
        assert_eq!(usual, odd);
        assert_eq!(usual.cmp(&odd), Ordering::Equal);
        assert_eq!(usual.name(), "Aks-1");
        assert_eq!(odd.resource_group(), "RG");
        assert_eq!(odd.subscription().to_string(), SUB);
    }

    #[test]
    fn a_cluster_is_told_from_a_registry() {
        let id = format!(
            "/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1"
        );
        assert!(matches!(id.parse(), Ok(ResourceId::Registry(_))));
        let refused = id.parse::<ClusterId>().unwrap_err().to_string();
        assert_eq!(
            refused,
            format!(
                "`{id}` is of type `Microsoft.ContainerRegistry/registries`: expected an AKS cluster"
            )
        );
    }

    #[test]
    fn a_refusal_moves_no_cursor() {
        let message = "/\u{1b}[2J\r\n/x".parse::<ResourceId>().unwrap_err().to_string();
        assert!(message.starts_with("`/[2J/x` is not") && !message.contains(char::is_control));
    }

    #[test]
    fn what_is_no_id_is_refused_with_the_word_at_fault() {
        #[track_caller]
        fn check(text: &str, part: &str) {
            let message = text.parse::<ResourceId>().unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
        let base = "/providers/Microsoft.ContainerService/managedClusters/a";
        check("", "is not a resource id");
        check("aks-1", "is not a resource id");
        check(&format!("/subscriptions/{SUB}"), "is not a resource id");
        check(&format!("/subscriptions/x/resourceGroups/rg{base}"), "`x` in");
        check(&format!("/subscriptions/{SUB}/resourceGroups/..{base}"), "`..` in");
        check(&format!("/subscriptions/{SUB}/resourceGroups/a?b{base}"), "`a?b` in");
        check(&format!("/subscriptions/{SUB}/resourceGroups/a'b{base}"), "`a'b` in");
        check(
            &format!(
                "/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm"
            ),
            "`Microsoft.Compute/virtualMachines`: expected an AKS cluster or a container registry",
        );
        check(&format!("/subscriptions/{SUB}/resourceGroups/rg{base}/agentPools/p"), "is not a");
        check(
            &format!("/subscriptions/{SUB}/resourceGroups/rg{base}\u{212a}"),
            "is not a valid name",
        );
        check(&"x".repeat(100_000), "…");
    }
}
