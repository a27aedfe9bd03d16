//! What is asked of Resource Graph, in its language and as a body.
//!
//! Only plain operators, and no joins: what belongs together is found by the model.

use serde_json::{Map, Value, json};

use super::{Estate, Wanted};
use crate::model::{PrincipalId, Role};

/// The most rows that a page may have
const ROWS: u32 = 1000;

const REGISTRY: &str = "type =~ 'microsoft.containerregistry/registries'";
const CLUSTER: &str = "type =~ 'microsoft.containerservice/managedclusters'";

/// The columns of clusters and registries: no more of the properties than is read, since those of a
/// cluster can be large
const COLUMNS: &str = "id, type, tenantId, location, tags, \
    provisioningState = tostring(properties.provisioningState), \
    nodeResourceGroup = tostring(properties.nodeResourceGroup), \
    identityProfile = properties.identityProfile, \
    servicePrincipalProfile = properties.servicePrincipalProfile, \
    serviceAccountImagePullProfile = properties.securityProfile.serviceAccountImagePullProfile, \
    loginServer = tostring(properties.loginServer), \
    roleAssignmentMode = tostring(properties.roleAssignmentMode)";

/// Clusters and registries
pub(super) fn resources(wanted: Wanted) -> String {
    let filter = match wanted {
        Wanted::Registries => REGISTRY.to_owned(),
        Wanted::RegistriesAndHolders(principal) => {
            format!("{REGISTRY} or ({CLUSTER} and {})", may_hold(principal))
        }
        Wanted::Everything => format!("{REGISTRY} or {CLUSTER}"),
    };
    format!("resources | where {filter} | project {COLUMNS} | order by id asc")
}

/// Clusters with this kubelet identity, and those without any: theirs may be on its way.
fn may_hold(principal: PrincipalId) -> String {
    let object_id = "tostring(properties.identityProfile.kubeletidentity.objectId)";
    format!("({object_id} =~ '{principal}' or not(isnotempty({object_id})))")
}

/// Assignments of pull roles at registries or at what is inside of them
pub(super) fn pull_grants() -> String {
    let [a, b] = Role::ALL
        .map(|role| format!("tostring(properties.roleDefinitionId) contains '{}'", role.guid()));
    let scope = "tostring(properties.scope) contains '/microsoft.containerregistry/registries/'";
    format!(
        "authorizationresources | where type =~ 'microsoft.authorization/roleassignments' \
         | where {scope} and ({a} or {b}) | project id, name, properties | order by id asc"
    )
}

/// How many role assignments of whatever kind each subscription holds
pub(super) fn assignment_counts() -> String {
    "authorizationresources | where type =~ 'microsoft.authorization/roleassignments' \
     | extend subscription = tolower(tostring(split(tostring(properties.scope), '/')[2])) \
     | where isnotempty(subscription) \
     | summarize assignments = count() by subscription | order by subscription asc"
        .to_owned()
}

/// The subscriptions that can be read
pub(super) fn subscriptions() -> String {
    "resourcecontainers | where type =~ 'microsoft.resources/subscriptions' \
     | project id, subscriptionId | order by id asc"
        .to_owned()
}

/// The body that asks for one page
pub(super) fn body(estate: &Estate, query: &str, skip_token: Option<&str>) -> Value {
    let mut options = json!({
        "resultFormat": "objectArray",
        "$top": ROWS,
        "authorizationScopeFilter": "AtScopeAndBelow",
    });
    if let (Some(options), Some(token)) = (options.as_object_mut(), skip_token) {
        options.insert("$skipToken".to_owned(), token.into());
    }
    let mut body = Map::new();
    if !estate.subscriptions.is_empty() {
        let ids: Vec<_> = estate.subscriptions.iter().map(ToString::to_string).collect();
        body.insert("subscriptions".to_owned(), ids.into());
    } else if let Some(group) = &estate.management_group {
        body.insert("managementGroups".to_owned(), vec![group.clone()].into());
    }
    body.insert("query".to_owned(), query.into());
    body.insert("options".to_owned(), options);
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUB: &str = "11111111-1111-1111-1111-111111111111";

    #[test]
    fn the_estate_is_asked_by_subscriptions_or_else_by_management_group() {
        let mut estate = Estate { management_group: Some("mg".to_owned()), ..Estate::default() };
        let body = body(&estate, "q", None);
        assert_eq!(body["managementGroups"], json!(["mg"]));
        assert_eq!(body["query"], "q");
        assert_eq!(body["options"]["resultFormat"], "objectArray");
        assert_eq!(body["options"].get("$skipToken"), None);
        estate.subscriptions = vec![SUB.parse().unwrap()];
        let body = super::body(&estate, "q", Some("t"));
        assert_eq!(body["subscriptions"], json!([SUB]));
        assert_eq!(body.get("managementGroups"), None);
        assert_eq!(body["options"]["$skipToken"], "t");
    }

    #[test]
    fn every_query_is_in_the_order_that_paging_needs() {
        let principal = SUB.parse().unwrap();
        for query in [
            resources(Wanted::Registries),
            resources(Wanted::RegistriesAndHolders(principal)),
            resources(Wanted::Everything),
            pull_grants(),
            subscriptions(),
        ] {
            assert!(query.ends_with(" | order by id asc"), "{query}");
            assert!(!query.contains('\n') && !query.contains("  "), "{query}");
        }
    }

    #[test]
    fn holders_are_asked_for_by_identity_and_by_its_absence() {
        let query = resources(Wanted::RegistriesAndHolders(SUB.parse().unwrap()));
        let object_id = "tostring(properties.identityProfile.kubeletidentity.objectId)";
        let holders = format!("({object_id} =~ '{SUB}' or not(isnotempty({object_id})))");
        assert!(query.contains(&format!("{REGISTRY} or ({CLUSTER} and {holders})")), "{query}");
    }
}
