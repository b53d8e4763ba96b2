//! Hides secrets in the text of a channel, before the text reaches the line assembler.
//!
//! Text passes as soon as it is decided what of it to hide, which is usually at once. Text that may be the beginning of a
//! secret waits for the following text. The end of its line waits too, because a secret may continue in the next line.
//!
//! One marker replaces a secret, at its beginning. A line that contains only the rest of a secret is removed.

use std::collections::VecDeque;
use std::sync::Arc;

use super::rules::Rules;
use super::scan::Scanner;
use crate::ansi::{Style, StyledLine};

/// Takes the text that has passed.
pub(super) trait TextSink {
    fn text(&mut self, text: &str);
    /// The following text has this style.
    fn style(&mut self, style: Style);
    /// The line is complete.
    fn newline(&mut self);
}

/// The most that may wait in addition to the beginning of a secret. Each line end counts as [`BREAK_WEIGHT`]. So a secret
/// may be split by many empty lines, but not by any number.
const MAX_WAITING: usize = 64 * 1024;

/// The weight of a line end or a colour.
const BREAK_WEIGHT: usize = 64;

/// Hides secrets in what one channel prints.
#[derive(Debug, Clone)]
pub struct Redactor {
    rules: Arc<Rules>,
    scanner: Scanner,
    /// The text that waits, oldest first.
    waiting: VecDeque<Event>,
    /// How many line ends wait.
    line_ends: usize,
    /// The weight of everything that waits, except text.
    weight: usize,
    /// The position of the first byte that has not passed yet.
    passed: u64,
    /// Whether the byte before it was hidden. Then the next hidden byte already has a marker.
    is_hiding: bool,
    /// Whether some of this line was shown.
    line_shows: bool,
    /// Whether some of this line was hidden.
    line_hides: bool,
    /// What has passed of the line that has not passed as a whole.
    shown: StyledLine,
    /// For each line that waits: how much of it was not kept.
    overflows: VecDeque<u64>,
}

#[derive(Debug, Clone)]
enum Event {
    /// The first `passed` bytes of the text have passed already.
    Text {
        text: String,
        passed: usize,
    },
    Style(Style),
    Newline,
}

impl Redactor {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        Self {
            scanner: Scanner::new(Arc::clone(&rules)),
            rules,
            waiting: VecDeque::new(),
            line_ends: 0,
            weight: 0,
            passed: 0,
            is_hiding: false,
            line_shows: false,
            line_hides: false,
            shown: StyledLine::default(),
            overflows: VecDeque::new(),
        }
    }

    /// Puts this redactor before a sink.
    pub(super) fn before<'a, S>(&'a mut self, sink: &'a mut S) -> Stage<'a, S> {
        Stage {
            redactor: self,
            sink,
        }
    }

    /// Takes a complete line, and passes on the lines that are decided.
    pub fn push(&mut self, line: &StyledLine, mut out: impl FnMut(StyledLine)) {
        self.overflows.push_back(line.overflow);
        self.with_collector(&mut out, |redactor, collector| {
            let mut stage = redactor.before(collector);
            stage.line(line);
            stage.newline();
        });
    }

    /// Passes on the complete lines that wait, because nothing follows for a while.
    pub fn release_held_lines(&mut self, mut out: impl FnMut(StyledLine)) {
        self.with_collector(&mut out, |redactor, collector| redactor.release(collector));
    }

    /// Passes on everything that waits, because the text has ended.
    pub fn finish(&mut self, mut out: impl FnMut(StyledLine)) {
        self.with_collector(&mut out, |redactor, collector| redactor.end(collector));
        self.overflows.clear();
    }

    /// The present state of a line that has not ended yet, without what is a secret and without what may be the beginning
    /// of one. It comes after the lines that were pushed.
    #[must_use]
    pub fn open_line(&self, line: &StyledLine) -> StyledLine {
        let mut copy = self.clone();
        copy.release_held_lines(|_| {});
        copy.with_collector(&mut |_| {}, |redactor, collector| {
            redactor.before(collector).line(line);
        });
        copy.shown.overflow = line.overflow;
        copy.shown
    }

    fn with_collector(
        &mut self,
        out: &mut dyn FnMut(StyledLine),
        function: impl FnOnce(&mut Self, &mut Collector<'_>),
    ) {
        let mut collector = Collector {
            line: std::mem::take(&mut self.shown),
            overflows: std::mem::take(&mut self.overflows),
            style: Style::DEFAULT,
            out,
        };
        function(self, &mut collector);
        self.shown = collector.line;
        self.overflows = collector.overflows;
    }

    /// Whether a complete line waits for the following text.
    pub const fn holds_lines(&self) -> bool {
        self.line_ends > 0
    }

    /// Passes on the complete lines that wait.
    fn release(&mut self, sink: &mut impl TextSink) {
        let line_start = self.scanner.line_start();
        self.scanner.decide_before(line_start);
        self.advance(sink);
    }

    /// Passes on everything that waits, because the text has ended.
    pub(super) fn end(&mut self, sink: &mut impl TextSink) {
        self.scanner.decide_before(self.scanner.position());
        self.scanner.restart();
        self.advance(sink);
        self.is_hiding = false;
    }

    fn wait(&mut self, event: Event) {
        match event {
            Event::Text { .. } => {}
            Event::Newline => {
                self.line_ends += 1;
                self.weight += BREAK_WEIGHT;
            }
            Event::Style(_) => self.weight += BREAK_WEIGHT,
        }
        self.waiting.push_back(event);
    }

    /// Passes on everything that is decided.
    fn advance(&mut self, sink: &mut impl TextSink) {
        let decided = self.scanner.decided();
        while let Some(event) = self.waiting.pop_front() {
            if let Event::Text { text, passed } = event {
                let rest = &text[passed..];
                let len =
                    usize::try_from(decided.saturating_sub(self.passed)).unwrap_or(usize::MAX);
                let len = len.min(rest.len());
                self.pass_text(&rest[..len], sink);
                if len < rest.len() {
                    let passed = passed + len;
                    self.waiting.push_front(Event::Text { text, passed });
                    break;
                }
            } else {
                // Everything before it has passed.
                self.weight -= BREAK_WEIGHT;
                self.line_ends -= usize::from(matches!(event, Event::Newline));
                self.pass_break(&event, sink);
            }
        }
        self.scanner.forget_before(self.passed);
    }

    /// Passes on a piece of text, with markers for hidden parts.
    fn pass_text(&mut self, piece: &str, sink: &mut impl TextSink) {
        let mut rest = piece;
        while !rest.is_empty() {
            let (hidden, until) = match self.scanner.hidden_after(self.passed) {
                Some(range) if range.start <= self.passed => (true, range.end),
                Some(range) => (false, range.start),
                None => (false, u64::MAX),
            };
            let len = usize::try_from(until - self.passed)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (part, after) = rest.split_at(len);
            if !hidden {
                sink.text(part);
                self.line_shows = true;
            } else if !self.is_hiding {
                sink.text(&self.rules.marker);
                self.line_shows = true;
            }
            self.line_hides |= hidden;
            self.is_hiding = hidden;
            self.passed += len as u64;
            rest = after;
        }
    }

    fn pass_break(&mut self, event: &Event, sink: &mut impl TextSink) {
        match event {
            Event::Text { .. } => {}
            Event::Style(style) => sink.style(*style),
            Event::Newline => {
                // A line that contained only the rest of a secret is removed.
                if self.line_shows || !self.line_hides {
                    sink.newline();
                }
                (self.line_shows, self.line_hides) = (false, false);
            }
        }
    }
}

/// Makes lines of the text that has passed.
struct Collector<'a> {
    line: StyledLine,
    overflows: VecDeque<u64>,
    style: Style,
    out: &'a mut dyn FnMut(StyledLine),
}

impl TextSink for Collector<'_> {
    fn text(&mut self, text: &str) {
        self.line.push(text, self.style);
    }

    fn style(&mut self, style: Style) {
        self.style = style;
    }

    fn newline(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        line.overflow = self.overflows.pop_front().unwrap_or_default();
        (self.out)(line);
    }
}

/// A redactor in front of a sink.
pub(super) struct Stage<'a, S> {
    redactor: &'a mut Redactor,
    sink: &'a mut S,
}

impl<S: TextSink> Stage<'_, S> {
    /// Takes the text of a line, without its end.
    fn line(&mut self, line: &StyledLine) {
        let mut style = Style::DEFAULT;
        for (text, next) in line.parts() {
            if next != style {
                self.style(next);
                style = next;
            }
            self.text(text);
        }
        if style != Style::DEFAULT {
            self.style(Style::DEFAULT);
        }
    }

    fn take_break(&mut self, event: Event) {
        if self.redactor.waiting.is_empty() {
            // Everything before it has passed.
            self.redactor.pass_break(&event, self.sink);
            return;
        }
        let is_line_end = matches!(event, Event::Newline);
        if self.redactor.weight > MAX_WAITING && !is_line_end {
            // There are too many colours in one undecided line. The colours are dropped, and the text is kept.
            return;
        }
        self.redactor.wait(event);
        self.redactor.advance(self.sink);
        if self.redactor.weight > MAX_WAITING {
            self.redactor.release(self.sink);
        }
    }
}

impl<S: TextSink> TextSink for Stage<'_, S> {
    fn text(&mut self, text: &str) {
        let redactor = &mut *self.redactor;
        redactor.scanner.text(text);
        let position = redactor.scanner.position();
        let is_clean = redactor.waiting.is_empty()
            && redactor.scanner.decided() == position
            && redactor.scanner.hidden_after(redactor.passed).is_none();
        if is_clean {
            self.sink.text(text);
            (redactor.passed, redactor.is_hiding, redactor.line_shows) = (position, false, true);
            return;
        }
        if let Some(Event::Text { text: last, .. }) = redactor.waiting.back_mut() {
            last.push_str(text);
        } else {
            redactor.wait(Event::Text {
                text: text.to_owned(),
                passed: 0,
            });
        }
        redactor.advance(self.sink);
    }

    fn style(&mut self, style: Style) {
        self.take_break(Event::Style(style));
    }

    fn newline(&mut self) {
        self.redactor.scanner.line_end();
        self.take_break(Event::Newline);
    }
}
