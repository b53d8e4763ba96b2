//! The contract, rule by rule, with tracking and with polling.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{EntryId, JobId};
use log_store::conformance::{ConnectedSubject, Connection, Subject};
use log_store::redis::{RedisStore, WatchMode};
use log_store::{
    JobWrites, LogAppend, LogStore, NewLine, NumberedAppend, Revocations, RunClaims, Tickets,
};
use test_support::{RedisCluster, RedisServer, RespClient, SentinelSet, TcpProxy};
use tokio::sync::{Mutex, OnceCell};

use crate::cluster::store_on;
use crate::support::{POLL_INTERVAL, SHORT_DEADLINE, Setup, hash, logs};

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
}

mod sentinel {
    use super::{Redis, WatchMode};

    log_store::log_store_conformance!(
        one_test a_store_on_a_primary_with_sentinels_keeps_every_rule:
            Redis::on_sentinels(WatchMode::Tracking)
    );
}

struct Redis {
    mode: WatchMode,
    store: RedisStore,
    back_door: BackDoor,
    /// What is broken by the cases about outages.
    proxy: Option<Arc<TcpProxy>>,
}

/// The way past the store.
enum BackDoor {
    Server {
        client: Mutex<RespClient>,
        _server: Arc<RedisServer>,
    },
    Cluster(&'static RedisCluster),
    Sentinels(&'static SentinelSet),
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
            proxy: Some(setup.proxy),
        }
    }

    async fn on_cluster(mode: WatchMode) -> Self {
        let cluster = CLUSTER.get_or_init(RedisCluster::start).await;
        Self {
            mode,
            back_door: BackDoor::Cluster(cluster),
            store: store_on(cluster.url(), mode).await,
            proxy: None,
        }
    }

    async fn on_sentinels(mode: WatchMode) -> Self {
        let sentinels = SENTINELS.get_or_init(SentinelSet::start).await;
        Self {
            mode,
            back_door: BackDoor::Sentinels(sentinels),
            store: store_on(sentinels.url(), mode).await,
            proxy: None,
        }
    }

    /// Runs a command whose second word is a key.
    async fn run<A: AsRef<[u8]>>(&self, command: &[A]) -> test_support::Value {
        match &self.back_door {
            BackDoor::Server { client, .. } => client.lock().await.command(command).await,
            BackDoor::Cluster(cluster) => {
                let key = String::from_utf8_lossy(command[1].as_ref()).into_owned();
                cluster.command(&key, command).await
            }
            BackDoor::Sentinels(sentinels) => sentinels.command(command).await,
        }
    }
}

#[async_trait]
impl Subject for Redis {
    fn store(&self) -> Arc<dyn LogStore> {
        Arc::new(self.store.clone())
    }

    fn appender(&self) -> Arc<dyn LogAppend> {
        Arc::new(self.store.clone())
    }

    fn numbered(&self) -> Arc<dyn NumberedAppend> {
        Arc::new(self.store.clone())
    }

    fn jobs(&self) -> Arc<dyn JobWrites> {
        Arc::new(self.store.clone())
    }

    fn runs(&self) -> Arc<dyn RunClaims> {
        Arc::new(self.store.clone())
    }

    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(self.store.clone())
    }

    fn revocations(&self) -> Arc<dyn Revocations> {
        Arc::new(self.store.clone())
    }

    async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine) {
        let fields = [
            ("ts", &line.ts),
            ("source", &line.source),
            ("text", &line.text),
            ("phase", &line.phase),
        ];
        let fields: Vec<(&str, &[u8])> = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?.as_bytes())))
            .chain(line.open_field().map(|value| ("open", value.as_bytes())))
            .collect();
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

    fn quiet_time(&self) -> Duration {
        match self.mode {
            WatchMode::Poll => POLL_INTERVAL / 4,
            WatchMode::Auto | WatchMode::Tracking => Duration::from_millis(60),
        }
    }

    fn watched(&self) -> usize {
        self.store.state().watched
    }
}

impl ConnectedSubject for Redis {
    fn connection(&self) -> Arc<dyn Connection> {
        Arc::new(Wire(self.proxy.clone().unwrap()))
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
