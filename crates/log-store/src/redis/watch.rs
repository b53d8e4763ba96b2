//! Watches of logs and jobs: a flag that is raised by changes, and reads that lower it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{EntryId, Job, ReadLimit};
use tokio::time::{Instant, sleep_until};

use super::node::Purpose;
use super::reads;
use super::registry::WatchHandle;
use super::store::{Core, RedisStore};
use crate::error::StoreError;
use crate::jobs::JobWatch;
use crate::lines::{LogWatch, TailRead};

/// After a read that failed, or that was dropped before its answer came, the server may not track the key. So the watch asks
/// for another read after this pause.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// A watch of one key.
pub(super) struct Watch {
    /// The store. It lives as long as its watches.
    core: Arc<Core>,
    /// Where changes are flagged.
    handle: WatchHandle,
    /// When to ask for another read at the latest. Set while a read is under way, and after one that failed.
    retry_at: Option<Instant>,
}

impl RedisStore {
    /// Begins to watch a key.
    pub(super) fn watch_key(&self, key: String) -> Watch {
        Watch {
            core: Arc::clone(&self.core),
            handle: self.core.registry.watch(key),
            retry_at: None,
        }
    }
}

impl Watch {
    /// Waits for the flag, or for the pause after a failed read. The moment is fixed when the read begins. So a caller that
    /// drops this future and calls again still reaches it (W5).
    async fn wait(&self) {
        match self.retry_at {
            None => self.handle.flag.wait().await,
            Some(moment) => tokio::select! {
                () = self.handle.flag.wait() => {}
                () = sleep_until(moment) => {}
            },
        }
    }

    fn begin_read(&mut self) {
        self.retry_at = Some(Instant::now() + RETRY_PAUSE);
        self.handle.flag.lower();
    }

    const fn end_read(&mut self) {
        self.retry_at = None;
    }
}

#[async_trait]
impl LogWatch for Watch {
    async fn changed(&mut self) {
        self.wait().await;
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        self.begin_read();
        let key = &*self.handle.flag.key;
        let read = async |session| {
            let mut reader = self.core.reader(&session, key);
            reader.arms = true;
            reader.tail(after, limit).await
        };
        let tail = self.core.servers.read(Purpose::Watching, key, read).await?;
        self.end_read();
        Ok(tail)
    }
}

#[async_trait]
impl JobWatch for Watch {
    async fn changed(&mut self) {
        self.wait().await;
    }

    async fn get(&mut self) -> Result<Option<Job>, StoreError> {
        self.begin_read();
        let key = &*self.handle.flag.key;
        let read = async |session| reads::job(&session, key).await;
        let job = self.core.servers.read(Purpose::Watching, key, read).await?;
        self.end_read();
        Ok(job)
    }
}
