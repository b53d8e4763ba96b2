//! The embedded store: opening it, closing it, reading from it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use log_domain::{EntryId, Job, JobId, ReadLimit};
use redb::DatabaseError;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::error::{Closing, Failure, OpenError};
use super::file::File;
use super::inner::EmbeddedInner;
use super::layout::{FORMAT, JobRecord};
use super::options::EmbeddedOptions;
use super::read::Snapshot;
use super::writer::Writer;
use crate::error::StoreError;
use crate::lines::TailRead;
use crate::notice::Notices;

/// Logs and jobs in a directory of this machine, for a small installation, the demo and tests.
///
/// **When an append returns**, its lines are on disk (synced). They survive a killed process and a loss of power. Appends
/// that wait for the disk are committed together. While the disk is full, writes fail
/// ([`StoreUnavailable`](crate::StoreUnavailable)), and reads go on. After a disk has failed, the file is opened again, once
/// a second until that succeeds; until then everything fails.
///
/// Ids are the wall clock's milliseconds and never go back, as in Redis. Old logs and jobs are removed once a minute. There
/// is no connection that can be lost: the deadline of R4 is that of the disk.
///
/// Clones share one store. It ends when the last clone and the last watch are dropped. A drop does not wait: the writer
/// finishes what it was given and then closes the file. [`EmbeddedStore::close`] waits for that; then the directory can be
/// opened again.
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
/// let line = NewLine::new("Compiling");
/// let ids = store.append(&job, &[line]).await?;
///
/// let tail = store.read_after(&job, EntryId::ZERO, ReadLimit::lines(100)).await?;
/// assert_eq!(tail.lines[0].id, ids[0]);
/// assert_eq!(tail.lines[0].text.as_deref(), Some("Compiling"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct EmbeddedStore {
    /// Before `writer`: when the last writer handle is dropped, the writing thread has the last reference, so it is the
    /// thread that closes the file.
    pub(super) inner: Arc<EmbeddedInner>,
    pub(super) writer: Arc<Writer>,
    /// Cancelled when the file is closed.
    closed: CancellationToken,
}

impl EmbeddedStore {
    /// Opens the store in a directory. A missing directory is created, readable only for its owner. After a kill the whole
    /// file is checked first, which takes about a second for each 200 MB.
    ///
    /// # Errors
    /// See [`OpenError`]. A directory can be open only once.
    pub async fn open(dir: impl AsRef<Path>, options: EmbeddedOptions) -> Result<Self, OpenError> {
        let dir = dir.as_ref().to_owned();
        let opening = dir.clone();
        let runtime = Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
        runtime
            .spawn_blocking(move || Self::open_blocking(opening, options))
            .await
            .unwrap_or_else(|_| Err(backend(&dir)(Closing)))
    }

    fn open_blocking(dir: PathBuf, options: EmbeddedOptions) -> Result<Self, OpenError> {
        make_private(&dir).map_err(backend(&dir))?;
        let file = match File::open(dir.clone(), options.cache_bytes) {
            Ok(file) => file,
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(OpenError::InUse { dir }),
            Err(error) => return Err(backend(&dir)(error)),
        };
        let closed = CancellationToken::new();
        let inner = EmbeddedInner {
            file,
            options,
            logs: Notices::default(),
            jobs: Notices::default(),
            access: Notices::default(),
            _closed: closed.clone().drop_guard(),
        };
        let format = inner.transact(|tables| tables.format(FORMAT));
        let (found, _) = format.map_err(backend(&dir))?;
        if found != FORMAT {
            return Err(OpenError::OtherFormat { dir, found });
        }
        let counted = inner.transact(|tables| tables.count_lines_once());
        counted.map_err(backend(&dir))?;
        let inner = Arc::new(inner);
        let writer = Writer::start(Arc::clone(&inner)).map_err(backend(&dir))?;
        Ok(Self {
            inner,
            writer: Arc::new(writer),
            closed,
        })
    }

    /// Ends this clone and waits until the file is closed. That needs all other clones and watches to be dropped, too.
    pub async fn close(self) {
        let closed = self.closed();
        drop(self);
        closed.cancelled().await;
    }

    /// Is cancelled when the file is closed: when the last clone and the last watch are dropped, and the writer is done.
    /// For a service that cannot say who holds the last clone.
    #[must_use]
    pub fn closed(&self) -> CancellationToken {
        self.closed.clone()
    }

    /// Reads a snapshot, on a thread for blocking work.
    pub(super) async fn snapshot<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot) -> Result<T, redb::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let reading = move || Snapshot::take(&inner.file).and_then(|snapshot| read(&snapshot));
        let read = tokio::task::spawn_blocking(reading).await;
        let read = read.map_err(|_| Failure::from(Closing))?;
        Ok(read.map_err(Failure::from)?)
    }

    pub(super) async fn job(&self, job: &JobId) -> Result<Option<Job>, StoreError> {
        Ok(self
            .record(job)
            .await?
            .map(|record| record.job(&self.inner.options.lifecycle)))
    }

    pub(super) async fn record(&self, job: &JobId) -> Result<Option<JobRecord>, StoreError> {
        let job = job.clone();
        self.snapshot(move |snapshot| snapshot.job(&job)).await
    }

    pub(super) async fn tail(
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

/// Logs are private: only the owner can read a directory that we create.
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

#[cfg(test)]
mod tests {
    use redb::ReadableTableMetadata as _;

    use crate::embedded::layout::{self, DEAD, LINES, META};
    use std::time::Duration;

    use super::*;
    use crate::{LogAppend, NewLine, StoreError};
    use log_domain::ReadLimit;

    async fn open(dir: &Path) -> Result<EmbeddedStore, OpenError> {
        EmbeddedStore::open(dir, EmbeddedOptions::default()).await
    }

    fn lines(count: usize) -> Vec<NewLine> {
        vec![NewLine::default(); count]
    }

    /// How many lines and how many deleted logs are in the file.
    fn stored(store: &EmbeddedStore) -> (u64, u64) {
        let txn = store.inner.file.begin_read().unwrap();
        let (lines, dead) = (
            txn.open_table(LINES).unwrap(),
            txn.open_table(DEAD).unwrap(),
        );
        (lines.len().unwrap(), dead.len().unwrap())
    }

    #[tokio::test]
    async fn the_lines_of_deleted_logs_are_removed_in_small_steps() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await.unwrap();
        let [old, kept] = ["old", "kept"].map(|job| job.parse::<JobId>().unwrap());
        store.append(&old, &lines(9_000)).await.unwrap();
        store.append(&kept, &lines(10)).await.unwrap();
        let job = old.clone();
        let delete = store.writer.write(move |tables| tables.delete_log(&job));
        delete.await.unwrap();
        store.append(&old, &lines(3)).await.unwrap();
        while stored(&store) != (13, 0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let tail = store
            .tail(&old, EntryId::ZERO, ReadLimit::lines(100))
            .await
            .unwrap();
        assert_eq!((tail.lines.len(), tail.bounds.entries_added), (3, 3));
    }

    #[tokio::test]
    async fn a_file_of_another_format_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await.unwrap();
        let txn = store.inner.file.begin_write().unwrap();
        txn.open_table(META).unwrap().insert("format", 7).unwrap();
        txn.commit().unwrap();
        store.close().await;
        let error = open(dir.path()).await.unwrap_err();
        assert!(
            matches!(error, OpenError::OtherFormat { found: 7, .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("format 7"));
    }

    #[tokio::test]
    async fn a_read_of_damaged_lines_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await.unwrap();
        let job: JobId = "job".parse().unwrap();
        let ids = store.append(&job, &lines(3)).await.unwrap();
        let txn = store.inner.file.begin_write().unwrap();
        let key = layout::line_key(0, ids[1]);
        txn.open_table(LINES)
            .unwrap()
            .insert(key, b"\xffbad".as_slice())
            .unwrap();
        txn.commit().unwrap();
        let read = store.tail(&job, EntryId::ZERO, ReadLimit::lines(100)).await;
        assert!(matches!(read, Err(StoreError::Refused(_))), "{read:?}");
    }

    #[tokio::test]
    async fn a_log_at_the_greatest_id_takes_no_more_lines() {
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

    #[tokio::test]
    async fn a_drop_does_not_wait_for_the_writer_and_close_does() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await.unwrap();
        let (enter, entered) = tokio::sync::oneshot::channel();
        let (release, released) = std::sync::mpsc::channel();
        let clone = store.clone();
        let write = tokio::spawn(async move {
            // The whole clone, not only its writer.
            let busy = clone;
            let work = move |_: &mut crate::embedded::tables::Tables<'_>| {
                enter.send(()).ok();
                released.recv().ok();
                Ok(())
            };
            busy.writer.write(work).await
        });
        entered.await.unwrap();
        let closed = store.closed();
        // The writer is busy, and this is the only thread that polls futures.
        drop(store);
        write.abort();
        assert!(!closed.is_cancelled());
        release.send(()).unwrap();
        closed.cancelled().await;
        open(dir.path()).await.unwrap();
    }
}
