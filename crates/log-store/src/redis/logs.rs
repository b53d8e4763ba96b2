//! Logs in Redis: the traits for reading and appending lines.

use async_trait::async_trait;
use log_domain::{Batch, EntryId, JobId, LogBounds, Order, ReadLimit, Span};

use super::node::Purpose;
use super::slot_map::SLOTS;
use super::store::RedisStore;
use super::{appends, reads, replicas};
use crate::append::{LogAppend, NewLine};
use crate::error::StoreError;
use crate::lines::{LogServer, LogStore, LogWatch, TailRead};

#[async_trait]
impl LogStore for RedisStore {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        let key = self.core.options.keys.logs(job);
        let read = async |session| {
            self.core
                .reader(&session, &key)
                .span(span, order, limit)
                .await
        };
        Ok(self
            .core
            .servers
            .read(Purpose::Commands, &key, read)
            .await?)
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let key = self.core.options.keys.logs(job);
        let read = async |session| self.core.reader(&session, &key).tail(after, limit).await;
        Ok(self
            .core
            .servers
            .read(Purpose::Commands, &key, read)
            .await?)
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        let key = self.core.options.keys.logs(job);
        let read = async |session| reads::bounds(&session, &key).await;
        Ok(self
            .core
            .servers
            .read(Purpose::Commands, &key, read)
            .await?)
    }

    fn watch_log(&self, job: &JobId) -> Box<dyn LogWatch> {
        Box::new(self.watch_key(self.core.options.keys.logs(job)))
    }

    async fn ping_logs(&self) -> Result<(), StoreError> {
        self.ping().await
    }

    fn server(&self, job: &JobId) -> LogServer {
        let key = self.core.options.keys.logs(job);
        let session = self.core.servers.session(&key);
        session.map_or(LogServer::Away, LogServer::Connected)
    }

    fn is_degraded(&self) -> bool {
        let state = self.state();
        state.connected && state.slots_served < SLOTS
    }
}

#[async_trait]
impl LogAppend for RedisStore {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        let key = self.core.options.keys.logs(job);
        let retention = self.core.options.retention;
        let mut ids = Vec::with_capacity(lines.len());
        for lines in lines.chunks(appends::MAX_LINES) {
            let append = async |session| appends::append(&session, &key, lines, retention).await;
            ids.extend(self.core.servers.write(&key, append).await?);
        }
        if !ids.is_empty() {
            replicas::wait(&self.core.servers, &key, &self.core.options).await?;
        }
        Ok(ids)
    }

    async fn confirm(&self, job: &JobId) -> Result<(), StoreError> {
        let key = self.core.options.keys.logs(job);
        Ok(replicas::wait(&self.core.servers, &key, &self.core.options).await?)
    }
}
