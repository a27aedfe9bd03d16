//! What would be done, live and from a file.

use std::fs;

use serde_json::Value;
use tether::emulator::azure::{ClusterSpec, RegistrySpec};
use tether::emulator::world::{PAYMENTS, PLATFORM};

use super::{Ended, Place};
use crate::program::check_in_readme;

#[tokio::test]
async fn a_plan_says_what_would_be_done_and_why() {
    let place = Place::shop().await;
    let ended = place.tether(&["plan"]).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let expected = "\
attach 2
  + aks-billing → acrshared as Container Registry Repository Reader: rule `named-registry` wants it
  + aks-shop → acrshop as AcrPull: rule `same-team` wants it
held 1
  ! aks-new → acrshop: not attached: the cluster has no kubelet identity yet
kept 1
  = aks-billing → acrbilling as AcrPull: made by someone else
2 to attach, 0 to detach, 1 held, 1 as they should be
";
    assert_eq!(ended.stdout, expected);
    check_in_readme("tether plan", expected);
}

#[tokio::test]
async fn the_exit_code_tells_whether_there_is_something_to_change() {
    let place = Place::shop().await;
    let ended = place.tether(&["plan", "--detailed-exitcode"]).await;
    assert_eq!(ended.code, Some(2));
    let ended = place.tether(&["plan", "--detailed-exitcode", "--mode", "observe"]).await;
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("mode is `observe`"), "{}", ended.stdout);
    place.write("policy.yaml", "owner: contoso\nmode: attach-only\nrules: []\n");
    let ended = place.tether(&["plan", "--detailed-exitcode"]).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(0), "0 to attach, 0 to detach, 0 held, 0 as they should be\n")
    );
}

#[tokio::test]
async fn a_scope_narrows_the_plan() {
    let place = Place::shop().await;
    let id = format!(
        "/subscriptions/{PAYMENTS}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/aks-shop"
    );
    let ended = place.tether(&["plan", "--scope", &id]).await;
    assert!(
        ended.stdout.contains("aks-shop → acrshop") && !ended.stdout.contains("aks-billing"),
        "{ended:?}"
    );
    let other = "/subscriptions/99999999-9999-9999-9999-999999999999";
    let ended = place.tether(&["plan", "--scope", other]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("is outside the estate"), "{}", ended.stderr);
    let ended = place.tether(&["plan", "--scope", "resourceGroups/shop"]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("the id of a subscription"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_scope_may_be_a_name_that_only_one_has() {
    let place = Place::shop().await;
    place.tether(&["inventory", "save", "seen.json"]).await;
    for more in [&[][..], &["--inventory", "seen.json"]] {
        let plan = async |scope| place.tether(&[&["plan", "--scope", scope], more].concat()).await;
        let lines = |ended: Ended| -> Vec<String> {
            assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
            let changes = ended.stdout.lines().filter(|line| line.contains('→'));
            changes.map(|line| line.trim().to_owned()).collect()
        };
        let shop = "+ aks-shop → acrshop as AcrPull: rule `same-team` wants it";
        assert_eq!(lines(plan("AKS-Shop").await), [shop]);
        let held = "! aks-new → acrshop: not attached: the cluster has no kubelet identity yet";
        assert_eq!(lines(plan("acrshop.azurecr.io").await), [shop, held]);
        let none = plan("acrnone").await;
        assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""));
        let told = "tether: there is no cluster or registry called `acrnone` in the estate; check the spelling";
        assert!(none.stderr.starts_with(told), "{}", none.stderr);
    }
    let save = ["inventory", "save", "part.json", "--scope", "aks-shop"];
    let saved = place.tether(&save).await;
    // All that the timer would decide on is in the file, whatever the scope.
    assert!(saved.stderr.ends_with(", not seen 0\n"), "{}", saved.stderr);
    let ended = place.offline(&["plan", "--inventory", "part.json"]).await;
    assert!(ended.stdout.ends_with("1 to attach, 0 to detach, 0 held, 0 as they should be\n"));
}

#[tokio::test]
async fn a_scope_that_two_are_called_by_is_refused_with_both() {
    let place = Place::shop().await;
    let twin = ClusterSpec::new(PLATFORM, "other", "acrshop");
    let twin = place.azure.create_cluster(&twin).unwrap();
    place.azure.catch_up_graph();
    place.tether(&["inventory", "save", "seen.json"]).await;
    for more in [&[][..], &["--inventory", "seen.json"]] {
        let ended = place.tether(&[&["plan", "--scope", "acrshop"], more].concat()).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        for words in [
            "2 clusters and registries of the estate are called `acrshop`: ",
            "/registries/acrshop",
            &twin,
            "; give the id of the one that is meant",
        ] {
            let (stderr, words) = (ended.stderr.to_lowercase(), words.to_lowercase());
            assert!(stderr.contains(&words), "`{words}` is not in:\n{stderr}");
        }
    }
    let silent = format!("{PAYMENTS},{PLATFORM},99999999-9999-4999-8999-999999999999");
    let mut environment = place.environment.clone();
    environment.insert("TETHER_SUBSCRIPTIONS".into(), silent);
    let ended = place.run(&["plan", "--scope", "aks-shop"], &environment).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    let told = "`aks-shop` may fit more than one cluster or registry; give its id";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

#[tokio::test]
async fn a_saved_inventory_gives_the_same_plan_anywhere() {
    let place = Place::shop().await;
    let live = place.tether(&["plan", "--output", "json"]).await;
    let saved = place.tether(&["inventory", "save", "seen.json"]).await;
    assert_eq!((saved.code, saved.stdout.as_str()), (Some(0), ""), "{saved:?}");
    let expected = "seen.json: clusters 3, registries 3, pull assignments 1, not seen 0\n";
    assert_eq!(saved.stderr, expected);
    check_in_readme("tether inventory save seen.json", expected);
    let offline = ["plan", "--output", "json", "--inventory", "seen.json"];
    let replayed = place.offline(&offline).await;
    assert_eq!(
        (replayed.code, replayed.stdout),
        (Some(0), live.stdout.clone()),
        "{}",
        replayed.stderr
    );
    let plan: Value = serde_json::from_str(&live.stdout).unwrap();
    assert_eq!(plan["format"], "tether plan 1");
    assert_eq!(plan["counts"]["attach"], plan["attach"].as_array().unwrap().len());
    assert!(plan["attach"][0]["clusters"][0].as_str().unwrap().contains("/managedClusters/"));
}

#[tokio::test]
async fn a_saved_inventory_has_no_secret_and_nobodys_words() {
    let place = Place::shop().await;
    place.tether(&["inventory", "save", "seen.json", "--quiet"]).await;
    let text = fs::read_to_string(place.folder.join("seen.json")).unwrap();
    for word in ["eyJ", "Bearer", place.azure.identity_header(), "pretend"] {
        assert!(!text.to_lowercase().contains(&word.to_lowercase()), "`{word}` is in:\n{text}");
    }
}

#[tokio::test]
async fn a_saved_inventory_may_say_how_many_assignments_are_allowed() {
    let place = Place::shop().await;
    place.tether(&["inventory", "save", "seen.json", "--quiet"]).await;
    let text = fs::read_to_string(place.folder.join("seen.json")).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    let platform = PLATFORM.to_string();
    assert_eq!(file["assignments"][&platform], 1);
    assert_eq!(
        file.get("assignmentLimits"),
        None,
        "as many as an earlier version took for granted"
    );
    let warns = async |place: &Place, file: &Value| -> String {
        place.write("seen.json", &file.to_string());
        let ended = place.offline(&["plan", "--inventory", "seen.json"]).await;
        format!("{}{}", ended.stdout, ended.stderr)
    };
    file["assignments"][&platform] = 3200.into();
    let told = format!("subscription {platform} holds 3200 role assignments, and Azure allows");
    let text = warns(&place, &file).await;
    assert!(text.contains(&format!("{told} 4000")), "{text}");
    file["assignmentLimits"] = serde_json::json!({ &platform: 4001 });
    let text = warns(&place, &file).await;
    assert!(!text.contains(&told), "{text}");
    file["assignmentLimits"] = serde_json::json!({ &platform: 4000, PAYMENTS.to_string(): 9 });
    let text = warns(&place, &file).await;
    assert!(text.contains(&format!("`{PAYMENTS}` has a limit and no `assignments`")), "{text}");
}

#[tokio::test]
async fn what_is_no_inventory_is_told() {
    let place = Place::new().await;
    for (text, words) in [
        ("{}", "missing field `format`"),
        ("[", "is not a saved inventory"),
        (
            "{\"format\":\"tether inventory 9\",\"scope\":\"everything\",\"clusters\":[],\"registries\":[],\"grants\":[],\"assignments\":{},\"gaps\":[]}",
            "its format is `tether inventory 9`, and this version reads `tether inventory 1`",
        ),
    ] {
        place.write("seen.json", text);
        let ended = place.offline(&["plan", "--inventory", "seen.json"]).await;
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
    let ended = place.offline(&["plan", "--inventory", "nowhere.json"]).await;
    assert!(ended.stderr.contains("cannot read the inventory `nowhere.json`"), "{}", ended.stderr);
}

#[tokio::test]
async fn without_an_estate_there_is_nothing_to_look_at() {
    let place = Place::new().await;
    let ended = place.offline(&["plan"]).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("TETHER_SUBSCRIPTIONS is missing"), "{}", ended.stderr);
}

#[tokio::test]
async fn many_changes_are_told_by_reason_and_registry() {
    let place = Place::new().await;
    for number in 0..12 {
        let name = format!("acrshop{number:02}");
        let registry = RegistrySpec::new(PLATFORM, "images", &name);
        let registry = registry.tag("acr-attach", "auto").tag("team", "shop");
        place.azure.create_registry(&registry).unwrap();
    }
    for number in 0..5 {
        let name = format!("aks{number}");
        let cluster = ClusterSpec::new(PAYMENTS, "shop", &name);
        let cluster = cluster.tag("acr-attach", "auto").tag("team", "shop");
        place.azure.create_cluster(&cluster).unwrap();
    }
    place.clock.advance(std::time::Duration::from_secs(300));
    place.azure.catch_up_graph();
    let ended = place.tether(&["plan"]).await;
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "attach 60",
            "  rule `same-team` wants it: 60",
            "    + acrshop00 as AcrPull ← 5: aks0, aks1, aks2 and 2 more",
        ]
    );
    assert_eq!(
        lines[12..],
        [
            "    and 10 at 2 more registries; --all lists them",
            "60 to attach, 0 to detach, 0 held, 0 as they should be",
        ]
    );
    let all = place.tether(&["plan", "--all"]).await;
    assert_eq!(all.stdout.lines().count(), 62);
}
