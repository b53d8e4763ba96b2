//! A log that cannot be written: the disk is full, or the reader of the pipe is gone. The service does not notice.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use log_wire::sse::Event;
use test_support::{BodyEnd, HttpClient, RedisServer, SseReader, TcpProxy};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support::{ANN, Job, environment, token};

/// How long each step may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server whose log goes nowhere. Killed on drop.
struct MuteApi {
    child: Child,
    addr: SocketAddr,
}

impl MuteApi {
    async fn start(redis_url: &str, stderr: Stdio) -> Self {
        // The port is not in a log that can be read, so it is chosen here: on an address that no other test uses.
        let [a, b] = [fastrand::u8(1..255), fastrand::u8(1..255)];
        let listener = std::net::TcpListener::bind((Ipv4Addr::new(127, 99, a, b), 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        drop(listener);
        let child = Command::new(env!("CARGO_BIN_EXE_log-api"))
            .arg("serve")
            .env_clear()
            .envs(environment(redis_url))
            .env("LOG_API_BIND", addr.to_string())
            .env("LOG_API_LOG", "trace")
            .stdin(Stdio::null())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut api = Self { child, addr };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(addr).await.is_err() {
            assert_eq!(api.child.try_wait().unwrap(), None, "it ended at start");
            assert!(Instant::now() < deadline, "it does not listen");
            sleep(Duration::from_millis(10)).await;
        }
        api
    }

    fn client(&self) -> HttpClient {
        HttpClient::new(self.addr).with_bearer(&token(ANN))
    }

    /// Waits until a page of the job is answered with this status.
    async fn page_becomes(&self, job: &Job, status: u16) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answered = self.client().get(&job.path()).send().await.status;
            if answered == status {
                return;
            }
            assert!(Instant::now() < deadline, "{answered}, not {status}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn terminate(&self) {
        let pid = self.child.id().to_string();
        let killed = Command::new("kill").arg(pid).status();
        assert!(killed.unwrap().success());
    }

    async fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it does not end");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for MuteApi {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves, loses Redis, finds it again, and stops in order.
async fn the_service_works_with(stderr: Stdio) {
    let redis = RedisServer::shared().await;
    let proxy = TcpProxy::start(redis.address()).await;
    let mut api = MuteApi::start(&format!("redis://{}", proxy.address()), stderr).await;
    let job = Job::new(&redis).await;
    job.append("a").await;
    api.page_becomes(&job, 200).await;
    answers_without_credentials(&api, &job).await;

    let stream = format!("{}/stream?from=start", job.path());
    let mut reader = SseReader::open(api.client().get(&stream)).await;
    assert_eq!(next_text(&mut reader).await.as_deref(), Some("a"));
    proxy.refuse().await;
    api.page_becomes(&job, 503).await;
    proxy.mend().await;
    api.page_becomes(&job, 200).await;
    job.append("b").await;
    assert_eq!(next_text(&mut reader).await.as_deref(), Some("b"));

    api.terminate();
    assert_eq!(reader.rest(PATIENCE).await, []);
    assert_eq!(reader.end(), Some(BodyEnd::BrokenOff));
    assert!(reader.retry_ms().is_some(), "the stream was drained");
    assert_eq!(api.exit_code().await, Some(0));
}

async fn answers_without_credentials(api: &MuteApi, job: &Job) {
    let client = HttpClient::new(api.addr);
    let paths = [job.path(), "/healthz".into(), "/readyz".into()];
    for (path, status) in paths.iter().zip([401, 200, 200]) {
        assert_eq!(client.get(path).send().await.status, status, "{path}");
    }
}

async fn next_text(reader: &mut SseReader) -> Option<String> {
    match reader.expect_event(PATIENCE).await {
        Event::Log(line) => line.text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_full_disk_under_the_log_does_not_harm_the_service() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    the_service_works_with(full.into()).await;
}

#[tokio::test]
async fn a_log_whose_reader_is_gone_does_not_harm_the_service() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    the_service_works_with(writer.into()).await;
}
