//! A new look changes what is shown, and nothing of what whoever looks has chosen, opened or come to.

use tether::emulator::world::PLATFORM;

use crate::browser::{Browser, key};
use crate::worlds;

/// The data of the page after a look that begins a second later and sees one cluster more, first of all
const NEW_LOOK: &str = "
    const data = structuredClone(model.data);
    data.observed_at = new Date(Date.parse(data.observed_at) + 1000).toISOString();
    const [first] = data.clusters;
    data.clusters.unshift({ ...first, id: first.id.replace('aks-cart', 'aks-aaa'), name: 'aks-aaa' });
    for (const pair of data.pairs) pair.cluster += 1;
    data.counts.clusters += 1;";

async fn look_anew(browser: &Browser) {
    browser.run(&format!("{NEW_LOOK} showAll(data)")).await;
}

async fn focus(browser: &Browser) -> String {
    let label = "const { ariaLabel, textContent, id } = document.activeElement; return ariaLabel || id || textContent";
    browser.run(label).await.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_keyboard_stays_at_its_pair() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let pair = "aks-tools, acrbilling: extra";
    browser.click(&format!("[aria-label='{pair}']")).await;
    look_anew(&browser).await;
    browser.press(&[key::ESCAPE]).await;
    // The browser tells of the closed dialog a moment later, and only then the focus goes back.
    let is_back = format!("document.activeElement.ariaLabel === '{pair}'");
    browser.until(&is_back).await;
    look_anew(&browser).await;
    assert_eq!(focus(&browser).await, pair);
    browser.press(&[key::ENTER]).await;
    assert_eq!(browser.heard("#story").await.1, "aks-tools → acrbilling: extra");
    browser.press(&[key::ESCAPE]).await;
    browser.until(&is_back).await;
    let fewer = "
        data.pairs = data.pairs.filter((pair) => pair.cluster < data.clusters.length - 2);
        data.clusters = data.clusters.slice(0, -2);";
    browser.run(&format!("{NEW_LOOK} {fewer} showAll(data)")).await;
    let last = browser.run("return document.querySelector('#matrix').ariaRowCount - 2").await;
    let place = browser.run("return Number(document.activeElement.dataset.row)").await;
    assert_eq!(place, last, "the last, where the pair is gone");
}

#[tokio::test]
async fn the_keyboard_stays_at_its_button() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    browser.run("document.querySelector('[data-filter-state=held]').focus()").await;
    browser
        .run("const data = structuredClone(model.data); data.counts.held = 1234; showAll(data)")
        .await;
    let button =
        "return [document.activeElement.dataset.filterState, document.activeElement.dataset.count]";
    assert_eq!(browser.run(button).await, serde_json::json!(["held", "1234"]));
    assert_eq!(browser.heard("[data-filter-state=held]").await.1, "held 1,234");
}

#[tokio::test]
async fn the_subscription_that_is_asked_for_stays_in_its_field() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    browser.write("#filter-subscription", &PLATFORM.to_string()).await;
    browser.run("document.querySelector('#filter-subscription').focus()").await;
    look_anew(&browser).await;
    assert_eq!(focus(&browser).await, "filter-subscription");
    let value = "return document.querySelector('#filter-subscription').value";
    assert_eq!(browser.run(value).await, PLATFORM.to_string());
    assert_eq!(browser.text("#summary").await, "6 of 7 clusters, 5 of 6 registries");
}

#[tokio::test]
async fn what_was_opened_stays_open_and_what_was_closed_stays_closed() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.device(390, 844).await;
    browser.open(&worlds::url(&world)).await;
    browser.run("document.querySelector('#next [data-kind=attach]').open = false").await;
    browser.click("#list > li:nth-child(2) details summary").await;
    browser.until("document.querySelector('#list details button')").await;
    let kept = "return document.querySelector('#list details[open]').closest('li').innerText";
    let opened = browser.run(kept).await;
    for _ in 0..2 {
        look_anew(&browser).await;
        assert!(focus(&browser).await.ends_with("not attached"), "{}", focus(&browser).await);
        let open = "return document.querySelectorAll('#list details[open]').length";
        assert_eq!(browser.run(open).await, 1);
        browser.until("document.querySelector('#list details[open] button')").await;
        assert_eq!(browser.run(kept).await, opened);
        let closed = "return document.querySelector('#next [data-kind=attach]').open";
        assert_eq!(browser.run(closed).await, false);
        browser.run("document.querySelector('#list details[open] summary').focus()").await;
    }
    let lines = "
        const data = structuredClone(model.data);
        data.next.attach = Array.from({ length: 60 }, (_, place) => `line ${place}`);
        showAll(data)";
    browser.run(lines).await;
    browser.run("document.querySelector('#next [data-kind=attach]').open = true").await;
    browser.click("#next [data-kind=attach] > button").await;
    look_anew(&browser).await;
    let shown = "return document.querySelectorAll('#next [data-kind=attach] li').length";
    assert_eq!(browser.run(shown).await, 60);
}

#[tokio::test]
async fn an_older_look_of_another_instance_is_not_taken() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let summary = browser.text("#summary").await;
    let older =
        "data.observed_at = new Date(Date.parse(model.data.observed_at) - 1000).toISOString();";
    browser.run(&format!("{NEW_LOOK} {older} window.ask = async () => data")).await;
    browser.click("#look-again").await;
    browser.until("document.querySelector('#looked').textContent.includes('kept 60 s')").await;
    assert_eq!(browser.text("#summary").await, summary);
    browser.run(&format!("{NEW_LOOK} window.ask = async () => data")).await;
    browser.click("#look-again").await;
    browser.until("document.querySelector('#summary').textContent.startsWith('7 of 7')").await;
}

#[tokio::test]
async fn more_clusters_of_the_list_take_the_keyboard() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.device(390, 844).await;
    browser.open(&worlds::url(&world)).await;
    let many = "
        const data = structuredClone(model.data);
        const [first] = data.clusters;
        data.clusters = Array.from({ length: 150 }, (_, place) => {
          const name = `aks-${String(place).padStart(3, '0')}`;
          return { ...first, name, id: first.id.replace('aks-cart', name) };
        });
        showAll(data)";
    browser.run(many).await;
    browser.click("#more").await;
    let there = "const { tagName, firstChild } = document.activeElement; return [tagName, firstChild.textContent]";
    assert_eq!(browser.run(there).await, serde_json::json!(["LI", "aks-100"]));
}
