//! The writer of one job's log: its channels, its job, its end.

use std::fmt;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use log_domain::{JobId, JobStatus, Source};
use log_store::{JobWrites, LogAppend, LogStore, TransitionError};
use thiserror::Error;
use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::builder::LogWriterBuilder;
use crate::channel::{Channel, Input};
use crate::job::{Steps, phase_of};
use crate::lines::LineAssembler;
use crate::options::WriterOptions;
use crate::queue::{Queue, Stats};
use crate::redact::Redaction;
use crate::run::{Echo, RunError, Running};
use crate::ship::Shipper;

/// Where a writer writes to. Any store that is all of it converts: `Stores::from(Arc::new(store))`.
#[derive(Clone)]
pub struct Stores {
    /// Takes the lines.
    pub append: Arc<dyn LogAppend>,
    /// Reads them back, when the answer to an append was lost.
    pub log: Arc<dyn LogStore>,
    /// Keeps the jobs.
    pub jobs: Arc<dyn JobWrites>,
}

impl<S: LogAppend + LogStore + JobWrites> From<Arc<S>> for Stores {
    fn from(store: Arc<S>) -> Self {
        Self {
            append: Arc::clone(&store) as Arc<dyn LogAppend>,
            log: Arc::clone(&store) as Arc<dyn LogStore>,
            jobs: store,
        }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stores { .. }")
    }
}

/// How a job ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Ready,
    /// Badly, or cancelled.
    Failed,
}

impl Outcome {
    /// The status that the job ends in.
    #[must_use]
    pub const fn status(self) -> JobStatus {
        match self {
            Self::Ready => JobStatus::Ready,
            Self::Failed => JobStatus::Failed,
        }
    }
}

impl From<ExitStatus> for Outcome {
    /// Exit code 0 is ready; another code or a signal is failed.
    fn from(status: ExitStatus) -> Self {
        if status.success() {
            Self::Ready
        } else {
            Self::Failed
        }
    }
}

/// Some lines were still waiting for the store when a flush gave up. They are not lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{waiting} lines still wait for the log store")]
pub struct FlushError {
    /// How many.
    pub waiting: u64,
}

/// The log has ended, but the job could not be moved to its end.
#[derive(Debug, Error)]
#[error("the job did not end: {source}")]
pub struct FinishError {
    /// Why.
    pub source: TransitionError,
    /// What became of the lines.
    pub stats: Stats,
}

/// Tells how a writer is doing, to its end and beyond.
#[derive(Debug, Clone)]
pub struct Monitor(Arc<Queue>);

impl Monitor {
    /// What became of the lines so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }
}

/// Writes the log of one job.
///
/// Everything that is written goes through a bounded buffer to a task that appends it in batches, so a slow or
/// absent store never blocks the build for longer than [`crate::BufferOptions::max_block`]. End a writer with
/// [`LogWriter::finish`]; one that is dropped still ships what waits, in the background, and leaves the job as
/// it is.
#[derive(Debug)]
pub struct LogWriter {
    job: JobId,
    stores: Stores,
    options: WriterOptions,
    redaction: Redaction,
    queue: Arc<Queue>,
    /// The channels that are open, so that a flush and the end can let go the lines that they hold.
    inputs: Mutex<Vec<Weak<Input>>>,
    /// Where the writer was started.
    runtime: Handle,
    /// The task that appends. Ends by itself once the queue is closed.
    shipper: Option<JoinHandle<()>>,
}

impl LogWriter {
    /// Begins a writer for the log of a job.
    pub fn builder(job: JobId, stores: impl Into<Stores>) -> LogWriterBuilder {
        LogWriterBuilder::new(job, stores.into())
    }

    pub(crate) fn start(
        job: JobId,
        stores: Stores,
        options: WriterOptions,
        redaction: Redaction,
        phase: Option<&str>,
    ) -> Self {
        let runtime = Handle::current();
        let queue = Arc::new(Queue::new(options.buffer, options.batch));
        queue.set_phase(phase);
        let shipper = Shipper {
            queue: Arc::clone(&queue),
            append: Arc::clone(&stores.append),
            log: Arc::clone(&stores.log),
            job: job.clone(),
            retry: options.retry,
            position: None,
        };
        Self {
            job,
            stores,
            options,
            redaction,
            queue,
            inputs: Mutex::default(),
            shipper: Some(runtime.spawn(shipper.run())),
            runtime,
        }
    }

    /// A channel for standard output. Several may be open, each with a state of its own.
    #[must_use]
    pub fn stdout(&self) -> Channel {
        self.channel(Source::Stdout)
    }

    /// A channel for standard error.
    #[must_use]
    pub fn stderr(&self) -> Channel {
        self.channel(Source::Stderr)
    }

    /// Writes a text of the producer itself, as one `system` line or more.
    pub async fn system(&self, text: &str) {
        let mut lines = Vec::new();
        let mut assembler = self.assembler();
        assembler.push(text.as_bytes(), Duration::ZERO, |line| {
            lines.push(line);
        });
        assembler.finish(|line| lines.push(line));
        let admission = self.queue.admit().await;
        self.queue.push(admission, Source::System, lines);
    }

    /// Sets the phase that the lines from now on carry; existing producers use `scaffold`, `code`, `install` and
    /// `checks`.
    pub fn set_phase(&self, phase: Option<&str>) {
        self.queue.set_phase(phase);
    }

    /// Moves the job one step on, sets the phase that goes with its new status, if one does, and says so with a
    /// `system` line.
    ///
    /// # Errors
    /// The step is not allowed from where the job is, there is no such job, or the store refuses or stays away for
    /// longer than [`crate::RetryOptions::give_up`]. No line is written then.
    pub async fn enter(&self, status: JobStatus, message: &str) -> Result<(), TransitionError> {
        let phase = phase_of(&status);
        let said = self.redaction.apply(message);
        self.steps().step(status, &said).await?;
        if phase.is_some() {
            self.set_phase(phase);
        }
        self.system(message).await;
        Ok(())
    }

    /// Runs a command with both its outputs going into the log, and returns when it has ended and all it wrote is
    /// on its way. What its standard input is, and whether it outlives a dropped future, stay as the command says.
    ///
    /// A process that the command leaves behind with its output open is waited for while it writes, at most 5 s;
    /// what it writes later still becomes lines until the writer ends.
    ///
    /// # Errors
    /// The command cannot be started or waited for.
    pub async fn run(&self, command: Command) -> Result<ExitStatus, RunError> {
        self.spawn(command, Echo::default())?.wait().await
    }

    /// Starts a command as [`LogWriter::run`] does, for whoever shows its output as well, or sends it signals.
    ///
    /// # Errors
    /// The command cannot be started.
    pub fn spawn(&self, command: Command, echo: Echo) -> Result<Running, RunError> {
        Running::start(command, (self.stdout(), self.stderr()), echo)
    }

    /// Waits until every line so far stands in the log.
    ///
    /// # Errors
    /// The store stayed away for longer than [`crate::RetryOptions::give_up`]; the lines still wait. Lines that
    /// were lost are no error here, see [`LogWriter::stats`].
    pub async fn flush(&self) -> Result<(), FlushError> {
        self.settle();
        let deadline = Instant::now() + self.options.retry.give_up;
        if self.queue.flushed(deadline).await {
            return Ok(());
        }
        let waiting = self.queue.stats().waiting;
        Err(FlushError { waiting })
    }

    /// What became of the lines so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }

    /// What [`LogWriter::stats`] says, for whoever looks on while [`LogWriter::finish`] has the writer.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor(Arc::clone(&self.queue))
    }

    /// Ends the log, then the job: everything that waits is appended, then the job walks the allowed steps from where
    /// it is to its end. A job that never ends is worse than a missing line, so the steps are taken also where the
    /// store did not take the last lines; [`Stats::lost`] says how many.
    ///
    /// Takes at most twice [`crate::RetryOptions::give_up`]. Lines of channels that are still open are not part
    /// of the log.
    ///
    /// # Errors
    /// No chain of allowed steps leads to the outcome: the job has ended otherwise, say, and stays as it is. Or
    /// there is no such job, or the store refuses or stays away.
    pub async fn finish(
        mut self,
        outcome: impl Into<Outcome>,
        message: &str,
    ) -> Result<Stats, FinishError> {
        let status = outcome.into().status();
        self.settle();
        self.queue.close();
        if let Some(shipper) = self.shipper.take() {
            // It ends by itself; a panic of the store has left its lines counted as lost.
            let _ = shipper.await;
        }
        let stats = self.queue.stats();
        let message = self.redaction.apply(message);
        match self.steps().walk(status, &message).await {
            Ok(()) => Ok(stats),
            Err(source) => Err(FinishError { source, stats }),
        }
    }

    fn channel(&self, source: Source) -> Channel {
        let queue = Arc::clone(&self.queue);
        let input = Arc::new(Input::new(
            queue,
            source,
            self.assembler(),
            self.runtime.clone(),
        ));
        let mut inputs = self.inputs();
        inputs.retain(|input| input.strong_count() > 0);
        inputs.push(Arc::downgrade(&input));
        Channel::new(input)
    }

    fn assembler(&self) -> LineAssembler {
        LineAssembler::with_redaction(self.options.lines, &self.redaction)
    }

    /// Lets go the complete lines that open channels hold.
    fn settle(&self) {
        for input in self.inputs().iter().filter_map(Weak::upgrade) {
            input.settle();
        }
    }

    fn inputs(&self) -> MutexGuard<'_, Vec<Weak<Input>>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn steps(&self) -> Steps<'_> {
        Steps {
            jobs: &*self.stores.jobs,
            job: &self.job,
            retry: &self.options.retry,
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.settle();
        self.queue.close();
    }
}
