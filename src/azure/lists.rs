//! Lists of Azure Resource Manager, page by page: everything of a kind in a subscription, and what an
//! identity has.
//!
//! Resource Manager is behind far less than Resource Graph: what a list leaves out is not there, or was
//! created minutes ago at most. That holds for a whole list only, so one that breaks off is an error and
//! never a shorter list.

use serde_json::value::RawValue;

use super::ArmError;
use super::arm::Arm;
use super::request::{Ask, clusters_version};
use super::wire::{self, Unreadable};
use crate::model::{
    Access, Cluster, Denial, Grant, Lock, PrincipalId, Registry, RegistryId, SubscriptionId,
};

/// The most pages of one list that are read: more is a server that goes in circles
const PAGES: usize = 1000;

/// A list, and a line on each of its items that could not be read
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The items that were understood
    pub items: Vec<T>,
    /// What is wrong with the others
    pub problems: Vec<String>,
}

impl Arm {
    /// The clusters of a subscription
    ///
    /// # Guarantees
    /// All of them: what could not be read is among the problems.
    pub async fn clusters_in(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Listed<Cluster>, ArmError> {
        self.list(Ask::clusters(self.client().base(), subscription), |item| {
            wire::cluster_item(item, clusters_version())
        })
        .await
    }

    /// The registries of a subscription
    ///
    /// # Guarantees
    /// All of them: what could not be read is among the problems.
    pub async fn registries_in(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Listed<Registry>, ArmError> {
        self.list(Ask::registries(self.client().base(), subscription), wire::registry_item).await
    }

    /// The pull grants at registries of a subscription, whomever they name
    pub async fn grants_in(&self, subscription: SubscriptionId) -> Result<Vec<Grant>, ArmError> {
        self.grants(Ask::grants_in(self.client().base(), subscription), |_| true).await
    }

    /// The pull grants at registries of a subscription that name this very identity. Those it has
    /// by a group are not among them.
    pub async fn grants_of(
        &self,
        subscription: SubscriptionId,
        principal: PrincipalId,
    ) -> Result<Vec<Grant>, ArmError> {
        let ask = Ask::grants_of(self.client().base(), subscription, principal);
        self.grants(ask, |grant| grant.key.principal == principal).await
    }

    /// The pull grants at a registry itself, whomever they name. Those inherited from above are not
    /// among them.
    pub async fn grants_at(&self, registry: &RegistryId) -> Result<Vec<Grant>, ArmError> {
        let ask = Ask::grants_at(self.client().base(), registry);
        self.grants(ask, |grant| grant.key.registry == *registry).await
    }

    /// Every role assignment that an identity has at a registry: there or above, to itself or to a
    /// group that it is in, of whatever role.
    pub async fn access_of(
        &self,
        registry: &RegistryId,
        principal: PrincipalId,
    ) -> Result<Vec<Access>, ArmError> {
        let ask = Ask::access_of(self.client().base(), registry, principal);
        Ok(told(self.list(ask, wire::access).await?))
    }

    /// The locks that bind whoever assigns roles at a registry
    ///
    /// # Guarantees
    /// All of them: what could not be read is among the problems.
    pub async fn locks_at(&self, registry: &RegistryId) -> Result<Listed<Lock>, ArmError> {
        let ask = Ask::locks_in(self.client().base(), registry.subscription());
        let mut listed = self.list(ask, wire::lock).await?;
        listed.items.retain(|lock| lock.binds(registry));
        Ok(listed)
    }

    /// The deny assignments at a registry and above it, whomever they name
    ///
    /// # Guarantees
    /// All of them: what could not be read is among the problems.
    pub async fn denials_at(&self, registry: &RegistryId) -> Result<Listed<Denial>, ArmError> {
        self.list(Ask::denials_at(self.client().base(), registry), wire::denial).await
    }

    /// The pull grants in a list of assignments. An item that cannot be read is left out: at worst an
    /// assignment is made anew, and Azure says that it is there.
    async fn grants(
        &self,
        first: Ask,
        wanted: impl Fn(&Grant) -> bool,
    ) -> Result<Vec<Grant>, ArmError> {
        let grants = told(self.list(first, wire::grant).await?);
        Ok(grants.into_iter().flatten().filter(|grant| wanted(grant)).collect())
    }

    /// All pages of a list
    async fn list<T>(
        &self,
        first: Ask,
        understand: fn(&RawValue) -> Result<T, Unreadable>,
    ) -> Result<Listed<T>, ArmError> {
        let mut listed = Listed { items: Vec::new(), problems: Vec::new() };
        let mut next = Some(first);
        for _ in 0..PAGES {
            let Some(ask) = next else { return Ok(listed) };
            let answer = self.client().send(&ask).await?;
            let page = wire::Page::read(&answer.body)?;
            let (items, problems) = page.items.read(understand);
            listed.items.extend(items);
            listed.problems.extend(problems);
            next = match page.next {
                Some(link) => Some(Ask::next(self.client().base(), &link).ok_or(Unreadable::Link)?),
                None => None,
            };
        }
        Err(Unreadable::Endless.into())
    }
}

/// The items, after the problems were logged
fn told<T>(listed: Listed<T>) -> Vec<T> {
    for problem in listed.problems {
        tracing::warn!(problem, "a role assignment is left out");
    }
    listed.items
}
