//! A real Redis with replicas that Sentinels watch over, as processes of this machine.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::local::Process;
use crate::resp::{RespClient, Value};

/// How long anything may take that the set does by itself.
const LIMIT: Duration = Duration::from_secs(30);

/// The name of the set, for clients.
const NAME: &str = "main";

/// One primary, two replicas, and three Sentinels on loopback. It ends when its handle is dropped.
#[derive(Debug)]
pub struct SentinelSet {
    servers: Vec<Process>,
    sentinels: Vec<Process>,
}

impl SentinelSet {
    /// Starts it, and waits until every Sentinel knows all others and both replicas.
    ///
    /// # Panics
    /// There is no `redis-server` on the PATH, or the set does not come together.
    pub async fn start() -> Self {
        assert!(
            Process::can_start(),
            "Sentinels need `redis-server` on the PATH; Debian: apt-get install redis-server"
        );
        let options = [
            "--save",
            "",
            "--appendonly",
            "no",
            "--repl-diskless-sync-delay",
            "0",
        ];
        let options = options.map(str::to_owned);
        let primary = Process::start(options.clone().into());
        wait_for_answer(primary.address()).await;
        let follow = ["--replicaof", "127.0.0.1", &primary.port.to_string()].map(str::to_owned);
        let replicas = (0..2).map(|_| Process::start([&options[..], &follow].concat()));
        let mut servers: Vec<_> = replicas.collect();
        let port = primary.port;
        servers.insert(0, primary);
        let configuration = format!(
            "sentinel monitor {NAME} 127.0.0.1 {port} 2\n\
             sentinel down-after-milliseconds {NAME} 1000\n\
             sentinel failover-timeout {NAME} 10000\n"
        );
        let sentinels = (0..3).map(|_| Process::start_sentinel(&configuration));
        let set = Self {
            servers,
            sentinels: sentinels.collect(),
        };
        for process in set.servers.iter().chain(&set.sentinels) {
            wait_for_answer(process.address()).await;
        }
        set.wait_until_whole().await;
        set
    }

    /// Waits until every Sentinel that runs knows two other Sentinels and two replicas that follow.
    ///
    /// # Panics
    /// It does not become whole.
    pub async fn wait_until_whole(&self) {
        let begin = Instant::now();
        for sentinel in self.sentinels.iter().filter(|one| one.is_running()) {
            while !knows_all(sentinel.address()).await {
                assert!(
                    begin.elapsed() < LIMIT,
                    "the Sentinels do not find each other"
                );
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// The address of the set for clients.
    #[must_use]
    pub fn url(&self) -> String {
        let addresses = self.sentinels.iter().map(Process::address);
        Self::url_by(&addresses.collect::<Vec<_>>())
    }

    /// The address of a set with Sentinels at these addresses.
    #[must_use]
    pub fn url_by(sentinels: &[SocketAddr]) -> String {
        let mut addresses = sentinels.iter();
        let first = addresses.next().map(SocketAddr::to_string);
        let others: String = addresses.map(|other| format!("&node={other}")).collect();
        let first = first.unwrap_or_default();
        format!("redis-sentinel://{first}?sentinelServiceName={NAME}{others}")
    }

    /// The addresses of the Sentinels.
    #[must_use]
    pub fn sentinels(&self) -> Vec<SocketAddr> {
        self.sentinels.iter().map(Process::address).collect()
    }

    /// The primary, as the Sentinels say.
    ///
    /// # Panics
    /// No Sentinel answers.
    pub async fn primary(&self) -> SocketAddr {
        let mut running = self.sentinels.iter().filter(|one| one.is_running());
        let sentinel = running.next().expect("a Sentinel that runs").address();
        let command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME];
        let answer = command_at(sentinel, &command).await.array();
        let address = format!("{}:{}", answer[0].text(), answer[1].text());
        address.parse().expect("an address")
    }

    /// Runs one command at the primary.
    pub async fn command<A: AsRef<[u8]>>(&self, command: &[A]) -> Value {
        command_at(self.primary().await, command).await
    }

    /// `SENTINEL FAILOVER`: another server becomes the primary although this one is well. Returns when the Sentinels name
    /// the new one.
    ///
    /// # Panics
    /// They do not.
    pub async fn fail_over(&self) {
        let before = self.primary().await;
        self.begin_failover().await;
        let begin = Instant::now();
        while self.primary().await == before {
            assert!(begin.elapsed() < LIMIT, "no failover within {LIMIT:?}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks for a failover and does not wait for it.
    ///
    /// # Panics
    /// No Sentinel begins one.
    pub async fn begin_failover(&self) {
        let begin = Instant::now();
        let sentinel = self.sentinels[0].address();
        loop {
            let mut client = RespClient::connect(sentinel).await.expect("a Sentinel");
            let command = ["SENTINEL", "FAILOVER", NAME];
            // `NOGOODSLAVE` until the replicas have been asked lately.
            match client.try_command(&command).await.expect("an answer") {
                Value::Error(error) if begin.elapsed() > LIMIT => panic!("{error}"),
                Value::Error(_) => sleep(Duration::from_millis(100)).await,
                _ => return,
            }
        }
    }

    /// Kills a server by its address (SIGKILL).
    pub async fn kill(&self, address: SocketAddr) {
        self.process(address).signal_and_wait("KILL").await;
    }

    /// Freezes a server or a Sentinel: connections stay open, new ones are accepted, and nothing answers.
    pub fn pause(&self, address: SocketAddr) {
        self.process(address).signal("STOP");
    }

    /// Lets it go on.
    pub fn unpause(&self, address: SocketAddr) {
        self.process(address).signal("CONT");
    }

    fn process(&self, address: SocketAddr) -> &Process {
        let mut all = self.servers.iter().chain(&self.sentinels);
        all.find(|process| process.address() == address)
            .expect("a process of this set")
    }
}

async fn knows_all(sentinel: SocketAddr) -> bool {
    let others = command_at(sentinel, &["SENTINEL", "SENTINELS", NAME]).await;
    let replicas = command_at(sentinel, &["SENTINEL", "REPLICAS", NAME]).await;
    let follows = |replica: Value| {
        let words: Vec<_> = replica.array().iter().map(Value::text).collect();
        let pair = ["master-link-status".to_owned(), "ok".to_owned()];
        words.windows(2).any(|words| words == pair)
    };
    let replicas = replicas.array();
    others.array().len() == 2 && replicas.len() == 2 && replicas.into_iter().all(follows)
}

async fn command_at<A: AsRef<[u8]>>(address: SocketAddr, command: &[A]) -> Value {
    let client = RespClient::connect(address).await;
    client.expect("it listens").command(command).await
}

async fn wait_for_answer(address: SocketAddr) {
    let begin = Instant::now();
    loop {
        if let Ok(mut client) = RespClient::connect(address).await
            && client.try_command(&["PING"]).await.is_ok()
        {
            return;
        }
        assert!(begin.elapsed() < LIMIT, "{address} does not answer");
        sleep(Duration::from_millis(5)).await;
    }
}
