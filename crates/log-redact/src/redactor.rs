//! Hides secrets in the lines of one channel, as they come.
//!
//! Each line is judged alone, apart from three things that reach over a line end: a registered secret ([`crate::registered`]),
//! the body of a private key ([`crate::key_block`]), and a wrapped token ([`crate::wrapped`]). A line comes out for each
//! line that goes in.
//!
//! A line waits only if its end is the beginning of a registered secret, and only for the next line.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::ansi::StyledLine;
use crate::key_block::KeyBlock;
use crate::painted::Painted;
use crate::patterns;
use crate::ranges::Ranges;
use crate::registered::{Across, Carry, Scratch};
use crate::rules::Rules;
use crate::wrapped::Wrapped;

/// A line, in whatever form its owner keeps it.
pub trait Line: Sized {
    /// What is shown, without colours.
    fn text(&self) -> Cow<'_, str>;

    /// The line with a marker in the place of each hidden range of its text. The ranges are in order.
    #[must_use]
    fn hide(self, hidden: &[Range<usize>], marker: &str) -> Self;

    /// Whether the line had more than its text: it was too long to be kept. Then a secret may be cut at its end.
    fn is_cut(&self) -> bool {
        false
    }
}

/// A text without control characters, apart from colours (`ESC [ … m`).
impl Line for String {
    fn text(&self) -> Cow<'_, str> {
        Painted::new(self).bare
    }

    fn hide(self, hidden: &[Range<usize>], marker: &str) -> Self {
        Painted::new(&self).with_hidden(hidden, marker)
    }
}

/// A marker looks like the beginning of what it replaces.
impl Line for StyledLine {
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.text)
    }

    fn hide(self, hidden: &[Range<usize>], marker: &str) -> Self {
        let mut shown = Self::default();
        let mut hidden = hidden.iter().peekable();
        let mut at = 0;
        for (part, style) in self.parts() {
            let end = at + part.len();
            while at < end {
                // Ranges that have been passed.
                while hidden.next_if(|range| range.end <= at).is_some() {}
                let next = hidden.peek().map_or(end..end, |range| (*range).clone());
                if next.start <= at && at < next.end {
                    if next.start == at {
                        shown.push(marker, style);
                    }
                    at = next.end.min(end);
                } else {
                    let until = next.start.min(end);
                    shown.push(&self.text[at..until], style);
                    at = until;
                }
            }
        }
        shown.overflow = self.overflow;
        shown
    }

    fn is_cut(&self) -> bool {
        self.overflow > 0
    }
}

/// Hides secrets in the lines of one channel.
///
/// ```
/// use log_redact::Redaction;
///
/// let mut redactor = Redaction::default().redactor();
/// let mut out = Vec::new();
/// for line in ["-----BEGIN PRIVATE KEY-----", "MC4CAQAwBQYDK2VwBCIEIJ8K3n", "-----END PRIVATE KEY-----", "done"] {
///     redactor.push(line.to_owned(), |line| out.push(line));
/// }
/// redactor.finish(|line| out.push(line));
/// assert_eq!(out, ["-----BEGIN PRIVATE KEY-----", "[REDACTED]", "-----END PRIVATE KEY-----", "done"]);
/// ```
pub struct Redactor<L = String> {
    /// `None` hides nothing.
    rules: Option<Arc<Rules>>,
    /// What the lines so far have begun of registered secrets.
    carry: Carry,
    /// What they had begun when the rules were changed. Each ends when nothing of it is left.
    earlier: Vec<Earlier>,
    /// The private key that the lines so far have begun.
    block: Option<KeyBlock>,
    /// The wrapped token that the lines so far have begun.
    wrapped: Option<Wrapped>,
    /// The lines that wait, oldest first.
    held: VecDeque<Held<L>>,
    scratch: Scratch,
}

/// Rules that were replaced while a registered secret had begun.
struct Earlier {
    rules: Arc<Rules>,
    carry: Carry,
}

/// A line that waits for the next one.
struct Held<L> {
    line: L,
    /// The length of its text.
    len: usize,
    hidden: Ranges,
}

impl<L: Line> Redactor<L> {
    /// The longest time that a line may wait. Whoever has a clock calls [`Redactor::release_held_lines`] then.
    pub const MAX_HOLD: Duration = Duration::from_millis(100);

    pub(crate) fn new(rules: Option<Arc<Rules>>) -> Self {
        Self {
            rules,
            carry: Carry::NEW,
            earlier: Vec::new(),
            block: None,
            wrapped: None,
            held: VecDeque::new(),
            scratch: Scratch::default(),
        }
    }

    /// Takes a complete line, and passes lines to `out`: this one, unless it waits, and those that waited for it.
    pub fn push(&mut self, line: L, mut out: impl FnMut(L)) {
        let Some(rules) = self.rules.clone() else {
            out(line);
            return;
        };
        let text = line.text();
        let len = text.len();
        let mut hidden = Ranges::default();
        self.find(&rules, &text, line.is_cut(), &mut hidden);
        drop(text);
        if !self.carries().any(Carry::has_begun) {
            self.emit_held(&rules, &mut out);
            emit(&rules, line, hidden, &mut out);
            return;
        }
        self.held.push_back(Held { line, len, hidden });
        self.emit_settled(&rules, &mut out);
    }

    /// Whether a line waits for the next one.
    #[must_use]
    pub fn holds_lines(&self) -> bool {
        !self.held.is_empty()
    }

    /// Passes the lines that wait to `out`, because nothing follows for a while. If the end of a line is most of a
    /// registered secret, that part is hidden. The rest of the secret is hidden when it comes.
    pub fn release_held_lines(&mut self, mut out: impl FnMut(L)) {
        if let Some(rules) = self.rules.clone() {
            let most = self.carries().map(Carry::hidden_if_it_ends).max();
            self.hide_back(most.unwrap_or_default(), false);
            self.emit_held(&rules, &mut out);
        }
    }

    /// Ends the text: passes the lines that wait to `out`, and forgets what they have begun.
    pub fn finish(&mut self, out: impl FnMut(L)) {
        self.release_held_lines(out);
        self.carry = Carry::NEW;
        self.earlier.clear();
        self.block = None;
        self.wrapped = None;
    }

    /// Takes other rules, for the next line and for those that wait.
    pub(crate) fn set_rules(&mut self, rules: Arc<Rules>) {
        let carry = std::mem::replace(&mut self.carry, Carry::NEW);
        let earlier = self.rules.replace(Arc::clone(&rules));
        if let Some(rules) = earlier.filter(|_| carry.has_begun()) {
            self.earlier.push(Earlier { rules, carry });
        }
        let Some(registered) = &rules.registered else {
            return;
        };
        for mut held in std::mem::take(&mut self.held) {
            let text = held.line.text();
            let (carry, scratch) = (&mut self.carry, &mut self.scratch);
            let across = registered.find(&text, carry, scratch, &mut held.hidden);
            drop(text);
            self.hide_across(across);
            self.held.push_back(held);
        }
    }

    /// The present state of a line that has not ended. A secret that may be half there is hidden. This changes nothing: the
    /// complete line is pushed later.
    #[must_use]
    pub fn open_line(&self, line: L) -> L {
        let Some(rules) = &self.rules else {
            return line;
        };
        let text = line.text();
        let mut hidden = Ranges::default();
        if rules.patterns {
            if let Some(mut block) = self.block.clone() {
                block.next_line(&text, &mut hidden);
            }
            if let Some(mut wrapped) = self.wrapped {
                wrapped.next_line(&text, &mut hidden);
            }
            patterns::find(&text, true, &mut hidden);
        }
        if let Some(registered) = &rules.registered {
            registered.find_open(&text, &self.carry, &mut hidden);
        }
        for Earlier { rules, carry } in &self.earlier {
            if let Some(registered) = &rules.registered {
                registered.find_open(&text, carry, &mut hidden);
            }
        }
        drop(text);
        if hidden.is_empty() {
            return line;
        }
        line.hide(&hidden.merged(), &rules.marker)
    }

    /// Finds what to hide in the next line, and in the lines that wait.
    fn find(&mut self, rules: &Rules, line: &str, is_cut: bool, hidden: &mut Ranges) {
        if rules.patterns {
            self.find_patterns(line, is_cut, hidden);
        }
        if let Some(registered) = &rules.registered {
            if is_cut {
                registered.find_open(line, &self.carry, hidden);
            }
            let across = registered.find(line, &mut self.carry, &mut self.scratch, hidden);
            self.hide_across(across);
        }
        for mut earlier in std::mem::take(&mut self.earlier) {
            if let Some(registered) = &earlier.rules.registered {
                let carry = &mut earlier.carry;
                let across = registered.find(line, carry, &mut self.scratch, hidden);
                self.hide_across(across);
            }
            if earlier.carry.has_begun() {
                self.earlier.push(earlier);
            }
        }
    }

    /// What the lines so far have begun, by the present rules and by earlier ones.
    fn carries(&self) -> impl Iterator<Item = &Carry> {
        let earlier = self.earlier.iter().map(|earlier| &earlier.carry);
        std::iter::once(&self.carry).chain(earlier)
    }

    fn hide_across(&mut self, across: Across) {
        self.hide_back(across.with_line_ends, true);
        self.hide_back(across.wrapped, false);
    }

    fn find_patterns(&mut self, line: &str, is_cut: bool, hidden: &mut Ranges) {
        let was_in_block = self.block.is_some();
        if let Some(block) = &mut self.block
            && !block.next_line(line, hidden)
        {
            self.block = None;
        }
        let goes_on = self
            .wrapped
            .as_mut()
            .is_some_and(|wrapped| wrapped.next_line(line, hidden));
        if !goes_on {
            self.wrapped = None;
        }
        let mut found = Ranges::default();
        let next = patterns::find(line, is_cut, &mut found);
        if next.block.is_some() {
            self.block = next.block;
        }
        let found = found.merged();
        if let Some(last) = found.last().filter(|last| last.end == line.len())
            && !was_in_block
            && !goes_on
        {
            self.wrapped = Wrapped::at_end(line, last.start);
        }
        for range in found {
            hidden.add(range);
        }
    }

    /// Hides the last bytes of the lines that wait. `line_ends` says whether line ends count.
    fn hide_back(&mut self, bytes: usize, line_ends: bool) {
        let mut rest = bytes;
        for held in self.held.iter_mut().rev() {
            if line_ends {
                rest = rest.saturating_sub(1);
            }
            if rest == 0 {
                break;
            }
            let part = rest.min(held.len);
            held.hidden.add(held.len - part..held.len);
            rest -= part;
        }
    }

    /// Passes on the lines that nothing later can change.
    fn emit_settled(&mut self, rules: &Rules, out: &mut impl FnMut(L)) {
        let (mut wrapped, mut with_line_ends) = (0, 0);
        for carry in self.carries() {
            wrapped = carry.begun().max(wrapped);
            with_line_ends = carry.begun_with_line_ends().max(with_line_ends);
        }
        let mut kept = 0;
        for held in self.held.iter().rev() {
            if wrapped == 0 && with_line_ends == 0 {
                break;
            }
            kept += 1;
            wrapped = wrapped.saturating_sub(held.len);
            with_line_ends = with_line_ends.saturating_sub(held.len + 1);
        }
        for held in self.held.drain(..self.held.len() - kept) {
            emit(rules, held.line, held.hidden, out);
        }
    }

    fn emit_held(&mut self, rules: &Rules, out: &mut impl FnMut(L)) {
        for held in self.held.drain(..) {
            emit(rules, held.line, held.hidden, out);
        }
    }
}

fn emit<L: Line>(rules: &Rules, line: L, hidden: Ranges, out: &mut impl FnMut(L)) {
    if hidden.is_empty() {
        out(line);
    } else {
        out(line.hide(&hidden.merged(), &rules.marker));
    }
}

/// Never shows the text that waits.
impl<L> fmt::Debug for Redactor<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor")
            .field("held", &self.held.len())
            .field("in_key_block", &self.block.is_some())
            .finish_non_exhaustive()
    }
}
