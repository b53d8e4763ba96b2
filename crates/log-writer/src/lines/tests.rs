//! Tests of the line assembler, with tables and with properties.

use proptest::prelude::*;

use super::*;
use crate::cut::{CutMarker, LineLimit};
use crate::line_options::Progress;
use log_redact::Ansi;

fn assemble<'a>(options: LineOptions, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut assembler = LineAssembler::new(options);
    let mut lines = Vec::new();
    for chunk in chunks {
        assembler.push(chunk, Duration::ZERO, |line| lines.push(line));
    }
    assembler.finish(|line| lines.push(line));
    lines
}

#[track_caller]
fn check_with(options: LineOptions, input: &[u8], expected: &[&str]) {
    assert_eq!(assemble(options, [input]), expected, "whole");
    assert_eq!(assemble(options, input.chunks(1)), expected, "byte by byte");
}

#[track_caller]
fn check(input: &[u8], expected: &[&str]) {
    check_with(LineOptions::default(), input, expected);
}

fn limited(limit: LineLimit) -> LineOptions {
    LineOptions {
        limit,
        ..LineOptions::default()
    }
}

#[test]
fn a_line_ends_at_a_newline_with_or_without_a_carriage_return() {
    check(b"a\nb\r\nc\r\r\nd\n", &["a", "b", "c", "d"]);
}

#[test]
fn the_last_line_needs_no_newline() {
    check(b"a\nb", &["a", "b"]);
    check(b"a\nb\r", &["a", "b"]);
    check(b"", &[]);
    check(b"\r", &[]);
}

#[test]
fn blank_lines_are_kept_unless_dropped() {
    let input = b"a\n\n \t\n\x1b[0m\nb\n\n";
    check(input, &["a", "", " \t", "", "b", ""]);
    let options = LineOptions {
        blank: Blank::Drop,
        ..LineOptions::default()
    };
    check_with(options, input, &["a", "b"]);
    let options = LineOptions {
        ansi: Ansi::KeepColours,
        ..options
    };
    check_with(options, input, &["a", "b"]);
}

#[test]
fn the_last_state_of_a_progress_bar_is_the_line() {
    check(b" 1 %\r 50 %\r100 %\ndone\n", &["100 %", "done"]);
    check(b"long text\rab\r\n", &["ab"]);
    check(b"a\r\rb", &["b"]);
}

#[test]
fn an_erased_spinner_leaves_no_line() {
    let npm = "⠙\x1b[1G\x1b[0K⠹\x1b[1G\x1b[0Knpm fetch\r\n⠸\x1b[1G\x1b[0K";
    check(npm.as_bytes(), &["npm fetch"]);
    check(b"Building 1/2\r\x1b[K   Compiling a\n", &["   Compiling a"]);
    check(b"Building 1/2\r\x1b[K\n", &[""]);
    check(b"half a lin\x1b[2Knew\x1b[K\n", &["new"]);
}

#[test]
fn overwritten_states_become_lines_at_a_limited_rate() {
    let options = LineOptions {
        progress: Progress::Every(Duration::from_secs(1)),
        ..LineOptions::default()
    };
    let mut assembler = LineAssembler::new(options);
    let mut lines = Vec::new();
    for tenth in 0..25_u64 {
        let chunk = format!("{tenth} %\r");
        let now = Duration::from_millis(tenth * 100);
        assembler.push(chunk.as_bytes(), now, |line| lines.push(line));
    }
    assembler.push(b"100 %\n", Duration::from_secs(3), |line| lines.push(line));
    // A state becomes a line when the next state overwrites it.
    assert_eq!(lines, ["0 %", "10 %", "20 %", "100 %"]);
}

#[test]
fn a_line_over_the_limit_is_cut_at_a_character_boundary() {
    let options = limited(LineLimit::Bytes(4));
    check_with(options, b"abcd\nabcde\n", &["abcd", "abcd… [1 bytes cut]"]);
    check_with(options, "abcé\n".as_bytes(), &["abc… [2 bytes cut]"]);
    // A shorter character after the cut is not added.
    check_with(options, "abcéd\n".as_bytes(), &["abc… [3 bytes cut]"]);
    let options = limited(LineLimit::Characters(2));
    check_with(
        options,
        "ééé\nééx\néé".as_bytes(),
        &["éé… [2 bytes cut]", "éé… [1 bytes cut]", "éé"],
    );
}

#[test]
fn the_default_limit_is_16_kib() {
    let line = "x".repeat(16 * 1024 + 5);
    let lines = assemble(LineOptions::default(), [line.as_bytes()]);
    let expected = format!("{}… [5 bytes cut]", &line[5..]);
    assert_eq!(lines, [expected]);
}

#[test]
fn an_endless_line_takes_bounded_memory() {
    let mut assembler = LineAssembler::new(LineOptions::default());
    let chunk = vec![b'x'; 64 * 1024];
    for _ in 0..160 {
        assembler.push(&chunk, Duration::ZERO, |line| {
            panic!("a line of {}", line.len())
        });
    }
    let held = assembler.line.capacity();
    assert!(held <= 32 * 1024, "{held} bytes held");
    let colours = "\x1b[1;31m".repeat(100_000);
    let options = LineOptions {
        ansi: Ansi::KeepColours,
        ..LineOptions::default()
    };
    let mut assembler = LineAssembler::new(options);
    assembler.push(colours.as_bytes(), Duration::ZERO, |_| panic!("a line"));
    let held = assembler.line.capacity();
    assert!(held <= 32 * 1024, "{held} bytes of colours held");
}

#[test]
fn bytes_that_are_not_utf8_are_replaced() {
    check(
        b"a\xffb\xe2\x82\n\xe2\x82",
        &["a\u{FFFD}b\u{FFFD}", "\u{FFFD}"],
    );
    // A C1 control character as a single byte is not UTF-8. It becomes U+FFFD, which is harmless.
    check(b"a\x9b31mb\n", &["a\u{FFFD}31mb"]);
}

#[test]
fn an_assembler_can_be_used_again_after_finish() {
    let mut assembler = LineAssembler::new(LineOptions::default());
    let mut lines = Vec::new();
    assembler.push(b"a\x1b]0;open", Duration::ZERO, |line| lines.push(line));
    assembler.finish(|line| lines.push(line));
    assembler.push(b"b\n", Duration::ZERO, |line| lines.push(line));
    assert_eq!(lines, ["a", "b"]);
}

/// Bytes in which special characters and sequences are frequent.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[a-z ]{1,6}".prop_map(String::into_bytes),
        2 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        2 => Just(b"\r".to_vec()),
        1 => Just("é€😀".as_bytes().to_vec()),
        1 => Just(b"\x1b[1;32m".to_vec()),
        1 => Just(b"\x1b[K".to_vec()),
        1 => Just(b"\x1b[1G".to_vec()),
        1 => Just(b"\x1b]0;t\x07".to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..3),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn options() -> impl Strategy<Value = LineOptions> {
    let limit = prop_oneof![
        Just(LineLimit::DEFAULT),
        (0_usize..12).prop_map(LineLimit::Bytes),
        (0_usize..12).prop_map(LineLimit::Characters),
    ];
    let progress = prop_oneof![
        Just(Progress::Last),
        Just(Progress::Every(Duration::ZERO)),
        Just(Progress::Every(Duration::from_secs(1))),
    ];
    let blank = prop_oneof![Just(Blank::Keep), Just(Blank::Drop)];
    let ansi = prop_oneof![Just(Ansi::Strip), Just(Ansi::KeepColours)];
    (limit, progress, blank, ansi).prop_map(|(limit, progress, blank, ansi)| LineOptions {
        limit,
        progress,
        blank,
        ansi,
        ..LineOptions::default()
    })
}

proptest! {
    #[test]
    fn lines_do_not_depend_on_the_chunks(
        bytes in output(),
        options in options(),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = assemble(options, [bytes.as_slice()]);
        prop_assert_eq!(&assemble(options, bytes.chunks(1)), &whole);
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.sort_unstable();
        places.push(bytes.len());
        let mut from = 0;
        let mut chunks = Vec::new();
        for place in places {
            chunks.push(&bytes[from..place]);
            from = place;
        }
        prop_assert_eq!(&assemble(options, chunks), &whole);
    }

    #[test]
    fn plain_text_gives_its_lines(text in "([a-zé€ \t]{0,10}\r?\n){0,8}[a-zé€ \t]{0,10}") {
        let expected: Vec<&str> = text.lines().collect();
        prop_assert_eq!(assemble(LineOptions::default(), [text.as_bytes()]), expected);
    }

    #[test]
    fn a_line_is_never_longer_than_its_limit_and_marker(bytes in output(), limit in 0_usize..12) {
        let options = LineOptions { marker: CutMarker::Text("…"), ..limited(LineLimit::Bytes(limit)) };
        for line in assemble(options, [bytes.as_slice()]) {
            let kept = line.strip_suffix('…').unwrap_or(&line);
            prop_assert!(kept.len() <= limit, "{:?}", line);
        }
    }
}
