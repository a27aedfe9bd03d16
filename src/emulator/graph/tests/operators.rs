//! What the operators do to rows, and the queries that an inventory is made of.

use serde_json::json;

use super::{PRINCIPAL, ask, check, rows};

#[test]
fn a_table_has_any_letter_case_and_may_be_left_out() {
    check("Resources | where name == 'acr1'", &["acr1"]);
    check("where name == 'acr1'", &["acr1"]);
    check("RESOURCECONTAINERS | where name == 'two'", &["two"]);
}

#[test]
fn a_whole_row_has_every_column_and_its_id_as_it_came() {
    let row = &rows("resources | where name == 'aks-2'")[0];
    assert!(row["id"].as_str().unwrap().contains("/resourceGroups/RG-1/"));
    assert_eq!(row["type"], "microsoft.containerservice/managedclusters");
    assert_eq!(row["kind"], "");
    assert_eq!(row["managedBy"], "");
    for dynamic in ["tags", "identity", "sku"] {
        assert!(row.as_object().unwrap().contains_key(dynamic), "{dynamic}");
        assert!(row[dynamic].is_null(), "{dynamic}");
    }
}

#[test]
fn project_names_its_columns() {
    let row = &rows(
        "resources | where name == 'aks-1' \
         | project name, properties.powerState.code, tostring(tags['a-b']), tolower(name), x = 1",
    )[0];
    let expected = json!({
        "name": "aks-1", "properties_powerState_code": "Running", "tags_a-b": "x",
        "Column4": "aks-1", "x": 1,
    });
    assert_eq!(*row, expected);
}

#[test]
fn a_text_is_split_into_parts_that_are_counted_from_nought() {
    let row = &rows(
        "resources | where name == 'aks-1' \
         | project parts = split('a/b//c', '/'), third = tostring(split(id, '/')[1]), \
           beyond = split('a', '/')[5], whole = split('a', '')",
    )[0];
    let expected = json!({
        "parts": ["a", "b", "", "c"], "third": "subscriptions", "beyond": null, "whole": ["a"],
    });
    assert_eq!(*row, expected);
}

#[test]
fn extend_adds_or_replaces_and_project_away_removes() {
    let query = "resources | where name == 'acr1' | extend name = toupper(name), tier = sku.name \
                 | project name, tier, location | project-away location";
    assert_eq!(rows(query), [json!({ "name": "ACR1", "tier": "Premium" })]);
}

#[test]
fn rows_are_sorted_descending_unless_told_otherwise() {
    check("resources | order by name", &["aks-2", "aks-1", "acr2", "acr1"]);
    check("resources | sort by type asc, name desc", &["acr2", "acr1", "aks-2", "aks-1"]);
    check("resources | top 1 by name", &["aks-2"]);
}

#[test]
fn null_sorts_first_ascending_and_last_descending() {
    let by = |order: &str| format!("resources | order by tostring(sku.name) desc, {order}");
    check(&by("tags.team asc"), &["acr1", "acr2", "aks-2", "aks-1"]);
    check(&by("tags.team desc"), &["acr1", "acr2", "aks-1", "aks-2"]);
    check(&by("tags.team asc nulls last"), &["acr1", "acr2", "aks-1", "aks-2"]);
    check(&by("tags.team desc nulls first"), &["acr1", "acr2", "aks-2", "aks-1"]);
}

#[test]
fn limit_and_take_are_one() {
    check("resources | order by name asc | limit 1", &["acr1"]);
    check("resources | order by name asc | take 2", &["acr1", "acr2"]);
    check("resources | take 0", &[]);
}

#[test]
fn rows_are_counted_whole_or_by_group() {
    assert_eq!(rows("resources | count"), [json!({ "Count": 4 })]);
    assert_eq!(rows("resources | summarize count()"), [json!({ "count_": 4 })]);
    assert_eq!(rows("resources | where false | summarize n = count()"), [json!({ "n": 0 })]);
    assert_eq!(
        rows("resources | where false | summarize count() by type"),
        [] as [serde_json::Value; 0]
    );
    let expected = [
        json!({ "name": "microsoft.containerregistry/registries", "n": 2 }),
        json!({ "name": "microsoft.containerservice/managedclusters", "n": 2 }),
    ];
    assert_eq!(
        rows("resources | summarize n = count() by name = type | order by name asc"),
        expected
    );
}

#[test]
fn distinct_leaves_one_of_each() {
    assert_eq!(rows("resources | distinct location"), [json!({ "location": "westeurope" })]);
    assert_eq!(rows("resources | union resources | distinct *").len(), 4);
    assert_eq!(rows("resources | summarize by location, resourceGroup").len(), 1);
}

#[test]
fn union_has_the_rows_and_columns_of_both() {
    let query = "resources | where name == 'acr1' | project name, sku.name \
                 | union (resourcecontainers | where name == 'one' | project name, properties.state)";
    let expected = [
        json!({ "name": "acr1", "sku_name": "Premium", "properties_state": null }),
        json!({ "name": "one", "sku_name": null, "properties_state": "Enabled" }),
    ];
    assert_eq!(rows(query), expected);
    assert_eq!(rows("resources | union kind=outer resources, resourcecontainers").len(), 11);
}

#[test]
fn join_brings_equal_keys_together() {
    let join = |kind: &str, on: &str| {
        rows(&format!(
            "resources | project name, subscriptionId, sku = tostring(sku.name) \
             | join {kind} (resourcecontainers | where name == 'one' \
             | project subscription = name, subscriptionId) on {on} \
             | order by name asc | project name, subscription, subscriptionId1"
        ))
    };
    let inner = join("kind=inner", "subscriptionId");
    assert_eq!(inner.iter().map(|row| &row["name"]).collect::<Vec<_>>(), ["acr1", "aks-1"]);
    assert_eq!(inner[0]["subscriptionId1"], super::ONE);
    assert_eq!(join("", "subscriptionId").len(), 1, "one left row of each key by default");
    let outer = join("kind = leftouter", "$left.subscriptionId == $right.subscriptionId");
    let found: Vec<_> = outer.iter().map(|row| row["subscription"].as_str()).collect();
    assert_eq!(found, [Some("one"), None, Some("one"), None]);
    let none = join("kind=inner", "$right.subscription == $left.name and subscriptionId");
    assert_eq!(none, [] as [serde_json::Value; 0]);
}

#[test]
fn a_null_key_joins_nothing() {
    let query = "resources | project name, key = tags.none \
                 | join kind=inner (resources | project name, key = tags.none) on key";
    assert_eq!(rows(query), [] as [serde_json::Value; 0]);
}

#[test]
fn the_inventory_of_clusters_is_read() {
    let found = rows(
        "resources
        | where type =~ 'microsoft.containerservice/managedclusters'
        | project id, name, tenantId, subscriptionId, resourceGroup, location, tags,
                  provisioningState = tostring(properties.provisioningState),
                  powerState        = tostring(properties.powerState.code),
                  kubeletObjectId   = tostring(properties.identityProfile.kubeletidentity.objectId),
                  spClientId        = tostring(properties.servicePrincipalProfile.clientId),
                  saImagePull       = tobool(properties.securityProfile.serviceAccountImagePullProfile.enabled)
        | order by id asc",
    );
    assert_eq!(super::names(&found), ["aks-1", "aks-2"]);
    assert_eq!(found[0]["kubeletObjectId"], PRINCIPAL);
    assert_eq!(found[0]["saImagePull"], true);
    assert_eq!(found[1]["kubeletObjectId"], "");
    assert!(found[1]["saImagePull"].is_null());
    assert!(found[1]["tags"].is_null());
}

#[test]
fn the_inventory_of_registries_is_read() {
    let found = rows(
        "resources
        | where type =~ 'microsoft.containerregistry/registries'
        | project id, name, tags, sku = tostring(sku.name),
                  loginServer        = tostring(properties.loginServer),
                  roleAssignmentMode = tostring(properties.roleAssignmentMode)
        | order by id asc",
    );
    assert_eq!(super::names(&found), ["acr1", "acr2"]);
    assert_eq!(found[0]["roleAssignmentMode"], "AbacRepositoryPermissions");
    assert_eq!(found[1]["roleAssignmentMode"], "");
    assert_eq!(found[1]["sku"], "Basic");
}

#[test]
fn the_inventory_of_pull_assignments_is_read() {
    let query = "authorizationresources
        | where type =~ 'microsoft.authorization/roleassignments'
        | extend roleDefinitionId = tostring(properties.roleDefinitionId)
        | where roleDefinitionId endswith '7f951dda-4ed3-4680-a7ca-43fe172d538d'
             or roleDefinitionId endswith 'b93aa761-3e63-49ed-ac28-beffa264f7ac'
        | project id, name, roleDefinitionId, principalId = tostring(properties.principalId),
                  condition = tostring(properties.condition)
        | order by id asc";
    check(query, &["at-registry"]);
    let answer = ask(&json!({
        "query": query,
        "options": { "authorizationScopeFilter": "AtScopeAboveAndBelow" },
    }));
    let found = super::names(answer.body["data"].as_array().unwrap()).join(" ");
    assert_eq!(found, "at-root at-platform at-web at-registry");
}

#[test]
fn clusters_without_an_assignment_are_found_by_an_outer_join() {
    let query = |role: &str| {
        format!(
            "resources
            | where type =~ 'microsoft.containerservice/managedclusters'
            | extend principalId = tolower(tostring(properties.identityProfile.kubeletidentity.objectId))
            | where isnotempty(principalId)
            | join kind=leftouter (
                authorizationresources
                | where type =~ 'microsoft.authorization/roleassignments'
                | where tostring(properties.roleDefinitionId) endswith '{role}'
                | summarize assignments = count() by principalId = tolower(tostring(properties.principalId))
              ) on principalId
            | where isnull(assignments)
            | project id, name, subscriptionId, resourceGroup, principalId
            | order by id asc"
        )
    };
    check(&query(super::PULL), &[]);
    check(&query("b93aa761-3e63-49ed-ac28-beffa264f7ac"), &["aks-1"]);
}
