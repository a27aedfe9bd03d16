//! One side of a pair, as a condition sees it: tags, and what Azure says of it.
//!
//! Whether the other side fits is not known here.

use std::borrow::Cow;

use super::{Clause, Property};
use crate::model::{Cluster, Registry, SubscriptionId, Tags};

/// A cluster or a registry
#[derive(Clone, Copy, Debug)]
pub(super) struct Resource<'a> {
    tags: &'a Tags,
    /// Its id in lower case
    key: &'a str,
    subscription: SubscriptionId,
    location: &'a str,
}

impl<'a> From<&'a Cluster> for Resource<'a> {
    fn from(cluster: &'a Cluster) -> Self {
        let Cluster { id, tags, location, .. } = cluster;
        Self { tags, key: id.key(), subscription: id.subscription(), location }
    }
}

impl<'a> From<&'a Registry> for Resource<'a> {
    fn from(registry: &'a Registry) -> Self {
        let Registry { id, tags, location, .. } = registry;
        Self { tags, key: id.key(), subscription: id.subscription(), location }
    }
}

impl<'a> Resource<'a> {
    /// Whether the condition holds
    pub(super) fn fits(self, clause: &Clause) -> bool {
        match clause {
            Clause::Tag { tag, test } => test.fits(self.tag(tag)),
            Clause::Is { what, test } => test.fits(Some(&self.property(*what))),
            Clause::All(clauses) => clauses.iter().all(|clause| self.fits(clause)),
            Clause::Any(clauses) => clauses.iter().any(|clause| self.fits(clause)),
            Clause::Not(clause) => !self.fits(clause),
        }
    }

    /// The value of a tag whose name is in lower case already
    pub(super) fn tag(self, name: &str) -> Option<&'a str> {
        self.tags.get_lower(name)
    }

    /// What Azure says of it, in the one spelling in which it is compared
    pub(super) fn property(self, what: Property) -> Cow<'a, str> {
        let segment = |index| Cow::Borrowed(self.key.split('/').nth(index).unwrap_or_default());
        match what {
            Property::Subscription => Cow::Owned(self.subscription.to_string()),
            Property::ResourceGroup => segment(4),
            Property::Name => segment(8),
            Property::Location => location(self.location),
        }
    }
}

/// A region in one spelling: Azure writes `West Europe` in some answers and `westeurope` in others.
pub(super) fn location(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.to_lowercase().replace(' ', ""))
}
