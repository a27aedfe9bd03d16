//! Settings, read once from the environment: the only place that looks at it.
//!
//! All that is missing or wrong is reported at once. Values are passed down from here; nobody below
//! knows the names of the variables.

mod observer;
mod sender;
mod telemetry;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use uuid::Uuid;

use crate::azure::{Auth, Cloud, Endpoint, Endpoints, Estate};
use crate::policy::{Policy, PolicyError};
use crate::runtime::logs;
use crate::runtime::telemetry::Otlp;

pub use observer::{ObserverSettings, observer_from_environment, policy_file, read_observer};
pub use sender::{SenderSettings, read_sender, sender_from_environment};

/// Everything that `tether serve` needs to know
#[derive(Debug)]
pub struct Settings {
    /// The port on which the Functions host expects its handler
    pub port: u16,
    /// How to get tokens
    pub auth: Auth,
    /// Where Azure is
    pub endpoints: Endpoints,
    /// Which subscriptions are looked after
    pub estate: Estate,
    /// The queues that a command's `ReplyTo` may name
    pub reply_queues: BTreeSet<String>,
    /// How old an answer of Resource Graph may be to serve another run
    pub graph_age: Duration,
    /// For how long Azure's wish to be left alone is obeyed at most
    pub longest_closed: Duration,
    /// Whether the status function shows anything
    pub status: bool,
    /// What should be
    pub policy: Policy,
    /// Which log lines are written, as `tracing` filters are
    pub log: String,
    /// The collector of traces and metrics, if there is one
    pub telemetry: Option<Otlp>,
}

/// Why the settings cannot be used
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Settings are missing or wrong.
    #[error("{}", one_line(.0))]
    Settings(Vec<Problem>),
    /// The policy file cannot be read.
    #[error("cannot read the policy file `{}`; TETHER_POLICY names it", path.display())]
    PolicyFile {
        /// Where it was looked for
        path: PathBuf,
        /// What the operating system says
        #[source]
        source: std::io::Error,
    },
    /// The policy file says something that cannot be meant.
    #[error(transparent)]
    Policy(Box<PolicyError>),
}

/// One setting that is missing or wrong
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The variable's name
    pub name: &'static str,
    /// What is wrong with it
    pub what: String,
    /// What would be right
    pub hint: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.name, self.what, self.hint)
    }
}

fn one_line(problems: &[Problem]) -> String {
    let problems: Vec<_> = problems.iter().map(Problem::to_string).collect();
    format!("{} of the settings cannot be used: {}", problems.len(), problems.join("; "))
}

const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";
const PORT_HINT: &str =
    "the Functions host sets it; to try tether without the host, run `tether demo`";
const AUTH: &str = "TETHER_AUTH";
const AUTH_HINT: &str = "state `managed-identity` on Azure or `developer` on a laptop";
const CLOUD: &str = "TETHER_CLOUD";
const CLOUD_HINT: &str = "state `public`, `us-government` or `china`, or leave it out for `public`";
const NAMESPACE: &str = "ServiceBus__fullyQualifiedNamespace";
const NAMESPACE_HINT: &str = "state the namespace's host, such as `contoso.servicebus.windows.net`";
const BUS: &str = "TETHER_SERVICE_BUS_ENDPOINT";
const SUBSCRIPTIONS: &str = "TETHER_SUBSCRIPTIONS";
const MANAGEMENT_GROUP: &str = "TETHER_MANAGEMENT_GROUP";
const URL_HINT: &str = "state an https address that ends after its host; http is taken only for a loopback address such as `http://127.0.0.1:8080`";
const GROUP_HINT: &str = "state one of the two; without the other it counts";
const ESTATE_HINT: &str =
    "state subscription ids separated by commas, or a group's name in TETHER_MANAGEMENT_GROUP";
const LOG: &str = "TETHER_LOG";
const LOG_HINT: &str = "state a log filter such as `info` or `warn,tether=debug`, or leave it out";
/// Our own lines at `info`. At the same level libraries tell of each start and of every request that
/// fails, which our own lines do already, with what it means.
const LOG_DEFAULT: &str = "warn,tether=info";
const GRAPH_AGE_HINT: &str = "state a number of seconds from 0 to 60, or leave it out for 15";
const REPLY_QUEUES_HINT: &str =
    "state names of queues separated by commas, none of them `commands` or `rejected`";
const RETRY_AFTER_CAP_HINT: &str =
    "state a number of seconds from 0 to 3600, or leave it out for 3600";
const STATUS_HINT: &str = "state `on` or `off`, or leave it out for `off`";
const TENANT_HINT: &str = "state the tenant's id, or leave it out";

/// Reads the settings of `tether serve` from the process's environment.
pub fn from_environment() -> Result<Settings, ConfigError> {
    read(environment)
}

/// Whether a person who looks at a terminal has not declined colour
pub fn wants_colour() -> bool {
    environment("NO_COLOR").is_none_or(|value| value.is_empty())
        && environment("TERM").is_none_or(|terminal| terminal != "dumb")
}

fn environment(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is the place where it is read")]
    std::env::var(name).ok()
}

/// Reads the settings through a look-up of variables.
pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Settings, ConfigError> {
    let mut reader = Reader { variable: &variable, problems: Vec::new() };
    let port = reader.parsed(PORT, PORT_HINT, |text| text.parse().ok().filter(|port| *port != 0));
    let auth = reader.auth(AUTH_HINT);
    let endpoints = reader.endpoints();
    let estate = reader.estate();
    let reply_queues = reader.reply_queues();
    let graph_age = reader.seconds("TETHER_GRAPH_AGE", GRAPH_AGE_HINT, 15, 60);
    let closed = reader.seconds("TETHER_RETRY_AFTER_CAP", RETRY_AFTER_CAP_HINT, 3600, 3600);
    let waits = graph_age.zip(closed);
    let status = reader.parsed_or("TETHER_STATUS", STATUS_HINT, false, |text| match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    });
    let log = reader.log();
    let telemetry = reader.telemetry();
    let (
        Some(port),
        Some(auth),
        Some(endpoints),
        Some(estate),
        Some(waits),
        Some(reply_queues),
        Some(status),
        Some(log),
        Some(telemetry),
        true,
    ) = (
        port,
        auth,
        endpoints,
        estate,
        waits,
        reply_queues,
        status,
        log,
        telemetry,
        reader.problems.is_empty(),
    )
    else {
        return Err(ConfigError::Settings(reader.problems));
    };
    let (graph_age, longest_closed) = waits;
    let policy = read_policy(&reader.policy_path())?;
    Ok(Settings {
        port,
        auth,
        endpoints,
        estate,
        reply_queues,
        graph_age,
        longest_closed,
        status,
        policy,
        log,
        telemetry,
    })
}

/// Reads a policy file.
pub fn read_policy(path: &Path) -> Result<Policy, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::PolicyFile { path: path.to_owned(), source })?;
    Policy::parse(&path.display().to_string(), &text)
        .map_err(|error| ConfigError::Policy(Box::new(error)))
}

/// Who a person at a laptop is to Azure, and where Azure is: `az`'s account and the public cloud unless
/// the environment says otherwise.
pub fn visitor() -> Result<(Auth, Endpoints), ConfigError> {
    #[expect(clippy::disallowed_methods, reason = "this is the place where it is read")]
    let variable = |name: &str| {
        let found = std::env::var(name).ok();
        found.or_else(|| (name == AUTH).then(|| "developer".into()))
    };
    let mut reader = Reader { variable: &variable, problems: Vec::new() };
    let auth = reader.auth(AUTH_HINT);
    let (cloud, arm) = (reader.cloud(), reader.arm());
    let endpoints = cloud.zip(arm).map(|(cloud, arm)| {
        // Nothing is sent to a queue from here.
        Endpoints { cloud, service_bus: arm.clone(), arm }
    });
    match (auth, endpoints) {
        (Some(auth), Some(endpoints)) => Ok((auth, endpoints)),
        _ => Err(ConfigError::Settings(reader.problems)),
    }
}

struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The variable's value; an empty one counts as not set, as the Azure portal leaves such behind
    fn optional(&self, name: &str) -> Option<String> {
        let value = (self.variable)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    fn problem<T>(&mut self, name: &'static str, what: String, hint: &'static str) -> Option<T> {
        self.problems.push(Problem { name, what, hint });
        None
    }

    fn required(&mut self, name: &'static str, hint: &'static str) -> Option<String> {
        self.optional(name).or_else(|| self.problem(name, "is missing".into(), hint))
    }

    fn parsed<T>(
        &mut self,
        name: &'static str,
        hint: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.required(name, hint)?;
        parse(&text).or_else(|| self.problem(name, told(&text), hint))
    }

    /// A value that may be left out: the default if it is, `None` if it is wrong
    fn parsed_or<T>(
        &mut self,
        name: &'static str,
        hint: &'static str,
        default: T,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        match self.optional(name) {
            None => Some(default),
            Some(_) => self.parsed(name, hint, parse),
        }
    }

    /// A number of seconds up to `most`, which may be left out
    fn seconds(
        &mut self,
        name: &'static str,
        hint: &'static str,
        default: u64,
        most: u64,
    ) -> Option<Duration> {
        self.parsed_or(name, hint, Duration::from_secs(default), |text| {
            let seconds = text.parse().ok().filter(|seconds| *seconds <= most)?;
            Some(Duration::from_secs(seconds))
        })
    }

    /// Queues that reports may be sent to. Those that commands come from and go to are none of them:
    /// a report there would be taken for a command.
    fn reply_queues(&mut self) -> Option<BTreeSet<String>> {
        self.parsed_or("TETHER_REPLY_QUEUES", REPLY_QUEUES_HINT, BTreeSet::new(), |text| {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(|name| is_reply_queue(name).then(|| name.to_owned())).collect()
        })
    }

    fn auth(&mut self, hint: &'static str) -> Option<Auth> {
        let client_id = self.optional("AZURE_CLIENT_ID");
        self.parsed(AUTH, hint, |text| match text {
            "managed-identity" => Some(Auth::ManagedIdentity { client_id }),
            "developer" => Some(Auth::Developer),
            _ => None,
        })
    }

    fn cloud(&mut self) -> Option<Cloud> {
        self.parsed_or(CLOUD, CLOUD_HINT, Cloud::Public, |text| text.parse().ok())
    }

    fn arm(&mut self) -> Option<Endpoint> {
        // A cloud that makes no sense is complained of where it is read.
        let cloud: Option<Cloud> = self.optional(CLOUD).and_then(|text| text.parse().ok());
        let arm = endpoint(cloud.unwrap_or_default().arm())?;
        self.parsed_or("TETHER_ARM_ENDPOINT", URL_HINT, arm, endpoint)
    }

    fn endpoints(&mut self) -> Option<Endpoints> {
        let (cloud, arm) = (self.cloud(), self.arm());
        let service_bus = match self.optional(BUS) {
            Some(_) => self.parsed(BUS, URL_HINT, endpoint),
            None => self.parsed(NAMESPACE, NAMESPACE_HINT, namespace),
        };
        Some(Endpoints { cloud: cloud?, arm: arm?, service_bus: service_bus? })
    }

    fn log(&mut self) -> Option<String> {
        let filter = self.optional(LOG).unwrap_or_else(|| LOG_DEFAULT.to_owned());
        let Err(error) = logs::check(&filter) else { return Some(filter) };
        let why = error.source().map(ToString::to_string).unwrap_or_default();
        self.problem(LOG, format!("{} ({why})", told(&filter)), LOG_HINT)
    }

    fn estate(&mut self) -> Option<Estate> {
        let management_group = self.optional(MANAGEMENT_GROUP);
        if management_group.is_some() && self.optional(SUBSCRIPTIONS).is_some() {
            let what = format!("stands beside {SUBSCRIPTIONS}");
            self.problem::<()>(MANAGEMENT_GROUP, what, GROUP_HINT);
        }
        let subscriptions = self.parsed_or(SUBSCRIPTIONS, ESTATE_HINT, Vec::new(), |text| {
            text.split(',').map(|id| id.parse().ok()).collect()
        });
        let tenant = self.parsed_or("TETHER_TENANT", TENANT_HINT, None, |text| {
            Uuid::parse_str(text).ok().map(Some)
        });
        let subscriptions = subscriptions?;
        if subscriptions.is_empty() && management_group.is_none() {
            return self.problem(SUBSCRIPTIONS, "is missing".into(), ESTATE_HINT);
        }
        Some(Estate { tenant: tenant?, subscriptions, management_group })
    }

    /// `policy.yaml` beside `host.json`, unless another one is named
    fn policy_path(&self) -> PathBuf {
        let root = self.optional("FUNCTIONS_APP_ROOT_PATH").map(PathBuf::from).unwrap_or_default();
        root.join(self.optional("TETHER_POLICY").unwrap_or_else(|| "policy.yaml".into()))
    }
}

fn is_reply_queue(name: &str) -> bool {
    let own = ["commands", "rejected"];
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.chars().all(is_inner) && !own.iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// An address that is no more than a scheme, a host and a port: whatever else stood in it would be
/// left out of requests, or sent along with them.
fn endpoint(text: &str) -> Option<Endpoint> {
    let endpoint: Endpoint = text.parse().ok()?;
    let url = endpoint.url();
    let names_nobody = url.username().is_empty() && url.password().is_none();
    let ends_after_host = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    (names_nobody && ends_after_host).then_some(endpoint)
}

/// How a value that cannot be used is told. One that may hold a secret is not: these lines are logged.
fn told(text: &str) -> String {
    let may_be_secret = text.contains('@') || text.to_lowercase().contains("sharedaccess");
    if may_be_secret {
        return "holds what may be a secret, so it is not shown here".to_owned();
    }
    format!("is `{text}`")
}

fn namespace(host: &str) -> Option<Endpoint> {
    let is_host = host.contains('.') && !host.contains(['/', ':', '@', '?', '#', ' ']);
    is_host.then(|| endpoint(&format!("https://{host}"))).flatten()
}
