//! Events that matter to nobody: what the handler makes of them, beside a bare axum handler that reads
//! the envelope as an untyped value and gives the same answer.

use std::net::Ipv4Addr;

use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::load::Target;
use super::process::{Running, own, start};

/// An event as the host hands it over, about something that nobody here looks after
fn envelope(number: usize) -> String {
    let subscription = "11111111-1111-4111-8111-111111111111";
    let id = format!(
        "/subscriptions/{subscription}/resourceGroups/shop/providers/Microsoft.Storage/storageAccounts/s{number}"
    );
    let data = json!({
        "resourceUri": id,
        "operationName": "Microsoft.Storage/storageAccounts/write",
        "status": "Succeeded",
        "subscriptionId": subscription,
        "tenantId": "7e000000-0000-4000-8000-000000000001",
    });
    let event = json!({
        "id": format!("00000000-0000-4000-8000-{number:012}"),
        "topic": format!("/subscriptions/{subscription}"),
        "subject": id,
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-01-02T03:04:05.6789012Z",
        "data": data,
        "dataVersion": "2",
        "metadataVersion": "1",
    });
    let system = json!({
        "MethodName": "resource-changed",
        "UtcNow": "2026-01-02T03:04:06.1234567Z",
        "RandGuid": format!("0d9c0c1e-0000-4000-8000-{number:012}"),
    });
    json!({"Data": {"event": event}, "Metadata": {"data": data, "sys": system}}).to_string()
}

/// Sends such events there.
pub(crate) fn target(running: &Running) -> Target {
    Target::new(running.address, "resource-changed", (0..1000).map(envelope).collect())
}

/// Starts the bare handler in a process of its own.
pub(crate) fn bare() -> Running {
    start(&mut own(&["bare"]))
}

/// Is the bare handler, until it is ended.
pub(crate) async fn be_bare() {
    let handler = async |Json(envelope): Json<Value>| {
        let event = &envelope["Data"]["event"];
        let operation = event["data"]["operationName"].as_str().unwrap_or_default();
        let matters = operation.starts_with("Microsoft.ContainerService/");
        let commands: Vec<&Value> = matters.then_some(&event["subject"]).into_iter().collect();
        Json(json!({"Outputs": {"commands": commands}}))
    };
    let router = Router::new()
        .route("/", get(|| async { "ok\n" }))
        .route("/resource-changed", post(handler));
    serve(router).await;
}

/// Serves where the host says.
pub(crate) async fn serve(router: Router) {
    let port = std::env::var("FUNCTIONS_CUSTOMHANDLER_PORT").unwrap().parse().unwrap();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    axum::serve(listener, router).await.unwrap();
}
