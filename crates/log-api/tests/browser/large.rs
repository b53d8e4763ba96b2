//! Logs of any size: a window over them, bounded memory, copying what is not on the page.

use serde_json::json;

use crate::page::{Page, assert_whole};
use crate::support::{Job, shared};

#[tokio::test]
async fn a_log_of_many_windows_is_whole_and_few_elements_are_on_the_page() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..5000).map(|n| format!("line {n}"))).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(5000).await;
    let nodes = "[root, ...root.querySelectorAll('*')].length";
    for place in ["g", "G"] {
        page.run(&format!("press('{place}'); await frame();")).await;
        assert!(page.number(nodes).await < 400, "{}", page.text(nodes).await);
    }
    assert_whole(&page, &job).await;
}

#[tokio::test]
async fn a_selection_over_ten_thousand_lines_is_copied_whole() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let texts: Vec<_> = (0..12_000)
        .map(|n| format!("\x1b[32mline\x1b[0m {n}"))
        .collect();
    job.append_all(&texts).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(12_000).await;
    page.run(
        "press('g'); await frame();
         const start = rows()[3].querySelector('.text');
         getSelection().setBaseAndExtent(start, 0, start, 0);
         const anchor = rows()[3].querySelector('.text');
         press('G'); await frame(); await frame();
         const end = rows().at(-4).querySelector('.text');
         getSelection().setBaseAndExtent(anchor.firstChild, 0, end.lastChild, end.lastChild.length);
         await frame();",
    )
    .await;
    let copied = page.text("copied()").await;
    let expected: Vec<_> = (3..11_997).map(|n| format!("line {n}")).collect();
    assert!(
        copied == expected.join("\n"),
        "{} bytes: {}…",
        copied.len(),
        &copied[..80.min(copied.len())]
    );
}

#[tokio::test]
async fn the_whole_log_is_selected_by_ctrl_a_and_a_part_of_a_line_by_hand() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..3000).map(|n| format!("line {n}"))).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(3000).await;
    page.run("press('a', { ctrlKey: true }); await frame();")
        .await;
    let copied = page.text("copied()").await;
    assert_eq!(
        (copied.lines().count(), copied.lines().next()),
        (3000, Some("line 0"))
    );
    page.run(
        "const at = rows().at(-2).querySelector('.text').firstChild; const to = rows().at(-1).querySelector('.text').firstChild;
         getSelection().setBaseAndExtent(to, 6, at, 2); await frame();",
    )
    .await;
    assert_eq!(page.text("copied()").await, "ne 2998\nline 2");
}

#[tokio::test]
async fn a_line_of_a_megabyte_is_cut_until_somebody_wants_all_of_it() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let long = "0123456789".repeat(100_000);
    job.append_all(["before", &long, "after"]).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(3).await;
    assert_eq!(page.number("texts()[1].length").await, 10_000);
    assert_eq!(
        page.text("root.querySelector('.show-all').textContent")
            .await,
        "Show all 1.0 MB"
    );
    let is_seen = "(() => { const { left, right } = root.querySelector('.show-all').getBoundingClientRect(); return left >= 0 && right <= innerWidth; })()";
    assert_eq!(page.get(is_seen).await, json!(true), "beside the text");
    page.run("root.querySelector('.show-all').click(); await frame(); await frame();")
        .await;
    page.until("texts().some((text) => text.length === 1_000_000)")
        .await;
    page.run("press('G'); await frame();").await;
    page.until("texts().at(-1) === 'after'").await;
}

#[tokio::test]
async fn wrapped_lines_are_as_high_as_they_are_and_follow_each_other() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let awkward = [
        "short",
        &"word ".repeat(200),
        &"日本語".repeat(120),
        "\ta\tb",
        "👩‍👩‍👧 family",
        "",
        &"x".repeat(5000),
    ];
    job.append_all((0..300).map(|n| format!("{n} {}", awkward[n % awkward.len()])))
        .await;
    let page = Page::open(&api, &job).await;
    page.until_lines(300).await;
    page.run("press('w'); press('g'); await frame(); await frame();")
        .await;
    for _ in 0..6 {
        let overlaps = page
            .run(
                "press('PageDown'); await frame(); await frame();
                 const boxes = rows().map((row) => row.getBoundingClientRect());
                 return boxes.filter((box, at) => at > 0 && Math.abs(box.top - boxes[at - 1].bottom) > 0.5).length
                     + rows().filter((row) => row.scrollWidth > row.clientWidth + 1).length;",
            )
            .await;
        assert_eq!(overlaps, json!(0));
    }
    assert_whole(&page, &job).await;
}
