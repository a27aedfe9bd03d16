//! What a pretend Azure is made with.
//!
//! Everything here is set before it starts; what changes later are faults and the world itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::limits::RateLimits;
use super::rights::Caller;
use crate::emulator::Clock;

/// The tables of Resource Graph: rows by table name
pub type Tables = BTreeMap<String, Vec<Value>>;

/// What answers a Resource Graph query: tables, request body and caller to status and body
pub type GraphAnswer = Arc<dyn Fn(&Tables, &Value, &Caller) -> (u16, Value) + Send + Sync>;

/// How this Azure behaves
#[derive(Clone)]
pub struct Options {
    /// The time that passes in it
    pub clock: Clock,
    /// The one tenant
    pub tenant: Uuid,
    /// Its subscriptions
    pub subscriptions: Vec<Subscription>,
    /// The management group that holds all of them
    pub management_group: String,
    /// Who asks through the managed identity endpoint
    pub identity: FunctionIdentity,
    /// How long a new cluster is `Creating` and has no identity
    pub cluster_creation: Duration,
    /// Whether clusters say in `systemData` when they were created; no document says whether AKS does
    pub dates_clusters: bool,
    /// When the event for a new cluster goes out; nobody has documented it
    pub creation_event: CreationEvent,
    /// How long a new principal is unknown to role assignments
    pub directory_lag: Duration,
    /// How long the list of a subscription's clusters misses a new cluster, which GET and the list of
    /// its resource group have at once (Azure/azure-rest-api-specs#28600)
    pub cluster_list_lag: Duration,
    /// How long Resource Graph needs to notice a change
    pub graph_lag: Duration,
    /// What Resource Graph does not know
    pub graph_hides: GraphHides,
    /// What answers Resource Graph queries
    pub graph: GraphAnswer,
    /// Largest page of a list
    pub page_size: usize,
    /// Most role assignments in a subscription
    pub assignment_limit: usize,
    /// Whether requests beyond the limits are refused
    pub throttled: bool,
    /// The limits, which answers tell of in any case
    pub rate_limits: RateLimits,
}

/// A subscription
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id
    pub id: Uuid,
    /// Its display name
    pub name: String,
}

/// The identity of the function
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionIdentity {
    /// Its application id
    pub client_id: Uuid,
    /// Its object id, which holds the roles
    pub principal_id: Uuid,
}

/// What Resource Graph does not know, where no document says whether it does
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphHides {
    /// It shows everything
    Nothing,
    /// `roleAssignmentMode` of registries
    RegistryModes,
    /// Descriptions and conditions of role assignments
    Descriptions,
}

/// When the event for a new cluster goes out
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreationEvent {
    /// With the acceptance, long before there is an identity
    Accepted,
    /// When the cluster is finished
    Finished,
}

impl Options {
    /// An Azure that is quick, patient and consistent
    pub fn new(clock: Clock, tenant: Uuid, subscriptions: Vec<Subscription>) -> Self {
        Self {
            clock,
            tenant,
            subscriptions,
            management_group: "pretend-root".to_owned(),
            identity: FunctionIdentity {
                client_id: uuid!("c1000000-0000-4000-8000-00000000f00d"),
                principal_id: uuid!("0b000000-0000-4000-8000-00000000f00d"),
            },
            cluster_creation: Duration::ZERO,
            dates_clusters: true,
            creation_event: CreationEvent::Accepted,
            directory_lag: Duration::ZERO,
            cluster_list_lag: Duration::ZERO,
            graph_lag: Duration::ZERO,
            graph_hides: GraphHides::Nothing,
            graph: Arc::new(no_graph),
            page_size: 100,
            assignment_limit: 4000,
            throttled: false,
            rate_limits: RateLimits::default(),
        }
    }
}

fn no_graph(_: &Tables, _: &Value, _: &Caller) -> (u16, Value) {
    let message = "This pretend Azure has no Resource Graph.";
    (501, json!({"error": {"code": "NotImplemented", "message": message}}))
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("tenant", &self.tenant)
            .field("subscriptions", &self.subscriptions)
            .finish_non_exhaustive()
    }
}
