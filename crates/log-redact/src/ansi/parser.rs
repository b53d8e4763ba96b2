//! Splits text into what is shown and what controls the terminal. A sequence may be split over several pieces.
//!
//! The states are those of ECMA-48 and of `vt100.net/emu/dec_ansi_parser`, with one difference: a line end always ends a
//! sequence. So a broken sequence never removes the end of its line.

use std::ops::ControlFlow;

/// What a sequence asks the terminal to do, as far as it changes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    /// The line ends.
    LineFeed,
    /// Back to the first column.
    CarriageReturn,
    /// One column back.
    Backspace,
    /// To the right, by columns.
    Right(usize),
    /// To the left, by columns.
    Left(usize),
    /// To the right, by tab stops.
    TabsRight(usize),
    /// To the left, by tab stops.
    TabsLeft(usize),
    /// To a column of this row, counted from zero.
    Column(usize),
    /// To another row, and to a column there.
    OtherRow(usize),
    /// Erases from the cursor to the end of the line.
    EraseToEnd,
    /// Erases from the beginning of the line to the cursor.
    EraseToCursor,
    /// Erases the whole line.
    EraseLine,
    /// Erases columns after the cursor. The rest stays where it is.
    EraseColumns(usize),
    /// Deletes columns after the cursor. The rest moves to the left.
    DeleteColumns(usize),
    /// Inserts blank columns. The rest moves to the right.
    InsertColumns(usize),
    /// Shows the last character again.
    Repeat(usize),
    /// Remembers the place of the cursor.
    Save,
    /// Goes back to the place that was remembered.
    Restore,
}

/// Takes what the parser finds.
pub(super) trait Sink {
    /// Text to show. It contains no control character except tab.
    fn text(&mut self, text: &str);
    fn control(&mut self, control: Control);
    /// Colours and other attributes: the parameters of a complete `CSI … m`.
    fn attributes(&mut self, parameters: &str);
}

/// The most bytes of parameters of a control sequence. Colours for text, background and underline with every attribute
/// fit. Longer sequences are ignored.
const MAX_PARAMETERS: usize = 64;

/// Splits text that comes in pieces.
#[derive(Debug, Default)]
pub(super) struct Parser {
    state: State,
    /// The parameters of the control sequence so far.
    parameters: String,
    /// Whether letters are parts of frames (`ESC ( 0`). It ends with the line: a program that forgets it must not make the
    /// rest of the log unreadable.
    draws: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Outside of any sequence.
    #[default]
    Ground,
    /// After `ESC`.
    Escape,
    /// After `ESC (`, which names the set of characters.
    Charset,
    /// After `ESC` and other intermediate characters (`ESC # 8`). The sequence means nothing for a line.
    EscapeIgnored,
    /// In a control sequence, `CSI … final`.
    Csi {
        /// Whether the sequence is ignored because it has intermediate characters or is too long.
        ignored: bool,
    },
    /// In a string for the terminal (OSC, DCS, APC, PM, SOS). It ends at `ST` or `BEL`.
    ControlString,
}

impl Parser {
    /// Splits one piece.
    pub(super) fn push(&mut self, piece: &str, sink: &mut impl Sink) {
        let mut rest = piece;
        loop {
            if self.state == State::Ground {
                let (run, special) = rest.split_at(plain_len(rest));
                if self.draws && !run.is_empty() {
                    let frames: String = run.chars().map(frame).collect();
                    sink.text(&frames);
                } else if !run.is_empty() {
                    sink.text(run);
                }
                rest = special;
            }
            let mut chars = rest.chars();
            let Some(character) = chars.next() else {
                return;
            };
            rest = chars.as_str();
            if self.anywhere(character, sink).is_continue() {
                self.inside(character, sink);
            }
        }
    }

    /// Handles the characters that end or begin a sequence wherever they come.
    fn anywhere(&mut self, character: char, sink: &mut impl Sink) -> ControlFlow<()> {
        let control = match character {
            '\n' => {
                self.draws = false;
                Some(Control::LineFeed)
            }
            '\r' => Some(Control::CarriageReturn),
            // IND, NEL and RI: to the next or to the previous row.
            '\u{84}' | '\u{85}' | '\u{8d}' => Some(Control::OtherRow(0)),
            // CAN, SUB and ST.
            '\u{18}' | '\u{1a}' | '\u{9c}' => None,
            '\u{1b}' => {
                self.state = State::Escape;
                return ControlFlow::Break(());
            }
            '\u{9b}' => {
                self.begin_csi();
                return ControlFlow::Break(());
            }
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => {
                self.state = State::ControlString;
                return ControlFlow::Break(());
            }
            _ => return ControlFlow::Continue(()),
        };
        self.state = State::Ground;
        if let Some(control) = control {
            sink.control(control);
        }
        ControlFlow::Break(())
    }

    fn inside(&mut self, character: char, sink: &mut impl Sink) {
        match self.state {
            State::Ground => show(character, sink),
            State::Escape => self.escape(character, sink),
            State::Charset => match character {
                '0'..='~' => {
                    self.draws = character == '0';
                    self.state = State::Ground;
                }
                ' '..='/' => self.state = State::EscapeIgnored,
                '\0'..='\u{1f}' | '\u{7f}' => {}
                _ => self.abort(character, sink),
            },
            State::EscapeIgnored => match character {
                '\0'..='/' | '\u{7f}' => {}
                '0'..='~' => self.state = State::Ground,
                _ => self.abort(character, sink),
            },
            State::Csi { ignored } => self.csi(character, ignored, sink),
            State::ControlString => {
                if character == '\u{7}' {
                    self.state = State::Ground;
                }
            }
        }
    }

    fn escape(&mut self, character: char, sink: &mut impl Sink) {
        match character {
            '[' => self.begin_csi(),
            ']' | 'P' | 'X' | '^' | '_' => self.state = State::ControlString,
            '(' => self.state = State::Charset,
            ' '..='/' => self.state = State::EscapeIgnored,
            // Control characters do not end the sequence.
            '\0'..='\u{1f}' | '\u{7f}' => {}
            '0'..='~' => {
                self.state = State::Ground;
                match character {
                    '7' => sink.control(Control::Save),
                    '8' => sink.control(Control::Restore),
                    // IND, NEL and RI.
                    'D' | 'E' | 'M' => sink.control(Control::OtherRow(0)),
                    // A full reset, which clears the screen.
                    'c' => {
                        self.draws = false;
                        sink.control(Control::OtherRow(0));
                        sink.attributes("0");
                    }
                    _ => {}
                }
            }
            _ => self.abort(character, sink),
        }
    }

    fn csi(&mut self, character: char, ignored: bool, sink: &mut impl Sink) {
        match character {
            '0'..='?' if ignored => {}
            '0'..='?' if self.parameters.len() < MAX_PARAMETERS => self.parameters.push(character),
            ' '..='?' => self.state = State::Csi { ignored: true },
            '@'..='~' => {
                self.state = State::Ground;
                if !ignored {
                    dispatch(character, &self.parameters, sink);
                }
            }
            '\0'..='\u{1f}' | '\u{7f}' => {}
            _ => self.abort(character, sink),
        }
    }

    fn begin_csi(&mut self) {
        self.state = State::Csi { ignored: false };
        self.parameters.clear();
    }

    /// Handles a character that no sequence can contain: drops the sequence, and shows the character.
    fn abort(&mut self, character: char, sink: &mut impl Sink) {
        self.state = State::Ground;
        show(character, sink);
    }
}

/// The part of a frame that a letter stands for, in the set of characters for drawing of the VT100.
fn frame(letter: char) -> char {
    const FRAMES: [char; 31] = [
        '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─',
        '⎼', '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
    ];
    match letter {
        '`'..='~' => FRAMES[letter as usize - '`' as usize],
        _ => letter,
    }
}

/// Handles a complete control sequence.
fn dispatch(last: char, parameters: &str, sink: &mut impl Sink) {
    if last == 'm' {
        sink.attributes(parameters);
    } else if let Some(control) = control(last, parameters) {
        sink.control(control);
    }
}

/// What a control sequence means for a line.
fn control(last: char, parameters: &str) -> Option<Control> {
    if let Some(modes) = parameters.strip_prefix('?') {
        return private_control(last, modes);
    }
    if parameters.starts_with(['<', '=', '>']) {
        return None;
    }
    let first = || number(parameters, 0);
    // A missing parameter, and zero, mean one.
    let count = || first().max(1);
    Some(match last {
        'C' | 'a' => Control::Right(count()),
        'D' => Control::Left(count()),
        'G' | '`' => Control::Column(count() - 1),
        'I' => Control::TabsRight(count()),
        'Z' => Control::TabsLeft(count()),
        'H' | 'f' => Control::OtherRow(number(parameters, 1).max(1) - 1),
        // Moves to other rows, scrolling, inserted and deleted rows.
        'A' | 'B' | 'E' | 'F' | 'd' | 'e' | 'S' | 'T' | 'L' | 'M' | 'r' => Control::OtherRow(0),
        'J' | 'K' => return erase(last, first()),
        'X' => Control::EraseColumns(count()),
        'P' => Control::DeleteColumns(count()),
        '@' => Control::InsertColumns(count()),
        'b' => Control::Repeat(count()),
        's' => Control::Save,
        'u' => Control::Restore,
        _ => return None,
    })
}

fn private_control(last: char, modes: &str) -> Option<Control> {
    // The alternate screen. With `1048` the cursor only is saved and restored.
    let is_screen = |mode: &str| matches!(mode, "47" | "1047" | "1049");
    match last {
        'h' | 'l' if modes.split(';').any(is_screen) => Some(Control::OtherRow(0)),
        'J' | 'K' => erase(last, number(modes, 0)),
        _ => None,
    }
}

fn erase(last: char, part: usize) -> Option<Control> {
    match (last, part) {
        (_, 0) => Some(Control::EraseToEnd),
        ('K', 1) => Some(Control::EraseToCursor),
        ('K', 2) => Some(Control::EraseLine),
        // A clear of the screen. What was on it stays in the log.
        ('J', _) => Some(Control::OtherRow(0)),
        _ => None,
    }
}

/// The parameter at an index. A missing one is zero, and so is one that is no number.
fn number(parameters: &str, index: usize) -> usize {
    let text = parameters.split(';').nth(index).unwrap_or_default();
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    // Only a number that is too large cannot be parsed.
    text.parse()
        .unwrap_or(if text.is_empty() { 0 } else { usize::MAX })
}

/// The number of bytes before the first control character other than tab.
fn plain_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|b| is_suspect(*b)) {
        at += found;
        // 0xC2 begins U+0080 to U+00BF. The first half of these are control characters.
        let is_control = bytes[at] != 0xc2 || bytes.get(at + 1).is_some_and(|next| *next < 0xa0);
        if is_control {
            return at;
        }
        at += 2;
    }
    bytes.len()
}

const fn is_suspect(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f || byte == 0xc2
}

/// Shows a character outside of sequences, unless it is a control character.
fn show(character: char, sink: &mut impl Sink) {
    match character {
        '\u{8}' => sink.control(Control::Backspace),
        // VT and FF go to the next row.
        '\u{b}' | '\u{c}' => sink.control(Control::OtherRow(0)),
        '\t' => sink.text("\t"),
        _ if character.is_control() => {}
        _ => sink.text(character.encode_utf8(&mut [0; 4])),
    }
}
