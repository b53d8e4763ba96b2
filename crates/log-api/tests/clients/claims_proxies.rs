//! What docs/CLIENTS.md says of nginx and Apache.

use std::net::SocketAddr;
use std::time::Duration;

use test_support::{RedisServer, free_address};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::programs::{Program, long_token};
use crate::proxy::{Extras, Kind, Proxy};
use crate::support::{Api, Job};

/// How long a line may take if nobody holds it back.
const AT_ONCE: Duration = Duration::from_secs(10);

/// A process that answers every request with 200.
struct Process(JoinHandle<()>);

impl Process {
    async fn start(addr: SocketAddr) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        Self(tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let _ = answer(stream).await;
            }
        }))
    }

    /// Stops. Who asks then is refused.
    async fn stop(self) {
        self.0.abort();
        let _ = self.0.await;
    }
}

async fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 2 {
        line.clear();
    }
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    stream.write_all(answer).await
}

/// The status that a proxy answers with.
async fn status(proxy: &Proxy) -> String {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--output",
        "/dev/null",
        "--write-out",
        "%{http_code}",
    ]);
    curl.arg(format!("http://{}/api/jobs/x", proxy.addr));
    let output = timeout(AT_ONCE, curl.kill_on_drop(true).output()).await;
    String::from_utf8(output.unwrap().unwrap().stdout).unwrap()
}

/// What a client gets when the second of two processes is restarted right after the first one.
async fn status_at_the_second_restart(kind: Kind) -> String {
    let (first, second) = (free_address(), free_address());
    let proxy = Proxy::start(kind, &[first, second], Extras::default()).await;
    // The first process is away.
    let other = Process::start(second).await;
    for _ in 0..2 {
        assert_eq!(status(&proxy).await, "200", "{kind:?}");
    }
    // It is back, and the other one is away.
    let _back = Process::start(first).await;
    other.stop().await;
    status(&proxy).await
}

#[tokio::test]
async fn nginx_answers_502_by_default_if_one_process_is_restarted_right_after_the_other() {
    assert_eq!(status_at_the_second_restart(Kind::Nginx).await, "502");
    assert_eq!(status_at_the_second_restart(Kind::NginxKept).await, "200");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apache_compresses_a_stream_as_text_and_holds_no_line_back() {
    let redis = RedisServer::shared().await;
    let api = Api::on(&redis).await;
    let proxy = Proxy::start(Kind::Apache, &[api.addr], Extras::default()).await;
    let job = Job::new(&redis).await;
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--no-buffer", "--include", "--compressed"]);
    curl.args(["--header", "Accept: text/plain"]);
    curl.args([
        "--header",
        &format!("Authorization: Bearer {}", long_token()),
    ]);
    curl.arg(format!(
        "http://{}{}/stream?from=start",
        proxy.addr,
        job.path()
    ));
    let mut client = Program::start("curl", &mut curl);
    let mut head = String::new();
    for n in 0..5 {
        let text = format!("line {n}");
        job.append(&text).await;
        loop {
            let line = timeout(AT_ONCE, client.out.next_line()).await;
            let line = line.unwrap_or_else(|_| panic!("{text} is held back: {head}"));
            let line = line.unwrap().unwrap();
            if line.contains(&text) {
                break;
            }
            head += &format!("{line}\n").to_ascii_lowercase();
        }
    }
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(head.contains("no-transform"), "{head}");
}
