//! Which lines wait and for how long, bounds on memory, and settings.

use super::*;

#[test]
fn a_line_waits_only_for_what_may_be_a_secret() {
    let redaction = Redaction::builder()
        .secret("Xquisite")
        .unwrap()
        .build()
        .unwrap();
    let mut assembler = LineAssembler::with_redaction(LineOptions::default(), &redaction);
    let mut lines = Vec::new();
    for text in [
        "an s and a gl\n",
        "password: \n",
        "see https://example.org/x\n",
        "done: sk\n",
    ] {
        assembler.push(text.as_bytes(), Duration::ZERO, |line| lines.push(line));
        assert!(!assembler.holds_lines(), "{text:?}");
    }
    assert_eq!(lines.len(), 4);
    assembler.push(b"ends with Xq\n", Duration::ZERO, |line| lines.push(line));
    assert!(assembler.holds_lines());
    assembler.push(b"uarium\n", Duration::ZERO, |line| lines.push(line));
    assert_eq!(lines[4..], ["ends with Xq", "uarium"]);
}

#[test]
fn a_released_line_hides_a_long_part_of_a_secret() {
    let redaction = Redaction::builder()
        .secret("hunter2hunter2")
        .unwrap()
        .build()
        .unwrap();
    for (shown, expected) in [("hun", "hun"), ("hunter2", "[REDACTED]")] {
        let mut assembler = LineAssembler::with_redaction(LineOptions::default(), &redaction);
        let mut lines = Vec::new();
        assembler.push(format!("a {shown}\n").as_bytes(), Duration::ZERO, |line| {
            lines.push(line);
        });
        assert!(lines.is_empty());
        assembler.release_held_lines(|line| lines.push(line));
        assert_eq!(lines, [format!("a {expected}")]);
        // The rest comes later.
        let rest = format!("{}!\n", &"hunter2hunter2"[shown.len()..]);
        assembler.push(rest.as_bytes(), Duration::ZERO, |line| lines.push(line));
        let rest = if shown == "hun" { "[REDACTED]!" } else { "!" };
        assert_eq!(lines[1..], [rest]);
    }
}

#[test]
fn releasing_lines_does_not_change_the_open_line() {
    let redaction = Redaction::default();
    let mut assembler = LineAssembler::with_redaction(LineOptions::default(), &redaction);
    let mut lines = Vec::new();
    assembler.push(b"redis://cache\nsk-9aXbYc", Duration::ZERO, |line| {
        lines.push(line);
    });
    assembler.release_held_lines(|line| lines.push(line));
    assembler.push(b"Z8dWeVfUgThSiRjQkPl\n", Duration::ZERO, |line| {
        lines.push(line);
    });
    assert_eq!(lines, ["redis://cache", "[REDACTED]"]);
}

#[test]
fn endless_blank_lines_inside_a_secret_take_bounded_memory() {
    let redaction = Redaction::builder()
        .secret("hunter2")
        .unwrap()
        .build()
        .unwrap();
    let mut assembler = LineAssembler::with_redaction(LineOptions::default(), &redaction);
    let mut count = 0;
    assembler.push(b"hunt\n", Duration::ZERO, |_| count += 1);
    for _ in 0..5000 {
        assembler.push(b"\n", Duration::ZERO, |_| count += 1);
    }
    assert!(count > 3000, "{count} lines");
}

#[test]
fn debug_output_contains_no_secret() {
    let printed = format!(
        "{:?} {:?}",
        registered(),
        Redaction::builder().secret(SECRET).unwrap()
    );
    assert_eq!(windows(SECRET).find(|part| printed.contains(part)), None);
}

#[test]
fn a_secret_that_is_too_short_or_too_long_is_refused() {
    let short = Redaction::builder().secret(" abc\n").unwrap_err();
    assert_eq!(short, SecretError::TooShort { len: 3 });
    let long = Redaction::builder()
        .secret(&"x".repeat(40_000))
        .unwrap_err();
    assert_eq!(long, SecretError::TooLong { len: 40_000 });
    let longest: String = ('a'..='z').cycle().take(32 * 1024).collect();
    assert!(
        Redaction::builder()
            .secret(&longest)
            .unwrap()
            .build()
            .is_ok()
    );
}

#[test]
fn redaction_can_be_off_or_for_registered_secrets_only() {
    let text = "password=abc ghp_16C7e42F292c6912E7710c838347Ae178B4a hunter2\n";
    check_with(&Redaction::off(), text, text);
    let redaction = Redaction::builder()
        .secret("hunter2")
        .unwrap()
        .registered_only();
    let redaction = redaction.marker("***").build().unwrap();
    check_with(&redaction, text, &text.replace("hunter2", "***"));
}

#[test]
fn endless_colours_inside_a_secret_take_bounded_memory() {
    let builder = Redaction::builder().secret("hunter2").unwrap();
    let options = LineOptions {
        ansi: Ansi::KeepColours,
        ..LineOptions::default()
    };
    let text = format!("hunt{}er2 end\n", "\x1b[1m".repeat(3000));
    let lines = lines_with(options, &builder.build().unwrap(), [text.as_bytes()]);
    assert_eq!(lines, ["[REDACTED]\x1b[1m end\x1b[0m"]);
}

#[test]
fn a_limit_inside_a_character_is_handled() {
    for pad in 0..3 {
        let long = format!("{}{}", "a".repeat(pad), "é€".repeat(2000));
        for text in [
            format!("password=\"{long} end\n"),
            format!("my password: {long} end\n"),
            format!("a://b:{long} end\n"),
            format!(
                "-----BEGIN PRIVATE KEY-----\nHead: {} end\n",
                long.repeat(30)
            ),
        ] {
            let whole = lines(&Redaction::default(), [text.as_bytes()]);
            let bytewise = lines(&Redaction::default(), text.as_bytes().chunks(1));
            assert_eq!(bytewise, whole);
        }
    }
}
