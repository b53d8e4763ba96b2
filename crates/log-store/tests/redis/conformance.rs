//! The contract, rule by rule, with tracking and with polling.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use log_domain::{EntryId, JobId};
use log_store::conformance::{
    ConnectedSubject, Connection, JobSubject, JobWriteSubject, LogSubject, NumberedSubject,
    RevocationSubject, RunSubject, Subject, TicketSubject, new_job,
};
use log_store::redis::{RedisStore, WatchMode};
use log_store::{
    JobWrites, Jobs, LogAppend, LogStore, NewLine, NumberedAppend, Revocations, RunClaims, Tickets,
};
use test_support::{ClusterClient, RedisCluster, RedisServer, RespClient, SentinelSet, TcpProxy};
use tokio::sync::{Mutex, OnceCell};

use crate::cluster::{all_served, store_on};
use crate::support::{POLL_INTERVAL, SHORT_DEADLINE, Setup, hash, logs, options};

mod tracking {
    use super::{Redis, WatchMode};

    log_store::log_store_conformance!(Redis::set_up(WatchMode::Tracking));
    log_store::log_store_conformance!(outages: Redis::impatient(WatchMode::Tracking));
}

mod poll {
    use super::{Redis, WatchMode};

    log_store::log_store_conformance!(Redis::set_up(WatchMode::Poll));
    log_store::log_store_conformance!(outages: Redis::impatient(WatchMode::Poll));
}

mod cluster {
    use super::{Redis, WatchMode};

    log_store::log_store_conformance!(
        one_test a_store_on_a_cluster_keeps_every_rule: Redis::on_cluster(WatchMode::Tracking)
    );
    log_store::log_store_conformance!(
        one_test a_store_that_polls_a_cluster_keeps_every_rule: Redis::on_cluster(WatchMode::Poll)
    );
    log_store::log_store_conformance!(
        one_test a_store_on_a_cluster_keeps_the_rules_of_outages, outages:
            Redis::on_a_cluster_that_breaks(WatchMode::Tracking)
    );
    log_store::log_store_conformance!(
        one_test a_store_that_polls_a_cluster_keeps_the_rules_of_outages, outages:
            Redis::on_a_cluster_that_breaks(WatchMode::Poll)
    );
}

mod sentinel {
    use super::{Redis, WatchMode};

    log_store::log_store_conformance!(
        one_test a_store_on_a_primary_with_sentinels_keeps_every_rule:
            Redis::on_sentinels(WatchMode::Tracking)
    );
}

/// Six servers on a busy machine answer later than one.
const CLUSTER_POLL_INTERVAL: Duration = Duration::from_millis(60);

struct Redis {
    mode: WatchMode,
    store: RedisStore,
    back_door: BackDoor,
    /// What is broken by the cases about outages.
    connection: Option<Arc<dyn Connection>>,
}

/// The way past the store.
enum BackDoor {
    Server {
        client: Mutex<RespClient>,
        _server: Arc<RedisServer>,
    },
    Cluster(Mutex<ClusterClient>),
    Primary(Mutex<RespClient>),
}

/// The cluster of all cases of one process. It ends with the process.
static CLUSTER: OnceCell<RedisCluster> = OnceCell::const_new();

/// The same with Sentinels.
static SENTINELS: OnceCell<SentinelSet> = OnceCell::const_new();

impl Redis {
    /// With the default deadline.
    async fn set_up(mode: WatchMode) -> Self {
        Self::on(mode, Setup::shared(mode).await).await
    }

    /// With a short deadline, because these cases wait for it.
    async fn impatient(mode: WatchMode) -> Self {
        let redis = RedisServer::shared().await;
        Self::on(mode, Setup::impatient(redis, mode).await).await
    }

    async fn on(mode: WatchMode, setup: Setup) -> Self {
        Self {
            mode,
            back_door: BackDoor::Server {
                client: Mutex::new(setup.redis.client().await),
                _server: setup.redis,
            },
            store: setup.store,
            connection: Some(Arc::new(Wire(setup.proxy))),
        }
    }

    async fn on_cluster(mode: WatchMode) -> Self {
        let cluster = CLUSTER.get_or_init(RedisCluster::start).await;
        let store =
            RedisStore::new(options(cluster.url(), mode).poll_interval(CLUSTER_POLL_INTERVAL));
        let store = store.unwrap();
        all_served(&store).await;
        Self {
            mode,
            back_door: BackDoor::Cluster(Mutex::new(cluster.client())),
            store,
            connection: None,
        }
    }

    /// A cluster that is lost for this case alone: its store has a user of its own.
    async fn on_a_cluster_that_breaks(mode: WatchMode) -> Self {
        let cluster = CLUSTER.get_or_init(RedisCluster::start).await;
        let way = AllNodes::new(cluster).await;
        let url = (cluster.url()).replace("://", &format!("://{}:any@", way.user));
        let impatient = options(url, mode).deadline(SHORT_DEADLINE);
        let store = RedisStore::new(impatient).unwrap();
        all_served(&store).await;
        Self {
            mode,
            back_door: BackDoor::Cluster(Mutex::new(cluster.client())),
            store,
            connection: Some(Arc::new(way)),
        }
    }

    async fn on_sentinels(mode: WatchMode) -> Self {
        let sentinels = SENTINELS.get_or_init(SentinelSet::start).await;
        let primary = RespClient::connect(sentinels.primary().await).await;
        let primary = primary.unwrap();
        Self {
            mode,
            back_door: BackDoor::Primary(Mutex::new(primary)),
            store: store_on(sentinels.url(), mode).await,
            connection: None,
        }
    }

    /// Runs a command whose second word is a key.
    async fn run<A: AsRef<[u8]>>(&self, command: &[A]) -> test_support::Value {
        match &self.back_door {
            BackDoor::Server { client, .. } => client.lock().await.command(command).await,
            BackDoor::Cluster(cluster) => {
                let key = String::from_utf8_lossy(command[1].as_ref()).into_owned();
                cluster.lock().await.command(&key, command).await
            }
            BackDoor::Primary(client) => client.lock().await.command(command).await,
        }
    }
}

impl Subject for Redis {
    fn watched(&self) -> usize {
        self.store.state().watched
    }

    fn quiet_time(&self) -> Duration {
        match self.mode {
            WatchMode::Poll if matches!(self.back_door, BackDoor::Cluster(_)) => {
                CLUSTER_POLL_INTERVAL / 4
            }
            WatchMode::Poll => POLL_INTERVAL / 4,
            WatchMode::Auto | WatchMode::Tracking => Duration::from_millis(60),
        }
    }

    /// A connection may have to be made again, and the server is another process.
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

#[async_trait]
impl LogSubject for Redis {
    fn store(&self) -> Arc<dyn LogStore> {
        Arc::new(self.store.clone())
    }

    fn appender(&self) -> Arc<dyn LogAppend> {
        Arc::new(self.store.clone())
    }

    async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine) {
        let fields = line.fields().map(|(name, value)| (name, value.as_bytes()));
        let fields: Vec<(&str, &[u8])> = fields.collect();
        self.put_raw_line(job, id, &fields).await;
    }

    async fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]) {
        let mut command: Vec<Vec<u8>> = ["XADD", &logs(job), &id.to_string()]
            .map(|part| part.as_bytes().to_vec())
            .into();
        for (name, value) in fields {
            command.push(name.as_bytes().to_vec());
            command.push(value.to_vec());
        }
        if fields.is_empty() {
            command.extend(["other", ""].map(|part| part.as_bytes().to_vec()));
        }
        self.run(&command).await;
    }

    async fn trim_to(&self, job: &JobId, keep: usize) {
        self.run(&["XTRIM", &logs(job), "MAXLEN", "=", &keep.to_string()])
            .await;
    }

    async fn delete_line(&self, job: &JobId, id: EntryId) {
        self.run(&["XDEL", &logs(job), &id.to_string()]).await;
    }

    async fn delete_log(&self, job: &JobId) {
        self.run(&["DEL", &logs(job)]).await;
    }

    async fn age_log(&self, job: &JobId, by: Duration) {
        let left = self.run(&["PTTL", &logs(job)]).await.int();
        let by = i64::try_from(by.as_millis()).unwrap();
        let left = left.saturating_sub(by).max(1).to_string();
        self.run(&["PEXPIRE", &logs(job), &left]).await;
    }
}

impl NumberedSubject for Redis {
    fn numbered(&self) -> Arc<dyn NumberedAppend> {
        Arc::new(self.store.clone())
    }
}

#[async_trait]
impl JobSubject for Redis {
    fn jobs(&self) -> Arc<dyn Jobs> {
        Arc::new(self.store.clone())
    }

    async fn put_job(&self, job: &JobId, owner: &str) {
        self.store.create(job, &new_job(owner)).await.unwrap();
    }

    async fn set_status_raw(&self, job: &JobId, status: Option<&str>) {
        match status {
            Some(status) => self.run(&["HSET", &hash(job), "status", status]).await,
            None => self.run(&["HDEL", &hash(job), "status"]).await,
        };
    }

    async fn remove_owner(&self, job: &JobId) {
        self.run(&["HDEL", &hash(job), "user_id"]).await;
    }

    async fn set_org_raw(&self, job: &JobId, org: Option<&str>) {
        match org {
            Some(org) => self.run(&["HSET", &hash(job), "org_id", org]).await,
            None => self.run(&["HDEL", &hash(job), "org_id"]).await,
        };
    }

    async fn delete_job(&self, job: &JobId) {
        self.run(&["DEL", &hash(job)]).await;
    }
}

impl JobWriteSubject for Redis {
    fn job_writes(&self) -> Arc<dyn JobWrites> {
        Arc::new(self.store.clone())
    }
}

impl RunSubject for Redis {
    fn runs(&self) -> Arc<dyn RunClaims> {
        Arc::new(self.store.clone())
    }
}

impl TicketSubject for Redis {
    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(self.store.clone())
    }
}

impl RevocationSubject for Redis {
    fn revocations(&self) -> Arc<dyn Revocations> {
        Arc::new(self.store.clone())
    }
}

impl ConnectedSubject for Redis {
    fn connection(&self) -> Arc<dyn Connection> {
        self.connection.clone().unwrap()
    }
}

struct Wire(Arc<TcpProxy>);

#[async_trait]
impl Connection for Wire {
    async fn cut(&self) {
        self.0.refuse().await;
    }

    async fn mend(&self) {
        self.0.mend().await;
    }

    async fn interrupt(&self) {
        self.0.drop_connections().await;
    }

    fn deadline(&self) -> Duration {
        SHORT_DEADLINE
    }
}

/// The way of one store to all nodes of a cluster. A store learns the addresses of the nodes from them, so nothing can stand
/// in between; but it has a user of its own, who can be switched off.
struct AllNodes {
    user: String,
    nodes: Mutex<Vec<RespClient>>,
}

impl AllNodes {
    async fn new(cluster: &RedisCluster) -> Self {
        static USERS: AtomicUsize = AtomicUsize::new(0);
        let clients = (cluster.nodes().iter()).map(|node| RespClient::connect(node.address()));
        let clients = join_all(clients).await.into_iter().map(Result::unwrap);
        let way = Self {
            user: format!("store-{}", USERS.fetch_add(1, Ordering::Relaxed)),
            nodes: Mutex::new(clients.collect()),
        };
        let rights = ["on", "nopass", "~*", "&*", "+@all"];
        way.command(&[&["ACL", "SETUSER", &way.user], &rights[..]].concat())
            .await;
        way
    }

    async fn command(&self, command: &[&str]) {
        let mut nodes = self.nodes.lock().await;
        join_all(nodes.iter_mut().map(|node| node.command(command))).await;
    }
}

#[async_trait]
impl Connection for AllNodes {
    async fn cut(&self) {
        self.command(&["ACL", "SETUSER", &self.user, "off"]).await;
        self.interrupt().await;
    }

    async fn mend(&self) {
        self.command(&["ACL", "SETUSER", &self.user, "on"]).await;
    }

    async fn interrupt(&self) {
        self.command(&["CLIENT", "KILL", "USER", &self.user]).await;
    }

    fn deadline(&self) -> Duration {
        SHORT_DEADLINE
    }
}
