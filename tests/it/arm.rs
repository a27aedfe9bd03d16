//! Resource Manager's client against a server that answers from a script: tokens, paging, a busy
//! Azure, refusals. What the answers mean in full is tested beside the code that reads them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::error::{Error, ErrorKind};
use serde_json::{Value, json};
use tether::azure::{Arm, ArmError, Cloud, Endpoint, EndpointError, Endpoints, Graph, Put, Wire};
use tether::model::{AssignmentName, GrantKey, Role};
use tokio::net::TcpListener;
use tokio::time::timeout;
use uuid::Uuid;

use crate::script::{
    Azure, Fake, PRINCIPAL, SUB, arm, cluster_id, principal, refuse, registry_id, say,
};

const CLUSTER: &str = include_str!("../fixtures/arm/cluster-managed-identity.json");
const REGISTRY: &str = include_str!("../fixtures/arm/RegistryGet.json");
const ASSIGNMENTS: &str = include_str!("../fixtures/arm/assignments.json");

/// Says that there is no token
#[derive(Debug)]
struct Refusing;

#[async_trait::async_trait]
impl TokenCredential for Refusing {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        Err(Error::with_message(ErrorKind::Credential, "nobody is signed in"))
    }
}

async fn put(azure: &Azure) -> Result<Put, ArmError> {
    let key =
        GrantKey { registry: registry_id("acr1"), principal: principal(), role: Role::AcrPull };
    let name = AssignmentName("33333333-3333-4333-8333-333333333333".parse().unwrap());
    azure.arm.put_grant(&key, name, "because").await
}

/// How often a request goes out whose answer breaks off
async fn sent_until_given_up<F: Future<Output = ()>>(ask: impl FnOnce(Arm) -> F) -> usize {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let wire = Wire::to(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        let body = futures::stream::once(std::future::ready(Err::<Vec<u8>, _>(broken)));
        let answer = axum::http::Response::new(reqwest::Body::wrap_stream(body));
        Box::pin(std::future::ready(answer.into()))
    });
    let endpoint: Endpoint = "https://management.azure.com".parse().unwrap();
    let endpoints =
        Endpoints { cloud: Cloud::Public, arm: endpoint.clone(), service_bus: endpoint };
    ask(Arm::new(&endpoints, Arc::new(Fake(Arc::default())), wire)).await;
    sent.load(Ordering::SeqCst)
}

#[tokio::test]
async fn a_write_without_an_answer_is_not_repeated_on_what_was_read_long_ago() {
    let name = AssignmentName(Uuid::from_u128(3));
    let read = sent_until_given_up(async |arm| {
        let error = arm.grant(&registry_id("acr1"), name).await.unwrap_err();
        assert!(matches!(error, ArmError::Transport(_)), "{error}");
    });
    assert_eq!(read.await, 3);
    let removed = sent_until_given_up(async |arm| {
        let error = arm.delete_grant(&registry_id("acr1"), name).await.unwrap_err();
        assert!(error.is_later(), "{error}");
    });
    assert_eq!(removed.await, 1);
    let (registry, principal, role) = (registry_id("acr1"), principal(), Role::AcrPull);
    let made = sent_until_given_up(async |arm| {
        let key = GrantKey { registry, principal, role };
        let error = arm.put_grant(&key, name, "because").await.unwrap_err();
        assert!(error.is_later(), "{error}");
    });
    assert_eq!(made.await, 1);
}

#[tokio::test]
async fn a_cluster_is_read_with_our_token_and_our_name() {
    let azure = Azure::new([say(200, CLUSTER)]).await;
    let cluster = azure.arm.cluster(&cluster_id()).await.unwrap().unwrap();
    assert_eq!(cluster.id, cluster_id());
    assert_eq!(cluster.identity.principal(), Some(principal()));
    let got = azure.got();
    assert_eq!(got[0].target, format!("{}?api-version=2025-05-01", cluster_id()));
    assert_eq!(got[0].token.as_deref(), Some("Bearer token-0"));
    assert!(got[0].agent.starts_with("tether/"), "{}", got[0].agent);
}

#[tokio::test]
async fn absence_is_what_azure_says_and_not_what_a_proxy_says() {
    let azure = Azure::new([refuse(404, "ResourceNotFound"), say(404, "<html>404</html>")]).await;
    assert_eq!(azure.arm.registry(&registry_id("acr1")).await.unwrap(), None);
    let error = azure.arm.registry(&registry_id("acr1")).await.unwrap_err();
    assert_eq!(error.code(), "NotFound");
    assert!(matches!(error, ArmError::Refused(_)), "{error:?}");
}

#[tokio::test]
async fn every_page_of_a_list_is_read_and_only_direct_grants_are_kept() {
    let azure = Azure::new([]).await;
    let mut first: Value = serde_json::from_str(ASSIGNMENTS).unwrap();
    let next = format!("{}/next?api-version=2022-04-01&$skiptoken=a%2Bb", azure.address);
    first["nextLink"] = next.into();
    azure.then([say(200, first.to_string()), say(200, ASSIGNMENTS)]);
    let grants = azure.arm.grants_of(SUB.parse().unwrap(), principal()).await.unwrap();
    assert_eq!(grants.len(), 6);
    let got = azure.got();
    assert!(got[0].target.contains(&format!("assignedTo(%27{PRINCIPAL}%27)")), "{got:?}");
    assert_eq!(got[1].target, "/next?api-version=2022-04-01&$skiptoken=a%2Bb");
    assert_eq!(got[1].token, got[0].token);
}

#[tokio::test]
async fn grants_of_others_and_of_other_registries_are_left_out() {
    let azure = Azure::new([say(200, ASSIGNMENTS), say(200, ASSIGNMENTS)]).await;
    let nobody = "00000000-0000-0000-0000-000000000000".parse().unwrap();
    assert_eq!(azure.arm.grants_of(SUB.parse().unwrap(), nobody).await.unwrap(), []);
    let grants = azure.arm.grants_at(&registry_id("Acr2")).await.unwrap();
    assert_eq!(grants.len(), 1);
    assert!(grants[0].conditional);
}

#[tokio::test]
async fn a_list_that_goes_on_elsewhere_does_not_get_the_token() {
    let elsewhere = Azure::new([]).await;
    let body = json!({ "value": [], "nextLink": format!("{}/next", elsewhere.address) });
    let azure = Azure::new([say(200, body.to_string())]).await;
    let error = azure.arm.grants_at(&registry_id("acr1")).await.unwrap_err();
    assert_eq!(error.code(), "Malformed");
    assert_eq!(elsewhere.got().len(), 0);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Azure::new([]).await;
    let redirect = say(307, "").with("location", elsewhere.address.clone());
    let azure = Azure::new([redirect]).await;
    let error = azure.arm.cluster(&cluster_id()).await.unwrap_err();
    assert!(matches!(error, ArmError::Refused(_)), "{error:?}");
    assert_eq!(elsewhere.got().len(), 0);
}

#[tokio::test]
async fn a_grant_is_put_once_and_both_kinds_of_being_there_are_fine() {
    #[track_caller]
    fn check(put: Result<Put, ArmError>, expected: Put) {
        assert_eq!(put.unwrap(), expected);
    }
    let azure =
        Azure::new([say(201, "{}"), say(200, "{}"), refuse(409, "RoleAssignmentExists")]).await;
    check(put(&azure).await, Put::Created);
    check(put(&azure).await, Put::AlreadyThere);
    check(put(&azure).await, Put::UnderAnotherName);
    let got = azure.got();
    assert_eq!((got.len(), got[0].method.as_str()), (3, "PUT"));
    assert_eq!(got[0].body["properties"]["principalType"], "ServicePrincipal");
    assert_eq!(azure.tokens.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_lock_is_a_refusal_though_it_has_the_status_of_being_there() {
    let azure = Azure::new([refuse(409, "ScopeLocked")]).await;
    let error = put(&azure).await.unwrap_err();
    assert!(matches!(error, ArmError::ScopeLocked(_)), "{error:?}");
    assert!(!error.is_later() && !error.is_denied());
    assert_eq!(azure.got().len(), 1);
}

#[tokio::test]
async fn a_denial_is_not_repeated_even_as_a_web_page() {
    let page = "<html>Access to this page is denied</html>";
    let azure = Azure::new([say(403, page).with("x-ms-request-id", "r-1")]).await;
    let error = put(&azure).await.unwrap_err();
    assert!(error.is_denied() && !error.is_later());
    assert_eq!(error.refusal().unwrap().request_id.as_deref(), Some("r-1"));
    assert_eq!(azure.got().len(), 1);
}

#[tokio::test]
async fn a_busy_azure_is_asked_again() {
    let busy = || say(429, "<html>").with("retry-after", "0");
    let azure = Azure::new([busy(), say(503, "").with("retry-after", "0"), say(201, "{}")]).await;
    assert_eq!(put(&azure).await.unwrap(), Put::Created);
    assert_eq!(azure.got().len(), 3);
}

#[tokio::test]
async fn a_few_tries_are_enough() {
    let azure = Azure::new((0..3).map(|_| say(503, "").with("retry-after", "0"))).await;
    let error = put(&azure).await.unwrap_err();
    assert!(error.is_later());
    assert_eq!(error.code(), "ServiceUnavailable");
    assert_eq!(azure.got().len(), 3);
}

#[tokio::test]
async fn a_long_wait_is_handed_back_instead_of_waited() {
    let azure =
        Azure::new([refuse(429, "SubscriptionRequestsThrottled").with("retry-after", "300")]).await;
    let id = cluster_id();
    let error =
        timeout(Duration::from_secs(10), azure.arm.cluster(&id)).await.unwrap().unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
    assert!(error.is_later());
    assert_eq!(azure.got().len(), 1);
}

#[tokio::test]
async fn a_young_identity_is_later_but_not_waited_for() {
    let azure = Azure::new([refuse(400, "PrincipalNotFound")]).await;
    assert!(put(&azure).await.unwrap_err().is_later());
    assert_eq!(azure.got().len(), 1);
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_replaced_once_or_twice() {
    let expired = || refuse(401, "ExpiredAuthenticationToken");
    let azure = Azure::new([expired(), say(200, REGISTRY)]).await;
    let registry = azure.arm.registry(&registry_id("acr1")).await.unwrap().unwrap();
    assert_eq!(registry.login_server, "myRegistry.azurecr-test.io");
    let tokens: Vec<_> = azure.got().into_iter().filter_map(|got| got.token).collect();
    assert_eq!(tokens, ["Bearer token-0", "Bearer token-1"]);
    azure.then([expired(), expired(), expired()]);
    let error = azure.arm.registry(&registry_id("acr1")).await.unwrap_err();
    assert!(matches!(error, ArmError::Unauthenticated(_)), "{error:?}");
    assert_eq!(azure.got().len(), 5);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent() {
    let azure = Azure::new([]).await;
    let arm = arm(&azure.address, Arc::new(Refusing));
    let error = arm.cluster(&cluster_id()).await.unwrap_err();
    assert_eq!((error.code(), error.is_later()), ("NoToken", false));
    assert_eq!(azure.got().len(), 0);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let arm = arm(&address, Arc::new(Fake(Arc::default())));
    let error = arm.cluster(&cluster_id()).await.unwrap_err();
    assert_eq!((error.code(), error.is_later()), ("NoAnswer", true));
    assert!(!format!("{error:?}").contains(SUB), "{error:?}");
}

#[test]
fn plain_http_elsewhere_is_refused_before_any_token_is_asked_for() {
    let refused = "http://management.azure.com".parse::<Endpoint>().unwrap_err();
    assert!(matches!(refused, EndpointError::Insecure(_)));
}

#[tokio::test]
async fn what_is_shown_for_debugging_holds_no_token() {
    let azure = Azure::new([say(200, CLUSTER)]).await;
    azure.arm.cluster(&cluster_id()).await.unwrap();
    let shown =
        format!("{:?} {:?}", azure.arm, Graph::new(azure.arm.clone(), Duration::from_secs(15)));
    assert!(!shown.contains("token-0"), "{shown}");
}
