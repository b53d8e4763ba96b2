//! A real Redis for tests: in a container where a Docker engine answers, else as a process.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::docker::{self, Container};
use crate::local::Process;
use crate::resp::{RespClient, Value};

/// How long a server may take to answer after its start.
const START: Duration = Duration::from_secs(30);

/// How a server is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RedisOptions {
    /// Whether it writes every command to disk before it answers, so that a kill loses nothing.
    pub append_only: bool,
    /// Further arguments, such as `--maxmemory 10mb`, each part by itself.
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

/// A Redis of its own, on a loopback port that stays the same across restarts, with a data folder that does too. It
/// ends with its handle.
///
/// `TEST_REDIS` chooses where it runs: `docker`, `binary`, or `auto` (the default): Docker where an engine answers, and
/// then a container that fails is a failed test; else `redis-server` from the PATH. The image is named by
/// `TEST_REDIS_IMAGE`, [`RedisServer::IMAGE`] by default.
#[derive(Debug)]
pub struct RedisServer {
    address: SocketAddr,
    running: Running,
}

#[derive(Debug)]
enum Running {
    InContainer(Box<Container>),
    AsProcess(Process),
}

impl RedisServer {
    /// The image of the tests.
    pub const IMAGE: &str = "redis:7.0.15";

    /// Starts a server that keeps nothing on disk.
    ///
    /// # Panics
    /// There is no Redis to be had; the message says what to install.
    pub async fn start() -> Self {
        Self::start_with(RedisOptions::default()).await
    }

    /// Starts a server.
    ///
    /// # Panics
    /// As [`RedisServer::start`].
    pub async fn start_with(options: RedisOptions) -> Self {
        let arguments = options.arguments();
        let running = match Mode::chosen().await {
            Mode::Docker => {
                Running::InContainer(Box::new(Container::start(&image(), arguments).await))
            }
            Mode::Binary => Running::AsProcess(Process::start(arguments)),
        };
        let port = match &running {
            Running::InContainer(container) => container.port,
            Running::AsProcess(process) => process.port,
        };
        let host = match &running {
            Running::InContainer(container) => container.host,
            Running::AsProcess(_) => Ipv4Addr::LOCALHOST.into(),
        };
        let server = Self {
            address: SocketAddr::new(host, port),
            running,
        };
        server.answers().await;
        announce(&server).await;
        server
    }

    /// Starts a server that keeps nothing on disk as a process of this machine, whatever `TEST_REDIS` says: for
    /// benchmarks, which would measure the way into a container.
    ///
    /// # Panics
    /// There is no `redis-server` on the PATH.
    pub async fn start_process() -> Self {
        assert!(
            Process::can_start(),
            "there is no `redis-server` on the PATH; Debian: apt-get install redis-server"
        );
        let process = Process::start(RedisOptions::default().arguments());
        let server = Self {
            address: SocketAddr::new(Ipv4Addr::LOCALHOST.into(), process.port),
            running: Running::AsProcess(process),
        };
        server.answers().await;
        server
    }

    /// A server that tests of one binary share while any of them holds it. Use a job of your own, and break nothing.
    ///
    /// A handle that lived in a static would never be dropped, and its container would outlive the tests. So the
    /// static holds it weakly, and the last test that ends takes the server with it.
    pub async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<RedisServer>> = Mutex::new(Weak::new());
        static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let there = || {
            SHARED
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .upgrade()
        };
        let _one = STARTING.lock().await;
        if let Some(server) = there() {
            return server;
        }
        let server = Arc::new(Self::start().await);
        *SHARED.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&server);
        server
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

    /// A connection of one's own.
    ///
    /// # Panics
    /// The server is not there.
    pub async fn client(&self) -> RespClient {
        let client = RespClient::connect(self.address).await;
        client.expect("the Redis of the test listens")
    }

    /// Runs one command on a connection of its own.
    ///
    /// # Panics
    /// The server is not there, or answers with an error.
    pub async fn command<A: AsRef<[u8]>>(&self, command: &[A]) -> Value {
        self.client().await.command(command).await
    }

    /// Stops it as an operator does: it may write to disk before it ends.
    pub async fn stop(&self) {
        match &self.running {
            Running::InContainer(container) => container.stop().await,
            Running::AsProcess(process) => process.signal_and_wait("TERM").await,
        }
    }

    /// Kills it (SIGKILL): what is not on disk is lost.
    pub async fn kill(&self) {
        match &self.running {
            Running::InContainer(container) => container.kill().await,
            Running::AsProcess(process) => process.signal_and_wait("KILL").await,
        }
    }

    /// Starts it again, on its port and with its data, and waits until it answers.
    pub async fn start_again(&self) {
        match &self.running {
            Running::InContainer(container) => container.start_again().await,
            Running::AsProcess(process) => process.start_again(),
        }
        self.answers().await;
    }

    /// Freezes it: connections stay, nothing answers.
    pub async fn pause(&self) {
        match &self.running {
            Running::InContainer(container) => container.pause().await,
            Running::AsProcess(process) => process.signal("STOP"),
        }
    }

    /// Lets it go on.
    pub async fn unpause(&self) {
        match &self.running {
            Running::InContainer(container) => container.unpause().await,
            Running::AsProcess(process) => process.signal("CONT"),
        }
    }

    /// Waits until it answers, its data loaded.
    async fn answers(&self) {
        let begun = Instant::now();
        loop {
            let pong = async {
                let mut client = RespClient::connect(self.address).await?;
                client.try_command(&["PING"]).await
            };
            let answer = tokio::time::timeout(Duration::from_secs(2), pong).await;
            if matches!(&answer, Ok(Ok(Value::Bytes(pong))) if pong == b"PONG") {
                return;
            }
            assert!(
                begun.elapsed() < START,
                "Redis did not answer within {START:?}: {answer:?}"
            );
            sleep(Duration::from_millis(10)).await;
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
    async fn chosen() -> Self {
        let wanted = variable("TEST_REDIS").unwrap_or_else(|| "auto".into());
        match wanted.as_str() {
            "docker" => {
                let there = docker::is_there().await;
                assert!(there, "TEST_REDIS=docker, and no Docker engine answers");
                Self::Docker
            }
            "binary" => {
                let there = Process::can_start();
                assert!(
                    there,
                    "TEST_REDIS=binary, and there is no `redis-server` on the PATH"
                );
                Self::Binary
            }
            "auto" if docker::is_there().await => Self::Docker,
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

/// Says once a process which Redis the tests run on, past the capture of a test's output.
async fn announce(server: &RedisServer) {
    static SAID: OnceLock<()> = OnceLock::new();
    let info = server.command(&["INFO", "server"]).await.text();
    let version = info
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"));
    let version = version.unwrap_or("of unknown version");
    let place = match &server.running {
        Running::InContainer(_) => format!("in Docker, image {}", image()),
        Running::AsProcess(_) => "as a process, `redis-server` from the PATH".into(),
    };
    if SAID.set(()).is_ok() {
        writeln!(std::io::stderr(), "tests run on Redis {version} {place}").ok();
    }
}
