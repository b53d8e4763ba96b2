//! Groups, phases, and where a failed log opens.

use serde_json::json;

use crate::page::Page;
use crate::support::{Job, shared};

async fn in_phase(job: &Job, phase: &str, texts: &[&str]) {
    for text in texts {
        job.append_entry(
            "*",
            &[
                b"source",
                b"stdout",
                b"text",
                text.as_bytes(),
                b"phase",
                phase.as_bytes(),
            ],
        )
        .await;
    }
}

#[tokio::test]
async fn phases_and_marks_are_groups_that_close_and_open() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    in_phase(&job, "install", &["fetching", "done"]).await;
    in_phase(
        &job,
        "checks",
        &["::group::Unit tests", "one", "two", "::endgroup::", "after"],
    )
    .await;
    let page = Page::open(&api, &job).await;
    let heads =
        "[...root.querySelectorAll('.toggle.head .title')].map((node) => node.textContent).join()";
    page.until(&format!("{heads} === 'install,checks'")).await;
    page.until("texts().join() === 'fetching,done,Unit tests,after'")
        .await;
    page.run("root.querySelector('.toggle:not(.head)').click()")
        .await;
    page.until("texts().join() === 'fetching,done,Unit tests,one,two,after'")
        .await;
    page.run("root.querySelector('.toggle.head').click()").await;
    page.until("texts().filter(Boolean).join() === 'Unit tests,one,two,after'")
        .await;
    assert_eq!(
        page.text("root.querySelector('.toggle.head').getAttribute('aria-expanded')")
            .await,
        "false"
    );
    page.run("press(']'); await frame();").await;
    page.until("texts().join() === 'fetching,done,Unit tests,one,two,after'")
        .await;
}

#[tokio::test]
async fn a_failed_log_opens_at_its_first_failure_and_keys_go_on_from_there() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let text = |n: usize| match n {
        900 => "\x1b[1;31merror[E0425]\x1b[0m: cannot find value `y`".to_owned(),
        2000 => "test bad ... FAILED".to_owned(),
        _ => format!("line {n}"),
    };
    job.append_all((0..3000).map(text)).await;
    job.set_status("failed").await;
    let page = Page::open(&api, &job).await;
    page.until("texts().some((text) => text.startsWith('error[E0425]'))")
        .await;
    assert_eq!(page.get("log.follow").await, json!(false));
    page.until_lines(3000).await;
    page.until("root.querySelector('.count').textContent === '2 errors'")
        .await;
    assert_eq!(
        page.get("texts().some((text) => text.startsWith('error[E0425]'))")
            .await,
        json!(true),
        "still there"
    );
    page.run("press('n'); await frame();").await;
    page.until("texts().includes('test bad ... FAILED')").await;
    page.run("press('p'); await frame();").await;
    page.until("texts().some((text) => text.startsWith('error[E0425]'))")
        .await;
}

#[tokio::test]
async fn the_group_that_failed_is_open() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all([
        "::group::Good",
        "fine",
        "::endgroup::",
        "::group::Bad",
        "error: no",
        "::endgroup::",
    ])
    .await;
    job.set_status("failed").await;
    let page = Page::open(&api, &job).await;
    page.until("texts().join() === 'Good,Bad,error: no'").await;
}

#[tokio::test]
async fn standard_error_is_marked_at_the_margin_and_not_by_colour() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("to stdout").await;
    job.append_entry("*", &[b"source", b"stderr", b"text", b"   Compiling app"])
        .await;
    let page = Page::open(&api, &job).await;
    page.until_lines(2).await;
    let style = |at: usize, name: &str| format!("getComputedStyle(rows()[{at}]{name}");
    let colour = ".querySelector('.text')).color";
    assert_eq!(
        page.text(&style(0, colour)).await,
        page.text(&style(1, colour)).await
    );
    let margin = ").borderLeftColor";
    assert_ne!(
        page.text(&style(0, margin)).await,
        page.text(&style(1, margin)).await
    );
    assert_eq!(
        page.text("rows().map((row) => row.dataset.source).join()")
            .await,
        "stdout,stderr"
    );
}
