//! Every client by itself over the wire, with pages small enough to need the next one, and what would
//! not be let through.

use serde_json::{Value, json};
use tether::azure::{Estate, Graph, Wanted};
use tether::emulator::azure::{Azure, ClusterSpec, Options, RegistrySpec, Subscription};
use tether::emulator::world::{PAYMENTS, PLATFORM, TENANT};
use tether::emulator::{Clock, graph};
use tether::model::{AssignmentName, AssignmentUsage, GrantKey, RegistryId, Role};
use uuid::Uuid;

use super::check;
use super::documents::Documents;
use super::wire::{Exchange, Wire};

async fn azure() -> Azure {
    let subscription = |id, name: &str| Subscription { id, name: name.to_owned() };
    let subscriptions =
        vec![subscription(PAYMENTS, "payments"), subscription(PLATFORM, "platform")];
    let options = Options {
        page_size: 2,
        graph: std::sync::Arc::new(|tables, body, caller| {
            let answer = graph::answer(tables, body, &caller.subscriptions);
            (answer.status, answer.body)
        }),
        ..Options::new(Clock::new(0.0), TENANT, subscriptions)
    };
    Azure::start(options).await.unwrap()
}

async fn everything_asked(azure: &Azure, wire: &Wire) {
    let ids: Vec<RegistryId> = (0..3)
        .map(|number| RegistrySpec::new(PLATFORM, "images", &format!("acr{number}")))
        .map(|spec| azure.create_registry(&spec).unwrap().parse().unwrap())
        .collect();
    let clusters: Vec<String> = (0..3)
        .map(|number| ClusterSpec::new(PLATFORM, "shop", &format!("aks{number}")))
        .map(|spec| azure.create_cluster(&spec).unwrap())
        .collect();
    let arm = crate::person::arm(wire.address(), azure.person_token());
    let principal = Uuid::from_u128(5);
    azure.add_principal(principal, "ServicePrincipal");
    for (number, registry) in (10..).zip(&ids) {
        let key = GrantKey {
            registry: registry.clone(),
            principal: tether::model::PrincipalId(principal),
            role: Role::AcrPull,
        };
        let name = AssignmentName(Uuid::from_u128(number));
        arm.put_grant(&key, name, "tether/1 rule").await.unwrap();
        arm.put_grant(&key, name, "tether/1 rule").await.unwrap();
        assert!(arm.grant(registry, name).await.unwrap().is_some());
        assert_eq!(arm.grants_at(registry).await.unwrap().len(), 1);
        assert_eq!(arm.access_of(registry, key.principal).await.unwrap().len(), 1);
        assert!(arm.registry(registry).await.unwrap().is_some());
    }
    let platform = tether::model::SubscriptionId(PLATFORM);
    assert!(arm.cluster(&clusters[0].parse().unwrap()).await.unwrap().is_some());
    assert_eq!(arm.clusters_in(platform).await.unwrap().items.len(), 3);
    assert_eq!(arm.registries_in(platform).await.unwrap().items.len(), 3);
    assert_eq!(arm.grants_in(platform).await.unwrap().len(), 3);
    let usage = arm.assignment_usage(platform).await.unwrap();
    assert_eq!(usage, AssignmentUsage { used: 3, limit: 4000 });
    let principal = tether::model::PrincipalId(principal);
    assert_eq!(arm.grants_of(platform, principal).await.unwrap().len(), 3);
    let gone = AssignmentName(Uuid::from_u128(10));
    arm.delete_grant(&ids[0], gone).await.unwrap();
    arm.delete_grant(&ids[0], gone).await.unwrap();
    let graph = Graph::new(arm, std::time::Duration::ZERO);
    for estate in [
        Estate { subscriptions: vec![platform], ..Estate::default() },
        Estate { management_group: Some("pretend-root".to_owned()), ..Estate::default() },
        Estate::default(),
    ] {
        graph.seen(&estate, Wanted::Everything).await.unwrap();
        graph.seen(&estate, Wanted::RegistriesAndHolders(principal)).await.unwrap();
        graph.pull_grants(&estate).await.unwrap();
        graph.subscriptions_answering(&estate).await.unwrap();
        let counts = graph.assignment_counts(&estate).await.unwrap();
        assert_eq!(counts.get(&platform), Some(&2));
    }
}

#[tokio::test]
async fn every_client_asks_what_is_documented_and_goes_on_to_the_next_page() {
    let (azure, wire) = (azure().await, Wire::start().await);
    wire.lead_to(azure.endpoint());
    everything_asked(&azure, &wire).await;
    let seen = wire.seen();
    let asked = check(&seen);
    assert!(asked.contains("Registries_List") && asked.len() == 11, "{asked:?}");
    let pages = seen.iter().filter(|one| one.answer.contains("\"nextLink\"")).count();
    assert!(pages >= 4, "{pages} answers went on");
    check_changes(&seen);
}

/// What one change to what was seen makes of it
#[track_caller]
fn breaks(seen: &[Exchange], operation: &str, status: u16, change: impl Fn(&mut Exchange)) {
    let documents = Documents::load();
    let good = seen.iter().find(|one| {
        one.status == status && documents.check(one).is_ok_and(|name| name == operation)
    });
    let mut changed = good.unwrap_or_else(|| panic!("no {operation} {status}")).clone();
    change(&mut changed);
    assert!(documents.check(&changed).is_err(), "nobody minds: {changed:?}");
}

/// Sets what a pointer points at in an answer; a new field if it is not there.
fn put(path: &'static str, value: Value) -> impl Fn(&mut Exchange) {
    move |exchange| {
        let mut answer: Value = serde_json::from_str(&exchange.answer).unwrap();
        set(&mut answer, path, value.clone());
        exchange.answer = answer.to_string();
    }
}

fn put_sent(path: &'static str, value: Value) -> impl Fn(&mut Exchange) {
    move |exchange| set(exchange.body.as_mut().unwrap(), path, value.clone())
}

fn set(body: &mut Value, path: &str, value: Value) {
    let (parent, name) = path.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
}

fn ask_for(from: &'static str, to: &'static str) -> impl Fn(&mut Exchange) {
    move |exchange| {
        let changed = exchange.url.as_str().replace(from, to);
        assert_ne!(changed, exchange.url.as_str());
        exchange.url = changed.parse().unwrap();
    }
}

/// What is extra, missing, misspelled or of another kind is noticed.
fn check_changes(seen: &[Exchange]) {
    let create = "RoleAssignments_Create";
    breaks(seen, create, 201, put_sent("/properties/principalID", json!("x")));
    breaks(seen, create, 201, put_sent("/properties/principalId", json!(7)));
    breaks(seen, create, 201, put_sent("/properties/principalId", Value::Null));
    breaks(seen, create, 201, put_sent("/properties/principalType", json!("Service")));
    breaks(seen, create, 201, put_sent("/extra", json!(1)));
    breaks(seen, create, 201, |one| one.body = None);
    breaks(seen, create, 201, |one| one.status = 202);
    breaks(seen, create, 201, |one| one.method = "PATCH".to_owned());
    breaks(seen, create, 201, put("/properties/createdOn", json!(5)));
    breaks(seen, create, 201, ask_for("2022-04-01", "2022-04-02"));
    breaks(seen, create, 201, ask_for("roleAssignments", "roleAssignment"));
    breaks(seen, create, 201, ask_for("?", "?force=true&"));
    let listed = "RoleAssignments_ListForResource";
    breaks(seen, listed, 200, put("/value", json!({})));
    breaks(seen, listed, 200, put("/next", json!("x")));
    breaks(seen, listed, 200, ask_for("atScope()", "atScope('x')"));
    breaks(seen, "RoleAssignments_Delete", 204, |one| one.answer = "{}".to_owned());
    breaks(seen, "RoleAssignments_Delete", 200, |one| one.answer = "null".to_owned());
    breaks(seen, "ManagedClusters_Get", 200, put("/properties/identityProfile", json!([])));
    breaks(seen, "ManagedClusters_Get", 200, put("/location", Value::Null));
    breaks(seen, "ManagedClusters_Get", 200, put("/properties/state", json!("on")));
    breaks(seen, "ManagedClusters_List", 200, put("/value/0/tags", json!([])));
    breaks(seen, "Registries_Get", 200, put("/properties/roleAssignmentMode", json!(1)));
    breaks(seen, "Registries_List", 200, put("/value/0/sku", json!("Premium")));
    let metrics = "RoleAssignmentMetrics_GetMetricsForSubscription";
    breaks(seen, metrics, 200, put("/roleAssignmentsLimit", json!("4000")));
    breaks(seen, metrics, 200, put("/roleAssignmentLimit", json!(4000)));
    breaks(seen, metrics, 200, ask_for("2019-08-01-preview", "2022-04-01"));
    breaks(seen, metrics, 200, ask_for("UsageMetrics", "Usage"));
    breaks(seen, metrics, 200, ask_for("?", "?$filter=atScope()&"));
    breaks(seen, "Resources", 200, put("/resultTruncated", json!(false)));
    breaks(seen, "Resources", 200, put("/data", json!({ "columns": [], "rows": [] })));
    breaks(seen, "Resources", 200, put_sent("/options/$top", json!(5000)));
    breaks(seen, "Resources", 200, put_sent("/options/skipToken", json!("x")));
    breaks(seen, "Resources", 200, put_sent("/subscription", json!("x")));
}
