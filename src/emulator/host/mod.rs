//! A stand-in of the Functions host, written from what the host's own sources say: it starts the
//! handler, encodes triggers, obeys the rules for answers, and moves messages, events and requests.
//!
//! What the real host would hang on, distort or drop in silence is a violation here, loud and counted.

mod admin;
mod answer;
mod definition;
mod encoder;
mod http;
mod invoke;
mod process;
mod webhook;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::queue::Namespace;
use super::{Clock, loopback};
use definition::{App, Function};
use process::{Recipe, Stage, free_port, keep_running, probe, ready};

pub use invoke::InvocationRecord;
pub use process::{ConsoleLine, Level};

/// Opens the webhook
const KEY: &str = "pretend-eventgrid-extension-key";

/// Opens everything else, and functions that are disabled
const MASTER_KEY: &str = "emulated-master-key";

/// The setting with which Application Insights is on
const INSIGHTS: &str = "APPLICATIONINSIGHTS_CONNECTION_STRING";

/// How a host is started
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// The folder with `host.json`; functions beside it or in `function-definitions`
    pub app_root: PathBuf,
    /// What answers
    pub handler: Handler,
    /// Where the queues are
    pub namespace: Namespace,
    /// The time that the host states
    pub clock: Clock,
}

/// What answers the host
#[derive(Clone, Debug)]
pub enum Handler {
    /// A program, started as the host does it
    Executable {
        /// Where the program is that `host.json` names
        folder: PathBuf,
        /// Its whole environment, the host's own variables apart
        environment: BTreeMap<String, String>,
    },
    /// Something that runs already
    Running {
        /// Its port on loopback
        port: u16,
        /// The app settings: those that are the host's count
        settings: BTreeMap<String, String>,
    },
}

impl Handler {
    fn settings(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Executable { environment: settings, .. } | Self::Running { settings, .. } => {
                settings
            }
        }
    }
}

/// Why there is no host
#[derive(Debug, Error)]
pub enum HostError {
    /// The files of the app root are not what the host expects.
    #[error("{0}")]
    Definition(String),
    /// There is no port to be had.
    #[error("the pretend host cannot listen on the loopback interface")]
    Listen(#[source] io::Error),
    /// The handler cannot be started.
    #[error("cannot start `{}`", program.display())]
    Start {
        /// What was to be started
        program: PathBuf,
        /// What the operating system says
        #[source]
        source: io::Error,
    },
    /// The handler never answered.
    #[error("the handler is not ready: {reason}; it said: {console}")]
    NotReady {
        /// What the host saw
        reason: String,
        /// The last lines of the handler
        console: String,
    },
}

/// A running host. Dropping it kills the handler.
#[derive(Debug)]
pub struct Host {
    shared: Arc<Shared>,
    address: String,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    app: App,
    clock: Clock,
    namespace: Namespace,
    client: reqwest::Client,
    port: u16,
    key: String,
    stage: watch::Sender<Stage>,
    records: Mutex<Records>,
    /// Wakes whoever waits for something to have happened
    progress: watch::Sender<u64>,
    in_flight: AtomicUsize,
    chunked: AtomicBool,
    /// Whether requests carry a trace context: .NET adds one where an activity runs, as with
    /// Application Insights always
    is_traced: bool,
}

#[derive(Debug, Default)]
struct Records {
    console: Vec<ConsoleLine>,
    invocations: Vec<InvocationRecord>,
    violations: Vec<String>,
}

impl Shared {
    fn record(&self, change: impl FnOnce(&mut Records)) {
        change(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner));
        self.progress.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn look<T>(&self, look: impl FnOnce(&Records) -> T) -> T {
        look(&self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn console(&self, line: ConsoleLine) {
        self.record(|records| records.console.push(line));
    }

    fn host_says(&self, text: &str) {
        self.console(ConsoleLine { level: Level::Error, text: format!("host: {text}") });
    }

    fn note(&self, invocation: InvocationRecord) {
        self.record(|records| records.invocations.push(invocation));
    }

    fn violation(&self, text: String) {
        self.record(|records| records.violations.push(text));
    }

    fn next_is_chunked(&self) -> bool {
        self.chunked.fetch_xor(true, Ordering::Relaxed)
    }

    /// The queues that trigger functions
    fn queues(&self) -> impl Iterator<Item = (&Function, &str)> {
        let functions = self.app.functions.values();
        functions.filter_map(|function| Some((function, function.trigger.queue_name.as_deref()?)))
    }

    fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::SeqCst) == 0
            && self.queues().all(|(_, queue)| {
                self.namespace.active(queue).is_empty() && self.namespace.locked(queue) == 0
            })
    }
}

impl Host {
    /// Starts the host and its handler, and waits until the handler answers
    pub async fn start(options: HostOptions) -> Result<Self, HostError> {
        let settings = options.handler.settings();
        let app = App::read(&options.app_root)?.without_disabled(settings);
        let is_traced = settings.contains_key(INSIGHTS);
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(HostError::Listen)?;
        let address = listener.local_addr().map_err(HostError::Listen)?;
        let port = match options.handler {
            Handler::Running { port, .. } => port,
            Handler::Executable { .. } => free_port().await?,
        };
        let client = loopback::client();
        let client = client.map_err(|error| HostError::Listen(io::Error::other(error)))?;
        let shared = Arc::new(Shared {
            app,
            clock: options.clock,
            namespace: options.namespace,
            client,
            port,
            key: KEY.to_owned(),
            stage: watch::Sender::new(Stage::Starting),
            records: Mutex::default(),
            progress: watch::Sender::new(0),
            in_flight: AtomicUsize::new(0),
            chunked: AtomicBool::new(true),
            is_traced,
        });
        let mut tasks = vec![tokio::spawn(webhook::serve(listener, Arc::clone(&shared)))];
        tasks.push(tokio::spawn(start_handler(options.handler, Arc::clone(&shared))));
        let pumps = shared.queues().map(|(function, queue)| (function.clone(), queue.to_owned()));
        for (function, queue) in pumps.collect::<Vec<_>>() {
            tasks.push(tokio::spawn(pump(function, queue, Arc::clone(&shared))));
        }
        let host = Self { shared, address: format!("http://{address}"), tasks };
        host.wait_until_ready().await?;
        Ok(host)
    }

    async fn wait_until_ready(&self) -> Result<(), HostError> {
        ready(&mut self.shared.stage.subscribe()).await.map_err(|reason| {
            let lines = self.console();
            let lines: Vec<_> =
                lines.iter().rev().take(5).rev().map(|line| line.text.as_str()).collect();
            HostError::NotReady { reason, console: lines.join(" | ") }
        })
    }

    /// Where the handler listens
    pub fn handler_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.shared.port)
    }

    /// Where Event Grid delivers events for a function
    pub fn webhook_url(&self, function: &str) -> String {
        let Self { shared, address, .. } = self;
        format!("{address}/runtime/webhooks/EventGrid?functionName={function}&code={}", shared.key)
    }

    /// Where a function answers over HTTP, its key included; none if there is no such function
    pub fn function_url(&self, function: &str) -> Option<String> {
        let function = self.shared.app.functions.get(function);
        let function = function.filter(|function| function.trigger.kind == "httpTrigger")?;
        Some(http::url(&self.address, function))
    }

    /// Where a function is run by hand, the master key included
    pub fn admin_url(&self, function: &str) -> String {
        admin::url(&self.address, function)
    }

    /// Fires a timer now
    pub async fn fire_timer(&self, function: &str) -> Result<(), String> {
        let function = self.shared.app.functions.get(function).ok_or("there is no such timer")?;
        let tick = encoder::timer(self.shared.clock.now());
        invoke::invoke(&self.shared, function, None, tick).await.map(|_| ())
    }

    /// The handler's lines so far
    pub fn console(&self) -> Vec<ConsoleLine> {
        self.shared.look(|records| records.console.clone())
    }

    /// The invocations that have ended
    pub fn invocations(&self) -> Vec<InvocationRecord> {
        self.shared.look(|records| records.invocations.clone())
    }

    /// Answers that the real host would hang on, distort or drop in silence
    pub fn violations(&self) -> Vec<String> {
        self.shared.look(|records| records.violations.clone())
    }

    /// The handler's process, while it runs
    pub fn handler_pid(&self) -> Option<u32> {
        match &*self.shared.stage.borrow() {
            Stage::Ready { pid } => *pid,
            Stage::Starting | Stage::Gone(_) => None,
        }
    }

    /// Why the handler is not started again, if that is so
    pub fn gone(&self) -> Option<String> {
        match &*self.shared.stage.borrow() {
            Stage::Gone(reason) => Some(reason.clone()),
            Stage::Starting | Stage::Ready { .. } => None,
        }
    }

    /// Whether no message of a triggered queue is active, locked or under way, and no function runs
    pub fn is_idle(&self) -> bool {
        self.shared.is_idle()
    }

    /// Waits until something is so, looking whenever anything has happened
    pub async fn wait_until(
        &self,
        limit: Duration,
        is_so: impl Fn() -> bool,
    ) -> Result<(), String> {
        let mut progress = self.shared.progress.subscribe();
        let wait = async {
            while !is_so() {
                tokio::select! {
                    _ = progress.changed() => {}
                    () = self.shared.namespace.changed() => {}
                    // Something may have happened between the look and the wait.
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
        };
        tokio::time::timeout(limit, wait).await.map_err(|_| {
            let last: Vec<_> = self.console().into_iter().rev().take(20).collect();
            let text: Vec<_> = last.iter().rev().map(|line| line.text.as_str()).collect();
            format!("not so within {limit:?}; the handler's last lines:\n{}", text.join("\n"))
        })
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // The child dies with the task that holds it.
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn start_handler(handler: Handler, shared: Arc<Shared>) {
    match handler {
        Handler::Running { port, .. } => {
            let stage = if probe(port, &shared).await {
                Stage::Ready { pid: None }
            } else {
                Stage::Gone("nothing answers".into())
            };
            shared.stage.send_replace(stage);
        }
        Handler::Executable { folder, environment } => {
            let description = &shared.app.host.custom_handler.description;
            let program = folder.join(&description.default_executable_path);
            let arguments = description.arguments.clone();
            let root = shared.app.root.clone();
            let recipe = Recipe { program, arguments, environment, port: shared.port, root };
            keep_running(recipe, shared).await;
        }
    }
}

/// Hands messages of a queue to its function, as many at once as `host.json` says. A failed one goes
/// back at once.
async fn pump(function: Function, queue: String, shared: Arc<Shared>) {
    let slots = Arc::new(Semaphore::new(shared.app.calls_at_once()));
    let function = Arc::new(function);
    // Without a handler the host stops, and messages stay where they are.
    while ready(&mut shared.stage.subscribe()).await.is_ok() {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok(delivery) = shared.namespace.receive(&queue).await else { return };
        let (shared, function) = (Arc::clone(&shared), Arc::clone(&function));
        tokio::spawn(async move {
            let trigger = encoder::message(&function, &delivery, &shared.namespace);
            let count = Some(delivery.stored.delivery_count);
            match invoke::invoke(&shared, &function, count, trigger).await {
                Ok(_) => delivery.complete(),
                Err(_) => delivery.abandon(),
            }
            shared.record(|_| ());
            drop(slot);
        });
    }
}
