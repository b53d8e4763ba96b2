//! What the suite needs from a store under test: its traits, and back doors.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use log_domain::{EntryId, JobId, UserId};

use crate::{
    JobWrites, Jobs, LogAppend, LogStore, NewJob, NewLine, NumberedAppend, Revocations, RunClaims,
    Tickets,
};

/// What every store under test says of itself.
///
/// Beside this a store has a subject for each of its traits. Back doors stand for everything that happens to a log or a job
/// without this crate: foreign producers, operators, expiry. They MUST change the stored data itself, and the store MUST see
/// the change when they return. They MUST work while [`ConnectedSubject::connection`] is cut (over another connection). They
/// panic where they fail.
///
/// Each case gets a new subject. Subjects may share a server; then [`Subject::fresh_job`] must not repeat an id.
pub trait Subject: Any + Send + Sync {
    /// The id of a new job.
    fn fresh_job(&self) -> JobId {
        fresh_job()
    }

    /// For how many logs and jobs the store holds something because they are watched (W7).
    fn watched(&self) -> usize;

    /// How long a watch of a log or job at rest gives no notice, at least. A store that polls says less than its poll
    /// interval.
    fn quiet_time(&self) -> Duration {
        Duration::from_millis(60)
    }

    /// How long a notice may take before a case fails. Only time counts in which the machine is not too busy to run the suite.
    /// A store that may have to connect again, or to wait for a disk, says more.
    fn patience(&self) -> Duration {
        Duration::from_secs(3)
    }
}

/// A store of lines under test.
#[async_trait]
pub trait LogSubject: Subject {
    /// The store, for reading lines. Every call returns the same store.
    fn store(&self) -> Arc<dyn LogStore>;

    /// The same store, for appending.
    fn appender(&self) -> Arc<dyn LogAppend>;

    /// Back door: appends a line under an id above the log's last one, as a foreign producer does.
    async fn append_at(&self, job: &JobId, id: EntryId, line: &NewLine);

    /// Back door: appends a line with these fields, of any bytes and any number. Unknown fields may be kept or dropped.
    async fn put_raw_line(&self, job: &JobId, id: EntryId, fields: &[(&str, &[u8])]);

    /// Back door: removes all but the newest `keep` lines, exactly (`XTRIM MAXLEN`). A log without lines still exists. These
    /// lines do not count as deleted.
    async fn trim_to(&self, job: &JobId, keep: usize);

    /// Back door: deletes one line from anywhere in the log (`XDEL`).
    async fn delete_line(&self, job: &JobId, id: EntryId);

    /// Back door: deletes the log; afterwards it does not exist (`DEL`).
    async fn delete_log(&self, job: &JobId);

    /// Back door: makes the log older, as if its last append had been earlier. A log that is expired then is removed soon, as
    /// it would be by itself (in Redis: `PEXPIRE` with the value of `PTTL` minus `by`, and at least 1 ms).
    async fn age_log(&self, job: &JobId, by: Duration);

    /// Back door: lets the log expire, and waits until it is gone.
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
}

/// A store of numbered lines under test.
pub trait NumberedSubject: LogSubject {
    /// The same store, for appending numbered lines.
    fn numbered(&self) -> Arc<dyn NumberedAppend>;
}

/// A store of jobs under test. It need not be able to change them.
#[async_trait]
pub trait JobSubject: Subject {
    /// The store. Every call returns the same one.
    fn jobs(&self) -> Arc<dyn Jobs>;

    /// Back door: creates a job with an owner, the status `queued`, the creation time [`created_at`] and no organisation. A
    /// store that creates jobs itself may do it by [`new_job`]: no case calls this while the connection is cut.
    async fn put_job(&self, job: &JobId, owner: &str);

    /// Back door: writes the status of a job that exists as text; `None` removes the field.
    async fn set_status_raw(&self, job: &JobId, status: Option<&str>);

    /// Back door: removes the owner from a job's record.
    async fn remove_owner(&self, job: &JobId);

    /// Back door: writes the organisation of a job that exists as text; `None` removes the field.
    async fn set_org_raw(&self, job: &JobId, org: Option<&str>);

    /// Back door: deletes a job's record.
    async fn delete_job(&self, job: &JobId);
}

/// A store under test that creates jobs and changes their status.
pub trait JobWriteSubject: JobSubject {
    /// The same store, for changing jobs.
    fn job_writes(&self) -> Arc<dyn JobWrites>;
}

/// A store of claims under test.
pub trait RunSubject: JobWriteSubject {
    /// The same store, for runs. Other subjects may have claims too.
    fn runs(&self) -> Arc<dyn RunClaims>;
}

/// A store of tickets under test.
pub trait TicketSubject: Subject {
    /// The same store, for tickets.
    fn tickets(&self) -> Arc<dyn Tickets>;
}

/// A store of revocations under test.
pub trait RevocationSubject: Subject {
    /// The same store, for revocations. Other subjects may revoke too.
    fn revocations(&self) -> Arc<dyn Revocations>;
}

/// A store under test that has all traits.
pub trait WholeSubject: NumberedSubject + RunSubject + TicketSubject + RevocationSubject {}

impl<S: NumberedSubject + RunSubject + TicketSubject + RevocationSubject> WholeSubject for S {}

/// A store under test whose connection can be lost.
pub trait ConnectedSubject: Subject {
    /// The connection to the store.
    fn connection(&self) -> Arc<dyn Connection>;
}

/// A store of jobs whose connection can be lost.
pub trait ConnectedJobs: JobSubject + ConnectedSubject {}

impl<S: JobSubject + ConnectedSubject> ConnectedJobs for S {}

/// A store that has all traits and whose connection can be lost.
pub trait ConnectedWhole: WholeSubject + ConnectedSubject {}

impl<S: WholeSubject + ConnectedSubject> ConnectedWhole for S {}

/// A connection that can be lost.
#[async_trait]
pub trait Connection: Send + Sync + 'static {
    /// Drops every connection, and allows no new one until [`Connection::mend`].
    async fn cut(&self);

    /// Allows connections again.
    async fn mend(&self);

    /// Drops every connection, and allows new ones at once. The notices of changes right before it may be lost.
    async fn interrupt(&self);

    /// The deadline that the store documents for R4.
    fn deadline(&self) -> Duration;
}

/// An id that is unique among all calls in all processes: from the time, the process id and a count.
#[must_use]
pub fn fresh_job() -> JobId {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let text = format!("suite-{}-{}-{count}", std::process::id(), since.as_micros());
    text.parse().unwrap()
}

/// When the jobs of the suite were created: 2026-01-02T03:04:05.678Z.
#[must_use]
pub fn created_at() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_767_323_045_678)
}

/// A job of the suite.
///
/// # Panics
/// If the owner is empty.
#[must_use]
pub fn new_job(owner: &str) -> NewJob {
    NewJob::new(UserId::new(owner).unwrap(), created_at())
}
