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
use super::tables::Tables;

/// The most operations in one transaction.
const MAX_GROUP: usize = 256;

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
        let (reply, answer) = oneshot::channel();
        let operation = PendingWrite {
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

    /// Answers the caller.
    fn answer(self: Box<Self>, committed: Result<(), Arc<redb::Error>>);
}

struct PendingWrite<T, F> {
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
    loop {
        let mut group = Vec::new();
        let idle_until = if has_garbage {
            Instant::now()
        } else {
            next_sweep
        };
        if let Ok(0) = timeout_at(idle_until, waiting.recv_many(&mut group, MAX_GROUP)).await {
            return;
        }
        let sweeping = Instant::now() >= next_sweep;
        if sweeping {
            next_sweep = Instant::now() + SWEEP_EVERY;
        }
        has_garbage = commit(inner, group, sweeping);
    }
}

/// Runs a group of operations and the housekeeping in one transaction. True if lines of deleted logs are left.
fn commit(inner: &EmbeddedInner, mut group: Vec<Box<dyn Operation>>, sweeping: bool) -> bool {
    let done = inner.transact(|tables| {
        for operation in &mut group {
            operation.run(tables)?;
        }
        if sweeping {
            tables.sweep()?;
        }
        tables.collect_garbage(GARBAGE_LINES)
    });
    let (has_garbage, committed) = match done {
        Ok((has_garbage, changes)) => {
            inner.notify(&changes);
            (has_garbage, Ok(()))
        }
        Err(error) => {
            let error = Arc::new(error);
            tracing::error!(%error, operations = group.len(), "log_store.commit_failed");
            (false, Err(error))
        }
    };
    for operation in group {
        operation.answer(committed.clone());
    }
    has_garbage
}
