//! The line that is being written, until its newline comes.

use std::time::Duration;

use crate::cut::{Overflow, boundary_at_or_before};
use crate::line_options::Progress;
use log_redact::TextSink;

/// A line as the command printed it, before it is cut to its limit.
#[derive(Debug, Default)]
pub(crate) struct RawLine {
    pub(crate) text: String,
    pub(crate) overflow: Overflow,
    /// Whether it contains anything but white space.
    pub(crate) visible: bool,
}

/// The line that is being written.
#[derive(Debug)]
pub(crate) struct OpenLine {
    raw: RawLine,
    /// Whether the next text overwrites the line.
    overwrite_next: bool,
    /// The most bytes of text that are kept.
    max_bytes: usize,
    progress: Progress,
    /// When an overwritten state last became a line.
    last_state_at: Option<Duration>,
}

impl OpenLine {
    pub(crate) fn new(max_bytes: usize, progress: Progress) -> Self {
        Self {
            raw: RawLine::default(),
            overwrite_next: false,
            max_bytes,
            progress,
            last_state_at: None,
        }
    }

    /// Ends a line that has no newline. `None` if there is nothing in it.
    pub(crate) fn take_unfinished(&mut self) -> Option<RawLine> {
        let raw = self.take();
        self.last_state_at = None;
        (!raw.text.is_empty() || raw.overflow.bytes > 0).then_some(raw)
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.raw.text.capacity()
    }

    fn append(&mut self, text: &str) {
        let raw = &mut self.raw;
        raw.visible |= text.contains(|c: char| !c.is_whitespace());
        // As soon as some text is beyond the limit, all later text is.
        let room = if raw.overflow.bytes == 0 {
            self.max_bytes.saturating_sub(raw.text.len())
        } else {
            0
        };
        let (kept, overflow) = text.split_at(boundary_at_or_before(text, room));
        raw.text.push_str(kept);
        raw.overflow.bytes = raw.overflow.bytes.saturating_add(overflow.len() as u64);
    }

    fn append_colour(&mut self, sequence: &str) {
        // A colour sequence is kept as a whole or not at all. One that does not fit is not counted as missing.
        if self.raw.overflow.bytes == 0 && self.raw.text.len() + sequence.len() <= self.max_bytes {
            self.raw.text.push_str(sequence);
        }
    }

    /// Ends the line.
    fn take(&mut self) -> RawLine {
        self.overwrite_next = false;
        std::mem::take(&mut self.raw)
    }

    /// Starts again with an empty line. Returns the old state if it becomes a line too.
    fn overwrite(&mut self, now: Duration) -> Option<RawLine> {
        let raw = self.take();
        let Progress::Every(interval) = self.progress else {
            return None;
        };
        let is_due = self
            .last_state_at
            .is_none_or(|last| now.saturating_sub(last) >= interval);
        if !raw.visible || !is_due {
            return None;
        }
        self.last_state_at = Some(now);
        Some(raw)
    }
}

/// Writes text into the open line, and emits lines that are complete.
pub(crate) struct LineSink<'a> {
    pub(crate) line: &'a mut OpenLine,
    pub(crate) now: Duration,
    pub(crate) emit: &'a mut dyn FnMut(RawLine),
}

impl LineSink<'_> {
    fn overwrite(&mut self) {
        if let Some(state) = self.line.overwrite(self.now) {
            (self.emit)(state);
        }
    }
}

impl TextSink for LineSink<'_> {
    fn text(&mut self, text: &str) {
        if self.line.overwrite_next {
            self.overwrite();
        }
        self.line.append(text);
    }

    fn colour(&mut self, sequence: &str) {
        if self.line.overwrite_next {
            self.overwrite();
        }
        self.line.append_colour(sequence);
    }

    fn newline(&mut self) {
        let raw = self.line.take();
        (self.emit)(raw);
    }

    fn carriage_return(&mut self) {
        self.line.overwrite_next = true;
    }

    fn erase(&mut self, whole: bool) {
        // Erasing from the end of the line to its end removes nothing.
        if whole || self.line.overwrite_next {
            self.overwrite();
        }
    }
}
