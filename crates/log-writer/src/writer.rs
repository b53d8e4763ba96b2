//! The writer of one job's log: its channels, its job, its end.

use std::process::ExitStatus;
use std::sync::{Arc, Weak};
use std::time::Duration;

use log_domain::{JobId, JobStatus, Source};
use log_store::TransitionError;
use parking_lot::Mutex;
use tokio::process::Command;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::error;

use crate::channel::{Channel, Input};
use crate::job::{JobSteps, phase_for_status};
use crate::lines::LineAssembler;
use crate::options::WriterOptions;
use crate::outcome::{FinishError, FlushError, Outcome};
use crate::queue::{Queue, Stats, Text};
use crate::run::{Echo, RunError, Running};
use crate::shipper::Shipper;
use crate::stores::Stores;
use log_redact::Redaction;

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
/// End a writer with [`LogWriter::finish`]. If a writer is dropped instead, the background task still appends the lines
/// that wait, for at most [`crate::RetryOptions::give_up_after`], and the job keeps its status.
#[derive(Debug)]
pub struct LogWriter {
    job: JobId,
    stores: Stores,
    options: WriterOptions,
    redaction: Redaction,
    queue: Arc<Queue>,
    /// The open channels. A flush and the end release the lines that they hold back.
    inputs: Mutex<Vec<Weak<Input>>>,
    /// The runtime that the writer was started on.
    runtime: Handle,
    /// The task that appends. It ends by itself after the queue is closed. `finish` waits for it; a dropped writer does
    /// not.
    shipper: Option<JoinHandle<()>>,
    /// The tasks that read the output of processes which outlive their command. Each ends when its process closes the
    /// pipe. Nobody waits for them: such a process may run for ever.
    leftover_readers: TaskTracker,
}

impl LogWriter {
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
            leftover_readers: TaskTracker::new(),
        }
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
        let mut assembler = self.assembler();
        assembler.push(text.as_bytes(), Duration::ZERO, |line| {
            lines.push(Text::ended(line));
        });
        assembler.finish(|line| lines.push(Text::ended(line)));
        let admission = self.queue.admit().await;
        self.queue.push(admission, Source::System, lines);
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
        let redacted = self.redaction.apply(message);
        self.job_steps().step(status, &redacted).await?;
        if phase.is_some() {
            self.set_phase(phase);
        }
        self.system(message).await;
        Ok(())
    }

    /// Runs a command and writes both of its outputs to the log. Returns when the command has ended and all of its
    /// output is in the buffer. The standard input of the command, and whether it outlives a dropped future, are as the
    /// `Command` says.
    ///
    /// The command may leave a process behind that keeps the output open. This waits for such a process while it writes,
    /// at most 5 s. What it writes later becomes lines too, until the writer ends.
    ///
    /// # Errors
    /// The command cannot be started, or waiting for it fails.
    pub async fn run(&self, command: Command) -> Result<ExitStatus, RunError> {
        self.spawn(command, Echo::default())?.wait().await
    }

    /// Starts a command like [`LogWriter::run`], for callers that also show its output or send it signals.
    ///
    /// # Errors
    /// The command cannot be started.
    pub fn spawn(&self, command: Command, echo: Echo) -> Result<Running, RunError> {
        let channels = (self.stdout(), self.stderr());
        Running::start(command, channels, echo, self.leftover_readers.clone())
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

    /// Ends the log, then the job. Appends all lines that wait, then moves the job through the allowed steps to its final
    /// status.
    ///
    /// A job that never ends is worse than a missing line. So the job ends even if the store did not take the last lines;
    /// [`Stats::lost`] says how many.
    ///
    /// Takes at most twice [`crate::RetryOptions::give_up_after`]. Unfinished lines of channels that are still open are
    /// not part of the log.
    ///
    /// # Errors
    /// No allowed steps lead to the outcome, for example because the job has already ended. Or there is no such job, the
    /// store refuses, or it cannot be reached.
    pub async fn finish(
        mut self,
        outcome: impl Into<Outcome>,
        message: &str,
    ) -> Result<Stats, FinishError> {
        let status = outcome.into().status();
        self.release_held_lines();
        self.queue.close();
        if let Some(shipper) = self.shipper.take()
            && let Err(error) = shipper.await
        {
            // The queue has counted its lines as lost.
            error!(job = %self.job, %error, "the task that appends lines failed");
        }
        let stats = self.queue.stats();
        let message = self.redaction.apply(message);
        match self.job_steps().walk(status, &message).await {
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
        let mut inputs = self.inputs.lock();
        inputs.retain(|input| input.strong_count() > 0);
        inputs.push(Arc::downgrade(&input));
        Channel::new(input)
    }

    fn assembler(&self) -> LineAssembler {
        LineAssembler::with_redaction(self.options.lines, &self.redaction)
    }

    /// Releases the complete lines that open channels hold back.
    fn release_held_lines(&self) {
        for input in self.inputs.lock().iter().filter_map(Weak::upgrade) {
            input.release_held_lines();
        }
    }

    fn job_steps(&self) -> JobSteps<'_> {
        JobSteps {
            jobs: &*self.stores.jobs,
            job: &self.job,
            retry: &self.options.retry,
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.release_held_lines();
        self.queue.close();
    }
}
