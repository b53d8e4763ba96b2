//! Bytes to lines: the line assembler of one channel.
//!
//! Chunks come as a pipe delivers them and mean nothing: a chunk may end inside a character, inside a control
//! sequence or between `\r` and `\n`. The lines that come out are the same for every way to cut the same bytes.
//!
//! A lone `\r` goes back to the beginning of the line, and what is written next replaces it, as a progress bar
//! does it: the last state of the line is the line.

use std::time::Duration;

use crate::ansi::{Ansi, AnsiFilter, TextSink};
use crate::cut::{Beyond, CutMarker, LineLimit, boundary_below, cut};
use crate::redact::{Redaction, Redactor};
use crate::utf8::Utf8Stream;

/// How the bytes of a channel become lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineOptions {
    /// How long a line may be.
    pub limit: LineLimit,
    /// What stands at the end of a line that was cut.
    pub marker: CutMarker,
    /// What happens to blank lines.
    pub blank: Blank,
    /// What happens to terminal control sequences.
    pub ansi: Ansi,
    /// What happens to the states of a line that are overwritten.
    pub progress: Progress,
}

/// What happens to lines that hold nothing but white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Blank {
    /// They are lines like any other.
    #[default]
    Keep,
    /// They are left out, as the existing producer does.
    Drop,
}

/// What happens to the states of a line that are overwritten after a lone `\r`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Progress {
    /// Only the last state becomes a line.
    #[default]
    Last,
    /// An overwritten state becomes a line too, at most one in so much time; the first does at once.
    Every(Duration),
}

/// Assembles the lines of one channel. Pure: it does no I/O and is told the time.
///
/// Memory is bounded by the line limit, whatever comes.
///
/// ```
/// use std::time::Duration;
/// use log_writer::{LineAssembler, LineOptions};
///
/// let mut lines = Vec::new();
/// let mut assembler = LineAssembler::new(LineOptions::default());
/// for chunk in [&b"   Comp"[..], b"iling a\r", b"\n 10 %\r 99", b" %\r\x1b[32mdone"] {
///     assembler.push(chunk, Duration::ZERO, |line| lines.push(line));
/// }
/// assembler.finish(|line| lines.push(line));
/// assert_eq!(lines, ["   Compiling a", "done"]);
/// ```
#[derive(Debug)]
pub struct LineAssembler {
    decoder: Utf8Stream,
    filter: AnsiFilter,
    redactor: Option<Redactor>,
    line: OpenLine,
    options: LineOptions,
}

impl LineAssembler {
    /// An assembler at the beginning of a channel. It hides nothing.
    #[must_use]
    pub fn new(options: LineOptions) -> Self {
        Self::with_redaction(options, &Redaction::off())
    }

    /// An assembler at the beginning of a channel, which hides secrets.
    #[must_use]
    pub fn with_redaction(options: LineOptions, redaction: &Redaction) -> Self {
        Self {
            decoder: Utf8Stream::default(),
            filter: AnsiFilter::new(options.ansi),
            redactor: redaction.redactor(),
            line: OpenLine::new(options.limit.max_bytes(), options.progress),
            options,
        }
    }

    /// Takes a chunk and hands out the lines that it completes. `now` is the time since any fixed moment; only
    /// [`Progress::Every`] reads it.
    pub fn push(&mut self, chunk: &[u8], now: Duration, out: impl FnMut(String)) {
        self.drive(now, out, |decoder, stage| {
            decoder.push(chunk, |text| stage.text(text));
        });
    }

    /// Whether a complete line waits for what follows it, because it ends with what may be the beginning of a secret.
    /// If nothing follows for a while, [`LineAssembler::settle`] lets it go.
    #[must_use]
    pub fn holds_lines(&self) -> bool {
        self.redactor.as_ref().is_some_and(Redactor::holds_lines)
    }

    /// Hands out the complete lines that wait. Of what may be the beginning of a secret a longer part is hidden, and
    /// a few characters are shown; if the rest comes all the same, it is hidden.
    pub fn settle(&mut self, now: Duration, out: impl FnMut(String)) {
        self.drive(now, out, |_, stage| stage.settle());
    }

    /// Ends the channel, and hands out the last line if it had no newline. A new text may follow.
    pub fn finish(&mut self, mut out: impl FnMut(String)) {
        self.drive(Duration::ZERO, &mut out, |decoder, stage| {
            decoder.finish(|text| stage.text(text));
            stage.finish();
        });
        if let Some(raw) = self.line.take_unfinished() {
            finish_line(raw, &self.options, &mut out);
        }
        self.filter = AnsiFilter::new(self.options.ansi);
    }

    /// Runs what drives the stages after the decoder.
    fn drive(
        &mut self,
        now: Duration,
        mut out: impl FnMut(String),
        run: impl FnOnce(&mut Utf8Stream, &mut Stages<'_>),
    ) {
        let options = &self.options;
        let mut emit = |raw: RawLine| finish_line(raw, options, &mut out);
        let mut stages = Stages {
            filter: &mut self.filter,
            redactor: self.redactor.as_mut(),
            feed: Feed {
                line: &mut self.line,
                now,
                emit: &mut emit,
            },
        };
        run(&mut self.decoder, &mut stages);
    }
}

/// What text goes through after it is decoded: the terminal filter, the redactor, the open line.
struct Stages<'a> {
    filter: &'a mut AnsiFilter,
    redactor: Option<&'a mut Redactor>,
    feed: Feed<'a>,
}

impl Stages<'_> {
    fn text(&mut self, text: &str) {
        match &mut self.redactor {
            Some(redactor) => self.filter.push(text, &mut redactor.before(&mut self.feed)),
            None => self.filter.push(text, &mut self.feed),
        }
    }

    fn settle(&mut self) {
        if let Some(redactor) = &mut self.redactor {
            redactor.settle(&mut self.feed);
        }
    }

    fn finish(&mut self) {
        if let Some(redactor) = &mut self.redactor {
            redactor.finish(&mut self.feed);
        }
    }
}

/// A line as it was printed, before its limit is applied.
#[derive(Debug, Default)]
struct RawLine {
    text: String,
    beyond: Beyond,
    /// Whether it shows anything but white space.
    visible: bool,
}

/// Applies what the options say about a whole line.
fn finish_line(raw: RawLine, options: &LineOptions, out: &mut impl FnMut(String)) {
    if options.blank == Blank::Drop && !raw.visible {
        return;
    }
    let mut text = raw.text;
    cut(&mut text, raw.beyond, options.limit, options.marker);
    out(text);
}

/// The line that is being written.
#[derive(Debug)]
struct OpenLine {
    raw: RawLine,
    /// Whether the next text overwrites the line.
    returned: bool,
    /// Most bytes of text that are kept.
    keep: usize,
    progress: Progress,
    /// When an overwritten state last became a line.
    last_state: Option<Duration>,
}

impl OpenLine {
    fn new(keep: usize, progress: Progress) -> Self {
        Self {
            raw: RawLine::default(),
            returned: false,
            keep,
            progress,
            last_state: None,
        }
    }

    fn append(&mut self, text: &str) {
        let raw = &mut self.raw;
        raw.visible |= text.contains(|c: char| !c.is_whitespace());
        // Once something is beyond the limit, everything after it is.
        let room = if raw.beyond.bytes == 0 {
            self.keep.saturating_sub(raw.text.len())
        } else {
            0
        };
        let (kept, beyond) = text.split_at(boundary_below(text, room));
        raw.text.push_str(kept);
        raw.beyond.bytes = raw.beyond.bytes.saturating_add(beyond.len() as u64);
    }

    fn append_colour(&mut self, sequence: &str) {
        // A colour is kept whole or not at all, and one that does not fit is no loss to count.
        if self.raw.beyond.bytes == 0 && self.raw.text.len() + sequence.len() <= self.keep {
            self.raw.text.push_str(sequence);
        }
    }

    /// Ends the line.
    fn take(&mut self) -> RawLine {
        self.returned = false;
        std::mem::take(&mut self.raw)
    }

    fn take_unfinished(&mut self) -> Option<RawLine> {
        let raw = self.take();
        self.last_state = None;
        (!raw.text.is_empty() || raw.beyond.bytes > 0).then_some(raw)
    }

    /// Goes back to an empty line. Returns the state that was there if it is to become a line.
    fn overwrite(&mut self, now: Duration) -> Option<RawLine> {
        let raw = self.take();
        let Progress::Every(interval) = self.progress else {
            return None;
        };
        let due = self
            .last_state
            .is_none_or(|last| now.saturating_sub(last) >= interval);
        if !raw.visible || !due {
            return None;
        }
        self.last_state = Some(now);
        Some(raw)
    }
}

/// Feeds the open line, and hands out what is complete.
struct Feed<'a> {
    line: &'a mut OpenLine,
    now: Duration,
    emit: &'a mut dyn FnMut(RawLine),
}

impl Feed<'_> {
    fn overwrite(&mut self) {
        if let Some(state) = self.line.overwrite(self.now) {
            (self.emit)(state);
        }
    }
}

impl TextSink for Feed<'_> {
    fn text(&mut self, text: &str) {
        if self.line.returned {
            self.overwrite();
        }
        self.line.append(text);
    }

    fn colour(&mut self, sequence: &str) {
        if self.line.returned {
            self.overwrite();
        }
        self.line.append_colour(sequence);
    }

    fn newline(&mut self) {
        let raw = self.line.take();
        (self.emit)(raw);
    }

    fn carriage_return(&mut self) {
        self.line.returned = true;
    }

    fn erase(&mut self, whole: bool) {
        // An erasure from the middle of the line to its end finds nothing there.
        if whole || self.line.returned {
            self.overwrite();
        }
    }
}

#[cfg(test)]
mod tests;
