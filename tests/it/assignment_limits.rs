//! How many role assignments a subscription may have: asked of Azure where it can make a difference, and
//! every failure to ask changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tether::azure::{Cloud, Estate, Graph};
use tether::emulator::azure::{
    AssignmentSpec, Azure, ClusterSpec, Fault, Options, RegistrySpec, Subscription,
};
use tether::emulator::{Clock, graph};
use tether::model::{AssignmentUsage, Scope, SubscriptionId};
use tether::plan::{Plan, Warning};
use tether::policy::Policy;
use tether::reconcile::{Outcome, Reconciler};
use tokio::time::Instant;
use uuid::Uuid;

use crate::corridor::PUSH;
use crate::long_runs::slow_wire;
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

/// Holds a registry and many assignments
const FULL: Uuid = Uuid::from_u128(1);
/// Holds a registry and few assignments
const EMPTY: Uuid = Uuid::from_u128(2);
/// Holds many assignments and no registry
const ELSEWHERE: Uuid = Uuid::from_u128(3);

/// Four fifths of the smallest limit that is documented
const MANY: u128 = 1600;

const METRICS: &str = "/roleAssignmentsUsageMetrics";
const ENDPOINT: &str = "https://management.azure.com";

/// A cluster that wants a registry in each of two subscriptions
fn azure(limit: usize) -> Arc<Azure> {
    let named = |(id, name): (Uuid, &str)| Subscription { id, name: name.to_owned() };
    let all = [(FULL, "full"), (EMPTY, "empty"), (ELSEWHERE, "elsewhere")].map(named);
    let options = Options {
        assignment_limit: limit,
        graph: Arc::new(|tables, body, caller| {
            let answer = graph::answer(tables, body, &caller.subscriptions);
            (answer.status, answer.body)
        }),
        ..Options::new(Clock::new(1.0), Uuid::from_u128(9), all.to_vec())
    };
    let azure = Azure::within(options, ENDPOINT.to_owned());
    for (subscription, name) in [(FULL, "acr1"), (EMPTY, "acr2")] {
        let registry = RegistrySpec::new(subscription, "images", name);
        azure.create_registry(&registry.tag("acr-attach", "auto").tag("team", "a")).unwrap();
    }
    let cluster = ClusterSpec::new(ELSEWHERE, "shop", "aks1");
    azure.create_cluster(&cluster.tag("acr-attach", "auto").tag("team", "a")).unwrap();
    let person = Uuid::from_u128(77);
    azure.add_principal(person, "User");
    for (subscription, number) in [FULL, ELSEWHERE].into_iter().zip(1..) {
        for place in 0..MANY {
            let name = Uuid::from_u128(number * 10_000 + place);
            let scope = format!("/subscriptions/{subscription}/resourceGroups/group{place}");
            azure.assign(&AssignmentSpec::new(name, &scope, PUSH, person)).unwrap();
        }
    }
    Arc::new(azure)
}

/// A handler in a cloud, for which asking for a limit takes so many seconds
fn handler(azure: &Arc<Azure>, cloud: Cloud, seconds: u64) -> Reconciler {
    let wire = slow_wire(azure, ("GET", METRICS), seconds);
    let arm = person::arm_of(cloud, wire, ENDPOINT, azure.person_token());
    let graph = Graph::new(arm.clone(), Duration::ZERO);
    let subscriptions = [FULL, EMPTY, ELSEWHERE].map(SubscriptionId).into();
    let estate = Estate { subscriptions, ..Estate::default() };
    Reconciler::new(arm, graph, estate, Policy::parse("policy.yaml", POLICY).unwrap())
}

/// Plans in a cloud; the plan always attaches at both registries and holds nothing.
async fn plan(azure: &Arc<Azure>, cloud: Cloud, seconds: u64) -> Plan {
    azure.clear_log();
    let plan = handler(azure, cloud, seconds).plan(&Scope::Everything).await.unwrap();
    assert_eq!((plan.attach.len(), plan.held.len(), plan.gaps.len()), (2, 0, 0), "{plan:?}");
    plan
}

/// The subscriptions whose limit was asked for, with how often
fn asked(azure: &Azure) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for one in azure.log().iter().filter(|one| one.path.contains(METRICS)) {
        let subscription = one.path.split('/').nth(2).unwrap();
        *asked.entry(subscription.to_owned()).or_default() += 1;
    }
    asked
}

/// The subscriptions that are warned of, with what they hold and may hold
fn warned(plan: &Plan) -> Vec<(Uuid, usize, usize)> {
    let usage = |warning: &Warning| {
        let Warning::NearlyFull { subscription, usage } = warning else { return None };
        Some((subscription.0, usage.used, usage.limit))
    };
    plan.warnings.iter().filter_map(usage).collect()
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_asked_once_where_a_registry_is_and_much_is_assigned() {
    let azure = azure(2000);
    let plan = plan(&azure, Cloud::Public, 0).await;
    assert_eq!(asked(&azure), BTreeMap::from([(FULL.to_string(), 1)]));
    assert_eq!(warned(&plan), [(FULL, 1600, 2000)]);
    let elsewhere = plan.assignments[&SubscriptionId(ELSEWHERE)];
    assert_eq!(elsewhere, AssignmentUsage { used: 1600, limit: 4000 });
}

#[tokio::test(start_paused = true)]
async fn a_run_for_less_than_a_subscription_asks_for_no_limit() {
    let azure = azure(2000);
    let cluster = format!(
        "/subscriptions/{ELSEWHERE}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/aks1"
    );
    let scope = Scope::Cluster(cluster.parse().unwrap());
    let plan = handler(&azure, Cloud::Public, 0).plan(&scope).await.unwrap();
    assert_eq!((plan.attach.len(), asked(&azure)), (2, BTreeMap::new()));
}

#[tokio::test(start_paused = true)]
async fn whatever_azure_answers_instead_changes_nothing() {
    let azure = azure(8000);
    assert_eq!(warned(&plan(&azure, Cloud::China, 0).await), [(ELSEWHERE, 1600, 2000)]);
    let on = || Fault::on("GET", METRICS).always();
    let numbers = |limit: i64, used: i64, left: i64| {
        json!({
            "roleAssignmentsLimit": limit,
            "roleAssignmentsCurrentCount": used,
            "roleAssignmentsRemainingCount": left,
        })
    };
    for fault in [
        on().refusing(403, "AuthorizationFailed", "no"),
        on().refusing(404, "InvalidResourceType", "no"),
        on().refusing(400, "InvalidApiVersionParameter", "no"),
        on().refusing(429, "TooManyRequests", "slow").header("Retry-After", "3000"),
        on().bare(503),
        on().html(200, "<html>fine</html>"),
        on().json(200, json!({ "properties": numbers(1700, 1600, 100) })),
        on().json(200, numbers(0, 0, 0)),
        on().json(200, numbers(-1, 1600, 0)),
        on().json(200, numbers(1700, 1600, 99)),
    ] {
        azure.faults().inject(fault.clone());
        for (cloud, limit) in
            [(Cloud::Public, 4000), (Cloud::UsGovernment, 2000), (Cloud::China, 2000)]
        {
            let plan = plan(&azure, cloud, 0).await;
            assert!(asked(&azure).keys().eq([&FULL.to_string()]), "{fault:?}");
            let usage = plan.assignments[&SubscriptionId(FULL)];
            assert_eq!(usage, AssignmentUsage { used: 1600, limit }, "{cloud:?} {fault:?}");
            let expected = [(FULL, 1600, 2000), (ELSEWHERE, 1600, 2000)];
            let expected = if limit == 2000 { &expected[..] } else { &[] };
            assert_eq!(warned(&plan), expected, "{cloud:?} {fault:?}");
        }
        azure.faults().clear();
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_waits_for_a_limit_for_seconds_only() {
    let azure = azure(2000);
    let start = Instant::now();
    let plan = plan(&azure, Cloud::Public, 3600).await;
    assert_eq!(start.elapsed().as_secs(), 5);
    assert_eq!((asked(&azure), warned(&plan)), (BTreeMap::new(), Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn only_azure_itself_stops_an_attachment_at_the_limit() {
    let azure = azure(MANY as usize);
    azure.faults().inject(Fault::on("GET", METRICS).refusing(403, "AuthorizationFailed", "no"));
    let handler = handler(&azure, Cloud::Public, 0);
    let plan = handler.plan(&Scope::Everything).await.unwrap();
    assert_eq!((plan.attach.len(), warned(&plan)), (2, Vec::new()), "the count says otherwise");
    let report = handler.apply(&Scope::Everything, plan, Instant::now()).await;
    assert_eq!((report.attached.len(), report.undone.len()), (1, 1), "{report:?}");
    assert_eq!(report.attached[0].grant.registry.name(), "acr2");
    let undone = &report.undone[0];
    assert_eq!(undone.cause.code(), "RoleAssignmentLimitExceeded");
    let told = undone.cause.to_string();
    assert!(told.contains("`former_roles: remove` in the policy"), "{told}");
    assert_eq!(undone.outcome, Outcome::Held);
}
