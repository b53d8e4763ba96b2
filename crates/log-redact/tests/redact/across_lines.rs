//! A secret ends with its line. Three things reach over a line end, and a line waits for nothing else.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use log_redact::Redaction;

use crate::support::{
    JWT, check, check_no_part, check_same, check_with, knowing, lines, slow_lines,
};

const TOKENS: [&str; 8] = [
    JWT,
    "glpat-x9Jm2Kq4Lw8Zr5Tn7Vb1",
    "ghs_16C7e42F292c6912E7710c838347Ae178B4a",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "xoxb-2468013579-8642097531-QwErTyUiOpAsDfGh",
    "sk-ant-api03-Zx8Cv7Bn6Mq5We4Rt3Yu2-AA",
    "sk-proj-4fGh_2kLm-9nOp_7qRs",
    "github_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789aBcDeFgHiJk",
];

#[test]
fn lines_after_a_token_are_whole() {
    for token in TOKENS {
        check(
            &format!("{token}\nFAILED\nretrying\nall done\n"),
            "[REDACTED]\nFAILED\nretrying\nall done\n",
        );
        let mut text = format!("{token}\n");
        for number in 1..=20_000 {
            writeln!(text, "{number}").unwrap();
        }
        let shown = lines(&Redaction::default(), &text);
        assert_eq!(shown[0], "[REDACTED]");
        assert!(
            shown[1..]
                .iter()
                .zip(1..)
                .all(|(line, number)| *line == number.to_string())
        );
    }
}

#[test]
fn nothing_waits_for_a_pattern() {
    let redaction = Redaction::default();
    for line in TOKENS.into_iter().chain([
        "-----BEGIN PRIVATE KEY-----",
        "{\"token\":\"abc",
        "postgres://app:pw",
        "password:",
        "ghp_16C7",
    ]) {
        let mut redactor = redaction.redactor();
        let mut shown = Vec::new();
        redactor.push(line.to_owned(), |line| shown.push(line));
        assert!(!redactor.holds_lines(), "{line}");
        assert_eq!(shown.len(), 1, "{line}");
    }
}

#[test]
fn a_message_that_mentions_a_key_hides_nothing() {
    let mut text = String::new();
    for mention in [
        "a key must begin with -----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "expected -----BEGIN PRIVATE KEY-----. Got nothing",
        "error: no '-----BEGIN RSA PRIVATE KEY-----' in key.pem",
        "from -----BEGIN PRIVATE KEY----- to -----END PRIVATE KEY-----",
    ] {
        writeln!(text, "{mention}").unwrap();
        for number in 0..50 {
            writeln!(
                text,
                "Caused by: error {number}: not found\nat: /srv/app/main.rs:{number}\nFAILED\ndone"
            )
            .unwrap();
        }
    }
    check_same(&text);
}

#[test]
fn an_address_ends_with_its_line() {
    check_same("Registry: http://verdaccio:4873\nlodash@4.17.21\n");
    check_same("redis://cache\nann@example.org\n");
    check_same("see https://example.org/a:b\nann:b@c\n");
}

#[test]
fn a_quote_that_is_never_closed_ends_with_its_line() {
    let rest = "a line: with \"quotes\" and more\n".repeat(100);
    check(
        &format!("{{\"token\":\"abc\n{rest}"),
        &format!("{{\"token\":\"[REDACTED]\n{rest}"),
    );
    check(
        &format!("password='abc def\n{rest}"),
        &format!("password='[REDACTED]\n{rest}"),
    );
}

#[test]
fn short_ends_and_beginnings_are_not_joined() {
    check_with(
        &knowing(["121314"]),
        "10\n11\n12\n13\n14\n15\n",
        "10\n11\n12\n13\n14\n15\n",
    );
    check_with(
        &knowing(["hunter2hunter2"]),
        "a hunter2\nhunter2 b\n",
        "a hunter2\nhunter2 b\n",
    );
}

/// A secret of 64 characters in which no part occurs twice.
const LONG: &str = "Zq8Xw1Ec7Rv2Tb6Yn3Um5Ik4Ol9Pa0Sd-Fg_Hj+Kl/Mn=Bv.Cx~Zs!Qa@Wd#E1";

#[test]
fn a_wrapped_secret_is_hidden() {
    let redaction = knowing([LONG]);
    for width in 16..64 {
        let mut text = String::new();
        for part in LONG.as_bytes().chunks(width) {
            writeln!(text, "{}", std::str::from_utf8(part).unwrap()).unwrap();
        }
        text.push_str("the next line\n");
        let shown = lines(&redaction, &text);
        check_no_part(LONG, &shown);
        assert_eq!(shown.last().unwrap(), "the next line", "{width}");
    }
    for before in 4..LONG.len() - 3 {
        let (a, b) = LONG.split_at(before);
        let shown = lines(&redaction, &format!("the key is {a}\n{b} and more\nnext\n"));
        assert_eq!(
            shown,
            ["the key is [REDACTED]", "[REDACTED] and more", "next"],
            "{before}"
        );
    }
}

#[test]
fn a_line_that_only_begins_like_a_secret_is_shown() {
    let redaction = knowing([LONG]);
    let begin = &LONG[..10];
    check_with(
        &redaction,
        &format!("see {begin}\nother\n"),
        &format!("see {begin}\nother\n"),
    );
    assert_eq!(
        slow_lines(&redaction, &format!("see {begin}\nother\n")),
        [format!("see {begin}"), "other".to_owned()]
    );
}

#[test]
fn most_of_a_secret_at_the_end_of_a_line_is_hidden_whatever_follows() {
    let redaction = knowing([LONG]);
    let (a, b) = LONG.split_at(40);
    check_with(
        &redaction,
        &format!("see {a}\nother\n"),
        "see [REDACTED]\nother\n",
    );
    let shown = slow_lines(&redaction, &format!("see {a}\n{b} x\n"));
    assert_eq!(shown, ["see [REDACTED]", "[REDACTED] x"]);
}

#[test]
fn a_registered_secret_of_several_lines_is_hidden_as_a_whole() {
    let redaction = knowing(["mode: fast\nkind: blue\nend"]);
    check_with(
        &redaction,
        "a\nmode: fast\nkind: blue\nend\nb\n",
        "a\n[REDACTED]\n[REDACTED]\n[REDACTED]\nb\n",
    );
    // Its lines alone are ordinary.
    check_with(
        &redaction,
        "mode: fast\nkind: blue\nthe end\n",
        "mode: fast\nkind: blue\nthe end\n",
    );
    assert_eq!(
        slow_lines(&redaction, "mode: fast\nkind: red\n"),
        ["mode: fast", "kind: red"]
    );
}

#[test]
fn a_line_waits_for_a_registered_secret_only() {
    let mut redactor = knowing([LONG, "mode: fast\nkind: blue"]).redactor();
    let mut shown = Vec::new();
    for (line, waits) in [
        ("an s and a gl", false),
        ("see https://example.org/x", false),
        (LONG, false),
        ("ends with Zq8", false),
        ("ends with Zq8X", true),
        ("other", false),
        ("mode: fast", true),
        ("kind: blue", false),
    ] {
        redactor.push(line.to_owned(), |line| shown.push(line));
        assert_eq!(redactor.holds_lines(), waits, "{line}");
    }
    assert_eq!(shown.len(), 8);
}

/// Wraps a text as `fold -w` does.
fn fold(text: &str, width: usize) -> String {
    let parts = text
        .as_bytes()
        .chunks(width)
        .map(|part| std::str::from_utf8(part).unwrap());
    parts.map(|part| format!("{part}\n")).collect()
}

#[test]
fn wrapped_base64_of_a_registered_secret_is_hidden() {
    let secret = "hunter2hunter2";
    let redaction = knowing([secret]);
    for before in 0..120 {
        let text = format!(
            "{}{secret}{}",
            "some text before it ".repeat(10).split_at(before).0,
            " and after it".repeat(8)
        );
        let encoded = BASE64_STANDARD.encode(&text);
        for width in [64, 76] {
            let shown = lines(&redaction, &fold(&encoded, width));
            let rest: String = shown.concat().replace("[REDACTED]", "");
            let hidden = encoded.len() - rest.len();
            assert!(
                (17..=40).contains(&hidden),
                "{before} {width}: {hidden} {shown:#?}"
            );
        }
    }
}

#[test]
fn a_wrapped_token_is_hidden_and_what_follows_is_shown() {
    let token = format!(
        "eyJhbGciOiJIUzI1NiJ9.{}.{}",
        "eyJzdWIiOiIx0Mjkw1In".repeat(12),
        "dozjgNryP4J3jVmNHl0w5N"
    );
    for width in [64, 76, 80] {
        let text = format!("{}FAILED\n20000\ndone\n", fold(&token, width));
        let shown = lines(&Redaction::default(), &text);
        let expected = token.len().div_ceil(width);
        assert!(
            shown[..expected].iter().all(|line| line == "[REDACTED]"),
            "{shown:#?}"
        );
        assert_eq!(shown[expected..], ["FAILED", "20000", "done"]);
    }
}

#[test]
fn a_hash_as_wide_as_the_token_before_it_is_shown() {
    check(
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a\nd670460b4b4aece5915caf5c68d12f560a9fe3e4\n",
        "[REDACTED]\nd670460b4b4aece5915caf5c68d12f560a9fe3e4\n",
    );
    check_with(
        &knowing(["0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d"]),
        "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d\nd670460b4b4aece5915caf5c68d12f560a9fe3e4\n",
        "[REDACTED]\nd670460b4b4aece5915caf5c68d12f560a9fe3e4\n",
    );
}

#[test]
fn base64_of_a_private_key_is_hidden_in_all_its_lines() {
    let key = format!(
        "-----BEGIN PRIVATE KEY-----\n{}-----END PRIVATE KEY-----\n",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n".repeat(8)
    );
    let encoded = BASE64_STANDARD.encode(key);
    let shown = lines(
        &Redaction::default(),
        &format!("{}done\n", fold(&encoded, 76)),
    );
    assert!(
        shown[..shown.len() - 1]
            .iter()
            .all(|line| line == "[REDACTED]"),
        "{shown:#?}"
    );
    assert_eq!(shown.last().unwrap(), "done");
    check_same(&fold(&BASE64_STANDARD.encode("-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"), 76));
}

#[test]
fn a_pair_as_wide_as_the_token_before_it_is_judged_alone() {
    let text = "STRIPE_SECRET_KEY=sk_test_51aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6hI\n\
                OPENAI_API_KEY=sk-proj-aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6hI9jK2m\n";
    check(
        text,
        "STRIPE_SECRET_KEY=[REDACTED]\nOPENAI_API_KEY=[REDACTED]\n",
    );
}
