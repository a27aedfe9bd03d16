//! A pretend Azure whose limits hold, with clusters that wait to be attached, and any number of
//! handlers at it that know nothing of each other. For tests here and for `benches/limits.rs`.

use std::sync::Arc;
use std::time::Duration;

use tether::azure::{Arm, Estate, Graph};
use tether::emulator::Clock;
use tether::emulator::azure::{
    Azure, ClusterSpec, Fault, Options, RateLimits, RegistrySpec, Subscription,
};
use tether::emulator::graph;
use tether::model::{Scope, SubscriptionId};
use tether::policy::Policy;
use tether::reconcile::{Reconciler, Report};
use tokio::time::Instant;
use uuid::Uuid;

use crate::person;

const POLICY: &str = "
owner: several
mode: attach-only
max_attach: 4000
rules:
  - name: same-team
    cluster: { tags: { acr-attach: auto } }
    registry: { tags: { acr-attach: auto } }
    join: [{ same_tag: team }]
";

/// The subscription of all registries
const REGISTRIES: Uuid = Uuid::from_u128(1000);

const TENANT: Uuid = Uuid::from_u128(2000);

/// How much there is to attach: every cluster to every registry
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Subscriptions of clusters
    pub(crate) subscriptions: u128,
    /// Clusters in each of them
    pub(crate) clusters: u128,
    /// Registries, all in a subscription of their own
    pub(crate) registries: u128,
}

/// How many answers there were
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    /// All of Resource Manager and Resource Graph
    pub(crate) all: usize,
    /// Those that refused for too many requests
    pub(crate) refused: usize,
    /// Those to writes
    pub(crate) writes: usize,
    /// Refused writes
    pub(crate) refused_writes: usize,
}

/// A pretend Azure and what handlers need to know of it
pub(crate) struct Setup {
    pub(crate) azure: Azure,
    size: Size,
}

impl Setup {
    /// An Azure of this size with these limits, whose answers take so long
    pub(crate) async fn start(size: Size, rate_limits: RateLimits, latency: Duration) -> Self {
        let clock = Clock::new(1.0);
        let named = |id: Uuid| Subscription { id, name: id.to_string() };
        let subscriptions: Vec<_> = subscriptions(size).into_iter().map(named).collect();
        let azure = Azure::start(Options {
            throttled: true,
            rate_limits,
            graph: Arc::new(|tables, body, caller| {
                let graph::Answer { status, body } =
                    graph::answer(tables, body, &caller.subscriptions);
                (status, body)
            }),
            ..Options::new(clock, TENANT, subscriptions)
        });
        let azure = azure.await.unwrap();
        for number in 0..size.registries {
            let registry = RegistrySpec::new(REGISTRIES, "images", &format!("registry{number}"));
            azure.create_registry(&registry.tag("acr-attach", "auto").tag("team", "a")).unwrap();
        }
        for subscription in 0..size.subscriptions {
            for number in 0..size.clusters {
                let name = format!("aks-{subscription}-{number}");
                let cluster = ClusterSpec::new(Uuid::from_u128(subscription), "shop", &name);
                azure.create_cluster(&cluster.tag("acr-attach", "auto").tag("team", "a")).unwrap();
            }
        }
        azure.faults().inject(Fault::on("", "").delayed(latency).always());
        Self { azure, size }
    }

    /// A handler with a client of its own, which knows nothing of the others
    pub(crate) fn handler(&self) -> Reconciler {
        let arm = self.arm();
        let graph = Graph::new(arm.clone(), Duration::from_secs(15));
        let subscriptions = subscriptions(self.size).into_iter().map(SubscriptionId).collect();
        let estate = Estate { subscriptions, ..Estate::default() };
        Reconciler::new(arm, graph, estate, Policy::parse("policy.yaml", POLICY).unwrap())
    }

    /// A client of its own
    pub(crate) fn arm(&self) -> Arm {
        person::arm(self.azure.endpoint(), self.azure.person_token())
    }

    /// A scope for every subscription of clusters
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        let all = 0..self.size.subscriptions;
        all.map(|number| Scope::Subscription(SubscriptionId(Uuid::from_u128(number)))).collect()
    }

    /// A scope for every cluster and every registry
    pub(crate) fn resources(&self) -> Vec<Scope> {
        let tables = self.azure.tables();
        let rows = tables.get("resources").into_iter().flatten();
        let ids = rows.filter_map(|row| row.get("id")?.as_str());
        ids.filter_map(|id| id.parse().ok()).collect()
    }

    pub(crate) fn answers(&self) -> Answers {
        let mut answers = Answers::default();
        for one in self.azure.log() {
            let (refused, write) = (one.status == 429, one.method == "PUT");
            answers.all += 1;
            answers.refused += usize::from(refused);
            answers.writes += usize::from(write);
            answers.refused_writes += usize::from(refused && write);
        }
        answers
    }
}

fn subscriptions(size: Size) -> Vec<Uuid> {
    (0..size.subscriptions).map(Uuid::from_u128).chain([REGISTRIES]).collect()
}

/// One run, to the end
pub(crate) async fn run(handler: &Reconciler, scope: &Scope) -> Report {
    let begun = Instant::now();
    let plan = handler.plan(scope).await.unwrap();
    handler.apply(scope, plan, begun).await
}
