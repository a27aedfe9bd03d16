//! What strangers write is text, the key stays here, and nothing else runs or is asked.

use crate::browser::Browser;
use crate::worlds::{self, TRICKS};

#[tokio::test]
async fn what_tags_hold_is_shown_as_text_and_runs_nowhere() {
    let world = worlds::hostile().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    browser.click("[aria-label='aks-shop, acrshop: missing']").await;
    browser
        .until("document.querySelector('#story-text').textContent.includes('By the policy')")
        .await;
    let tags = browser.text("#story-ends").await;
    for (number, trick) in TRICKS.into_iter().enumerate() {
        let seen: String = trick
            .chars()
            .map(|c| match c {
                '\u{202e}' | '\u{2028}' | '\u{7f}' => format!("\\u{:04x}", u32::from(c)),
                c => c.to_string(),
            })
            .collect();
        let line = format!("trick{number}={seen}");
        assert_eq!(tags.matches(&line).count(), 2, "`{line}` is not twice in:\n{tags}");
    }
    assert!(!browser.has_alert().await);
    let foreign = "return document.querySelectorAll('img, iframe, object, embed, body script:not(#data)').length";
    assert_eq!(browser.run(foreign).await, 1, "more than the one script of the page");
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_address_that_means_harm_is_text_too() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    let url = worlds::url(&world);
    for trick in TRICKS {
        let text: String = url::form_urlencoded::byte_serialize(trick.as_bytes()).collect();
        let fragment = format!("text={text}&tag={text}&subscription={text}&state={text}");
        browser.open(&format!("{url}#{fragment}")).await;
        assert_eq!(browser.text("#nothing").await, "Nothing matches these filters.", "{trick}");
        let field = "return document.querySelector('#filter-tag').value";
        assert_eq!(browser.run(field).await, trick);
        assert!(!browser.has_alert().await, "{trick}");
    }
    for fragment in ["%", "%ff=%ff", "state=%00,held,__proto__", "=&&=", "text"] {
        browser.open(&format!("{url}#{fragment}")).await;
        let summary = browser.text("#summary").await;
        assert!(summary.ends_with(" of 6 registries"), "{fragment}: {summary}");
    }
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn only_the_scripts_of_the_page_run_and_only_its_function_is_asked() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    browser.click("#look-again").await;
    browser.until("document.querySelector('#looked').textContent.includes('kept')").await;
    assert_eq!(browser.console().await, Vec::<String>::new());
    let url = worlds::url(&world);
    let (plain, key) = url.split_once("?code=").unwrap();
    let requests = browser.requests().await;
    let left: Vec<_> = requests.iter().map(|(url, _)| url.as_str()).collect();
    assert_eq!(left, [&url, plain], "the page, and its look");
    let (_, headers) = requests.last().unwrap();
    assert_eq!(headers["x-functions-key"], key);
    assert!(headers["Referer"].as_str().unwrap_or_default().is_empty(), "{headers}");

    let ran = browser
        .run(
            "const script = document.createElement('script'); script.textContent = 'window.ran = 1';
             document.body.append(script);
             const div = document.createElement('div'); div.setAttribute('onclick', 'window.ran = 2');
             div.setAttribute('style', 'width: 7px'); document.body.append(div); div.click();
             return [window.ran ?? null, getComputedStyle(div).width === '7px']",
        )
        .await;
    assert_eq!(ran, serde_json::json!([null, false]));
    let reached = browser
        .run_until_done(
            "fetch('http://127.0.0.2:9/').then(() => done('reached'), (error) => done(error.name))",
        )
        .await;
    assert_eq!(reached, "TypeError");
    let refused = browser.console().await;
    for directive in ["script-src", "style-src", "connect-src"] {
        let is_named = refused.iter().any(|line| line.contains(directive));
        assert!(is_named, "{directive} stopped nothing: {refused:?}");
    }
}

#[tokio::test]
async fn the_key_leaves_the_address_and_is_kept_nowhere() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    let url = worlds::url(&world);
    let key = url.split_once("code=").unwrap().1;
    browser.open(&url).await;
    let places = browser
        .run(
            "return [location.href, document.URL, document.documentElement.outerHTML, document.cookie,
               JSON.stringify(history.state), JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }),
               window.name, document.title].map(String)",
        )
        .await;
    for place in places.as_array().unwrap() {
        assert!(!place.as_str().unwrap().contains(key), "{place}");
    }
    // It serves what the page asks for, all the same.
    browser.click("[aria-label='aks-young, acrshop: held']").await;
    browser
        .until("document.querySelector('#story-text').textContent.includes('By the policy')")
        .await;
    let asked = "return performance.getEntriesByType('resource').map((one) => one.name).join()";
    assert!(!browser.run(asked).await.as_str().unwrap().contains(key));
}

#[tokio::test]
async fn the_key_leaves_the_address_in_whatever_case_its_name_is() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    let url = worlds::url(&world);
    let (plain, key) = url.split_once("?code=").unwrap();
    browser.open(&format!("{url}&CODE={key}&Code={key}&other=1")).await;
    assert_eq!(browser.run("return location.href").await, format!("{plain}?other=1"));
    assert_eq!(browser.run("return key").await, key);
}

#[tokio::test]
async fn a_saved_page_shows_what_it_showed() {
    let world = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    drop(world);
    open_saved(&browser).await;
    assert_eq!(browser.text("#summary").await, "6 of 6 clusters, 6 of 6 registries");
    browser.click("[aria-label='aks-young, acrshop: held']").await;
    assert!(browser.text("#story-text").await.contains("saved page"));
    assert!(browser.text("#age").await.starts_with("seen "));
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_saved_page_holds_text_only_though_no_header_watches_over_it() {
    let world = worlds::hostile().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&world)).await;
    // As after a look at something new.
    browser.run("keep(model.data); showAll(model.data)").await;
    browser.click("[aria-label='aks-shop, acrshop: missing']").await;
    open_saved(&browser).await;
    assert_eq!(browser.text("#summary").await, "1 of 1 cluster, 1 of 1 registry");
    assert!(!browser.has_alert().await);
    let foreign = "return document.querySelectorAll('img, [onerror], [onfocus], body script:not(#data)').length";
    assert_eq!(browser.run(foreign).await, 1, "more than the one script of the page");
    let tags = "return Object.values(model.data.clusters[0].tags)";
    let tags: Vec<String> = serde_json::from_value(browser.run(tags).await).unwrap();
    for trick in TRICKS {
        assert!(tags.iter().any(|tag| tag == trick), "{trick}: {tags:?}");
    }
    assert_eq!(browser.console().await, Vec::<String>::new());
}

/// Saves what the browser shows, and opens that.
async fn open_saved(browser: &Browser) {
    let saved = "return '<!doctype html>' + document.documentElement.outerHTML";
    let saved = browser.run(saved).await;
    let file = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("{}.html", uuid::Uuid::new_v4()));
    std::fs::write(&file, saved.as_str().unwrap()).unwrap();
    browser.open(&format!("file://{}", file.display())).await;
    std::fs::remove_file(&file).unwrap();
}
