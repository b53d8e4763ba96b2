//! What a terminal would show of a text: lines, with or without their colours.
//!
//! A build log is hostile input, because it reaches somebody's terminal or browser. And a program that writes over its own
//! line means the result, not the steps. So this keeps the row that is being written as a terminal does, but without a
//! right margin:
//!
//! | what | effect |
//! |---|---|
//! | a carriage return, a backspace, a move to the left | what follows is written over the text; what is not written over stays |
//! | a move to the right, or to a column | spaces, if text follows |
//! | erased, deleted and inserted parts of the row | as in a terminal |
//! | a move to another row, a clear of the screen, the alternate screen | ends the line. A log cannot go back to a line |
//! | colours and other attributes | removed, or kept ([`Ansi::KeepColours`]). They apply until they are reset, also in later lines |
//! | titles, links, and all other sequences | removed |
//!
//! A character has the width that Unicode gives it, tab stops are eight columns apart, and moves end at column 500.
//!
//! **Invariant:** a text contains no control character except tab. Memory is bounded by the limit of a line, and the time
//! is linear in the length of the input.

mod cells;
mod parser;
mod row;
mod style;
mod styled;

use self::parser::{Control, Parser, Sink};
use self::row::Row;
pub use self::style::Style;
pub use self::styled::StyledLine;

/// What happens to terminal control sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ansi {
    /// All are removed. The existing producer does the same.
    #[default]
    Strip,
    /// Colours and other text attributes (SGR) are kept, for viewers that render them. Everything else is removed.
    KeepColours,
}

/// Turns the output of a program into the lines that a terminal would show.
///
/// ```
/// use log_redact::{Ansi, Screen};
///
/// let mut screen = Screen::new(Ansi::Strip, 1_000);
/// let mut lines = Vec::new();
/// screen.push("10 %\r20 %\r\x1b[32mdone\x1b[K\x1b[0m\nnext", |line| lines.push(line.text));
/// assert_eq!(lines, ["done"]);
/// assert_eq!(screen.open_line().text, "next");
/// ```
#[derive(Debug)]
pub struct Screen {
    mode: Ansi,
    parser: Parser,
    row: Row,
    /// How the next text looks.
    pen: Style,
    /// Whether a move has ended the last line. A line end right after it ends nothing more.
    has_moved: bool,
    max: usize,
}

impl Screen {
    /// An empty screen. A line that is longer than `max` bytes or columns is not kept as a whole: see
    /// [`StyledLine::overflow`].
    #[must_use]
    pub fn new(mode: Ansi, max: usize) -> Self {
        Self {
            mode,
            parser: Parser::default(),
            row: Row::new(max),
            pen: Style::DEFAULT,
            has_moved: false,
            max,
        }
    }

    /// Takes a piece of text, and passes each complete line to `out`.
    pub fn push(&mut self, piece: &str, mut out: impl FnMut(StyledLine)) {
        let Self {
            mode,
            parser,
            row,
            pen,
            has_moved,
            ..
        } = self;
        let keeps_colours = *mode == Ansi::KeepColours;
        let mut writer = Writer {
            row,
            pen,
            has_moved,
            keeps_colours,
            out: &mut out,
        };
        parser.push(piece, &mut writer);
    }

    /// The present state of the line that has not ended yet. It may be empty.
    #[must_use]
    pub fn open_line(&self) -> StyledLine {
        self.row.line()
    }

    /// Whether there may be something in the line that has not ended yet.
    #[must_use]
    pub fn has_open_line(&self) -> bool {
        self.row.is_used()
    }

    /// Ends the text. Returns the last line if it has no line end. After that a new text may begin.
    pub fn finish(&mut self) -> Option<StyledLine> {
        let line = self.row.take();
        *self = Self::new(self.mode, self.max);
        (!line.text.is_empty() || line.overflow > 0).then_some(line)
    }
}

/// Writes what the parser finds.
struct Writer<'a> {
    row: &'a mut Row,
    pen: &'a mut Style,
    has_moved: &'a mut bool,
    keeps_colours: bool,
    out: &'a mut dyn FnMut(StyledLine),
}

impl Sink for Writer<'_> {
    fn text(&mut self, text: &str) {
        self.row.write(text, *self.pen);
    }

    fn control(&mut self, control: Control) {
        if self.row.control(control, *self.pen) {
            return;
        }
        let line = self.row.take();
        let is_visible = line.is_visible();
        let is_move = control != Control::LineFeed;
        let ends_nothing = is_move || (*self.has_moved && line.text.is_empty());
        if is_visible || !ends_nothing {
            (self.out)(line);
        }
        *self.has_moved = is_move && (is_visible || *self.has_moved);
        if let Control::OtherRow(column @ 1..) = control {
            self.row.control(Control::Column(column), *self.pen);
        }
    }

    fn attributes(&mut self, parameters: &str) {
        if self.keeps_colours {
            self.pen.apply(parameters);
        }
    }
}

#[cfg(test)]
mod tests;
