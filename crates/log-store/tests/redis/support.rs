//! What the tests share: a store behind a network that breaks, and Redis seen from beside it.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobId, ReadLimit};
use log_store::redis::{RedisOptions, RedisStore, WatchMode};
use log_store::{LogStore, LogWatch, TailRead};
use test_support::{RedisServer, TcpProxy};
use tokio::time::{Instant, timeout};

/// More lines than any test appends.
pub(crate) const ALL: ReadLimit = ReadLimit::lines(100_000);

/// Longer than anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A store for tests, connected.
pub(crate) struct Setup {
    pub(crate) redis: Arc<RedisServer>,
    pub(crate) proxy: Arc<TcpProxy>,
    pub(crate) store: RedisStore,
}

/// Both ways in which a store notices changes.
pub(crate) const MODES: [WatchMode; 2] = [WatchMode::Tracking, WatchMode::Poll];

/// The deadline of stores in tests that wait for it.
pub(crate) const SHORT_DEADLINE: Duration = Duration::from_millis(500);

/// The deadline of stores in tests that ask for much at once.
const LONG_DEADLINE: Duration = Duration::from_secs(20);

/// How often stores of tests poll.
pub(crate) const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Options with fast polls and without sweeps. A sweep must not hide a push that is missing.
pub(crate) fn options(url: String, watch: WatchMode) -> RedisOptions {
    RedisOptions::new(url)
        .watch(watch)
        .sweep_interval(Duration::from_secs(3600))
        .poll_interval(POLL_INTERVAL)
}

impl Setup {
    /// On the server that tests share.
    pub(crate) async fn shared(mode: WatchMode) -> Self {
        Self::on(RedisServer::shared().await, mode).await
    }

    /// On a server of its own, to be broken.
    pub(crate) async fn own(mode: WatchMode) -> Self {
        Self::on(Arc::new(RedisServer::start().await), mode).await
    }

    /// On this server.
    pub(crate) async fn on(redis: Arc<RedisServer>, mode: WatchMode) -> Self {
        Self::with(redis, |url| options(url, mode)).await
    }

    /// On the server that tests share, with a deadline that no busy machine reaches. For tests that are not about it.
    pub(crate) async fn patient(mode: WatchMode) -> Self {
        let patient = |url| options(url, mode).deadline(LONG_DEADLINE);
        Self::with(RedisServer::shared().await, patient).await
    }

    /// On this server, with a short deadline.
    pub(crate) async fn impatient(redis: Arc<RedisServer>, mode: WatchMode) -> Self {
        let impatient = |url| options(url, mode).deadline(SHORT_DEADLINE);
        Self::with(redis, impatient).await
    }

    async fn with(redis: Arc<RedisServer>, options: impl FnOnce(String) -> RedisOptions) -> Self {
        let proxy = Arc::new(TcpProxy::start(redis.address()).await);
        let url = format!("redis://{}", proxy.address());
        let store = RedisStore::new(options(url)).unwrap();
        connected(&store).await;
        Self {
            redis,
            proxy,
            store,
        }
    }
}

/// Writes lines past the store, as a producer does that exists today.
pub(crate) async fn produce(redis: &RedisServer, job: &JobId, ids: impl IntoIterator<Item = u64>) {
    let mut client = redis.client().await;
    for ms in ids {
        let (id, text) = (format!("{ms}-0"), format!("line {ms}"));
        client
            .command(&["XADD", &logs(job), &id, "text", &text])
            .await;
    }
}

/// Follows a log to an id, in order and without a repetition.
pub(crate) struct Follower {
    pub(crate) watch: Box<dyn LogWatch>,
    pub(crate) seen: Vec<u64>,
}

impl Follower {
    pub(crate) fn new(store: &RedisStore, job: &JobId) -> Self {
        Self {
            watch: store.watch_log(job),
            seen: Vec::new(),
        }
    }

    /// Follows until the line of an id was read.
    pub(crate) async fn follow(&mut self, last: u64) {
        while self.seen.last() != Some(&last) {
            soon("a notice", self.watch.changed()).await;
            let after = EntryId::new(self.seen.last().copied().unwrap_or(0), 0);
            match self.watch.read_after(after, ALL).await {
                Ok(tail) => self.seen.extend(tail.lines.iter().map(|line| line.id.ms())),
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
    }
}

/// Waits until a store answers again, and says how long that took.
pub(crate) async fn back(store: &RedisStore) -> Duration {
    let begun = Instant::now();
    soon("an answer", async {
        while store.ping_logs().await.is_err() || !store.state().connected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    begun.elapsed()
}

/// Waits until a store is connected.
pub(crate) async fn connected(store: &RedisStore) {
    soon("a connection", async {
        while !store.state().connected {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Awaits something that must come soon.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let came = timeout(PATIENCE, future).await;
    came.unwrap_or_else(|_| panic!("not within {PATIENCE:?}: {what}"))
}

/// Waits for notices and reads, until a read pleases.
pub(crate) async fn until(
    what: &str,
    watch: &mut dyn LogWatch,
    after: EntryId,
    pleases: impl Fn(&TailRead) -> bool,
) -> TailRead {
    soon(what, async {
        loop {
            watch.changed().await;
            match watch.read_after(after, ALL).await {
                Ok(tail) if pleases(&tail) => return tail,
                Ok(_) => {}
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
        }
    })
    .await
}

/// Reads until no notice comes for a moment. That moment is short where the store polls, because each poll is a notice.
pub(crate) async fn settle(watch: &mut dyn LogWatch, mode: WatchMode) {
    let quiet = match mode {
        WatchMode::Poll => POLL_INTERVAL / 4,
        WatchMode::Auto | WatchMode::Tracking => Duration::from_millis(150),
    };
    soon("a watch at rest", async {
        while timeout(quiet, watch.changed()).await.is_ok() {
            watch.read_after(EntryId::ZERO, ALL).await.unwrap();
        }
    })
    .await;
}

/// The key of a job's stream.
pub(crate) fn logs(job: &JobId) -> String {
    format!("job:{job}:logs")
}

/// The key of a job's hash.
pub(crate) fn hash(job: &JobId) -> String {
    format!("job:{job}")
}
