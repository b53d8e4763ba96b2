//! A real Redis for tests: in a container where a Docker engine answers, else as a process.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::docker::{self, Container};
use crate::local::Process;
use crate::resp::{RespClient, Value};

/// How long a server may take to answer after its start.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The pause between two attempts to reach a server that is starting.
const START_POLL: Duration = Duration::from_millis(2);

/// How a server is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisOptions {
    /// Whether it writes every command to disk before it answers. Then a kill loses nothing.
    pub append_only: bool,
    /// Further arguments, such as `--maxmemory` and `10mb`.
    pub args: Vec<String>,
}

impl RedisOptions {
    /// What `redis-server` is started with.
    fn arguments(&self) -> Vec<String> {
        let persistence = if self.append_only {
            ["--appendonly", "yes", "--appendfsync", "always"].as_slice()
        } else {
            ["--appendonly", "no"].as_slice()
        };
        let fixed = ["--save", "", "--loglevel", "notice"];
        let words = fixed
            .iter()
            .chain(persistence)
            .map(|word| (*word).to_owned());
        words.chain(self.args.iter().cloned()).collect()
    }
}

/// A Redis server on a port that stays the same when it is restarted, with a data folder that stays too. It ends when
/// its handle is dropped.
///
/// - [`RedisServer::shared`] is for tests that use jobs of their own: all of them may use one server.
/// - [`RedisServer::start`] is for tests that stop, flush or configure the server, or that count its commands, keys or
///   clients.
///
/// `TEST_REDIS` chooses where a server runs: `docker`, `binary`, or `auto` (the default): Docker where an engine
/// answers, else `redis-server` from the PATH. Where Docker is chosen and a container does not start, the test fails.
/// `TEST_REDIS_IMAGE` names the image, [`RedisServer::IMAGE`] by default.
#[derive(Debug)]
pub struct RedisServer {
    address: SocketAddr,
    backend: Backend,
    /// Whether other tests may use it too.
    is_shared: bool,
}

#[derive(Debug)]
enum Backend {
    Container(Box<Container>),
    Process(Process),
    /// Whoever runs the tests has started it, and stops it.
    External,
}

impl RedisServer {
    /// The image of the tests.
    pub const IMAGE: &str = "redis:7.0.15";

    /// The environment variable with the address of a server that all test processes share.
    pub const SHARED_URL: &str = "TEST_REDIS_URL";

    /// Starts a server that keeps nothing on disk.
    ///
    /// # Panics
    /// No Redis can be started; the message says what to install.
    pub async fn start() -> Self {
        Self::start_with(RedisOptions::default()).await
    }

    /// Starts a server.
    ///
    /// # Panics
    /// As [`RedisServer::start`].
    pub async fn start_with(options: RedisOptions) -> Self {
        let arguments = options.arguments();
        let server = match Mode::from_environment().await {
            Mode::Docker => {
                let container = Container::start(&image(), arguments).await;
                Self {
                    address: SocketAddr::new(container.host, container.port),
                    backend: Backend::Container(Box::new(container)),
                    is_shared: false,
                }
            }
            Mode::Binary => Self::from_process(Process::start(arguments)),
        };
        server.wait_until_ready().await;
        announce(&server).await;
        server
    }

    /// Starts a server that keeps nothing on disk as a process of this machine, whatever `TEST_REDIS` says: for
    /// servers that follow each other by their addresses on loopback, and for benchmarks, which would otherwise measure
    /// the network of a container.
    ///
    /// # Panics
    /// There is no `redis-server` on the PATH.
    pub async fn start_process() -> Self {
        assert!(
            Process::can_start(),
            "there is no `redis-server` on the PATH; Debian: apt-get install redis-server"
        );
        let server = Self::from_process(Process::start(RedisOptions::default().arguments()));
        server.wait_until_ready().await;
        server
    }

    /// The server that tests share. Use jobs of your own, and do not change or count what belongs to the whole server.
    ///
    /// Where `TEST_REDIS_URL` names a server (`cargo xtask test` starts one and sets it), it is that one. Else this
    /// process starts a server when the first test asks for it, and ends it with the last test that holds it: a handle
    /// in a static would never be dropped, and its container would stay behind.
    ///
    /// # Panics
    /// As [`RedisServer::start`].
    pub async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());
        static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let _one_at_a_time = STARTING.lock().await;
        if let Some(server) = SHARED.lock().upgrade() {
            return server;
        }
        let server = match variable(Self::SHARED_URL) {
            Some(url) => Self::external(&url),
            None => Self::start().await,
        };
        let server = Arc::new(Self {
            is_shared: true,
            ..server
        });
        *SHARED.lock() = Arc::downgrade(&server);
        server
    }

    fn from_process(process: Process) -> Self {
        Self {
            address: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), process.port),
            backend: Backend::Process(process),
            is_shared: false,
        }
    }

    fn external(url: &str) -> Self {
        let address = url
            .strip_prefix("redis://")
            .and_then(|address| address.parse().ok());
        let name = Self::SHARED_URL;
        Self {
            address: address
                .unwrap_or_else(|| panic!("{name}={url}: must be `redis://<IP address>:<port>`")),
            backend: Backend::External,
            is_shared: true,
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Its address for a client that is one of its users.
    #[must_use]
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@{}", self.address)
    }

    /// Opens a connection.
    ///
    /// # Panics
    /// The server does not answer.
    pub async fn client(&self) -> RespClient {
        let client = RespClient::connect(self.address).await;
        client.expect("the Redis of the test listens")
    }

    /// Runs one command on a new connection.
    ///
    /// # Panics
    /// The server does not answer, or answers with an error.
    pub async fn command<A: AsRef<[u8]>>(&self, command: &[A]) -> Value {
        self.client().await.command(command).await
    }

    /// Makes it a replica of another server, and waits until it has everything of that one. Both must be processes: they
    /// reach each other by the addresses that the test uses, as containers do not.
    ///
    /// # Panics
    /// It does not follow within 30 seconds.
    pub async fn follow(&self, primary: &Self) {
        let port = primary.address.port().to_string();
        self.command(&["REPLICAOF", "127.0.0.1", &port]).await;
        let begin = Instant::now();
        loop {
            let info = self.command(&["INFO", "replication"]).await.text();
            if info.contains("master_link_status:up") {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "{info}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Stops it as an operator does: it may write to disk before it ends.
    ///
    /// # Panics
    /// The server is shared, here and in the six methods that follow.
    pub async fn stop(&self) {
        match self.own_backend() {
            Backend::Container(container) => container.stop().await,
            Backend::Process(process) => process.signal_and_wait("TERM").await,
            Backend::External => unreachable!("it is shared"),
        }
    }

    /// Kills it (SIGKILL): what is not on disk is lost.
    pub async fn kill(&self) {
        match self.own_backend() {
            Backend::Container(container) => container.kill().await,
            Backend::Process(process) => process.signal_and_wait("KILL").await,
            Backend::External => unreachable!("it is shared"),
        }
    }

    /// Starts it again, on its port and with its data, and waits until it answers.
    pub async fn start_again(&self) {
        match self.own_backend() {
            Backend::Container(container) => container.start_again().await,
            Backend::Process(process) => process.start_again(),
            Backend::External => unreachable!("it is shared"),
        }
        self.wait_until_ready().await;
    }

    /// Freezes it: connections stay open, and nothing answers.
    pub async fn pause(&self) {
        match self.own_backend() {
            Backend::Container(container) => container.pause().await,
            Backend::Process(process) => process.signal("STOP"),
            Backend::External => unreachable!("it is shared"),
        }
    }

    /// Lets it go on.
    pub async fn unpause(&self) {
        match self.own_backend() {
            Backend::Container(container) => container.unpause().await,
            Backend::Process(process) => process.signal("CONT"),
            Backend::External => unreachable!("it is shared"),
        }
    }

    /// Takes its container off the network. A process has no network of its own: it is frozen.
    pub async fn cut_off(&self) {
        match self.own_backend() {
            Backend::Container(container) => container.cut_off().await,
            Backend::Process(process) => process.signal("STOP"),
            Backend::External => unreachable!("it is shared"),
        }
    }

    /// Puts it back on the network.
    pub async fn connect_again(&self) {
        match self.own_backend() {
            Backend::Container(container) => container.connect_again().await,
            Backend::Process(process) => process.signal("CONT"),
            Backend::External => unreachable!("it is shared"),
        }
    }

    /// What runs the server, for a test that may break it.
    fn own_backend(&self) -> &Backend {
        assert!(
            !self.is_shared,
            "other tests use this Redis too: a test that stops it takes `RedisServer::start()`"
        );
        &self.backend
    }

    /// Waits until it answers and has loaded its data.
    async fn wait_until_ready(&self) {
        let start = Instant::now();
        loop {
            let ping = async {
                let mut client = RespClient::connect(self.address).await?;
                client.try_command(&["PING"]).await
            };
            let answer = tokio::time::timeout(Duration::from_secs(2), ping).await;
            if matches!(&answer, Ok(Ok(Value::Bytes(pong))) if pong == b"PONG") {
                return;
            }
            assert!(
                start.elapsed() < START_LIMIT,
                "Redis did not answer within {START_LIMIT:?}: {answer:?}"
            );
            sleep(START_POLL).await;
        }
    }
}

/// Where servers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Docker,
    Binary,
}

impl Mode {
    async fn from_environment() -> Self {
        let wanted = variable("TEST_REDIS").unwrap_or_else(|| "auto".into());
        match wanted.as_str() {
            "docker" => {
                assert!(
                    docker::is_available().await,
                    "TEST_REDIS=docker, and no Docker engine answers"
                );
                Self::Docker
            }
            "binary" => {
                assert!(
                    Process::can_start(),
                    "TEST_REDIS=binary, and there is no `redis-server` on the PATH"
                );
                Self::Binary
            }
            "auto" if docker::is_available().await => Self::Docker,
            "auto" if Process::can_start() => Self::Binary,
            "auto" => panic!(
                "the tests need a Redis: start a Docker engine (and, without a registry, run `cargo xtask \
                 redis-image`), or install `redis-server` (Debian: apt-get install redis-server)"
            ),
            other => panic!("TEST_REDIS={other}: must be `docker`, `binary` or `auto`"),
        }
    }
}

fn image() -> String {
    variable("TEST_REDIS_IMAGE").unwrap_or_else(|| RedisServer::IMAGE.into())
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration but the environment"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Says once per process which Redis the tests run on. It writes past the capture of a test's output.
async fn announce(server: &RedisServer) {
    static ANNOUNCED: OnceLock<()> = OnceLock::new();
    if ANNOUNCED.set(()).is_err() {
        return;
    }
    let info = server.command(&["INFO", "server"]).await.text();
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"));
    let version = version.unwrap_or("of unknown version");
    let place = match &server.backend {
        Backend::Container(_) => format!("in Docker, image {}", image()),
        Backend::Process(_) | Backend::External => {
            "as a process, `redis-server` from the PATH".into()
        }
    };
    writeln!(std::io::stderr(), "tests run on Redis {version} {place}").ok();
}
