//! The programs that docs/CLIENTS.md prints, run as they are printed.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::RedisServer;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

use crate::chromium::{Chromium, Report};
use crate::programs::{Program, long_token, python, rust};
use crate::proxy::{Extras, Kind, Proxy};
use crate::servers::Server;
use crate::support::{Api, Job};

const PAGE: &str = include_str!("../../../../docs/CLIENTS.md");

const PATIENCE: Duration = Duration::from_secs(60);

/// The program below a heading of the page.
pub(crate) fn program(heading: &str) -> &'static str {
    let (_, section) = PAGE.split_once(&format!("# {heading}\n")).unwrap();
    let (_, fence) = section.split_once("```").unwrap();
    let (_, program) = fence.split_once('\n').unwrap();
    program.split_once("```").unwrap().0
}

/// A job with some lines that has ended, and the id of its last line.
async fn ended_job(redis: &std::sync::Arc<RedisServer>) -> (Job, String) {
    let job = Job::new(redis).await;
    let ids = job.append_all(["1", "2 \u{2028}", ""]).await;
    job.set_status("ready").await;
    (job, ids.last().unwrap().clone())
}

/// Runs a program to its end, and returns what it prints.
async fn run(name: &str, command: &mut Command) -> String {
    let output = timeout(PATIENCE, command.kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|_| panic!("{name} does not end"));
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}: {output:?}");
    text
}

/// What a program of Python needs before the one that is printed.
fn before(library: &str) -> &'static str {
    match library {
        "httpx-sse" => "import httpx\nfrom httpx_sse import connect_sse",
        "requests-sse" => "from requests_sse import EventSource",
        "sseclient-py" => "import json, requests\nfrom sseclient import SSEClient",
        "niquests" => "import niquests",
        "aiohttp-sse-client2" => {
            "import aiohttp, asyncio\nfrom aiohttp_sse_client2.client import EventSource"
        }
        _ => panic!("{library}"),
    }
}

/// Follows a log with the printed program, twice: from the first line, and from the cursor that it has kept.
fn python_program(library: &str) -> String {
    // The page has `https`.
    let printed = program(library).replace("\"https://\", \"sse://\"", "\"http://\", \"psse://\"");
    let body: String = printed
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    let (def, call) = match library {
        "aiohttp-sse-client2" => ("async def", "asyncio.run(follow())"),
        _ => ("def", "follow()"),
    };
    let before = before(library);
    format!(
        "import sys\n{before}\nurl, token = sys.argv[1:3]\nheaders = {{'Authorization': f'Bearer {{token}}'}}\ncursor = None\n\
         {def} follow():\n    global cursor\n{body}\n{call}\nprint(cursor)\n"
    )
}

#[tokio::test]
async fn the_printed_programs_of_python_keep_the_cursor() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    let (job, last) = ended_job(&redis).await;
    let url = format!("http://{}{}/stream?from=start", server.addr, job.path());
    for library in [
        "httpx-sse",
        "requests-sse",
        "sseclient-py",
        "niquests",
        "aiohttp-sse-client2",
    ] {
        let mut command = Command::new(python());
        command.args(["-c", &python_program(library), &url, &long_token()]);
        assert_eq!(run(library, &mut command).await.trim(), last, "{library}");
    }
}

#[tokio::test]
async fn the_printed_programs_of_rust_keep_the_cursor() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    let (job, last) = ended_job(&redis).await;
    let url = format!("http://{}{}/stream?from=start", server.addr, job.path());
    for library in ["eventsource-client-printed", "reqwest-eventsource-printed"] {
        let mut command = Command::new(rust());
        command.args([library, &url, &long_token()]);
        assert_eq!(run(library, &mut command).await.trim(), last, "{library}");
    }
}

#[tokio::test]
async fn the_printed_program_for_fetch_gets_the_whole_log() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    let (job, last) = ended_job(&redis).await;
    let url = format!("http://{}{}/stream?from=start", server.addr, job.path());
    let printed = program("`fetch`, in browsers and node");
    let program = format!(
        "const [url, token] = process.argv.slice(1);\nconst getToken = async () => token;\nconst cursor = undefined;\n\
         let text = '';\nconst take = (piece) => {{ text += piece; }};\n{printed}\nprocess.stdout.write(text);\n"
    );
    let mut command = Command::new("node");
    command.args(["--input-type=module", "--eval", &program]);
    let text = run("fetch", command.args([&url, &long_token()])).await;
    assert_eq!(text.matches("event: log\n").count(), 3, "{text}");
    assert!(text.contains(&format!("id: {last}\n")), "{text}");
    assert!(text.contains("event: done\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_program_for_an_event_source_shows_lines_gaps_and_the_end() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    let job = Job::new(&redis).await;
    let ids = job.append_all((0..6).map(|n| n.to_string())).await;
    job.command(&["XTRIM", &job.logs_key(), "MAXLEN", "3"])
        .await;
    job.set_status("failed").await;
    let printed = program("`EventSource`");
    let html = format!(
        "<!doctype html><script>\nconst job = '{}', newestId = '{}', seen = [];\n\
         const show = (line) => seen.push(line.text), showGap = (gap) => seen.push(gap);\n\
         const report = () => fetch('/report', {{ method: 'POST', body: JSON.stringify(seen) }});\n\
         const showEnd = (status) => {{ seen.push(status); report(); }};\n\
         const startAnew = () => {{ seen.push('closed'); report(); }};\n{printed}</script>",
        job.id, ids[0]
    );
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    std::fs::write(&page, html).unwrap();
    // Once as somebody who may read, and once as somebody who may not.
    let gap = json!({"after_id": ids[0], "first_id": ids[3]});
    let whole = vec![gap, json!("3"), json!("4"), json!("5"), json!("failed")];
    for (token, expected) in [
        (long_token(), whole),
        ("x.y.z".to_owned(), vec![json!("closed")]),
    ] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let extras = Extras {
            token: Some(&token),
            page: Some((&page, listener.local_addr().unwrap())),
        };
        let proxy = Proxy::start(Kind::NginxKept, &[server.addr], extras).await;
        let _browser = Chromium::open(&[format!("https://{}/page", proxy.addr)]);
        let seen: Vec<Value> = Report::on(listener).arrives().await;
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn the_printed_curl_shows_the_texts_and_tells_of_a_break() {
    let redis = RedisServer::shared().await;
    let mut api = Api::on(&redis).await;
    let (job, _) = ended_job(&redis).await;
    let live = Job::new(&redis).await;
    live.append("first").await;
    let curl = |job: &Job| {
        let mut command = Command::new("sh");
        command.args(["-c", program("A terminal")]);
        command.env("URL", format!("http://{}", api.addr));
        command.env("JOB", &job.id).env("TOKEN", long_token());
        command
    };
    let text = run("curl", &mut curl(&job)).await;
    assert_eq!(text, "1\n2 \u{2028}\n\n");
    let mut follower = Program::start("curl", &mut curl(&live));
    let first = timeout(PATIENCE, follower.out.next_line()).await;
    assert_eq!(first.unwrap().unwrap().as_deref(), Some("first"));
    api.kill();
    assert_eq!(follower.status(PATIENCE).await.code(), Some(18));
}
