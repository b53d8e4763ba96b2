//! Clients that vanish without closing their connection, and clients that stay and read nothing.
//!
//! The test runs in a network namespace of its own, so that it can drop packets without touching the machine's network.
//! It needs Linux with user namespaces (`unshare --user --net`), `ip` and `iptables`. If one is missing, it fails and
//! says so.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::{Duration, SystemTime};

use log_domain::{JobId, UserId};
use log_store::{EmbeddedOptions, EmbeddedStore, JobWrites as _, LogAppend as _, NewJob, NewLine};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{ANN, Api, token};

/// Set inside the network that the test makes.
const INSIDE: &str = "LOG_API_TEST_OWN_NETWORK";

/// Whose packets are dropped.
const CABLE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

const NEEDS: &str =
    "this test needs Linux with user namespaces, `unshare`, `ip` and `iptables` on the PATH";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test starts itself again in a new network and must know that it is inside"
)]
fn a_client_that_acknowledges_or_reads_nothing_is_given_up_after_the_unread_time() {
    let name = "dead_client::a_client_that_acknowledges_or_reads_nothing_is_given_up_after_the_unread_time";
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build();
        return runtime.unwrap().block_on(in_own_network());
    }
    let again = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--"])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output();
    let again = again.unwrap_or_else(|error| panic!("{NEEDS}: {error}"));
    let said = String::from_utf8_lossy(&[again.stdout, again.stderr].concat()).into_owned();
    assert!(again.status.success(), "{NEEDS}.\n{said}");
    assert!(said.contains("1 passed"), "{said}");
}

fn sh(command: &str) {
    let done = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(done.status.success(), "{NEEDS}: `{command}`: {done:?}");
}

/// A log long enough that a client which reads nothing closes its window.
async fn fill(dir: &std::path::Path, job: &JobId) {
    let store = EmbeddedStore::open(dir, EmbeddedOptions::default())
        .await
        .unwrap();
    let new = NewJob::new(UserId::new(ANN).unwrap(), SystemTime::now());
    store.create(job, &new).await.unwrap();
    let line = NewLine {
        text: Some("x".repeat(2_000)),
        ..NewLine::default()
    };
    for _ in 0..20 {
        store.append(job, &vec![line.clone(); 500]).await.unwrap();
    }
    store.close().await;
}

/// Opens a stream from this address; reads no more than the head.
async fn open(api: SocketAddr, from: Ipv4Addr, job: &JobId, query: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(api).await.unwrap();
    let request = format!(
        "GET /api/jobs/{job}/logs/stream{query} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        token(ANN)
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 15];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    stream
}

async fn viewers_become(api: &Api, expected: u64, within: Duration) {
    let begin = Instant::now();
    loop {
        let viewers = api.metric("viewers").await;
        if viewers == expected {
            return;
        }
        assert!(
            begin.elapsed() < within,
            "{viewers} viewers, not {expected}, after {within:?}: {}",
            api.log()
        );
        sleep(Duration::from_millis(20)).await;
    }
}

async fn in_own_network() {
    sh("ip link set lo up");
    let dir = tempfile::tempdir().unwrap();
    let job: JobId = "cable".parse().unwrap();
    fill(dir.path(), &job).await;
    let settings = [
        ("LOG_API_HEARTBEAT_SECS", "1"),
        ("LOG_API_UNREAD_SECS", "3"),
        ("LOG_API_METRICS_BIND", "127.0.0.1:0"),
    ];
    let api = Api::start_embedded(dir.path(), &settings).await;
    // Behind the cable: one stream that gets heartbeats alone, and one in the middle of much data.
    let _idle = open(api.addr, CABLE, &job, "").await;
    let _busy = open(api.addr, CABLE, &job, "?from=start").await;
    // Reachable, but reads nothing.
    let _stalled = open(api.addr, Ipv4Addr::LOCALHOST, &job, "?from=start").await;
    let mut good = open(api.addr, Ipv4Addr::LOCALHOST, &job, "").await;
    viewers_become(&api, 4, Duration::from_secs(5)).await;

    sh(&format!("iptables -A INPUT -s {CABLE} -j DROP"));
    sh(&format!("iptables -A INPUT -d {CABLE} -j DROP"));
    viewers_become(&api, 1, Duration::from_secs(20)).await;

    // The client that reads is not touched: heartbeats go on.
    let mut buffer = [0; 4096];
    while let Ok(read) = timeout(Duration::from_millis(300), good.read(&mut buffer)).await {
        assert!(read.unwrap() > 0, "the good client's stream ended");
    }
    let heartbeat = timeout(Duration::from_secs(3), good.read(&mut buffer)).await;
    assert!(heartbeat.unwrap().unwrap() > 0);
}
