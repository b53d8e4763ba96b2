//! Watches of the fault-injecting store.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use log_domain::{EntryId, Job, ReadLimit};
use tokio::sync::watch;
use tokio::time::timeout;

use super::faults::{ConnectionState, Faults};
use crate::error::StoreError;
use crate::jobs::JobWatch;
use crate::lines::{LogWatch, TailRead};

/// A watch that gives no notices while the connection is lost.
#[derive(Debug)]
pub(super) struct FaultyWatch<W> {
    pub(super) inner: W,
    pub(super) filter: NoticeFilter,
}

/// The `changed` of a watch, whichever trait it is of.
pub(super) type Changed<W> = for<'a> fn(&'a mut W) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Decides which notices a watch gives.
#[derive(Debug)]
pub(super) struct NoticeFilter {
    pub(super) faults: Arc<Faults>,
    connection: watch::Receiver<ConnectionState>,
    /// The number of notices to all watches when the last successful read began.
    seen: u64,
    /// The last read did not succeed, so the wrapped watch may miss the next change. A notice is due at once.
    unread: bool,
}

impl<W> FaultyWatch<W> {
    pub(super) fn new(inner: W, faults: &Arc<Faults>) -> Self {
        let connection = faults.connection.subscribe();
        let seen = connection.borrow().notices;
        let filter = NoticeFilter {
            faults: Arc::clone(faults),
            connection,
            seen,
            unread: false,
        };
        Self { inner, filter }
    }
}

impl NoticeFilter {
    /// Waits for a notice: one of the wrapped watch, or one that is due.
    pub(super) async fn changed<W>(&mut self, inner: &mut W, changed: Changed<W>) {
        while let Some(state) = self.until_connected().await {
            tokio::select! {
                biased;
                notified = self.spurious_notice(state) => if notified { return },
                () = changed(inner) => return,
            }
        }
    }

    /// Waits for the connection. `None` if a notice is due then.
    async fn until_connected(&mut self) -> Option<ConnectionState> {
        let state = *self.connection.wait_for(|state| !state.away).await.ok()?;
        let due = self.unread || state.notices != self.seen;
        (!due).then_some(state)
    }

    /// Waits until a spurious notice is due (true), or until the connection changes (false). In the second case, a notice of
    /// the wrapped watch is lost, as on a real connection.
    async fn spurious_notice(&mut self, state: ConnectionState) -> bool {
        let seen = self.seen;
        let changes = |now: &ConnectionState| now.losses != state.losses || now.notices != seen;
        let Some(period) = state.spurious else {
            self.connection.wait_for(changes).await.ok();
            return false;
        };
        timeout(period, self.connection.wait_for(changes))
            .await
            .is_err()
    }

    /// Begins a read.
    pub(super) fn begin_read(&mut self) -> u64 {
        self.unread = true;
        self.connection.borrow().notices
    }

    /// Ends a read that succeeded.
    pub(super) fn end_read(&mut self, notices: u64) {
        self.unread = false;
        self.seen = notices;
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl LogWatch for FaultyWatch<Box<dyn LogWatch>> {
    async fn changed(&mut self) {
        let Self { inner, filter } = self;
        filter.changed(inner, |watch| watch.changed()).await;
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let notices = self.filter.begin_read();
        let read = self.inner.read_after(after, limit);
        let tail = self.filter.faults.call(read).await?;
        self.filter.end_read(notices);
        Ok(tail)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl JobWatch for FaultyWatch<Box<dyn JobWatch>> {
    async fn changed(&mut self) {
        let Self { inner, filter } = self;
        filter.changed(inner, |watch| watch.changed()).await;
    }

    async fn get(&mut self) -> Result<Option<Job>, StoreError> {
        let notices = self.filter.begin_read();
        let job = self.filter.faults.call(self.inner.get()).await?;
        self.filter.end_read(notices);
        Ok(job)
    }
}
