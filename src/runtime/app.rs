//! The functions of an app, their state and their limits.
//!
//! It does not know how requests arrive or what an answer looks like.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::sync::{Semaphore, watch};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, service_fn};

use super::dispatch::{Dispatch, Stage};
use super::{Failure, Handler, Invocation, Outputs};

/// A function as a tower service, so that any layer can wrap it
pub type FunctionService = BoxCloneSyncService<Invocation, Outputs, Failure>;

/// How one function is run
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The trigger's binding as `function.json` names it; none means the only one there is
    pub input: Option<String>,
    /// How many invocations may run at once. More wait for a slot, unread; waiting counts against
    /// the timeout. A refusal would count as a failed delivery.
    pub concurrency: usize,
    /// How long an invocation waits for a slot at most, of its timeout. Who waits keeps one of the
    /// connections that all functions share: without patience a function that anyone may call often
    /// holds up no other.
    pub patience: Duration,
    /// How long an invocation may take, from its arrival to its answer. Keep it below the host's
    /// `functionTimeout`, at which the host kills the process and everything else that runs in it. A function that
    /// computes without awaiting anything can't be ended.
    pub timeout: Duration,
}

impl Default for Options {
    /// The only binding; 16 at once; four minutes with or without a slot, below the shortest limit that a plan has
    fn default() -> Self {
        let timeout = Duration::from_secs(240);
        Self { input: None, concurrency: 16, patience: timeout, timeout }
    }
}

/// One function, ready to be run
#[derive(Clone)]
pub(super) struct Function {
    pub(super) name: Arc<str>,
    pub(super) service: FunctionService,
    pub(super) options: Options,
    pub(super) slots: Arc<Semaphore>,
}

pub(super) type Functions = BTreeMap<Arc<str>, Function>;

/// The functions that the host can invoke, and the state they share
///
/// ```
/// use tether::runtime::{App, Failure, Outputs, ServiceBusTrigger, State, TimerTrigger};
///
/// async fn tick(_: TimerTrigger, State(queue): State<&'static str>) -> Result<Outputs, Failure> {
///     Ok(Outputs::new().send(queue, [r#"{"command":"reconcile"}"#]))
/// }
///
/// let app = App::new("commands")
///     .function("reconcile-tick", tick)
///     .function("command-received", async |message: ServiceBusTrigger| match message.body.len() {
///         0 => Err(Failure::new("EmptyCommand", "the message is empty")),
///         _ => Ok(()),
///     });
/// ```
pub struct App<S> {
    state: S,
    functions: Functions,
}

impl<S: Clone + Send + Sync + 'static> App<S> {
    /// An app without functions
    pub fn new(state: S) -> Self {
        Self { state, functions: Functions::new() }
    }

    /// Adds a function with the default options. Its name is that of its folder, letter case
    /// included; a second function of a name replaces the first.
    #[must_use]
    pub fn function<H, Arguments>(self, name: &str, handler: H) -> Self
    where
        H: Handler<S, Arguments>,
    {
        self.function_with(name, Options::default(), handler)
    }

    /// Adds a function with options of its own.
    #[must_use]
    pub fn function_with<H, Arguments>(mut self, name: &str, options: Options, handler: H) -> Self
    where
        H: Handler<S, Arguments>,
    {
        let state = self.state.clone();
        let service = service_fn(move |invocation| handler.call(invocation, &state));
        let function = Function {
            name: name.into(),
            service: FunctionService::new(service),
            slots: Arc::new(Semaphore::new(options.concurrency.min(Semaphore::MAX_PERMITS))),
            options,
        };
        self.functions.insert(Arc::clone(&function.name), function);
        self
    }

    /// Wraps every function added so far in a tower layer.
    ///
    /// The layer runs inside the slot, the deadline and the span of an invocation.
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<FunctionService>,
        L::Service: Service<Invocation, Response = Outputs, Error = Failure>,
        L::Service: Clone + Send + Sync + 'static,
        <L::Service as Service<Invocation>>::Future: Send + 'static,
    {
        for function in self.functions.values_mut() {
            function.service = FunctionService::new(layer.layer(function.service.clone()));
        }
        self
    }

    /// The names of the functions, in order
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(AsRef::as_ref)
    }

    /// The same routes as [`Server::run`](super::Server::run) serves, for whoever brings a server
    pub fn into_router(self) -> Router {
        let (_, stage) = watch::channel(Stage::Ready(Arc::new(self.functions)));
        Dispatch { stage, patience: Duration::ZERO }.router()
    }

    pub(super) fn into_functions(self) -> Functions {
        self.functions
    }
}

impl<S> fmt::Debug for App<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("functions", &self.functions.keys()).finish_non_exhaustive()
    }
}
