//! Why a pair is attached or not.

use super::Place;
use crate::program::check_in_readme;

#[tokio::test]
async fn an_explanation_has_every_rule_what_is_attached_and_what_comes_next() {
    let place = Place::shop().await;
    let ended = place.tether(&["explain", "aks-billing", "acrshop"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let expected = "\
cluster   /subscriptions/11111111-1111-4111-8111-111111111111/resourcegroups/shop/providers/Microsoft.ContainerService/managedClusters/aks-billing
registry  /subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/images/providers/Microsoft.ContainerRegistry/registries/acrshop

By the policy: no rule wants it
  built in, different tenants: does not fit
    no  the two live in different tenants: the cluster's tenant is `7e000000-0000-4000-8000-000000000001`, the registry's tenant is `7e000000-0000-4000-8000-000000000001`
  built in, disabled by the cluster: does not fit
    no  the cluster's tag `acr-attach` says `disabled`: the cluster's `acr-attach` is `acrbilling, acrshared`
  built in, disabled by the registry: does not fit
    no  the registry's tag `acr-attach` says `disabled`: the registry's `acr-attach` is `auto`
  rule `named-registry`: does not fit
    yes the registry has a tag `acr-attach`: the registry's `acr-attach` is `auto`
    no  the cluster's tag `acr-attach` names the registry: the cluster's `acr-attach` is `acrbilling, acrshared`
  rule `same-team`: does not fit
    yes the registry's tag `acr-attach` is `auto`: the registry's `acr-attach` is `auto`
    no  the cluster's tag `acr-attach` is `auto`: the cluster's `acr-attach` is `acrbilling, acrshared`
    no  the cluster's tag `team` equals the registry's tag `team`: the cluster has no `team`, the registry's `team` is `shop`

Attached now:
  the cluster pulls as identity <object id>
  no role assignment of a pull role at the registry itself

The next reconcile:
  does nothing: no rule wants it
";
    let stdout = ended.stdout.replace(&place.billing().to_string(), "<object id>");
    assert_eq!(stdout, expected);
    check_in_readme("tether explain aks-billing acrshop", expected);
}

#[tokio::test]
async fn what_is_attached_is_told_with_who_made_it() {
    let place = Place::shop().await;
    let ended = place.tether(&["explain", "aks-billing", "acrbilling.azurecr.io"]).await;
    for words in [
        "rule `named-registry`: fits, and decides",
        "AcrPull, made by someone else: assignment 00000000-0000-0000-0000-000000000001",
        "keeps aks-billing → acrbilling as AcrPull: made by someone else",
    ] {
        assert!(ended.stdout.contains(words), "`{words}` is not in:\n{}", ended.stdout);
    }
    let ended = place.tether(&["explain", "aks-new", "acrshop"]).await;
    for words in [
        "nothing: the cluster has no kubelet identity yet",
        "holds aks-new → acrshop not attached: the cluster has no kubelet identity yet",
    ] {
        assert!(ended.stdout.contains(words), "`{words}` is not in:\n{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_file_explains_as_well_as_azure() {
    let place = Place::shop().await;
    place.tether(&["inventory", "save", "seen.json"]).await;
    let live = place.tether(&["explain", "aks-shop", "acrshop"]).await;
    let words = ["explain", "aks-shop", "acrshop", "--inventory", "seen.json"];
    let saved = place.offline(&words).await;
    assert_eq!((saved.code, saved.stdout), (Some(0), live.stdout), "{}", saved.stderr);
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_to_do() {
    let place = Place::shop().await;
    place.tether(&["inventory", "save", "seen.json"]).await;
    for more in [&[][..], &["--inventory", "seen.json"]] {
        let words = [&["explain", "aks-none", "acrshop"], more].concat();
        let ended = place.tether(&words).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(
            ended.stderr.contains("there is no cluster called `aks-none` in the estate"),
            "{}",
            ended.stderr
        );
        assert!(ended.stderr.contains("check the spelling"), "{}", ended.stderr);
    }
}
