//! Waiting lines, batches of them, and how they are counted.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use log_domain::{Source, Timestamp};
use log_store::NewLine;

/// The memory that a line takes in addition to its text.
pub(super) const LINE_OVERHEAD: usize = 96;

/// A number of lines, and of bytes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Amount {
    /// How many lines.
    pub lines: u64,
    /// How many bytes of text.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn from_text(text: &str) -> Self {
        Self {
            lines: 1,
            bytes: text.len() as u64,
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.bytes += other.bytes;
    }
}

/// What has happened to the lines so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Lines in the log.
    pub appended: u64,
    /// Lines that wait for the store, or for its answer.
    pub waiting: u64,
    /// Lines that were dropped: the buffer was full for too long, the store refused them, or the writer gave up.
    pub lost: Amount,
}

/// The text of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) text: String,
    /// Whether it is only the state of a line that has not ended yet.
    pub(crate) open: bool,
}

impl Text {
    /// The text of a line that has ended.
    pub(crate) const fn ended(text: String) -> Self {
        Self { text, open: false }
    }
}

/// A line that waits.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(super) at: SystemTime,
    pub(super) source: Source,
    pub(super) phase: Option<Arc<str>>,
    pub(super) text: String,
    /// Whether it is only the state of a line that has not ended yet.
    pub(super) open: bool,
    /// Set if this line reports that lines before it are missing.
    pub(super) reports: Option<Amount>,
}

impl Queued {
    pub(super) fn weight(&self) -> usize {
        self.text.len() + LINE_OVERHEAD
    }

    /// How a lost line is counted. A line that only reports missing lines does not count.
    pub(super) fn amount(&self) -> Amount {
        match self.reports {
            Some(_) => Amount::default(),
            None => Amount::from_text(&self.text),
        }
    }

    fn into_new_line(self, ts: Timestamp) -> NewLine {
        NewLine {
            ts: Some(ts),
            source: Some(self.source),
            text: Some(self.text),
            phase: self.phase.as_deref().map(str::to_owned),
            open: self.open,
        }
    }
}

/// The lines of one append.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) lines: Vec<NewLine>,
    /// For each line: how it is counted if it is lost, and what it reports as missing.
    pub(super) amounts: Vec<(Amount, Option<Amount>)>,
    pub(super) weight: usize,
    /// The Unix millisecond of the last line, and its text. Writing a time out takes longer than all else that is done for a line
    /// here, and hundreds of lines have the same.
    ts: Option<(u128, Timestamp)>,
}

impl Batch {
    pub(super) fn push(&mut self, line: Queued) {
        self.weight += line.weight();
        self.amounts.push((line.amount(), line.reports));
        let ms = line.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = ms.as_millis();
        let ts = match self.ts.take() {
            Some((known, ts)) if known == ms => ts,
            _ => Timestamp::from(line.at),
        };
        self.lines.push(line.into_new_line(ts.clone()));
        self.ts = Some((ms, ts));
    }

    pub(super) fn amount(&self) -> Amount {
        let mut sum = Amount::default();
        for (amount, _) in &self.amounts {
            sum.add(*amount);
        }
        sum
    }
}

/// The text of the line that reports missing lines.
pub(super) fn missing_lines_text(missing: Amount) -> String {
    let Amount { lines, bytes } = missing;
    let (noun, verb) = if lines == 1 {
        ("line", "is")
    } else {
        ("lines", "are")
    };
    format!("[{lines} {noun} ({bytes} bytes) {verb} missing here: the log store did not take them]")
}
