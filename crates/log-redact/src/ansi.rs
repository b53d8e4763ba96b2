//! Removes terminal control sequences from text, or keeps the colours only.
//!
//! A build log is hostile input, because it reaches somebody's terminal or browser. So the default passes text only; on
//! request it passes text and colours. A sequence may be split over several chunks.
//!
//! Two kinds of sequences change the line instead of just being removed, because a terminal would show another line
//! without them:
//!
//! - a move to the first column (`CSI G`, which npm's spinner uses) is a carriage return;
//! - an erased line (`CSI K`) is empty.
//!
//! **Invariant:** the output contains no control character except tab, and no `ESC` except in a complete colour sequence
//! `ESC [ … m`, and this only with [`Ansi::KeepColours`].

/// What happens to terminal control sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ansi {
    /// All are removed. The existing producer does the same.
    #[default]
    Strip,
    /// Colours and other text attributes (SGR) are kept, for viewers that render them. Everything else is removed.
    KeepColours,
}

/// Takes the output of the filter.
pub trait TextSink {
    /// Text to show. It contains no control character except tab.
    fn text(&mut self, text: &str);
    /// A complete colour sequence. Called with [`Ansi::KeepColours`] only.
    fn colour(&mut self, sequence: &str);
    /// The line is complete.
    fn newline(&mut self);
    /// The next text overwrites the line from its beginning.
    fn carriage_return(&mut self);
    /// The line is erased: the whole line, or from the cursor to its end.
    fn erase(&mut self, whole: bool);
}

/// The maximum length of the parameters of a colour sequence, in bytes. A full foreground, background and underline
/// colour with every attribute fits. Longer sequences are removed.
const MAX_PARAMETERS: usize = 64;

/// Removes terminal control sequences from text that comes in pieces.
#[derive(Debug)]
pub struct AnsiFilter {
    mode: Ansi,
    state: State,
    /// The control sequence so far: `ESC [` and its parameters. [`MAX_PARAMETERS`] bounds its length.
    sequence: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Outside of any sequence.
    Ground,
    /// After `ESC`, and after its intermediate characters (`ESC ( B`).
    Escape,
    /// In a control sequence, `CSI … final`.
    Csi {
        /// Whether the sequence is ignored because it has intermediate characters or is too long.
        ignored: bool,
    },
    /// In a string for the terminal (OSC, DCS, APC, PM, SOS). It ends at `ST` or `BEL`.
    ControlString,
}

impl AnsiFilter {
    /// A filter at the beginning of a text.
    pub fn new(mode: Ansi) -> Self {
        Self {
            mode,
            state: State::Ground,
            sequence: String::new(),
        }
    }

    /// Filters one piece.
    pub fn push(&mut self, piece: &str, sink: &mut impl TextSink) {
        let mut rest = piece;
        loop {
            if self.state == State::Ground {
                let (run, special) = rest.split_at(plain_len(rest));
                if !run.is_empty() {
                    sink.text(run);
                }
                rest = special;
            }
            let mut chars = rest.chars();
            let Some(character) = chars.next() else {
                return;
            };
            rest = chars.as_str();
            self.step(character, sink);
        }
    }

    fn step(&mut self, character: char, sink: &mut impl TextSink) {
        // These characters end or begin a sequence anywhere. So a broken sequence never removes the end of its line.
        match character {
            '\n' => {
                self.state = State::Ground;
                sink.newline();
            }
            '\r' => {
                self.state = State::Ground;
                sink.carriage_return();
            }
            '\u{1b}' => self.state = State::Escape,
            '\u{9b}' => self.begin_csi(),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => {
                self.state = State::ControlString;
            }
            // CAN, SUB and ST.
            '\u{18}' | '\u{1a}' | '\u{9c}' => self.state = State::Ground,
            _ => self.step_inside(character, sink),
        }
    }

    fn step_inside(&mut self, character: char, sink: &mut impl TextSink) {
        match self.state {
            State::Ground => show(character, sink),
            State::Escape => self.escape(character, sink),
            State::Csi { ignored } => self.csi(character, ignored, sink),
            State::ControlString => {
                if character == '\u{7}' {
                    self.state = State::Ground;
                }
            }
        }
    }

    fn escape(&mut self, character: char, sink: &mut impl TextSink) {
        match character {
            '[' => self.begin_csi(),
            ']' | 'P' | 'X' | '^' | '_' => self.state = State::ControlString,
            // Intermediate characters and control characters do not end the sequence.
            '\0'..='/' | '\u{7f}' => {}
            '0'..='~' => self.state = State::Ground,
            _ => self.abort(character, sink),
        }
    }

    fn csi(&mut self, character: char, ignored: bool, sink: &mut impl TextSink) {
        match character {
            '0'..='?' if ignored => {}
            '0'..='?' if self.sequence.len() < MAX_PARAMETERS => self.sequence.push(character),
            ' '..='?' => self.state = State::Csi { ignored: true },
            '@'..='~' => {
                self.state = State::Ground;
                if !ignored {
                    self.dispatch(character, sink);
                }
            }
            '\0'..='\u{1f}' | '\u{7f}' => {}
            _ => self.abort(character, sink),
        }
    }

    /// Handles the few control sequences that change a line.
    fn dispatch(&mut self, last: char, sink: &mut impl TextSink) {
        let parameters = &self.sequence[2..];
        match (last, parameters) {
            ('m', _) if self.mode == Ansi::KeepColours && is_colour(parameters) => {
                self.sequence.push('m');
                sink.colour(&self.sequence);
            }
            ('G', "" | "0" | "1") => sink.carriage_return(),
            ('K', "" | "0") => sink.erase(false),
            ('K', "2") => sink.erase(true),
            _ => {}
        }
    }

    fn begin_csi(&mut self) {
        self.state = State::Csi { ignored: false };
        self.sequence.clear();
        self.sequence.push_str("\u{1b}[");
    }

    /// Handles a character that no sequence can contain: drops the sequence, and shows the character.
    fn abort(&mut self, character: char, sink: &mut impl TextSink) {
        self.state = State::Ground;
        show(character, sink);
    }
}

/// Whether the parameters can belong to a colour sequence. With `<`, `=`, `>` or `?` the sequence is a private one.
fn is_colour(parameters: &str) -> bool {
    parameters
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b';' || b == b':')
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

/// Shows a character unless it is a control character.
fn show(character: char, sink: &mut impl TextSink) {
    if character == '\t' || !character.is_control() {
        sink.text(character.encode_utf8(&mut [0; 4]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Records the calls as text: `⏎`, `↩`, `⌫` (erase to the end) and `⌦` (erase the whole line).
    #[derive(Default)]
    struct Recorder(String);

    impl TextSink for Recorder {
        fn text(&mut self, text: &str) {
            self.0.push_str(text);
        }
        fn colour(&mut self, sequence: &str) {
            self.0.push_str(sequence);
        }
        fn newline(&mut self) {
            self.0.push('⏎');
        }
        fn carriage_return(&mut self) {
            self.0.push('↩');
        }
        fn erase(&mut self, whole: bool) {
            self.0.push(if whole { '⌦' } else { '⌫' });
        }
    }

    fn filter<'a>(mode: Ansi, pieces: impl IntoIterator<Item = &'a str>) -> String {
        let mut filter = AnsiFilter::new(mode);
        let mut recorder = Recorder::default();
        for piece in pieces {
            filter.push(piece, &mut recorder);
        }
        recorder.0
    }

    #[track_caller]
    fn check(input: &str, stripped: &str, coloured: &str) {
        for (mode, expected) in [(Ansi::Strip, stripped), (Ansi::KeepColours, coloured)] {
            assert_eq!(filter(mode, [input]), expected, "{mode:?} {input:?}");
            let mut buffer = [0; 4];
            let mut filter_by_character = AnsiFilter::new(mode);
            let mut recorder = Recorder::default();
            for character in input.chars() {
                filter_by_character.push(character.encode_utf8(&mut buffer), &mut recorder);
            }
            assert_eq!(recorder.0, expected, "{mode:?} {input:?} by character");
        }
    }

    #[test]
    fn colours_are_stripped_or_kept() {
        check("a\x1b[1;31mb\x1b[0mc", "abc", "a\x1b[1;31mb\x1b[0mc");
        check("\x1b[38:2::1:2:3mx\x1b[m", "x", "\x1b[38:2::1:2:3mx\x1b[m");
        // The one-character form of CSI becomes the form that every viewer knows.
        check("\u{9b}32mx", "x", "\x1b[32mx");
    }

    #[test]
    fn a_sequence_that_only_looks_like_a_colour_is_removed() {
        check("a\x1b[>4;2mb", "ab", "ab");
        check("a\x1b[?1mb", "ab", "ab");
        check("a\x1b[1 mb", "ab", "ab");
        let long = format!("a\x1b[{}mb", "1;".repeat(40));
        check(&long, "ab", "ab");
    }

    #[test]
    fn all_other_control_sequences_are_removed() {
        for sequence in [
            "\x1b[2J",
            "\x1b[10;10H",
            "\x1b[3A",
            "\x1b[?25l",
            "\x1b[6n",
            "\x1b[1P",
            "\x1b[!p",
            "\x1b(B",
            "\x1bc",
            "\x1b7",
            "\x1b]0;title\x07",
            "\x1b]0;title\x1b\\",
            "\x1b]52;c;aGk=\x07",
            "\x1b]8;;https://example.org\x1b\\",
            "\u{9d}0;title\u{9c}",
            "\x1bPq#0;2;0;0;0\x1b\\",
            "\x1b_Gf=100\x1b\\",
            "\x1b^private\x1b\\",
            "\x1bXstring\x1b\\",
            "\u{90}q\u{9c}",
            "\x00\x01\x05\x07\x08\x0b\x0c\x0e\x0f\x7f",
            "\u{80}\u{84}\u{85}\u{8d}\u{99}",
        ] {
            check(&format!("a{sequence}b"), "ab", "ab");
        }
    }

    #[test]
    fn tabs_and_printable_characters_near_the_control_range_pass() {
        check(
            "a\tb\u{a0}\u{bf}é",
            "a\tb\u{a0}\u{bf}é",
            "a\tb\u{a0}\u{bf}é",
        );
    }

    #[test]
    fn a_broken_sequence_never_removes_the_end_of_its_line() {
        check("a\x1b]0;title\nb", "a⏎b", "a⏎b");
        check("a\x1b[31\nb", "a⏎b", "a⏎b");
        check("a\x1b\nb", "a⏎b", "a⏎b");
        check("a\x1b[31\rb", "a↩b", "a↩b");
        check("a\x1bPq\x18b", "ab", "ab");
        check("a\x1b[3é", "aé", "aé");
        check("a\x1b[3\x1b[31mb", "ab", "a\x1b[31mb");
        check("a\x1b]0;x\x1b[31mb", "ab", "a\x1b[31mb");
    }

    #[test]
    fn a_move_to_the_first_column_is_a_carriage_return() {
        check("⠙\x1b[1G\x1b[0K⠹", "⠙↩⌫⠹", "⠙↩⌫⠹");
        check("a\x1b[Gb\x1b[5Gc", "a↩bc", "a↩bc");
        check("a\x1b[2Kb\x1b[1Kc\x1b[Kd", "a⌦bc⌫d", "a⌦bc⌫d");
    }

    proptest! {
        #[test]
        fn the_output_contains_no_control_sequence_but_colours(
            pieces in proptest::collection::vec("[\\x00-\\x1f\\x7f-\\x9fa-zA-Z0-9;:?<\\[\\]\\\\ é]{0,12}", 0..12),
        ) {
            let whole: String = pieces.concat();
            for mode in [Ansi::Strip, Ansi::KeepColours] {
                let out = filter(mode, pieces.iter().map(String::as_str));
                prop_assert_eq!(&out, &filter(mode, [whole.as_str()]));
                let mut rest = out.as_str();
                while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
                    prop_assert_eq!(mode, Ansi::KeepColours);
                    let sequence = &rest[at..];
                    let end = sequence.find('m').unwrap();
                    prop_assert!(sequence.starts_with("\x1b["));
                    prop_assert!(is_colour(&sequence[2..end]), "{:?}", sequence);
                    rest = &sequence[end..];
                }
            }
        }
    }
}
