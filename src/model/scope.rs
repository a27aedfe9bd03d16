//! Where to look: the one thing that a door passes on.
//!
//! What caused a run is not in here, on purpose: an event, a person and the timer get the same run.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{ClusterId, RegistryId, ResourceId, ResourceIdError, SubscriptionId};

/// Where to look
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// The whole estate
    Everything,
    /// The clusters and the registries of one subscription
    Subscription(SubscriptionId),
    /// One cluster and all registries
    Cluster(ClusterId),
    /// One registry and all clusters
    Registry(RegistryId),
    /// One cluster and one registry. No text means it: a command that names a pair has both ids.
    Pair(ClusterId, RegistryId),
}

impl Scope {
    /// Whether the pair of this cluster and this registry is looked at
    pub fn covers(&self, cluster: &ClusterId, registry: &RegistryId) -> bool {
        match self {
            Self::Everything => true,
            Self::Subscription(id) => {
                cluster.subscription() == *id || registry.subscription() == *id
            }
            Self::Cluster(id) => id == cluster,
            Self::Registry(id) => id == registry,
            Self::Pair(one, other) => one == cluster && other == registry,
        }
    }

    /// The scope in one spelling, so that equal scopes have equal texts
    pub fn key(&self) -> String {
        match self {
            Self::Everything | Self::Subscription(_) => self.to_string(),
            Self::Cluster(id) => id.key().to_owned(),
            Self::Registry(id) => id.key().to_owned(),
            Self::Pair(cluster, registry) => format!("{} → {}", cluster.key(), registry.key()),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("everything"),
            Self::Subscription(id) => write!(f, "/subscriptions/{id}"),
            Self::Cluster(id) => id.fmt(f),
            Self::Registry(id) => id.fmt(f),
            Self::Pair(cluster, registry) => write!(f, "{cluster} → {registry}"),
        }
    }
}

/// Why a text names no scope
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScopeError {
    /// The text is neither a word nor an id that is understood.
    #[error("no such scope")]
    Id(#[source] ResourceIdError),
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("everything") {
            return Ok(Self::Everything);
        }
        if let Some(id) = subscription_segment(text) {
            return id.parse().map(Self::Subscription).map_err(ScopeError::Id);
        }
        match text.parse().map_err(ScopeError::Id)? {
            ResourceId::Cluster(id) => Ok(Self::Cluster(id)),
            ResourceId::Registry(id) => Ok(Self::Registry(id)),
        }
    }
}

/// The id in `/subscriptions/<id>` or in a bare GUID
fn subscription_segment(text: &str) -> Option<&str> {
    let text = text.trim_end_matches('/');
    let mut segments = text.split('/');
    match (segments.next(), segments.next(), segments.next(), segments.next()) {
        (Some(""), Some(word), Some(id), None) if word.eq_ignore_ascii_case("subscriptions") => {
            Some(id)
        }
        (Some(id), None, None, None) if uuid::Uuid::parse_str(id).is_ok() => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUB: &str = "11111111-1111-1111-1111-111111111111";

    #[test]
    fn every_scope_survives_being_written_and_read() {
        let registry = format!(
            "/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1"
        );
        for text in ["everything", &format!("/subscriptions/{SUB}"), &registry] {
            let scope: Scope = text.parse().unwrap();
            assert_eq!(scope.to_string(), text);
            assert_eq!(scope.key().parse::<Scope>().unwrap(), scope);
        }
        assert_eq!(SUB.parse::<Scope>().unwrap().to_string(), format!("/subscriptions/{SUB}"));
        assert_eq!("EVERYTHING".parse(), Ok(Scope::Everything));
    }

    #[test]
    fn what_names_no_scope_is_refused() {
        for text in ["", "all", "/subscriptions/x", "/subscriptions/", "/resourceGroups/x"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
