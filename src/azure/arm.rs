//! Azure Resource Manager: reads clusters, registries and role assignments, and makes assignments.
//!
//! Each call is one question about one thing, answered by Azure itself and not from memory. Which
//! assignments there should be is not known here.

use std::time::Duration;

use super::client::Client;
use super::pace::Pacer;
use super::request::{Ask, clusters_version};
use super::transport::Wire;
use super::wire::{self, Unreadable};
use super::{ArmError, Cloud, Credential, Endpoints};
use crate::model::{
    AssignmentName, AssignmentUsage, Cluster, ClusterId, Door, Grant, GrantKey, Registry,
    RegistryId, SubscriptionId,
};

/// For how long Azure's wish to be left alone is obeyed at most: whoever asks for more is mistaken
const LONGEST_CLOSED: Duration = Duration::from_secs(3600);

/// Azure Resource Manager
#[derive(Clone, Debug)]
pub struct Arm {
    client: Client,
    cloud: Cloud,
}

/// What a PUT of an assignment came to
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was not there before
    Created,
    /// It was there, under this name
    AlreadyThere,
    /// Azure says that the same scope, identity and role have an assignment under another name
    UnderAnotherName,
}

/// What a DELETE of an assignment came to
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is gone
    Gone,
    /// It was gone before
    WasNotThere,
}

impl Arm {
    /// A way to Resource Manager that keeps to its limits, as do all clones of it together. Nothing
    /// is sent yet, and no token asked for.
    pub fn new(
        endpoints: &Endpoints,
        credential: impl Into<Credential>,
        wire: impl Into<Wire>,
    ) -> Self {
        let cloud = endpoints.cloud;
        let pacer = Pacer::new(LONGEST_CLOSED);
        let (credential, wire) = (credential.into(), wire.into());
        let client = Client::new(&endpoints.arm, cloud.arm_scope(), credential, wire, pacer);
        Self { client, cloud }
    }

    /// The same with another bound on obedience: when Azure asks to slow down, nothing more of the
    /// kind is sent to the subscription for as long as it asks for, but no longer than this.
    #[must_use]
    pub fn closed_at_most(self, longest: Duration) -> Self {
        Self { client: self.client.paced_by(Pacer::new(longest)), cloud: self.cloud }
    }

    /// The same, for somebody who is less urgent than whoever shares the limits: never more than a third
    /// of the queries that Resource Graph allows
    #[must_use]
    pub fn sparing(&self) -> Self {
        Self { client: self.client.clone().sparing(), cloud: self.cloud }
    }

    /// The cloud that it is of
    pub fn cloud(&self) -> Cloud {
        self.cloud
    }

    /// How requests are sent, shared with Resource Graph
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Reads a cluster.
    ///
    /// # Guarantees
    /// `None` means that Azure said in its own words that the cluster does not exist.
    pub async fn cluster(&self, id: &ClusterId) -> Result<Option<Cluster>, ArmError> {
        let ask = Ask::cluster(self.client.base(), id);
        self.read(&ask, |body| wire::cluster(body, clusters_version())).await
    }

    /// Reads a registry.
    ///
    /// # Guarantees
    /// `None` means that Azure said in its own words that the registry does not exist.
    pub async fn registry(&self, id: &RegistryId) -> Result<Option<Registry>, ArmError> {
        self.read(&Ask::registry(self.client.base(), id), wire::registry).await
    }

    /// Reads how a registry may be reached; `None` as for [`registry`](Self::registry).
    pub async fn door(&self, id: &RegistryId) -> Result<Option<Door>, ArmError> {
        self.read(&Ask::registry(self.client.base(), id), wire::door).await
    }

    /// Reads how many role assignments a subscription holds and may hold, by Azure's own account.
    ///
    /// # Errors
    /// Whatever Azure refuses, and [`Malformed`](ArmError::Malformed) for every answer of another form
    /// than the documented one: the version is a preview, and the right that it takes is in no
    /// published list of operations.
    pub async fn assignment_usage(
        &self,
        subscription: SubscriptionId,
    ) -> Result<AssignmentUsage, ArmError> {
        let ask = Ask::assignment_usage(self.client.base(), subscription);
        let answer = self.client.send(&ask).await?;
        Ok(wire::assignment_usage(&answer.body, subscription)?)
    }

    /// Reads the assignment of this name at a registry.
    ///
    /// # Guarantees
    /// `None` means that Azure said in its own words that it does not exist, or that it is of another
    /// role or scope than is ever made here.
    pub async fn grant(
        &self,
        registry: &RegistryId,
        name: AssignmentName,
    ) -> Result<Option<Grant>, ArmError> {
        let understand = |body: &[u8]| wire::grant(serde_json::from_slice(body)?);
        let ask = Ask::grant(self.client.base(), registry, name);
        Ok(self.read(&ask, understand).await?.flatten())
    }

    /// Makes an assignment, or gives the one of this name this description.
    ///
    /// # Guarantees
    /// May be repeated. An assignment of the same key under another name is left as it is.
    pub async fn put_grant(
        &self,
        key: &GrantKey,
        name: AssignmentName,
        description: &str,
    ) -> Result<Put, ArmError> {
        let ask = Ask::put_grant(self.client.base(), key, name, description);
        match self.client.send(&ask).await {
            Ok(answer) if answer.status == 201 => Ok(Put::Created),
            Ok(_) => Ok(Put::AlreadyThere),
            Err(ArmError::RoleAssignmentExists(_)) => Ok(Put::UnderAnotherName),
            Err(error) => Err(error),
        }
    }

    /// Removes the assignment of this name at a registry.
    ///
    /// # Guarantees
    /// May be repeated. What is gone already, its registry included, is no error.
    pub async fn delete_grant(
        &self,
        registry: &RegistryId,
        name: AssignmentName,
    ) -> Result<Removed, ArmError> {
        match self.client.send(&Ask::delete_grant(self.client.base(), registry, name)).await {
            Ok(answer) if answer.status == 204 => Ok(Removed::WasNotThere),
            Ok(_) => Ok(Removed::Gone),
            Err(ArmError::NotFound(_)) => Ok(Removed::WasNotThere),
            Err(error) => Err(error),
        }
    }

    async fn read<T>(
        &self,
        ask: &Ask,
        understand: fn(&[u8]) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, ArmError> {
        match self.client.send(ask).await {
            Ok(answer) => Ok(Some(understand(&answer.body)?)),
            Err(ArmError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
