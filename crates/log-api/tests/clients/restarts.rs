//! Two processes behind a proxy are restarted one after the other, under thirty `EventSource`s. Every one comes back, and sees
//! every line once.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use test_support::RedisServer;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::programs::{Program, long_token};
use crate::proxy::{Extras, Kind, Proxy};
use crate::servers::Server;
use crate::support::Job;

const SOURCES: usize = 30;

/// Writes 50 lines a second during two rolling restarts, and ends the job. Returns what everybody must have seen.
async fn restart_twice(servers: &mut [Server; 2], job: &Arc<Job>) -> Vec<Value> {
    let writing = tokio::spawn({
        let job = job.clone();
        async move {
            for n in 0..1_500 {
                job.append(&n.to_string()).await;
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    sleep(Duration::from_secs(2)).await;
    for server in servers {
        server.restart().await;
        // nginx asks a service that it has found away again after 10 s.
        sleep(Duration::from_secs(11)).await;
    }
    writing.await.unwrap();
    job.set_status("ready").await;
    let lines = job.lines().await;
    lines
        .iter()
        .map(|line| json!({"id": line["id"], "text": line["text"]}))
        .collect()
}

/// Checks what each source has printed: each line once, in order, and the end.
fn assert_all_seen(case: &str, seen: &[Value], expected: &[Value]) {
    for number in 0..SOURCES {
        let of_source = seen.iter().filter(|line| line["source"] == number);
        let mut of_source: Vec<_> = of_source.cloned().collect();
        for line in &mut of_source {
            line.as_object_mut().unwrap().remove("source");
        }
        assert_eq!(
            of_source.pop(),
            Some(json!({"done": "ready"})),
            "{case}: source {number}"
        );
        let first_wrong = of_source
            .iter()
            .zip(expected)
            .position(|(one, other)| one != other);
        assert_eq!(first_wrong, None, "{case}: source {number}");
        assert_eq!(of_source.len(), expected.len(), "{case}: source {number}");
    }
}

const KINDS: [Kind; 4] = [
    Kind::Nginx,
    Kind::NginxKept,
    Kind::Haproxy,
    Kind::HaproxyChecked,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_event_sources_of_node_come_back_after_each_restart() {
    let redis = RedisServer::shared().await;
    let token = long_token();
    let mut servers = [Server::start(&redis).await, Server::start(&redis).await];
    let addresses = [servers[0].addr, servers[1].addr];
    let job = Arc::new(Job::new(&redis).await);
    let extras = Extras {
        token: Some(&token),
        page: None,
    };
    let mut running = Vec::new();
    for kind in KINDS {
        let proxy = Proxy::start(kind, &addresses, extras.clone()).await;
        let url = format!("http://{}{}/stream?from=start", proxy.addr, job.path());
        let sources = Program::follow(&format!("event-source:{SOURCES}"), &url, "");
        running.push((
            kind,
            proxy,
            tokio::spawn(sources.finish(Duration::from_secs(120))),
        ));
    }
    let expected = restart_twice(&mut servers, &job).await;
    for (kind, _proxy, sources) in running {
        let (seen, success) = sources.await.unwrap();
        assert!(success, "{kind:?}");
        assert_all_seen(&format!("{kind:?}"), &seen, &expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_event_sources_of_chromium_come_back_after_each_restart() {
    let redis = RedisServer::shared().await;
    let token = long_token();
    let mut servers = [Server::start(&redis).await, Server::start(&redis).await];
    let addresses = [servers[0].addr, servers[1].addr];
    let job = Arc::new(Job::new(&redis).await);
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/page.html");
    let mut running = Vec::new();
    for kind in KINDS {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let report = listener.local_addr().unwrap();
        let extras = Extras {
            token: Some(&token),
            page: Some((&page, report)),
        };
        let proxy = Proxy::start(kind, &addresses, extras).await;
        let browser = chromium(proxy.addr, &job, "");
        running.push((kind, proxy, browser, tokio::spawn(reported(listener))));
    }
    let expected = restart_twice(&mut servers, &job).await;
    for (kind, _proxy, _browser, report) in running {
        let seen = timeout(Duration::from_secs(60), report)
            .await
            .expect("a report");
        assert_all_seen(&format!("{kind:?}"), &seen.unwrap(), &expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_source_of_chromium_works_by_cookie_and_by_ticket() {
    let redis = RedisServer::shared().await;
    let server = Server::start(&redis).await;
    let token = long_token();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/page.html");
    for way in ["cookie", "ticket"] {
        let job = Job::new(&redis).await;
        job.append_all(["1", "2 \u{2028} 🦀", ""]).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let extras = Extras {
            token: None,
            page: Some((&page, listener.local_addr().unwrap())),
        };
        let proxy = Proxy::start(Kind::NginxKept, &[server.addr], extras).await;
        let _browser = chromium(proxy.addr, &job, &format!("&{way}={token}&count=1"));
        let report = tokio::spawn(reported(listener));
        sleep(Duration::from_secs(2)).await;
        job.append("live").await;
        job.set_status("ready").await;
        let seen = timeout(Duration::from_secs(60), report)
            .await
            .expect("a report")
            .unwrap();
        let texts: Vec<_> = seen
            .iter()
            .filter_map(|line| line["text"].as_str())
            .collect();
        assert_eq!(texts, ["1", "2 \u{2028} 🦀", "", "live"], "{way}");
        assert_eq!(
            seen.last(),
            Some(&json!({"source": 0, "done": "ready"})),
            "{way}"
        );
    }
    assert!(server.api().log().contains("answered"));
}

/// Opens the page in a browser of its own.
fn chromium(proxy: SocketAddr, job: &Job, query: &str) -> (Program, tempfile::TempDir) {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new("chromium");
    command
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--ignore-certificate-errors",
            "--no-first-run",
            "--remote-debugging-port=0",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("https://{proxy}/page?job={}{query}", job.id));
    (Program::start("chromium", &mut command), profile)
}

/// What the page sends to `/report` when all its sources have ended.
async fn reported(listener: TcpListener) -> Vec<Value> {
    let (stream, _) = listener.accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    stream.get_mut().write_all(answer).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}
