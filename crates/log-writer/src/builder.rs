//! What a writer is made of.

use std::time::Duration;

use log_domain::JobId;

use crate::ansi::Ansi;
use crate::cut::LineLimit;
use crate::lines::{Blank, Progress};
use crate::options::WriterOptions;
use crate::preset::Preset;
use crate::redact::Redaction;
use crate::writer::{LogWriter, Stores};

/// Makes a [`LogWriter`]. Every setting has a default; see [`WriterOptions`] and [`Redaction`] for all of them.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct LogWriterBuilder {
    job: JobId,
    stores: Stores,
    options: WriterOptions,
    redaction: Redaction,
    phase: Option<String>,
}

impl LogWriterBuilder {
    pub(crate) fn new(job: JobId, stores: Stores) -> Self {
        Self {
            job,
            stores,
            options: WriterOptions::default(),
            redaction: Redaction::default(),
            phase: None,
        }
    }

    /// Sets everything at once, and undoes what was set before.
    pub const fn options(mut self, options: WriterOptions) -> Self {
        self.options = options;
        self
    }

    /// Writes lines as another producer does.
    pub const fn preset(mut self, preset: Preset) -> Self {
        self.options.lines = preset.lines();
        self
    }

    /// What is hidden before anything leaves the process. By default all that looks like a secret; register secrets
    /// by [`Redaction::builder`].
    pub fn redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }

    /// Strips terminal control sequences (the default), or keeps colours.
    pub const fn ansi(mut self, ansi: Ansi) -> Self {
        self.options.lines.ansi = ansi;
        self
    }

    /// How long a line may be; 16 KiB by default.
    pub const fn line_limit(mut self, limit: LineLimit) -> Self {
        self.options.lines.limit = limit;
        self
    }

    /// Keeps blank lines (the default), or drops them.
    pub const fn blank(mut self, blank: Blank) -> Self {
        self.options.lines.blank = blank;
        self
    }

    /// Keeps only the last state of a progress bar (the default), or some on the way.
    pub const fn progress(mut self, progress: Progress) -> Self {
        self.options.lines.progress = progress;
        self
    }

    /// How many bytes may wait for the store; 8 MiB by default.
    pub const fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.options.buffer.capacity = bytes;
        self
    }

    /// How long a write to a full buffer may wait while the store takes nothing; 30 s by default. Zero never
    /// waits and drops at once.
    pub const fn max_block(mut self, time: Duration) -> Self {
        self.options.buffer.max_block = time;
        self
    }

    /// How long a flush, the end and each change of the job's status try; 90 s by default.
    pub const fn give_up_after(mut self, time: Duration) -> Self {
        self.options.retry.give_up = time;
        self
    }

    /// The phase that the first lines carry; none by default.
    pub fn phase(mut self, phase: &str) -> Self {
        self.phase = Some(phase.to_owned());
        self
    }

    /// Starts the writer. It need not wait for the store: lines wait while it is away.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    #[must_use]
    pub fn start(self) -> LogWriter {
        let Self {
            job,
            stores,
            options,
            redaction,
            phase,
        } = self;
        LogWriter::start(job, stores, options, redaction, phase.as_deref())
    }
}
