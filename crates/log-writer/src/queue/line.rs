//! A line that waits, the batch that an append takes, and how lines are counted.

use std::sync::Arc;

use jiff::Timestamp;
use log_domain::Source;
use log_store::NewLine;

use crate::clock;

/// What a line costs beyond its text: its place in the queue, its time, its channel.
pub(super) const LINE_OVERHEAD: usize = 96;

/// Lines and their bytes of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// How many lines.
    pub lines: u64,
    /// How many bytes of text.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn of(text: &str) -> Self {
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

/// What became of the lines so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Stands in the log.
    pub appended: u64,
    /// Waits for the store, or for its answer.
    pub waiting: u64,
    /// Dropped: the buffer was full for too long, or the store refused it, or the writer gave up.
    pub lost: Amount,
}

/// A line that waits.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(super) at: Timestamp,
    pub(super) source: Source,
    pub(super) phase: Option<Arc<str>>,
    pub(super) text: String,
    /// What is missing before this line, where it is the one that says so.
    pub(super) missing: Option<Amount>,
}

impl Queued {
    pub(super) fn weight(&self) -> usize {
        self.text.len() + LINE_OVERHEAD
    }

    /// What the line counts as when it is lost. A line that names a hole is none of the build's.
    pub(super) fn amount(&self) -> Amount {
        match self.missing {
            Some(_) => Amount::default(),
            None => Amount::of(&self.text),
        }
    }

    fn into_new_line(self) -> NewLine {
        NewLine {
            ts: Some(clock::iso(self.at)),
            source: Some(self.source.as_str().to_owned()),
            text: Some(self.text),
            phase: self.phase.as_deref().map(str::to_owned),
        }
    }
}

/// Lines that one append takes.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) lines: Vec<NewLine>,
    /// For each line what it costs the log when it is lost, and the hole that it names.
    pub(super) amounts: Vec<(Amount, Option<Amount>)>,
    pub(super) weight: usize,
}

impl Batch {
    pub(super) fn push(&mut self, line: Queued) {
        self.weight += line.weight();
        self.amounts.push((line.amount(), line.missing));
        self.lines.push(line.into_new_line());
    }

    pub(super) fn amount(&self) -> Amount {
        let mut sum = Amount::default();
        for (amount, _) in &self.amounts {
            sum.add(*amount);
        }
        sum
    }
}

/// The text of the line that names a hole in the log.
pub(super) fn hole(missing: Amount) -> String {
    let Amount { lines, bytes } = missing;
    let (noun, verb) = if lines == 1 {
        ("line", "is")
    } else {
        ("lines", "are")
    };
    format!("[{lines} {noun} ({bytes} bytes) {verb} missing here: the log store did not take them]")
}
