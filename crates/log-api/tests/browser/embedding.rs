//! What pages that embed the element rely on: where it is loaded from, its attributes, its events.

use serde_json::{Value, json};
use test_support::{Chromium, RedisServer};

use crate::page::Page;
use crate::support::{ANN, Api, Job, shared, token};

/// Counts and keeps what the element tells of.
const WATCH: &str = "
    window.told = [];
    for (const name of ['log-state', 'log-gap']) log.addEventListener(name, ({ detail }) => told.push([name, detail]));";

#[tokio::test]
async fn a_page_of_another_site_loads_the_element_and_shows_a_log_with_it() {
    let redis = RedisServer::shared().await;
    // The other site is this server by its other name, which is another origin.
    let first = Api::on(&redis).await;
    let site = format!("http://localhost:{}", first.addr.port());
    let api = Api::start(&redis.url(), &[("LOG_API_CORS_ORIGINS", &site)]).await;
    let job = Job::new(&redis).await;
    job.append_all((0..700).map(|n| format!("line {n}"))).await;
    let page = Page {
        browser: Chromium::new().await,
    };
    page.browser.open(&format!("{site}/healthz")).await;
    let (origin, id, token) = (format!("http://{}", api.addr), &job.id, token(ANN));
    page.run(&format!(
        "const {{ JobLog }} = await import('{origin}/viewer/job-log.js');
         const made = new JobLog();
         made.setAttribute('src', '{origin}');
         made.setAttribute('job', '{id}');
         made.setAttribute('theme', 'dark');
         made.getToken = async () => '{token}';
         made.style.height = '400px';
         document.body.append(made);
         if (made !== document.querySelector('job-log')) throw new Error('it is not there');"
    ))
    .await;
    page.until_state("live").await;
    page.until_lines(700).await;
    assert_eq!(page.text("texts().at(-1)").await, "line 699");
    assert_eq!(page.text("log.dataset.theme").await, "dark");
    page.run("log.setAttribute('theme', 'light'); await frame();")
        .await;
    assert_eq!(page.text("log.dataset.theme").await, "light");
    let other = Job::new(&redis).await;
    other.append("of another job").await;
    page.run(&format!("log.setAttribute('job', '{}');", other.id))
        .await;
    page.until("texts().join() === 'of another job'").await;
    page.run("log.remove(); await frame();").await;
    assert_eq!(
        page.get("document.querySelector('job-log')").await,
        json!(null)
    );
}

#[tokio::test]
async fn the_element_tells_of_each_state_once() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.set_status("queued").await;
    let page = Page::open(&api, &job).await;
    page.until_state("queued").await;
    page.run(WATCH).await;
    job.set_status("starting").await;
    page.until_state("starting").await;
    job.append("a").await;
    page.until_state("live").await;
    job.append("b").await;
    page.until_lines(2).await;
    job.set_status("ready").await;
    page.until_state("ended").await;
    let told = page.get("told").await;
    let states: Vec<_> = told.as_array().unwrap().iter().collect();
    assert_eq!(
        states,
        [
            &json!(["log-state", {"state": "starting", "text": "Started"}]),
            &json!(["log-state", {"state": "live", "text": "Live"}]),
            &json!(["log-state", {"state": "ended", "text": "Succeeded"}]),
        ]
    );
}

#[tokio::test]
async fn lines_that_were_lost_while_nobody_was_connected_are_a_gap_with_its_times() {
    let redis = RedisServer::shared().await;
    let mut api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all(["a", "b", "c"]).await;
    let page = Page::open(&api, &job).await;
    page.until_state("live").await;
    page.run(WATCH).await;
    let bind = api.addr.to_string();
    api.kill();
    page.until_state("reconnecting").await;
    page.until("/Next try in \\d+ s/.test(root.querySelector('.detail').textContent)")
        .await;
    let later = job.append_all(["d", "e", "f"]).await;
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "1"])
        .await;
    let _api = Api::start(&redis.url(), &[("LOG_API_BIND", &bind)]).await;
    page.until_state("live").await;
    page.until("texts().join() === 'a,b,c,f'").await;
    let order = "[...root.querySelectorAll('.row')].map((row) => row.dataset.gap ? 'gap' : textOf(row)).join()";
    assert_eq!(page.text(order).await, "a,b,c,gap,f");
    let words = page.text("root.querySelector('[data-gap]').textContent");
    let words = words.await;
    let is_time = |word: &&str| word.matches(':').count() == 2;
    let times = words.split([' ', ':']).count();
    assert!(
        words.starts_with("Lines between ") && words.split(' ').filter(is_time).count() == 2,
        "{words} ({times})"
    );
    let told = page
        .get("told.filter(([name]) => name === 'log-gap')")
        .await;
    assert_eq!(
        told,
        json!([["log-gap", {"type": "gap", "after": ids[2], "first": later[2]}]])
    );
}

#[tokio::test]
async fn a_job_that_has_ended_says_how_long_it_took_and_what_it_says_of_itself() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    job.append("a").await;
    job.command(&[
        "HSET",
        &job.key(),
        "created_at",
        "2026-01-01T00:00:00Z",
        "status_message",
        "Tests\u{202e} failed <b>2</b>",
    ])
    .await;
    job.set_status("failed").await;
    let page = Page::open(&api, &job).await;
    page.until_state("failed").await;
    let detail = "root.querySelector('.detail').textContent";
    page.until(&format!(
        "{detail} === 'after 1 min 0 s · Tests• failed <b>2</b>'"
    ))
    .await;
}

#[tokio::test]
async fn a_search_that_goes_on_says_so_and_shows_what_it_has() {
    let (redis, api) = shared().await;
    let job = Job::new(&redis).await;
    let ids = job.append_all((0..3000).map(|n| format!("line {n}"))).await;
    let page = Page {
        browser: Chromium::new().await,
    };
    // A server that has found two lines and looks for more, until `window.finish()`.
    let found =
        [&ids[10], &ids[20]].map(|id| json!({"match": {"id": id, "text": "", "spans": []}}));
    let source = format!(
        "const ask = window.fetch; const hold = new Promise((done) => window.begin = done);
         window.fetch = async (address, how) => {{
             if (String(address).includes('before_id')) await hold;
             if (!String(address).includes('/search')) return ask(address, how);
             const encoder = new TextEncoder();
             const body = new ReadableStream({{ start(out) {{
                 out.enqueue(encoder.encode({first} + '\\n' + {second} + '\\n'));
                 window.finish = () => {{ out.enqueue(encoder.encode(JSON.stringify({{ end: {{ reason: 'end', scanned_to: '{last}', lines: 3000, matches: 2 }} }}) + '\\n')); out.close(); }};
             }} }});
             return new Response(body);
         }};",
        first = Value::String(found[0].to_string()),
        second = Value::String(found[1].to_string()),
        last = ids[2999],
    );
    let script = json!({ "source": source });
    page.browser
        .devtools("Page.addScriptToEvaluateOnNewDocument", script)
        .await;
    page.go_to(&crate::page::address(&api, &job, "")).await;
    page.until("rows().length > 10").await;
    page.run("log.search('line 10')").await;
    let words = "root.querySelector('.find .words').textContent";
    page.until(&format!("/^\\d of \\d+, still searching$/.test({words})"))
        .await;
    page.run("finish(); begin();").await;
    page.until(&format!("/^\\d of \\d+$/.test({words})")).await;
}
