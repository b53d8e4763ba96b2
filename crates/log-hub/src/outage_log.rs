//! Logging an outage of the store once, however many feeds notice it.

use log_store::StoreError;
use parking_lot::Mutex;
use tokio::time::Instant;

/// The outage that lasts, if one does.
#[derive(Debug, Default)]
pub(crate) struct OutageLog {
    outage: Mutex<Option<Outage>>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    /// Feeds that cannot read their log now.
    waiting: usize,
    /// Feeds that could not read their log at some time of this outage.
    affected: usize,
}

impl OutageLog {
    /// A feed cannot read its log any more.
    pub(crate) fn feed_failed(&self, error: &StoreError) {
        let mut outage = self.outage.lock();
        let is_first = outage.is_none();
        let outage = outage.get_or_insert_with(|| Outage {
            since: Instant::now(),
            waiting: 0,
            affected: 0,
        });
        outage.waiting += 1;
        outage.affected += 1;
        if is_first {
            tracing::warn!(%error, "live logs cannot be read; their streams stay open");
        }
    }

    /// A feed can read its log again.
    pub(crate) fn feed_recovered(&self) {
        if let Some(outage) = self.leave() {
            tracing::info!(
                feeds = outage.affected,
                seconds = outage.since.elapsed().as_secs_f32(),
                "live logs can be read again"
            );
        }
    }

    /// A feed has ended that could not read its log.
    pub(crate) fn feed_ended(&self) {
        if let Some(outage) = self.leave() {
            tracing::info!(
                feeds = outage.affected,
                "nobody watches the logs any more that cannot be read"
            );
        }
    }

    /// The outage, where no feed is left in it.
    fn leave(&self) -> Option<Outage> {
        let mut current = self.outage.lock();
        let outage = current.as_mut()?;
        outage.waiting = outage.waiting.saturating_sub(1);
        if outage.waiting > 0 {
            return None;
        }
        current.take()
    }
}
