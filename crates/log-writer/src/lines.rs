//! The line assembler: turns the bytes of one channel into lines.
//!
//! Chunks come as a pipe delivers them. A chunk may end inside a character, inside a control sequence, or between `\r`
//! and `\n`. The lines are the same however the bytes are cut into chunks.
//!
//! A lone `\r` goes back to the beginning of the line, and the next text replaces the line. Progress bars do this. So the
//! last state of the line is the line.

use std::time::Duration;

use log_redact::{AnsiFilter, Redaction, Redactor};

use crate::cut::cut;
use crate::line_options::{Blank, LineOptions};
use crate::open_line::{LineSink, OpenLine, RawLine};
use crate::utf8::Utf8Stream;

/// Assembles the lines of one channel. It does no I/O and has no clock: the caller passes the time.
///
/// The line limit bounds its memory, whatever the input.
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
    /// An assembler that hides nothing.
    #[must_use]
    pub fn new(options: LineOptions) -> Self {
        Self::with_redaction(options, &Redaction::off())
    }

    /// An assembler that hides secrets.
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

    /// Takes a chunk, and passes each complete line to `out`. `now` is the time since any fixed moment. Only
    /// [`crate::Progress::Every`] needs it.
    pub fn push(&mut self, chunk: &[u8], now: Duration, out: impl FnMut(String)) {
        self.run(now, out, |decoder, stages| {
            decoder.push(chunk, |text| stages.text(text));
        });
    }

    /// Whether a complete line is held back because its end may be the beginning of a secret. If nothing follows for a
    /// while, call [`LineAssembler::release_held_lines`].
    #[must_use]
    pub fn holds_lines(&self) -> bool {
        self.redactor.as_ref().is_some_and(Redactor::holds_lines)
    }

    /// Passes the complete lines that are held back to `out`. If the end of a line may be the beginning of a secret, it is
    /// hidden if it is long, and shown if it has a few characters only. If the rest of the secret comes later, the rest is
    /// hidden.
    pub fn release_held_lines(&mut self, now: Duration, out: impl FnMut(String)) {
        self.run(now, out, |_, stages| stages.release_held_lines());
    }

    /// Ends the channel. Passes the last line to `out` even if it has no newline. After that a new text may begin.
    pub fn finish(&mut self, mut out: impl FnMut(String)) {
        self.run(Duration::ZERO, &mut out, |decoder, stages| {
            decoder.finish(|text| stages.text(text));
            stages.finish();
        });
        if let Some(raw) = self.line.take_unfinished() {
            finish_line(raw, &self.options, &mut out);
        }
        self.filter = AnsiFilter::new(self.options.ansi);
    }

    /// Runs a function with the decoder and the stages after it.
    fn run(
        &mut self,
        now: Duration,
        mut out: impl FnMut(String),
        function: impl FnOnce(&mut Utf8Stream, &mut Stages<'_>),
    ) {
        let options = &self.options;
        let mut emit = |raw: RawLine| finish_line(raw, options, &mut out);
        let mut stages = Stages {
            filter: &mut self.filter,
            redactor: self.redactor.as_mut(),
            lines: LineSink {
                line: &mut self.line,
                now,
                emit: &mut emit,
            },
        };
        function(&mut self.decoder, &mut stages);
    }
}

/// The stages after the decoder: the terminal filter, the redactor, and the open line.
struct Stages<'a> {
    filter: &'a mut AnsiFilter,
    redactor: Option<&'a mut Redactor>,
    lines: LineSink<'a>,
}

impl Stages<'_> {
    fn text(&mut self, text: &str) {
        match &mut self.redactor {
            Some(redactor) => self
                .filter
                .push(text, &mut redactor.before(&mut self.lines)),
            None => self.filter.push(text, &mut self.lines),
        }
    }

    fn release_held_lines(&mut self) {
        if let Some(redactor) = &mut self.redactor {
            redactor.release_held_lines(&mut self.lines);
        }
    }

    fn finish(&mut self) {
        if let Some(redactor) = &mut self.redactor {
            redactor.finish(&mut self.lines);
        }
    }
}

/// Applies the options for complete lines.
fn finish_line(raw: RawLine, options: &LineOptions, out: &mut impl FnMut(String)) {
    if options.blank == Blank::Drop && !raw.visible {
        return;
    }
    let mut text = raw.text;
    cut(&mut text, raw.overflow, options.limit, options.marker);
    out(text);
}

#[cfg(test)]
mod secrets;
#[cfg(test)]
mod tests;
