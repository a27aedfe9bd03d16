//! What arrives in the queue, and what is refused before anything is sent.

use serde_json::json;
use tether::emulator::queue::Claim;
use uuid::Uuid;

use super::{Place, body, check_refused, check_says, run};

const PAIR: [&str; 4] = ["--cluster", "aks-shop", "--registry", "acrshop.azurecr.io"];

fn attach<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["attach"], &PAIR[..], more].concat()
}

#[tokio::test]
async fn an_attach_arrives_as_the_function_reads_it() {
    let place = Place::new().await;
    let ended = place.send(&attach(&["--reply-to", "reports", "--requested-by", "shop"])).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let stored = place.only();
    let id = stored.message.message_id.clone().unwrap();
    assert_eq!(Uuid::parse_str(&id).unwrap().get_version_num(), 4);
    assert_eq!(
        body(&stored),
        json!({
            "command": "attach", "cluster": "aks-shop", "registry": "acrshop.azurecr.io",
            "id": id, "requestedBy": "shop",
        })
    );
    assert_eq!(stored.message.content_type.as_deref(), Some("application/json"));
    assert_eq!(stored.message.reply_to.as_deref(), Some("reports"));
    assert!(stored.message.properties.is_empty() && stored.message.scheduled.is_none());
    let host = place.namespace.endpoint().trim_start_matches("http://");
    assert_eq!(
        ended.stdout,
        format!("message id  {id}\nqueue       commands\nnamespace   {host}\n")
    );
}

#[tokio::test]
async fn quiet_leaves_the_answer_alone() {
    let place = Place::new().await;
    let said = place.send(&["reconcile", "--id", "r1"]).await;
    check_says(&said.stderr, &["Sent. The function's log"]);
    for words in [["reconcile", "--quiet", "--id", "r1"], ["--quiet", "reconcile", "--id", "r1"]] {
        let quiet = place.send(&words).await;
        let expected = (Some(0), said.stdout.as_str(), "");
        assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), expected);
    }
    let refused = place.send(&["reconcile", "--quiet", "--scope", "all"]).await;
    check_refused(&refused, &["--scope is `all`"]);
}

#[tokio::test]
async fn detach_and_reconcile_arrive_too_and_a_given_id_is_kept() {
    let place = Place::new().await;
    let detach = [&["detach"], &PAIR[..], &["--dry-run", "--id", "ticket 7"]].concat();
    assert_eq!(place.send(&detach).await.code, Some(0));
    // The queue drops the second one, which the sender does not notice.
    assert_eq!(place.send(&detach).await.code, Some(0));
    let stored = place.only();
    assert_eq!(stored.message.message_id.as_deref(), Some("ticket 7"));
    assert_eq!(
        body(&stored),
        json!({
            "command": "detach", "cluster": "aks-shop", "registry": "acrshop.azurecr.io",
            "dryRun": true, "id": "ticket 7",
        })
    );
    let former = [&["detach"], &PAIR[..], &["--former-identities", "--id", "7"]].concat();
    assert_eq!(place.send(&former).await.code, Some(0));
    let last = place.namespace.active("commands").pop().unwrap();
    assert_eq!(
        body(&last),
        json!({
            "command": "detach", "cluster": "aks-shop", "registry": "acrshop.azurecr.io",
            "formerIdentities": true, "id": "7",
        })
    );
    assert_eq!(place.send(&["reconcile", "--id", "r1"]).await.code, Some(0));
    let cluster = place.cluster("aks-shop");
    assert_eq!(place.send(&["reconcile", "--scope", &cluster, "--id", "r2"]).await.code, Some(0));
    let bodies: Vec<_> = place.namespace.active("commands").iter().skip(2).map(body).collect();
    assert_eq!(
        bodies,
        [
            json!({ "command": "reconcile", "scope": "everything", "id": "r1" }),
            json!({ "command": "reconcile", "scope": cluster, "id": "r2" }),
        ]
    );
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let mut place = Place::new().await;
    place.set("TETHER_AUTH", "magic");
    let ended = place
        .send(&["attach", "--cluster", "a b", "--registry", "acr", "--reply-to", "commands"])
        .await;
    check_refused(
        &ended,
        &[
            "nothing is sent: --cluster is `a b`: give the id of an AKS cluster, or its name",
            "--registry is `acr`: give the id",
            "--reply-to is `commands`: give the bare name",
        ],
    );
    check_refused(&place.send(&["reconcile", "--scope", "all"]).await, &["--scope is `all`"]);
    let both = place.send(&["--replay-rejected", "reconcile"]).await;
    check_refused(&both, &["nothing is sent: send a command or replay"]);
    let watched = [&["detach"], &PAIR[..], &["--former-identities", "--wait"]].concat();
    let words = ["nothing is sent: --wait cannot tell", "--reply-to, or the function's log"];
    check_refused(&place.send(&watched).await, &words);
    check_refused(&place.send(&["reconcile"]).await, &["TETHER_AUTH is `magic`"]);
    assert!(place.is_empty());
}

#[tokio::test]
async fn words_that_make_no_sense_are_refused_with_what_there_is() {
    let place = Place::new().await;
    for (words, part) in [
        (vec!["atach"], "attach"),
        (vec!["attach", "--cluster", "a"], "--registry"),
        (attach(&["--wait", "--dry-run"]), "--dry-run"),
        (attach(&["--wait", "--timeout", "10"]), "such as 90s, 10m or 1h"),
        (attach(&["--former-identities"]), "'--former-identities'"),
        (vec!["--replay-rejected", "--replay-dead-letters"], "--replay-dead-letters"),
        (vec!["--replay-rejected", "--max", "0"], "--max"),
        (vec!["--max", "3"], "--replay-rejected"),
        (vec![], "Usage: tether send"),
    ] {
        let ended = place.send(&words).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{words:?}");
        check_says(&ended.stderr, &[part]);
    }
    assert!(place.is_empty());
}

#[tokio::test]
async fn help_names_every_command_flag_setting_and_right() {
    let place = Place::new().await;
    let help = place.send(&["--help"]).await;
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    check_says(
        &help.stdout,
        &[
            "attach",
            "detach",
            "reconcile",
            "--replay-rejected",
            "--replay-dead-letters",
            "--max <N>",
            "--namespace <HOST>",
            "ServiceBus__fullyQualifiedNamespace",
            "Azure Service Bus Data Sender",
        ],
    );
    let attach = place.send(&["attach", "--help"]).await;
    check_says(&attach.stdout, &["--cluster <ID|NAME>", "--wait", "[default: 10m]", "--reply-to"]);
    let detach = place.send(&["detach", "--help"]).await;
    check_says(&detach.stdout, &["--former-identities", "once all nodes are reimaged", "--wait"]);
}

#[tokio::test]
async fn without_a_namespace_the_flag_and_the_variable_are_named() {
    let mut place = Place::new().await;
    for name in ["TETHER_SERVICE_BUS_ENDPOINT", "ServiceBus__fullyQualifiedNamespace"] {
        place.environment.remove(name);
    }
    let words = ["--namespace is missing", "contoso.servicebus.windows.net", "ServiceBus__fully"];
    check_refused(&place.send(&attach(&[])).await, &words);
    let wrong = place.send(&attach(&["--namespace", "https://contoso.example/"])).await;
    check_refused(&wrong, &["--namespace is `https://contoso.example/`", "namespace's host"]);
}

#[tokio::test]
async fn a_namespace_that_is_another_one_or_not_there_is_named() {
    let mut place = Place::new().await;
    let other = super::Namespace::start(place.clock.clone(), Vec::new()).await.unwrap();
    place.set("TETHER_SERVICE_BUS_ENDPOINT", other.endpoint());
    let host = other.endpoint().trim_start_matches("http://").to_owned();
    let ended = place.send(&attach(&[])).await;
    check_refused(&ended, &[&host, "there is no queue `commands`"]);
    drop(other);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    place.set("TETHER_SERVICE_BUS_ENDPOINT", &nowhere);
    let ended = place.send(&attach(&[])).await;
    check_refused(&ended, &[nowhere.trim_start_matches("http://"), "cannot be reached"]);
}

#[tokio::test]
async fn a_token_that_may_not_send_or_none_at_all_is_said_with_what_to_do() {
    let mut place = Place::new().await;
    place.namespace.forbid(Claim::Send);
    let ended = place.send(&attach(&[])).await;
    check_refused(&ended, &["not allowed", "Azure Service Bus Data Sender", "'Send' claim"]);
    place.set("IDENTITY_HEADER", "wrong");
    let ended = place.send(&attach(&[])).await;
    check_refused(&ended, &["there is no token for Service Bus", "managed identity gave no token"]);
    // `developer` is what a laptop is; here is neither `az` nor `azd`.
    place.environment.remove("TETHER_AUTH");
    let ended = run(place.command(&attach(&[]))).await;
    check_refused(&ended, &["sign in with `az login`"]);
    assert!(place.is_empty());
}
