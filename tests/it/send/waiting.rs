//! `--wait`: success, the reasons why not, and what is asked before anything is sent.

use std::time::Duration;

use tether::emulator::azure::{AssignmentSpec, ClusterSpec, Fault, RegistrySpec, Right};
use tether::emulator::world::{PAYMENTS, PLATFORM};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;
use uuid::{Uuid, uuid};

use super::{Ended, LIMIT, Place, body, check_refused, check_says};
use crate::program::check_in_readme;

const ACR_PULL: Uuid = uuid!("7f951dda-4ed3-4680-a7ca-43fe172d538d");
const NAME: Uuid = uuid!("a0000000-0000-4000-8000-000000000001");

/// `tether send <verb> … --wait` for a pair
async fn wait(place: &Place, verb: &str, cluster: &str, registry: &str, time: &str) -> Ended {
    let pair = ["--cluster", cluster, "--registry", registry];
    place.send(&[&[verb], &pair[..], &["--wait", "--timeout", time]].concat()).await
}

/// Assigns a role to the cluster's identity
fn assign(place: &Place, cluster: &str, scope: &str, role: Uuid) {
    let principal = place.azure.kubelet_principal(cluster).unwrap();
    place.azure.assign(&AssignmentSpec::new(NAME, scope, role, principal)).unwrap();
}

/// It sent the command, then gave up with this reason.
#[track_caller]
fn check_gave_up(place: &Place, ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("message id  "), "{}", ended.stdout);
    check_says(&ended.stderr, words);
    place.only();
}

#[tokio::test]
async fn an_attachment_that_comes_is_waited_for() {
    let place = Place::new().await;
    let (cluster, registry) = (place.cluster("aks-shop"), place.registry("acrshop"));
    let words = ["attach", "--cluster", "aks-shop", "--registry", "acrshop", "--wait"];
    let mut child = place.command(&words).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut next = async || timeout(LIMIT, lines.next_line()).await.unwrap().unwrap().unwrap();
    let mut told = vec![next().await];
    check_says(&told[0], &["not yet: the role AcrPull is not assigned"]);
    let message = place.only();
    assert_eq!(body(&message)["cluster"], cluster.as_str());
    let id = message.message.message_id.unwrap();
    assign(&place, &cluster, &registry, ACR_PULL);
    told.extend([next().await, next().await]);
    check_says(&told[1], &["attached: by the role AcrPull"]);
    check_says(&told[2], &["up to ten minutes"]);
    let output = timeout(LIMIT, child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(0));
    // The id, the host and the seconds are others every time.
    let host = place.namespace.endpoint().trim_start_matches("http://");
    let sent = String::from_utf8(output.stdout).unwrap();
    let sent = sent.replace(&id, "<id>").replace(host, "contoso.servicebus.windows.net");
    let told = told.iter().map(|line| match line.split_once(" s  ") {
        Some((_, line)) => format!("    0 s  {line}\n"),
        None => format!("{line}\n"),
    });
    check_in_readme(
        &format!("tether send {}", words.join(" ")),
        &(sent + &told.collect::<String>()),
    );
}

#[tokio::test]
async fn a_quiet_wait_tells_its_end_by_the_exit_code_and_only_what_went_wrong() {
    let place = Place::new().await;
    let (cluster, registry) = (place.cluster("aks-shop"), place.registry("acrshop"));
    let pair = ["attach", "-q", "--cluster", &cluster, "--registry", &registry];
    let ended = place.send(&[&pair[..], &["--wait", "--timeout", "1s"]].concat()).await;
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 1), "{}", ended.stderr);
    check_says(&ended.stderr, &["tether: not attached after 1 s: the role AcrPull"]);
    assign(&place, &cluster, &registry, ACR_PULL);
    let ended = place.send(&[&pair[..], &["--wait", "--timeout", "20s"]].concat()).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert!(ended.stdout.starts_with("message id  "), "{}", ended.stdout);
}

#[tokio::test]
async fn names_are_looked_up_in_the_estate_and_sent_as_ids() {
    let mut place = Place::new().await;
    let (cluster, registry) = (place.cluster("aks-shop"), place.registry("acrshop"));
    assign(&place, &cluster, &registry, ACR_PULL);
    let ended = wait(&place, "attach", "AKS-SHOP", "acrshop.azurecr.io", "20s").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let sent = body(&place.only());
    assert_eq!((&sent["cluster"], &sent["registry"]), (&cluster.into(), &registry.into()));
    place.namespace.receive("commands").await.unwrap().complete();
    let ended = wait(&place, "attach", "aks-none", "acrshop", "20s").await;
    check_refused(&ended, &["nothing is sent", "--cluster is `aks-none`", "give the id"]);
    let twin = ClusterSpec::new(PLATFORM, "other", "aks-shop");
    let twin = place.azure.create_cluster(&twin).unwrap();
    let ended = wait(&place, "attach", "aks-shop", "acrshop", "20s").await;
    check_refused(&ended, &["nothing is sent", "fits 2", &twin]);
    place.environment.remove("TETHER_SUBSCRIPTIONS");
    let ended = wait(&place, "attach", "aks-shop", "acrshop", "20s").await;
    check_refused(&ended, &["--wait needs ids", "`aks-shop` or `acrshop`", "TETHER_SUBSCRIPTIONS"]);
    assert_eq!(place.namespace.sent().len(), 1);
}

#[tokio::test]
async fn a_wait_that_is_over_says_why_it_is_not_so_yet() {
    let place = Place::new().await;
    let (cluster, registry) = (place.cluster("aks-shop"), place.registry("acrshop"));
    let ended = wait(&place, "attach", &cluster, &registry, "1s").await;
    check_gave_up(
        &place,
        &ended,
        &[
            "not attached after 1 s: the role AcrPull is not assigned",
            "--replay-rejected --dry-run",
        ],
    );
}

#[tokio::test]
async fn a_cluster_in_the_making_and_a_registry_in_abac_mode_are_named() {
    let place = Place::new().await;
    let registry = RegistrySpec::new(PLATFORM, "images", "acrbase").abac();
    let registry = place.azure.create_registry(&registry).unwrap();
    let mut spec = ClusterSpec::new(PAYMENTS, "shop", "aks-new");
    spec.ready = false;
    let cluster = place.azure.create_cluster(&spec).unwrap();
    let ended = wait(&place, "attach", &cluster, &registry, "1s").await;
    check_gave_up(&place, &ended, &["still being created and has no kubelet identity"]);
    place.namespace.receive("commands").await.unwrap().complete();
    place.clock.advance(Duration::from_secs(241));
    assign(&place, &cluster, &registry, ACR_PULL);
    let ended = wait(&place, "attach", &cluster, &registry, "1s").await;
    check_gave_up(&place, &ended, &["ABAC mode", "it needs Container Registry Repository Reader"]);
}

#[tokio::test]
async fn a_detachment_is_waited_for_and_what_is_left_is_named() {
    let place = Place::new().await;
    let (cluster, registry) = (place.cluster("aks-shop"), place.registry("acrshop"));
    let ended = wait(&place, "detach", &cluster, &registry, "20s").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    check_says(&ended.stderr, &["detached: no role lets it pull", "credentials that they have"]);
    place.namespace.receive("commands").await.unwrap().complete();
    assign(&place, &cluster, &registry, ACR_PULL);
    let ended = wait(&place, "detach", &cluster, &registry, "1s").await;
    check_gave_up(&place, &ended, &["AcrPull is still assigned at the registry"]);
    place.namespace.receive("commands").await.unwrap().complete();
    place.azure.unassign(&registry, NAME).unwrap();
    let group = uuid!("90000000-0000-4000-8000-000000000001");
    place.azure.add_to_group(group, place.azure.kubelet_principal(&cluster).unwrap());
    let above = format!("/subscriptions/{PLATFORM}");
    place.azure.assign(&AssignmentSpec::new(NAME, &above, ACR_PULL, group)).unwrap();
    let ended = wait(&place, "detach", &cluster, &registry, "20s").await;
    check_gave_up(&place, &ended, &[&above, "through the group 90000000-", "up to a day"]);
}

#[tokio::test]
async fn what_cannot_be_watched_is_not_sent() {
    let place = Place::new().await;
    let (cluster, registry) = (place.cluster("aks-shop"), place.registry("acrshop"));
    let none = registry.replace("acrshop", "acrnone");
    let ended = wait(&place, "attach", &cluster, &none, "20s").await;
    check_refused(&ended, &["nothing is sent", "--registry: there is no registry", "acrnone"]);
    place.azure.revoke(PAYMENTS, Right::Read);
    let ended = wait(&place, "attach", &cluster, &registry, "20s").await;
    check_refused(&ended, &["nothing is sent", "without --wait", "AuthorizationFailed"]);
    assert!(place.is_empty());
}

#[tokio::test]
async fn a_busy_azure_is_waited_for() {
    let place = Place::new().await;
    let (cluster, registry) = (place.cluster("aks-shop"), place.registry("acrshop"));
    assign(&place, &cluster, &registry, ACR_PULL);
    let busy = Fault::on("GET", "/registries/acrshop?").refusing(503, "ServiceUnavailable", "busy");
    place.azure.faults().inject(busy);
    let ended = wait(&place, "attach", &cluster, &registry, "20s").await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}
