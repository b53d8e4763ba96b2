//! Searching: in memory at once, over the whole log by the server.

use serde_json::json;

use crate::page::Page;
use crate::support::{Job, shared};

const WORDS: &str = "root.querySelector('.find .words').textContent";

#[tokio::test]
async fn matches_are_counted_marked_and_gone_through_by_keys() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..900).map(|n| {
        format!(
            "line {n} \x1b[31mNee\x1b[0mdle {}",
            if n % 100 == 0 { "needle" } else { "" }
        )
    }))
    .await;
    let page = Page::open(&api, &job).await;
    page.until_lines(900).await;
    let opened = page
        .run("return press('f', { ctrlKey: true }).defaultPrevented")
        .await;
    assert_eq!(opened, json!(true));
    page.run("log.search('0 needle NEEDLE')").await;
    page.until(&format!("{WORDS} === '9 of 9'")).await;
    page.until("CSS.highlights.get('job-log-now').size === 1")
        .await;
    let children = page
        .text("rows().map((row) => row.childElementCount).join()")
        .await;
    let enter = "root.querySelector('.find input').dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, composed: true, cancelable: true }));";
    page.run(&format!("{enter} await frame();")).await;
    page.until(&format!("{WORDS} === '1 of 9'")).await;
    page.until("root.querySelector('.row.current') && textOf(root.querySelector('.row.current')).startsWith('line 0 ')").await;
    assert!(!children.is_empty());
    job.append("100 needle needle").await;
    page.until(&format!("{WORDS} === '1 of 10'")).await;
    let given_back = page
        .run("root.querySelector('.find input').focus(); const event = new KeyboardEvent('keydown', { key: 'f', ctrlKey: true, bubbles: true, composed: true, cancelable: true }); root.querySelector('.find input').dispatchEvent(event); return event.defaultPrevented;")
        .await;
    assert_eq!(
        given_back,
        json!(false),
        "the second Ctrl+F is the browser's"
    );
    page.run("log.search('no such text')").await;
    page.until(&format!("{WORDS} === 'No match'")).await;
}

#[tokio::test]
async fn the_server_finds_what_the_page_has_not_fetched() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let needle = |n: usize| if n == 40 { "a needle far away" } else { "hay" };
    job.append_all((0..49_000).map(|n| format!("{n} {}", needle(n))))
        .await;
    let page = Page::open(&api, &job).await;
    page.until("rows().length > 10").await;
    page.run("log.search('needle far')").await;
    page.until(&format!("{WORDS} === '1 of 1'")).await;
    page.until("rows().some((row) => row.classList.contains('current') && textOf(row) === '40 a needle far away')")
        .await;
}

#[tokio::test]
async fn lines_that_come_behind_a_search_are_found_also_in_a_log_that_had_none() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let page = Page::open(&api, &job).await;
    page.until_state("starting").await;
    page.run("log.search('needle')").await;
    page.until(&format!("{WORDS} === 'No match'")).await;
    job.append_all(["hay", "a needle"]).await;
    page.until(&format!("{WORDS}.endsWith('of 1')")).await;
    job.append_all(
        (0..1000).map(|n| format!("{n} {}", if n % 10 == 0 { "needle" } else { "hay" })),
    )
    .await;
    page.until(&format!("{WORDS}.endsWith('of 101')")).await;
}

#[tokio::test]
async fn a_search_goes_to_the_first_match_from_the_window_on_and_then_from_the_start() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..3000).map(|n| match n {
        20 | 1700 | 2200 => format!("{n} a needle"),
        _ => format!("{n} hay"),
    }))
    .await;
    let page = Page::open(&api, &job).await;
    page.until_lines(3000).await;
    page.run("scroller.scrollTop = 1500 * 20; await frame(); await frame(); log.search('needle');")
        .await;
    page.until(&format!("{WORDS} === '2 of 3'")).await;
    page.until("[...root.querySelectorAll('.row.current')].map(textOf).join() === '1700 a needle'")
        .await;
    page.run("press('G'); await frame(); log.search('20 a needle');")
        .await;
    page.until(&format!("{WORDS} === '1 of 1'")).await;
    page.until("[...root.querySelectorAll('.row.current')].map(textOf).join() === '20 a needle'")
        .await;
}

/// The search box takes space of the log, whose end is followed.
#[tokio::test]
async fn the_match_that_the_reader_is_at_is_seen_and_stays_while_lines_come() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..200).map(|n| format!("line {n}"))).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(200).await;
    let first = page.text("textOf(rows().find((row) => row.getBoundingClientRect().top >= scroller.getBoundingClientRect().top))");
    let first = first.await;
    page.run(&format!("log.search('{first}')")).await;
    let is_seen = "(() => {
        const [row, view] = [root.querySelector('.row.current'), scroller].map((part) => part?.getBoundingClientRect());
        return row && row.top >= view.top - 1 && row.bottom <= view.bottom + 1;
    })()";
    page.until(is_seen).await;
    job.append_all((0..100).map(|n| format!("new {n}"))).await;
    page.until_lines(300).await;
    page.run("await frame(); await frame();").await;
    assert_eq!(page.get(is_seen).await, json!(true));
    assert_eq!(
        page.text("textOf(root.querySelector('.row.current'))")
            .await,
        first
    );
}

#[tokio::test]
async fn a_match_in_a_closed_group_opens_it() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["::group::Closed", "a needle", "::endgroup::", "after"])
        .await;
    let page = Page::open(&api, &job).await;
    page.until("texts().includes('after')").await;
    page.until("!texts().includes('a needle')").await;
    page.run("log.search('needle')").await;
    page.until("texts().includes('a needle')").await;
}

/// Types a pattern into the search box, as a reader does.
fn pattern(text: &str) -> String {
    format!(
        "press('/');
         const pattern = root.querySelector('.find button[aria-label^=Pattern]');
         if (pattern.getAttribute('aria-pressed') === 'false') pattern.click();
         const input = root.querySelector('.find input');
         input.value = {};
         input.dispatchEvent(new Event('input'));",
        json!(text)
    )
}

/// A browser's own engine would need longer than anybody lives for one of these lines.
#[tokio::test]
async fn a_pattern_that_hangs_a_browser_does_not_hang_the_page() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..50).map(|n| format!("{n} {}!", "a".repeat(60))))
        .await;
    let page = Page::open(&api, &job).await;
    page.until_lines(50).await;
    page.run(&pattern("(a+)+$")).await;
    page.until(&format!("{WORDS} === 'No match'")).await;
    job.append("one that ends with aaa").await;
    page.until(&format!("{WORDS}.endsWith('of 1')")).await;
    page.until(
        "CSS.highlights.get('job-log-match').size + CSS.highlights.get('job-log-now').size === 1",
    )
    .await;
}

#[tokio::test]
async fn a_pattern_is_found_from_the_window_on_and_what_is_wrong_with_one_is_said() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..3000).map(|n| match n {
        20 | 1700 | 2200 => format!("{n} a n\x1b[31mee\x1b[0mdle"),
        _ => format!("{n} hay"),
    }))
    .await;
    let page = Page::open(&api, &job).await;
    page.until_lines(3000).await;
    page.run("scroller.scrollTop = 1500 * 20; await frame(); await frame();")
        .await;
    page.run(&pattern("n[aeiou]{2}d")).await;
    page.until(&format!("{WORDS} === '2 of 3'")).await;
    page.until("[...root.querySelectorAll('.row.current')].map(textOf).join() === '1700 a needle'")
        .await;
    let marked = "[...CSS.highlights.get('job-log-now')].map(String).join()";
    page.until(&format!("{marked} === 'need'")).await;
    page.run(&pattern("n(ee")).await;
    page.until(&format!("{WORDS}.includes('unclosed group')"))
        .await;
    page.run("root.querySelector('.find button[aria-label^=Pattern]').click()")
        .await;
    page.until(&format!("{WORDS} === 'No match'")).await;
}
