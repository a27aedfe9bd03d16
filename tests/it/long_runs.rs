//! Runs that take more than a minute: what was read for their plan is old when they write. Time stands
//! still here but for what requests take.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::join_all;
use tether::azure::{Estate, Graph, Wire};
use tether::emulator::Clock;
use tether::emulator::azure::{
    Azure, ClusterIdentity, ClusterSpec, KubeletIdentity, Options, RegistrySpec, Subscription,
};
use tether::emulator::graph;
use tether::model::{Scope, SubscriptionId};
use tether::plan::Plan;
use tether::policy::Policy;
use tether::reconcile::{Cause, PairError, Reconciler, Report, Wish};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::person;

const POLICY: &str = "
owner: contoso
mode: attach-only
rules:
  - name: same-team
    cluster: { tags: { acr-attach: auto } }
    registry: { tags: { acr-attach: auto } }
    join: [{ same_tag: team }]
";

const SUBSCRIPTION: Uuid = Uuid::from_u128(1);

/// What takes more than a minute: to read one of the clusters for a plan
const PLANNING: (&str, &str) = ("GET", "/managedClusters/aks2");

/// To look at an assignment before it is made
const WRITING: (&str, &str) = ("GET", "/roleAssignments/");

const ENDPOINT: &str = "https://management.azure.com";

/// A way into an Azure of this process, on which requests of this method and path take so many seconds
pub(crate) fn slow_wire(
    azure: &Arc<Azure>,
    (method, path): (&'static str, &'static str),
    seconds: u64,
) -> Wire {
    let azure = Arc::clone(azure);
    Wire::to(move |sent| {
        let azure = Arc::clone(&azure);
        async move {
            if sent.method() == method && sent.url().path().contains(path) {
                sleep(Duration::from_secs(seconds)).await;
            }
            let body = sent.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
            let mut request = axum::http::Request::new(Bytes::copy_from_slice(body));
            *request.method_mut() = sent.method().clone();
            *request.uri_mut() = sent.url().as_str().parse().unwrap();
            *request.headers_mut() = sent.headers().clone();
            azure.answer(request).await.into()
        }
        .boxed()
    })
}

/// An Azure with a cluster that wants a registry, and another one that has the same identity
struct Place {
    azure: Arc<Azure>,
    registry: String,
    cluster: String,
    twin: String,
}

impl Place {
    fn new() -> Self {
        let named = Subscription { id: SUBSCRIPTION, name: "one".to_owned() };
        let options = Options {
            graph: Arc::new(|tables, body, caller| {
                let answer = graph::answer(tables, body, &caller.subscriptions);
                (answer.status, answer.body)
            }),
            ..Options::new(Clock::new(1.0), Uuid::from_u128(2), vec![named])
        };
        let azure = Arc::new(Azure::within(options, ENDPOINT.to_owned()));
        let registry = RegistrySpec::new(SUBSCRIPTION, "images", "acr1");
        let registry = registry.tag("acr-attach", "auto").tag("team", "a");
        let shared = KubeletIdentity {
            resource_id: format!(
                "/subscriptions/{SUBSCRIPTION}/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/shared"
            ),
            client_id: Uuid::from_u128(8),
            object_id: Uuid::from_u128(9),
        };
        let cluster = |name: &str| ClusterSpec {
            identity: ClusterIdentity::BroughtAlong(shared.clone()),
            ..ClusterSpec::new(SUBSCRIPTION, "shop", name)
        };
        let wishing = cluster("aks1").tag("acr-attach", "auto").tag("team", "a");
        Self {
            registry: azure.create_registry(&registry).unwrap(),
            cluster: azure.create_cluster(&wishing).unwrap(),
            twin: azure.create_cluster(&cluster("aks2")).unwrap(),
            azure,
        }
    }

    /// A handler for which requests of this method and path take so many seconds
    fn handler(&self, slow: (&'static str, &'static str), seconds: u64) -> Reconciler {
        let wire = slow_wire(&self.azure, slow, seconds);
        let arm = person::arm_by(wire, ENDPOINT, self.azure.person_token());
        let graph = Graph::new(arm.clone(), Duration::from_secs(15));
        let subscriptions = vec![SubscriptionId(SUBSCRIPTION)].into_iter().collect();
        let estate = Estate { subscriptions, ..Estate::default() };
        Reconciler::new(arm, graph, estate, Policy::parse("policy.yaml", POLICY).unwrap())
    }

    /// What comes of a run that takes so long here if this happens once its plan is made
    async fn run(
        &self,
        slow: (&'static str, &'static str),
        meanwhile: impl FnOnce(&Self),
    ) -> Report {
        let (handler, begun) = (self.handler(slow, 61), Instant::now());
        let plan: Plan = handler.plan(&Scope::Everything).await.unwrap();
        assert_eq!(plan.attach.len(), 1, "{plan:?}");
        meanwhile(self);
        handler.apply(&Scope::Everything, plan, begun).await
    }

    fn tag(&self, id: &str, tags: &[(&str, &str)]) {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let tags: BTreeMap<String, String> = tags.iter().map(pair).collect();
        self.azure.set_tags(id, &tags).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_as_it_was_is_attached_however_long_that_takes() {
    for slow in [PLANNING, WRITING] {
        let place = Place::new();
        let report = place.run(slow, |_| {}).await;
        assert_eq!((report.attached.len(), place.azure.assignments().len()), (1, 1), "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_refuses_while_a_run_is_at_work_gets_nothing_attached() {
    let refusals: [fn(&Place); 4] = [
        |place| place.tag(&place.cluster, &[]),
        |place| place.tag(&place.cluster, &[("acr-attach", "disabled")]),
        |place| place.tag(&place.registry, &[("acr-attach", "disabled")]),
        |place| place.tag(&place.twin, &[("acr-attach", "disabled")]),
    ];
    for slow in [PLANNING, WRITING] {
        for (number, refuse) in refusals.into_iter().enumerate() {
            let place = Place::new();
            let report = place.run(slow, refuse).await;
            let causes: Vec<_> = report.undone.iter().map(|undone| &undone.cause).collect();
            assert!(matches!(causes[..], [Cause::Changed]), "{slow:?}, {number}: {report:?}");
            assert_eq!(place.azure.assignments().len(), 0, "{slow:?}, {number}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_refuses_while_a_run_waits_for_its_turn_gets_nothing_attached() {
    let place = Place::new();
    let handler = place.handler(("POST", "/providers/Microsoft.ResourceGraph/"), 10);
    let wide = join_all((0..4).map(|_| handler.plan(&Scope::Everything)));
    let scope = Scope::Registry(place.registry.parse().unwrap());
    let late = async {
        sleep(Duration::from_secs(1)).await;
        handler.plan(&scope).await.unwrap()
    };
    let refusal = async {
        sleep(Duration::from_secs(2)).await;
        place.tag(&place.registry, &[("acr-attach", "disabled")]);
    };
    let (wide, late, ()) = futures::join!(wide, late, refusal);
    assert!(wide.iter().all(Result::is_ok), "{wide:?}");
    assert!(late.attach.is_empty(), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_again_while_a_detachment_waits_for_its_turn_is_not_detached() {
    let place = Place::new();
    let handler = place.handler(("POST", "/providers/Microsoft.ResourceGraph/"), 10);
    let plan = handler.plan(&Scope::Everything).await.unwrap();
    handler.apply(&Scope::Everything, plan, Instant::now()).await;
    place.tag(&place.registry, &[]);
    let wide = join_all((0..4).map(|_| handler.plan(&Scope::Everything)));
    let (cluster, registry) = (place.cluster.parse().unwrap(), place.registry.parse().unwrap());
    let late = async {
        sleep(Duration::from_secs(1)).await;
        handler.plan_pair(Wish::Detach, &cluster, &registry).await
    };
    let return_of_the_tag = async {
        sleep(Duration::from_secs(20)).await;
        place.tag(&place.registry, &[("acr-attach", "auto"), ("team", "a")]);
    };
    let (_, late, ()) = futures::join!(wide, late, return_of_the_tag);
    assert!(matches!(late, Err(PairError::Policy(_))), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_does_not_get_its_turn_comes_later() {
    let place = Place::new();
    let handler = place.handler(("POST", "/providers/Microsoft.ResourceGraph/"), 25);
    let wide = join_all((0..4).map(|_| handler.plan(&Scope::Everything)));
    let late = async {
        sleep(Duration::from_secs(1)).await;
        handler.plan(&Scope::Everything).await.unwrap_err()
    };
    let (wide, late) = futures::join!(wide, late);
    assert!(wide.iter().all(Result::is_ok), "{wide:?}");
    assert!(late.source.is_later(), "{late:?}");
}
