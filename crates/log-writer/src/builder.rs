//! The settings of a writer, and its start.

use std::time::Duration;

use log_domain::JobId;
use thiserror::Error;
use tokio::runtime::Handle;

use crate::cut::LineLimit;
use crate::line_options::{Blank, Progress};
use crate::options::WriterOptions;
use crate::preset::Preset;
use crate::stores::Stores;
use crate::writer::LogWriter;
use log_redact::Ansi;
use log_redact::Redaction;

/// Builds a [`LogWriter`]. Every setting has a default. [`WriterOptions`] and [`Redaction`] describe all of them.
#[derive(Debug)]
#[must_use = "a builder does nothing until `start` is called"]
pub struct LogWriterBuilder {
    job: JobId,
    stores: Stores,
    options: WriterOptions,
    redaction: Redaction,
    phase: Option<String>,
}

/// A writer cannot be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is no tokio runtime to append lines on. Start the writer in an `async` function, or after [`Handle::enter`].
    #[error("a log writer is started inside a tokio runtime, and there is none here")]
    NoRuntime,
}

impl LogWriter {
    /// Starts a builder for the writer of a job's log.
    pub fn builder(job: JobId, stores: impl Into<Stores>) -> LogWriterBuilder {
        LogWriterBuilder {
            job,
            stores: stores.into(),
            options: WriterOptions::default(),
            redaction: Redaction::default(),
            phase: None,
        }
    }
}

impl LogWriterBuilder {
    /// Sets all options at once. This replaces options that were set before.
    pub const fn options(mut self, options: WriterOptions) -> Self {
        self.options = options;
        self
    }

    /// Writes lines in the same way as another producer.
    pub const fn preset(mut self, preset: Preset) -> Self {
        self.options.lines = preset.lines();
        self
    }

    /// What to hide before lines leave the process. The default hides everything that looks like a secret. Register
    /// known secrets with [`Redaction::builder`].
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    /// Strips terminal control sequences (the default), or keeps colours.
    pub const fn ansi(mut self, ansi: Ansi) -> Self {
        self.options.lines.ansi = ansi;
        self
    }

    /// The maximum length of a line. The default is 16 KiB.
    pub const fn line_limit(mut self, limit: LineLimit) -> Self {
        self.options.lines.limit = limit;
        self
    }

    /// Keeps blank lines (the default), or drops them.
    pub const fn blank(mut self, blank: Blank) -> Self {
        self.options.lines.blank = blank;
        self
    }

    /// When the state of a line that has not ended becomes a line. By default after two seconds, and then every ten
    /// seconds while it changes.
    pub const fn progress(mut self, progress: Progress) -> Self {
        self.options.lines.progress = progress;
        self
    }

    /// How many bytes may wait for the store. The default is 8 MiB.
    pub const fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.options.buffer.capacity = bytes;
        self
    }

    /// How long a write to a full buffer may wait while the store takes nothing. The default is 30 s. With zero a write
    /// never waits, and lines are dropped at once.
    pub const fn max_block(mut self, time: Duration) -> Self {
        self.options.buffer.max_block = time;
        self
    }

    /// How long a flush, the end, and each change of the job's status try before they give up. The default is 90 s.
    pub const fn give_up_after(mut self, time: Duration) -> Self {
        self.options.retry.give_up_after = time;
        self
    }

    /// The phase of the first lines. By default they have none.
    pub fn phase(mut self, phase: &str) -> Self {
        self.phase = Some(phase.to_owned());
        self
    }

    /// Starts the writer, whose tasks run on the tokio runtime this is called in. The store may be unreachable: lines wait
    /// until it is back.
    ///
    /// # Errors
    /// There is no tokio runtime here.
    pub fn start(self) -> Result<LogWriter, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let Self {
            job,
            stores,
            options,
            redaction,
            phase,
        } = self;
        let writer = LogWriter::start(job, stores, options, redaction, runtime);
        writer.set_phase(phase.as_deref());
        Ok(writer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use log_store::MemoryStore;

    use super::*;

    #[test]
    fn without_a_runtime_there_is_an_error_and_no_panic() {
        let job = "build-1".parse().unwrap();
        let started = LogWriter::builder(job, Arc::new(MemoryStore::new())).start();
        assert_eq!(started.err(), Some(StartError::NoRuntime));
    }
}
