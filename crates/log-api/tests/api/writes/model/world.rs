//! The service of the histories: replicas that are killed and started again, each at an address that stays.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::TcpProxy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::super::{ALL, SECRET, path};
use crate::support::{ANN, Api};

/// How long anything may take while replicas are killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many answers came whole.
type Answers = Arc<AtomicU64>;

/// Where the replicas keep logs.
enum Store {
    Redis(String),
    Embedded(TempDir),
}

/// The service.
pub(super) struct World {
    store: Store,
    answers: Answers,
    replicas: Vec<Replica>,
}

/// One process after the other, at one address.
struct Replica {
    front: TcpProxy,
    /// `None` only while the next one starts.
    api: Mutex<Option<Api>>,
}

impl World {
    pub(super) async fn on_redis(url: &str, replicas: usize) -> Self {
        Self::start(Store::Redis(url.to_owned()), replicas).await
    }

    pub(super) async fn embedded(dir: TempDir) -> Self {
        Self::start(Store::Embedded(dir), 1).await
    }

    async fn start(store: Store, count: usize) -> Self {
        let mut replicas = Vec::new();
        for _ in 0..count {
            let api = process(&store).await;
            replicas.push(Replica {
                front: TcpProxy::start(api.addr).await,
                api: Mutex::new(Some(api)),
            });
        }
        Self {
            store,
            answers: Answers::default(),
            replicas,
        }
    }

    /// Kills one of the replicas, and starts it again.
    pub(super) async fn kill_one(&self, random: &mut fastrand::Rng) {
        let replica = &self.replicas[random.usize(..self.replicas.len())];
        let mut api = replica.api.lock().await;
        if let Some(mut old) = api.take() {
            old.kill();
        }
        let new = process(&self.store).await;
        replica.front.lead_to(new.addr);
        *api = Some(new);
    }

    /// Waits until so many more answers came whole.
    pub(super) async fn until_answered(&self, more: u64) {
        let goal = self.answers.load(Ordering::Relaxed) + more;
        while self.answers.load(Ordering::Relaxed) < goal {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The body of a 2xx answer, from whichever replica gives one.
    pub(super) async fn ask(&self, key: &str, method: &str, target: &str, body: &str) -> Value {
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let end = Instant::now() + PATIENCE;
        loop {
            for replica in &self.replicas {
                match exchange(replica.front.address(), request.as_bytes()).await {
                    Some((200..=299, body)) => return body,
                    None | Some((503, _)) => {}
                    Some(other) => panic!("{method} {target}: {other:?}"),
                }
            }
            assert!(Instant::now() < end, "nobody answers {method} {target}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Creates a job, and returns its append token.
    pub(super) async fn create(&self, job: &str) -> String {
        let body = json!({"user_id": ANN, "token": true}).to_string();
        let created = self.ask(&ALL.text, "PUT", &path(job), &body).await;
        created["append_token"].as_str().unwrap().to_owned()
    }

    /// The texts of the whole log.
    pub(super) async fn texts(&self, job: &str) -> Vec<String> {
        let (mut texts, mut after) = (Vec::new(), "0-0".to_owned());
        loop {
            let target = format!("{}?limit=500&after_id={after}", path(job));
            let page = self.ask(&ALL.text, "GET", &target, "").await;
            let lines = page["lines"].as_array().unwrap();
            let text = |line: &Value| line["text"].as_str().unwrap().to_owned();
            texts.extend(lines.iter().map(text));
            if page["has_more"] == false {
                return texts;
            }
            page["newest_id"].as_str().unwrap().clone_into(&mut after);
        }
    }
}

async fn process(store: &Store) -> Api {
    let settings = [
        ("LOG_API_KEYS", ALL.entry.as_str()),
        ("LOG_API_TOKEN_SECRET", SECRET),
    ];
    match store {
        Store::Redis(url) => Api::start(url, &settings).await,
        Store::Embedded(dir) => Api::start_embedded(dir.path(), &settings).await,
    }
}

/// The service as one producer sees it: through proxies of its own.
pub(super) struct ServiceView {
    pub(super) job: String,
    pub(super) token: String,
    answers: Answers,
    replicas: Vec<TcpProxy>,
}

/// What the network does to a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    Nothing,
    CutRequest(usize),
    CutAnswer(usize),
}

impl ServiceView {
    pub(super) async fn new(world: &World, job: &str, token: &str) -> Self {
        let mut replicas = Vec::new();
        for replica in &world.replicas {
            replicas.push(TcpProxy::start(replica.front.address()).await);
        }
        Self {
            job: job.to_owned(),
            token: token.to_owned(),
            answers: world.answers.clone(),
            replicas,
        }
    }

    /// The answer to a request, unless the fault, or a killed replica, keeps it away.
    pub(super) async fn send(
        &self,
        replica: usize,
        request: &[u8],
        fault: Fault,
    ) -> Option<(u16, Value)> {
        let proxy = &self.replicas[replica % self.replicas.len()];
        match fault {
            Fault::Nothing => {}
            Fault::CutRequest(bytes) => proxy.cut_requests_after(bytes.max(1)),
            Fault::CutAnswer(bytes) => proxy.cut_answers_after(bytes.max(1)),
        }
        let answer = exchange(proxy.address(), request).await;
        self.answers
            .fetch_add(u64::from(answer.is_some()), Ordering::Relaxed);
        proxy.mend().await;
        answer
    }
}

/// The status and the body of an answer that came whole.
async fn exchange(to: SocketAddr, request: &[u8]) -> Option<(u16, Value)> {
    let exchanging = async {
        let mut socket = TcpStream::connect(to).await.ok()?;
        // A server that is killed meanwhile ends the connection.
        let _ = socket.write_all(request).await;
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer).await;
        String::from_utf8(answer).ok()
    };
    let answer = timeout(PATIENCE, exchanging).await.ok()??;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = head.to_ascii_lowercase();
    let length = length
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())?;
    if body.len() != length {
        return None;
    }
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}
