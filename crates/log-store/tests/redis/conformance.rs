//! The contract, rule by rule, with tracking and with polling.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{EntryId, JobId};
use log_store::conformance::{ConnectedSubject, Connection, Subject};
use log_store::redis::WatchMode;
use log_store::{JobWrites, LogAppend, LogStore, NewLine, NumberedAppend, Revocations, Tickets};
use test_support::{RedisServer, RespClient, TcpProxy};
use tokio::sync::Mutex;

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

struct Redis {
    mode: WatchMode,
    setup: Setup,
    back_door: Mutex<RespClient>,
}

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
        let back_door = Mutex::new(setup.redis.client().await);
        Self {
            mode,
            setup,
            back_door,
        }
    }

    async fn run<A: AsRef<[u8]>>(&self, command: &[A]) -> test_support::Value {
        self.back_door.lock().await.command(command).await
    }
}

#[async_trait]
impl Subject for Redis {
    fn store(&self) -> Arc<dyn LogStore> {
        Arc::new(self.setup.store.clone())
    }

    fn appender(&self) -> Arc<dyn LogAppend> {
        Arc::new(self.setup.store.clone())
    }

    fn numbered(&self) -> Arc<dyn NumberedAppend> {
        Arc::new(self.setup.store.clone())
    }

    fn jobs(&self) -> Arc<dyn JobWrites> {
        Arc::new(self.setup.store.clone())
    }

    fn tickets(&self) -> Arc<dyn Tickets> {
        Arc::new(self.setup.store.clone())
    }

    fn revocations(&self) -> Arc<dyn Revocations> {
        Arc::new(self.setup.store.clone())
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
        self.setup.store.state().watched
    }
}

impl ConnectedSubject for Redis {
    fn connection(&self) -> Arc<dyn Connection> {
        Arc::new(Wire(Arc::clone(&self.setup.proxy)))
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
