//! 2,000 clusters by 200 registries: the page stays small and quick.

use std::time::Duration;

use serde_json::Value;
use tether::emulator::host::Host;

use crate::browser::{Browser, key};
use crate::estate::{Emulated, Size};
use crate::estate_host;
use crate::worlds;

const LARGE: Size = Size { clusters: 2000, registries: 200, subscriptions: 4 };

/// The most elements that the page may have at once: a matrix that is all there has 400,000
const MOST_ELEMENTS: u64 = 6000;

/// The longest that typing a letter or scrolling a page may keep the browser busy, in milliseconds.
/// Generous: this is a debug build's neighbour on a small, busy machine, and a matrix that is all there
/// takes many seconds.
const LONGEST_TASK: f64 = 500.0;

/// The longest that the matrix may take to be shown once its data is there, as generous
const LONGEST_LOAD: f64 = 3000.0;

/// Keeps what keeps the browser busy for more than 50 ms from here on.
const WATCH: &str = "
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((one) => one.duration)))
      .observe({ type: 'longtask' });";

/// Scrolls by pages, down and to the right, and gives what each step took until it was drawn.
const SCROLL: &str = "
    const view = document.querySelector('#viewport');
    const took = [];
    const step = (left) => {
      if (left === 0) return done(took);
      const start = performance.now();
      view.scrollBy(left % 2 ? 0 : view.clientWidth / 2, left % 2 ? view.clientHeight : 0);
      requestAnimationFrame(() => requestAnimationFrame(() => {
        took.push(performance.now() - start);
        step(left - 1);
      }));
    };
    step(40);";

async fn elements(browser: &Browser) -> u64 {
    browser.run("return document.querySelectorAll('*').length").await.as_u64().unwrap()
}

fn most(figures: &Value) -> f64 {
    let figures = figures.as_array().unwrap().iter();
    figures.map(|one| one.as_f64().unwrap()).fold(0.0, f64::max)
}

async fn estate(size: Size) -> (Emulated, Host) {
    let estate = Emulated::start(size, None).await;
    let mut wanted = estate.wanted();
    // Some are missing.
    let kept = wanted.len() - wanted.len() / 10;
    wanted = wanted.into_iter().take(kept).collect();
    estate_host::assign(&estate, &wanted);
    let host = estate_host::start(&estate, size).await;
    (estate, host)
}

#[expect(clippy::print_stdout, reason = "figures, for whoever wants to see them")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_matrix_of_2000_by_200_stays_quick() {
    let small = worlds::every_state().await;
    let browser = Browser::start().await;
    browser.open(&worlds::url(&small)).await;
    let few = elements(&browser).await;
    drop(small);
    let (_estate, host) = estate(LARGE).await;
    browser.open(&host.function_url("status").unwrap()).await;
    let summary = browser.text("#summary").await;
    assert_eq!(summary, "2,000 of 2,000 clusters, 200 of 200 registries");
    let load = browser
        .run("const [load] = performance.getEntriesByType('navigation'); return load.domComplete - load.responseEnd")
        .await;
    let many = elements(&browser).await;
    browser.run(WATCH).await;
    let scrolled = browser.run_until_done(SCROLL).await;
    let most_at_once = elements(&browser).await;
    browser.write("#filter-text", "cluster0123").await;
    assert_eq!(browser.text("#summary").await.split(' ').next(), Some("10"));
    browser.click("#clear-filters").await;
    browser.click("[data-filter-state=missing]").await;
    browser.click("[data-filter-state=missing]").await;

    browser.run("document.querySelector('#matrix [tabindex=\"0\"]').focus()").await;
    browser.press_with(key::CONTROL, key::END).await;
    let last = browser.run("return document.activeElement.ariaLabel").await;
    assert!(last.as_str().unwrap().starts_with("Cluster01999, Registry0199: "), "{last}");
    let place = browser
        .run("const { top, bottom } = document.activeElement.getBoundingClientRect(); const view = document.querySelector('#viewport').getBoundingClientRect(); return view.top < top && bottom <= view.bottom + 1")
        .await;
    assert_eq!(place, true, "and it can be seen");

    tokio::time::sleep(Duration::from_millis(200)).await;
    let tasks = browser.run("return window.tasks").await;
    println!(
        "2,000 x 200: {many} elements, {most_at_once} after scrolling ({few} for 6 x 6); shown {:.0} ms \
         after the last byte; a step of scrolling at most {:.0} ms; the longest of {} long tasks {:.0} ms",
        load.as_f64().unwrap(),
        most(&scrolled),
        tasks.as_array().unwrap().len(),
        most(&tasks)
    );
    assert!(many.max(most_at_once) < MOST_ELEMENTS, "{many}, {most_at_once}");
    assert!(most(&tasks) < LONGEST_TASK, "{tasks}");
    assert!(load.as_f64().unwrap() < LONGEST_LOAD, "{load}");
    assert_eq!(browser.console().await, Vec::<String>::new());
    assert_eq!(host.violations(), Vec::<String>::new());
}
