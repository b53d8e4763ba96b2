//! Private keys over several lines, with and without something before each line.

use std::fmt::Write as _;

use log_redact::Redaction;

use crate::support::{check, check_no_part, check_same, lines};

const BODY: [&str; 4] = [
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "MzEfYyjiWA4R4/M2bS1+fWIcPm15j7XyDzZQm+8l/Oq1x0Rz5BvN3cT6kUeHjKls",
    "QwErTyUiOpAsDfGhJkLzXcVbNm1234567890+/AbCdEfGhIjKlMnOpQrStUvWxYz",
    "Mj6d8/+x3Q==",
];

/// The key with `prefix(line number)` before each of its lines and `suffix` behind it, and ordinary lines around it.
fn block(label: &str, prefix: impl Fn(usize) -> String, suffix: &str) -> (String, String) {
    let (mut text, mut expected) = (String::new(), String::new());
    let mut number = 7;
    let mut add = |line: &str, shown: &str| {
        let prefix = prefix(number);
        number += 1;
        writeln!(text, "{prefix}{line}{suffix}").unwrap();
        writeln!(expected, "{prefix}{shown}{suffix}").unwrap();
    };
    add("starting", "starting");
    add(
        &format!("-----BEGIN {label}-----"),
        &format!("-----BEGIN {label}-----"),
    );
    for line in BODY {
        add(line, "[REDACTED]");
    }
    add(
        &format!("-----END {label}-----"),
        &format!("-----END {label}-----"),
    );
    for line in [
        "FAILED",
        "done",
        "Caused by: x",
        "d670460b4b4aece5915caf5c68d12f560a9fe3e4",
    ] {
        add(line, line);
    }
    (text, expected)
}

#[track_caller]
fn check_prefix(prefix: impl Fn(usize) -> String) {
    for label in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "EC PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ] {
        let (text, expected) = block(label, &prefix, "");
        check(&text, &expected);
    }
}

#[test]
fn a_key_is_hidden_line_by_line() {
    check_prefix(|_| String::new());
}

#[test]
fn a_key_is_hidden_behind_any_prefix() {
    check_prefix(|_| "web-1  | ".to_owned());
    check_prefix(|_| "[INFO] ".to_owned());
    check_prefix(|_| "E       ".to_owned());
    check_prefix(|_| "> ".to_owned());
    check_prefix(|_| "+".to_owned());
    check_prefix(|_| "    ".to_owned());
    check_prefix(|_| "\t".to_owned());
    check_prefix(|_| "certs/key.pem:".to_owned());
    check_prefix(|_| "│ ".to_owned());
    check_prefix(|_| "pod/web-7d9f8b6c5d-x2x4z web ".to_owned());
}

#[test]
fn the_numbers_of_a_prefix_may_change() {
    check_prefix(|n| format!("#7 0.{}23 ", n * 3));
    check_prefix(|n| format!("#7 {n}.{} ", n * n));
    check_prefix(|n| format!("{n:6}\t"));
    check_prefix(|n| format!("{n}\t"));
    check_prefix(|n| format!("{n} | "));
    check_prefix(|n| format!("2026-01-01T10:00:{n:02}.{}Z stdout F ", n * 731));
    check_prefix(|n| format!("[{n}/12] "));
    check_prefix(|n| format!("Jan  1 10:00:{n:02} host app[12]: "));
    check_prefix(|n| format!("certs/key.pem-{n}-"));
    check_prefix(|n| format!("10:00:{n:02} DEBUG [main] app.Main - "));
}

#[test]
fn a_key_is_hidden_in_the_lines_of_json() {
    let (text, expected) = block(
        "PRIVATE KEY",
        |_| "{\"log\":\"".to_owned(),
        "\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T10:00:01Z\"}",
    );
    check(&text, &expected);
    let (text, expected) = block("PRIVATE KEY", |_| "  \"".to_owned(), "\\n\" +");
    check(&text, &expected);
}

#[test]
fn only_the_first_line_may_have_the_name_of_the_key() {
    for first in ["key: ", "KEY=", "+ KEY='", "10:00:01 key: "] {
        let body = BODY.join("\n");
        let text = format!(
            "{first}-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----'\nFAILED\n"
        );
        let shown = lines(&Redaction::default(), &text);
        for line in BODY {
            check_no_part(line, &shown);
        }
        assert_eq!(shown.last().unwrap(), "FAILED");
        assert_eq!(shown.len(), 7);
    }
}

#[test]
fn lines_of_others_may_stand_between() {
    let mut text = String::from("web-1  | -----BEGIN PRIVATE KEY-----\n");
    let mut expected = text.clone();
    for line in BODY {
        writeln!(
            text,
            "db-1   | ready to accept connections\nweb-1  | {line}"
        )
        .unwrap();
        writeln!(
            expected,
            "db-1   | ready to accept connections\nweb-1  | [REDACTED]"
        )
        .unwrap();
    }
    let end = "web-1  | -----END PRIVATE KEY-----\nweb-1  | FAILED\n";
    check(&format!("{text}{end}"), &format!("{expected}{end}"));
}

#[test]
fn three_thousand_lines_after_a_key_with_times_are_shown() {
    let mut text = String::new();
    let mut expected = String::new();
    for (second, line) in ["-----BEGIN RSA PRIVATE KEY-----", BODY[0], BODY[1], BODY[3]]
        .into_iter()
        .enumerate()
    {
        writeln!(text, "10:00:0{second} {line}").unwrap();
        let shown = if second == 0 { line } else { "[REDACTED]" };
        writeln!(expected, "10:00:0{second} {shown}").unwrap();
    }
    for number in 0..3000 {
        let line = format!(
            "10:{:02}:{:02} step {number}: compiling src/a.rs\n",
            number / 60,
            number % 60
        );
        text.push_str(&line);
        expected.push_str(&line);
    }
    text.push_str("10:59:59 END\n");
    expected.push_str("10:59:59 END\n");
    check(&text, &expected);
}

#[test]
fn the_headers_of_a_key_are_shown_and_its_body_is_hidden() {
    let text = format!(
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n{}\n-----END RSA PRIVATE KEY-----\n",
        BODY[0]
    );
    check(&text, &text.replace(BODY[0], "[REDACTED]"));
}

#[test]
fn a_key_that_never_ends_hides_nothing_else() {
    let text = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n{}\nand then the tests ran\nok (3 of 3)\nok\nFAILED\n",
        BODY[0], BODY[1]
    );
    check(
        &text,
        "-----BEGIN PRIVATE KEY-----\n[REDACTED]\n[REDACTED]\nand then the tests ran\nok (3 of 3)\nok\nFAILED\n",
    );
    check_same(
        "-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END CERTIFICATE-----\n",
    );
    check_same(
        "-----BEGIN PUBLIC KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\n-----END PUBLIC KEY-----\n",
    );
}

#[test]
fn a_key_in_one_line_is_hidden() {
    let body = BODY.join("\\n");
    check(
        &format!(
            "{{\"key\": \"-----BEGIN PRIVATE KEY-----\\n{body}\\n-----END PRIVATE KEY-----\\n\", \"id\": 1}}\nnext\n"
        ),
        "{\"key\": \"-----BEGIN PRIVATE KEY-----[REDACTED]-----END PRIVATE KEY-----\\n\", \"id\": 1}\nnext\n",
    );
    check(
        &format!(
            "x -----BEGIN PRIVATE KEY----- {} -----END PRIVATE KEY----- y\n",
            BODY.join(" ")
        ),
        "x -----BEGIN PRIVATE KEY-----[REDACTED]-----END PRIVATE KEY----- y\n",
    );
    // The line is cut.
    let shown = lines(
        &Redaction::default(),
        &format!("k \"-----BEGIN PRIVATE KEY-----\\n{body}\nnext\n"),
    );
    for line in &BODY[..3] {
        check_no_part(line, &shown);
    }
    assert_eq!(shown[1], "next");
    check(
        &format!(
            "{{\"private_key\": \"-----BEGIN PRIVATE KEY-----\\n{body}\\n-----END PRIVATE KEY-----\\n\", \"id\": 1}}\n"
        ),
        "{\"private_key\": \"[REDACTED]\", \"id\": 1}\n",
    );
}

#[test]
fn a_putty_key_is_hidden() {
    check(
        &format!(
            "Public-Lines: 2\nAAAAB3NzaC1yc2EAAAADAQABAAABAQ\nPrivate-Lines: 2\n{}\n{}\nPrivate-MAC: 0a1b\n",
            BODY[0], BODY[1]
        ),
        "Public-Lines: 2\nAAAAB3NzaC1yc2EAAAADAQABAAABAQ\nPrivate-Lines: 2\n[REDACTED]\n[REDACTED]\nPrivate-MAC: 0a1b\n",
    );
}

#[test]
fn a_key_with_headers_is_hidden_in_the_lines_of_json() {
    let wrap = |line: &str| format!("{{\"log\":\"{line}\\n\",\"stream\":\"stdout\"}}\n");
    let hide = |head: &[&str], end: &str| {
        let line = |line: &&str| wrap(line);
        let (head, end): (String, String) = (head.iter().map(line).collect(), wrap(end));
        let body: String = BODY.iter().map(line).collect();
        let hidden = wrap("[REDACTED]").repeat(BODY.len());
        check(
            &format!("{head}{body}{end}{}", wrap("done")),
            &format!("{head}{hidden}{end}{}", wrap("done")),
        );
    };
    hide(
        &[
            "-----BEGIN RSA PRIVATE KEY-----",
            "Proc-Type: 4,ENCRYPTED",
            "DEK-Info: AES-256-CBC,0A1B2C3D",
            "",
        ],
        "-----END RSA PRIVATE KEY-----",
    );
    hide(
        &["-----BEGIN PGP PRIVATE KEY BLOCK-----", ""],
        "-----END PGP PRIVATE KEY BLOCK-----",
    );
    hide(&["Private-Lines: 4"], "Private-MAC: 0a1b2c3d");
}
