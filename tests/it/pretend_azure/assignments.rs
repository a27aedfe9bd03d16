//! Role assignments: the rules of writing, the filters of listing.

use std::time::Duration;

use serde_json::{Value, json};
use tether::emulator::azure::{AssignmentSpec, Fault, LockKind};
use uuid::{Uuid, uuid};

use super::{ACR_PULL, FIRST, Setup, assignment, assignment_path, check_shape};

/// Its last bits are 00: shown with the subscription in the role id, principal in small letters
const PLAIN: Uuid = uuid!("05c5a614-a7d6-4502-b150-c2fb455033f0");
/// Its last bits are 11: shown without the subscription, principal in capital letters
const ODD: Uuid = uuid!("05c5a614-a7d6-4502-b150-c2fb455033f3");
const GROUP: Uuid = uuid!("0b000000-0000-4000-8000-0000000000aa");
const READER: Uuid = uuid!("acdd72a7-3385-48ef-bd42-f606fba81ae7");

/// A registry and the principal of a cluster
fn pair(setup: &Setup) -> (String, Uuid) {
    let cluster = setup.cluster("aks1");
    (setup.registry("r1"), setup.azure.kubelet_principal(&cluster).unwrap())
}

#[tokio::test]
async fn the_official_example_has_the_shape_of_the_answer() {
    let setup = Setup::new().await;
    let (registry, principal) = pair(&setup);
    let example = json!({
        "properties": {"roleDefinitionId": "", "principalId": "", "principalType": "", "scope": ""},
        "id": "", "type": "", "name": "",
    });
    let path = assignment_path(&registry, ODD);
    let made = setup.ask("PUT", &path, assignment(principal)).await;
    check_shape(&example, made.expect(201));
    assert_eq!(made.json["id"], path);
    let properties = &made.json["properties"];
    let role = format!("/providers/Microsoft.Authorization/roleDefinitions/{ACR_PULL}");
    assert_eq!(properties["roleDefinitionId"], role);
    assert_eq!(properties["principalId"], principal.to_string().to_uppercase());
    assert_eq!(properties["scope"], registry);
    check_shape(&example, setup.get(&path).await.expect(200));
    check_shape(&example, setup.ask("DELETE", &path, Value::Null).await.expect(200));
    setup.ask("DELETE", &path, Value::Null).await.expect(204);
    setup.get(&path).await.refused(404, "RoleAssignmentNotFound");
}

#[tokio::test]
async fn the_same_name_may_change_nothing_but_description_and_condition() {
    let setup = Setup::new().await;
    let (registry, principal) = pair(&setup);
    let path = assignment_path(&registry, PLAIN);
    let mut body = assignment(principal);
    setup.ask("PUT", &path, body.clone()).await.expect(201);
    body["properties"]["description"] = json!("new");
    let again = setup.ask("PUT", &path, body.clone()).await;
    assert_eq!(again.expect(200)["properties"]["description"], "new");

    let code = "RoleAssignmentUpdateNotPermitted";
    let elsewhere = assignment_path(&setup.registry("r2"), PLAIN);
    setup.ask("PUT", &elsewhere, body.clone()).await.refused(400, code);
    body["properties"]["roleDefinitionId"] = json!(READER);
    setup.ask("PUT", &path, body).await.refused(400, code);
    assert_eq!(setup.azure.assignments().len(), 1);
}

#[tokio::test]
async fn the_same_grant_under_another_name_names_the_other() {
    let setup = Setup::new().await;
    let (registry, principal) = pair(&setup);
    setup.ask("PUT", &assignment_path(&registry, PLAIN), assignment(principal)).await.expect(201);
    let other = assignment_path(&registry.to_uppercase(), ODD);
    let said = setup.ask("PUT", &other, assignment(principal)).await;
    let message = said.refused(409, "RoleAssignmentExists");
    assert!(message.contains(&PLAIN.simple().to_string()), "{message}");
}

#[tokio::test]
async fn principals_are_unknown_for_a_while() {
    let lag = Duration::from_secs(120);
    let setup = Setup::with(|options| options.directory_lag = lag).await;
    let (registry, principal) = pair(&setup);
    let path = assignment_path(&registry, PLAIN);
    setup.ask("PUT", &path, assignment(principal)).await.refused(400, "PrincipalNotFound");
    setup.clock.advance(lag);
    setup.ask("PUT", &path, assignment(principal)).await.expect(201);
    let nobody = assignment_path(&registry, ODD);
    setup.ask("PUT", &nobody, assignment(ODD)).await.refused(400, "PrincipalNotFound");
    setup.azure.add_principal(ODD, "User");
    setup.ask("PUT", &nobody, assignment(ODD)).await.refused(400, "UnmatchedPrincipalType");
}

#[tokio::test]
async fn a_type_that_was_left_out_is_filled_in_and_recorded() {
    let setup = Setup::new().await;
    let (registry, principal) = pair(&setup);
    let mut body = assignment(principal);
    body["properties"].as_object_mut().unwrap().remove("principalType");
    let said = setup.ask("PUT", &assignment_path(&registry, PLAIN), body).await;
    assert_eq!(said.expect(201)["properties"]["principalType"], "ServicePrincipal");
    assert!(!setup.azure.assignments()[0].type_was_stated);
}

#[tokio::test]
async fn bad_requests_are_refused_by_name() {
    let setup = Setup::new().await;
    let (registry, principal) = pair(&setup);
    let base = format!("{registry}/providers/Microsoft.Authorization/roleAssignments");
    let put = async |path: &str, body: Value| setup.ask("PUT", path, body).await;
    let no_guid = put(&format!("{base}/x"), assignment(principal)).await;
    no_guid.refused(400, "InvalidRoleAssignmentId");
    let path = assignment_path(&registry, PLAIN);
    put(&path, json!({"properties": {}})).await.refused(400, "InvalidRequestContent");
    let mut body = assignment(principal);
    body["properties"]["roleDefinitionId"] = json!(GROUP);
    put(&path, body).await.refused(404, "RoleDefinitionDoesNotExist");
    let gone = assignment_path(&format!("{registry}2"), PLAIN);
    put(&gone, assignment(principal)).await.refused(404, "ResourceNotFound");
}

#[tokio::test]
async fn locks_forbid_writing_or_only_deleting() {
    let setup = Setup::new().await;
    let (registry, principal) = pair(&setup);
    let path = assignment_path(&registry, PLAIN);
    let group = format!("/subscriptions/{FIRST}/RESOURCEGROUPS/rg-acr");
    setup.azure.lock(&group, LockKind::ReadOnly);
    let said = setup.ask("PUT", &path, assignment(principal)).await;
    let message = said.refused(409, "ScopeLocked");
    assert!(message.contains("cannot perform write operation"), "{message}");
    setup.azure.unlock(&group);
    setup.azure.lock(&registry, LockKind::CannotDelete);
    setup.ask("PUT", &path, assignment(principal)).await.expect(201);
    setup.ask("DELETE", &path, Value::Null).await.refused(409, "ScopeLocked");
    setup.azure.unlock(&registry);
    setup.ask("DELETE", &path, Value::Null).await.expect(200);
}

#[tokio::test]
async fn a_subscription_holds_so_many_assignments_and_no_more() {
    let setup = Setup::with(|options| options.assignment_limit = 1).await;
    let (registry, principal) = pair(&setup);
    setup.ask("PUT", &assignment_path(&registry, PLAIN), assignment(principal)).await.expect(201);
    let second = assignment_path(&setup.registry("r2"), ODD);
    let said = setup.ask("PUT", &second, assignment(principal)).await;
    said.refused(400, "RoleAssignmentLimitExceeded");
}

#[tokio::test]
async fn a_subscription_tells_how_many_assignments_it_holds_and_may_hold() {
    let setup = Setup::with(|options| options.assignment_limit = 3).await;
    estate(&setup);
    let path = format!(
        "/subscriptions/{FIRST}/providers/Microsoft.Authorization/roleAssignmentsUsageMetrics?api-version=2019-08-01-preview"
    );
    let told = setup.ask("GET", &path, Value::Null).await;
    assert_eq!(
        *told.expect(200),
        json!({
            "subscriptionId": FIRST,
            "roleAssignmentsLimit": 3,
            "roleAssignmentsCurrentCount": 3,
            "roleAssignmentsRemainingCount": 0,
        }),
        "the one at the root is in no subscription"
    );
    setup.azure.faults().inject(Fault::on("GET", "usagemetrics").refusing(403, "X", "no"));
    setup.ask("GET", &path, Value::Null).await.refused(403, "X");
    setup.ask("PUT", &path, Value::Null).await.expect(405);
}

#[tokio::test]
async fn deleting_a_registry_or_cluster_leaves_its_assignments() {
    let setup = Setup::new().await;
    let (registry, principal) = pair(&setup);
    setup.ask("PUT", &assignment_path(&registry, PLAIN), assignment(principal)).await.expect(201);
    setup.azure.delete(&registry).unwrap();
    assert_eq!(setup.azure.assignments().len(), 1);
}

/// Four assignments around one registry: at the root, at the subscription for a group that holds
/// the principal, at the registry, and at another registry
fn estate(setup: &Setup) -> (String, Uuid) {
    let (registry, principal) = pair(setup);
    setup.azure.add_to_group(GROUP, principal);
    let other = setup.registry("r2");
    let subscription = format!("/subscriptions/{FIRST}");
    let made = [
        (1, "/", READER, principal),
        (2, subscription.as_str(), ACR_PULL, GROUP),
        (3, registry.as_str(), ACR_PULL, principal),
        (4, other.as_str(), ACR_PULL, principal),
    ];
    for (number, scope, role, holder) in made {
        let name = Uuid::from_u128(number);
        setup.azure.assign(&AssignmentSpec::new(name, scope, role, holder)).unwrap();
    }
    (registry, principal)
}

#[tokio::test]
async fn filters_narrow_a_list_as_documented() {
    let setup = Setup::new().await;
    let (registry, principal) = estate(&setup);
    let subscription = format!("/subscriptions/{FIRST}");
    let cases: [(&str, &str, &[u128]); 9] = [
        (&registry, "", &[1, 2, 3]),
        (&registry, "atScope()", &[1, 2, 3]),
        (&registry, "principalId eq 'ID'", &[1, 3]),
        (&registry, "assignedTo('ID')", &[1, 2, 3]),
        (&registry, "atScope() and assignedTo('ID')", &[1, 2, 3]),
        (&subscription, "", &[1, 2, 3, 4]),
        (&subscription, "atScope()", &[1, 2]),
        (&subscription, "assignedTo('ID')", &[1, 2, 3, 4]),
        (&subscription, "principalId eq 'ID'", &[1, 3, 4]),
    ];
    for (scope, filter, expected) in cases {
        let said = list(&setup, scope, &filter.replace("ID", &principal.to_string())).await;
        said.expect(200);
        let expected: Vec<String> =
            expected.iter().map(|number| Uuid::from_u128(*number).to_string()).collect();
        assert_eq!(said.names(), expected, "{filter} at {scope}");
    }
}

#[tokio::test]
async fn principal_and_at_scope_cannot_be_combined() {
    let setup = Setup::new().await;
    let (registry, principal) = pair(&setup);
    let filter = format!("principalId eq '{principal}' and atScope()");
    list(&setup, &registry, &filter).await.refused(400, "BadRequestFormat");
}

#[tokio::test]
async fn a_filtered_list_comes_in_pages() {
    let setup = Setup::with(|options| options.page_size = 2).await;
    let (_, principal) = estate(&setup);
    let filter = format!("principalId eq '{principal}'");
    let first = list(&setup, &format!("/subscriptions/{FIRST}"), &filter).await;
    assert_eq!(first.names().len(), 2);
    let next = first.json["nextLink"].as_str().unwrap();
    assert_eq!(setup.get(next).await.names(), [Uuid::from_u128(4).to_string()]);
}

#[tokio::test]
async fn role_definitions_are_found_by_name_and_guid() {
    let setup = Setup::new().await;
    let registry = setup.registry("r1");
    let base = format!("{registry}/providers/Microsoft.Authorization/roleDefinitions");
    let named = format!("{base}?api-version=2022-04-01&$filter=roleName%20eq%20'acrpull'");
    assert_eq!(setup.get(&named).await.names(), [ACR_PULL.to_string()]);
    let one = setup.get(&format!("{base}/{ACR_PULL}")).await;
    assert_eq!(one.expect(200)["properties"]["roleName"], "AcrPull");
    setup.get(&format!("{base}/{GROUP}")).await.refused(404, "RoleDefinitionDoesNotExist");
}

async fn list(setup: &Setup, scope: &str, filter: &str) -> super::Said {
    let filter = filter.replace(' ', "%20");
    let query = format!("api-version=2022-04-01&$filter={filter}");
    setup.get(&format!("{scope}/providers/Microsoft.Authorization/roleAssignments?{query}")).await
}
