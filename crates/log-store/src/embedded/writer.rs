//! The one thread that writes: what waits is committed together.
//!
//! A commit costs a sync of the disk, whatever it holds. So the writer takes all that waits, does it in one
//! transaction, and answers when that is on disk: many producers share one sync, and a lone one waits for one.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::error::{Closing, Failure};
use super::tables::{Change, Tables};

/// Most operations in one transaction.
const MAX_GROUP: usize = 256;

/// How many operations may wait before callers wait to hand theirs in.
const QUEUE: usize = 1024;

/// How often logs and jobs past their life are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Most lines of forgotten logs that one transaction removes: a few milliseconds.
const BURY: usize = 2_000;

/// The queue to the writing thread, which ends with it.
#[derive(Debug)]
pub(super) struct Writer {
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<Box<dyn Work>>>,
    /// `None` only while it is dropped.
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        // Time of its own: sweeps depend neither on the caller's runtime nor on its clock.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("log-store-writer".into())
            .spawn(move || runtime.block_on(run(&shared, waiting)))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Does something in a transaction, and returns what it came to once that is on disk. A caller that goes away
    /// does not undo what it handed in.
    pub(super) async fn write<T, F>(&self, operation: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tables<'_>) -> Result<T, redb::Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work = Operation {
            operation: Some(operation),
            value: None,
            reply,
        };
        let queue = self.queue.as_ref().ok_or(Closing)?;
        queue.send(Box::new(work)).await.map_err(|_| Closing)?;
        answer.await.map_err(|_| Closing)?
    }
}

impl Drop for Writer {
    /// Waits until the writer has done what it was given: the file is free when the store is gone.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the log store panicked");
        }
    }
}

/// An operation and its caller.
trait Work: Send {
    /// Does it. An error ends the transaction, for all who share it.
    fn run(&mut self, tables: &mut Tables<'_>) -> Result<(), redb::Error>;

    /// Tells the caller.
    fn answer(self: Box<Self>, committed: Result<(), Arc<redb::Error>>);
}

struct Operation<T, F> {
    /// Taken by its run.
    operation: Option<F>,
    /// What it came to.
    value: Option<T>,
    reply: oneshot::Sender<Result<T, Failure>>,
}

impl<T, F> Work for Operation<T, F>
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
        // A caller that has gone does not want to know.
        reply
            .send(committed.and_then(|()| value.ok_or_else(|| Closing.into())))
            .ok();
    }
}

async fn run(shared: &Shared, mut waiting: mpsc::Receiver<Box<dyn Work>>) {
    let mut next_sweep = Instant::now();
    let mut unburied = true;
    loop {
        let mut group = Vec::new();
        let idle_until = if unburied { Instant::now() } else { next_sweep };
        if let Ok(0) = timeout_at(idle_until, waiting.recv_many(&mut group, MAX_GROUP)).await {
            return;
        }
        let sweeping = Instant::now() >= next_sweep;
        if sweeping {
            next_sweep = Instant::now() + SWEEP_EVERY;
        }
        unburied = commit(shared, group, sweeping);
    }
}

/// Does a group's operations and the housekeeping in one transaction; true where lines of forgotten logs are left.
fn commit(shared: &Shared, mut group: Vec<Box<dyn Work>>, sweeping: bool) -> bool {
    let done = transact(shared, |tables| {
        for work in &mut group {
            work.run(tables)?;
        }
        if sweeping {
            tables.sweep()?;
        }
        tables.bury(BURY)
    });
    let (unburied, committed) = match done {
        Ok((unburied, changes)) => {
            shared.tell(&changes);
            (unburied, Ok(()))
        }
        Err(error) => {
            let error = Arc::new(error);
            tracing::error!(%error, operations = group.len(), "log_store.commit_failed");
            (false, Err(error))
        }
    };
    for work in group {
        work.answer(committed.clone());
    }
    unburied
}

/// Runs `work` in one transaction, and commits it where it changed anything.
pub(super) fn transact<T>(
    shared: &Shared,
    work: impl FnOnce(&mut Tables<'_>) -> Result<T, redb::Error>,
) -> Result<(T, Vec<Change>), redb::Error> {
    let txn = shared.db.begin_write()?;
    let mut tables = Tables::open(&txn, shared.options)?;
    let value = work(&mut tables)?;
    let (dirty, changes) = (tables.dirty, std::mem::take(&mut tables.changes));
    drop(tables);
    if dirty {
        txn.commit()?;
    } else {
        txn.abort()?;
    }
    Ok((value, changes))
}
