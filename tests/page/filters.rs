//! Finding one pair among many, and passing on what was found.

use tether::emulator::world::PLATFORM;

use crate::browser::Browser;
use crate::browser::key;
use crate::worlds;

async fn address(browser: &Browser) -> String {
    browser.run("return location.href").await.as_str().unwrap().to_owned()
}

async fn heads(browser: &Browser) -> (Vec<String>, Vec<String>) {
    let texts = |selector: &str| {
        format!("return [...document.querySelectorAll('{selector}')].map((one) => one.textContent)")
    };
    let rows = browser.run(&texts("[role=rowheader]")).await;
    let columns = browser.run(&texts(".column")).await;
    (serde_json::from_value(rows).unwrap(), serde_json::from_value(columns).unwrap())
}

#[track_caller]
fn check(found: &(Vec<String>, Vec<String>), rows: &[&str], columns: &[&str]) {
    assert_eq!((&found.0[..], &found.1[..]), (&strings(rows)[..], &strings(columns)[..]));
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn by_name_tag_subscription_and_state() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    assert_eq!(browser.text("#summary").await, "6 of 6 clusters, 6 of 6 registries");

    browser.write("#filter-text", "TOOLS").await;
    check(&heads(&browser).await, &["aks-tools"], &["acrbase", "acrbilling"]);
    assert_eq!(browser.text("#summary").await, "1 of 6 clusters, 2 of 6 registries");
    browser.click("#clear-filters").await;

    browser.write("#filter-tag", "team=billing").await;
    let found = heads(&browser).await;
    check(&found, &["aks-payments", "aks-tools"], &["acrbase", "acrbilling"]);
    browser.click("#clear-filters").await;

    browser.click("[data-filter-state=held]").await;
    check(&heads(&browser).await, &["aks-young"], &["acrshop"]);
    assert_eq!(
        browser.run("return document.querySelector('[data-filter-state=held]').ariaPressed").await,
        "true"
    );
    browser.click("[data-filter-state=extra]").await;
    check(&heads(&browser).await, &["aks-tools", "aks-young"], &["acrbilling", "acrshop"]);
    browser.click("#clear-filters").await;

    browser.write("#filter-subscription", &PLATFORM.to_string()).await;
    assert_eq!(browser.text("#summary").await, "6 of 6 clusters, 5 of 6 registries");
    browser.click("#clear-filters").await;
    assert_eq!(browser.text("#summary").await, "6 of 6 clusters, 6 of 6 registries");
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_that_matches_is_said_also_of_names_that_every_object_has() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    for tag in ["constructor", "__proto__", "no-such-tag", "team=SHOP"] {
        browser.write("#filter-tag", tag).await;
        assert_eq!(browser.text("#nothing").await, "Nothing matches these filters.", "{tag}");
        browser.click("#clear-filters").await;
        assert_eq!(browser.text("#summary").await, "6 of 6 clusters, 6 of 6 registries");
    }
}

#[tokio::test]
async fn what_is_not_known_can_be_found_and_is_counted_as_it_is_shown() {
    let world = worlds::unstated().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let (role, label) = browser.heard("#matrix [aria-rowindex='3'] [role=rowheader]").await;
    assert_eq!(role, "rowheader");
    assert!(
        label.starts_with("aks-legacy, not all seen: it pulls as a service principal"),
        "{label}"
    );
    let states = "return [...document.querySelectorAll('[role=gridcell]')].map((one) => one.dataset.state).join()";
    assert_eq!(browser.run(states).await, "none,none,unknown,unknown");
    assert_eq!(browser.heard("[data-filter-state=unknown]").await.1, "unknown 2");
    browser.click("[data-filter-state=unknown]").await;
    check(&heads(&browser).await, &["? aks-legacy"], &["acrbase", "acrshop"]);
    browser.click("#clear-filters").await;
    browser.write("#filter-text", "acrshop").await;
    check(&heads(&browser).await, &["? aks-legacy"], &["acrshop"]);
}

#[tokio::test]
async fn a_view_can_be_passed_on_and_the_key_is_not_in_it() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    let url = worlds::url(&world);
    browser.open(&url).await;
    let plain = url.split('?').next().unwrap();
    assert_eq!(address(&browser).await, plain);
    browser.write("#filter-tag", "team=shop").await;
    browser.click("[data-filter-state=missing]").await;
    let view = address(&browser).await;
    assert_eq!(view, format!("{plain}#tag=team%3Dshop&state=missing"));
    let shown = browser.text("#summary").await;
    let (_, fragment) = view.split_once('#').unwrap();
    browser.open(&format!("{url}#{fragment}")).await;
    assert_eq!(browser.text("#summary").await, shown);
    assert_eq!(address(&browser).await, view);
    // The link past the head moves the keyboard, and nothing else.
    browser.press(&[key::TAB, key::ENTER]).await;
    assert_eq!(browser.run("return document.activeElement.id").await, "matrix-title");
    assert_eq!(address(&browser).await, view);
    assert_eq!(browser.text("#summary").await, shown);
}

#[tokio::test]
async fn every_tag_that_is_suggested_finds_who_has_it() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let odd = "
        const data = structuredClone(model.data);
        const tools = data.clusters.find(({ name }) => name === 'aks-tools');
        Object.assign(tools.tags, { 'a=b': 'c', space: 'behind ', '': 'nameless' });
        showAll(data)";
    browser.run(odd).await;
    let suggested = "return [...document.querySelectorAll('#tags option')].map((one) => one.value)";
    let suggested: Vec<String> = serde_json::from_value(browser.run(suggested).await).unwrap();
    for tag in ["a=b=c", "space=behind ", "=nameless"] {
        assert!(suggested.iter().any(|one| one == tag), "{suggested:?}");
        browser.write("#filter-tag", &format!(" {tag}")).await;
        assert_eq!(heads(&browser).await.0, ["aks-tools"], "{tag}");
        browser.click("#clear-filters").await;
    }
}
