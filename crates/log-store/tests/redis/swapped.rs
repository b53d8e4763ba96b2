//! Replies that do not belong to their questions: nobody may see another's job or log, whatever happens to the replies.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use log_domain::{EntryId, JobId, Order, Span};
use log_store::conformance::fresh_job;
use log_store::redis::{RedisStore, WatchMode};
use log_store::{JobWrites as _, Jobs, LogStore, NewJob, TicketKey, Tickets as _};
use test_support::RedisServer;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::{ALL, MODES, PATIENCE, connected, hash, logs, options, produce, soon};

/// How many pairs of replies of one store change places.
const PAIRS: usize = 5;

/// How many stores are tried at the same time, in each mode. Each of them waits most of the time: every exchange ends a
/// connection, and the next one is made after a pause, with all its replies held up by the proxy.
const STORES: usize = 5;

/// Replies that come within this time of each other come together. Each command that a new connection begins with waits so long.
const TOGETHER: Duration = Duration::from_millis(4);

/// A proxy that exchanges two replies of one connection whenever several come at about the same time.
#[derive(Clone, Default)]
struct Swapper {
    on: Arc<AtomicBool>,
    swapped: Arc<AtomicUsize>,
}

impl Swapper {
    async fn start(&self, redis: SocketAddr) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let swapper = self.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(swapper.clone().forward(client, redis));
            }
        });
        address
    }

    async fn forward(self, client: TcpStream, redis: SocketAddr) -> std::io::Result<()> {
        let server = TcpStream::connect(redis).await?;
        let (mut from_client, mut to_client) = client.into_split();
        let (from_server, mut to_server) = server.into_split();
        let commands = tokio::spawn(async move {
            tokio::io::copy(&mut from_client, &mut to_server).await.ok();
        });
        let mut from_server = BufReader::new(from_server);
        loop {
            let mut replies = vec![frame(&mut from_server).await?];
            if self.on.load(Ordering::Relaxed) {
                while let Ok(reply) = timeout(TOGETHER, frame(&mut from_server)).await {
                    replies.push(reply?);
                }
                self.exchange(&mut replies);
            }
            if to_client.write_all(&replies.concat()).await.is_err() {
                commands.abort();
                return Ok(());
            }
        }
    }

    /// Exchanges two different replies that no push stands between.
    fn exchange(&self, replies: &mut [Vec<u8>]) {
        if replies.len() < 2 || replies.iter().any(|reply| reply[0] == b'>') {
            return;
        }
        let (one, other) = (
            fastrand::usize(..replies.len()),
            fastrand::usize(..replies.len()),
        );
        if replies[one] != replies[other] {
            replies.swap(one, other);
            self.swapped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

type Frame<'a> = Pin<Box<dyn Future<Output = std::io::Result<Vec<u8>>> + Send + 'a>>;

/// One reply of RESP2 or RESP3, as it came.
fn frame<R: AsyncBufReadExt + Unpin + Send>(from: &mut R) -> Frame<'_> {
    Box::pin(async move {
        let mut bytes = Vec::new();
        if from.read_until(b'\n', &mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let rest = || {
            std::str::from_utf8(&bytes[1..])
                .unwrap()
                .trim()
                .parse::<i64>()
        };
        let (text, items) = match bytes[0] {
            b'$' | b'=' | b'!' => (rest().unwrap(), 0),
            b'*' | b'~' | b'>' => (-1, rest().unwrap()),
            b'%' => (-1, 2 * rest().unwrap()),
            _ => (-1, 0),
        };
        if let Ok(length) = usize::try_from(text) {
            let mut body = vec![0; length + 2];
            from.read_exact(&mut body).await?;
            bytes.extend(body);
        }
        for _ in 0..items {
            bytes.extend(frame(from).await?);
        }
        Ok(bytes)
    })
}

/// Jobs with an owner and a text of their own, behind a proxy that exchanges replies.
struct Owned {
    _redis: Arc<RedisServer>,
    /// How many reads gave an answer.
    answers: Arc<AtomicUsize>,
    store: RedisStore,
    swapper: Swapper,
    jobs: Vec<JobId>,
}

impl Owned {
    async fn new(mode: WatchMode, user: &str) -> Self {
        let redis = RedisServer::shared().await;
        let swapper = Swapper::default();
        let proxy = swapper.start(redis.address()).await;
        let patient = options(format!("redis://{user}{proxy}"), mode).deadline(PATIENCE);
        let store = RedisStore::new(patient).unwrap();
        connected(&store).await;
        let jobs: Vec<_> = (0..8).map(|_| fresh_job()).collect();
        for job in &jobs {
            let key = logs(job);
            let mut client = redis.client().await;
            client
                .command(&["HSET", &hash(job), "user_id", job.as_str()])
                .await;
            for id in ["1-0", "2-0", "3-0"] {
                client
                    .command(&["XADD", &key, id, "text", job.as_str()])
                    .await;
            }
        }
        Self {
            _redis: redis,
            answers: Arc::default(),
            store,
            swapper,
            jobs,
        }
    }

    /// Reads everything of all jobs at once. Each answer is the job's own, or an outage.
    async fn read_all(&self) {
        let mut reads = JoinSet::new();
        for job in &self.jobs {
            let (store, job) = (self.store.clone(), job.clone());
            let answers = Arc::clone(&self.answers);
            reads.spawn(async move {
                let mut watch = store.watch_log(&job);
                let mut record = store.watch_job(&job);
                let own = tokio::join!(
                    own_owner(&job, Jobs::get(&store, &job)),
                    own_owner(&job, record.get()),
                    own_lines(&job, async {
                        let batch = store.read(&job, Span::default(), Order::NewestFirst, ALL);
                        batch.await.map(|batch| batch.lines)
                    }),
                    own_lines(&job, async {
                        let tail = watch.read_after(EntryId::ZERO, ALL).await;
                        tail.map(|tail| tail.lines)
                    }),
                );
                let own = [own.0, own.1, own.2, own.3];
                let count = own.into_iter().filter(|own| *own).count();
                answers.fetch_add(count, Ordering::Relaxed);
            });
        }
        reads.join_all().await;
    }
}

/// Whether there was an answer. It must be the job's own.
async fn own_owner(
    job: &JobId,
    read: impl Future<Output = Result<Option<log_domain::Job>, log_store::StoreError>>,
) -> bool {
    let read = read.await;
    let answered = read.is_ok();
    match read {
        Ok(Some(read)) => assert_eq!(read.owner.unwrap().as_str(), job.as_str()),
        Ok(None) => panic!("{job} is taken for one that does not exist"),
        Err(error) => assert!(error.is_retryable(), "{error}"),
    }
    answered
}

/// Whether there was an answer. It must be the job's own.
async fn own_lines(
    job: &JobId,
    read: impl Future<Output = Result<Vec<log_domain::Line>, log_store::StoreError>>,
) -> bool {
    let read = read.await;
    let answered = read.is_ok();
    match read {
        Ok(lines) => {
            let texts: Vec<_> = lines
                .iter()
                .filter_map(|line| line.text.as_deref())
                .collect();
            assert_eq!(texts, [job.as_str(); 3]);
        }
        Err(error) => assert!(error.is_retryable(), "{error}"),
    }
    answered
}

/// Reads while replies change places, and then as long as it takes until the store answers again.
async fn exchange_replies(mode: WatchMode) -> usize {
    let owned = Owned::new(mode, "").await;
    owned.swapper.on.store(true, Ordering::Relaxed);
    let swapped = || owned.swapper.swapped.load(Ordering::Relaxed);
    while swapped() < PAIRS {
        owned.read_all().await;
    }
    // And it goes on as soon as replies come as they should.
    owned.swapper.on.store(false, Ordering::Relaxed);
    for job in &owned.jobs {
        let read = soon("the owner", async {
            loop {
                if let Ok(read) = Jobs::get(&owned.store, job).await {
                    return read;
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        assert_eq!(read.await.unwrap().owner.unwrap().as_str(), job.as_str());
    }
    swapped()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replies_that_change_places_are_shown_to_nobody() {
    let modes = MODES.into_iter().flat_map(|mode| [mode; STORES]);
    let stores: JoinSet<_> = modes.map(exchange_replies).collect();
    let swapped: usize = stores.join_all().await.into_iter().sum();
    println!("{swapped} pairs of replies changed places");
    assert!(swapped >= PAIRS * STORES * MODES.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_never_anothers() {
    let owned = Owned::new(WatchMode::Auto, "").await;
    for round in 0..20_u8 {
        let keys: Vec<_> = (0..6_u8)
            .map(|n| TicketKey::new([round * 8 + n; 32]))
            .collect();
        for key in &keys {
            let (grant, life) = (key.to_string(), Duration::from_secs(60));
            // The connection may still be the one that is about to end.
            while owned.store.put(key, &grant, life).await.is_err() {}
        }
        owned.swapper.on.store(true, Ordering::Relaxed);
        let mut takes = JoinSet::new();
        for key in keys {
            let store = owned.store.clone();
            takes.spawn(async move {
                match store.take(&key).await {
                    Ok(grant) => assert_eq!(grant, Some(key.to_string())),
                    Err(error) => assert!(error.is_retryable(), "{error}"),
                }
            });
        }
        takes.join_all().await;
        owned.swapper.on.store(false, Ordering::Relaxed);
        soon("an answer", async {
            while owned.store.ping_logs().await.is_err() {}
        })
        .await;
    }
    assert!(owned.swapper.swapped.load(Ordering::Relaxed) >= 5);
}

/// fred takes a reply that begins with one of these words for a message of a subscription, and drops it.
const WORDS_OF_SUBSCRIPTIONS: [&str; 8] = [
    "message",
    "pmessage",
    "smessage",
    "subscribe",
    "psubscribe",
    "unsubscribe",
    "punsubscribe",
    "pubsub",
];

#[tokio::test(flavor = "multi_thread")]
async fn no_status_of_a_job_moves_the_replies_of_others() {
    let redis = RedisServer::shared().await;
    let other = fresh_job();
    produce(&redis, &other, [7]).await;
    // Once for a user that may run transactions, and once for one that may not.
    let rules = "~* &* +@all -multi -exec";
    let mut add = vec!["ACL", "SETUSER", "no-transactions", "on", "nopass"];
    add.extend(rules.split(' '));
    redis.command(&add).await;
    for user in ["", "no-transactions:x@"] {
        for mode in MODES {
            let url = format!("redis://{user}{}", redis.address());
            let store = RedisStore::new(options(url, mode)).unwrap();
            connected(&store).await;
            for word in WORDS_OF_SUBSCRIPTIONS {
                let job = fresh_job();
                let fields = ["status", word, "user_id", word, "org_id", word];
                redis
                    .command(&[&["HSET", &hash(&job)][..], &fields].concat())
                    .await;
                let mut watch = store.watch_job(&job);
                for read in [Jobs::get(&store, &job).await, watch.get().await] {
                    let read = read.unwrap().unwrap();
                    assert_eq!(read.status.as_str(), word);
                }
                assert_eq!(
                    store.bounds(&other).await.unwrap().last_id,
                    EntryId::new(7, 0)
                );
                let mut tail = store.watch_log(&other);
                let tail = tail.read_after(EntryId::ZERO, ALL).await.unwrap();
                assert_eq!(tail.lines.len(), 1, "{user} {mode:?} {word}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_transactions_swapped_replies_are_noticed_too() {
    let redis = RedisServer::shared().await;
    let rules = "~* &* +@all -multi -exec -xread";
    let mut add = vec!["ACL", "SETUSER", "no-names", "on", "nopass"];
    add.extend(rules.split(' '));
    redis.command(&add).await;
    for mode in MODES {
        let owned = Owned::new(mode, "no-names:x@").await;
        owned.read_all().await;
        let job = fresh_job();
        let owner = log_domain::UserId::new("ann").unwrap();
        let new = NewJob {
            owner,
            created_at: SystemTime::now(),
            status: log_domain::JobStatus::QUEUED,
            org: None,
            fields: Vec::new(),
        };
        owned.store.create(&job, &new).await.unwrap();
        let read = Jobs::get(&owned.store, &job).await.unwrap().unwrap();
        assert_eq!(read.owner.unwrap().as_str(), "ann");
    }
}
