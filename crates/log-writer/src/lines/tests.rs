//! Tests of the line assembler, with tables and with properties.

use proptest::prelude::*;

use log_redact::Ansi;

use super::*;
use crate::cut::{CutMarker, LineLimit};
use crate::line_options::Progress;

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
    check(b"long text\rab\x1b[K\r\n", &["ab"]);
    check(b"a\r\rb", &["b"]);
}

#[test]
fn an_erased_spinner_leaves_no_line() {
    let npm = "⠙\x1b[1G\x1b[0K⠹\x1b[1G\x1b[0Knpm fetch\r\n⠸\x1b[1G\x1b[0K";
    check(npm.as_bytes(), &["npm fetch"]);
    check(b"Building 1/2\r\x1b[K   Compiling a\n", &["   Compiling a"]);
    check(b"Building 1/2\r\x1b[K\n", &[""]);
    check(b"half a lin\x1b[2K\rnew\x1b[K\n", &["new"]);
}

/// The states of an open line: what comes at which tenth of a second, and what is told when.
fn states(progress: Progress, output: &[(u64, &str)]) -> Vec<(u64, String)> {
    let options = LineOptions {
        progress,
        ..LineOptions::default()
    };
    let mut assembler = LineAssembler::new(options);
    let mut told = Vec::new();
    for tenth in 0..=300 {
        let now = Duration::from_millis(100 * tenth);
        for (_, text) in output.iter().filter(|(at, _)| *at == tenth) {
            assembler.push(text.as_bytes(), now, |line| told.push((tenth, line)));
        }
        if assembler.open_state_due().is_some_and(|due| due <= now) {
            let state = assembler.open_state(now, |_| panic!("no line waits"));
            told.extend(state.map(|state| (tenth, format!("{state}…"))));
        }
    }
    told
}

#[track_caller]
fn check_states(progress: Progress, output: &[(u64, &str)], expected: &[(u64, &str)]) {
    let expected: Vec<(u64, String)> = expected
        .iter()
        .map(|(at, text)| (*at, (*text).to_owned()))
        .collect();
    assert_eq!(states(progress, output), expected);
}

#[test]
fn a_prompt_that_hangs_is_told_after_two_seconds_and_the_line_follows() {
    let prompt = [(0, "a\ncontinue? [y/N] "), (50, "y\nok\n")];
    let every = Progress::default();
    let expected = [
        (0, "a"),
        (20, "continue? [y/N] …"),
        (50, "continue? [y/N] y"),
        (50, "ok"),
    ];
    check_states(every, &prompt, &expected);
    check_states(Progress::Last, &prompt, &expected);
    check_states(
        Progress::Off,
        &prompt,
        &[(0, "a"), (50, "continue? [y/N] y"), (50, "ok")],
    );
}

#[test]
fn a_progress_bar_is_told_at_a_limited_rate_with_what_a_terminal_shows() {
    let texts: Vec<String> = (0..150).map(|n| format!("\r{n} %\x1b[K")).collect();
    let mut bar: Vec<(u64, &str)> = (0..).zip(texts.iter().map(String::as_str)).collect();
    bar.push((150, "\rdone\x1b[K\n"));
    let expected = [(20, "20 %…"), (120, "120 %…"), (150, "done")];
    check_states(Progress::default(), &bar, &expected);
    let every_five = Progress::Every(Duration::from_secs(5));
    let expected = [(20, "20 %…"), (70, "70 %…"), (120, "120 %…"), (150, "done")];
    check_states(every_five, &bar, &expected);
    check_states(Progress::Last, &bar, &[(150, "done")]);
    check_states(Progress::Off, &bar, &[(150, "done")]);
}

#[test]
fn quick_output_leaves_the_last_state_only() {
    let quick = [(0, "1 %\r"), (5, "50 %\r"), (15, "99 %\r"), (19, "100 %\n")];
    check_states(Progress::default(), &quick, &[(19, "100 %")]);
    // Each line has its own two seconds.
    let dots = [(0, "a"), (19, "\nb"), (38, "\n")];
    check_states(Progress::default(), &dots, &[(19, "a"), (38, "b")]);
    // A spinner that has removed itself shows nothing.
    check_states(Progress::default(), &[(0, "-\r\x1b[K")], &[]);
}

#[test]
fn an_open_state_is_cut_and_without_secrets_and_without_the_beginning_of_one() {
    let redaction = Redaction::builder().secret("hunter2hunter2").unwrap();
    let redaction = redaction.build().unwrap();
    for (output, expected) in [
        ("is it hunter2hunter2? ", "is it [REDACTED]? "),
        ("is it hunter2h", "is it "),
        ("TOKEN=abcdefgh", "TOKEN=[REDACTED]"),
        ("curl -H ghp_16C7e42F292c69", "curl -H "),
        ("is it hun\x1b[31mter2\x1b[0mhunt", "is it "),
        ("hunter2h\rover", "over"),
    ] {
        for ansi in [Ansi::Strip, Ansi::KeepColours] {
            let options = LineOptions {
                ansi,
                ..LineOptions::default()
            };
            let mut assembler = LineAssembler::with_redaction(options, &redaction);
            let none = |line| panic!("{line}");
            assembler.push(output.as_bytes(), Duration::ZERO, none);
            let state = assembler.open_state(Duration::from_secs(2), none).unwrap();
            assert!(
                state.starts_with(expected),
                "{output:?} {ansi:?}: {state:?}"
            );
            assert!(
                !state.contains("hunter") && !state.contains("ghp_"),
                "{state:?}"
            );
        }
    }
    let mut assembler = LineAssembler::new(limited(LineLimit::Bytes(4)));
    assembler.push(b"abcdef", Duration::ZERO, |line| panic!("{line}"));
    let state = assembler.open_state(Duration::from_secs(2), |line| panic!("{line}"));
    assert_eq!(state.as_deref(), Some("abcd… [2 bytes cut]"));
}

#[test]
fn a_secret_that_control_sequences_break_up_is_hidden() {
    let redaction = Redaction::builder().secret("hunter2hunter2").unwrap();
    let redaction = redaction.build().unwrap();
    for text in [
        "x hun\x1b[31mter2\x1b[0mhunter2 y\n",
        "x hunXX\x08\x08ter2hunter2 y\n",
        "x hunter2hunter\x1b]0;title\x072 y\n",
        "x zzzter2hunter2 y\r\x1b[2Chun\n",
        "x \x1b[1mhunter2hunter2\x1b[0m y\n",
    ] {
        for ansi in [Ansi::Strip, Ansi::KeepColours] {
            let options = LineOptions {
                ansi,
                ..LineOptions::default()
            };
            let mut assembler = LineAssembler::with_redaction(options, &redaction);
            let mut lines = Vec::new();
            assembler.push(text.as_bytes(), Duration::ZERO, |line| lines.push(line));
            assembler.finish(|line| lines.push(line));
            let mut screen = Screen::new(Ansi::Strip, 1_000);
            screen.push(&(lines.concat() + "\n"), |line| {
                assert_eq!(line.text, "x [REDACTED] y", "{text:?}");
            });
        }
    }
}

#[test]
fn a_secret_at_the_limit_is_hidden_as_a_whole() {
    let redaction = Redaction::builder().secret("hunter2hunter2").unwrap();
    let mut assembler =
        LineAssembler::with_redaction(limited(LineLimit::Bytes(10)), &redaction.build().unwrap());
    let mut lines = Vec::new();
    assembler.push(b"12345hunter2hunter2 more\n", Duration::ZERO, |line| {
        lines.push(line);
    });
    assert_eq!(lines, ["12345[REDA… [10 bytes cut]"]);
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
        Just(Progress::Off),
        Just(Progress::default()),
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
