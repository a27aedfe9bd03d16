//! What the page shows is what the function says, to the eye and to whoever has it read aloud.

use serde_json::{Value, json};
use tether::emulator::world::{PLATFORM, World};

use crate::browser::Browser;
use crate::worlds;

pub(crate) const STATES: [&str; 7] =
    ["attached", "pinned", "foreign", "missing", "extra", "held", "unknown"];

/// What a program gets
async fn status(world: &World) -> Value {
    let client = tether::azure::http_client().unwrap();
    let request = client.get(worlds::url(world)).header("Accept", "application/json");
    request.send().await.unwrap().json().await.unwrap()
}

/// The cells of the matrix that say something: their names for whoever hears them
async fn cells(browser: &Browser) -> Vec<String> {
    let cells = browser
        .run(
            "return [...document.querySelectorAll('[role=gridcell]:not([data-state=none])')]
               .map((cell) => cell.getAttribute('aria-label'))",
        )
        .await;
    let mut cells: Vec<String> = serde_json::from_value(cells).unwrap();
    cells.sort();
    cells
}

#[tokio::test]
async fn every_pair_is_shown_as_the_function_says_it_is() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let told = status(&world).await;
    let name = |list: &str, place: &Value| {
        told[list][usize::try_from(place.as_u64().unwrap()).unwrap()]["name"].as_str().unwrap()
    };
    let pairs = told["pairs"].as_array().unwrap().iter();
    let mut expected: Vec<String> = pairs
        .map(|pair| {
            let (cluster, registry) =
                (name("clusters", &pair["cluster"]), name("registries", &pair["registry"]));
            format!("{cluster}, {registry}: {}", pair["state"].as_str().unwrap())
        })
        .collect();
    expected.sort();
    assert_eq!(cells(&browser).await, expected);
    let all = browser.run("return document.querySelectorAll('[role=gridcell]').length").await;
    assert_eq!(all, 6 * 6, "and the others are there, too");
    for state in STATES {
        let count = told["counts"][state].as_u64().unwrap();
        assert!(count > 0, "no pair is {state}: {told}");
        let button = browser.text(&format!("[data-filter-state={state}]")).await;
        assert!(button.contains(state) && button.ends_with(&count.to_string()), "{button}");
    }
    let next = browser.text("#next").await;
    for line in told["next"]["attach"].as_array().unwrap() {
        let line = line.as_str().unwrap().replace('`', "");
        assert!(next.contains(&line), "`{line}` is not in:\n{next}");
    }
    assert!(next.contains("aks-young → acrshop"), "{next}");
    let facts = browser.text("#facts").await;
    for fact in ["contoso", "attach-only", "6 clusters, 6 registries"] {
        assert!(facts.contains(fact), "{facts}");
    }
    let quotas = browser.text("#quotas").await;
    assert!(quotas.contains(&PLATFORM.to_string()) && quotas.contains("of 4,000"), "{quotas}");
    assert_eq!(browser.console().await, Vec::<String>::new());
    assert_eq!(world.host.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn roles_and_names_tell_what_the_eye_sees() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    for (selector, role, label) in [
        ("#matrix", "grid", "Who may pull from where"),
        ("#matrix [data-column='0'].column", "columnheader", "acrbase"),
        ("#matrix [role=rowheader]", "rowheader", "aks-cart"),
        ("#matrix [data-row='0'][data-column='0']", "gridcell", "aks-cart, acrbase: pinned"),
        ("#filter-text", "searchbox", "Name"),
        ("#filter-subscription", "combobox", "Subscription"),
        ("#clear-filters", "button", "Clear"),
        ("#look-again", "button", "Look again"),
        ("#summary", "status", ""),
        ("#counts", "group", "Show pairs by state"),
    ] {
        let heard = browser.heard(selector).await;
        assert_eq!(heard, (role.to_owned(), label.to_owned()), "{selector}");
    }
    let (role, label) = browser.heard("[data-filter-state=held]").await;
    assert_eq!(role, "button");
    assert!(label.starts_with("held "), "{label}: the symbol is for the eye");
    let counted = browser
        .run("const { ariaRowCount, ariaColCount } = document.querySelector('#matrix'); return [ariaRowCount, ariaColCount]")
        .await;
    assert_eq!(counted, json!(["7", "7"]), "with the heads");
}

#[tokio::test]
async fn what_could_not_be_seen_is_said_first() {
    let world = worlds::unseen().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let notice = browser.text("#unseen").await;
    assert!(notice.contains(&format!("subscription {PLATFORM} did not answer")), "{notice}");
    let places = browser
        .run(
            "return ['#unseen', '#matrix-title'].map((one) => document.querySelector(one).getBoundingClientRect().top)",
        )
        .await;
    assert!(places[0].as_f64() < places[1].as_f64(), "{places}");
    assert_eq!(browser.text("#summary").await, "6 of 6 clusters, 1 of 1 registry");
    assert!(!browser.text("#next").await.contains("everything is as the policy wants it"));
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_empty_estate_says_that_it_is() {
    let world = worlds::empty().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let nothing = browser.text("#nothing").await;
    assert!(nothing.contains("0 clusters and 0 registries"), "{nothing}");
    assert!(browser.text("#next").await.contains("Nothing"));
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn looking_again_shows_what_has_changed_or_says_how_long_a_look_is_kept() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    browser.click("#look-again").await;
    browser.until("document.querySelector('#looked').textContent.includes('kept 60 s')").await;
    assert!(browser.text("#age").await.starts_with("seen "));
    let first = browser.text("#age").await;
    browser.until(&format!("document.querySelector('#age').textContent !== '{first}'")).await;
    let before = cells(&browser).await;
    drop(world);
    browser.click("#look-again").await;
    browser.until("!document.querySelector('#trouble').hidden").await;
    let trouble = browser.text("#trouble").await;
    assert!(trouble.contains("could not be looked at again"), "{trouble}");
    assert!(!before.is_empty());
    assert_eq!(cells(&browser).await, before, "and what was seen is still there");
}
