//! The log page in Chromium: weight, first line, frames, memory, jumps and search on a log of 1,000,000 lines.
//!
//! `cargo xtask bench log_page`; with `--lines 5000000` on a longer log, with `--minutes 10` for the growth of memory, with
//! `--quick` on 50,000 lines for a look at whether it works, with `--memory` for nothing but memory. It starts its own Redis,
//! server and browser. Nothing else should run meanwhile: frames are measured.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for people at a terminal"
)]

#[path = "../tests/api/support.rs"]
#[allow(dead_code, unreachable_pub, reason = "the suite `api` uses the rest")]
mod support;

#[path = "log_page/service.rs"]
mod service;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Chromium, RedisServer};
use tokio::time::{Instant, sleep};

use support::{ANN, Api, ISSUER, Job, ORIGIN};

/// Lines a second while frames are measured.
const RATE: usize = 5000;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let asked = |name: &str| -> Option<usize> {
        let at = arguments.iter().position(|argument| argument == name)?;
        Some(arguments[at + 1].parse().expect("a number"))
    };
    let lines = asked("--lines").unwrap_or(if quick { 50_000 } else { 1_000_000 });

    let redis = Arc::new(RedisServer::start().await);
    let api = Api::start(&redis.url(), &[("LOG_API_MAX_TOKEN_SECS", "86400")]).await;
    let job = Job::new(&redis).await;
    let text = |n: usize| {
        format!(
            "{n} Compiling crate-number-{} v1.0.{} (registry) with words",
            n * 7919 % 100_003,
            n % 9
        )
    };
    append(&job, (0..lines).map(text)).await;
    let browser = Chromium::new().await;
    let minutes = asked("--minutes");
    if arguments.iter().any(|argument| argument == "--memory") {
        browser.open(&address(&api, &job)).await;
        loaded(&browser, lines).await;
        return growth(&browser, &job, minutes).await;
    }

    show("page weight, gzip", 60.0, "KB", weight(&api).await);
    show(
        "first line painted, warm (median of 7)",
        300.0,
        "ms",
        first_line(&browser, &api, &job).await,
    );
    loaded(&browser, lines).await;
    frames(&browser, &job, lines).await;
    show(
        "JS heap and buffers, after that",
        100.0,
        "MB",
        memory(&browser).await,
    );
    jumps(&browser).await;
    searches(&browser).await;
    growth(&browser, &job, minutes).await;
    drop(browser);
    service::measure(&api, &redis, &job).await;
}

/// One line of the result: what, how much, and what was the goal.
fn show(what: &str, goal: f64, unit: &str, figure: f64) {
    let word = if figure <= goal { "reached" } else { "MISSED" };
    println!("{what:48} {figure:10.1} {unit:5} (at most {goal}: {word})");
}

async fn append(job: &Job, texts: impl Iterator<Item = String>) {
    let mut texts = texts.peekable();
    while texts.peek().is_some() {
        job.append_untrimmed(texts.by_ref().take(5000)).await;
    }
}

/// What a first visit loads.
async fn weight(api: &Api) -> f64 {
    let get = |path: String| async move {
        let request = api.anonymous().get(&path).header("Accept-Encoding", "gzip");
        request.send().await
    };
    let page = api
        .anonymous()
        .get("/jobs/x")
        .send()
        .await
        .text()
        .to_owned();
    let mut paths: Vec<String> = page
        .split('"')
        .filter(|part| part.starts_with("/viewer/"))
        .map(str::to_owned)
        .collect();
    paths.push("/jobs/x".to_owned());
    paths.sort();
    paths.dedup();
    let mut bytes = 0;
    for path in paths {
        let answer = get(path).await;
        bytes += answer
            .header("content-length")
            .unwrap()
            .parse::<u32>()
            .unwrap();
    }
    f64::from(bytes) / 1000.0
}

fn address(api: &Api, job: &Job) -> String {
    let life = Duration::from_secs(24 * 3600);
    let token = ISSUER
        .session_token(ANN, ORIGIN, std::time::SystemTime::now(), life)
        .unwrap();
    format!("http://{}/jobs/{}#token={token}", api.addr, job.id)
}

async fn first_line(browser: &Chromium, api: &Api, job: &Job) -> f64 {
    let watch = "(() => { const look = () => {
        if (document.querySelector('job-log')?.shadowRoot?.querySelector('.row[data-id] .text')?.textContent) requestAnimationFrame(() => { window.firstLine = performance.now(); });
        else requestAnimationFrame(look);
    }; look(); })()";
    browser
        .devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": watch }),
        )
        .await;
    let mut times = Vec::new();
    for _ in 0..7 {
        browser.open("about:blank").await;
        browser.open(&address(api, job)).await;
        until(browser, "window.firstLine > 0").await;
        times.push(number(browser, "window.firstLine").await);
    }
    median(&mut times)
}

/// What the page takes when it knows the whole log.
async fn loaded(browser: &Chromium, lines: usize) {
    load_whole(browser, lines).await;
    show(
        "JS heap and buffers, whole log known",
        100.0,
        "MB",
        memory(browser).await,
    );
}

async fn load_whole(browser: &Chromium, lines: usize) {
    browser
        .run("void document.querySelector('job-log').loadAll();")
        .await;
    let start = Instant::now();
    while number(
        browser,
        "Number(document.querySelector('job-log').dataset.lines)",
    )
    .await
        < to_f64(lines)
    {
        assert!(
            start.elapsed() < Duration::from_secs(1800),
            "the log is not loaded"
        );
        sleep(Duration::from_secs(1)).await;
    }
    println!(
        "{:48} {:10.1} s",
        "all earlier lines fetched",
        start.elapsed().as_secs_f64()
    );
}

/// In MB, after the garbage is collected.
async fn memory(browser: &Chromium) -> f64 {
    browser
        .devtools("HeapProfiler.collectGarbage", json!({}))
        .await;
    let usage = browser.devtools("Runtime.getHeapUsage", json!({})).await;
    let part = |name: &str| usage[name].as_f64().unwrap_or_default();
    (part("usedSize") + part("backingStorageSize")) / 1e6
}

/// Frames while lines arrive and the end is followed.
async fn frames(browser: &Chromium, job: &Job, lines: usize) {
    browser
        .run("document.querySelector('job-log').follow = true;")
        .await;
    let watch = "window.frames_ = []; let before = 0; const tick = (now) => { if (before) frames_.push(now - before); before = now; window.frames_ && requestAnimationFrame(tick); }; requestAnimationFrame(tick);";
    browser.run(watch).await;
    let start = Instant::now();
    for turn in 0..400 {
        let batch = (0..RATE / 50).map(|n| {
            format!(
                "{} a new line that arrives while somebody follows",
                turn * RATE / 50 + n
            )
        });
        job.append_untrimmed(batch).await;
        tokio::time::sleep_until(start + Duration::from_millis(20 * (turn as u64 + 1))).await;
    }
    let taken = browser.run("const all = frames_.sort((a, b) => a - b); window.frames_ = null; return [all[Math.floor(all.length / 2)], all[Math.floor(all.length * 0.99)], all.length];").await;
    until(
        browser,
        &format!(
            "Number(document.querySelector('job-log').dataset.lines) >= {}",
            lines + 400 * RATE / 50
        ),
    )
    .await;
    let nodes = number(
        browser,
        "document.querySelector('job-log').shadowRoot.querySelectorAll('*').length",
    )
    .await;
    println!(
        "{:48} {:10.1} ms    ({} frames in {:.1} s)",
        format!("frame p50, {RATE} lines/s, following"),
        taken[0].as_f64().unwrap(),
        taken[2],
        start.elapsed().as_secs_f64()
    );
    show("frame p99", 20.0, "ms", taken[1].as_f64().unwrap());
    show("DOM nodes", 400.0, "", nodes);
}

/// Jumps of the scroll bar: within what is in memory, and to what has to be fetched.
async fn jumps(browser: &Chromium) {
    let jump = |part: &str| {
        format!(
            "const root = document.querySelector('job-log').shadowRoot; const view = root.querySelector('.scroller');
             const start = performance.now();
             view.scrollTop = {part} * (view.scrollHeight - view.clientHeight);
             // The browser would tell of it with its next frame, which is no work of the page.
             view.dispatchEvent(new Event('scroll'));
             const drawn = () => {{ const rows = [...root.querySelectorAll('.row')]; return rows.length > 10 && !rows.some((row) => row.matches('.unloaded, .hole')); }};
             while (!drawn()) await new Promise((done) => setTimeout(done, 2));
             view.getBoundingClientRect();
             return performance.now() - start;"
        )
    };
    let mut near = Vec::new();
    for turn in 0..20 {
        near.push(
            browser
                .run(&jump(&format!("{}", 0.999 - f64::from(turn) * 0.001)))
                .await
                .as_f64()
                .unwrap(),
        );
    }
    show(
        "jump to a line in memory (median of 20)",
        16.0,
        "ms",
        median(&mut near),
    );
    let mut far = Vec::new();
    for turn in 0..20 {
        far.push(
            browser
                .run(&jump(&format!(
                    "{}",
                    f64::from(turn * 7 % 20) * 0.04 + 0.01
                )))
                .await
                .as_f64()
                .unwrap(),
        );
    }
    show(
        "jump to a line to be fetched (median of 20)",
        300.0,
        "ms",
        median(&mut far),
    );
}

async fn searches(browser: &Chromium) {
    let words =
        "document.querySelector('job-log').shadowRoot.querySelector('.find .words').textContent";
    let start = Instant::now();
    browser
        .run("document.querySelector('job-log').search('crate-number-7919 ')")
        .await;
    until(browser, &format!("/\\d+ of /.test({words})")).await;
    show(
        "search, first match",
        300.0,
        "ms",
        start.elapsed().as_secs_f64() * 1000.0,
    );
    until(browser, &format!("/of [\\d,]+$/.test({words})")).await;
    show(
        "search, all matches",
        3000.0,
        "ms",
        start.elapsed().as_secs_f64() * 1000.0,
    );
}

/// How much more the page needs after minutes of lines that are followed.
async fn growth(browser: &Chromium, job: &Job, minutes: Option<usize>) {
    let Some(minutes) = minutes else {
        println!("growth of memory: not measured without --minutes 10");
        return;
    };
    browser
        .run("document.querySelector('job-log').follow = true;")
        .await;
    let before = memory(browser).await;
    let start = Instant::now();
    for second in 0..minutes * 60 {
        let batch =
            (0..1000).map(|n| format!("{second}.{n} a line of a build that goes on and on"));
        job.append_untrimmed(batch).await;
        tokio::time::sleep_until(start + Duration::from_secs(second as u64 + 1)).await;
    }
    let grown = memory(browser).await - before;
    let what = format!("growth over {minutes} min at 1,000 lines/s");
    show(&what, 1.0, "MB", grown);
}

async fn until(browser: &Chromium, expression: &str) {
    let start = Instant::now();
    while browser.run(&format!("return Boolean({expression});")).await != Value::Bool(true) {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it never is: {expression}"
        );
        sleep(Duration::from_millis(5)).await;
    }
}

async fn number(browser: &Chromium, expression: &str) -> f64 {
    let value = browser.run(&format!("return {expression};")).await;
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{expression} is {value}"))
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn to_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).expect("fewer lines"))
}
