//! Why a pull would fail.

use serde_json::json;
use tether::emulator::azure::AssignmentSpec;
use tether::emulator::world::PLATFORM;
use uuid::Uuid;

use super::{ACR_PULL, Place};

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
    let billing = place.azure.assignments().remove(0).principal;
    let name = Uuid::from_u128(2);
    let spec = AssignmentSpec::new(name, &acrshared(), ACR_PULL, billing);
    place.azure.assign(&spec).unwrap();
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
