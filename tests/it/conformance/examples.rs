//! Azure's official examples: they fit the documents here, and are read without a word of complaint.

use serde_json::Value;
use tether::azure::answers;
use tether::model::AssignmentUsage;

use super::documents::Documents;

fn example(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/azure-api/examples");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap())
        .unwrap()
}

/// The body of an answer of an example, if it fits the definition
#[track_caller]
fn answer(name: &str, status: &str, definition: &str) -> Vec<u8> {
    let body = example(name)["responses"][status]["body"].take().to_string();
    let problems = Documents::load().answer_problems(definition, &body);
    assert_eq!(problems, Vec::<String>::new(), "{name}");
    body.into_bytes()
}

#[test]
fn examples_of_clusters_and_registries_are_read() {
    let cluster = answers::cluster(&answer("ManagedClustersGet", "200", "ManagedCluster")).unwrap();
    assert_eq!(cluster.id.name(), "clustername1");
    let clusters = answer("ManagedClustersList", "200", "ManagedClusterListResult");
    let clusters = answers::clusters(&clusters).unwrap();
    assert_eq!((clusters.items.len(), clusters.problems.len()), (1, 0), "{clusters:?}");
    let registry = answer("RegistryGet", "200", "Registry");
    assert_eq!(answers::registry(&registry).unwrap().login_server, "myRegistry.azurecr-test.io");
    answers::door(&registry).unwrap();
    let registries = answer("RegistryList", "200", "RegistryListResult");
    let registries = answers::registries(&registries).unwrap();
    assert_eq!((registries.items.len(), registries.problems.len()), (1, 0), "{registries:?}");
}

#[test]
fn examples_of_role_assignments_are_read() {
    for (name, status) in [
        ("RoleAssignments_Get", "200"),
        ("RoleAssignments_Delete", "200"),
        ("RoleAssignments_CreateForResource", "200"),
        ("RoleAssignments_CreateForResource", "201"),
    ] {
        let one = answer(name, status, "RoleAssignment");
        let page = [b"{\"value\":[", one.as_slice(), b"]}"].concat();
        let access = answers::access(&page).unwrap();
        assert_eq!((access.items.len(), access.problems.len()), (1, 0), "{name}: {access:?}");
    }
    let list = answer("RoleAssignments_ListForSubscription", "200", "RoleAssignmentListResult");
    assert_eq!(answers::access(&list).unwrap().items.len(), 1);
    let sent = example("RoleAssignments_CreateForResource")["parameters"]["parameters"].take();
    let problems = Documents::load().problems("RoleAssignmentCreateParameters", &sent);
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn the_example_of_a_subscriptions_usage_is_read() {
    let name = "RoleAssignmentMetrics_GetForSubscription";
    let body = answer(name, "200", "RoleAssignmentMetricsResult");
    let subscription = example(name)["parameters"]["subscriptionId"].take();
    let subscription = subscription.as_str().unwrap().parse().unwrap();
    let usage = answers::assignment_usage(&body, subscription).unwrap();
    assert_eq!(usage, AssignmentUsage { used: 1530, limit: 2000 });
}

#[test]
fn examples_of_resource_graph_are_read_page_by_page() {
    for (name, rows) in
        [("ResourcesBasicQuery", 3), ("ResourcesFirstPageQuery", 3), ("ResourcesNextPageQuery", 3)]
    {
        let sent = example(name)["parameters"]["query"].take();
        let problems = Documents::load().problems("QueryRequest", &sent);
        assert_eq!(problems, Vec::<String>::new(), "{name}");
        let seen = answers::resources(&answer(name, "200", "QueryResponse")).unwrap();
        // Neither clusters nor registries are among them, and each is named as what it is.
        assert_eq!(seen.problems.len(), rows, "{name}: {:?}", seen.problems);
        assert!(seen.problems.iter().all(|problem| problem.starts_with("`/subscriptions/")));
    }
}
