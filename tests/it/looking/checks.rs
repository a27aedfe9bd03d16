//! Why a pull would fail.

use serde_json::json;
use tether::emulator::azure::{AssignmentSpec, DenialSpec, Fault, LockKind};
use tether::emulator::world::{PAYMENTS, PLATFORM};
use tether::model::WHEN_NODES_FOLLOW;
use uuid::Uuid;

use super::{ACR_PULL, Place};
use crate::program::check_in_readme;

fn acrshared() -> String {
    format!(
        "/subscriptions/{PLATFORM}/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/acrshared"
    )
}

#[tokio::test]
async fn what_lets_a_cluster_pull_is_told() {
    let place = Place::shop().await;
    let ended = place.tether(&["check", "aks-billing", "acrbilling"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert!(!ended.stdout.contains(WHEN_NODES_FOLLOW), "{}", ended.stdout);
    for words in [
        "the registry honours AcrPull",
        "lets it pull",
        "may be reached from everywhere",
        "aks-billing can pull from acrbilling, as far as Azure tells",
    ] {
        assert!(ended.stdout.contains(words), "`{words}` is not in:\n{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_pull_that_would_fail_ends_with_1_and_says_what_to_do() {
    let place = Place::shop().await;
    // The role that a registry in ABAC mode does not honour, as `az aks update --attach-acr` gives it
    let billing = place.billing();
    let name = Uuid::from_u128(2);
    let spec = AssignmentSpec::new(name, &acrshared(), ACR_PULL, billing);
    place.azure.assign(&spec).unwrap();
    let ended = place.tether(&["check", "aks-billing", "acrshared"]).await;
    let told = ended.stdout.replace(&billing.to_string(), "<object id>");
    check_in_readme("tether check aks-billing acrshared", &told);
    let id = acrshared();
    place.azure.set_property(&id, "publicNetworkAccess", json!("Disabled")).unwrap();
    let ended = place.tether(&["check", "aks-billing", "acrshared"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{ended:?}");
    for words in [
        "the registry honours Container Registry Repository Reader",
        "AcrPull at /subscriptions/",
        "is not honoured by the registry in its present mode",
        "nothing lets it pull",
        "`tether explain` says what is missing",
        "takes no public traffic",
        "aks-billing cannot pull from acrshared",
    ] {
        assert!(ended.stdout.contains(words), "`{words}` is not in:\n{}", ended.stdout);
    }
    let ended = place.tether(&["check", "aks-new", "acrshop"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.contains("wait until it is made"), "{}", ended.stdout);
}

#[tokio::test]
async fn a_change_under_way_is_a_note_on_which_identity_nodes_use() {
    let place = Place::shop().await;
    let billing = format!(
        "/subscriptions/{PAYMENTS}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/aks-billing"
    );
    place.azure.set_state(&billing, "Updating").unwrap();
    let ended = place.tether(&["check", "aks-billing", "acrbilling"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.stdout.contains(WHEN_NODES_FOLLOW), "{}", ended.stdout);
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_however_much_there_is_of_it() {
    let place = Place::shop().await;
    let billing = place.azure.assignments().remove(0);
    let denial = |number: usize, whom: Uuid| DenialSpec {
        name: format!("stack {number}"),
        scope: format!("/SUBSCRIPTIONS/{PLATFORM}/resourcegroups/Images"),
        principals: vec![(whom, "ServicePrincipal".to_owned())],
        actions: vec!["*/read".to_owned()],
        data_actions: Vec::new(),
    };
    let elsewhere = format!("/subscriptions/{PLATFORM}/resourceGroups/other");
    // More than fit on a page, of which only the last ones matter.
    for number in 0..150 {
        place.azure.deny(denial(number, Uuid::from_u128(7)));
        place.azure.lock(&elsewhere, LockKind::ReadOnly);
    }
    place.azure.deny(denial(150, billing.principal));
    place.azure.lock(&billing.scope.to_uppercase(), LockKind::ReadOnly);
    let ended = place.tether(&["check", "aks-billing", "acrbilling"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(1), ""), "{ended:?}");
    for words in [
        "AcrPull at /subscriptions/",
        "WRONG  deny assignment `stack 150` at /SUBSCRIPTIONS/",
        "note   lock `lock-150` at /SUBSCRIPTIONS/",
        "roles can be neither assigned nor taken away there",
        "aks-billing cannot pull from acrbilling, or not surely: 1 thing(s) above",
    ] {
        assert!(ended.stdout.contains(words), "`{words}` is not in:\n{}", ended.stdout);
    }
    assert_eq!(ended.stdout.matches("lock `").count(), 1, "{}", ended.stdout);
}

#[tokio::test]
async fn what_may_not_be_listed_is_not_taken_for_absent() {
    let place = Place::shop().await;
    for list in ["/denyAssignments", "/locks"] {
        let fault = Fault::on("GET", list).refusing(403, "AuthorizationFailed", "no");
        place.azure.faults().inject(fault.always());
    }
    let ended = place.tether(&["check", "aks-billing", "acrbilling"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for words in [
        "whether a deny assignment forbids it is not known",
        "whether a lock stops role assignments is not known",
    ] {
        assert!(ended.stdout.contains(words), "`{words}` is not in:\n{}", ended.stdout);
    }
}
