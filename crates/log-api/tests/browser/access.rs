//! Who sees what: embedding, and access that is withdrawn.

use std::io::{BufRead as _, BufReader};

use test_support::{Chromium, RedisServer};

use crate::page::Page;
use crate::support::{ANN, Api, Job, token};

#[tokio::test]
async fn access_that_is_withdrawn_takes_the_lines_off_the_page() {
    let redis = RedisServer::shared().await;
    let api = Api::start(&redis.url(), &[("LOG_API_STREAM_LEASE_SECS", "2")]).await;
    let job = Job::new(&redis).await;
    job.append("a secret").await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    job.command(&["HSET", &job.key(), "user_id", "user_bob"])
        .await;
    page.until_state("denied").await;
    page.until("rows().length === 0").await;
}

#[tokio::test]
async fn a_page_around_it_gives_the_token_and_hears_of_the_state() {
    let redis = RedisServer::shared().await;
    // The page around it is one of this server too, by its other name: another origin.
    let api = Api::on(&redis).await;
    let port = api.addr.port();
    let outer = format!("http://localhost:{port}");
    let api = Api::start(&redis.url(), &[("LOG_API_EMBED_ORIGINS", &outer)]).await;
    let job = Job::new(&redis).await;
    job.append("hello").await;
    let page = Page::open(&api, &job).await;
    page.browser.open(&format!("{outer}/healthz")).await;
    let token = token(ANN);
    let frame = format!("http://{}/embed/jobs/{}", api.addr, job.id);
    let states = page
        .browser
        .run(&format!(
            "const states = [];
             addEventListener('message', ({{ data, source }}) => {{
                 if (data.type === 'job-log-token') source.postMessage({{ type: 'job-log-token', token: '{token}' }}, '*');
                 if (data.type === 'job-log-state') states.push(data.state);
             }});
             const frame = document.createElement('iframe');
             frame.src = '{frame}';
             document.body.append(frame);
             for (let turn = 0; turn < 200 && !states.includes('live'); turn += 1) await new Promise((done) => setTimeout(done, 50));
             return states;"
        ))
        .await;
    assert!(
        states.as_array().unwrap().contains(&"live".into()),
        "{states}"
    );
}

#[tokio::test]
async fn the_demo_opens_by_a_short_address_once_and_survives_a_reload() {
    let mut demo = std::process::Command::new(env!("CARGO_BIN_EXE_log-api"))
        .args([
            "demo",
            "--bind",
            "127.0.0.1:0",
            "--",
            "sh",
            "-c",
            "echo hello; echo oh >&2; exit 1",
        ])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let demo = Demo(demo);
    let address =
        lines.find_map(|line| Some(line.unwrap()).filter(|line| line.contains("/jobs/demo#code=")));
    let address = address.unwrap();
    assert!(address.len() < 60, "{address}");
    let browser = Chromium::new().await;
    browser.open(&address).await;
    let page = Page { browser };
    page.until("log?.dataset.state === 'failed'").await;
    assert_eq!(page.text("texts().sort().join()").await, "hello,oh");
    assert!(!page.text("location.href").await.contains("code"));
    page.browser.web.refresh().await.unwrap();
    page.until("log?.dataset.state === 'failed'").await;
    let other = Page {
        browser: Chromium::new().await,
    };
    other.browser.open(&address).await;
    other.until("log?.dataset.state === 'signed-out'").await;
    drop(demo);
}

/// A running demo. Killed on drop.
struct Demo(std::process::Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
