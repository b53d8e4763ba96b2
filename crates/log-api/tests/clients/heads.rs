//! The head and the first event of a stream, and how its body is framed, through each proxy.

use std::time::Duration;

use test_support::{HttpClient, RedisServer, SseReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::programs::{Program, long_token};
use crate::proxy::{Extras, Kind, Proxy};
use crate::support::{Api, Job};

/// A heartbeat on a silent stream comes after 20 s.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Follows a stream with curl, which speaks HTTP/2 too, and shows the head.
fn curl(proxy: &Proxy, kind: Kind, job: &Job, options: &[&str]) -> Program {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--no-buffer", "--include"]);
    if kind == Kind::NginxHttp2 {
        command.arg("--http2-prior-knowledge");
    }
    let authorization = format!("Authorization: Bearer {}", long_token());
    command.args(["--header", &authorization]).args(options);
    command.arg(format!("http://{}{}/stream", proxy.addr, job.path()));
    Program::start("curl", &mut command)
}

/// Its lines up to one that contains this.
async fn lines_until(program: &mut Program, text: &str, case: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let reading = async {
        while let Some(line) = program.out.next_line().await.unwrap() {
            lines.push(line);
            if lines.last().is_some_and(|line| line.contains(text)) {
                return true;
            }
        }
        false
    };
    let found = timeout(AT_ONCE, reading).await.unwrap_or(false);
    assert!(found, "{case}: no {text:?} in {lines:#?}");
    lines
}

#[tokio::test]
async fn a_silent_stream_has_its_head_and_a_cursor_at_once_and_uncompressed_through_every_proxy() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for kind in Kind::ALL {
        let case = format!("{kind:?}");
        let proxy = Proxy::start(kind, &[api.addr], Extras::default()).await;
        let job = Job::new(&redis).await;
        let last = job.append("before").await;
        let mut client = curl(
            &proxy,
            kind,
            &job,
            &["--header", "Accept-Encoding: gzip, br, zstd, deflate"],
        );
        let head = lines_until(&mut client, "event: heartbeat", &case).await;
        let head = head.join("\n").to_ascii_lowercase();
        assert!(
            head.contains("content-type: text/event-stream"),
            "{case}: {head}"
        );
        assert!(!head.contains("content-encoding"), "{case}: {head}");
        let cursor = lines_until(&mut client, "id: ", &case).await;
        assert_eq!(cursor.last().unwrap(), &format!("id: {last}"), "{case}");
        job.append("live").await;
        lines_until(&mut client, "\"live\"", &case).await;
        job.set_status("ready").await;
        lines_until(&mut client, "\"ready\"", &case).await;
    }
}

#[tokio::test]
async fn a_proxy_that_is_told_to_compress_every_type_holds_no_line_back() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let kind = Kind::NginxCompressing;
    let proxy = Proxy::start(kind, &[api.addr], Extras::default()).await;
    let job = Job::new(&redis).await;
    let mut client = curl(&proxy, kind, &job, &["--compressed"]);
    let head = lines_until(&mut client, "event: heartbeat", "compressed").await;
    let head = head.join("\n").to_ascii_lowercase();
    assert!(head.contains("content-encoding: gzip"), "{head}");
    for n in 0..5 {
        job.append(&format!("line {n}")).await;
        lines_until(&mut client, &format!("\"line {n}\""), "compressed").await;
    }
}

#[tokio::test]
async fn a_request_for_another_protocol_gets_its_lines_through_every_proxy() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for kind in Kind::ALL {
        if kind == Kind::NginxHttp2 {
            // HTTP/2 has no such request.
            continue;
        }
        let case = format!("{kind:?}");
        let proxy = Proxy::start(kind, &[api.addr], Extras::default()).await;
        let job = Job::new(&redis).await;
        let upgrade = [
            "--header",
            "Connection: upgrade",
            "--header",
            "Upgrade: websocket",
            "--header",
            "Sec-WebSocket-Version: 13",
            "--header",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ];
        let mut client = curl(&proxy, kind, &job, &upgrade);
        lines_until(&mut client, "event: heartbeat", &case).await;
        for n in 0..5 {
            job.append(&format!("line {n}")).await;
            lines_until(&mut client, &format!("\"line {n}\""), &case).await;
        }
        job.set_status("ready").await;
        lines_until(&mut client, "event: done", &case).await;
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_before_its_first_line_loses_nothing_through_any_proxy() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    for kind in Kind::ALL {
        if kind == Kind::NginxHttp2 {
            // The client of this test speaks HTTP/1.1.
            continue;
        }
        let proxy = Proxy::start(kind, &[api.addr], Extras::default()).await;
        let job = Job::new(&redis).await;
        job.append("before").await;
        let client = HttpClient::new(proxy.addr).with_bearer(&long_token());
        let stream = || client.get(&format!("{}/stream", job.path()));
        let mut reader = SseReader::open(stream()).await;
        let cursor = reader.expect(AT_ONCE).await.last_event_id;
        drop(reader);
        let ids = job.append_all(["1", "2", "3", "4", "5"]).await;
        job.set_status("ready").await;
        let resumed = stream().header("Last-Event-ID", &cursor);
        let mut reader = SseReader::open(resumed).await;
        let mut seen = Vec::new();
        while let Some(event) = reader.next().await {
            if event.event == "log" {
                seen.push(event.last_event_id);
            }
        }
        assert_eq!(seen, ids, "{kind:?}");
    }
}
