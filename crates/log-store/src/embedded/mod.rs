//! The embedded store: one process, one file.
//!
//! Appends and other writes go to one thread, which commits what waits in one transaction ([`writer`]). Reads take a
//! snapshot of the file, on the runtime's threads for blocking work ([`read`]). Watches are told by the writer, in
//! memory, after a commit. What stands in the file is in [`layout`]; why it is redb, in `docs/adr/0003`.
//!
//! **Invariant:** nothing blocks a thread that polls futures, and nothing is answered that is not on disk.

#[cfg(feature = "conformance")]
mod back_door;
mod error;
mod layout;
mod read;
mod tables;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log_domain::{Batch, EntryId, Job, JobId, JobStatus, LogBounds, Order, ReadLimit, Span};
use redb::{Database, DatabaseError};

pub use self::error::OpenError;
use self::error::{Closing, Failure};
use self::layout::{FORMAT, MAX_LINE_BYTES};
use self::read::Snapshot;
use self::tables::{Change, NoStep};
use self::writer::{Writer, transact};
use crate::local_access::delegate_access;
use crate::notice::{Notice, Notices};
use crate::{
    CreateJobError, JobWatch, JobWrites, Jobs, LocalAccess, LogAppend, LogStore, LogWatch, NewJob,
    NewLine, StoreError, StoreRefused, TailRead, Transition, TransitionError,
};

/// What an embedded store keeps, and for how long. The defaults are what the producers of the Redis store do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// How many of its newest lines a log keeps at least, 50,000. It may hold two in a hundred more.
    pub max_lines: u64,
    /// How long a log is kept after its last append, 24 hours.
    pub keep_logs: Duration,
    /// How long a job is kept after its last change, if it has no log any more, 48 hours.
    pub keep_jobs: Duration,
    /// Most memory for pages of the file, 64 MiB, in bytes.
    pub cache_bytes: usize,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            max_lines: 50_000,
            keep_logs: Duration::from_secs(24 * 3600),
            keep_jobs: Duration::from_secs(48 * 3600),
            cache_bytes: 64 * 1024 * 1024,
        }
    }
}

/// Logs and jobs in a directory of this machine, for a small installation, the demo and tests.
///
/// **What a returned append means:** the lines are on disk (synced), and outlive a kill of the process and a loss of
/// power. Appends that wait for the disk are committed together. A disk that fails or is full is an outage
/// ([`StoreUnavailable`](crate::StoreUnavailable)) that lasts until the store is opened again.
///
/// Ids are the wall clock's milliseconds and never go back, as Redis gives them. Logs and jobs that are old are looked for
/// once a minute. There is no connection to lose: R4's deadline is that of the disk.
///
/// Clones share one store. When the last one and every watch is dropped, the drop waits for the writes that were handed
/// in; then the directory can be opened again.
///
/// ```
/// use log_domain::{EntryId, ReadLimit};
/// use log_store::{EmbeddedOptions, EmbeddedStore, LogAppend, LogStore, NewLine};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let store = EmbeddedStore::open(dir.path(), EmbeddedOptions::default()).await?;
/// let job = "build-1".parse()?;
/// let line = NewLine { text: Some("Compiling".into()), ..NewLine::default() };
/// let ids = store.append(&job, &[line]).await?;
///
/// let onward = store.read_after(&job, EntryId::ZERO, ReadLimit::lines(100)).await?;
/// assert_eq!(onward.lines[0].id, ids[0]);
/// assert_eq!(onward.lines[0].text.as_deref(), Some("Compiling"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct EmbeddedStore {
    /// Before `shared`, so that the writer ends first.
    writer: Arc<Writer>,
    shared: Arc<Shared>,
}

/// What the writer and the readers share.
#[derive(Debug)]
struct Shared {
    db: Database,
    options: EmbeddedOptions,
    logs: Notices<JobId>,
    jobs: Notices<JobId>,
    access: LocalAccess,
}

delegate_access!(EmbeddedStore, shared.access);

impl Shared {
    /// Tells the watches of what a committed transaction changed.
    fn tell(&self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Log(job) => self.logs.notify(job),
                Change::Job(job) => self.jobs.notify(job),
            }
        }
    }
}

impl EmbeddedStore {
    /// Opens the store in a directory, which is made if it does not exist, readable for its owner alone. After a kill the
    /// file is checked whole first, which takes about a second for each 200 MB.
    ///
    /// # Errors
    /// See [`OpenError`]; a directory can be open once.
    pub async fn open(dir: impl AsRef<Path>, options: EmbeddedOptions) -> Result<Self, OpenError> {
        let dir = dir.as_ref().to_owned();
        let opening = dir.clone();
        tokio::task::spawn_blocking(move || Self::open_blocking(opening, options))
            .await
            .unwrap_or_else(|_| Err(backend(&dir)(Closing)))
    }

    fn open_blocking(dir: PathBuf, options: EmbeddedOptions) -> Result<Self, OpenError> {
        make_private(&dir).map_err(backend(&dir))?;
        let db = Database::builder()
            .set_cache_size(options.cache_bytes)
            .create(dir.join("log-store.redb"));
        let db = match db {
            Ok(db) => db,
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(OpenError::InUse { dir }),
            Err(error) => return Err(backend(&dir)(error)),
        };
        let shared = Shared {
            db,
            options,
            logs: Notices::default(),
            jobs: Notices::default(),
            access: LocalAccess::new(),
        };
        let (found, _) =
            transact(&shared, |tables| tables.format(FORMAT)).map_err(backend(&dir))?;
        if found != FORMAT {
            return Err(OpenError::OtherFormat { dir, found });
        }
        let shared = Arc::new(shared);
        let writer = Writer::start(Arc::clone(&shared)).map_err(backend(&dir))?;
        Ok(Self {
            writer: Arc::new(writer),
            shared,
        })
    }

    /// Reads a snapshot, away from the threads that poll futures.
    async fn snapshot<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let reading = move || Snapshot::take(&shared.db).and_then(|snapshot| read(&snapshot));
        let read = tokio::task::spawn_blocking(reading).await;
        let read = read.map_err(|_| Failure::from(Closing))?;
        Ok(read.map_err(Failure::from)?)
    }

    async fn job(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        let job = job.clone();
        self.snapshot(move |snapshot| snapshot.job(&job)).await
    }

    async fn onward(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let job = job.clone();
        self.snapshot(move |snapshot| snapshot.read_after(&job, after, limit))
            .await
    }
}

/// Logs are private: a directory that we make is its owner's.
fn make_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

fn backend<E>(dir: &Path) -> impl FnOnce(E) -> OpenError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let dir = dir.to_owned();
    move |source| OpenError::Backend {
        dir,
        source: source.into(),
    }
}

#[async_trait]
impl LogStore for EmbeddedStore {
    async fn read(
        &self,
        job: &JobId,
        span: Span,
        order: Order,
        limit: ReadLimit,
    ) -> Result<Batch, StoreError> {
        let job = job.clone();
        self.snapshot(move |snapshot| snapshot.read(&job, span, order, limit))
            .await
    }

    async fn read_after(
        &self,
        job: &JobId,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        self.onward(job, after, limit).await
    }

    async fn bounds(&self, job: &JobId) -> Result<LogBounds, StoreError> {
        let job = job.clone();
        self.snapshot(move |snapshot| snapshot.bounds(&job)).await
    }

    fn watch(&self, job: &JobId) -> Box<dyn LogWatch> {
        Box::new(EmbeddedWatch {
            store: self.clone(),
            notice: self.shared.logs.subscribe(job),
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.snapshot(|_| Ok(())).await
    }
}

#[async_trait]
impl LogAppend for EmbeddedStore {
    async fn append(&self, job: &JobId, lines: &[NewLine]) -> Result<Vec<EntryId>, StoreError> {
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        if lines.iter().any(|line| bytes(line) > MAX_LINE_BYTES) {
            return Err(StoreRefused::new("a line is longer than 1 GiB").into());
        }
        let (job, lines) = (job.clone(), lines.to_vec());
        let appended = self.writer.write(move |tables| tables.append(&job, &lines));
        Ok(appended.await?.map_err(StoreRefused::new)?)
    }
}

fn bytes(line: &NewLine) -> usize {
    [&line.ts, &line.source, &line.text, &line.phase]
        .into_iter()
        .flatten()
        .map(String::len)
        .sum()
}

#[async_trait]
impl Jobs for EmbeddedStore {
    async fn get(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        self.job(job).await
    }

    fn watch(&self, job: &JobId) -> Box<dyn JobWatch> {
        Box::new(EmbeddedWatch {
            store: self.clone(),
            notice: self.shared.jobs.subscribe(job),
        })
    }

    async fn ping(&self) -> Result<(), StoreError> {
        LogStore::ping(self).await
    }
}

#[async_trait]
impl JobWrites for EmbeddedStore {
    async fn create(&self, job: &JobId, new: &NewJob) -> Result<(), CreateJobError> {
        let (job, new) = (job.clone(), new.clone());
        let created = self.writer.write(move |tables| tables.create(&job, &new));
        if created.await? {
            Ok(())
        } else {
            Err(CreateJobError::Exists)
        }
    }

    async fn transition(
        &self,
        job: &JobId,
        step: &Transition,
    ) -> Result<JobStatus, TransitionError> {
        let (job, step) = (job.clone(), step.clone());
        let taken = self
            .writer
            .write(move |tables| tables.transition(&job, &step));
        taken.await?.map_err(|refused| match refused {
            NoStep::NotFound => TransitionError::NotFound,
            NoStep::Illegal(illegal) => illegal.into(),
        })
    }
}

/// A watch of a log or of a job; which one depends on where its notice comes from.
#[derive(Debug)]
struct EmbeddedWatch {
    store: EmbeddedStore,
    notice: Notice<JobId>,
}

#[async_trait]
impl LogWatch for EmbeddedWatch {
    async fn changed(&mut self) {
        self.notice.changed().await;
    }

    async fn read_after(
        &mut self,
        after: EntryId,
        limit: ReadLimit,
    ) -> Result<TailRead, StoreError> {
        let version = self.notice.version();
        let onward = self.store.onward(self.notice.key(), after, limit).await?;
        self.notice.saw(version);
        Ok(onward)
    }
}

#[async_trait]
impl JobWatch for EmbeddedWatch {
    async fn changed(&mut self) {
        self.notice.changed().await;
    }

    async fn get(&mut self) -> Result<Option<Job>, StoreError> {
        let version = self.notice.version();
        let job = self.store.job(self.notice.key()).await?;
        self.notice.saw(version);
        Ok(job)
    }
}

#[cfg(test)]
mod tests {
    use redb::{ReadableDatabase as _, ReadableTableMetadata as _};

    use super::layout::{DEAD, LINES, META};
    use super::*;

    async fn open(dir: &Path) -> Result<EmbeddedStore, OpenError> {
        EmbeddedStore::open(dir, EmbeddedOptions::default()).await
    }

    fn lines(count: usize) -> Vec<NewLine> {
        vec![NewLine::default(); count]
    }

    /// How many lines and how many forgotten logs are in the file.
    fn stored(store: &EmbeddedStore) -> (u64, u64) {
        let txn = store.shared.db.begin_read().unwrap();
        let (lines, dead) = (
            txn.open_table(LINES).unwrap(),
            txn.open_table(DEAD).unwrap(),
        );
        (lines.len().unwrap(), dead.len().unwrap())
    }

    #[tokio::test]
    async fn the_lines_of_forgotten_logs_are_removed_bit_by_bit() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await.unwrap();
        let [old, kept] = ["old", "kept"].map(|job| job.parse::<JobId>().unwrap());
        store.append(&old, &lines(9_000)).await.unwrap();
        store.append(&kept, &lines(10)).await.unwrap();
        let job = old.clone();
        let forget = store.writer.write(move |tables| tables.forget_log(&job));
        forget.await.unwrap();
        store.append(&old, &lines(3)).await.unwrap();
        while stored(&store) != (13, 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let onward = store
            .onward(&old, EntryId::ZERO, ReadLimit::lines(100))
            .await
            .unwrap();
        assert_eq!((onward.lines.len(), onward.bounds.entries_added), (3, 3));
    }

    #[tokio::test]
    async fn a_file_of_another_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await.unwrap();
        let txn = store.shared.db.begin_write().unwrap();
        txn.open_table(META).unwrap().insert("format", 7).unwrap();
        txn.commit().unwrap();
        drop(store);
        let error = open(dir.path()).await.unwrap_err();
        assert!(
            matches!(error, OpenError::OtherFormat { found: 7, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("format 7"));
    }

    #[tokio::test]
    async fn damaged_lines_are_refused_and_not_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await.unwrap();
        let job: JobId = "job".parse().unwrap();
        let ids = store.append(&job, &lines(3)).await.unwrap();
        let txn = store.shared.db.begin_write().unwrap();
        let key = layout::line_key(0, ids[1]);
        txn.open_table(LINES)
            .unwrap()
            .insert(key, b"\xffbad".as_slice())
            .unwrap();
        txn.commit().unwrap();
        let read = store
            .onward(&job, EntryId::ZERO, ReadLimit::lines(100))
            .await;
        assert!(matches!(read, Err(StoreError::Refused(_))), "{read:?}");
    }

    #[tokio::test]
    async fn a_log_at_the_greatest_id_takes_no_line() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await.unwrap();
        let job: JobId = "job".parse().unwrap();
        let last = job.clone();
        let push = store.writer.write(move |tables| {
            let mut log = tables.log_to_append(&last)?;
            tables.push(&mut log, EntryId::new(u64::MAX, u64::MAX - 1), &[0])?;
            tables.put_log(&last, &log)
        });
        push.await.unwrap();
        let refused = store.append(&job, &lines(2)).await;
        assert!(
            matches!(refused, Err(StoreError::Refused(_))),
            "{refused:?}"
        );
        assert_eq!(store.append(&job, &lines(1)).await.unwrap(), [EntryId::MAX]);
    }
}
