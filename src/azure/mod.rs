//! Eyes and hands: everything that is said to Azure, and what its answers mean.
//!
//! This room reads and writes what it is told to. What should be there is not known here, nor in
//! what order to write it.

pub mod answers;
mod arm;
mod auth;
mod client;
mod endpoint;
mod error;
mod estate;
mod graph;
mod installed;
mod lists;
mod meter;
mod pace;
mod query;
mod queue;
mod refusal;
mod request;
mod trace;
mod transport;
mod wire;

pub use arm::{Arm, Put, Removed};
pub use auth::{Auth, AuthError, Credential, credential};
pub use endpoint::{Cloud, CloudError, Endpoint, EndpointError, Endpoints};
pub use error::{ArmError, chain};
pub use estate::Estate;
pub use graph::{Graph, Seen, Wanted};
pub use installed::{
    App, AppId, AppIdError, AppIdentity, BusQueue, Deployed, EventSubscription, HeldRole,
    Installed, Namespace, RoleDefinition, Topic,
};
pub use lists::Listed;
pub use meter::{Asked, metered};
pub use queue::{Inbox, Locked, Message, Queue, QueueAnswer, QueueError, Received};
pub use refusal::Refusal;
pub use transport::{ClientError, Wire, http_client};
pub use wire::Unreadable;
