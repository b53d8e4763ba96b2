//! The line assembler: turns the bytes of one channel into lines.
//!
//! Chunks come as a pipe delivers them. A chunk may end inside a character, inside a control sequence, or between `\r`
//! and `\n`. The lines are the same however the bytes are cut into chunks.
//!
//! ```text
//! bytes ─► characters ─► the line a terminal would show ─► without secrets ─► cut to its limit
//! ```
//!
//! Secrets are looked for in what is shown. So a secret is found that colours or other sequences break up.

use std::time::Duration;

use log_redact::{Redaction, Redactor, Screen, StyledLine};

use crate::cut::cut;
use crate::line_options::{Blank, LineOptions};
use crate::open_clock::OpenClock;
use crate::utf8::Utf8Stream;

/// How much more of a line is kept than its limit allows, so that a secret is found that begins before the limit.
const BEYOND_LIMIT: usize = 64 * 1024;

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
/// for chunk in [&b"   Comp"[..], b"iling a\r", b"\n 10 %\r 99", b" %\r\x1b[32mdone\x1b[K\n"] {
///     assembler.push(chunk, Duration::ZERO, |line| lines.push(line));
/// }
/// assembler.push(b"continue? ", Duration::ZERO, |line| lines.push(line));
/// assert_eq!(lines, ["   Compiling a", "done"]);
///
/// assert_eq!(assembler.open_state_due(), Some(Duration::from_secs(2)));
/// let state = assembler.open_state(Duration::from_secs(2), |line| lines.push(line));
/// assert_eq!(state.as_deref(), Some("continue? "));
/// ```
#[derive(Debug)]
pub struct LineAssembler {
    decoder: Utf8Stream,
    screen: Screen,
    redactor: Redactor<StyledLine>,
    open: OpenClock,
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
        let kept = options.limit.max_bytes().saturating_add(BEYOND_LIMIT);
        Self {
            decoder: Utf8Stream::default(),
            screen: Screen::new(options.ansi, kept),
            redactor: redaction.redactor(),
            open: OpenClock::new(options.progress),
            options,
        }
    }

    /// Takes a chunk, and passes each complete line to `out`. `now` is the time since any fixed moment. Only the states of
    /// open lines need it.
    pub fn push(&mut self, chunk: &[u8], now: Duration, mut out: impl FnMut(String)) {
        self.decode(chunk, false, &mut out);
        if self.screen.has_open_line() {
            self.open.line_changed(now);
        }
    }

    /// Whether a complete line is held back because what follows may show that it contains a secret. If nothing follows
    /// for a while, call [`LineAssembler::release_held_lines`].
    #[must_use]
    pub fn holds_lines(&self) -> bool {
        self.redactor.holds_lines()
    }

    /// Passes the complete lines that are held back to `out`.
    pub fn release_held_lines(&mut self, mut out: impl FnMut(String)) {
        let options = &self.options;
        self.redactor
            .release_held_lines(|line| finish_line(line, options, &mut out));
    }

    /// Hides by other rules, in the line that has not ended and in those that are held back, too. See
    /// [`Redactor::set_redaction`].
    pub fn set_redaction(&mut self, redaction: &Redaction) {
        self.redactor.set_redaction(redaction);
    }

    /// When to call [`LineAssembler::open_state`], on the clock of [`LineAssembler::push`]. `None` if the present line needs no state before it changes again.
    #[must_use]
    pub fn open_state_due(&self) -> Option<Duration> {
        self.open.due()
    }

    /// The present state of the line that has not ended, if it is due and has not been told. See
    /// [`crate::Progress`]. It is without secrets, and without what may be the beginning of one. Lines before it that are
    /// held back are passed to `out`.
    pub fn open_state(&mut self, now: Duration, out: impl FnMut(String)) -> Option<String> {
        if self.open.due().is_none_or(|due| due > now) {
            return None;
        }
        self.release_held_lines(out);
        let line = self.redactor.open_line(self.screen.open_line());
        let mut state = String::new();
        finish_line(line, &self.options, &mut |line| state = line);
        self.open.look(state, now)
    }

    /// Ends the channel. Passes the last line to `out` even if it has no newline. After that a new text may begin.
    pub fn finish(&mut self, mut out: impl FnMut(String)) {
        self.decode(&[], true, &mut out);
        let options = &self.options;
        self.redactor
            .finish(|line| finish_line(line, options, &mut out));
        self.open.line_ended();
    }

    /// Decodes a chunk, and the rest if the text ends. Passes complete lines on.
    fn decode(&mut self, chunk: &[u8], ends: bool, out: &mut impl FnMut(String)) {
        let Self {
            decoder,
            screen,
            redactor,
            open,
            options,
        } = self;
        let mut take = |line: StyledLine| {
            open.line_ended();
            redactor.push(line, |line| finish_line(line, options, out));
        };
        decoder.push(chunk, |text| screen.push(text, &mut take));
        if ends {
            decoder.finish(|text| screen.push(text, &mut take));
            if let Some(line) = screen.finish() {
                take(line);
            }
        }
    }
}

/// Applies the options for complete lines.
fn finish_line(line: StyledLine, options: &LineOptions, out: &mut impl FnMut(String)) {
    if options.blank == Blank::Drop && !line.is_visible() {
        return;
    }
    let overflow = line.overflow;
    let mut text = line.into_text();
    cut(&mut text, overflow, options.limit, options.marker);
    out(text);
}

#[cfg(test)]
mod tests;
