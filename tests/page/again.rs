//! A new look changes what is shown, and nothing of what whoever looks has chosen, opened or come to.

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
    browser.until("!document.querySelector('#story').open").await;
    assert_eq!(focus(&browser).await, pair);
    look_anew(&browser).await;
    assert_eq!(focus(&browser).await, pair);
    browser.press(&[key::ENTER]).await;
    assert_eq!(browser.heard("#story").await.1, "aks-tools → acrbilling: extra");
    browser.press(&[key::ESCAPE]).await;
    browser.until("!document.querySelector('#story').open").await;
    let fewer = "
        data.pairs = data.pairs.filter((pair) => pair.cluster < data.clusters.length - 2);
        data.clusters = data.clusters.slice(0, -2);";
    browser.run(&format!("{NEW_LOOK} {fewer} showAll(data)")).await;
    let last = browser.run("return document.querySelector('#matrix').ariaRowCount - 2").await;
    let place = browser.run("return Number(document.activeElement.dataset.row)").await;
    assert_eq!(place, last, "the last, where the pair is gone");
}
