//! Terminal control sequences: which are removed, which are kept, and what they mean for a line.
//!
//! A build log is hostile input: whatever a command prints reaches somebody's terminal or browser. So by
//! default nothing but text passes, and on request text and colours. Sequences may be split anywhere.
//!
//! Two families are not just removed, because a terminal would show something else without them: a move to the
//! first column (`CSI G`, as npm's spinner does it) is a carriage return, and an erased line (`CSI K`) is empty.
//!
//! **Invariant:** what comes out holds no control character but tab, and no `ESC` but in a whole
//! colour sequence `ESC [ … m`, and that only under [`Ansi::KeepColours`].

/// What happens to terminal control sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ansi {
    /// All are removed, as the existing producer does.
    #[default]
    Strip,
    /// Colours and other text attributes (SGR) are kept, for viewers that render them. Everything else is removed.
    KeepColours,
}

/// What the filter tells its consumer.
pub(crate) trait TextSink {
    /// Text to show, without any control character but tab.
    fn text(&mut self, text: &str);
    /// A whole colour sequence; comes under [`Ansi::KeepColours`] alone.
    fn colour(&mut self, sequence: &str);
    /// The line is complete.
    fn newline(&mut self);
    /// What follows overwrites the line from its beginning.
    fn carriage_return(&mut self);
    /// The line is erased: whole, or from the position on.
    fn erase(&mut self, whole: bool);
}

/// Longest parameters of a colour sequence that are kept, in bytes: a full foreground, background and
/// underline colour with every attribute fits. Longer sequences are removed.
const MAX_PARAMETERS: usize = 64;

/// Takes terminal control sequences out of text that arrives in pieces.
#[derive(Debug)]
pub(crate) struct AnsiFilter {
    mode: Ansi,
    state: State,
    /// The control sequence so far, as `ESC [` and its parameters; bounded by [`MAX_PARAMETERS`].
    sequence: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Text.
    Ground,
    /// After `ESC`, and after its intermediate characters (`ESC ( B`).
    Escape,
    /// In a control sequence, `CSI … final`.
    Csi {
        /// Whether it is one that is removed unread: it has intermediate characters or is too long.
        odd: bool,
    },
    /// In a string for the terminal (OSC, DCS, APC, PM, SOS), which ends at `ST`, or at `BEL`.
    Text,
}

impl AnsiFilter {
    /// A filter at the beginning of a text.
    pub(crate) fn new(mode: Ansi) -> Self {
        Self {
            mode,
            state: State::Ground,
            sequence: String::new(),
        }
    }

    /// Filters one piece.
    pub(crate) fn push(&mut self, piece: &str, sink: &mut impl TextSink) {
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
        // These end or begin a sequence wherever they stand, so that a broken one never eats a line's end.
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
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => self.state = State::Text,
            // CAN, SUB and ST.
            '\u{18}' | '\u{1a}' | '\u{9c}' => self.state = State::Ground,
            _ => self.step_inside(character, sink),
        }
    }

    fn step_inside(&mut self, character: char, sink: &mut impl TextSink) {
        match self.state {
            State::Ground => show(character, sink),
            State::Escape => self.escape(character, sink),
            State::Csi { odd } => self.csi(character, odd, sink),
            State::Text => {
                if character == '\u{7}' {
                    self.state = State::Ground;
                }
            }
        }
    }

    fn escape(&mut self, character: char, sink: &mut impl TextSink) {
        match character {
            '[' => self.begin_csi(),
            ']' | 'P' | 'X' | '^' | '_' => self.state = State::Text,
            // An intermediate character, or a control character, which a terminal obeys in passing.
            '\0'..='/' | '\u{7f}' => {}
            '0'..='~' => self.state = State::Ground,
            _ => self.abort(character, sink),
        }
    }

    fn csi(&mut self, character: char, odd: bool, sink: &mut impl TextSink) {
        match character {
            '0'..='?' if odd => {}
            '0'..='?' if self.sequence.len() < MAX_PARAMETERS => self.sequence.push(character),
            ' '..='?' => self.state = State::Csi { odd: true },
            '@'..='~' => {
                self.state = State::Ground;
                if !odd {
                    self.dispatch(character, sink);
                }
            }
            '\0'..='\u{1f}' | '\u{7f}' => {}
            _ => self.abort(character, sink),
        }
    }

    /// Obeys the few control sequences that matter to a log.
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
        self.state = State::Csi { odd: false };
        self.sequence.clear();
        self.sequence.push_str("\u{1b}[");
    }

    /// A character that no sequence can hold: the sequence is dropped, the character is text.
    fn abort(&mut self, character: char, sink: &mut impl TextSink) {
        self.state = State::Ground;
        show(character, sink);
    }
}

/// Whether the parameters are those of a colour sequence: `<`, `=`, `>` and `?` make it a private one.
fn is_colour(parameters: &str) -> bool {
    parameters
        .bytes()
        .all(|b| b.is_ascii_digit() || b == b';' || b == b':')
}

/// How many bytes at the beginning of a text hold no control character but tab.
fn plain_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|b| is_suspect(*b)) {
        at += found;
        // 0xC2 leads U+0080 to U+00BF, of which the first half are controls.
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

/// Shows a character, unless it is a control character.
fn show(character: char, sink: &mut impl TextSink) {
    if character == '\t' || !character.is_control() {
        sink.text(character.encode_utf8(&mut [0; 4]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes what it is told as text: `⏎`, `↩`, `⌫` (to the end) and `⌦` (whole).
    #[derive(Default)]
    struct Tape(String);

    impl TextSink for Tape {
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
        let mut tape = Tape::default();
        for piece in pieces {
            filter.push(piece, &mut tape);
        }
        tape.0
    }

    #[track_caller]
    fn check(input: &str, stripped: &str, coloured: &str) {
        for (mode, expected) in [(Ansi::Strip, stripped), (Ansi::KeepColours, coloured)] {
            assert_eq!(filter(mode, [input]), expected, "{mode:?} {input:?}");
            let mut buffer = [0; 4];
            let mut filter_by_character = AnsiFilter::new(mode);
            let mut tape = Tape::default();
            for character in input.chars() {
                filter_by_character.push(character.encode_utf8(&mut buffer), &mut tape);
            }
            assert_eq!(tape.0, expected, "{mode:?} {input:?} by character");
        }
    }

    #[test]
    fn colours_are_stripped_or_kept() {
        check("a\x1b[1;31mb\x1b[0mc", "abc", "a\x1b[1;31mb\x1b[0mc");
        check("\x1b[38:2::1:2:3mx\x1b[m", "x", "\x1b[38:2::1:2:3mx\x1b[m");
        // The one-character form of CSI is written in the form that every viewer knows.
        check("\u{9b}32mx", "x", "\x1b[32mx");
    }

    #[test]
    fn what_only_looks_like_a_colour_is_removed() {
        check("a\x1b[>4;2mb", "ab", "ab");
        check("a\x1b[?1mb", "ab", "ab");
        check("a\x1b[1 mb", "ab", "ab");
        let long = format!("a\x1b[{}mb", "1;".repeat(40));
        check(&long, "ab", "ab");
    }

    #[test]
    fn everything_else_a_terminal_obeys_is_removed() {
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
    fn tabs_and_characters_next_to_the_controls_pass() {
        check(
            "a\tb\u{a0}\u{bf}é",
            "a\tb\u{a0}\u{bf}é",
            "a\tb\u{a0}\u{bf}é",
        );
    }

    #[test]
    fn a_broken_sequence_never_eats_the_end_of_its_line() {
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
        fn nothing_a_terminal_obeys_comes_out(
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
