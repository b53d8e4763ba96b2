//! What a reader takes along: lines with their times, files, and what the margin says.

use serde_json::json;

use crate::page::Page;
use crate::support::{Job, shared};

/// Presses an entry of the menu.
async fn choose(page: &Page, entry: &str) {
    page.run(&format!(
        "root.querySelector('[aria-haspopup=menu]').click(); await frame();
         [...root.querySelectorAll('.menu [role=menuitem]')].find((item) => item.textContent.startsWith('{entry}')).click();"
    ))
    .await;
}

#[tokio::test]
async fn lines_are_copied_with_their_times() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["\x1b[31mone\x1b[0m", "two", "three"]).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(3).await;
    page.run("navigator.clipboard.writeText = async (text) => { window.copiedText = text; };")
        .await;
    choose(&page, "Copy the selection with times").await;
    page.until("root.querySelector('.note').textContent === 'Select some lines first.'")
        .await;
    page.run(
        "const at = rows()[0].querySelector('.text span').firstChild; const to = rows()[1].querySelector('.text').firstChild;
         getSelection().setBaseAndExtent(at, 0, to, 3); await frame();",
    )
    .await;
    choose(&page, "Copy the selection with times").await;
    page.until("window.copiedText").await;
    // The time of day of this machine.
    let time = page
        .text("new Date('2026-01-01T00:00:00Z').toTimeString().slice(0, 8)")
        .await;
    assert_eq!(
        page.text("copiedText").await,
        format!("{time}  one\n{time}  two")
    );
}

/// Of a group, the row shows the title and the line has the tool's mark before it.
#[tokio::test]
async fn a_part_of_a_title_is_copied_as_it_is_seen_and_all_of_it_as_its_line() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["before", "::group::Install things", "in it", "::endgroup::"])
        .await;
    let page = Page::open(&api, &job).await;
    page.until("texts().includes('Install things') && texts().includes('before')")
        .await;
    let copy = |from: &str, to: &str| {
        format!(
            "const text = (start) => rows().find((row) => textOf(row).startsWith(start)).querySelector('.text').firstChild;
             getSelection().setBaseAndExtent({from}, {to});
             return copied();"
        )
    };
    let part = copy("text('Install'), 8", "text('Install'), 14");
    assert_eq!(page.run(&part).await, json!("things"));
    let whole = copy("text('before'), 3", "text('Install'), 14");
    let whole = page.run(&whole).await;
    assert_eq!(whole, json!("ore\n::group::Install things"));
}

#[tokio::test]
async fn the_log_is_downloaded_as_text_and_as_ndjson() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["\x1b[31mone\x1b[0m", "two"]).await;
    let page = Page::open(&api, &job).await;
    page.until_lines(2).await;
    // What the browser would save.
    page.run(
        "window.saved = []; let file;
         URL.createObjectURL = (blob) => { file = blob; return 'blob:x'; };
         HTMLAnchorElement.prototype.click = function () { const { download } = this; file.text().then((text) => saved.push([download, text])); };",
    )
    .await;
    choose(&page, "Download as text").await;
    page.until("saved.length === 1").await;
    choose(&page, "Download as NDJSON").await;
    page.until("saved.length === 2").await;
    assert_eq!(
        page.get("saved[0]").await,
        json!([format!("{}.log", job.id), "one\ntwo\n"])
    );
    assert_eq!(page.text("saved[1][0]").await, format!("{}.ndjson", job.id));
    let objects = page
        .get("saved[1][1].trim().split('\\n').map((line) => JSON.parse(line).text)")
        .await;
    assert_eq!(objects, json!(["one", "two"]));
}

#[tokio::test]
async fn the_margin_says_what_time_it_was_how_long_since_the_start_and_since_the_line_before() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    for (ts, text) in [
        ("00:00:05.000", "a"),
        ("00:00:05.400", "b"),
        ("00:01:35.400", "c"),
    ] {
        let ts = format!("2026-01-01T{ts}Z");
        job.append_entry("*", &[b"ts", ts.as_bytes(), b"text", text.as_bytes()])
            .await;
    }
    let page = Page::open(&api, &job).await;
    page.until_lines(3).await;
    let margin = "rows().map((row) => row.querySelector('.gutter').dataset.time ?? '').join()";
    assert_eq!(page.text(margin).await, ",,");
    let clock = page
        .text("['00:00:05', '00:00:05', '00:01:35'].map((time) => new Date(`2026-01-01T${time}Z`).toTimeString().slice(0, 8)).join()")
        .await;
    for expected in [&*clock, "0:05,0:05,1:35", ",,+1:30", ",,"] {
        page.run("press('t'); await frame();").await;
        page.until(&format!("{margin} === '{expected}'")).await;
    }
    let numbers = "rows().map((row) => row.querySelector('.gutter').dataset.number ?? '').join()";
    assert_eq!(page.text(numbers).await, "1,2,3");
}

#[tokio::test]
async fn a_page_at_four_times_its_size_is_whole() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..100).map(|n| format!("line {n} {}", "and more words ".repeat(10))))
        .await;
    job.set_status("failed").await;
    let page = Page::open(&api, &job).await;
    page.until_state("failed").await;
    // As a browser does it: the window has fewer CSS pixels (WCAG 2.2, 1.4.10: 320 of them).
    let metrics = json!({"width": 320, "height": 256, "deviceScaleFactor": 4, "mobile": false});
    page.browser
        .devtools("Emulation.setDeviceMetricsOverride", metrics)
        .await;
    page.until("innerWidth === 320").await;
    page.run("log.search('words'); await frame(); await frame();")
        .await;
    let outside = page
        .run(
            "const outside = [];
             for (const part of root.querySelectorAll('header *, .find *')) {
                 const { left, right, width } = part.getBoundingClientRect();
                 if (width > 0 && !part.closest('.sr') && (left < -1 || right > innerWidth + 1)) outside.push(part.className || part.tagName);
             }
             if (document.documentElement.scrollWidth > innerWidth) outside.push('the page');
             if (scroller.clientHeight < 60) outside.push(`the log, of ${scroller.clientHeight} px`);
             return outside;",
        )
        .await;
    assert_eq!(outside, json!([]));
}

#[tokio::test]
async fn everything_is_reached_by_the_tab_key_and_the_focus_is_seen() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["error: one", "::group::A", "b", "::endgroup::"])
        .await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    page.until("root.querySelector('.count').textContent === '1 error'")
        .await;
    let mut reached = Vec::new();
    for _ in 0..12 {
        for kind in ["keyDown", "keyUp"] {
            let key =
                json!({"type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9});
            page.browser.devtools("Input.dispatchKeyEvent", key).await;
        }
        let seen = page
            .run(
                "const at = root.activeElement; if (!at) return null;
                 const { outlineStyle, boxShadow } = getComputedStyle(at);
                 const ring = at.nextElementSibling?.matches('.ring') && getComputedStyle(at.nextElementSibling).borderStyle === 'solid';
                 return [at.getAttribute('aria-label') ?? at.textContent, outlineStyle !== 'none' || boxShadow !== 'none' || ring];",
            )
            .await;
        if seen.is_null() {
            continue;
        }
        assert_eq!(seen[1], json!(true), "no focus is seen at {}", seen[0]);
        reached.push(seen[0].as_str().unwrap().to_owned());
    }
    for wanted in [
        "1 error",
        "Search (/)",
        "Wrap lines (w)",
        "Times: off",
        "More",
        "Log",
        "Open A",
    ] {
        assert!(
            reached.iter().any(|name| name == wanted),
            "{wanted} is not among {reached:?}"
        );
    }
}
