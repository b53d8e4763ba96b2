//! What docs/CLIENTS.md says that clients get wrong, and what they see when a process crashes behind a proxy.

use std::path::Path;
use std::time::Duration;

use test_support::RedisServer;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::timeout;

use crate::chromium::page;
use crate::programs::{Program, long_token, python, rust};
use crate::proxy::{Extras, Kind, Proxy};
use crate::support::{Api, Job};

const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a program that fails if a claim does not hold, and shows those that do.
async fn all_hold(name: &str, command: &mut Command, least: usize) {
    let output = timeout(PATIENCE, command.kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|_| panic!("{name} does not end"));
    let output = output.unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    let shown = String::from_utf8(output.stdout).unwrap();
    println!("{shown}");
    assert!(shown.lines().count() >= least, "{shown}");
}

fn file(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

#[tokio::test]
async fn the_libraries_of_python_are_as_the_page_says() {
    let mut command = Command::new(python());
    all_hold("python", command.arg(file("claims.py")), 15).await;
}

#[tokio::test]
async fn node_is_as_the_page_says() {
    let mut command = Command::new("node");
    command.args(["--no-warnings", "--experimental-eventsource"]);
    all_hold("node", command.arg(file("claims.mjs")), 3).await;
}

#[tokio::test]
async fn the_libraries_of_rust_are_as_the_page_says() {
    let mut command = Command::new(rust());
    all_hold("rust", command.arg("claims"), 6).await;
}

/// How curl ends when the process behind a proxy is killed under its stream.
async fn end_after_a_crash(kind: Kind, over_tls: bool) -> Option<i32> {
    let redis = RedisServer::shared().await;
    let mut api = Api::on(&redis).await;
    let job = Job::new(&redis).await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let page = page();
    let extras = Extras {
        token: None,
        page: over_tls.then(|| (page.as_path(), listener.local_addr().unwrap())),
    };
    let proxy = Proxy::start(kind, &[api.addr], extras).await;
    let scheme = if over_tls { "https" } else { "http" };
    let mut command = Command::new("curl");
    command.args(["--silent", "--no-buffer", "--insecure", "--http2"]);
    if kind == Kind::NginxHttp2 {
        command.arg("--http2-prior-knowledge");
    }
    command.args([
        "--header",
        &format!("Authorization: Bearer {}", long_token()),
    ]);
    command.arg(format!("{scheme}://{}{}/stream", proxy.addr, job.path()));
    let mut curl = Program::start("curl", &mut command);
    while let Some(line) = curl.out.next_line().await.unwrap() {
        if line.starts_with("id: ") {
            break;
        }
    }
    api.kill();
    curl.status(PATIENCE).await.code()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_crash_a_body_is_broken_off_or_ended_cleanly_as_the_page_says() {
    let mut wrong = Vec::new();
    println!("| proxy | TLS and HTTP/2 | broken off |");
    for (kind, over_tls, is_broken) in [
        (Kind::NginxKept, false, true),
        (Kind::NginxKept, true, true),
        (Kind::NginxHttp2, false, true),
        (Kind::Haproxy, false, true),
        (Kind::Apache, false, true),
        (Kind::Nginx, false, false),
        (Kind::HaproxyChecked, true, false),
        (Kind::Caddy, false, false),
        (Kind::Varnish, false, true),
    ] {
        let code = end_after_a_crash(kind, over_tls).await;
        println!("| {kind:?} | {over_tls} | {} ({code:?}) |", code != Some(0));
        if (code != Some(0)) != is_broken {
            wrong.push(kind);
        }
    }
    assert_eq!(wrong, [], "see the table");
}
