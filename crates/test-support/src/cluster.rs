//! A real Redis Cluster: three masters with a replica each, as processes of this machine.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cluster_client::ClusterClient;
use crate::local::{Process, free_port};
use crate::resp::{RespClient, Value};

/// How long anything may take that a cluster does by itself.
const LIMIT: Duration = Duration::from_secs(30);

/// How many masters a cluster begins with. Each has one replica.
const MASTERS: usize = 3;

/// How long a node must be silent before the others take it for failed. Redis's default is 15 s.
const NODE_TIMEOUT_MS: u64 = 3_000;

/// How a cluster is started.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// How long a node must be silent before the others take it for failed.
    pub node_timeout: Duration,
    /// Whether keys of served slots are served while others are not (`cluster-require-full-coverage no`).
    pub serves_partly: bool,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            node_timeout: Duration::from_millis(NODE_TIMEOUT_MS),
            serves_partly: false,
        }
    }
}

/// A cluster of processes on loopback. It ends when its handle is dropped.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<ClusterNode>,
}

/// One node of a cluster.
#[derive(Debug)]
pub struct ClusterNode {
    process: Process,
    /// Its id in the cluster.
    id: String,
    /// Where other nodes reach it.
    bus: u16,
}

impl RedisCluster {
    /// Starts three masters with a replica each, and waits until all slots are served and the replicas follow.
    ///
    /// # Panics
    /// There is no `redis-server` on the PATH, or the nodes do not become a cluster.
    pub async fn start() -> Self {
        Self::start_with(ClusterOptions::default()).await
    }

    /// Starts a cluster.
    ///
    /// # Panics
    /// As [`RedisCluster::start`].
    pub async fn start_with(options: ClusterOptions) -> Self {
        assert!(
            Process::can_start(),
            "a cluster needs `redis-server` on the PATH; Debian: apt-get install redis-server"
        );
        let nodes = (0..2 * MASTERS).map(|_| ClusterNode::prepare(&options));
        let cluster = Self {
            nodes: nodes.collect(),
        };
        for (at, node) in cluster.nodes.iter().enumerate() {
            node.process.write("nodes.conf", &cluster.configuration(at));
            node.process.start_again();
        }
        for node in &cluster.nodes {
            node.wait_until("an answer", async |node| node.answers().await)
                .await;
        }
        cluster.wait_until_whole().await;
        cluster
    }

    /// What a node knows of all others, as it would have written it down: so it finds them at once. With `redis-cli
    /// --cluster create` they take ten seconds to hear of each other.
    fn configuration(&self, own: usize) -> String {
        const SLOTS: [&str; MASTERS] = ["0-5460", "5461-10922", "10923-16383"];
        let mut lines = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let (id, address, bus) = (&node.id, node.address(), node.bus);
            let myself = if at == own { "myself," } else { "" };
            let epoch = at % MASTERS + 1;
            let role = match at.checked_sub(MASTERS) {
                None => format!("{myself}master - 0 0 {epoch} connected {}", SLOTS[at]),
                Some(master) => {
                    let master = &self.nodes[master].id;
                    format!("{myself}slave {master} 0 0 {epoch} connected")
                }
            };
            lines.push(format!("{id} {address}@{bus} {role}\n"));
        }
        lines.push(format!("vars currentEpoch {MASTERS} lastVoteEpoch 0\n"));
        lines.concat()
    }

    /// Waits until every node that runs sees a whole cluster, and every replica follows its master.
    ///
    /// # Panics
    /// It does not become whole.
    pub async fn wait_until_whole(&self) {
        for node in self.nodes.iter().filter(|node| node.process.is_running()) {
            node.wait_until("a whole cluster", async |node| node.sees_all().await)
                .await;
        }
    }

    /// All nodes: first those that began as masters.
    #[must_use]
    pub fn nodes(&self) -> &[ClusterNode] {
        &self.nodes
    }

    /// The address of the cluster for clients: of all its nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let mut addresses = self.nodes.iter().map(|node| node.address().to_string());
        let first = addresses.next().unwrap_or_default();
        let others: Vec<_> = addresses.map(|other| format!("node={other}")).collect();
        format!("redis-cluster://{first}?{}", others.join("&"))
    }

    /// The address of the cluster by one of its nodes.
    #[must_use]
    pub fn url_of(&self, node: usize) -> String {
        format!("redis-cluster://{}", self.nodes[node].address())
    }

    /// The slot of a key.
    pub async fn slot(&self, key: &str) -> u16 {
        let slot = self.any().command(&["CLUSTER", "KEYSLOT", key]).await.int();
        u16::try_from(slot).expect("a slot")
    }

    /// The node that serves a key now, as the first node that answers says.
    ///
    /// # Panics
    /// Nobody serves it.
    pub async fn master_of(&self, key: &str) -> &ClusterNode {
        let slot = i64::from(self.slot(key).await);
        let ranges = self.any().command(&["CLUSTER", "SLOTS"]).await.array();
        for range in ranges {
            let parts = range.array();
            if (parts[0].int()..=parts[1].int()).contains(&slot) {
                let master = parts[2].clone().array();
                let port = u16::try_from(master[1].int()).expect("a port");
                let mut nodes = self.nodes.iter();
                return nodes
                    .find(|node| node.address().port() == port)
                    .expect("a node of ours");
            }
        }
        panic!("nobody serves slot {slot}");
    }

    /// The replica of a master.
    ///
    /// # Panics
    /// It has none.
    pub async fn replica_of(&self, master: &ClusterNode) -> &ClusterNode {
        for node in self.nodes.iter().filter(|node| node.process.is_running()) {
            let role = node.command(&["ROLE"]).await.array();
            if role[0].text() == "slave" && role[2].int() == i64::from(master.address().port()) {
                return node;
            }
        }
        panic!("{} has no replica", master.address());
    }

    /// Runs a command where its key is served, following redirections.
    ///
    /// # Panics
    /// It fails.
    pub async fn command<A: AsRef<[u8]>>(&self, key: &str, command: &[A]) -> Value {
        self.client().command(key, command).await
    }

    /// A client for many commands.
    ///
    /// # Panics
    /// No node runs.
    #[must_use]
    pub fn client(&self) -> ClusterClient {
        ClusterClient::new(self.any().address())
    }

    /// Begins to move a slot: keys that are not at its master any more are asked for at the other node.
    pub async fn begin_move(&self, slot: u16, from: &ClusterNode, to: &ClusterNode) {
        let slot = slot.to_string();
        let (source, target) = (from.id(), to.id());
        to.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", source])
            .await;
        from.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", target])
            .await;
    }

    /// Moves the keys of a slot that are at its master now.
    pub async fn move_keys(&self, slot: u16, from: &ClusterNode, to: &ClusterNode) {
        let keys = ["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), "1000"];
        let port = to.address().port().to_string();
        for key in from.command(&keys).await.array() {
            let key = key.text();
            from.command(&["MIGRATE", "127.0.0.1", &port, &key, "0", "5000"])
                .await;
        }
    }

    /// Ends the move of a slot: all nodes are told of its new master.
    pub async fn end_move(&self, slot: u16, to: &ClusterNode) {
        let (slot, target) = (slot.to_string(), to.id());
        let command = ["CLUSTER", "SETSLOT", &slot, "NODE", target];
        // The new master first, so that the slot is never without one.
        to.command(&command).await;
        for node in self.nodes.iter().filter(|node| node.process.is_running()) {
            if node.command(&["ROLE"]).await.array()[0].text() == "master" {
                node.command(&command).await;
            }
        }
    }

    /// A node that runs.
    fn any(&self) -> &ClusterNode {
        let mut running = self.nodes.iter().filter(|node| node.process.is_running());
        running.next().expect("a node that runs")
    }
}

impl ClusterNode {
    /// A node that is not started yet.
    fn prepare(options: &ClusterOptions) -> Self {
        let timeout = options.node_timeout.as_millis().to_string();
        // The port of the nodes among themselves is by default 10,000 above the other, where the system takes ports for
        // clients from.
        let bus = free_port();
        let coverage = if options.serves_partly { "no" } else { "yes" };
        let words = [
            "--cluster-enabled",
            "yes",
            "--cluster-node-timeout",
            &timeout,
            "--cluster-port",
            &bus.to_string(),
            "--cluster-require-full-coverage",
            coverage,
            // A test that kills many nodes must not wait for the data to be sent again.
            "--repl-diskless-sync-delay",
            "0",
            // A replica counts from its first ping of replication on. The default is 10 s.
            "--repl-ping-replica-period",
            "1",
            "--save",
            "",
            "--appendonly",
            "no",
        ];
        Self {
            process: Process::prepare(words.map(str::to_owned).into()),
            id: format!("{:08x}{:032x}", fastrand::u32(..), fastrand::u128(..)),
            bus,
        }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.process.address()
    }

    /// Its id in the cluster.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Runs one command on a new connection.
    ///
    /// # Panics
    /// The node does not answer, or answers with an error.
    pub async fn command<A: AsRef<[u8]>>(&self, command: &[A]) -> Value {
        let client = RespClient::connect(self.address()).await;
        client.expect("the node listens").command(command).await
    }

    /// Kills it (SIGKILL). Returns when it has ended.
    pub async fn kill(&self) {
        self.process.signal_and_wait("KILL").await;
    }

    /// Starts it again, with what it knew of the cluster.
    pub async fn start_again(&self) {
        self.process.start_again();
        self.wait_until("an answer", async |node| node.answers().await)
            .await;
    }

    /// Freezes it: connections stay open, and nothing answers.
    pub fn pause(&self) {
        self.process.signal("STOP");
    }

    /// Lets it go on.
    pub fn unpause(&self) {
        self.process.signal("CONT");
    }

    async fn answers(&self) -> bool {
        match RespClient::connect(self.address()).await {
            Ok(mut client) => client.try_command(&["PING"]).await.is_ok(),
            Err(_) => false,
        }
    }

    async fn sees_all(&self) -> bool {
        let info = self.command(&["CLUSTER", "INFO"]).await.text();
        let replication = self.command(&["INFO", "replication"]).await.text();
        let is_whole = info.contains("cluster_state:ok")
            && info.contains("cluster_slots_ok:16384")
            && info.contains(&format!("cluster_size:{MASTERS}"));
        let follows =
            replication.contains("role:master") || replication.contains("master_link_status:up");
        let ranges = self.command(&["CLUSTER", "SLOTS"]).await.array();
        let has_replica = |range: Value| range.array().len() > 3;
        is_whole && follows && ranges.into_iter().all(has_replica)
    }

    async fn wait_until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        let begin = Instant::now();
        while !holds(self).await {
            let waited = begin.elapsed();
            assert!(
                waited < LIMIT,
                "{}: not within {LIMIT:?}: {what}",
                self.address()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }
}
