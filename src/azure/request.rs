//! What is asked of Azure, as values: method, address and body.
//!
//! Nothing is sent here. Every address starts with the one that tokens may go to.

use azure_core::http::{Method, Url};
use serde_json::{Value, json};

use crate::model::{AssignmentName, ClusterId, GrantKey, PrincipalId, RegistryId, SubscriptionId};

use super::transport::is_same_host;

const CLUSTERS: &str = "api-version=2025-05-01";
/// From this version on a registry says how it decides who may pull.
const REGISTRIES: &str = "api-version=2025-11-01";
const ASSIGNMENTS: &str = "api-version=2022-04-01";
const USAGE: &str = "api-version=2019-08-01-preview";
const LOCKS: &str = "api-version=2020-05-01";
const DENIALS: &str = "api-version=2022-04-01";
const GRAPH: &str = "api-version=2024-04-01";

/// The API version that clusters are asked for in
pub(super) fn clusters_version() -> &'static str {
    CLUSTERS.trim_start_matches("api-version=")
}

/// What requests are about, by the type in their path
const KINDS: [(&str, &str); 7] = [
    ("managedClusters", "clusters"),
    ("registries", "registries"),
    ("roleAssignments", "role assignments"),
    ("roleAssignmentsUsageMetrics", "role assignments"),
    ("locks", "locks"),
    ("denyAssignments", "deny assignments"),
    ("resources", "resource graph"),
];

const AUTHORIZATION: &str = "/providers/Microsoft.Authorization";

/// One request
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) body: Option<Value>,
}

impl Ask {
    /// Whether it is to change something
    pub(super) fn is_write(&self) -> bool {
        matches!(self.method, Method::Put | Method::Delete)
    }

    /// What it is about, in one of few words: the type of resource that ends its path
    pub(super) fn kind(&self) -> &'static str {
        let provider = self.url.path().rsplit("/providers/").next().unwrap_or_default();
        let what = provider.split('/').nth(1).unwrap_or_default();
        let mut known = KINDS.into_iter().filter(|(name, _)| what.eq_ignore_ascii_case(name));
        known.next().map_or("other", |(_, kind)| kind)
    }

    /// Reads a cluster.
    pub(super) fn cluster(base: &Url, id: &ClusterId) -> Self {
        Self::get(base, id.as_str(), CLUSTERS)
    }

    /// Reads a registry.
    pub(super) fn registry(base: &Url, id: &RegistryId) -> Self {
        Self::get(base, id.as_str(), REGISTRIES)
    }

    /// Lists the clusters of a subscription.
    pub(super) fn clusters(base: &Url, subscription: SubscriptionId) -> Self {
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.ContainerService/managedClusters"
        );
        Self::get(base, &path, CLUSTERS)
    }

    /// Lists the registries of a subscription.
    pub(super) fn registries(base: &Url, subscription: SubscriptionId) -> Self {
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/registries"
        );
        Self::get(base, &path, REGISTRIES)
    }

    /// Lists all assignments in a subscription, whomever they name.
    pub(super) fn grants_in(base: &Url, subscription: SubscriptionId) -> Self {
        let path = format!("/subscriptions/{subscription}{AUTHORIZATION}/roleAssignments");
        Self::get(base, &path, ASSIGNMENTS)
    }

    /// Lists the assignments in a subscription that an identity has, by itself or by a group.
    pub(super) fn grants_of(base: &Url, where_: SubscriptionId, whose: PrincipalId) -> Self {
        let path = format!("/subscriptions/{where_}{AUTHORIZATION}/roleAssignments");
        Self::get(base, &path, &format!("{ASSIGNMENTS}&$filter=assignedTo('{whose}')"))
    }

    /// Lists the assignments at and above a registry.
    pub(super) fn grants_at(base: &Url, registry: &RegistryId) -> Self {
        let path = format!("{registry}{AUTHORIZATION}/roleAssignments");
        Self::get(base, &path, &format!("{ASSIGNMENTS}&$filter=atScope()"))
    }

    /// Reads one assignment.
    pub(super) fn grant(base: &Url, registry: &RegistryId, name: AssignmentName) -> Self {
        let path = format!("{registry}{AUTHORIZATION}/roleAssignments/{name}");
        Self::get(base, &path, ASSIGNMENTS)
    }

    /// Lists the assignments that an identity has at a registry or above it, by itself or by a group.
    pub(super) fn access_of(base: &Url, registry: &RegistryId, whose: PrincipalId) -> Self {
        let path = format!("{registry}{AUTHORIZATION}/roleAssignments");
        let filter = format!("$filter=atScope() and assignedTo('{whose}')");
        Self::get(base, &path, &format!("{ASSIGNMENTS}&{filter}"))
    }

    /// Reads how many assignments a subscription holds and may hold.
    pub(super) fn assignment_usage(base: &Url, subscription: SubscriptionId) -> Self {
        let path =
            format!("/subscriptions/{subscription}{AUTHORIZATION}/roleAssignmentsUsageMetrics");
        Self::get(base, &path, USAGE)
    }

    /// Lists the locks in a subscription, at whatever scope.
    pub(super) fn locks_in(base: &Url, subscription: SubscriptionId) -> Self {
        let path = format!("/subscriptions/{subscription}{AUTHORIZATION}/locks");
        Self::get(base, &path, LOCKS)
    }

    /// Lists the deny assignments at and above a registry.
    pub(super) fn denials_at(base: &Url, registry: &RegistryId) -> Self {
        let path = format!("{registry}{AUTHORIZATION}/denyAssignments");
        Self::get(base, &path, &format!("{DENIALS}&$filter=atScope()"))
    }

    /// Removes an assignment.
    pub(super) fn delete_grant(base: &Url, registry: &RegistryId, name: AssignmentName) -> Self {
        let path = format!("{registry}{AUTHORIZATION}/roleAssignments/{name}");
        Self { method: Method::Delete, url: address(base, &path, ASSIGNMENTS), body: None }
    }

    /// Makes an assignment, or changes its description.
    pub(super) fn put_grant(
        base: &Url,
        key: &GrantKey,
        name: AssignmentName,
        description: &str,
    ) -> Self {
        let GrantKey { registry, principal, role } = key;
        let (subscription, role) = (registry.subscription(), role.guid());
        let path = format!("{registry}{AUTHORIZATION}/roleAssignments/{name}");
        // Without the principal's type Azure takes it for a user, does not wait for a young
        // identity to be known everywhere, and refuses where our own right is conditional.
        let body = json!({ "properties": {
            "roleDefinitionId":
                format!("/subscriptions/{subscription}{AUTHORIZATION}/roleDefinitions/{role}"),
            "principalId": principal.to_string(),
            "principalType": "ServicePrincipal",
            "description": description,
        }});
        Self { method: Method::Put, url: address(base, &path, ASSIGNMENTS), body: Some(body) }
    }

    /// Asks Resource Graph.
    pub(super) fn graph(base: &Url, body: Value) -> Self {
        let url = address(base, "/providers/Microsoft.ResourceGraph/resources", GRAPH);
        Self { method: Method::Post, url, body: Some(body) }
    }

    /// Reads on where a list left off. `None` if that would take the token to another host.
    pub(super) fn next(base: &Url, link: &str) -> Option<Self> {
        let link = base.join(link).ok()?;
        if !is_same_host(base, &link) {
            return None;
        }
        let mut url = base.clone();
        url.set_path(link.path());
        url.set_query(link.query());
        Some(Self { method: Method::Get, url, body: None })
    }

    /// Reads whatever is at a path.
    pub(super) fn get(base: &Url, path: &str, query: &str) -> Self {
        Self { method: Method::Get, url: address(base, path, query), body: None }
    }

    /// Has something listed that a plain reading leaves out.
    pub(super) fn post(base: &Url, path: &str, query: &str) -> Self {
        Self { method: Method::Post, url: address(base, path, query), body: None }
    }
}

fn address(base: &Url, path: &str, query: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url.set_query(Some(query));
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Role;

    const SUB: &str = "11111111-1111-1111-1111-111111111111";
    const PRINCIPAL: &str = "22222222-2222-2222-2222-222222222222";
    const NAME: &str = "33333333-3333-3333-3333-333333333333";

    fn base() -> Url {
        "https://management.azure.com".parse().unwrap()
    }

    fn registry() -> RegistryId {
        format!("/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/acr1")
            .parse()
            .unwrap()
    }

    #[track_caller]
    fn check(ask: &Ask, method: Method, rest: &str) {
        assert_eq!(ask.method, method);
        assert_eq!(ask.url.as_str(), format!("https://management.azure.com{rest}"));
    }

    #[test]
    fn reads_name_the_version_they_were_written_for() {
        let cluster = format!(
            "/subscriptions/{SUB}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters/aks-1"
        );
        let ask = Ask::cluster(&base(), &cluster.parse().unwrap());
        check(&ask, Method::Get, &format!("{cluster}?api-version=2025-05-01"));
        let ask = Ask::registry(&base(), &registry());
        check(&ask, Method::Get, &format!("{}?api-version=2025-11-01", registry()));
    }

    #[test]
    fn everything_of_a_subscription_is_listed_by_kind() {
        let subscription = SUB.parse().unwrap();
        let at = format!("/subscriptions/{SUB}/providers");
        check(
            &Ask::clusters(&base(), subscription),
            Method::Get,
            &format!("{at}/Microsoft.ContainerService/managedClusters?api-version=2025-05-01"),
        );
        check(
            &Ask::registries(&base(), subscription),
            Method::Get,
            &format!("{at}/Microsoft.ContainerRegistry/registries?api-version=2025-11-01"),
        );
        check(
            &Ask::grants_in(&base(), subscription),
            Method::Get,
            &format!("{at}/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"),
        );
    }

    #[test]
    fn assignments_are_listed_by_identity_and_by_registry() {
        let ask = Ask::grants_of(&base(), SUB.parse().unwrap(), PRINCIPAL.parse().unwrap());
        let filter = format!("$filter=assignedTo(%27{PRINCIPAL}%27)");
        check(
            &ask,
            Method::Get,
            &format!(
                "/subscriptions/{SUB}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&{filter}"
            ),
        );
        let ask = Ask::grants_at(&base(), &registry());
        check(
            &ask,
            Method::Get,
            &format!(
                "{}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter=atScope()",
                registry()
            ),
        );
    }

    #[test]
    fn access_is_asked_for_at_and_above_the_registry_and_through_groups() {
        let ask = Ask::access_of(&base(), &registry(), PRINCIPAL.parse().unwrap());
        check(
            &ask,
            Method::Get,
            &format!(
                "{}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter=atScope()%20and%20assignedTo(%27{PRINCIPAL}%27)",
                registry()
            ),
        );
    }

    #[test]
    fn what_stands_in_the_way_is_listed_above_the_registry_too() {
        check(
            &Ask::locks_in(&base(), SUB.parse().unwrap()),
            Method::Get,
            &format!(
                "/subscriptions/{SUB}/providers/Microsoft.Authorization/locks?api-version=2020-05-01"
            ),
        );
        check(
            &Ask::denials_at(&base(), &registry()),
            Method::Get,
            &format!(
                "{}/providers/Microsoft.Authorization/denyAssignments?api-version=2022-04-01&$filter=atScope()",
                registry()
            ),
        );
    }

    #[test]
    fn few_words_say_what_a_request_is_about() {
        let (base, subscription) = (base(), SUB.parse().unwrap());
        let name = AssignmentName(NAME.parse().unwrap());
        for (ask, kind) in [
            (Ask::clusters(&base, subscription), "clusters"),
            (Ask::registry(&base, &registry()), "registries"),
            (Ask::grant(&base, &registry(), name), "role assignments"),
            (Ask::grants_at(&base, &registry()), "role assignments"),
            (Ask::assignment_usage(&base, subscription), "role assignments"),
            (Ask::locks_in(&base, subscription), "locks"),
            (Ask::denials_at(&base, &registry()), "deny assignments"),
            (Ask::graph(&base, json!({})), "resource graph"),
            (Ask::get(&base, "/subscriptions", ASSIGNMENTS), "other"),
        ] {
            assert_eq!(ask.kind(), kind, "{ask:?}");
        }
    }

    #[test]
    fn an_assignment_is_read_and_removed_by_its_name_alone() {
        let name = AssignmentName(NAME.parse().unwrap());
        let rest = format!(
            "{}/providers/Microsoft.Authorization/roleAssignments/{NAME}?api-version=2022-04-01",
            registry()
        );
        check(&Ask::grant(&base(), &registry(), name), Method::Get, &rest);
        let ask = Ask::delete_grant(&base(), &registry(), name);
        check(&ask, Method::Delete, &rest);
        assert_eq!(ask.body, None);
    }

    #[test]
    fn an_assignment_says_whose_it_is_and_of_which_type() {
        let key = GrantKey {
            registry: registry(),
            principal: PRINCIPAL.parse().unwrap(),
            role: Role::AcrPull,
        };
        let ask = Ask::put_grant(&base(), &key, AssignmentName(NAME.parse().unwrap()), "because");
        check(
            &ask,
            Method::Put,
            &format!(
                "{}/providers/Microsoft.Authorization/roleAssignments/{NAME}?api-version=2022-04-01",
                registry()
            ),
        );
        let role = format!(
            "/subscriptions/{SUB}/providers/Microsoft.Authorization/roleDefinitions/7f951dda-4ed3-4680-a7ca-43fe172d538d"
        );
        let expected = json!({ "properties": {
            "roleDefinitionId": role,
            "principalId": PRINCIPAL,
            "principalType": "ServicePrincipal",
            "description": "because",
        }});
        assert_eq!(ask.body, Some(expected));
    }

    #[test]
    fn the_next_page_is_read_from_the_same_host_only() {
        let link = "https://management.azure.com:443/a/b?$skiptoken=x%3D&y=1";
        check(&Ask::next(&base(), link).unwrap(), Method::Get, "/a/b?$skiptoken=x%3D&y=1");
        check(&Ask::next(&base(), "/a?b").unwrap(), Method::Get, "/a?b");
        for elsewhere in [
            "https://example.com/a",
            "http://management.azure.com/a",
            "//example.com/",
            "https://[",
        ] {
            assert_eq!(Ask::next(&base(), elsewhere), None, "{elsewhere}");
        }
        let loopback: Url = "https://127.0.0.1:8080".parse().unwrap();
        let next = Ask::next(&loopback, "http://127.0.0.1:8080/a?b=c").unwrap();
        assert_eq!(next.url.as_str(), "https://127.0.0.1:8080/a?b=c");
    }
}
