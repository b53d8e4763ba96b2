//! Colours that can be read, light and dark; phones; what is read aloud.

use serde_json::json;
use test_support::{Chromium, ChromiumOptions, Recording};

use crate::page::Page;
use crate::support::{Api, Job, shared};

/// The recorded output of a test run with colours, and every colour there is.
async fn colourful(job: &Job) {
    let recording = Recording::load("cargo-test-color");
    let bytes: Vec<u8> = recording
        .chunks
        .iter()
        .flat_map(|chunk| chunk.bytes.clone())
        .collect();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    job.append_all(text.lines()).await;
    job.append_all((0..256).map(|n| {
        format!(
            "\x1b[38;5;{n}mcolour {n}\x1b[0m \x1b[48;5;{n}mbehind\x1b[0m \x1b[2;38;5;{n}mdim\x1b[0m"
        )
    }))
    .await;
}

/// The worst contrast of any text in the window, as the browser draws it.
const WORST: &str = "
    const channel = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
    const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const paper = (node) => {
        for (let at = node; at; at = at.parentElement ?? at.getRootNode().host) {
            const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
            if (a > 0) return [r, g, b];
        }
        return [255, 255, 255];
    };
    let worst = [100, ''];
    for (const node of root.querySelectorAll('.text, .text span, .text a, .word, .job, .detail, .count, .gutter, .title')) {
        if (!node.textContent && !node.dataset.number) continue;
        const [a, b] = [luminance(parse(getComputedStyle(node).color)), luminance(paper(node))].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < worst[0]) worst = [contrast, node.outerHTML.slice(0, 200)];
    }
    return worst;";

#[tokio::test]
async fn every_text_can_be_read_in_light_and_in_dark() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    colourful(&job).await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    for scheme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        page.browser
            .devtools("Emulation.setEmulatedMedia", features)
            .await;
        page.until(&format!("log.dataset.theme === '{scheme}'"))
            .await;
        page.run("press('g'); await frame();").await;
        for _ in 0..12 {
            let worst = page
                .run(&format!("press('PageDown'); await frame(); {WORST}"))
                .await;
            assert!(worst[0].as_f64().unwrap() >= 4.5, "{scheme}: {worst}");
        }
    }
}

#[tokio::test]
async fn forced_colours_are_kept_and_bold_stays() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("\x1b[1;31mred and bold\x1b[0m").await;
    let page = Page::open(&api, &job).await;
    page.until_lines(1).await;
    let features = json!({"features": [{"name": "forced-colors", "value": "active"}]});
    page.browser
        .devtools("Emulation.setEmulatedMedia", features)
        .await;
    page.until("root.querySelector('.text span').style.color === ''")
        .await;
    assert_eq!(
        page.text("root.querySelector('.text span').style.fontWeight")
            .await,
        "600"
    );
}

#[tokio::test]
async fn a_phone_wraps_lines_and_needs_no_sideways_scrolling() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all((0..100).map(|n| format!("line {n} {}", "and more words ".repeat(20))))
        .await;
    let phone = ChromiumOptions {
        phone: true,
        ..ChromiumOptions::default()
    };
    let page = Page::with(phone, &api, &job, "").await;
    page.until_lines(100).await;
    assert_eq!(
        page.get("scroller.scrollWidth <= scroller.clientWidth")
            .await,
        json!(true)
    );
    assert_eq!(
        page.get("document.documentElement.scrollWidth <= innerWidth")
            .await,
        json!(true)
    );
    let small = page.run("return [...root.querySelectorAll('.tools button:not([hidden])')].filter((button) => Math.min(button.offsetWidth, button.offsetHeight) < 24).length").await;
    assert_eq!(small, json!(0), "targets that a finger cannot hit");
}

#[tokio::test]
async fn the_menu_of_a_narrow_phone_is_whole_and_does_what_it_says() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["a", "b"]).await;
    let phone = ChromiumOptions {
        phone: true,
        ..ChromiumOptions::default()
    };
    let page = Page::with(phone, &api, &job, "").await;
    page.until_lines(2).await;
    // The second one is the same phone, turned.
    for (width, height) in [(360, 640), (640, 360)] {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 2, "mobile": true});
        page.browser
            .devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        page.until(&format!("innerWidth === {width}")).await;
        let outside = page
            .run(
                "root.querySelector('[aria-haspopup=menu]').click(); await frame();
                 const outside = [];
                 for (const item of root.querySelectorAll('.menu [role=menuitem]')) {
                     item.scrollIntoView({ block: 'nearest' });
                     const { left, top, right, bottom, height } = item.getBoundingClientRect();
                     if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight || height < 24) outside.push(item.textContent);
                 }
                 return outside;",
            )
            .await;
        assert_eq!(outside, json!([]), "{width} × {height}");
        let before = page.text("rows()[0].querySelector('.gutter').dataset.number ?? ''");
        let before = before.await;
        page.run("[...root.querySelectorAll('.menu [role=menuitem]')].find((item) => item.textContent.includes('line numbers')).click();").await;
        page.until(&format!(
            "(rows()[0].querySelector('.gutter').dataset.number ?? '') !== '{before}'"
        ))
        .await;
        assert_eq!(
            page.get("root.querySelector('.menu').hidden").await,
            json!(true)
        );
    }
}

#[tokio::test]
async fn a_browser_without_highlights_marks_the_rows_of_matches() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["a needle", "hay", "a needle"]).await;
    let page = Page {
        browser: Chromium::new().await,
    };
    let script = json!({"source": "delete window.Highlight; Object.defineProperty(CSS, 'highlights', { value: undefined });"});
    page.browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", script)
        .await;
    page.go_to(&crate::page::address(&api, &job, "")).await;
    page.until_lines(3).await;
    page.run("log.search('needle')").await;
    let marked = "rows().map((row) => row.classList.contains('matched')).join()";
    page.until(&format!("{marked} === 'true,false,true'")).await;
    let paper = "rows().map((row) => getComputedStyle(row.querySelector('.text')).backgroundColor)";
    assert_eq!(
        page.get(&format!("new Set({paper}).size")).await,
        json!(3),
        "a match, the one that the reader is at, and none"
    );
    page.run("root.querySelector('.find [aria-label^=Close]').click(); await frame();")
        .await;
    page.until(&format!("{marked} === 'false,false,false'"))
        .await;
}

#[tokio::test]
async fn nothing_moves_for_who_wants_less_motion() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["::group::A", "b"]).await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    let moving = "[...root.querySelectorAll('*')].filter((node) => [null, '::before', '::after'].some((part) => {
        const { animationName, transitionDuration } = getComputedStyle(node, part);
        return animationName !== 'none' || transitionDuration.split(', ').some((time) => time !== '0s');
    })).length";
    assert!(page.number(moving).await > 0);
    let features = json!({"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]});
    page.browser
        .devtools("Emulation.setEmulatedMedia", features)
        .await;
    assert_eq!(page.number(moving).await, 0);
}

#[tokio::test]
async fn lines_are_not_read_aloud_one_by_one_and_the_state_is() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("a").await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    assert_eq!(page.text("[scroller.getAttribute('role'), scroller.getAttribute('aria-live'), scroller.tabIndex].join()").await, "log,off,0");
    job.set_status("failed").await;
    page.until("root.querySelector('.sr[role=status]').textContent.startsWith('Failed')")
        .await;
    let unnamed = page.run("return [...root.querySelectorAll('button, input')].filter((node) => !node.hidden && !node.textContent.trim() && !node.getAttribute('aria-label')).length").await;
    assert_eq!(unnamed, json!(0), "buttons without a name");
}

#[tokio::test]
async fn the_plain_page_has_the_log_as_text() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append_all(["\x1b[31ma\x1b[0m", "<b>b</b>"]).await;
    job.set_status("ready").await;
    let browser = Chromium::new().await;
    let token = crate::support::token(crate::support::ANN);
    browser.open(&plain(&api, &job, &token)).await;
    let text = browser
        .run(
            "for (let turn = 0; turn < 200; turn += 1) {
                 const text = document.querySelector('pre')?.textContent ?? '';
                 if (text.includes('ended')) return text;
                 await new Promise((done) => setTimeout(done, 50));
             }
             return document.body.textContent;",
        )
        .await;
    assert_eq!(
        text,
        json!("a\n<b>b</b>\n--- The job has ended: ready ---\n")
    );
}

fn plain(api: &Api, job: &Job, token: &str) -> String {
    format!("http://{}/jobs/{}?plain#token={token}", api.addr, job.id)
}
