//! See it: who may pull from where, what is about to change, what is stuck and why, as a page for people
//! and as JSON for programs. It looks and never writes.
//!
//! The host has checked the function key by then. What is told is decided in `data` and `pairs`, which
//! are values; when Azure is looked at, in `watch`.

mod data;
mod page;
mod pairs;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::{info, warn};

pub use data::{Seen, State, Status, schema};

use crate::azure::{ArmError, Asked, chain, metered};
use crate::model::{Cluster, Inventory, Registry, Scope};
use crate::plan::{Plan, explain, guard, plan};
use crate::policy::Policy;
use crate::reconcile::{ReconcileError, Reconciler, find_in};
use crate::runtime::{Failure, HttpAnswer, HttpTrigger, Outputs};
use watch::{Blind, KEPT, Watch};

/// How much of the time for a request is left to writing its answer
const TELLING: Duration = Duration::from_secs(20);

/// The output binding
const RESPONSE: &str = "response";

/// What the status function shows, or nothing where it is off
#[derive(Clone, Debug)]
pub struct StatusPage(Option<Arc<Shown>>);

struct Shown {
    watch: Watch<Observation, Trouble>,
    policy: Arc<Policy>,
    now: Now,
}

type Now = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// Everything that one look at the estate gave
struct Observation {
    began: OffsetDateTime,
    inventory: Inventory,
    planned: Plan,
    seen: Seen,
}

/// What cannot be shown, and what to do about it
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Trouble {
    #[serde(skip)]
    status: u16,
    error: String,
    hint: String,
}

/// What somebody wants to see
enum Wish<'a> {
    Page,
    Json,
    /// The trace of a pair, named as a person may name it
    Trace(&'a str, &'a str),
}

impl StatusPage {
    /// Shows nothing but that it is off
    pub fn off() -> Self {
        Self(None)
    }

    /// Shows what this reconciler sees and would do by this policy. It only ever looks.
    pub fn new(reconciler: Reconciler, policy: Policy) -> Self {
        Self::by_clock(reconciler, policy, OffsetDateTime::now_utc)
    }

    /// The same by another clock
    pub fn by_clock(
        reconciler: Reconciler,
        policy: Policy,
        now: impl Fn() -> OffsetDateTime + Send + Sync + 'static,
    ) -> Self {
        let (reconciler, policy): (_, Arc<Policy>) = (Arc::new(reconciler), Arc::new(policy));
        let now: Now = Arc::new(now);
        let (by, clock) = (Arc::clone(&policy), Arc::clone(&now));
        let begin = move || -> futures::future::BoxFuture<'static, _> {
            let (reconciler, policy) = (Arc::clone(&reconciler), Arc::clone(&by));
            let began = clock();
            Box::pin(async move { observe(&reconciler, &policy, began).await })
        };
        let watch = Watch::new(Box::new(begin), Arc::clone(&now));
        Self(Some(Arc::new(Shown { watch, policy, now })))
    }

    /// Answers a request within this time.
    pub(super) async fn show(
        self,
        request: HttpTrigger,
        within: Duration,
    ) -> Result<Outputs, Failure> {
        let wish = Wish::of(&request);
        let answer = match self.0 {
            None => Err(Trouble::off()),
            Some(shown) => match &wish {
                Ok(wish) => shown.show(wish, within.saturating_sub(TELLING)).await,
                Err(trouble) => Err(trouble.clone()),
            },
        };
        let answer = answer.unwrap_or_else(|trouble| match wish {
            Ok(Wish::Page) => page::trouble(trouble.status, &trouble.error, &trouble.hint),
            Ok(Wish::Json | Wish::Trace(..)) | Err(_) => trouble.as_json(),
        });
        let answer = answer
            .header("Cache-Control", "no-store")
            .header("Referrer-Policy", "no-referrer")
            .header("X-Content-Type-Options", "nosniff");
        Ok(Outputs::new().answer(RESPONSE, answer))
    }
}

impl Shown {
    async fn show(&self, wish: &Wish<'_>, patience: Duration) -> Result<HttpAnswer, Trouble> {
        let observation = self.watch.see(patience).await.map_err(Trouble::from)?;
        let Observation { began, seen, .. } = &*observation;
        let status = || Status::at((self.now)(), *began, KEPT.as_secs(), seen);
        match wish {
            Wish::Page => Ok(page::page(&status())),
            Wish::Json => Ok(as_json(200, &status())),
            Wish::Trace(cluster, registry) => {
                observation.trace(&self.policy, cluster, registry).map(|trace| as_json(200, &trace))
            }
        }
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shown").field("watch", &self.watch).finish_non_exhaustive()
    }
}

async fn observe(
    reconciler: &Reconciler,
    policy: &Policy,
    began: OffsetDateTime,
) -> Result<Observation, Trouble> {
    let started = Instant::now();
    // On the heap: it is as large as all that a look does.
    let (seen, asked) = metered(Box::pin(reconciler.see(&Scope::Everything))).await;
    let Asked { requests, throttled } = asked;
    let took_ms = started.elapsed().as_millis();
    match seen {
        Ok(inventory) => {
            let observation = Observation::of(inventory, policy, began);
            let counts = &observation.seen.counts;
            let (clusters, registries) = (counts.clusters, counts.registries);
            info!(clusters, registries, requests, throttled, took_ms, "looked for the status page");
            Ok(observation)
        }
        Err(error) => {
            let cause = chain(&error);
            warn!(requests, throttled, took_ms, cause, "nothing seen for the status page");
            Err(Trouble::of(&error))
        }
    }
}

impl Observation {
    fn of(inventory: Inventory, policy: &Policy, began: OffsetDateTime) -> Self {
        let draft = plan(&inventory, policy);
        let planned = guard(draft.clone(), policy, &inventory.scope);
        let seen = Seen::of(&inventory, policy, &draft, &planned);
        Self { began, inventory, planned, seen }
    }

    /// What `tether explain` would say of a pair, and how it is
    fn trace(
        &self,
        policy: &Policy,
        cluster: &str,
        registry: &str,
    ) -> Result<serde_json::Value, Trouble> {
        let Self { inventory, planned, seen, .. } = self;
        let found = find_in(inventory, cluster, registry);
        let (cluster, registry) = found.map_err(|error| Trouble {
            status: 404,
            error: chain(&error),
            hint: error.hint().to_owned(),
        })?;
        let place = (
            inventory.clusters.keys().position(|id| *id == cluster),
            inventory.registries.keys().position(|id| *id == registry),
        );
        let pair: Option<(&Cluster, &Registry)> =
            inventory.clusters.get(&cluster).zip(inventory.registries.get(&registry));
        let ((Some(at), Some(of)), Some(pair)) = (place, pair) else {
            return Err(Trouble::new(404, "the pair was not seen", "check the ids"));
        };
        let state = seen.state(at, of).map_or("none", State::word);
        let text = explain(inventory, policy, planned, pair, &|_, text| text.to_owned());
        let (cluster, registry) = (cluster.to_string(), registry.to_string());
        Ok(json!({ "cluster": cluster, "registry": registry, "state": state, "text": text }))
    }
}

impl<'a> Wish<'a> {
    fn of(request: &'a HttpTrigger) -> Result<Self, Trouble> {
        let given = |name| request.query(name).filter(|value| !value.trim().is_empty());
        match (given("cluster"), given("registry")) {
            (Some(cluster), Some(registry)) => Ok(Self::Trace(cluster, registry)),
            (None, None) if prefers_json(request.header("Accept").unwrap_or_default()) => {
                Ok(Self::Json)
            }
            (None, None) => Ok(Self::Page),
            (Some(_), None) => Err(Trouble::new(400, "`registry` is missing", "name both ends")),
            (None, Some(_)) => Err(Trouble::new(400, "`cluster` is missing", "name both ends")),
        }
    }
}

/// Whether a request asks for JSON by name, and for HTML less or not at all
fn prefers_json(accept: &str) -> bool {
    let quality = |wanted: &str| {
        let mut kinds = accept.split(',').map(|kind| kind.split(';').map(str::trim));
        kinds.find_map(|mut parts| {
            let kind = parts.next()?;
            let q = parts.find_map(|part| {
                let (name, value) = part.split_once('=')?;
                name.eq_ignore_ascii_case("q").then_some(value)
            });
            let q = q.map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
            kind.eq_ignore_ascii_case(wanted).then_some(q)
        })
    };
    let json = quality("application/json").unwrap_or_default();
    json > quality("text/html").unwrap_or_default()
}

impl Trouble {
    fn new(status: u16, error: &str, hint: &str) -> Self {
        Self { status, error: error.to_owned(), hint: hint.to_owned() }
    }

    fn off() -> Self {
        let hint = "set TETHER_STATUS to `on`: with infra/main.bicep, `statusPage` to true";
        Self::new(404, "the status page is off", hint)
    }

    fn of(error: &ReconcileError) -> Self {
        let source: &ArmError = &error.source;
        let (status, hint) = if source.is_denied() {
            let hint = "the function's identity needs to read the estate; `tether check-install` says what it lacks";
            (502, hint)
        } else if source.is_later() {
            (503, "that may pass by itself: load it again in a minute")
        } else {
            (502, "`tether check-install` looks for what may be wrong; the log says more")
        };
        Self { status, error: chain(error), hint: hint.to_owned() }
    }

    fn as_json(&self) -> HttpAnswer {
        as_json(self.status, self)
    }
}

impl From<Blind<Trouble>> for Trouble {
    fn from(blind: Blind<Self>) -> Self {
        match blind {
            Blind::Failed(trouble) => trouble,
            Blind::StillLooking => {
                let hint = "the look goes on, and what it sees is kept: load it again in a minute";
                Self::new(503, "looking at the estate takes long", hint)
            }
            Blind::BrokeOff => {
                Self::new(500, "looking at the estate broke off", "the log says where")
            }
        }
    }
}

fn as_json(status: u16, value: &impl Serialize) -> HttpAnswer {
    // INVARIANT: what is told are names, numbers and lists, all of which JSON has.
    let body = serde_json::to_string(value).unwrap_or_default();
    HttpAnswer::new(status, "application/json; charset=utf-8", body)
}

#[cfg(test)]
mod accept_tests {
    use super::prefers_json;

    #[test]
    fn json_is_for_those_who_ask_for_it_by_name() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for accept in [
            "",
            "*/*",
            browser,
            "image/png",
            "application/json;q=0",
            "application/json;Q=0",
            "garbage;q=;,",
        ] {
            assert!(!prefers_json(accept), "{accept}");
        }
        for accept in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json, text/plain, */*",
            "text/html;q=0.5, application/json;q=0.9",
        ] {
            assert!(prefers_json(accept), "{accept}");
        }
        assert!(!prefers_json("application/json, text/html"), "a page where both will do");
    }
}
