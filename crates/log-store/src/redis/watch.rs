//! Watches of logs and jobs: a flag that is raised by changes, and reads that lower it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{EntryId, Job, LogBounds, ReadLimit};
use tokio::time::{Instant, sleep_until};

use super::arming::Arming;
use super::fault::Fault;
use super::node::Purpose;
use super::reads;
use super::registry::WatchHandle;
use super::session::Session;
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
    /// How soon pushes lead to reads.
    arming: Arming,
    /// The read that is under way, or was the last one, has followed a push.
    was_pushed: bool,
    /// What the last read has found.
    last: Option<Seen>,
    /// The session on which it was looked last whether the position is a line of the log. Another one may be to a server
    /// that has lost it.
    checked_on: Option<u64>,
}

/// What a read has found, as far as the next one differs from it where anything has changed.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Log(LogBounds),
    Job(Option<Job>),
}

impl RedisStore {
    /// Begins to watch a key.
    pub(super) fn watch_key(&self, key: String) -> Watch {
        Watch {
            core: Arc::clone(&self.core),
            handle: self.core.registry.watch(key),
            retry_at: None,
            arming: Arming::default(),
            was_pushed: false,
            last: None,
            checked_on: None,
        }
    }
}

impl Watch {
    /// Waits for the flag, or for the pause after a failed read. The moment is fixed when the read begins. So a caller that
    /// drops this future and calls again still reaches it (W5).
    async fn wait(&self) {
        self.wait_for_flag().await;
        if let Some(moment) = self.arming.not_before() {
            sleep_until(moment).await;
        }
    }

    async fn wait_for_flag(&self) {
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
        // A read that failed has not used its push up.
        self.was_pushed |= self.handle.flag.lower();
    }

    fn end_read(&mut self, found: Seen, has_lines: bool) {
        self.retry_at = None;
        let has_news = has_lines || self.last.as_ref() != Some(&found);
        let was_pushed = std::mem::take(&mut self.was_pushed);
        self.arming.note_read(was_pushed, has_news);
        self.last = Some(found);
    }

    /// Reads the entries of a stream after an id.
    pub(super) async fn read_stream(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, Fault> {
        self.begin_read();
        let key = &*self.handle.flag.key;
        let checked_on = self.checked_on;
        let read = async |session: Session| {
            let mut reader = self.core.reader(&session, key);
            reader.arms = true;
            reader.checks_position = checked_on != Some(session.unique);
            let tail = reader.tail(after, limit).await?;
            Ok((tail, session.unique))
        };
        let read = self.core.servers.read(Purpose::Watching, key, read).await;
        let tail = read.map(|(tail, session)| {
            self.checked_on = Some(session);
            tail
        });
        // Also a key of another type was read, so its next change is told.
        match &tail {
            Ok(tail) => self.end_read(Seen::Log(tail.bounds), !tail.lines.is_empty()),
            Err(Fault::WrongType(_)) => self.end_read(Seen::Log(LogBounds::ABSENT), false),
            Err(_) => {}
        }
        tail
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
        match self.read_stream(after, limit).await {
            // Whoever follows is told that the log is gone, and waits for another one.
            Err(Fault::WrongType(_)) => Ok(TailRead {
                lines: Vec::new(),
                more: false,
                bounds: LogBounds::ABSENT,
                lost: false,
            }),
            tail => Ok(tail?),
        }
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
        let lifecycle = &self.core.options.lifecycle;
        let read = async |session| reads::job(&session, key, lifecycle).await;
        let job = self.core.servers.read(Purpose::Watching, key, read).await?;
        self.end_read(Seen::Job(job.clone()), false);
        Ok(job)
    }
}
