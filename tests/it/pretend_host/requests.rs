//! Functions that are triggered by HTTP: what the handler gets, and what becomes of its answer.

use serde_json::{Value, json};

use super::{FINE, Says, World, configured, shape, with};

fn recorded() -> Value {
    let path = format!("{}/tests/fixtures/host/http-status.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

async fn get(world: &World, more: &str) -> reqwest::Response {
    let url = world.host.function_url("status").unwrap();
    let client = tether::azure::http_client().unwrap();
    client.get(format!("{url}{more}")).header("Accept", "text/html").send().await.unwrap()
}

#[tokio::test]
async fn a_request_is_encoded_as_recorded() {
    let world = with(FINE).await;
    get(&world, "&Cluster=aks1").await;
    let [got] = &world.got()[..] else { panic!("not called once") };
    assert_eq!(got.path, "/status");
    let (recorded, request) = (recorded(), &got.body["Data"]["request"]);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(request), keys(&recorded["Data"]["request"]));
    assert_eq!(request["Method"], "GET");
    assert_eq!(request["Query"]["Cluster"], "aks1");
    assert_eq!(request["Headers"]["Accept"], json!(["text/html"]), "a list, as ever");
    assert_eq!(request["Params"], json!({}), "there, and empty");
    let metadata = &got.body["Metadata"];
    assert_eq!(keys(metadata), keys(&recorded["Metadata"]));
    assert_eq!(keys(metadata), ["Headers", "Query", "sys"]);
    assert_eq!(got.body["Metadata"]["Headers"]["Accept"], "text/html");
    assert_eq!(shape(&got.body["Metadata"]["sys"]), shape(&recorded["Metadata"]["sys"]));
}

#[tokio::test]
async fn a_function_that_is_disabled_is_there_for_the_master_key_alone() {
    let settings = [("AzureWebJobs.status.Disabled", "true")];
    let (on, off) = (with(FINE).await, configured(FINE, &settings, |_, _| ()).await);
    let open = on.host.function_url("status").unwrap();
    let path = open.split("/api/").nth(1).unwrap().split('?').next().unwrap().to_owned();
    assert_eq!(off.host.function_url("status"), None);
    let address = off.host.admin_url("status");
    let address = address.split("/admin/").next().unwrap();
    let client = tether::azure::http_client().unwrap();
    for (code, status) in [
        ("", 401),
        ("?code=guessed", 401),
        ("?code=pretend-function-key", 404),
        ("?code=emulated-master-key", 200),
    ] {
        let answer = client.get(format!("{address}/api/{path}{code}")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{code}");
    }
    assert_eq!(off.got().len(), 1);
}

#[tokio::test]
async fn the_output_is_the_answer_and_a_failure_says_nothing() {
    const JSON: &str = "application/json";
    let told: [(Says, u16, &str); 6] = [
        (
            (
                200,
                JSON,
                r#"{"Outputs":{"response":{"StatusCode":"201","headers":{"X-A":1},"body":"it"}}}"#,
            ),
            201,
            "it",
        ),
        (
            (200, JSON, r#"{"Outputs":{"response":{"status":404,"body":{"a":1}}}}"#),
            404,
            r#"{"a":1}"#,
        ),
        ((200, JSON, "{}"), 200, "{}"),
        ((200, JSON, r#"{"Outputs":{"response":"it"}}"#), 500, ""),
        ((500, JSON, r#"{"Outputs":{"response":{"body":"it"}}}"#), 500, ""),
        ((200, "text/html", "it"), 500, ""),
    ];
    for (says, status, body) in told {
        let answer = get(&with(says).await, "").await;
        let header = answer.headers().get("x-a").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(answer.status().as_u16(), status, "{says:?}");
        assert_eq!(header.as_deref(), (status == 201).then_some("1"));
        assert_eq!(answer.text().await.unwrap(), body, "{says:?}");
    }
}
