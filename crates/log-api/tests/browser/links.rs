//! Links to a line or to a range of lines.

use serde_json::json;

use crate::page::{Page, address};
use crate::support::{Job, shared};

#[tokio::test]
async fn a_click_on_a_number_is_a_link_and_with_shift_a_range() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ids = job.append_all((0..20).map(|n| format!("line {n}"))).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(20).await;
    let click = "const click = (at, more = {}) => rows()[at].querySelector('.gutter').dispatchEvent(new MouseEvent('click', { bubbles: true, composed: true, cancelable: true, ...more }));";
    page.run(&format!("{click} click(7); await frame();")).await;
    assert_eq!(page.text("location.hash").await, format!("#{}", ids[7]));
    page.run(&format!(
        "{click} click(3, {{ shiftKey: true }}); await frame();"
    ))
    .await;
    assert_eq!(
        page.text("location.hash").await,
        format!("#{},{}", ids[3], ids[7])
    );
    assert_eq!(
        page.text("rows().filter((row) => row.classList.contains('target')).map(textOf).join()")
            .await,
        "line 3,line 4,line 5,line 6,line 7"
    );
}

#[tokio::test]
async fn a_link_opens_at_its_line_however_long_the_log_is_and_does_not_fight() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ids = job
        .append_all((0..20_000).map(|n| format!("line {n}")))
        .await;
    let page = Page::at(&api, &job, &format!("&at={},{}", ids[700], ids[702])).await;
    page.until("root.querySelectorAll('.target').length === 3")
        .await;
    assert_eq!(
        page.text("textOf(root.querySelector('.target'))").await,
        "line 700"
    );
    assert_eq!(
        page.text("location.hash").await,
        format!("#{},{}", ids[700], ids[702])
    );
    assert_eq!(page.get("log.follow").await, json!(false));
    // What lies between is fetched meanwhile, and nothing moves.
    let top = page
        .number("root.querySelector('.target').getBoundingClientRect().top")
        .await;
    page.until_lines(20_000).await;
    let now = page
        .number("root.querySelector('.target').getBoundingClientRect().top")
        .await;
    assert_eq!(now, top);
    page.run("press('g'); await frame();").await;
    job.append("one more").await;
    page.until_lines(20_001).await;
    assert_eq!(
        page.text("texts()[0]").await,
        "line 0",
        "the link is not shown again"
    );
    page.run(&format!(
        "await log.goTo('{}'); await frame();",
        ids[15_000]
    ))
    .await;
    page.until("textOf(root.querySelector('.target')) === 'line 15000'")
        .await;
}

#[tokio::test]
async fn a_link_to_a_line_that_is_gone_says_so_and_shows_the_nearest() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ids = job.append_all((0..100).map(|n| format!("line {n}"))).await;
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "50"])
        .await;
    let page = Page::open(&api, &job).await;
    page.go_to(&address(&api, &job, &format!("&at={}", ids[10])))
        .await;
    page.until("root.querySelector('.note').textContent.includes('no longer kept')")
        .await;
    page.until("texts().includes('line 50')").await;
}

#[tokio::test]
async fn the_link_of_a_line_is_copied_by_its_key() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(["a", "b"]).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(2).await;
    let origin = format!("http://{}", api.addr);
    let grant =
        json!({"origin": origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
    page.browser
        .devtools("Browser.grantPermissions", grant)
        .await;
    page.run("scroller.focus(); press('y'); await frame();")
        .await;
    page.until("root.querySelector('.note').textContent === 'The link is copied.'")
        .await;
    let copied = page.run("return navigator.clipboard.readText()").await;
    assert_eq!(
        copied,
        json!(format!("{origin}/jobs/{}#{}", job.id, ids[0]))
    );
}
