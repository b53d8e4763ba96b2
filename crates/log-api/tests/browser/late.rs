//! What comes late or not at all: calls before the log is open, pages that fail, lines that have to be fetched first.

use serde_json::json;
use test_support::Chromium;

use crate::page::{Page, address};
use crate::support::{Api, Job, shared};

/// A page whose requests to the API can be held and be made to fail: `hold(part)`, `release()`, `fail(part)`.
async fn page_of(api: &Api, job: &Job, held: &str) -> Page {
    let page = Page {
        browser: Chromium::new().await,
    };
    let source = format!(
        "const ask = window.fetch; let open = () => {{}}; let held = '{held}'; let failing = null; let opened = new Promise((done) => open = done);
         window.release = () => {{ held = null; open(); }};
         window.fail = (part) => {{ failing = part; }};
         window.failures = 0; window.rejections = [];
         addEventListener('unhandledrejection', (event) => rejections.push(String(event.reason)));
         window.fetch = async (...how) => {{
             if (held && String(how[0]).includes(held)) await opened;
             if (failing && String(how[0]).includes(failing)) {{ window.failures += 1; throw new TypeError('no network'); }}
             return ask(...how);
         }};"
    );
    let script = json!({ "source": source });
    page.browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", script)
        .await;
    page.go_to(&address(api, job, "")).await;
    page
}

#[tokio::test]
async fn what_is_asked_before_the_log_is_open_is_done_when_it_is() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ids = job.append_all((0..3000).map(|n| format!("line {n}"))).await;
    for (call, seen) in [
        (
            format!("log.goTo('{}')", ids[100]),
            "textOf(root.querySelector('.target') ?? document.body) === 'line 100'",
        ),
        (
            "log.search('line 77')".to_owned(),
            "root.querySelector('.find .words').textContent.startsWith('1 of 1')",
        ),
        (
            "log.follow = false".to_owned(),
            "rows().length > 0 && log.follow === false",
        ),
    ] {
        let page = page_of(&api, &job, "/logs?").await;
        page.run(&format!("void ({call}); await frame(); release();"))
            .await;
        page.until(seen).await;
        assert_eq!(page.get("rejections").await, json!([]));
    }
}

#[tokio::test]
async fn an_element_that_does_not_follow_stays_where_it_opens() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..300).map(|n| format!("line {n}"))).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(300).await;
    page.run("log.setAttribute('follow', 'false'); log.restart();")
        .await;
    page.until("texts().at(-1) === 'line 299'").await;
    job.append("one more").await;
    page.until_lines(301).await;
    page.until("root.querySelector('.newer').textContent === '↓ 1 new line'")
        .await;
}

#[tokio::test]
async fn earlier_lines_that_could_not_be_fetched_come_without_the_readers_help() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..3000).map(|n| format!("line {n}"))).await;
    let page = page_of(&api, &job, "before_id").await;
    page.until("rows().length > 10").await;
    page.run("fail('before_id'); release(); press('g');").await;
    page.until("failures > 0").await;
    page.run("fail(null)").await;
    page.until_lines(3000).await;
    page.run("press('g'); await frame();").await;
    page.until("texts()[0] === 'line 0'").await;
    assert_eq!(page.get("rejections").await, json!([]));
}

#[tokio::test]
async fn a_line_that_cannot_be_fetched_is_said_to_be_that_and_not_to_be_gone() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ids = job.append_all((0..3000).map(|n| format!("line {n}"))).await;
    let page = page_of(&api, &job, "before_id").await;
    page.until("rows().length > 10").await;
    page.run(&format!(
        "fail('_id='); release(); await log.goTo('{}');",
        ids[5]
    ))
    .await;
    page.until("root.querySelector('.note').textContent.includes('could not be fetched')")
        .await;
    page.run(&format!("fail(null); await log.goTo('{}');", ids[5]))
        .await;
    page.until("textOf(root.querySelector('.target') ?? document.body) === 'line 5'")
        .await;
}

#[tokio::test]
async fn the_whole_log_is_copied_although_most_of_it_must_be_fetched_first() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..9000).map(|n| format!("line {n}"))).await;
    let page = page_of(&api, &job, "before_id").await;
    page.until("rows().length > 10").await;
    let clipboard =
        "navigator.clipboard.writeText = async (text) => { window.copiedText = text; };";
    page.run(&format!(
        "{clipboard} press('a', {{ ctrlKey: true }}); await frame(); copied(); release();"
    ))
    .await;
    page.until("window.copiedText").await;
    let copied = page.text("copiedText").await;
    let expected: Vec<_> = (0..9000).map(|n| format!("line {n}")).collect();
    assert!(copied == expected.join("\n"), "{} bytes", copied.len());
    assert_eq!(page.get("rejections").await, json!([]));
}
