//! The host's endpoint for functions that are triggered by HTTP: the route, the key, and the request as
//! the handler gets it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answer::HttpOutput;
use super::definition::Function;
use super::encoder::Net;
use super::invoke::invoke;
use super::webhook::key;
use super::{MASTER_KEY, Shared};

/// Opens every function whose level is `function`
const KEY: &str = "pretend-function-key";

/// Where a function answers, the key included
pub(super) fn url(address: &str, function: &Function) -> String {
    format!("{address}/api/{}?code={KEY}", function.route())
}

pub(super) async fn request(
    State(shared): State<Arc<Shared>>,
    Path(route): Path<String>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let is_meant = |function: &&Function| {
        function.trigger.kind == "httpTrigger"
            && function.route().eq_ignore_ascii_case(&route)
            && function.takes(method.as_str())
    };
    let enabled = shared.app.functions.values().find(is_meant);
    let found = enabled.or_else(|| shared.app.disabled.values().find(is_meant));
    let Some(function) = found else { return StatusCode::NOT_FOUND.into_response() };
    let key = key(&uri, &headers);
    let is_master = key.as_deref() == Some(MASTER_KEY);
    let is_open = function.trigger.auth_level.as_deref() == Some("anonymous");
    if !is_open && !is_master && key.as_deref() != Some(KEY) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    // Who has a key learns that it is not there; the master key runs it all the same.
    if enabled.is_none() && !is_master {
        return StatusCode::NOT_FOUND.into_response();
    }
    let trigger = trigger(&uri, &method, &headers, &body);
    match invoke(&shared, function, None, trigger).await {
        Ok(output) => output.unwrap_or_else(HttpOutput::unsaid).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The request as a value: headers as lists, the query joined, the body only where its length was said
fn trigger(
    uri: &Uri,
    method: &Method,
    headers: &HeaderMap,
    body: &[u8],
) -> (Net, Vec<(String, Net)>) {
    let mut query: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned()
    {
        let before = query.remove(&name);
        query.insert(name, before.map_or(value.clone(), |before| format!("{before},{value}")));
    }
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        lists.entry(spelled(name.as_str())).or_default().push(value);
    }
    let joined: BTreeMap<_, _> =
        lists.iter().map(|(name, values)| (name.clone(), values.join(","))).collect();
    let host = headers.get("host").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let has_body = headers.contains_key("content-length") && !body.is_empty();
    let mut request = json!({
        "Url": format!("http://{host}{uri}"),
        "Method": method.as_str(),
        "Query": query,
        "Headers": lists,
        "Params": {},
        "Identities": [{ "AuthenticationType": "WebJobsAuthLevel", "IsAuthenticated": true }],
    });
    if let Some(members) = request.as_object_mut().filter(|_| has_body) {
        members.insert("Body".into(), String::from_utf8_lossy(body).into());
    }
    let metadata = [("Query", json!(query)), ("Headers", json!(joined))];
    let metadata = metadata.map(|(name, value)| (name.to_owned(), Net::Json(value)));
    (Net::Json(request), metadata.into())
}

/// A header's name as clients of HTTP/1.1 write it
fn spelled(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join("-")
}
