//! The whole pretend world in one piece: Azure, Service Bus, Event Grid, and the Functions host with
//! the real handler in it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use uuid::{Uuid, uuid};

use super::Clock;
use super::azure::{self, Azure, AzureError, GraphHides, RateLimits};
use super::event_grid::{Destination, Schema, Subscription, ValidationError};
use super::graph;
use super::host::{Handler, Host, HostError, HostOptions};
use super::queue::{Namespace, QueueError, QueueOptions};

/// The tenant
pub const TENANT: Uuid = uuid!("7e000000-0000-4000-8000-000000000001");

/// The subscription `payments`
pub const PAYMENTS: Uuid = uuid!("11111111-1111-4111-8111-111111111111");

/// The subscription `platform`
pub const PLATFORM: Uuid = uuid!("22222222-2222-4222-8222-222222222222");

/// What the host finds beside the executable: the files that are deployed
const APP: [(&str, &str); 5] = [
    ("host.json", include_str!("../../host.json")),
    (
        "command-received/function.json",
        include_str!("../../function-definitions/command-received/function.json"),
    ),
    (
        "reconcile-tick/function.json",
        include_str!("../../function-definitions/reconcile-tick/function.json"),
    ),
    (
        "resource-changed/function.json",
        include_str!("../../function-definitions/resource-changed/function.json"),
    ),
    ("status/function.json", include_str!("../../function-definitions/status/function.json")),
];

/// The operations that an event subscription lets through, as `infra/events.bicep` sets it up
const OPERATIONS: [&str; 6] = [
    "Microsoft.ContainerService/managedClusters/write",
    "Microsoft.ContainerService/managedClusters/delete",
    "Microsoft.ContainerRegistry/registries/write",
    "Microsoft.ContainerRegistry/registries/delete",
    "Microsoft.Resources/tags/write",
    "Microsoft.Resources/tags/delete",
];

/// `maxAutoLockRenewalDuration`
const RENEWED: Duration = Duration::from_secs(12 * 60);

/// `duplicateDetectionHistoryTimeWindow`, as `infra` sets it
const DUPLICATES: Duration = Duration::from_secs(24 * 3600);

/// Where Event Grid delivers
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// To the function, through the host's webhook
    Function,
    /// Straight to the queue
    Queue,
}

/// What a world is made with
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// The text of `policy.yaml`
    pub policy: String,
    /// The folder of the program that `host.json` names
    pub program_folder: PathBuf,
    /// A folder that may be written to and need not be there yet
    pub app_root: PathBuf,
    /// How much faster than real time it runs
    pub speed: f64,
    /// Where events go
    pub door: Door,
    /// How they are written
    pub schema: Schema,
    /// Whether only the operations that matter get through
    pub filtered: bool,
    /// How long a cluster is being made
    pub cluster_creation: Duration,
    /// How long the list of a subscription's clusters misses a new cluster
    pub cluster_list_lag: Duration,
    /// How long Resource Graph needs to notice a change
    pub graph_lag: Duration,
    /// What Resource Graph does not know
    pub graph_hides: GraphHides,
    /// Whether Azure's rate limits hold, which run on virtual time
    pub throttled: bool,
    /// Those limits
    pub rate_limits: RateLimits,
    /// Changes to the handler's environment; an empty value takes a variable away
    pub environment: BTreeMap<String, String>,
}

impl WorldOptions {
    /// A world in which everything is quick and the policy is this
    pub fn new(policy: &str, program_folder: PathBuf, app_root: PathBuf) -> Self {
        Self {
            policy: policy.to_owned(),
            program_folder,
            app_root,
            speed: 1.0,
            door: Door::Function,
            schema: Schema::EventGrid,
            filtered: true,
            cluster_creation: Duration::from_secs(240),
            cluster_list_lag: Duration::ZERO,
            graph_lag: Duration::ZERO,
            graph_hides: GraphHides::Nothing,
            throttled: false,
            rate_limits: RateLimits::default(),
            environment: BTreeMap::new(),
        }
    }
}

/// A running world
#[derive(Debug)]
pub struct World {
    /// Its time
    pub clock: Clock,
    /// Its Azure
    pub azure: Azure,
    /// Its Service Bus namespace, with the queues `commands`, `rejected` and `reports`
    pub namespace: Namespace,
    /// Its Functions host, the first if there are several
    pub host: Host,
    /// Its event subscription
    pub events: Subscription,
    others: Vec<Host>,
    recipe: HostOptions,
}

/// Why there is no world
#[derive(Debug, Error)]
pub enum WorldError {
    /// The app root cannot be written.
    #[error("cannot write the app root")]
    AppRoot(#[source] io::Error),
    /// No Azure.
    #[error("no pretend Azure")]
    Azure(#[source] AzureError),
    /// No queues.
    #[error("no pretend Service Bus")]
    Queue(#[source] QueueError),
    /// No host.
    #[error("no pretend Functions host")]
    Host(#[source] Box<HostError>),
    /// No events.
    #[error("no pretend Event Grid")]
    Events(#[source] ValidationError),
}

impl World {
    /// Starts everything and waits until the handler answers
    pub async fn start(options: WorldOptions) -> Result<Self, WorldError> {
        write_app_root(&options).map_err(WorldError::AppRoot)?;
        let clock = Clock::new(options.speed);
        let azure = start_azure(&options, clock.clone()).await.map_err(WorldError::Azure)?;
        // The host renews locks while an invocation runs, for as long as `host.json` says.
        let duplicate_window = Some(DUPLICATES);
        let queue =
            |name| QueueOptions { lock: RENEWED, duplicate_window, ..QueueOptions::new(name) };
        let queues = vec![queue("commands"), queue("rejected"), queue("reports")];
        let namespace = Namespace::start(clock.clone(), queues).await.map_err(WorldError::Queue)?;
        let environment = environment(&options, &azure, &namespace);
        let recipe = HostOptions {
            app_root: options.app_root,
            handler: Handler::Executable { folder: options.program_folder, environment },
            namespace: namespace.clone(),
            clock: clock.clone(),
        };
        let host = start_host(&recipe).await?;
        let destination = match options.door {
            Door::Function => Destination::Webhook(host.webhook_url("resource-changed")),
            Door::Queue => Destination::Queue(namespace.clone(), "commands".into()),
        };
        let events = Subscription::create(destination, options.schema, clock.clone()).await;
        let events = events.map_err(WorldError::Events)?;
        let events = if options.filtered { events.only(&OPERATIONS) } else { events };
        events.follow(azure.events());
        Ok(Self { clock, azure, namespace, host, events, others: Vec::new(), recipe })
    }

    /// Starts one more host with a handler of its own, as scaling out does.
    pub async fn add_host(&mut self) -> Result<(), WorldError> {
        self.others.push(start_host(&self.recipe).await?);
        Ok(())
    }

    /// All hosts, in the order in which they were started
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        std::iter::once(&self.host).chain(&self.others)
    }

    /// Kills the host at this place with its handler, and starts another in its place. Event Grid
    /// goes on to call the first one of all, so events should go to the queue.
    pub async fn replace_host(&mut self, place: usize) -> Result<(), WorldError> {
        let fresh = start_host(&self.recipe).await?;
        let old = match place.checked_sub(1) {
            None => Some(&mut self.host),
            Some(place) => self.others.get_mut(place),
        };
        if let Some(old) = old {
            // Dropping a host kills it.
            *old = fresh;
        }
        Ok(())
    }

    /// Waits until every event is delivered and every command is carried out; scheduled messages
    /// stay where they are
    pub async fn settle(&self, limit: Duration) -> Result<(), String> {
        let is_quiet = || self.events.is_idle() && self.hosts().all(Host::is_idle);
        // Twice: what moves from one to the other between two looks is seen by the second.
        self.host.wait_until(limit, || is_quiet() && is_quiet()).await
    }
}

async fn start_host(recipe: &HostOptions) -> Result<Host, WorldError> {
    Host::start(recipe.clone()).await.map_err(|error| WorldError::Host(Box::new(error)))
}

async fn start_azure(options: &WorldOptions, clock: Clock) -> Result<Azure, AzureError> {
    let subscription = |id, name: &str| azure::Subscription { id, name: name.to_owned() };
    let subscriptions =
        vec![subscription(PAYMENTS, "payments"), subscription(PLATFORM, "platform")];
    Azure::start(azure::Options {
        cluster_creation: options.cluster_creation,
        cluster_list_lag: options.cluster_list_lag,
        graph_lag: options.graph_lag,
        graph_hides: options.graph_hides,
        throttled: options.throttled,
        rate_limits: options.rate_limits,
        graph: Arc::new(|tables, body, caller| {
            let graph::Answer { status, body } = graph::answer(tables, body, &caller.subscriptions);
            (status, body)
        }),
        ..azure::Options::new(clock, TENANT, subscriptions)
    })
    .await
}

fn write_app_root(options: &WorldOptions) -> io::Result<()> {
    for (name, text) in APP {
        let path = options.app_root.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&options.app_root))?;
        fs::write(path, text)?;
    }
    fs::write(options.app_root.join("policy.yaml"), &options.policy)
}

/// The app settings of the function app
fn environment(
    options: &WorldOptions,
    azure: &Azure,
    namespace: &Namespace,
) -> BTreeMap<String, String> {
    let mut settings = settings(azure, namespace);
    settings.extend(options.environment.clone());
    settings.retain(|_, value| !value.is_empty());
    settings
}

/// The environment of a program that shall find itself in this world
pub fn settings(azure: &Azure, namespace: &Namespace) -> BTreeMap<String, String> {
    let mut settings = cloud_settings(azure);
    settings.extend(owned([
        ("TETHER_SERVICE_BUS_ENDPOINT", namespace.endpoint().to_owned()),
        ("ServiceBus__fullyQualifiedNamespace", namespace.host_name().to_owned()),
        ("TETHER_TENANT", TENANT.to_string()),
        ("TETHER_REPLY_QUEUES", "reports".to_owned()),
    ]));
    settings
}

/// Those of them that lead to the pretend Azure alone
pub fn cloud_settings(azure: &Azure) -> BTreeMap<String, String> {
    let identity = azure::Options::new(Clock::new(0.0), TENANT, Vec::new()).identity;
    owned([
        ("TETHER_AUTH", "managed-identity".to_owned()),
        ("AZURE_CLIENT_ID", identity.client_id.to_string()),
        ("IDENTITY_ENDPOINT", azure.identity_endpoint()),
        ("IDENTITY_HEADER", azure.identity_header().to_owned()),
        ("TETHER_ARM_ENDPOINT", azure.endpoint().to_owned()),
        ("TETHER_SUBSCRIPTIONS", format!("{PAYMENTS},{PLATFORM}")),
    ])
    .collect()
}

fn owned<const N: usize>(settings: [(&str, String); N]) -> impl Iterator<Item = (String, String)> {
    settings.into_iter().map(|(name, value)| (name.to_owned(), value))
}
