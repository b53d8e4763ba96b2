//! A registered secret is hidden in every writing, and its ordinary parts hide nothing.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use log_redact::{Redaction, SecretError};

use crate::support::{check_with, knowing, lines, windows};

#[track_caller]
fn check_hidden(secret: &str, written: &str) {
    let redaction = knowing([secret]);
    let shown = lines(&redaction, &format!("a {written} b")).concat();
    assert!(shown.contains("[REDACTED]"), "{written} became {shown}");
    let core = |text: &str| text.replace(['\\', '\'', '"', '$'], "");
    for part in windows(&core(secret)) {
        assert!(
            !core(&shown).contains(part),
            "{part} of {written} in {shown}"
        );
    }
    assert!(
        shown.starts_with("a ") && shown.ends_with(" b"),
        "{written} became {shown}"
    );
}

#[test]
fn a_secret_is_hidden_as_shells_write_it() {
    let secret = "it's-a-Secret9";
    for written in [
        "it's-a-Secret9",
        "'it'\\''s-a-Secret9'",
        "'it'\"'\"'s-a-Secret9'",
        "\"it's-a-Secret9\"",
        "it\\'s-a-Secret9",
        "$'it\\'s-a-Secret9'",
        "declare -x S=\"it's-a-Secret9\"",
        "\\\"it's-a-Secret9\\\"",
    ] {
        check_hidden(secret, written);
    }
    check_hidden("p$ss\"w`rd\\7 x", "\"p\\$ss\\\"w\\`rd\\\\7 x\"");
    check_hidden("p$ss\"w`rd\\7 x", "p\\$ss\\\"w\\`rd\\\\7\\ x");
    check_hidden("pä$$wörd-1", "$'p\\303\\244$$w\\303\\266rd-1'");
    check_hidden("p$$w0rd-1", "p$$$$w0rd-1");
}

#[test]
fn a_secret_is_hidden_as_programs_write_strings() {
    check_hidden("it's-a-Secret9", "\"it's-a-Secret9\"");
    check_hidden("a\"b'c-Secret9", "'a\"b\\'c-Secret9'");
    check_hidden(
        "a+b=c'd&e<f>Secret",
        "a\\u002Bb\\u003dc\\u0027d\\u0026e\\u003cf\\u003ESecret",
    );
    check_hidden(
        "a+b=c'd&e<f>Secret",
        "a\\\\u002Bb\\\\u003dc\\\\u0027d\\\\u0026e\\\\u003cf\\\\u003ESecret",
    );
    check_hidden("grün-süß-9", "b'gr\\xc3\\xbcn-s\\xc3\\xbc\\xc3\\x9f-9'");
    check_hidden("grün-süß-9", "'gr\\xfcn-s\\xfc\\xdf-9'");
    check_hidden("grün-süß-9", "gr\\u00fcn-s\\u00FC\\u00df-9");
    check_hidden("grün-süß-9", "gr\\u{fc}n-s\\u{fc}\\u{df}-9");
    check_hidden("key-😀-secret", "key-\\ud83d\\ude00-secret");
    check_hidden("a/b/c-secret", "a\\/b\\/c-secret");
    check_hidden("a\tb-secret", "a\\tb-secret");
}

#[test]
fn a_secret_is_hidden_in_addresses_and_markup() {
    let secret = "a b/c+d=e&f%g\"h'i<j>k~L";
    for written in [
        "a%20b%2Fc%2Bd%3De%26f%25g%22h%27i%3Cj%3Ek~L",
        "a%20b%2fc%2bd%3de%26f%25g%22h%27i%3cj%3ek%7eL",
        "a+b%2Fc%2Bd%3De%26f%25g%22h%27i%3Cj%3Ek%7EL",
        "a%20b/c+d=e&f%25g%22h'i%3Cj%3Ek~L",
        "a%2520b%252Fc%252Bd%253De%2526f%2525g%2522h%2527i%253Cj%253Ek~L",
        "a b/c+d=e&amp;f%g&quot;h&#39;i&lt;j&gt;k~L",
        "a b/c+d=e&#38;f%g&#34;h&apos;i&#60;j&#62;k~L",
        "a b&#x2F;c&#x2B;d&#x3D;e&#x26;f%g&#x22;h&#x27;i&#x3c;j&#x3E;k~L",
        "a b&sol;c&plus;d&equals;e&amp;amp;f%g&amp;quot;h&amp;#39;i&amp;lt;j&amp;gt;k~L",
    ] {
        check_hidden(secret, written);
    }
    check_hidden("grün-süß-9", "gr%C3%BCn-s%c3%bc%C3%9F-9");
    check_hidden("grün-süß-9", "gr%FCn-s%FC%DF-9");
    check_hidden("grün-süß-9", "gr&uuml;n-s&uuml;&szlig;-9");
}

#[test]
fn a_secret_that_looks_like_an_escape_is_hidden_in_each_writing() {
    for secret in [
        "pass\\new%41-x",
        "100%25-sure&lt;",
        "\\u0041bcdef",
        "a%b%c%d",
        "C:\\temp\\x9",
    ] {
        check_hidden(secret, secret);
        let json = secret.replace('\\', "\\\\").replace('"', "\\\"");
        check_hidden(secret, &json);
        let url: String = secret.bytes().fold(String::new(), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || byte == b'-' {
                out.push(char::from(byte));
            } else {
                write!(out, "%{byte:02x}").unwrap();
            }
            out
        });
        check_hidden(secret, &url);
        check_hidden(secret, &secret.replace('&', "&amp;").replace('<', "&lt;"));
    }
    // What is before a secret does not change it.
    check_hidden("nothing-at-all7", "C:\\nothing-at-all7");
    check_hidden("ab12cd34ef", "%ab12cd34ef");
}

#[test]
fn a_secret_is_hidden_in_base64_at_any_offset_and_in_hexadecimal() {
    let secret = "Xq7/vR+2mZ k9é&w";
    let redaction = knowing([secret]);
    for before in ["", "u", "us", "user:", "{\"a\":\""] {
        for after in ["", "\n", "\"}", "xx"] {
            let text = format!("{before}{secret}{after}");
            for encoded in [BASE64_STANDARD.encode(&text), BASE64_URL_SAFE.encode(&text)] {
                let shown = redaction.line(&encoded).into_owned();
                let rest = shown.replace("[REDACTED]", "");
                assert!(rest.len() < encoded.len() - 20, "{encoded} became {shown}");
            }
        }
    }
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    check_with(&redaction, &format!("x {hex} y"), "x [REDACTED] y");
    check_with(
        &redaction,
        &format!("x {} y", hex.to_uppercase()),
        "x [REDACTED] y",
    );
}

#[test]
fn colours_inside_a_secret_do_not_show_it() {
    let redaction = knowing(["hunter2hunter2"]);
    check_with(
        &redaction,
        "a \x1b[1mhun\x1b[31mter2\x1b[0mhunter2 b",
        "a \x1b[1m[REDACTED]\x1b[31m\x1b[0m b",
    );
}

#[test]
fn secrets_that_overlap_are_hidden_together() {
    check_with(
        &knowing(["abcdefgh", "efghijkl", "cdef"]),
        "x abcdefghijkl y cdef z",
        "x [REDACTED] y [REDACTED] z",
    );
}

#[test]
fn ordinary_lines_of_a_secret_of_several_lines_hide_nothing() {
    let kubeconfig = "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://10.0.0.1:6443\n  name: prod\nusers:\n- name: admin\n  \
                      user:\n    client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQpNSUlF\n    token: k8s-Aa1Bb2Cc3Dd4\n    password: tr0ub4dor\n";
    let redaction = knowing([kubeconfig]);
    check_with(
        &redaction,
        "apiVersion: v1\nkind: Config\n    server: https://10.0.0.1:6443\n  name: prod\n- name: admin\n",
        "apiVersion: v1\nkind: Config\n    server: https://10.0.0.1:6443\n  name: prod\n- name: admin\n",
    );
    check_with(
        &redaction,
        "got k8s-Aa1Bb2Cc3Dd4 and tr0ub4dor\n",
        "got [REDACTED] and [REDACTED]\n",
    );

    let json = "{\n  \"enabled\": true,\n  \"type\": \"service_account\",\n  \"private_key_id\": \"0a1b\",\n  \"api_token\": \"zq-top-7\"\n}\n";
    let redaction = knowing([json]);
    check_with(
        &redaction,
        "  \"enabled\": true,\n{\n}\nzq-top-7\n",
        "  \"enabled\": true,\n{\n}\n[REDACTED]\n",
    );
}

#[test]
fn the_values_of_a_dotenv_file_are_hidden() {
    let redaction = knowing([
        "DEBUG=true\nPORT=3000\nDB_PASSWORD=letmein\nSESSION=\"x9-Yb_27q\"\nMODE=production\n",
    ]);
    check_with(
        &redaction,
        "letmein x9-Yb_27q\nDEBUG is true on port 3000 in production\n",
        "[REDACTED] [REDACTED]\nDEBUG is true on port 3000 in production\n",
    );
}

#[test]
fn the_lines_of_a_registered_key_are_hidden_wherever_they_are() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\nAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----\n";
    let redaction = knowing([key]);
    check_with(
        &redaction,
        "line 2 is MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj.\n",
        "line 2 is [REDACTED].\n",
    );
    let shown = lines(
        &redaction,
        &format!("{{\"k\":\"{}\"}}\n", key.replace('\n', "\\n")),
    )
    .concat();
    assert!(
        !shown.contains("MIIE") && !shown.contains("AgEA"),
        "{shown}"
    );
    // A service account: one line of JSON with the key in it. Another tool prints the key itself.
    let account = format!(
        "{{\"private_key\":\"{}\",\"id\":1}}",
        key.replace('\n', "\\n")
    );
    check_with(
        &knowing([account.as_str()]),
        "x AgEAAoIBAQC7VJTUt9Us8cKj y\n",
        "x [REDACTED] y\n",
    );
}

#[test]
fn a_value_that_every_log_has_is_not_registered() {
    let mut builder = Redaction::builder();
    assert_eq!(builder.add(" abc\n"), Err(SecretError::TooShort { len: 3 }));
    for common in ["true", "8080", "1213", "production", "localhost"] {
        assert_eq!(builder.add(common), Err(SecretError::Common), "{common}");
    }
    let long = "x".repeat(40_000);
    assert_eq!(
        builder.add(&long),
        Err(SecretError::TooLong { len: 40_000 })
    );
    check_with(
        &builder.build().unwrap(),
        "true abc 8080 production\n",
        "true abc 8080 production\n",
    );
}

#[test]
fn a_long_secret_and_many_secrets_compile_and_too_many_are_refused() {
    let long: String = ('a'..='z').cycle().take(32 * 1024).collect();
    let redaction = knowing([long.as_str()]);
    check_with(&redaction, &format!("x {long} y\n"), "x [REDACTED] y\n");
    let many: Vec<String> = (0..500)
        .map(|n| format!("secret-{n}-{}", n * 7919))
        .collect();
    let redaction = knowing(many.iter().map(String::as_str));
    check_with(
        &redaction,
        &format!("a {} b\n", many[321]),
        "a [REDACTED] b\n",
    );
    let mut builder = Redaction::builder();
    for n in 0..20 {
        builder.add(&format!("{n}-{}", "y".repeat(32_000))).unwrap();
    }
    assert!(builder.build().is_err());
}

#[test]
fn redaction_can_be_off_or_for_registered_secrets_only() {
    let text = "password=abc ghp_16C7e42F292c6912E7710c838347Ae178B4a hunter2\n";
    check_with(&Redaction::off(), text, text);
    let redaction = Redaction::builder()
        .secret("hunter2")
        .unwrap()
        .registered_only();
    check_with(
        &redaction.marker("***").build().unwrap(),
        text,
        &text.replace("hunter2", "***"),
    );
}

#[test]
fn debug_output_contains_no_secret() {
    let redaction = knowing(["hunter2hunter2"]);
    let mut redactor = redaction.redactor();
    redactor.push("a hunter2hunter".to_owned(), |_| {});
    let printed = format!(
        "{redaction:?} {redactor:?} {:?}",
        Redaction::builder().secret("hunter2hunter2").unwrap()
    );
    assert!(!printed.contains("hunt"), "{printed}");
}

#[test]
fn a_text_keeps_its_lines() {
    let redaction = knowing(["hunter2hunter2"]);
    assert_eq!(
        redaction.apply("a\n\nhunter2hunter2\n"),
        "a\n\n[REDACTED]\n"
    );
    assert_eq!(redaction.apply("hunter2hunter2"), "[REDACTED]");
    assert_eq!(redaction.apply(""), "");
}

/// A secret that is wrapped in three lines.
const WRAPPED: [&str; 3] = [
    "Kd8Zq8Xw1Ec7Rv2Tb6Yn",
    "3Um5Ik4Ol9Pa0SdFg2Hj",
    "7Kl3Qw9Er5Ty1Ui8Op4A",
];

#[test]
fn rules_that_change_hide_what_has_begun_before_and_what_is_new() {
    let first = knowing([WRAPPED.concat().as_str()]);
    let both = first.with_secret("Wm3-new-secret").unwrap();
    for released in [false, true] {
        let mut redactor = first.redactor();
        let mut shown: Vec<String> = Vec::new();
        let mut take = |line| shown.push(line);
        redactor.push("Wm3-new-secret".to_owned(), &mut take);
        redactor.push(format!("Wm3-new-secret {}", WRAPPED[0]), &mut take);
        redactor.push(WRAPPED[1].to_owned(), &mut take);
        if released {
            redactor.release_held_lines(&mut take);
        }
        redactor.set_redaction(&both);
        redactor.push(format!("{} Wm3-new-secret", WRAPPED[2]), &mut take);
        redactor.push("then Wm3-new-secret".to_owned(), &mut take);
        redactor.finish(&mut take);
        // What was passed on before is as the first rules say.
        let second = if released {
            "Wm3-new-secret [REDACTED]"
        } else {
            "[REDACTED] [REDACTED]"
        };
        let expected = [
            "Wm3-new-secret",
            second,
            "[REDACTED]",
            "[REDACTED] [REDACTED]",
            "then [REDACTED]",
        ];
        assert_eq!(shown, expected, "{released}");
    }
}

#[test]
fn secrets_can_be_added_one_by_one_also_to_rules_that_hide_nothing() {
    let mut redaction = Redaction::off();
    for number in 100..150 {
        redaction = redaction
            .with_secret(&format!("pass-{number}-word"))
            .unwrap();
    }
    assert_eq!(
        redaction.line("pass-100-word DB_PASSWORD=abc pass-149-word pass-150-word"),
        "[REDACTED] DB_PASSWORD=abc [REDACTED] pass-150-word"
    );
    assert_eq!(
        redaction.with_secret("abc").unwrap_err().to_string(),
        "it has only 3 bytes and would be found everywhere"
    );
}
