//! Who gets an answer, in which form, with which headers.

use std::time::Duration;

use base64::Engine as _;
use serde_json::json;
use tether::emulator::world::{PAYMENTS, PLATFORM, World};
use tether::model::{WHEN_IT_WORKS, WHEN_NODES_FOLLOW};

use super::{HTML, JSON, get, pairs, shown, status, url, writes};
use crate::corridor::{attached, cluster, options, policy, registry, start};

fn host(world: &World) -> String {
    let url = world.host.webhook_url("any");
    url.split("/runtime/").next().unwrap().to_owned()
}

/// A world with one cluster that wants one registry
async fn small(policy: &str) -> World {
    let world = start(shown(policy)).await;
    let shop = cluster("aks-shop").tag("acr-attach", "auto").tag("team", "shop");
    world.azure.create_cluster(&shop).unwrap();
    let acr = registry("acrshop").tag("acr-attach", "auto").tag("team", "shop");
    world.azure.create_registry(&acr).unwrap();
    world
}

#[tokio::test]
async fn it_is_off_unless_it_is_turned_on_and_says_how() {
    let world = start(options()).await;
    world.azure.clear_log();
    let got = get(&url(&world), JSON).await;
    assert_eq!((got.status, got.header("cache-control")), (404, "no-store"));
    let told = got.json();
    assert_eq!(told["error"], "the status page is off");
    assert!(told["hint"].as_str().unwrap().contains("TETHER_STATUS"), "{told}");
    let page = get(&url(&world), HTML).await;
    assert_eq!((page.status, page.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(page.body.contains("TETHER_STATUS"), "{}", page.body);
    assert_eq!(world.azure.log().len(), 0, "nothing is looked at");
    assert_eq!(world.host.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn a_function_that_the_settings_disable_is_not_there() {
    let mut options = shown(&policy());
    options.environment.insert("AzureWebJobs.status.Disabled".into(), "true".into());
    let world = start(options).await;
    assert_eq!(world.host.function_url("status"), None);
    let got = get(&format!("{}/api/status?code=pretend-function-key", host(&world)), JSON).await;
    assert_eq!((got.status, got.body.as_str()), (404, ""));
}

#[tokio::test]
async fn nobody_sees_anything_without_the_key() {
    let mut options = shown(&policy());
    options.environment.insert("TETHER_LOG".into(), "trace".into());
    let world = start(options).await;
    let open = format!("{}/api/status", host(&world));
    world.azure.clear_log();
    for url in [open.clone(), format!("{open}?code="), format!("{open}?code=guessed")] {
        let got = get(&url, JSON).await;
        assert_eq!((got.status, got.body.as_str()), (401, ""), "{url}");
    }
    assert_eq!(world.azure.log().len(), 0, "nothing is looked at");
    let client = tether::azure::http_client().unwrap();
    let request = client.get(&open).header("x-functions-key", "pretend-function-key");
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
    let ordered = client.post(url(&world)).body("{}").send().await.unwrap();
    assert_eq!(ordered.status().as_u16(), 404, "it takes no orders");
    let key = "pretend-function-key";
    let lines = world.host.console();
    assert!(lines.iter().any(|line| line.text.contains("looked for the status page")));
    assert!(!lines.iter().any(|line| line.text.contains(key)), "the key is in no log");
    let invocations = world.host.invocations();
    assert!(!invocations.iter().any(|one| one.answer.contains(key)), "the key is in no answer");
}

#[tokio::test]
async fn a_page_is_for_people_and_json_for_programs_with_headers_that_let_nothing_out() {
    let world = small(&policy()).await;
    let (page, json) = (get(&url(&world), HTML).await, get(&url(&world), JSON).await);
    for (got, kind) in
        [(&page, "text/html; charset=utf-8"), (&json, "application/json; charset=utf-8")]
    {
        assert_eq!((got.status, got.header("content-type")), (200, kind));
        assert_eq!(got.header("cache-control"), "no-store");
        assert_eq!(got.header("referrer-policy"), "no-referrer");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
    }
    for accept in ["*/*", "text/plain"] {
        assert!(get(&url(&world), accept).await.body.starts_with("<!doctype html>"), "{accept}");
    }
    for words in [WHEN_IT_WORKS, WHEN_NODES_FOLLOW] {
        assert!(page.body.contains(words), "the page does not say: {words}");
    }
    let mut data = page.data();
    data["age_seconds"] = json.json()["age_seconds"].clone();
    assert_eq!(data, json.json(), "the page holds what programs get");
    let policy = page.header("content-security-policy");
    for part in
        ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (kind, element) in [("script-src", "script"), ("style-src", "style")] {
        let text = page.body.split(&format!("<{element}>")).nth(1).unwrap();
        let text = text.split(&format!("</{element}>")).next().unwrap();
        let hash = <sha2::Sha256 as sha2::Digest>::digest(text);
        let hash = base64::prelude::BASE64_STANDARD.encode(hash);
        assert!(policy.contains(&format!("{kind} 'sha256-{hash}'")), "{policy}");
    }
    assert_eq!(world.host.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn the_trace_of_a_pair_is_what_explain_prints() {
    let world = small(&policy()).await;
    let told = status(&world).await;
    assert_eq!(pairs(&told), ["aks-shop acrshop missing"]);
    let (cluster, registry) = (
        told["clusters"][0]["id"].as_str().unwrap(),
        told["registries"][0]["id"].as_str().unwrap(),
    );
    for (one, other) in [(cluster, registry), ("aks-shop", "acrshop.azurecr.io")] {
        let got = get(&format!("{}&cluster={one}&registry={other}", url(&world)), HTML).await;
        assert_eq!(
            (got.status, got.header("content-type")),
            (200, "application/json; charset=utf-8")
        );
        let trace = got.json();
        assert_eq!((&trace["cluster"], &trace["registry"]), (&json!(cluster), &json!(registry)));
        assert_eq!(trace["state"], "missing");
        let text = trace["text"].as_str().unwrap();
        for words in [
            "By the policy: rule `same-team` wants it",
            "no role assignment of a pull role at the registry itself",
            "attaches aks-shop → acrshop as AcrPull: rule `same-team` wants it",
        ] {
            assert!(text.contains(words), "`{words}` is not in:\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    for (query, code) in [
        ("&cluster=aks-shop", 400),
        ("&registry=acrshop", 400),
        ("&cluster=aks-shop&registry=nowhere", 404),
        (&format!("&cluster={registry}&registry={cluster}"), 404),
        ("&cluster=%3Cscript%3E&registry=acrshop", 404),
    ] {
        let got = get(&format!("{}{query}", url(&world)), HTML).await;
        let told = got.json();
        assert_eq!(got.status, code, "{query}: {told}");
        assert!(told["error"].is_string() && told["hint"].is_string(), "{told}");
    }
}

#[tokio::test]
async fn it_looks_and_never_writes_whatever_is_missing() {
    for mode in ["observe", "attach-only", "sync"] {
        let world = small(&policy().replace("mode: attach-only", &format!("mode: {mode}"))).await;
        world.host.wait_until(Duration::from_secs(20), || world.events.is_idle()).await.unwrap();
        world.azure.clear_log();
        let sent = world.namespace.sent().len();
        let told = status(&world).await;
        assert_eq!(pairs(&told), ["aks-shop acrshop missing"], "{mode}");
        assert_eq!(told["mode"], mode);
        let next = if mode == "observe" { "held" } else { "attach" };
        assert_eq!(told["next"][next].as_array().unwrap().len(), 1, "{told}");
        get(&url(&world), HTML).await;
        get(&format!("{}&cluster=aks-shop&registry=acrshop", url(&world)), JSON).await;
        assert!(!world.azure.log().is_empty());
        assert_eq!(writes(&world), 0, "{mode}");
        assert_eq!(attached(&world, told["clusters"][0]["id"].as_str().unwrap()), []);
        assert_eq!(world.namespace.sent().len(), sent, "and nobody is told to do it");
    }
}

#[tokio::test]
async fn texts_of_strangers_are_texts_to_the_browser() {
    let tricks = [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "\u{2028}\u{2029}\u{202e}gnp.exe",
        "\"'&<>`\\\u{7f}\u{9b}",
        "/*data*//*script*/",
    ];
    let world = start(shown(&policy())).await;
    let mut trapped = cluster("aks-shop").tag("acr-attach", "auto");
    let mut shelf = registry("acrshop").tag("acr-attach", "auto");
    for (number, trick) in tricks.iter().enumerate() {
        trapped = trapped.tag(&format!("trick{number}"), trick);
        shelf = shelf.tag(&format!("trick{number}"), trick);
    }
    let (trapped, shelf) = (trapped.tag("team", tricks[0]), shelf.tag("team", tricks[0]));
    world.azure.create_cluster(&trapped).unwrap();
    world.azure.create_registry(&shelf).unwrap();
    let page = get(&url(&world), HTML).await;
    let plain = include_str!("../../../src/functions/status/page/page.html");
    for word in ["<script", "</script", "<!--"] {
        let (found, meant) = (page.body.matches(word).count(), plain.matches(word).count());
        let scripts = include_str!("../../../src/functions/status/page/page.js");
        assert_eq!(found, meant + scripts.matches(word).count(), "{word}");
    }
    assert!(!page.body.contains(['\u{2028}', '\u{202e}', '\u{7f}', '\u{9b}']));
    let data = page.data();
    for (number, trick) in tricks.iter().enumerate() {
        for list in ["clusters", "registries"] {
            assert_eq!(data[list][0]["tags"][format!("trick{number}")], *trick);
        }
    }
    let trace = get(&format!("{}&cluster=aks-shop&registry=acrshop", url(&world)), HTML).await;
    assert_eq!(trace.header("content-type"), "application/json; charset=utf-8");
    let text = trace.json()["text"].as_str().unwrap().to_owned();
    assert!(!text.contains(['\u{202e}', '\u{7f}', '\u{9b}']), "{text}");
    assert_eq!(world.host.violations(), Vec::<String>::new());
    let subscriptions = [PAYMENTS.to_string(), PLATFORM.to_string()];
    let quotas = data["quotas"].as_array().unwrap();
    assert!(
        quotas
            .iter()
            .all(|one| subscriptions.contains(&one["subscription"].as_str().unwrap().to_owned()))
    );
}
