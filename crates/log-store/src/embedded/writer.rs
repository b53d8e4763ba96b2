//! The one thread that writes: operations that wait are committed together.
//!
//! Each commit costs one sync of the disk, whatever its size. So the writer takes all waiting operations, runs them in one
//! transaction, and answers when that is on disk. Many producers share one sync.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::error::{Closing, Failure};
use super::inner::EmbeddedInner;
use super::tables::{Change, Tables};

/// The most operations in one transaction.
const MAX_GROUP: usize = 256;

/// The most bytes of lines in one transaction, except where one operation has more.
const MAX_GROUP_BYTES: usize = 4 * 1024 * 1024;

/// What an operation without lines counts as.
const SMALL: usize = 1024;

/// How long after a failure the file is opened again, and again if that fails.
const OPEN_AGAIN: Duration = Duration::from_secs(1);

/// How many operations may wait. Further callers wait for room in the queue.
const QUEUE: usize = 1024;

/// How often expired logs and jobs are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// The most lines of deleted logs that one transaction removes. That takes a few milliseconds.
const GARBAGE_LINES: usize = 2_000;

/// The queue to the writing thread. The thread ends after the queue is dropped and empty.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Box<dyn Operation>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(inner: Arc<EmbeddedInner>) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        // Its own clock: sweeps depend neither on the caller's runtime nor on a paused clock.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        std::thread::Builder::new()
            .name("log-store-writer".into())
            .spawn(move || {
                let _report = PanicReport;
                runtime.block_on(run(&inner, waiting));
            })?;
        Ok(Self { queue })
    }

    /// Runs an operation in a transaction, and returns its result when that is on disk. An operation that is in the queue
    /// is run even if its caller goes away.
    pub(super) async fn write<T, F>(&self, operation: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, redb::Error> + Send + 'static,
    {
        self.write_lines(SMALL, operation).await
    }

    /// Runs an operation that writes lines of so many bytes.
    pub(super) async fn write_lines<T, F>(&self, bytes: usize, operation: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, redb::Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let operation = PendingWrite {
            bytes,
            operation: Some(operation),
            value: None,
            reply,
        };
        let sent = self.queue.send(Box::new(operation)).await;
        sent.map_err(|_| Closing)?;
        answer.await.map_err(|_| Closing)?
    }
}

/// Logs that the thread panicked. Later operations fail, because nobody takes them.
struct PanicReport;

impl Drop for PanicReport {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!("the writer of the log store panicked");
        }
    }
}

/// An operation and its caller.
trait Operation: Send {
    /// Runs it. An error ends the transaction for all operations in it.
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error>;

    /// About how many bytes it writes.
    fn bytes(&self) -> usize;

    /// Answers the caller.
    fn answer(self: Box<Self>, committed: Result<(), Arc<redb::Error>>);
}

struct PendingWrite<T, F> {
    bytes: usize,
    /// `None` after it ran.
    operation: Option<F>,
    /// Its result.
    value: Option<T>,
    reply: oneshot::Sender<Result<T, Failure>>,
}

impl<T, F> Operation for PendingWrite<T, F>
where
    T: Send,
    F: FnOnce(&mut Tables<'_>) -> Result<T, redb::Error> + Send,
{
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error> {
        if let Some(operation) = self.operation.take() {
            self.value = Some(operation(tables)?);
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn answer(self: Box<Self>, committed: Result<(), Arc<redb::Error>>) {
        let Self { value, reply, .. } = *self;
        let committed = committed.map_err(Failure::from);
        // The caller may have gone away.
        reply
            .send(committed.and_then(|()| value.ok_or_else(|| Closing.into())))
            .ok();
    }
}

async fn run(inner: &EmbeddedInner, mut waiting: mpsc::Receiver<Box<dyn Operation>>) {
    let mut next_sweep = Instant::now();
    let mut has_garbage = true;
    let mut open_at = next_sweep;
    loop {
        let mut operations = Vec::new();
        let idle_until = if has_garbage {
            Instant::now()
        } else if inner.file.is_open() {
            next_sweep
        } else {
            Instant::now() + OPEN_AGAIN
        };
        if let Ok(0) = timeout_at(idle_until, waiting.recv_many(&mut operations, MAX_GROUP)).await {
            return;
        }
        if !inner.file.is_open() && Instant::now() >= open_at {
            open_at = Instant::now() + OPEN_AGAIN;
            match inner.file.open_again() {
                Ok(()) => tracing::warn!("log_store.opened_again"),
                Err(error) => tracing::error!(%error, "log_store.cannot_be_opened_again"),
            }
        }
        let mut sweeping = Instant::now() >= next_sweep;
        if sweeping {
            next_sweep = Instant::now() + SWEEP_EVERY;
        }
        for group in groups(operations) {
            has_garbage = commit(inner, group, std::mem::take(&mut sweeping));
        }
    }
}

type Group = Vec<Box<dyn Operation>>;

/// Operations that are committed together: all of them, unless they write too much. At least one group, which may be empty.
fn groups(operations: Group) -> Vec<Group> {
    let (mut groups, mut group, mut bytes) = (Vec::new(), Vec::new(), 0);
    for operation in operations {
        let own = operation.bytes();
        if bytes + own > MAX_GROUP_BYTES && !group.is_empty() {
            groups.push(std::mem::take(&mut group));
            bytes = 0;
        }
        bytes += own;
        group.push(operation);
    }
    groups.push(group);
    groups
}

/// Runs a group of operations and the housekeeping in one transaction. True if lines of deleted logs are left.
fn commit(inner: &EmbeddedInner, mut group: Group, sweeping: bool) -> bool {
    let bytes = group.iter().map(|operation| operation.bytes()).sum();
    let full = inner.file.check_room(bytes).err();
    let is_full = full.is_some();
    let done = full.map_or_else(|| transact(inner, &mut group, sweeping), Err);
    let (has_garbage, committed) = match done {
        Ok((has_garbage, changes)) => {
            inner.notify(&changes);
            (has_garbage, Ok(()))
        }
        Err(error) => {
            let error = Arc::new(error);
            if !is_full && inner.file.is_open() {
                tracing::error!(%error, operations = group.len(), "log_store.commit_failed");
                close_failed(inner, &error);
            }
            (false, Err(error))
        }
    };
    for operation in group {
        operation.answer(committed.clone());
    }
    has_garbage
}

fn transact(
    inner: &EmbeddedInner,
    group: &mut Group,
    sweeping: bool,
) -> Result<(bool, Vec<Change>), redb::Error> {
    inner.transact(|tables| {
        for operation in group {
            operation.run(tables)?;
        }
        if sweeping {
            tables.sweep()?;
        }
        tables.make_room()?;
        tables.collect_garbage(GARBAGE_LINES)
    })
}

/// After a failure of the disk, redb refuses everything: the file is closed, and opened again in a second.
fn close_failed(inner: &EmbeddedInner, error: &redb::Error) {
    if matches!(error, redb::Error::Io(_) | redb::Error::PreviousIo) {
        inner.file.close();
    }
}
