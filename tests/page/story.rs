//! Why a pair is as it is: asked by mouse and by keyboard.

use crate::browser::{Browser, key};
use crate::worlds;

/// What of the page has the keyboard
async fn focus(browser: &Browser) -> String {
    let label = "return document.activeElement.ariaLabel || document.activeElement.id";
    browser.run(label).await.as_str().unwrap().to_owned()
}

async fn until_told(browser: &Browser) {
    browser
        .until("document.querySelector('#story-text').textContent.includes('By the policy')")
        .await;
}

#[tokio::test]
async fn a_click_tells_what_explain_prints() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    let url = worlds::url(&world);
    browser.open(&url).await;
    browser.click("[aria-label='aks-young, acrshop: held']").await;
    until_told(&browser).await;
    let client = tether::azure::http_client().unwrap();
    let trace = client.get(format!("{url}&cluster=aks-young&registry=acrshop")).send();
    let trace: serde_json::Value = trace.await.unwrap().json().await.unwrap();
    let shown = browser.run("return document.querySelector('#story-text').textContent").await;
    assert_eq!(shown, trace["text"]);
    let dialog = browser.heard("#story").await;
    assert_eq!(dialog, ("dialog".to_owned(), "aks-young → acrshop: held".to_owned()));
    browser.click("#story-close").await;
    browser.until("!document.querySelector('#story').open").await;
    assert_eq!(focus(&browser).await, "aks-young, acrshop: held");
    browser.click("[aria-label='aks-cart, acrlegal: not attached']").await;
    until_told(&browser).await;
    let why_not = browser.text("#story-text").await;
    assert!(why_not.contains("disabled"), "why not can be asked, too: {why_not}");
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn everything_can_be_done_by_keyboard() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let mut passed = Vec::new();
    while !focus(&browser).await.contains(": ") {
        browser.press(&[key::TAB]).await;
        passed.push(focus(&browser).await);
        assert!(passed.len() < 30, "the matrix is never reached: {passed:?}");
    }
    for id in ["look-again", "filter-text", "filter-tag", "filter-subscription"] {
        assert!(passed.iter().any(|one| one == id), "{id} is not reached: {passed:?}");
    }
    assert_eq!(focus(&browser).await, "aks-cart, acrbase: pinned");
    for (keys, there) in [
        (&[key::RIGHT][..], "aks-cart, acrbilling: not attached"),
        (&[key::DOWN, key::LEFT], "aks-checkout, acrbase: not attached"),
        (&[key::LEFT], "aks-checkout, acrbase: not attached"),
        (&[key::END], "aks-checkout, acrshop: attached"),
        (&[key::PAGE_DOWN], "aks-young, acrshop: held"),
        (&[key::HOME], "aks-young, acrbase: not attached"),
    ] {
        browser.press(keys).await;
        assert_eq!(focus(&browser).await, there, "{keys:?}");
    }
    browser.press_with(key::CONTROL, key::HOME).await;
    assert_eq!(focus(&browser).await, "aks-cart, acrbase: pinned");
    browser.press_with(key::CONTROL, key::END).await;
    let last = "aks-young, acrshop: held";
    assert_eq!(focus(&browser).await, last);
    let stops = "return document.querySelectorAll('#matrix [tabindex=\"0\"]').length";
    assert_eq!(browser.run(stops).await, 1, "the matrix is one stop");
    let outline = "return getComputedStyle(document.activeElement).outlineWidth";
    assert_eq!(browser.run(outline).await, "2px", "and it can be seen where the keyboard is");
    browser.press(&[key::ENTER]).await;
    until_told(&browser).await;
    assert_eq!(
        browser.run("return document.querySelector('#story').matches(':modal')").await,
        true
    );
    browser.press(&[key::ESCAPE]).await;
    browser.until("!document.querySelector('#story').open").await;
    assert_eq!(focus(&browser).await, last);
}

#[tokio::test]
async fn focus_returns_to_the_pair_though_the_matrix_was_drawn_anew_meanwhile() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let pair = "aks-young, acrshop: held";
    browser.click(&format!("[aria-label='{pair}']")).await;
    until_told(&browser).await;
    browser.run("window.before = document.querySelector('[role=gridcell][data-state=held]')").await;
    browser.run("location.hash = 'text=young'").await;
    browser.until("!window.before.isConnected").await;
    browser.press(&[key::ESCAPE]).await;
    browser.until("!document.querySelector('#story').open").await;
    browser.until(&format!("document.activeElement.ariaLabel === '{pair}'")).await;
}

#[tokio::test]
async fn keys_that_are_the_browsers_stay_so() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    let pair = "aks-cart, acrbase: pinned";
    browser.run("document.querySelector('#matrix [tabindex=\"0\"]').focus()").await;
    for (pressed, held) in [
        ("ArrowLeft", "altKey"),
        ("ArrowRight", "altKey"),
        ("Home", "altKey"),
        ("Enter", "altKey"),
        ("ArrowRight", "metaKey"),
        ("ArrowDown", "metaKey"),
    ] {
        let press = format!(
            "const event = new KeyboardEvent('keydown', {{ key: '{pressed}', {held}: true, bubbles: true, cancelable: true }});
             return document.activeElement.dispatchEvent(event)"
        );
        assert_eq!(browser.run(&press).await, true, "{held} and {pressed}");
        assert_eq!(focus(&browser).await, pair, "{held} and {pressed}");
    }
}
