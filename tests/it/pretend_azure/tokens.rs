//! Tokens, and what their holders may do.

use reqwest::Client;
use serde_json::{Value, json};
use tether::emulator::azure::Right;
use uuid::Uuid;

use super::{FIRST, SECOND, Said, Setup, TENANT, assignment, assignment_path};

const ARM: &str = "https%3A%2F%2Fmanagement.azure.com";

async fn managed_identity(setup: &Setup, query: &str, header: &str) -> Said {
    let url = format!("{}?api-version=2019-08-01{query}", setup.azure.identity_endpoint());
    let request = setup.http.get(url).header("x-identity-header", header);
    Said::read(request.send().await.unwrap()).await
}

async fn entra(http: &Client, url: String, form: &str) -> Said {
    let request = http
        .post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.to_owned());
    Said::read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn the_identity_endpoint_gives_tokens_to_those_who_know_the_header() {
    let setup = Setup::new().await;
    let header = setup.azure.identity_header();
    let resource = format!("&resource={ARM}");
    let said = managed_identity(&setup, &resource, header).await;
    let token = said.expect(200);
    assert_eq!(token["token_type"], "Bearer");
    assert_eq!(token["expires_on"], "4070908800");
    assert_eq!(token["access_token"].as_str().unwrap().split('.').count(), 3);
    managed_identity(&setup, &resource, "wrong").await.expect(401);
    managed_identity(&setup, "", header).await.expect(400);
    let stranger = format!("{resource}&client_id={}", Uuid::nil());
    managed_identity(&setup, &stranger, header).await.expect(400);
    let own = format!("{resource}&client_id={}", token["client_id"].as_str().unwrap());
    managed_identity(&setup, &own, header).await.expect(200);
}

#[tokio::test]
async fn entra_gives_tokens_for_client_credentials() {
    let setup = Setup::new().await;
    let url = |tenant: Uuid| format!("{}/{tenant}/oauth2/v2.0/token", setup.azure.endpoint());
    let client = "client_id=c1000000-0000-4000-8000-00000000f00d";
    let good = format!("{client}&client_secret=s&scope={ARM}%2F.default");
    let said = entra(&setup.http, url(TENANT), &good).await;
    let token = said.expect(200)["access_token"].as_str().unwrap().to_owned();
    setup.ask_as(&token, "GET", "/subscriptions", Value::Null).await.expect(200);
    entra(&setup.http, url(Uuid::nil()), &good).await.expect(400);
    let secretless = format!("{client}&scope={ARM}%2F.default");
    let said = entra(&setup.http, url(TENANT), &secretless).await;
    assert_eq!(said.expect(401)["error"], "invalid_client");
}

#[tokio::test]
async fn requests_need_a_good_token_for_this_audience() {
    let setup = Setup::new().await;
    let ask = async |token: &str| setup.ask_as(token, "GET", "/subscriptions", Value::Null).await;
    let said = ask("").await;
    said.refused(401, "AuthenticationFailed");
    assert!(said.header("www-authenticate").starts_with("Bearer authorization_uri="));
    ask("stranger").await.refused(401, "InvalidAuthenticationToken");
    let bus = "&resource=https%3A%2F%2Fservicebus.azure.net";
    let said = managed_identity(&setup, bus, setup.azure.identity_header()).await;
    let token = said.expect(200)["access_token"].as_str().unwrap();
    ask(token).await.refused(401, "InvalidAuthenticationTokenAudience");
    let token = setup.identity_token().await;
    ask(&token).await.expect(200);
    setup.azure.revoke_tokens();
    ask(&token).await.refused(401, "InvalidAuthenticationToken");
    ask(&setup.identity_token().await).await.expect(200);
}

#[tokio::test]
async fn the_identity_may_read_and_assign_pull_roles_and_nothing_else() {
    let setup = Setup::new().await;
    let cluster = setup.cluster("aks1");
    let registry = setup.registry("r1");
    let principal = setup.azure.kubelet_principal(&cluster).unwrap();
    let token = setup.identity_token().await;
    let ask = async |method: &str, path: &str, body: Value| {
        setup.ask_as(&token, method, path, body).await
    };
    ask("GET", &cluster, Value::Null).await.expect(200);
    let forbidden = "AuthorizationFailed";
    ask("PUT", &cluster, json!({"location": "x"})).await.refused(403, forbidden);
    let tags = format!("{cluster}/providers/Microsoft.Resources/tags/default");
    ask("PUT", &tags, json!({"properties": {"tags": {}}})).await.refused(403, forbidden);
    ask("DELETE", &registry, Value::Null).await.refused(403, forbidden);

    let path = assignment_path(&registry, Uuid::from_u128(1));
    let mut owner = assignment(principal);
    owner["properties"]["roleDefinitionId"] = json!("8e3af657-a8ff-443c-a75c-2fe8c4bcb635");
    let said = ask("PUT", &path, owner).await;
    assert!(said.refused(403, forbidden).contains("ABAC condition"));
    let mut untyped = assignment(principal);
    untyped["properties"].as_object_mut().unwrap().remove("principalType");
    ask("PUT", &path, untyped).await.refused(403, forbidden);
    ask("PUT", &path, assignment(principal)).await.expect(201);
    ask("DELETE", &path, Value::Null).await.expect(200);
}

#[tokio::test]
async fn rights_are_per_subscription_and_can_be_revoked() {
    let setup = Setup::new().await;
    let registry = setup.registry("r1");
    let token = setup.identity_token().await;
    let get = async |path: &str| setup.ask_as(&token, "GET", path, Value::Null).await;
    setup.azure.revoke(FIRST, Right::Read);
    get(&registry).await.refused(403, "AuthorizationFailed");
    let listed = get("/subscriptions").await;
    assert_eq!(listed.json["value"].as_array().unwrap().len(), 1);
    assert_eq!(listed.json["value"][0]["subscriptionId"], SECOND.to_string());
    setup.azure.allow(FIRST, Right::Read);
    get(&registry).await.expect(200);
}
