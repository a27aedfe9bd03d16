//! Who sees what: subscriptions, management groups, and assignments above and below.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{HIDDEN, ONE, TENANT, TWO, answer, ask, names, tables, visible};

/// Checks the names that a table shows in a scope
#[track_caller]
fn shows(table: &str, mut body: Value, expected: &str) {
    body["query"] = json!(format!("{table} | project id, name | order by name asc"));
    let answer = ask(&body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(names(answer.body["data"].as_array().unwrap()).join(" "), expected, "{body}");
}

#[test]
fn what_cannot_be_read_is_left_out_without_a_word() {
    shows("resources", json!({}), "acr1 acr2 aks-1 aks-2");
    shows("resources", json!({ "subscriptions": [ONE, HIDDEN] }), "acr1 aks-1");
    shows("resources", json!({ "subscriptions": [TWO.to_uppercase()] }), "acr2 aks-2");
    shows("resourcecontainers", json!({ "subscriptions": [ONE, HIDDEN] }), "one rg-1");
}

#[test]
fn a_management_group_reaches_what_is_below_it() {
    shows("resources", json!({ "managementGroups": ["platform"] }), "acr1 acr2 aks-1 aks-2");
    shows("resources", json!({ "managementGroups": ["Web"] }), "acr1 aks-1");
    shows("resources", json!({ "managementGroups": [TENANT] }), "acr1 acr2 aks-1 aks-2");
    shows("resources", json!({ "managementGroups": ["web", "data"] }), "acr1 acr2 aks-1 aks-2");
}

#[test]
fn asking_only_for_what_cannot_be_read_is_refused() {
    let status = |body: Value, visible: &BTreeSet<String>| answer(&tables(), &body, visible);
    let listed = status(json!({ "query": "resources", "subscriptions": [HIDDEN] }), &visible());
    assert_eq!(listed.status, 400);
    assert_eq!(listed.body["error"]["details"][0]["code"], "NoValidSubscriptionsInQueryRequest");
    let group =
        status(json!({ "query": "resources", "managementGroups": ["nowhere"] }), &visible());
    assert_eq!((group.status, &group.body["error"]["code"]), (403, &json!("AccessDenied")));
    let nothing = status(json!({ "query": "resources" }), &BTreeSet::new());
    assert_eq!(nothing.status, 403);
    assert_eq!(nothing.body["error"]["details"][0]["code"], "AccessDenied");
}

#[test]
fn a_subscription_without_resources_still_answers() {
    let mut tables = tables();
    tables.insert("resources".to_owned(), Vec::new());
    for query in ["resources", "authorizationresources | where false"] {
        let body = json!({ "query": query, "subscriptions": [TWO] });
        let answer = answer(&tables, &body, &visible());
        assert_eq!((answer.status, &answer.body["count"]), (200, &json!(0)), "{query}");
    }
}

#[test]
fn assignments_above_are_shown_only_when_asked_for() {
    let filtered = |filter: &str, expected: &str| {
        let options = json!({ "authorizationScopeFilter": filter });
        let body = json!({ "subscriptions": [ONE], "options": options });
        shows("authorizationresources", body, expected);
    };
    shows("authorizationresources", json!({ "subscriptions": [ONE] }), "at-one at-registry");
    filtered("AtScopeAndBelow", "at-one at-registry");
    filtered("AtScopeAndAbove", "at-one at-platform at-root at-web");
    filtered("AtScopeAboveAndBelow", "at-one at-platform at-registry at-root at-web");
    filtered("AtScopeExact", "at-one");
}

#[test]
fn a_management_group_sees_its_own_assignments() {
    let filtered = |group: &str, filter: &str, expected: &str| {
        let options = json!({ "authorizationScopeFilter": filter });
        let body = json!({ "managementGroups": [group], "options": options });
        shows("authorizationresources", body, expected);
    };
    filtered("Web", "AtScopeAndBelow", "at-one at-registry at-web");
    filtered("Web", "AtScopeExact", "at-web");
    filtered("Web", "AtScopeAndAbove", "at-platform at-root at-web");
    filtered("Platform", "AtScopeAndBelow", "at-one at-platform at-registry at-web");
}

#[test]
fn the_filter_leaves_resources_alone() {
    let options = json!({ "authorizationScopeFilter": "AtScopeExact" });
    shows("resources", json!({ "subscriptions": [ONE], "options": options }), "acr1 aks-1");
}

#[test]
fn built_in_role_definitions_are_always_seen() {
    let mut tables = tables();
    let definition = json!({
        "id": "/providers/Microsoft.Authorization/RoleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "name": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "type": "microsoft.authorization/roledefinitions",
        "properties": { "roleName": "AcrPull" },
    });
    tables.insert("authorizationresources".to_owned(), vec![definition]);
    let body = json!({ "query": "authorizationresources", "subscriptions": [ONE] });
    assert_eq!(answer(&tables, &body, &visible()).body["count"], 1);
}

#[test]
fn a_row_that_lies_nowhere_is_never_shown() {
    let mut tables = tables();
    let rows = [json!({}), json!(null), json!("text"), json!({ "id": 7 }), json!({ "id": "/" })];
    tables.insert("resources".to_owned(), rows.to_vec());
    let answer = answer(&tables, &json!({ "query": "resources" }), &visible());
    assert_eq!((answer.status, &answer.body["count"]), (200, &json!(0)));
}
