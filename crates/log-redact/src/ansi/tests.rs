//! Tests of the screen: with tables, and with a terminal emulator to compare with.

use proptest::prelude::*;

use super::*;

const MAX: usize = 100_000;

/// The lines of a text that comes in pieces.
fn lines<'a>(mode: Ansi, pieces: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut screen = Screen::new(mode, MAX);
    let mut lines = Vec::new();
    for piece in pieces {
        screen.push(piece, |line| lines.push(line.into_text()));
    }
    lines.extend(screen.finish().map(StyledLine::into_text));
    lines
}

#[track_caller]
fn check_mode(mode: Ansi, input: &str, expected: &[&str]) {
    assert_eq!(lines(mode, [input]), expected, "{mode:?} {input:?}");
    let characters: Vec<String> = input.chars().map(String::from).collect();
    let by_character = lines(mode, characters.iter().map(String::as_str));
    assert_eq!(by_character, expected, "{mode:?} {input:?} by character");
}

/// Checks the lines of an input that has no colours.
#[track_caller]
fn check(input: &str, expected: &[&str]) {
    check_mode(Ansi::Strip, input, expected);
    check_mode(Ansi::KeepColours, input, expected);
}

#[track_caller]
fn check_colours(input: &str, expected: &[&str]) {
    check_mode(Ansi::KeepColours, input, expected);
}

#[test]
fn a_carriage_return_overwrites_only_what_is_written_after_it() {
    check(" 1 %\r 50 %\r100 %\ndone\n", &["100 %", "done"]);
    check("long text\rab\n", &["abng text"]);
    check("long text\rab\x1b[K\n", &["ab"]);
    check("a\r\nb\r\r\n\r\nc", &["a", "b", "", "c"]);
    check("text\r", &["text"]);
    check("important\r\x1b[0m\n", &["important"]);
    check("important\r\x1b[31m\x1b[?25h\x1b]0;t\x07\n", &["important"]);
    check("\r\r", &[]);
}

#[test]
fn frames_that_are_drawn_with_letters_are_shown() {
    check("\x1b(0lqwqk\x1b(B ok x\n", &["┌─┬─┐ ok x"]);
    check("\x1b(0x\x1b(Ba\x1b(0x\x1b(B\n", &["│a│"]);
    // It ends with its line, and with other sets.
    check("\x1b(0mqj\nmqj\n", &["└─┘", "mqj"]);
    check("\x1b(0q\x1bcq\x1b(Aq\n", &["─", "qq"]);
}

#[test]
fn moves_to_the_right_are_spaces_if_text_follows() {
    check("a\x1b[3Cb\n", &["a   b"]);
    check("a\x1b[Cb\x1b[0Cc\n", &["a b c"]);
    check("a\x1b[10Gb\n", &["a        b"]);
    check("a\x1b[10`b\x1b[2ac\n", &["a        b  c"]);
    check(
        "Starting x ...\x1b[60G[  OK  ]\n",
        &[&format!("{:59}[  OK  ]", "Starting x ...")],
    );
    check("a\x1b[5C\n", &["a"]);
    check("a\x1b[2Ib\n", &[&format!("{:16}b", "a")]);
}

#[test]
fn moves_to_the_left_overwrite() {
    check("abc\x08X\n", &["abX"]);
    check("abc\x08\x08\x08\x08\x08X\n", &["Xbc"]);
    check("|\x08/\x08-\x08done\n", &["done"]);
    check("passw\x08 \x08 done\n", &["pass done"]);
    check("abcdef\x1b[3DX\n", &["abcXef"]);
    check("abcdef\x1b[99DX\x1b[2GY\x1b[GZ\n", &["ZYcdef"]);
    check("0123456789abcdef\x1b[ZX\x1b[2ZY\n", &["Y1234567X9abcdef"]);
}

#[test]
fn erased_deleted_and_inserted_parts_are_as_in_a_terminal() {
    check("abcdef\r\x1b[Kx\n", &["x"]);
    check("abcdef\x1b[3D\x1b[K\n", &["abc"]);
    check("abcdef\x1b[3D\x1b[1K\n", &["    ef"]);
    check("half a line\r\x1b[2Knew\n", &["new"]);
    check("ab\x1b[2Kc\n", &["  c"]);
    check("abcdef\r\x1b[2X\n", &["  cdef"]);
    check("abcdef\r\x1b[2P\n", &["cdef"]);
    check("abcdef\x1b[4D\x1b[2@\n", &["ab  cdef"]);
    check("abcdef\r\x1b[J\n", &[""]);
    check("abc\r\x1b[?Kx\n", &["x"]);
    check("-\x1b[9b\n", &["----------"]);
    check("\x1b[3bx\n", &["x"]);
    // A spinner that removes itself.
    check(
        "⠙\x1b[1G\x1b[0K⠹\x1b[1G\x1b[0Knpm fetch\r\n⠸\x1b[1G\x1b[0K",
        &["npm fetch"],
    );
}

#[test]
fn a_place_that_was_remembered_on_the_same_row_is_gone_back_to() {
    check("wait \x1b7|\x1b8/\x1b8-\x1b8done\n", &["wait done"]);
    check("wait \x1b[s|\x1b[udone\n", &["wait done"]);
    check("title\n\x1b7body\n\x1b8next\n", &["title", "body", "next"]);
    // A row at the bottom, as apt draws it.
    let apt = "Unpacking x\r\n\x1b7\x1b[24;0f\x1b[42mProgress: 10%\x1b[0m\x1b8Setting up x\r\n";
    let expected = ["Unpacking x", "Progress: 10%", "Setting up x"];
    check_mode(Ansi::Strip, apt, &expected);
}

#[test]
fn a_move_to_another_row_or_a_clear_of_the_screen_ends_the_line() {
    for control in [
        "\x1b[A",
        "\x1b[2A",
        "\x1b[B",
        "\x1b[1E",
        "\x1b[F",
        "\x1b[3;1H",
        "\x1b[H",
        "\x1b[2f",
        "\x1b[5d",
        "\x1b[2e",
        "\x1b[S",
        "\x1b[T",
        "\x1b[L",
        "\x1b[M",
        "\x1b[1;24r",
        "\x1b[2J",
        "\x1b[3J",
        "\x1b[1J",
        "\x1b[H\x1b[2J\x1b[3J",
        "\x1b[?1049h",
        "\x1b[?25;1049l",
        "\x1b[?47h",
        "\x1bD",
        "\x1bE",
        "\x1bM",
        "\x1bc",
        "\x0b",
        "\x0c",
        "\u{84}",
        "\u{85}",
        "\u{8d}",
        "\x1b8",
        "\x1b[u",
    ] {
        check(
            &format!("line one{control}line two\n"),
            &["line one", "line two"],
        );
        check(&format!("one\n{control}two\n"), &["one", "two"]);
    }
    check("one\x1b[2;5Htwo\n", &["one", "    two"]);
    // A line end right after it ends nothing more.
    check("one\x1b[2J\n\ntwo\n", &["one", "", "two"]);
    check("one\x0c\ntwo\n\x0c\n", &["one", "two", ""]);
    // Two services of an old docker-compose.
    let compose = "Creating a ... \r\nCreating b ... \r\n\x1b[2A\x1b[2K\rCreating a ... \x1b[32mdone\x1b[0m\r\x1b[2B\
        \x1b[1A\x1b[2K\rCreating b ... \x1b[32mdone\x1b[0m\r\x1b[1B";
    let expected = [
        "Creating a ... ",
        "Creating b ... ",
        "Creating a ... done",
        "Creating b ... done",
    ];
    check_mode(Ansi::Strip, compose, &expected);
}

#[test]
fn characters_have_their_width() {
    check("日本\x08\x08X\n", &["日X"]);
    // Half of a wide character cannot be shown.
    check("日本\x08X\n", &["日 X"]);
    check("日本\rX\n", &["X 本"]);
    check("e\u{301}a\x08X\n", &["e\u{301}X"]);
    check("ab\re\u{301}\n", &["e\u{301}b"]);
    check("👩\u{200d}👩 x\n", &["👩\u{200d}👩 x"]);
    check("\u{feff}a\n", &["\u{feff}a"]);
    check("50 % ━━━\r60 %\n", &["60 % ━━━"]);
}

#[test]
fn tabs_stay_tabs_and_go_to_their_stops() {
    check("a\tb\n\tc\n", &["a\tb", "\tc"]);
    check("a\tb\rx\n", &["x\tb"]);
    check("a\tb\x08X\n", &["a\tX"]);
    check("a\tb\x08\x08X\n", &["a      Xb"]);
    check("abcdefghij\r\tX\n", &["abcdefghXj"]);
    check("abc\r\tX\n", &["abc     X"]);
    check("abc\r\t\n", &["abc"]);
}

#[test]
fn colours_are_removed_or_kept() {
    check_mode(Ansi::Strip, "a\x1b[1;31mb\x1b[0mc", &["abc"]);
    check_colours("a\x1b[1;31mb\x1b[0mc", &["a\x1b[1;31mb\x1b[0mc"]);
    check_colours("\x1b[38:2::1:2:3mx\x1b[m", &["\x1b[38;2;1;2;3mx\x1b[0m"]);
    // The one-character form of CSI becomes the form that every viewer knows.
    check_colours("\u{9b}32mx", &["\x1b[32mx\x1b[0m"]);
    check_colours(
        "\x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kx\n",
        &["\x1b[1;31merror: \x1b[0mx"],
    );
    check_colours(
        "\x1b[1m\x1b[32m   Compiling\x1b[0m a\n",
        &["\x1b[1;32m   Compiling\x1b[0m a"],
    );
}

#[test]
fn a_colour_over_several_lines_ends_with_each_and_begins_again() {
    check_colours(
        "\x1b[31mone\ntwo\n\nthree\x1b[0m\nfour\n",
        &[
            "\x1b[31mone\x1b[0m",
            "\x1b[31mtwo\x1b[0m",
            "",
            "\x1b[31mthree\x1b[0m",
            "four",
        ],
    );
    check_colours(
        "\x1b[1mone\n\x1b[31mtwo\n",
        &["\x1b[1mone\x1b[0m", "\x1b[1;31mtwo\x1b[0m"],
    );
    check_colours("\x1b[31m\x1b[0m\n", &[""]);
}

#[test]
fn each_character_that_is_written_over_has_the_new_colour() {
    check_colours(
        "\x1b[31mabc\r\x1b[32mX\x1b[0m\n",
        &["\x1b[32mX\x1b[31mbc\x1b[0m"],
    );
    check_colours("abc\r\x1b[32mX\x1b[0m\n", &["\x1b[32mX\x1b[0mbc"]);
    check_colours(
        "\x1b[44mab\x1b[3Cc\x1b[0m\n",
        &["\x1b[44mab\x1b[0m   \x1b[44mc\x1b[0m"],
    );
}

#[test]
fn a_sequence_that_only_looks_like_a_colour_is_removed() {
    check("a\x1b[>4;2mb", &["ab"]);
    check("a\x1b[?1mb", &["ab"]);
    check("a\x1b[1 mb", &["ab"]);
    check(&format!("a\x1b[{}mb", "1;".repeat(40)), &["ab"]);
}

#[test]
fn all_other_control_sequences_are_removed() {
    for sequence in [
        "\x1b[?25l",
        "\x1b[6n",
        "\x1b[!p",
        "\x1b[=1u",
        "\x1b[<u",
        "\x1b[>1u",
        "\x1b[?2026h",
        "\x1b(B",
        "\x1b#8",
        "\x1b=",
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
        "\x00\x01\x05\x07\x0e\x0f\x7f",
        "\u{80}\u{99}",
    ] {
        check(&format!("a{sequence}b"), &["ab"]);
    }
    check("a\tb\u{a0}\u{bf}é", &["a\tb\u{a0}\u{bf}é"]);
}

#[test]
fn a_broken_sequence_never_removes_the_end_of_its_line() {
    check("a\x1b]0;title\nb", &["a", "b"]);
    check("a\x1b[31\nb", &["a", "b"]);
    check("a\x1b\nb", &["a", "b"]);
    check("a\x1bPq\x18b", &["ab"]);
    check("a\x1b[3é", &["aé"]);
    check("a\x1b(é", &["aé"]);
    check_colours("a\x1b[3\x1b[31mb", &["a\x1b[31mb\x1b[0m"]);
    check_colours("a\x1b]0;x\x1b[31mb", &["a\x1b[31mb\x1b[0m"]);
}

#[test]
fn what_is_beyond_the_limit_is_counted_and_not_kept() {
    let line = |input: &str| {
        let mut screen = Screen::new(Ansi::Strip, 4);
        let mut lines = Vec::new();
        screen.push(input, |line| lines.push((line.text.clone(), line.overflow)));
        lines.remove(0)
    };
    assert_eq!(line("abcd\n"), ("abcd".to_owned(), 0));
    assert_eq!(line("abcdef\n"), ("abcd".to_owned(), 2));
    assert_eq!(line("abcé\n"), ("abc".to_owned(), 2));
    assert_eq!(line("abcdef\rx\n"), ("xbcd".to_owned(), 2));
    assert_eq!(line("abcdef\rABCDEFG\rx\n"), ("xBCD".to_owned(), 3));
    assert_eq!(line("abcdef\r\x1b[Kx\n"), ("x".to_owned(), 0));
}

#[test]
#[expect(
    clippy::disallowed_types,
    reason = "it measures the work, and there is no paused clock"
)]
fn memory_is_bounded_and_time_is_linear_whatever_the_input() {
    let long = "x".repeat(60 * 1024);
    for piece in [
        "x".to_owned(),
        "\t\r".to_owned(),
        "\t\rx\x1b[999C".to_owned(),
        "e\u{301}\u{301}\u{301}\x08".to_owned(),
        "\x1b[1000000000Cx".to_owned(),
        "\x1b[99999999999999999999G日".to_owned(),
        "\x1b[999999999b-\x1b[999999999@".to_owned(),
        "\x1b[1;31mx\x1b[32m".to_owned(),
        "x\x1b[1K".to_owned(),
        "\r\x1b[@".to_owned(),
        "\r\x1b[P".to_owned(),
        "\x1b[999999999X\x1b7".to_owned(),
        "\x1b[31".to_owned(),
        format!("{long}\r"),
    ] {
        let mut screen = Screen::new(Ansi::KeepColours, 64 * 1024);
        // On the same row, with a long line before it.
        screen.push(&long, |_| {});
        let input = piece.repeat(250_000_usize.div_ceil(piece.len()));
        let started = std::time::Instant::now();
        for chunk in input.as_bytes().chunks(8 * 1024) {
            screen.push(&String::from_utf8_lossy(chunk), |_| {});
        }
        let (held, took) = (screen.row.held(), started.elapsed());
        assert!(held <= 8 << 20, "{piece:.20?}: {held} bytes held");
        // Work that grows with the length of the row for each piece would take minutes.
        assert!(took.as_secs() < 20, "{piece:.20?} took {took:?}");
    }
}

/// Output in which a line is written over.
fn output(pieces: usize) -> impl Strategy<Value = String> {
    let number = 0..10_usize;
    let piece = prop_oneof![
        6 => "[a-z ]{1,6}",
        2 => "[é日本e\u{301}\u{fe0f}😀]{1,3}",
        1 => Just("\t".to_owned()),
        2 => Just("\r".to_owned()),
        1 => Just("\x08".to_owned()),
        1 => Just("\n".to_owned()),
        3 => ("[CDGX@PK]", number).prop_map(|(last, n)| format!("\x1b[{n}{last}")),
        1 => Just("\x1b[2K".to_owned()),
        1 => Just("\x1b[1K".to_owned()),
        3 => ("[34]", 0..8_u8).prop_map(|(base, n)| format!("\x1b[{base}{n}m")),
        1 => (0..10_u8).prop_map(|n| format!("\x1b[{n}m")),
        1 => (0..255_u8).prop_map(|n| format!("\x1b[38;5;{n}m")),
        1 => Just("\x1b[0m".to_owned()),
        1 => Just("\x1b]0;title\x07".to_owned()),
    ];
    proptest::collection::vec(piece, 0..pieces).prop_map(|pieces| pieces.concat())
}

/// The rows of a real terminal. It is as wide as any of the texts.
fn terminal(text: &str) -> vt100::Parser {
    let mut terminal = vt100::Parser::new(60, 500, 0);
    terminal.process(text.replace('\n', "\r\n").as_bytes());
    terminal
}

/// The cells of a row that show something, with how they look.
fn cells(
    terminal: &vt100::Parser,
    row: u16,
) -> Vec<(u16, String, vt100::Color, vt100::Color, [bool; 4])> {
    let screen = terminal.screen();
    (0..500)
        .filter_map(|column| {
            let cell = screen.cell(row, column)?;
            let attributes = [cell.bold(), cell.italic(), cell.underline(), cell.inverse()];
            // How an erased column looks is not compared, nor a mark on it.
            let is_shown = !cell.contents().is_empty() && !cell.contents().starts_with(' ');
            is_shown.then(|| {
                (
                    column,
                    cell.contents().to_owned(),
                    cell.fgcolor(),
                    cell.bgcolor(),
                    attributes,
                )
            })
        })
        .collect()
}

proptest! {
    #[test]
    fn the_lines_are_what_a_terminal_shows(text in output(30)) {
        // Terminals differ in what becomes of a wide character of which one half is moved or deleted, and the emulator keeps
        // faint and bold in one place.
        let edits_halves = text.contains(['日', '本', '😀']) && text.contains(['@', 'P', 'K', '\u{8}', 'G', 'D']);
        let is_faint_and_bold = text.contains("\x1b[1m") && text.contains("\x1b[2m");
        prop_assume!(!edits_halves && !is_faint_and_bold);
        let expected = terminal(&text);
        let shown = lines(Ansi::KeepColours, [text.as_str()]);
        for (row, line) in (0..).zip(&shown) {
            let shown = cells(&terminal(line), 0);
            prop_assert_eq!(shown, cells(&expected, row), "row {} of {:?}: {:?}", row, text, line);
        }
    }

    #[test]
    fn the_lines_do_not_depend_on_the_pieces(text in output(60), size in 1..9_usize) {
        let characters: Vec<char> = text.chars().collect();
        let pieces: Vec<String> = characters.chunks(size).map(|piece| piece.iter().collect()).collect();
        for mode in [Ansi::Strip, Ansi::KeepColours] {
            let whole = lines(mode, [text.as_str()]);
            prop_assert_eq!(&lines(mode, pieces.iter().map(String::as_str)), &whole);
        }
    }

    #[test]
    fn with_or_without_colours_the_text_is_the_same(text in output(60)) {
        let coloured = lines(Ansi::KeepColours, [text.as_str()]);
        let again: Vec<String> = coloured.iter().flat_map(|line| {
            let mut lines = lines(Ansi::Strip, [line.as_str(), "\n"]);
            lines.truncate(1);
            lines
        }).collect();
        prop_assert_eq!(again, lines(Ansi::Strip, [text.as_str()]));
    }

    #[test]
    fn the_output_contains_no_control_sequence_but_colours(
        pieces in proptest::collection::vec("[\\x00-\\x1f\\x7f-\\x9fa-zA-Z0-9;:?<\\[\\]\\\\ é]{0,12}", 0..12),
    ) {
        for mode in [Ansi::Strip, Ansi::KeepColours] {
            for line in lines(mode, pieces.iter().map(String::as_str)) {
                let mut rest = line.as_str();
                while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
                    prop_assert_eq!(mode, Ansi::KeepColours);
                    let sequence = &rest[at..];
                    let end = sequence.find('m').unwrap();
                    prop_assert!(sequence.starts_with("\x1b["));
                    prop_assert!(sequence[2..end].bytes().all(|b| b.is_ascii_digit() || b == b';'), "{:?}", sequence);
                    rest = &sequence[end..];
                }
            }
        }
    }
}
