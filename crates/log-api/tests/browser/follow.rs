//! The end of a log is followed, and the reader is never fought.

use serde_json::json;

use crate::page::Page;
use crate::support::{Job, shared};

async fn long_log() -> (std::sync::Arc<crate::support::Api>, Job, Page) {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..400).map(|n| format!("line {n}"))).await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    page.until_lines(400).await;
    (api, job, page)
}

/// The first row that can be seen, and how far it is from the top.
const FIRST: &str = "(() => {
    const top = scroller.getBoundingClientRect().top;
    const first = rows().find((row) => row.getBoundingClientRect().bottom > top + 1);
    return [textOf(first), Math.round(first.getBoundingClientRect().top - top)].join(' at ');
})()";

#[tokio::test]
async fn who_scrolls_up_stays_there_and_is_told_of_new_lines() {
    let (_api, job, page) = long_log().await;
    page.run("scroller.scrollBy(0, -1000); await frame(); await frame();")
        .await;
    assert_eq!(page.get("log.follow").await, json!(false));
    let seen = page.text(FIRST).await;
    job.append_all((0..123).map(|n| format!("new {n}"))).await;
    page.until_lines(523).await;
    page.until("root.querySelector('.newer').textContent === '↓ 123 new lines'")
        .await;
    assert_eq!(page.text(FIRST).await, seen);
    page.run("root.querySelector('.newer').click()").await;
    page.until("texts().at(-1) === 'new 122'").await;
    assert_eq!(page.get("log.follow").await, json!(true));
    job.append("the very last").await;
    page.until("texts().at(-1) === 'the very last'").await;
    assert_eq!(
        page.get("root.querySelector('.newer').hidden").await,
        json!(true)
    );
}

#[tokio::test]
async fn scrolling_to_the_very_end_follows_again() {
    let (_api, job, page) = long_log().await;
    page.run("scroller.scrollTo(0, 100); await frame(); await frame();")
        .await;
    assert_eq!(page.get("log.follow").await, json!(false));
    page.run("scroller.scrollTo(0, 1e9); await frame(); await frame();")
        .await;
    assert_eq!(page.get("log.follow").await, json!(true));
    job.append("last").await;
    page.until("texts().at(-1) === 'last'").await;
}

#[tokio::test]
async fn a_selection_holds_the_lines_still() {
    let (_api, job, page) = long_log().await;
    page.run("const at = rows().at(-5).querySelector('.text').firstChild; getSelection().setBaseAndExtent(at, 0, at, 4);").await;
    page.until("log.follow === false").await;
    let seen = page.text(FIRST).await;
    job.append_all(["x", "y", "z"]).await;
    page.until_lines(403).await;
    assert_eq!(page.text(FIRST).await, seen);
}

#[tokio::test]
async fn what_is_seen_stays_in_place_while_earlier_lines_come_and_the_window_changes() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..6000).map(|n| format!("line {n} {}", "word ".repeat(n % 40))))
        .await;
    let page = Page::open(&api, &job).await;
    page.until("rows().length > 10").await;
    page.run("scroller.scrollBy(0, -3000); await frame(); await frame();")
        .await;
    let seen = page.text(FIRST).await;
    page.until_lines(6000).await;
    assert_eq!(page.text(FIRST).await, seen, "while earlier lines come");
    let line = |seen: &str| seen.split(" at ").next().unwrap().to_owned();
    page.run("press('w'); await frame(); await frame();").await;
    assert_eq!(line(&page.text(FIRST).await), line(&seen), "wrapped");
    page.browser
        .web
        .set_window_rect(0, 0, 800, 700)
        .await
        .unwrap();
    page.run("await frame(); await frame();").await;
    assert_eq!(
        line(&page.text(FIRST).await),
        line(&seen),
        "in a smaller window"
    );
    page.run("press('w'); await frame(); await frame();").await;
    assert_eq!(
        line(&page.text(FIRST).await),
        line(&seen),
        "and not wrapped again"
    );
}

#[tokio::test]
async fn every_key_of_the_help_does_what_it_says() {
    let (_api, _job, page) = long_log().await;
    page.run("press('g'); await frame();").await;
    assert_eq!(page.text("texts()[0]").await, "line 0");
    page.run("press('j'); press('j'); await frame();").await;
    // The heading of the phase is a row too.
    assert_eq!(page.text(FIRST).await, "line 1 at 0");
    page.run("press(' '); await frame();").await;
    page.until(&format!("parseInt({FIRST}.slice(5)) > 20"))
        .await;
    page.run("press('b'); press('k'); await frame();").await;
    assert_eq!(page.text(FIRST).await, "line 0 at -20");
    page.run("press('f'); await frame();").await;
    assert_eq!(page.text("texts().at(-1)").await, "line 399");
    page.run("press('f'); await frame();").await;
    assert_eq!(page.get("log.follow").await, json!(false));
    for mode in ["clock", "start", "before", "off"] {
        page.run("press('t'); await frame();").await;
        let label = page
            .text("root.querySelectorAll('.tools .icon')[2].getAttribute('aria-label')")
            .await;
        assert!(label.contains(mode), "{label}: {mode}");
    }
    page.run("press('?')").await;
    assert_eq!(
        page.get("root.querySelector('dialog').open").await,
        json!(true)
    );
    page.run("root.querySelector('dialog').close()").await;
    page.run("press('/')").await;
    assert_eq!(
        page.get("root.querySelector('.find').hidden").await,
        json!(false)
    );
    let untouched = page
        .run("return press('w', { ctrlKey: true }).defaultPrevented")
        .await;
    assert_eq!(
        untouched,
        json!(false),
        "keys with a modifier are the browser's"
    );
}
