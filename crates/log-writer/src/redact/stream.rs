//! Takes secrets out of a channel on its way to the line assembler.
//!
//! Text goes on as soon as it is known what of it is to be hidden, mostly at once. What may be the beginning of a
//! secret waits for what follows, and the end of its line waits with it, because a secret may go on in the next line.
//!
//! A secret is replaced by one marker, where it begins. A line that holds nothing but the rest of one vanishes.

use std::collections::VecDeque;
use std::sync::Arc;

use super::rules::Rules;
use super::scan::Scanner;
use crate::ansi::TextSink;

/// Most that waits beside the beginning of one secret, counted as [`BREAK_WEIGHT`] a line end: empty lines between two
/// halves of a secret are many before they are too many.
const MAX_WAITING: usize = 64 * 1024;

/// What a line end or a colour counts as.
const BREAK_WEIGHT: usize = 64;

/// Hides secrets in what one channel prints.
#[derive(Debug)]
pub(crate) struct Redactor {
    rules: Arc<Rules>,
    scanner: Scanner,
    /// What waits, oldest first.
    waiting: VecDeque<Event>,
    /// How many line ends wait, and what everything but text weighs.
    line_ends: usize,
    weight: usize,
    /// The position of the first byte that has not gone on.
    done: u64,
    /// Whether the byte before it was hidden, so that what is hidden next has its marker.
    hiding: bool,
    /// Whether this line shows anything, and whether anything of it is hidden.
    shows: bool,
    hides: bool,
}

#[derive(Debug)]
enum Event {
    Text { text: String, passed: usize },
    Colour(String),
    Newline,
    CarriageReturn,
    Erase { whole: bool },
}

impl Redactor {
    pub(super) fn new(rules: Arc<Rules>) -> Self {
        Self {
            scanner: Scanner::new(Arc::clone(&rules)),
            rules,
            waiting: VecDeque::new(),
            line_ends: 0,
            weight: 0,
            done: 0,
            hiding: false,
            shows: false,
            hides: false,
        }
    }

    /// The stage before a sink.
    pub(crate) fn before<'a, S>(&'a mut self, sink: &'a mut S) -> Stage<'a, S> {
        Stage {
            redactor: self,
            sink,
        }
    }

    /// Whether a complete line waits for what follows.
    pub(crate) const fn holds_lines(&self) -> bool {
        self.line_ends > 0
    }

    /// Lets complete lines go, because nothing follows for a while.
    pub(crate) fn settle(&mut self, sink: &mut impl TextSink) {
        let floor = self.scanner.line_start();
        self.scanner.settle(floor);
        self.advance(sink);
    }

    /// Lets everything go: the text has ended.
    pub(crate) fn finish(&mut self, sink: &mut impl TextSink) {
        self.scanner.settle(self.scanner.position());
        self.scanner.restart();
        self.advance(sink);
        self.hiding = false;
    }

    fn wait(&mut self, event: Event) {
        match event {
            Event::Text { .. } => {}
            Event::Newline => {
                self.line_ends += 1;
                self.weight += BREAK_WEIGHT;
            }
            Event::Colour(_) | Event::CarriageReturn | Event::Erase { .. } => {
                self.weight += BREAK_WEIGHT;
            }
        }
        self.waiting.push_back(event);
    }

    /// Lets go what is decided.
    fn advance(&mut self, sink: &mut impl TextSink) {
        let decided = self.scanner.decided();
        while let Some(event) = self.waiting.pop_front() {
            if let Event::Text { text, passed } = event {
                let rest = &text[passed..];
                let go = usize::try_from(decided.saturating_sub(self.done)).unwrap_or(usize::MAX);
                let go = go.min(rest.len());
                self.let_go(&rest[..go], sink);
                if go < rest.len() {
                    let passed = passed + go;
                    self.waiting.push_front(Event::Text { text, passed });
                    break;
                }
            } else {
                // Everything before it has gone on.
                self.weight -= BREAK_WEIGHT;
                self.line_ends -= usize::from(matches!(event, Event::Newline));
                self.let_break_go(&event, sink);
            }
        }
        self.scanner.passed(self.done);
    }

    /// Shows a piece of text, with markers for what is hidden.
    fn let_go(&mut self, piece: &str, sink: &mut impl TextSink) {
        let mut rest = piece;
        while !rest.is_empty() {
            let (hidden, until) = match self.scanner.hidden_after(self.done) {
                Some(range) if range.start <= self.done => (true, range.end),
                Some(range) => (false, range.start),
                None => (false, u64::MAX),
            };
            let len = usize::try_from(until - self.done)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (part, after) = rest.split_at(len);
            if !hidden {
                sink.text(part);
                self.shows = true;
            } else if !self.hiding {
                sink.text(&self.rules.marker);
                self.shows = true;
            }
            self.hides |= hidden;
            self.hiding = hidden;
            self.done += len as u64;
            rest = after;
        }
    }

    fn let_break_go(&mut self, event: &Event, sink: &mut impl TextSink) {
        match event {
            Event::Text { .. } => {}
            Event::Colour(sequence) => sink.colour(sequence),
            Event::CarriageReturn => sink.carriage_return(),
            Event::Erase { whole } => sink.erase(*whole),
            Event::Newline => {
                // What is left of a line that the rest of a secret was all of is no line.
                if self.shows || !self.hides {
                    sink.newline();
                }
                (self.shows, self.hides) = (false, false);
            }
        }
    }
}

/// A redactor in front of a sink.
pub(crate) struct Stage<'a, S> {
    redactor: &'a mut Redactor,
    sink: &'a mut S,
}

impl<S: TextSink> Stage<'_, S> {
    fn pass_break(&mut self, event: Event) {
        if self.redactor.waiting.is_empty() {
            // Whatever came before has gone on, so it was decided.
            self.redactor.let_break_go(&event, self.sink);
            return;
        }
        let is_line_end = matches!(event, Event::Newline | Event::CarriageReturn);
        if self.redactor.weight > MAX_WAITING && !is_line_end {
            // So many colours within one line that is not decided: the text matters, they do not.
            return;
        }
        self.redactor.wait(event);
        self.redactor.advance(self.sink);
        if self.redactor.weight > MAX_WAITING {
            self.redactor.settle(self.sink);
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
            && redactor.scanner.hidden_after(redactor.done).is_none();
        if is_clean {
            self.sink.text(text);
            (redactor.done, redactor.hiding, redactor.shows) = (position, false, true);
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

    fn colour(&mut self, sequence: &str) {
        self.pass_break(Event::Colour(sequence.to_owned()));
    }

    fn newline(&mut self) {
        self.redactor.scanner.line_end();
        self.pass_break(Event::Newline);
    }

    fn carriage_return(&mut self) {
        self.redactor.scanner.line_end();
        self.pass_break(Event::CarriageReturn);
    }

    fn erase(&mut self, whole: bool) {
        self.pass_break(Event::Erase { whole });
    }
}
