//! The present text of a line that has not ended.

use log_redact::Redaction;

use crate::support::{JWT, knowing};

#[test]
fn a_half_secret_of_an_open_line_is_hidden() {
    let secret = "Zq8Xw1Ec7Rv2Tb6Yn3Um5Ik4Ol9Pa0Sd";
    let redaction = knowing([secret]);
    for len in 4..=secret.len() {
        let shown = redaction
            .redactor::<String>()
            .open_line(format!("key {}", &secret[..len]));
        assert_eq!(shown, "key [REDACTED]", "{len}");
    }
    for token in [
        JWT,
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "sk-ant-api03-Zx8Cv7Bn6Mq5We4Rt3Yu2-AA",
    ] {
        for len in 8..=token.len() {
            let shown = Redaction::default()
                .redactor::<String>()
                .open_line(format!("key {}", &token[..len]));
            assert_eq!(shown, "key [REDACTED]", "{token} {len}");
        }
    }
    let redactor = || Redaction::default().redactor::<String>();
    assert_eq!(
        redactor().open_line("postgres://ann:s3c".to_owned()),
        "postgres://ann:[REDACTED]"
    );
    assert_eq!(
        redactor().open_line("password: \"s3c".to_owned()),
        "password: \"[REDACTED]"
    );
    assert_eq!(
        redactor().open_line("http://localhost:30".to_owned()),
        "http://localhost:30"
    );
    assert_eq!(
        redactor().open_line("continue? [y/N] ".to_owned()),
        "continue? [y/N] "
    );
}

#[test]
fn an_open_line_changes_nothing_for_the_lines_after_it() {
    let mut redactor = Redaction::default().redactor();
    let mut shown = Vec::new();
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj";
    redactor.push("-----BEGIN PRIVATE KEY-----".to_owned(), |line| {
        shown.push(line);
    });
    assert_eq!(redactor.open_line(body.to_owned()), "[REDACTED]");
    assert_eq!(redactor.open_line("FAILED".to_owned()), "FAILED");
    redactor.push(body.to_owned(), |line| shown.push(line));
    assert_eq!(shown[1], "[REDACTED]");
}
