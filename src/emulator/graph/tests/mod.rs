//! Facts about the whole function, each over the same small world: two subscriptions that can be
//! read, one that cannot, and a management group above the first two.

mod operators;
mod paging;
mod queries;
mod refusals;
mod visibility;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Answer, Tables, answer};

const ONE: &str = "11111111-1111-1111-1111-111111111111";
const TWO: &str = "22222222-2222-2222-2222-222222222222";
const HIDDEN: &str = "99999999-9999-9999-9999-999999999999";
const TENANT: &str = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const PULL: &str = "7f951dda-4ed3-4680-a7ca-43fe172d538d";
const PRINCIPAL: &str = "0b1ec000-0000-0000-0000-00000000000A";

fn visible() -> BTreeSet<String> {
    [ONE, TWO].map(str::to_owned).into()
}

fn tables() -> Tables {
    [
        ("resources", resources()),
        ("resourcecontainers", containers()),
        ("authorizationresources", assignments()),
    ]
    .map(|(name, rows)| (name.to_owned(), rows))
    .into()
}

fn resource(subscription: &str, kind: &str, name: &str, more: &Value) -> Value {
    let mut row = json!({
        "id": format!("/subscriptions/{subscription}/resourceGroups/RG-1/providers/{kind}/{name}"),
        "name": name,
        "type": kind,
        "tenantId": TENANT,
        "subscriptionId": subscription,
        "resourceGroup": "rg-1",
        "location": "westeurope",
    });
    let fields = row.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    row
}

fn resources() -> Vec<Value> {
    let cluster = "Microsoft.ContainerService/managedClusters";
    let registry = "Microsoft.ContainerRegistry/registries";
    vec![
        resource(
            ONE,
            cluster,
            "aks-1",
            &json!({
                "tags": { "team": "Red", "a-b": "x", "acr-attach": "auto" },
                "properties": {
                    "provisioningState": "Succeeded",
                    "powerState": { "code": "Running" },
                    "agentPoolProfiles": [{ "count": 3 }],
                    "securityProfile": { "serviceAccountImagePullProfile": { "enabled": true } },
                    "identityProfile": { "kubeletidentity": { "objectId": PRINCIPAL } },
                },
            }),
        ),
        resource(
            TWO,
            cluster,
            "aks-2",
            &json!({ "tags": null, "properties": { "provisioningState": "Creating" } }),
        ),
        resource(HIDDEN, cluster, "aks-hidden", &json!({ "properties": {} })),
        resource(
            ONE,
            registry,
            "acr1",
            &json!({
                "tags": { "team": "red" },
                "sku": { "name": "Premium" },
                "properties": {
                    "loginServer": "acr1.azurecr.io",
                    "roleAssignmentMode": "AbacRepositoryPermissions",
                },
            }),
        ),
        resource(
            TWO,
            registry,
            "acr2",
            &json!({
                "tags": { "team": "" },
                "sku": { "name": "Basic" },
                "properties": { "loginServer": "acr2.azurecr.io" },
            }),
        ),
    ]
}

fn containers() -> Vec<Value> {
    let subscription = |id: &str, name: &str, group: &str| {
        json!({
            "id": format!("/subscriptions/{id}"),
            "name": name,
            "type": "microsoft.resources/subscriptions",
            "subscriptionId": id,
            "tenantId": TENANT,
            "properties": {
                "state": "Enabled",
                "managementGroupAncestorsChain": [{ "name": group }, { "name": "Platform" }],
            },
        })
    };
    vec![
        subscription(ONE, "one", "Web"),
        subscription(TWO, "two", "Data"),
        subscription(HIDDEN, "hidden", "Web"),
        json!({
            "id": format!("/subscriptions/{ONE}/resourceGroups/RG-1"),
            "name": "rg-1",
            "type": "microsoft.resources/subscriptions/resourcegroups",
            "subscriptionId": ONE,
            "tenantId": TENANT,
        }),
    ]
}

fn assignment(scope: &str, name: &str, principal: &str, role: &str) -> Value {
    let above = scope.trim_end_matches('/');
    json!({
        "id": format!("{above}/providers/Microsoft.Authorization/RoleAssignments/{name}"),
        "name": name,
        "type": "microsoft.authorization/roleassignments",
        "properties": {
            "scope": scope,
            "principalId": principal,
            "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
        },
    })
}

fn assignments() -> Vec<Value> {
    let group = "/providers/Microsoft.Management/managementGroups/";
    let registry = format!(
        "/subscriptions/{ONE}/resourceGroups/rg-1/providers/Microsoft.ContainerRegistry/registries/acr1"
    );
    vec![
        assignment(&registry, "at-registry", PRINCIPAL, PULL),
        assignment(&format!("/subscriptions/{ONE}"), "at-one", "someone", "reader"),
        assignment(&format!("/subscriptions/{HIDDEN}"), "at-hidden", "someone", PULL),
        assignment(&format!("{group}Web"), "at-web", "someone", PULL),
        assignment(&format!("{group}Platform"), "at-platform", "someone", PULL),
        assignment(&format!("{group}Elsewhere"), "at-elsewhere", "someone", PULL),
        assignment("/", "at-root", "someone", PULL),
    ]
}

fn ask(body: &Value) -> Answer {
    answer(&tables(), body, &visible())
}

/// The rows of a query that is answered whole
#[track_caller]
fn rows(query: &str) -> Vec<Value> {
    let answer = ask(&json!({ "query": query }));
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    assert_eq!(answer.body["resultTruncated"], "false", "{query}");
    let rows = answer.body["data"].as_array().unwrap().clone();
    assert_eq!(answer.body["count"], rows.len(), "{query}");
    assert_eq!(answer.body["totalRecords"], rows.len(), "{query}");
    rows
}

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["name"].as_str().unwrap()).collect()
}

/// Checks the names in the rows that a query yields
#[track_caller]
fn check(query: &str, expected: &[&str]) {
    assert_eq!(names(&rows(query)), expected, "{query}");
}
