//! A pretend Azure over HTTP: enough of ARM, Entra and the managed identity endpoint to attach
//! clusters to registries, with the nastiness of the real one.
//!
//! It is deterministic: the same requests at the same virtual times give the same ids, letter cases
//! and events. It holds no resource groups, networks or images, and understands no KQL.

mod answer;
mod assignment_lists;
mod assignments;
mod by_hand;
mod clusters;
mod denials;
mod events;
mod faults;
mod filter;
mod index;
mod limits;
mod locks;
mod log;
mod options;
mod paging;
mod paths;
mod register;
mod registries;
mod request;
mod resources;
mod rights;
mod roles;
mod routes;
mod server;
mod specs;
mod subscriptions;
mod tags;
mod tokens;
mod world;

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, Response};
use bytes::Bytes;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use assignments::Assignment;
pub use denials::DenialSpec;
pub use events::Event;
pub use faults::{Fault, Faults};
pub use limits::{Bucket, Quota, RateLimits};
pub use locks::LockKind;
pub use log::RequestRecord;
pub use options::{
    CreationEvent, FunctionIdentity, GraphAnswer, GraphHides, Options, Subscription, Tables,
};
pub use rights::{Caller, Right};
pub use specs::{AssignmentSpec, ClusterIdentity, ClusterSpec, KubeletIdentity, RegistrySpec};

use request::Asked;
use server::Shared;
use world::World;

/// How long open connections may take to end
const FAREWELL: Duration = Duration::from_secs(1);

/// A running Azure. Dropping it stops it.
pub struct Azure {
    shared: Arc<Shared>,
    endpoint: String,
    stopping: watch::Sender<bool>,
    /// What listens and what keeps the time; neither where requests come from the same process
    tasks: Option<[JoinHandle<()>; 2]>,
}

/// Why the pretend Azure did not do something
#[derive(Debug, Error)]
pub enum AzureError {
    /// There is no port to be had.
    #[error("the pretend Azure cannot listen on the loopback interface")]
    Listen(#[source] io::Error),
    /// A change by hand broke a rule of Azure's.
    #[error("the pretend Azure refused with {status} `{code}`: {message}")]
    Refused {
        /// Status of HTTP
        status: u16,
        /// ARM's error code
        code: String,
        /// ARM's message
        message: String,
    },
}

impl Azure {
    /// Starts on a free port of the loopback interface
    pub async fn start(options: Options) -> Result<Self, AzureError> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(AzureError::Listen)?;
        let address = listener.local_addr().map_err(AzureError::Listen)?;
        let endpoint = format!("http://{address}");
        let mut azure = Self::within(options, endpoint);
        let shared = || Arc::clone(&azure.shared);
        let server = tokio::spawn(serve(listener, shared(), azure.stopping.subscribe()));
        let time = tokio::spawn(server::keep_time(shared()));
        azure.tasks = Some([server, time]);
        Ok(azure)
    }

    /// One that listens nowhere, for [`answer`](Self::answer) alone. What happens by itself happens
    /// when somebody looks.
    pub fn within(options: Options, endpoint: String) -> Self {
        let clock = options.clock.clone();
        let world = World::new(options, endpoint.clone());
        let identity_header = world.made_up("identity header").simple().to_string();
        let shared = Arc::new(Shared::new(world, clock, identity_header));
        Self { shared, endpoint, stopping: watch::Sender::new(false), tasks: None }
    }

    /// Answers a request that comes from the same process.
    pub async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        server::answer(&self.shared, Asked::of(request)).await.into_bytes()
    }

    /// Where it listens, without a slash at the end
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What belongs into `IDENTITY_ENDPOINT`
    pub fn identity_endpoint(&self) -> String {
        format!("{}/msi/token", self.endpoint)
    }

    /// What belongs into `IDENTITY_HEADER`
    pub fn identity_header(&self) -> &str {
        &self.shared.identity_header
    }

    /// A bearer token that may do everything
    pub fn person_token(&self) -> &'static str {
        tokens::PERSON_TOKEN
    }

    /// The events from now on
    pub fn events(&self) -> UnboundedReceiver<Event> {
        self.shared.world().subscribers.join()
    }

    /// The faults that are in the way of requests
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Every request since the start or since the log was cleared
    pub fn log(&self) -> Vec<RequestRecord> {
        self.shared.world().log.clone()
    }

    /// Forgets the requests so far
    pub fn clear_log(&self) {
        self.shared.world().log.clear();
    }

    /// Stops, after the answers that are under way
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        if let Some([server, _]) = &mut self.tasks
            && tokio::time::timeout(FAREWELL, &mut *server).await.is_err()
        {
            server.abort();
        }
    }
}

impl Drop for Azure {
    fn drop(&mut self) {
        self.stopping.send_replace(true);
        if let Some([_, time]) = &self.tasks {
            time.abort();
        }
    }
}

impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Azure").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopping: watch::Receiver<bool>) {
    let stop = async move {
        // The sender going away is as good as its word.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    let served = axum::serve(listener, server::router(shared)).with_graceful_shutdown(stop).await;
    if let Err(error) = served {
        tracing::warn!(%error, "the pretend Azure stopped");
    }
}
