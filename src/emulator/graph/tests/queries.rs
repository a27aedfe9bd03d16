//! What expressions mean: comparisons, letter case, null, paths and functions.

use serde_json::json;

use super::{check, rows};

/// Checks which of the four resources pass a predicate
#[track_caller]
fn passes(predicate: &str, expected: &[&str]) {
    check(&format!("resources | where {predicate} | order by name asc"), expected);
}

const ALL: [&str; 4] = ["acr1", "acr2", "aks-1", "aks-2"];

#[test]
fn equality_minds_letter_case_unless_it_has_a_tilde() {
    passes("type == 'microsoft.containerregistry/registries'", &["acr1", "acr2"]);
    passes("type == 'Microsoft.ContainerRegistry/registries'", &[]);
    passes("type =~ 'Microsoft.ContainerRegistry/registries'", &["acr1", "acr2"]);
    passes("type !~ 'Microsoft.ContainerRegistry/registries'", &["aks-1", "aks-2"]);
    passes("tags.team == 'Red'", &["aks-1"]);
    passes("tags.team =~ \"red\"", &["acr1", "aks-1"]);
    passes("name != 'acr1'", &["acr2", "aks-1", "aks-2"]);
}

#[test]
fn a_list_holds_a_value_as_equality_does() {
    passes("name in ('acr1', 'AKS-1')", &["acr1"]);
    passes("name in~ ('acr1', 'AKS-1')", &["acr1", "aks-1"]);
    passes("name !in ('acr1', 'AKS-1')", &["acr2", "aks-1", "aks-2"]);
    passes("name !in~ ('acr1', 'AKS-1')", &["acr2", "aks-2"]);
    passes("tags.team in ('Red')", &["aks-1"]);
    passes("tags.team !in ('Red')", &["acr1", "acr2", "aks-2"]);
}

#[test]
fn text_tests_ignore_letter_case_unless_told_otherwise() {
    passes("name contains 'CR'", &["acr1", "acr2"]);
    passes("name !contains 'CR'", &["aks-1", "aks-2"]);
    passes("name contains_cs 'CR'", &[]);
    passes("name !contains_cs 'CR'", &ALL);
    passes("name startswith 'AKS'", &["aks-1", "aks-2"]);
    passes("name !startswith 'AKS'", &["acr1", "acr2"]);
    passes("name startswith_cs 'AKS'", &[]);
    passes("name !startswith_cs 'aks'", &["acr1", "acr2"]);
    passes("id endswith '/ACR1'", &["acr1"]);
    passes("id !endswith '/ACR1'", &["acr2", "aks-1", "aks-2"]);
    passes("id endswith_cs '/ACR1'", &[]);
    passes("id !endswith_cs '/acr1'", &["acr2", "aks-1", "aks-2"]);
}

#[test]
fn has_finds_whole_terms_only() {
    passes("name has 'AKS'", &["aks-1", "aks-2"]);
    passes("name has 'ak'", &[]);
    passes("name !has 'aks'", &["acr1", "acr2"]);
    passes("name has_cs 'AKS'", &[]);
    passes("name !has_cs 'aks'", &["acr1", "acr2"]);
    passes("properties.loginServer has '.azurecr.'", &["acr1", "acr2"]);
    passes("tostring(properties) has 'identityProfile'", &["aks-1"]);
}

#[test]
fn numbers_and_texts_have_an_order() {
    passes("properties.agentPoolProfiles[0].count > 2", &["aks-1"]);
    passes("properties.agentPoolProfiles[0].count >= 3.0", &["aks-1"]);
    passes("properties.agentPoolProfiles[0].count < 3", &[]);
    passes("properties.agentPoolProfiles[0].count <= 3", &["aks-1"]);
    passes("properties.agentPoolProfiles[0].count > -1", &["aks-1"]);
    passes("properties.agentPoolProfiles[0]['count'] == 3", &["aks-1"]);
    passes("properties.agentPoolProfiles[7].count == 3", &[]);
    passes("name >= 'aks-1'", &["aks-1", "aks-2"]);
}

#[test]
fn logic_binds_and_closer_than_or() {
    passes("name == 'acr1' or name == 'aks-1' and tags.team == 'none'", &["acr1"]);
    passes("(name == 'acr1' or name == 'aks-1') and tags.team == 'none'", &[]);
    passes("not(name == 'acr1') and not(name startswith 'aks')", &["acr2"]);
    passes("true", &ALL);
    passes("false or name == 'acr1'", &["acr1"]);
}

#[test]
fn null_equals_nothing_and_differs_from_everything() {
    passes("tags.team == ''", &["acr2"]);
    passes("tags.team != 'red'", &["acr2", "aks-1", "aks-2"]);
    passes("tags.team =~ tags.nothing", &[]);
    passes("tags.nothing == tags.none", &[]);
    passes("tags.nothing != tags.none", &[]);
    passes("not(tags.nothing == tags.none)", &[]);
    passes("properties.count > 0 or properties.count <= 0", &[]);
    passes("tags.team contains ''", &ALL);
    passes("tags.nothing contains 'a'", &[]);
    passes("tags.nothing", &[]);
}

#[test]
fn null_is_not_the_empty_text() {
    passes("isnull(tags)", &["aks-2"]);
    passes("isnotnull(tags)", &["acr1", "acr2", "aks-1"]);
    passes("isnull(tags.team)", &["aks-2"]);
    passes("isempty(tags.team)", &["acr2", "aks-2"]);
    passes("isnotempty(tags.team)", &["acr1", "aks-1"]);
    passes("isnull(tostring(tags.team))", &[]);
    passes("isnull(kind)", &[]);
    passes("isempty(kind)", &ALL);
}

#[test]
fn paths_lead_into_dynamic_values() {
    passes("tags['a-b'] == 'x'", &["aks-1"]);
    passes("tags[\"a-b\"] == 'x'", &["aks-1"]);
    passes("['name'] == 'acr1'", &["acr1"]);
    passes(
        "properties['identityProfile'].kubeletidentity['objectId'] has '00000000000a'",
        &["aks-1"],
    );
    passes("name.deeper.still == 'x'", &[]);
}

#[test]
fn functions_convert_and_choose() {
    let row = &rows(
        "resources | where name == 'aks-1' | project \
         upper = toupper(name), lower = tolower(tags.team), none = tolower(tags.none), \
         number = tostring(properties.agentPoolProfiles[0].count), json = tostring(properties.powerState), \
         pulls = tobool(properties.securityProfile.serviceAccountImagePullProfile.enabled), \
         spelled = tobool('True'), unknown = tobool(properties.none), \
         long = tolong('12'), int = toint('x'), \
         first = coalesce(properties.none, kind, name), \
         chosen = iff(tags.team == 'Red', 1, 2), other = iif(isnull(tags), 1, 2)",
    )[0];
    let expected = json!({
        "upper": "AKS-1", "lower": "red", "none": "", "number": "3",
        "json": "{\"code\":\"Running\"}", "pulls": true, "spelled": true, "unknown": null,
        "long": 12, "int": null, "first": "aks-1", "chosen": 1, "other": 2,
    });
    assert_eq!(*row, expected);
}

#[test]
fn literals_are_read_with_their_escapes() {
    let row =
        &rows(r#"resources | take 1 | project a = 'it\'s', b = "a\\b\tc", c = @'a\b', d = 2.5"#)[0];
    assert_eq!(*row, json!({ "a": "it's", "b": "a\\b\tc", "c": "a\\b", "d": 2.5 }));
}

#[test]
fn comments_are_passed_over() {
    check("resources // all\n| where name == 'acr1' // one\n", &["acr1"]);
}
