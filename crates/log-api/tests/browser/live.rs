//! Lines as they come: live, over restarts of the server, and over everything that happens to a page.

use serde_json::json;
use test_support::TcpProxy;

use crate::page::{Page, address, assert_whole};
use crate::support::{Api, Job, shared};
use test_support::RedisServer;

fn numbered(from: usize, to: usize) -> impl Iterator<Item = String> {
    (from..to).map(|number| format!("line {number}"))
}

#[tokio::test]
async fn lines_from_before_and_from_now_are_shown_until_the_end() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(numbered(0, 700)).await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    assert_eq!(page.text("texts().at(-1)").await, "line 699");
    job.append("and one more").await;
    page.until("texts().at(-1) === 'and one more'").await;
    assert_eq!(page.get("log.follow").await, json!(true));
    job.set_status("ready").await;
    page.until_state("ended").await;
    assert_whole(&page, &job).await;
    assert!(!page.text("location.href").await.contains("token"));
}

#[tokio::test]
async fn after_a_restart_of_the_server_every_line_is_there_once() {
    let redis = RedisServer::shared().await;
    let mut api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    job.append_all(numbered(0, 300)).await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    let bind = api.addr.to_string();
    for round in 1..=2 {
        api.kill();
        page.until_state("reconnecting").await;
        job.append_all(numbered(300 * round, 300 * round + 150))
            .await;
        api = Api::start(&redis.url(), &[("LOG_API_BIND", &bind)]).await;
        page.until_state("live").await;
        job.append_all(numbered(300 * round + 150, 300 * round + 300))
            .await;
        page.until_lines(300 * (round + 1)).await;
    }
    assert_eq!(
        page.get("root.querySelectorAll('[data-gap]').length").await,
        0
    );
    assert_whole(&page, &job).await;
}

#[tokio::test]
async fn a_log_on_a_network_that_breaks_all_the_time_is_whole() {
    let (redis, api) = shared().await;
    let proxy = TcpProxy::start(api.addr).await;
    let job = Job::new(&redis).await;
    let page = Page::open(&api, &job).await;
    let direct = address(&api, &job, "");
    let through = direct.replace(&api.addr.to_string(), &proxy.address().to_string());
    page.go_to(&through).await;
    for round in 0..5 {
        job.append_all(numbered(round * 100, round * 100 + 100))
            .await;
        page.until_lines((round + 1) * 100).await;
        proxy.drop_connections().await;
    }
    job.set_status("ready").await;
    page.until_state("ended").await;
    assert_whole(&page, &job).await;
}

#[tokio::test]
async fn open_lines_are_drawn_in_place_and_end_in_one_line() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let page = Page::open(&api, &job).await;
    job.append("before").await;
    for percent in [10, 50, 90] {
        let text = format!("fetching {percent} %");
        let fields: [&[u8]; 6] = [
            b"source",
            b"stdout",
            b"text",
            text.as_bytes(),
            b"open",
            b"1",
        ];
        job.append_entry("*", &fields).await;
        page.until(&format!("texts().at(-1) === '{text}'")).await;
        page.until_lines(2).await;
    }
    job.append("fetched").await;
    page.until("texts().join() === 'before,fetched'").await;
}

#[tokio::test]
async fn seven_tabs_of_one_browser_all_get_their_lines() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("first").await;
    let page = Page::open(&api, &job).await;
    page.until_lines(1).await;
    let mut tabs = vec![page.browser.web.window().await.unwrap()];
    for _ in 1..7 {
        let tab = page.browser.web.new_tab().await.unwrap();
        page.browser
            .web
            .switch_to_window(tab.clone())
            .await
            .unwrap();
        page.browser.open(&address(&api, &job, "")).await;
        page.until("log?.dataset.lines === '1'").await;
        tabs.push(tab);
    }
    job.append("second").await;
    for tab in tabs {
        page.browser.web.switch_to_window(tab).await.unwrap();
        page.until("texts().join() === 'first,second'").await;
    }
}

#[tokio::test]
async fn a_page_that_was_hidden_or_left_comes_back_whole() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(numbered(0, 50)).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(50).await;
    // Hidden by another tab.
    let first = page.browser.web.window().await.unwrap();
    let other = page.browser.web.new_tab().await.unwrap();
    page.browser.web.switch_to_window(other).await.unwrap();
    job.append_all(numbered(50, 100)).await;
    page.browser.web.close_window().await.unwrap();
    page.browser.web.switch_to_window(first).await.unwrap();
    page.until_lines(100).await;
    // Left and come back to, by the back button.
    let token_kept = address(&api, &job, "");
    page.browser
        .open(&format!("http://{}/healthz", api.addr))
        .await;
    job.append_all(numbered(100, 150)).await;
    page.browser.web.back().await.unwrap();
    page.until("log && log.dataset.state !== 'starting'").await;
    if page.get("log.dataset.state === 'signed-out'").await == json!(true) {
        // The browser has loaded the page anew, and its token is gone with it.
        page.browser.open(&token_kept).await;
    }
    page.until_lines(150).await;
    job.append("last").await;
    page.until_lines(151).await;
    assert_whole(&page, &job).await;
}
