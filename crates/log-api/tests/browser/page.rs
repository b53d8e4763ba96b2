//! The page of a job in a browser, and what tests ask of it.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Chromium, ChromiumOptions};
use tokio::time::{Instant, sleep};

use crate::support::{ANN, Api, Job, token};

/// Whatever a test waits for comes within this time, or never.
const PATIENCE: Duration = Duration::from_secs(60);

/// What every script of a test knows.
const WORDS: &str = "
    const log = document.querySelector('job-log');
    const root = log?.shadowRoot;
    const scroller = root?.querySelector('.scroller');
    const rows = () => [...root.querySelectorAll('.row[data-id]:not(.pinned)')];
    const textOf = (row) => row.querySelector('[part=text]')?.textContent ?? '';
    const texts = () => rows().map(textOf);
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const press = (key, more = {}) => {
        const event = new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true, ...more });
        scroller.dispatchEvent(event);
        return event;
    };
    const copied = () => {
        const event = new ClipboardEvent('copy', { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
        scroller.dispatchEvent(event);
        return event.clipboardData.getData('text/plain');
    };
";

/// A browser that shows the page of a job.
pub(crate) struct Page {
    pub(crate) browser: Chromium,
}

impl Page {
    /// The page of a job, with a token of Ann's.
    pub(crate) async fn open(api: &Api, job: &Job) -> Self {
        Self::at(api, job, "").await
    }

    /// The page with more in its fragment, for example `&at=1-0`.
    pub(crate) async fn at(api: &Api, job: &Job, more: &str) -> Self {
        Self::with(ChromiumOptions::default(), api, job, more).await
    }

    pub(crate) async fn with(options: ChromiumOptions, api: &Api, job: &Job, more: &str) -> Self {
        let page = Self {
            browser: Chromium::start(options).await,
        };
        page.go_to(&address(api, job, more)).await;
        page
    }

    /// Opens another address in the same browser.
    pub(crate) async fn go_to(&self, address: &str) {
        self.browser.open("about:blank").await;
        self.browser.open(address).await;
        self.until("log && root").await;
    }

    /// Runs the body of an async function that knows `log`, `root`, `scroller`, `rows()`, `texts()`, `press(key)` and
    /// `frame()`, and returns its value.
    pub(crate) async fn run(&self, body: &str) -> Value {
        self.browser.run(&format!("{WORDS}\n{body}")).await
    }

    /// The value of an expression.
    pub(crate) async fn get(&self, expression: &str) -> Value {
        self.run(&format!("return {expression};")).await
    }

    pub(crate) async fn text(&self, expression: &str) -> String {
        let value = self.get(expression).await;
        let text = value.as_str().map(str::to_owned);
        text.unwrap_or_else(|| value.to_string())
    }

    pub(crate) async fn number(&self, expression: &str) -> i64 {
        let value = self.get(expression).await;
        let number = value.as_f64();
        #[expect(clippy::cast_possible_truncation, reason = "pixels and counts")]
        let number = number.unwrap_or_else(|| panic!("{expression} is {value}")) as i64;
        number
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, expression: &str) {
        let start = Instant::now();
        while self.get(&format!("Boolean({expression})")).await != json!(true) {
            if start.elapsed() > PATIENCE {
                let seen = "[log?.dataset.state, log?.dataset.lines, root?.textContent.slice(0, 2000), log && texts().slice(-5)]";
                let seen = self.get(seen).await;
                panic!("it never is: {expression}\n{seen:#}");
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn until_state(&self, state: &str) {
        self.until(&format!("log.dataset.state === '{state}'"))
            .await;
    }

    pub(crate) async fn until_lines(&self, lines: usize) {
        self.until(&format!("log.dataset.lines === '{lines}'"))
            .await;
    }

    /// Every row of the log, from its start to its end: id and text. It looks at them window by window, as a reader does.
    pub(crate) async fn walk(&self) -> Vec<(String, String)> {
        let seen = self
            .run(
                "const seen = new Map();
                 press('Home');
                 for (let still = 0, turns = 0; still < 8 && turns < 2000; turns += 1) {
                     await frame();
                     const before = seen.size;
                     for (const row of rows()) if (!row.classList.contains('unloaded')) seen.set(row.dataset.id, textOf(row));
                     still = seen.size === before ? still + 1 : 0;
                     press('PageDown');
                 }
                 return [...seen];",
            )
            .await;
        serde_json::from_value(seen).unwrap()
    }
}

/// The address of a job's page, with a token of Ann's.
pub(crate) fn address(api: &Api, job: &Job, more: &str) -> String {
    let token = token(ANN);
    format!("http://{}/jobs/{}#token={token}{more}", api.addr, job.id)
}

/// Asserts that the page has every line of the log once, in order.
pub(crate) async fn assert_whole(page: &Page, job: &Job) {
    let expected: Vec<_> = job
        .lines()
        .await
        .into_iter()
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect();
    page.until_lines(expected.len()).await;
    let seen: Vec<_> = page.walk().await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(seen, expected);
}
