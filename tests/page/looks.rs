//! Light and dark, wide and narrow; and pictures for the README.

use std::path::PathBuf;

use serde_json::Value;

use crate::browser::Browser;
use crate::told::told;
use crate::worlds;

/// How texts stand out from what is behind them, as WCAG counts it, for every text in sight: the texts
/// that stand out least
const CONTRASTS: &str = r"
    const channels = (color) => color.match(/[\d.]+/g).map(Number);
    const light = (color) => {
      const [r, g, b] = channels(color).slice(0, 3).map((c) => c / 255)
        .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const color = getComputedStyle(at).backgroundColor;
        if ((channels(color)[3] ?? 1) > 0) return color;
      }
      return 'rgb(255, 255, 255)';
    };
    const found = [];
    for (const element of document.querySelectorAll('body *')) {
      const said = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
      if (!said || !element.checkVisibility() || element.getAttribute('aria-disabled') === 'true') continue;
      const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
      const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      found.push([contrast, `${element.tagName} ${element.textContent.slice(0, 40)}`]);
    }
    return found.sort((a, b) => a[0] - b[0]).slice(0, 5).concat([[found.length, 'texts']])";

async fn check_contrasts(browser: &Browser, what: &str) {
    let found = browser.run(CONTRASTS).await;
    let found = found.as_array().unwrap();
    let (count, least) = (found.last().unwrap(), &found[0]);
    assert!(count[0].as_u64().unwrap() > 30, "{what}: too few texts: {count}");
    assert!(least[0].as_f64().unwrap() >= 4.5, "{what}: {found:?}");
}

#[tokio::test]
async fn texts_stand_out_in_light_and_in_dark() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.scheme(scheme).await;
        browser.open(&worlds::url(&world)).await;
        let ground = browser.run("return getComputedStyle(document.body).backgroundColor").await;
        grounds.push(ground);
        check_contrasts(&browser, scheme).await;
        browser.click("[data-filter-state=held]").await;
        check_contrasts(&browser, &format!("{scheme}, filtered")).await;
        browser.click("[aria-label='aks-young, acrshop: held']").await;
        check_contrasts(&browser, &format!("{scheme}, with a story")).await;
    }
    assert_ne!(grounds[0], grounds[1]);
}

#[tokio::test]
async fn no_state_is_told_by_colour_alone() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let symbols = browser
        .run(
            "return [...document.querySelectorAll('[role=gridcell]:not([data-state=none])')].map((cell) => [cell.dataset.state, cell.textContent])",
        )
        .await;
    let mut symbols: Vec<(String, String)> = serde_json::from_value(symbols).unwrap();
    symbols.sort();
    symbols.dedup();
    assert_eq!(symbols.len(), 7, "{symbols:?}");
    symbols.sort_by(|a, b| a.1.cmp(&b.1));
    symbols.dedup_by(|a, b| a.1 == b.1);
    assert_eq!(symbols.len(), 7, "two states have one symbol: {symbols:?}");
}

#[tokio::test]
async fn a_narrow_window_has_a_list() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.device(390, 844).await;
    browser.open(&worlds::url(&world)).await;
    let is_seen =
        "return ['#viewport', '#list'].map((one) => document.querySelector(one).checkVisibility())";
    assert_eq!(browser.run(is_seen).await, serde_json::json!([false, true]));
    let list = browser.text("#list").await;
    for line in ["aks-young", "acrshop", "held", "not attached"] {
        assert!(list.contains(line), "{list}");
    }
    let width = "return document.documentElement.scrollWidth";
    assert_eq!(browser.run(width).await, 390, "nothing sticks out");
    browser.click("#list details summary").await;
    browser.until("document.querySelector('#list details button')").await;
    browser.click("#list details button").await;
    browser
        .until("document.querySelector('#story-text').textContent.includes('By the policy')")
        .await;
    assert_eq!(browser.run(width).await, 390);
    browser.click("#story-close").await;
    browser.device(1280, 800).await;
    browser.until("document.querySelector('#viewport').checkVisibility()").await;
    assert_eq!(browser.run(is_seen).await, serde_json::json!([true, false]));
}

#[tokio::test]
async fn pictures_are_taken_where_they_are_asked_for() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    for scheme in ["light", "dark"] {
        browser.scheme(scheme).await;
        browser.open(&worlds::url(&world)).await;
        // A moving age would make another picture each time.
        let still = "document.querySelector('#age').textContent = 'seen 4 s ago'";
        browser.run(&format!("clearInterval(ticking); {still}")).await;
        let picture = browser.picture().await;
        let size = picture.len();
        assert!(picture.starts_with(b"\x89PNG") && size < 150_000, "{scheme}: {size} bytes");
        if let Some(folder) = told::<PathBuf>("TETHER_SCREENSHOTS") {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(format!("status-{scheme}.png")), picture).unwrap();
        }
    }
    let shown = browser.run("return [innerWidth, innerHeight]").await;
    assert_eq!(shown, Value::from(vec![1280, 800]));
}
