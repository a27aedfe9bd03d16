//! What an installation of tether consists of in Azure, read and never written: the function app, the
//! roles of its identity, the queues, the event subscriptions.
//!
//! Only `tether check-install` asks; the running app neither needs this nor may read it. What an
//! installation should look like is not known here.

mod ask;
mod id;
mod wire;

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::request::Ask;
use super::wire::{Page, Unreadable};
use super::{Arm, ArmError};
use crate::model::{PrincipalId, SubscriptionId};

pub use id::{AppId, AppIdError};
pub use wire::{
    App, AppIdentity, BusQueue, Deployed, EventSubscription, HeldRole, Namespace, RoleDefinition,
    Topic,
};

/// The most pages of one list that are read
const PAGES: usize = 100;

/// The parts of an installation, read through Resource Manager
#[derive(Clone, Debug)]
pub struct Installed {
    arm: Arm,
}

impl Installed {
    /// Reads by this way to Resource Manager.
    pub fn new(arm: Arm) -> Self {
        Self { arm }
    }

    /// The function app. `None` if there is none of this name.
    pub async fn app(&self, id: &AppId) -> Result<Option<App>, ArmError> {
        self.read(&ask::app(self.base(), id), wire::app).await
    }

    /// The app's settings, secrets included: the values belong into no output.
    pub async fn settings(&self, id: &AppId) -> Result<BTreeMap<String, String>, ArmError> {
        let answer = self.arm.client().send(&ask::settings(self.base(), id)).await?;
        Ok(wire::settings(&answer.body)?)
    }

    /// The functions that the host found in the package
    pub async fn functions(&self, id: &AppId) -> Result<Vec<Deployed>, ArmError> {
        self.list(ask::functions(self.base(), id), wire::function).await
    }

    /// The role assignments in a subscription, above it and below it, that an identity has, by itself
    /// or by a group
    pub async fn roles_of(
        &self,
        subscription: SubscriptionId,
        principal: PrincipalId,
    ) -> Result<Vec<HeldRole>, ArmError> {
        self.list(Ask::grants_of(self.base(), subscription, principal), wire::held_role).await
    }

    /// What a role allows. `None` if there is no such role.
    pub async fn role(&self, id: &str) -> Result<Option<RoleDefinition>, ArmError> {
        self.read(&ask::role(self.base(), id), wire::role).await
    }

    /// The Service Bus namespaces of a subscription
    pub async fn namespaces(
        &self,
        subscription: SubscriptionId,
    ) -> Result<Vec<Namespace>, ArmError> {
        self.list(ask::namespaces(self.base(), subscription), wire::namespace).await
    }

    /// A queue. `None` if there is none of this name.
    pub async fn queue(&self, namespace: &str, name: &str) -> Result<Option<BusQueue>, ArmError> {
        self.read(&ask::queue(self.base(), namespace, name), wire::queue).await
    }

    /// The system topics of a subscription
    pub async fn topics(&self, subscription: SubscriptionId) -> Result<Vec<Topic>, ArmError> {
        self.list(ask::topics(self.base(), subscription), wire::topic).await
    }

    /// The event subscriptions of a system topic
    pub async fn event_subscriptions(
        &self,
        topic: &str,
    ) -> Result<Vec<EventSubscription>, ArmError> {
        self.list(ask::event_subscriptions(self.base(), topic), wire::event_subscription).await
    }

    fn base(&self) -> &azure_core::http::Url {
        self.arm.client().base()
    }

    async fn read<T>(
        &self,
        ask: &Ask,
        understand: fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, ArmError> {
        match self.arm.client().send(ask).await {
            Ok(answer) => Ok(Some(understand(&answer.body)?)),
            Err(ArmError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All pages of a list. An item that cannot be read is an error here: a check that overlooks
    /// something says that all is well when it is not.
    async fn list<T>(
        &self,
        first: Ask,
        understand: fn(&RawValue) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, ArmError> {
        let mut items = Vec::new();
        let mut next = Some(first);
        for _ in 0..PAGES {
            let Some(ask) = next else { return Ok(items) };
            let answer = self.arm.client().send(&ask).await?;
            let page = Page::read(&answer.body)?;
            for item in page.items.each() {
                items.push(understand(item)?);
            }
            next = match page.next {
                Some(link) => Some(Ask::next(self.base(), &link).ok_or(Unreadable::Link)?),
                None => None,
            };
        }
        Err(Unreadable::Endless.into())
    }
}
