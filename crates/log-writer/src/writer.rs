//! The writer of one job's log: its channels, its job, its end.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use log_domain::{JobId, JobStatus, Source};
use log_store::{ClaimError, RunClaims, TransitionError};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::error;

use crate::channel::{Channel, Input};
use crate::claim::RunClaim;
use crate::job::{JobOwner, phase_for_status};
use crate::leftovers::{LeftoverReaders, Leftovers};
use crate::lines::LineAssembler;
use crate::options::WriterOptions;
use crate::outcome::{FinishError, FlushError, Outcome, ScopeError};
use crate::queue::{Queue, Stats, Text};
use crate::shipper::{AfterFailover, Shipper};
use crate::stores::Stores;
use log_redact::{AddSecretError, Redaction};

/// The last line of a log whose end does not wait for a process that the command left behind.
const HELD_OPEN: &str = "A process that the command left behind holds its output open; what it writes from now on is not in this log";

/// The message of a job whose writer was dropped.
const DROPPED: &str = "the worker stopped before the job had ended";

/// Reports what happens to a writer's lines, even after the writer has ended.
#[derive(Debug, Clone)]
pub struct Monitor(Arc<Queue>);

impl Monitor {
    /// What has happened to the lines so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}

/// Writes the log of one job.
///
/// Lines go into a bounded buffer, and a background task appends them in batches. So a slow or unreachable store never
/// blocks the build for longer than [`crate::BufferOptions::max_block`].
///
/// End a writer with [`LogWriter::finish`]. If a writer is dropped instead, for example by a `?`, the background task still
/// appends the lines that wait, for at most [`crate::RetryOptions::give_up_after`]. Then a job that belongs to the writer
/// ([`LogWriter::claim`], [`LogWriter::scope`]) ends `failed`. Another job keeps its status, because other writers may work
/// on it.
#[derive(Debug)]
pub struct LogWriter {
    job: JobId,
    stores: Stores,
    options: WriterOptions,
    /// What is hidden now. Whoever opens a channel, or changes this, holds the lock until the channel knows it.
    redaction: Mutex<Redaction>,
    queue: Arc<Queue>,
    /// The open channels. A flush and the end release the lines that they hold back.
    inputs: Mutex<Vec<Weak<Input>>>,
    /// The runtime that the writer was started on.
    pub(crate) runtime: Handle,
    /// The task that appends. It ends by itself after the queue is closed. `finish` waits for it; a dropped writer does
    /// not.
    shipper: Option<JoinHandle<()>>,
    /// The outputs of processes which outlive their command, and the tasks that read them. A task ends when its process
    /// closes the pipe. Nobody waits for it: such a process may run for ever.
    pub(crate) leftovers: LeftoverReaders,
    /// The claim of the job, if the writer has claimed it. It ends with the job, or with the writer.
    claim: Mutex<Option<Arc<RunClaim>>>,
    /// Whether the job ends `failed` if the writer is dropped.
    fails_on_drop: AtomicBool,
}

impl LogWriter {
    pub(crate) fn start(
        job: JobId,
        stores: Stores,
        options: WriterOptions,
        redaction: Redaction,
        runtime: Handle,
    ) -> Self {
        let queue = Arc::new(Queue::new(options.buffer, options.batch));
        let shipper = Shipper {
            queue: Arc::clone(&queue),
            append: Arc::clone(&stores.append),
            log: Arc::clone(&stores.log),
            job: job.clone(),
            retry: options.retry,
            position: None,
            after_failover: AfterFailover::default(),
        };
        Self {
            job,
            stores,
            options,
            redaction: Mutex::new(redaction),
            queue,
            inputs: Mutex::default(),
            shipper: Some(runtime.spawn(shipper.run())),
            runtime,
            leftovers: LeftoverReaders::default(),
            claim: Mutex::default(),
            fails_on_drop: AtomicBool::new(false),
        }
    }

    /// Claims the job for this writer, before the work begins. From then on no other run gets the job, the writer takes its
    /// steps only as long as the job is its own, and a writer that is dropped ends the job as `failed`. If this process dies,
    /// whoever serves the job notices that, and ends it `failed` with the message [`log_store::WORKER_LOST`].
    ///
    /// While the store cannot be reached, this tries again, for at most [`crate::RetryOptions::give_up_after`].
    ///
    /// # Errors
    /// Another run has the job, the job has ended, or there is no such job. Or the store refuses, or cannot be reached.
    pub async fn claim(&self, claims: Arc<dyn RunClaims>) -> Result<(), ClaimError> {
        let claim = RunClaim::new(claims, &self.job, &self.options.retry, &self.runtime).await?;
        *self.claim.lock() = Some(Arc::new(claim));
        self.fails_on_drop.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Opens a channel for standard output. There may be several, each with its own state.
    #[must_use]
    pub fn stdout(&self) -> Channel {
        self.channel(Source::Stdout)
    }

    /// Opens a channel for standard error.
    #[must_use]
    pub fn stderr(&self) -> Channel {
        self.channel(Source::Stderr)
    }

    /// Writes a message of the producer itself, as one or more `system` lines.
    pub async fn system(&self, text: &str) {
        let mut lines = Vec::new();
        let redaction = self.redaction.lock().clone();
        let mut assembler = LineAssembler::with_redaction(self.options.lines, &redaction);
        assembler.push(text.as_bytes(), Duration::ZERO, |line| {
            lines.push(Text::ended(line));
        });
        assembler.finish(|line| lines.push(Text::ended(line)));
        let admission = self.queue.admit().await;
        self.queue.push(admission, &Source::System, lines);
    }

    /// Hides one more secret, from now on: in all lines that have not ended yet, and in those that are held back. Lines that
    /// have been handed to the store, or wait for it, stay as they are; so register a secret before anything can print it.
    /// Everything that [`Redaction::builder`] says of secrets holds for it, too.
    ///
    /// This compiles all registered secrets again, in a time that is linear in their length.
    ///
    /// # Errors
    /// The secret would be found in every log by chance, or is too long, or there are too many. Then it is not hidden.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use log_store::MemoryStore;
    /// # use log_writer::LogWriter;
    /// # use tokio::io::AsyncWriteExt as _;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let job = "build-1".parse()?;
    /// let writer = LogWriter::builder(job, Arc::new(MemoryStore::new())).start()?;
    /// let mut out = writer.stdout();
    /// writer.add_secret("k8Rt2x9-of-this-run")?;
    /// out.write_all(b"uses k8Rt2x9-of-this-run\n").await?; // uses [REDACTED]
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_secret(&self, secret: &str) -> Result<(), AddSecretError> {
        let mut redaction = self.redaction.lock();
        *redaction = redaction.with_secret(secret)?;
        for input in self.inputs.lock().iter().filter_map(Weak::upgrade) {
            input.set_redaction(&redaction);
        }
        drop(redaction);
        Ok(())
    }

    /// Sets the phase of all following lines. Existing producers use `scaffold`, `code`, `install` and `checks`.
    pub fn set_phase(&self, phase: Option<&str>) {
        self.queue.set_phase(phase);
    }

    /// Moves the job one step to a status. Also sets the phase that belongs to the status, if there is one, and writes
    /// the message as a `system` line.
    ///
    /// # Errors
    /// The step is not allowed from the job's current status, there is no such job, the store refuses, or the store
    /// cannot be reached for longer than [`crate::RetryOptions::give_up_after`]. In these cases no line is written.
    pub async fn enter(&self, status: JobStatus, message: &str) -> Result<(), TransitionError> {
        let phase = phase_for_status(&status);
        let redacted = self.redaction.lock().apply(message);
        if let Some(owner) = self.job_owner() {
            owner.steps().step(status, &redacted).await?;
        }
        if phase.is_some() {
            self.set_phase(phase);
        }
        self.system(message).await;
        Ok(())
    }

    /// The outputs that processes which a command left behind hold open.
    #[must_use]
    pub fn leftovers(&self) -> Leftovers {
        self.leftovers.outputs.clone()
    }

    /// Waits until every line so far is in the log.
    ///
    /// # Errors
    /// The store could not be reached for longer than [`crate::RetryOptions::give_up_after`]. The lines still wait.
    /// Lost lines are no error here; see [`LogWriter::stats`].
    pub async fn flush(&self) -> Result<(), FlushError> {
        self.release_held_lines();
        let deadline = Instant::now() + self.options.retry.give_up_after;
        if self.queue.flushed(deadline).await {
            return Ok(());
        }
        let waiting = self.queue.stats().waiting;
        Err(FlushError { waiting })
    }

    /// What has happened to the lines so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// The same numbers as [`LogWriter::stats`], also available while [`LogWriter::finish`] runs.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor(Arc::clone(&self.queue))
    }

    /// Does some work, and ends the job whatever becomes of it. If the work fails, its error is the last line of the log and
    /// the message of the job, which ends `failed`. If this future is dropped, the job ends `failed`, too.
    ///
    /// # Errors
    /// The work fails; or [`LogWriter::finish`] does.
    pub async fn scope<T, E>(
        self,
        message: &str,
        work: impl AsyncFnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, ScopeError<E>>
    where
        T: Clone + Into<Outcome>,
        E: Display,
    {
        self.fails_on_drop.store(true, Ordering::Relaxed);
        let error = match work(&self).await {
            Ok(done) => {
                self.finish(done.clone(), message).await?;
                return Ok(done);
            }
            Err(error) => error,
        };
        let text = error.to_string();
        self.system(&text).await;
        let job = self.job.clone();
        if let Err(error) = self.finish(Outcome::Failed, &text).await {
            error!(%job, %error, "the job of work that failed did not end");
        }
        Err(ScopeError::Work(error))
    }

    /// Ends the log, then the job. Appends all lines that wait, then moves the job through the allowed steps to its final
    /// status. If a process that a command left behind still holds its output open, the last line says so.
    ///
    /// A job that never ends is worse than a missing line. So the job ends even if the store did not take the last lines;
    /// [`Stats::lost`] says how many.
    ///
    /// Takes at most twice [`crate::RetryOptions::give_up_after`]. Unfinished lines of channels that are still open are
    /// not part of the log.
    ///
    /// # Errors
    /// No allowed steps lead to the outcome, for example because the job has already ended, or the outcome is a status that
    /// ends no job. Or there is no such job, the store refuses, or it cannot be reached.
    pub async fn finish(
        mut self,
        outcome: impl Into<Outcome>,
        message: &str,
    ) -> Result<Stats, FinishError> {
        let status = outcome.into().status();
        // From here on, a dropped future leaves the job as it is: its outcome is known, and is not `failed`.
        self.fails_on_drop.store(false, Ordering::Relaxed);
        self.release_held_lines();
        if !self.leftovers.outputs.is_empty() {
            self.system(HELD_OPEN).await;
        }
        self.queue.close();
        wait_for_shipper(self.shipper.take(), &self.job).await;
        let stats = self.queue.stats();
        let message = self.redaction.lock().apply(message);
        let Some(owner) = self.job_owner() else {
            return Ok(stats);
        };
        match owner.steps().end(status, &message).await {
            Ok(()) => Ok(stats),
            Err(source) => Err(FinishError { source, stats }),
        }
    }

    fn channel(&self, source: Source) -> Channel {
        let redaction = self.redaction.lock();
        let assembler = LineAssembler::with_redaction(self.options.lines, &redaction);
        let queue = Arc::clone(&self.queue);
        let input = Arc::new(Input::new(queue, source, assembler, self.runtime.clone()));
        let mut inputs = self.inputs.lock();
        inputs.retain(|input| input.strong_count() > 0);
        inputs.push(Arc::downgrade(&input));
        drop(redaction);
        Channel::new(input)
    }

    /// Releases the complete lines that open channels hold back.
    fn release_held_lines(&self) {
        for input in self.inputs.lock().iter().filter_map(Weak::upgrade) {
            input.release_held_lines();
        }
    }

    /// The job and who moves it. `None` if jobs are kept elsewhere.
    fn job_owner(&self) -> Option<JobOwner> {
        Some(JobOwner {
            jobs: Arc::clone(self.stores.jobs.as_ref()?),
            claim: self.claim.lock().clone(),
            job: self.job.clone(),
            retry: self.options.retry,
        })
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.release_held_lines();
        self.queue.close();
        if !*self.fails_on_drop.get_mut() {
            return;
        }
        let shipper = self.shipper.take();
        if let Some(owner) = self.job_owner() {
            // Nobody waits for this task. If the runtime ends before it, the claim of the job lapses.
            self.runtime.spawn(async move {
                wait_for_shipper(shipper, &owner.job).await;
                if let Err(error) = owner.steps().walk(JobStatus::FAILED, DROPPED).await {
                    error!(job = %owner.job, %error, "the job of a dropped writer did not end");
                }
            });
        }
    }
}

/// Waits until all lines are appended or lost.
async fn wait_for_shipper(shipper: Option<JoinHandle<()>>, job: &JobId) {
    if let Some(shipper) = shipper
        && let Err(error) = shipper.await
    {
        // The queue has counted its lines as lost.
        error!(%job, %error, "the task that appends lines failed");
    }
}
