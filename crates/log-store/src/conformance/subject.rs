//! What the suite needs of a store under test: its traits, and a back door.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use log_domain::{EntryId, JobId};

use crate::{JobWrites, LogAppend, LogStore, NewLine, Revocations, Tickets};

/// A store under test.
///
/// The back doors stand for everything that happens to a log and a job without this crate: foreign producers, an
/// operator, an expiry. They MUST act on the stored data itself, be visible to the store when they return, and work
/// while [`Subject::connection`] is cut (over a connection of their own). They panic where they fail.
///
/// Each case gets a subject of its own. Subjects may share a server; then [`Subject::fresh_job`] must not repeat.
#[async_trait]
pub trait Subject: Send + Sync + 'static {
    /// The store, for reading lines. Every call gives the same one.
    fn store(&self) -> Arc<dyn LogStore>;

    /// The same store, for appending.
    fn appender(&self) -> Arc<dyn LogAppend>;

    /// The same store, for jobs.
    fn jobs(&self) -> Arc<dyn JobWrites>;

    /// The same store, for tickets.
    fn tickets(&self) -> Arc<dyn Tickets>;

    /// The same store, for revocations. Other subjects may revoke too.
    fn revocations(&self) -> Arc<dyn Revocations>;

    /// The id of a job that nobody has used.
    fn fresh_job(&self) -> JobId {
        fresh_job()
    }

    /// Back door: appends a line under an id above the log's last one, as a foreign producer does.
    async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine);

    /// Back door: appends a line of these fields, any bytes, in any number. Fields the store does not know are kept
    /// or dropped, as the store does.
    async fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]);

    /// Back door: forgets all but the newest `keep` lines, exactly; the log goes on to exist without lines
    /// (`XTRIM MAXLEN`). Such lines do not count as deleted.
    async fn trim_to(&self, job: &JobId, keep: usize);

    /// Back door: deletes one line from anywhere in the log (`XDEL`).
    async fn delete_line(&self, job: &JobId, id: EntryId);

    /// Back door: deletes the log whole; afterwards it does not exist (`DEL`).
    async fn delete_log(&self, job: &JobId);

    /// Back door: makes the log older by that much, as if its last append had been earlier. A log that is then past
    /// its life is forgotten soon, as it would be by itself (in Redis: `PEXPIRE` of what `PTTL` says, less `by`,
    /// and at least 1 ms).
    async fn age_log(&self, job: &JobId, by: Duration);

    /// Back door: lets the log expire. Returns at the latest when it is gone.
    async fn expire_log(&self, job: &JobId) {
        self.age_log(job, Duration::from_secs(10 * 365 * 86_400))
            .await;
        while self
            .store()
            .bounds(job)
            .await
            .is_ok_and(|b| b.last_id > EntryId::ZERO)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Back door: writes the status of a job that exists as text; `None` removes the field.
    async fn set_status_raw(&self, job: &JobId, status: Option<&str>);

    /// Back door: removes the owner from a job's record.
    async fn remove_owner(&self, job: &JobId);

    /// Back door: writes the organisation of a job that exists as text; `None` removes the field.
    async fn set_org_raw(&self, job: &JobId, org: Option<&str>);

    /// Back door: deletes a job's record.
    async fn delete_job(&self, job: &JobId);

    /// The connection to the store, where there is one that can be lost. Without one, R4, W3 and the outage's part
    /// of A4 have nothing to hold for, and their cases say so.
    fn connection(&self) -> Option<Arc<dyn Connection>> {
        None
    }

    /// How many logs and jobs this subject's store holds something for because they are watched; `None` where the
    /// store cannot say, and W7 is then held by churn alone.
    fn watched(&self) -> Option<usize> {
        None
    }

    /// How long a watch of a log at rest gives no notice, at least. A store that polls says less than its poll interval.
    fn quiet_time(&self) -> Duration {
        Duration::from_millis(60)
    }

    /// How long a notice may take on a busy machine, a reconnect included, before a case fails.
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

/// A connection that can be lost.
#[async_trait]
pub trait Connection: Send + Sync + 'static {
    /// Drops every connection; no new one can be made until [`Connection::mend`].
    async fn cut(&self);

    /// Lets connections be made again.
    async fn mend(&self);

    /// Drops every connection; new ones can be made at once. Changes right before it may lose their notice.
    async fn interrupt(&self);

    /// The deadline that the store documents for R4.
    fn deadline(&self) -> Duration;
}

/// An id that no other call of any process gives: start of the process, its id, a count.
#[must_use]
pub fn fresh_job() -> JobId {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let text = format!("suite-{}-{}-{count}", std::process::id(), since.as_micros());
    text.parse().unwrap()
}
