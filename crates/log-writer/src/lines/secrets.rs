//! Tests of the redactor with tables, with the text split at every position.

mod properties;
mod waiting;

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use log_redact::{Ansi, Redaction, SecretError};

use crate::line_options::LineOptions;
use crate::lines::LineAssembler;

const SECRET: &str = "Xq7/vR+2mZ k9é&w";

fn registered() -> Redaction {
    static ONCE: LazyLock<Redaction> = LazyLock::new(|| {
        let builder = Redaction::builder().secret(SECRET).unwrap();
        builder.build().unwrap()
    });
    ONCE.clone()
}

fn lines_with<'a>(
    options: LineOptions,
    redaction: &Redaction,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<String> {
    let mut assembler = LineAssembler::with_redaction(options, redaction);
    let mut lines = Vec::new();
    for chunk in chunks {
        assembler.push(chunk, Duration::ZERO, |line| lines.push(line));
    }
    assembler.finish(|line| lines.push(line));
    lines
}

fn lines<'a>(redaction: &Redaction, chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    lines_with(LineOptions::default(), redaction, chunks)
}

/// Checks a text as a whole, byte by byte, and in two chunks split at every position.
#[track_caller]
fn check_with(redaction: &Redaction, text: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().collect();
    let bytes = text.as_bytes();
    assert_eq!(lines(redaction, [bytes]), expected, "{text:?} whole");
    assert_eq!(
        lines(redaction, bytes.chunks(1)),
        expected,
        "{text:?} byte by byte"
    );
    for position in 0..=bytes.len() {
        let (a, b) = bytes.split_at(position);
        assert_eq!(
            lines(redaction, [a, b]),
            expected,
            "{text:?} in chunks at {position}"
        );
    }
}

#[track_caller]
fn check(text: &str, expected: &str) {
    check_with(&Redaction::default(), text, expected);
}

/// Checks that a text without secrets is unchanged.
#[track_caller]
fn check_same(text: &str) {
    check(text, text);
}

/// Checks that no part of a secret is visible, with a line end at any position inside it.
#[track_caller]
fn check_across_lines(redaction: &Redaction, before: &str, secret: &str, after: &str) {
    for place in (1..secret.len()).filter(|place| secret.is_char_boundary(*place)) {
        for line_end in ["\n", "\r\n", "\n\n"] {
            let (a, b) = secret.split_at(place);
            let text = format!("{before}{a}{line_end}{b}{after}\nnext line\n");
            let whole = lines(redaction, [text.as_bytes()]);
            assert_eq!(
                lines(redaction, text.as_bytes().chunks(1)),
                whole,
                "{text:?}"
            );
            let shown = whole.concat();
            let passed = windows(secret).find(|part| shown.contains(part));
            assert_eq!(passed, None, "{text:?} became {whole:#?}");
            assert!(shown.ends_with("next line"), "{text:?} became {whole:#?}");
        }
    }
}

/// All substrings of four characters.
fn windows(text: &str) -> impl Iterator<Item = &str> {
    let places: Vec<usize> = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .collect();
    (4..places.len()).map(move |end| &text[places[end - 4]..places[end]])
}

#[test]
fn a_registered_secret_is_hidden_in_every_encoding() {
    let redaction = registered();
    let json = SECRET.replace('/', "\\/").replace('é', "\\u00e9");
    for shown in [
        SECRET,
        "Xq7%2FvR%2B2mZ%20k9%C3%A9%26w",
        "Xq7%2fvR%2b2mZ+k9%c3%a9%26w",
        &json,
    ] {
        check_with(&redaction, &format!("a {shown} b\n"), "a [REDACTED] b\n");
    }
    for before in ["", "u", "us", "user:"] {
        let encoded = BASE64_STANDARD.encode(format!("{before}{SECRET}"));
        let whole = lines(&redaction, [encoded.as_bytes()]).concat();
        assert!(whole.contains("[REDACTED]"), "{encoded} became {whole}");
        assert!(
            whole.len() < "[REDACTED]".len() + 12,
            "{encoded} became {whole}"
        );
    }
}

#[test]
fn a_registered_secret_is_hidden_across_lines() {
    check_across_lines(&registered(), "the key is ", SECRET, " and more");
    check_across_lines(&registered(), "", SECRET, "");
    let encoded = BASE64_STANDARD.encode(format!("abc{SECRET}"));
    check_across_lines(
        &registered(),
        &encoded[..4],
        encoded[4..].trim_end_matches('='),
        "",
    );
}

#[test]
fn text_around_a_secret_in_two_lines_stays_visible() {
    let redaction = registered();
    let (a, b) = SECRET.split_at(6);
    let text = format!("before {a}\n{b} after\n{a}\n{b}\nlast\n");
    check_with(
        &redaction,
        &text,
        "before [REDACTED]\n after\n[REDACTED]\nlast\n",
    );
}

#[test]
fn overlapping_and_adjacent_secrets_are_hidden_completely() {
    let redaction = Redaction::builder()
        .secret("abcdef")
        .unwrap()
        .secret("defghi")
        .unwrap();
    let redaction = redaction.secret("defg").unwrap().build().unwrap();
    check_with(&redaction, "xabcdefghix", "x[REDACTED]x");
    check_with(&redaction, "abcdefdefghi!", "[REDACTED]!");
    check_with(
        &redaction,
        "xdefgx abcde defgh.",
        "x[REDACTED]x abcde [REDACTED]h.",
    );
}

#[test]
fn a_secret_with_colours_inside_is_hidden() {
    let options = LineOptions {
        ansi: Ansi::KeepColours,
        ..LineOptions::default()
    };
    let redaction = Redaction::builder()
        .secret("hunter2")
        .unwrap()
        .build()
        .unwrap();
    let text = b"a \x1b[32mhun\x1b[0mter2 b\n";
    for chunks in [vec![&text[..]], text.chunks(1).collect()] {
        let lines = lines_with(options, &redaction, chunks);
        assert_eq!(lines, ["a \x1b[32m[REDACTED]\x1b[0m b"]);
    }
}

#[test]
fn a_cut_line_shows_no_part_of_a_secret_at_its_end() {
    let redaction = Redaction::builder()
        .secret("hunter2hunter2")
        .unwrap()
        .build()
        .unwrap();
    for before in 0..20 {
        let text = format!("{}hunter2hunter2{}", "x".repeat(before), "y".repeat(50));
        let options = LineOptions {
            limit: crate::LineLimit::Bytes(12),
            ..LineOptions::default()
        };
        let line = lines_with(options, &redaction, [text.as_bytes()]).concat();
        assert!(!line.contains("hunt"), "{line}");
    }
}

#[test]
fn a_secret_that_begins_beyond_the_line_limit_is_hidden_in_the_next_line() {
    let redaction = Redaction::builder()
        .secret("hunter2hunter2")
        .unwrap()
        .build()
        .unwrap();
    let text = format!("{}hunter2\nhunter2!", "x".repeat(20_000));
    let whole = lines(&redaction, [text.as_bytes()]);
    assert_eq!(whole[1..], ["!"]);
}

#[test]
fn provider_tokens_are_hidden_by_their_prefix() {
    for token in [
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "github_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ0123456789aBcDeFgHiJkLmNoPqRsTuVwXyZ01234567",
        "glpat-x9Jm2Kq4Lw8Zr5Tn7Vb1",
        "sk-9aXbYcZ8dWeVfUgThSiRjQkPlOmNnMoLpKqJrIsHtGuFv1",
        "sk-proj-4fGh_2kLm-9nOp_7qRs",
        "sk-ant-api03-Zx8Cv7Bn6Mq5We4Rt3Yu2-AA",
        "AKIA2E0A8F3B244C9986",
        "xoxb-2468013579-8642097531-QwErTyUiOpAsDfGh",
        "xoxe.xoxp-1-Mi0yLTk4NzY1NDMyMTA",
        "npm_8uYt6rEw4qAs2dFg0hJk1lZx3cVb5nMq7wPo",
        "pypi-AgEIcHlwaS5vcmcCJGFiY2RlZjAxLTIzNDUtNjc4OQ",
    ] {
        check(&format!("token {token}, ok\n"), "token [REDACTED], ok\n");
        check(&format!("{token}\n"), "[REDACTED]\n");
        check(
            &format!("https://{token}@example.org/x\n"),
            "https://[REDACTED]@example.org/x\n",
        );
        let prefix = TOKEN_PREFIXES
            .iter()
            .filter(|prefix| token.starts_with(**prefix));
        let prefix = prefix.max_by_key(|prefix| prefix.len()).unwrap();
        let (head, body) = token.split_at(prefix.len());
        check_across_lines(&Redaction::default(), &format!("token {head}"), body, " ok");
    }
}

const TOKEN_PREFIXES: [&str; 11] = [
    "ghp_",
    "github_pat_",
    "glpat-",
    "sk-",
    "sk-ant-",
    "AKIA",
    "xoxb-",
    "xoxe",
    "npm_",
    "pypi-",
    "sk-proj-",
];

#[test]
fn a_token_in_two_lines_is_hidden_even_if_its_prefix_is_split() {
    let token = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
    for place in 1..4 {
        let (a, b) = token.split_at(place);
        check(
            &format!("x {a}\n{b} y\n"),
            &format!("x {a}\n[REDACTED] y\n"),
        );
    }
    // The last character of the line may begin a registered secret. It is still not part of the token.
    let redaction = Redaction::builder().secret("hurray!").unwrap();
    let redaction = redaction.build().unwrap();
    let (a, b) = token.split_at(2);
    check_with(&redaction, &format!("{a}\n{b}\n"), "gh\n[REDACTED]\n");
}

#[test]
fn a_token_of_a_known_length_ends_with_its_line() {
    check(
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a\nCompiling a\n",
        "[REDACTED]\nCompiling a\n",
    );
}

#[test]
fn text_that_only_begins_like_a_token_stays_visible() {
    for text in [
        "a desk-shaped task-runner and sk-circle sk-fading-circle-spinner\n",
        "npm_config_registry and npm_package_dependencies_something_very_long\n",
        "pypi-attestations ghp_short AKIA xoxb-\n",
        "MYGHP_16C7e42F292c6912E7710c838347Ae178B4a\n",
        "the keys eyJ and eyJhbGciOiJIUzI1NiJ9 have no dot behind\n",
    ] {
        check_same(text);
    }
}

#[test]
fn json_web_tokens_are_hidden() {
    let header = BASE64_STANDARD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
    let payload = BASE64_STANDARD.encode(r#"{"sub":"user_9","n":7315846}"#);
    let token = format!(
        "{}.{}.q8Zt5Wv2Xy-_r7",
        header.trim_end_matches('='),
        payload.trim_end_matches('=')
    );
    check(&format!("got {token} back\n"), "got [REDACTED] back\n");
    check_across_lines(&Redaction::default(), "got eyJ", &token[3..], " back");
}

#[test]
fn the_value_of_a_secret_name_is_hidden_and_the_name_stays_visible() {
    for (text, expected) in [
        ("DB_PASSWORD=hunter2 x\n", "DB_PASSWORD=[REDACTED] x\n"),
        ("export API_KEY=abc,def;g\n", "export API_KEY=[REDACTED]\n"),
        ("password: hunter2\n", "password: [REDACTED]\n"),
        (
            "  - db.password : \"a b\\\"c\" # d\n",
            "  - db.password : \"[REDACTED]\" # d\n",
        ),
        (
            "{\"apiKey\":\"abc\",\"user\":\"ann\"}\n",
            "{\"apiKey\":\"[REDACTED]\",\"user\":\"ann\"}\n",
        ),
        (
            "{\"a\":\"{\\\"token\\\":\\\"x\\\\\\\"y\\\",\\\"u\\\":1}\"}\n",
            "{\"a\":\"{\\\"token\\\":\\\"[REDACTED]\\\",\\\"u\\\":1}\"}\n",
        ),
        ("--token='a b' next\n", "--token='[REDACTED]' next\n"),
        (
            "GET /x?access_token=abc&user=ann\n",
            "GET /x?access_token=[REDACTED]&user=ann\n",
        ),
        (
            "Server=db;Password=a b;User=sa\n",
            "Server=db;Password=[REDACTED] b;User=sa\n",
        ),
        ("Server=db;Pwd=ab;User=sa\n", "Server=db;Pwd=ab;User=sa\n"),
        (
            "> Authorization: Bearer abc def\n",
            "> Authorization: [REDACTED]\n",
        ),
        (
            "curl -H \"X-Api-Key: abc\" u\n",
            "curl -H \"X-Api-Key: [REDACTED]\" u\n",
        ),
        (
            "Your root password: k8Rt2x9 (change it)\n",
            "Your root password: [REDACTED] (change it)\n",
        ),
        (
            "A_SECRET=a\nB_SECRET=b\nC=c\n",
            "A_SECRET=[REDACTED]\nB_SECRET=[REDACTED]\nC=c\n",
        ),
        ("secret=\\x\n", "secret=[REDACTED]\n"),
        ("SECRET_KEY_BASE=abc\n", "SECRET_KEY_BASE=[REDACTED]\n"),
        ("password=token=abc d\n", "password=[REDACTED] d\n"),
    ] {
        check(text, expected);
    }
}

#[test]
fn values_that_are_no_secrets_stay_visible() {
    for text in [
        "PASSWORD=\nUSER=ann\n",
        "password=\"\" token=''\n",
        "error: unexpected token: `}`\n",
        "SyntaxError: Unexpected token = in JSON\n",
        "if token == expected {\n",
        "token => lexer, secret::new(), token := next()\n",
        "12 |     let token = lexer.next();\n",
        "PWD=/srv/ann\nOLDPWD=/\n",
        "TOKEN_URL=https://example.org/t max_tokens=4096\n",
        "tests: 3 pass = 3\n",
        "https://example.org:8080/a:b=c 12:30:05 a=b\n",
    ] {
        check_same(text);
    }
}

#[test]
fn a_value_in_quotes_is_hidden_across_lines_and_one_without_ends_with_its_line() {
    check_across_lines(
        &Redaction::default(),
        "password=\"",
        "k8Rt2x9Qw4Lm7",
        "\" end",
    );
    check("TOKEN=abc\ndef\n", "TOKEN=[REDACTED]\ndef\n");
}

#[test]
fn a_quote_that_is_never_closed_does_not_hide_the_rest_of_the_log() {
    let text = format!("password=\"abc\n{}the end\n", "line of text\n".repeat(1000));
    let whole = lines(&Redaction::default(), [text.as_bytes()]);
    assert_eq!(whole.last().unwrap(), "the end");
    assert!(whole.len() > 800, "{}", whole.len());
}

#[test]
fn only_the_password_of_a_connection_string_is_hidden() {
    for (text, expected) in [
        (
            "postgres://ann:s3cret@db:5432/x\n",
            "postgres://ann:[REDACTED]@db:5432/x\n",
        ),
        ("redis://:s3cret@cache x\n", "redis://:[REDACTED]@cache x\n"),
        (
            "amqp+ssl://a:b@c@host/v\n",
            "amqp+ssl://a:[REDACTED]@host/v\n",
        ),
        (
            "'mongodb+srv://u:p:q@h'\n",
            "'mongodb+srv://u:[REDACTED]@h'\n",
        ),
    ] {
        check(text, expected);
    }
    check_across_lines(
        &Redaction::default(),
        "postgres://ann:",
        "k8Rt2x9Qw4Lm7",
        "@db/x",
    );
}

#[test]
fn addresses_without_a_password_stay_visible() {
    for text in [
        "http://localhost:3000\nreact@19.0.0 added\n",
        "http://127.0.0.1:8080/@vite/client and ssh://git@example.org:22/x\n",
        "https://registry.example.org:443/@types/node https://ann@example.org\n",
        "see https://example.org\nann:b@c\n",
        "a :// b:c@d\n",
    ] {
        check_same(text);
    }
}

const KEY_LINES: &str =
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\nAgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R4\nMj6d8/+=\n";

#[test]
fn a_private_key_is_hidden_between_its_markers() {
    for label in [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
    ] {
        let text =
            format!("key:\n-----BEGIN {label}-----\n{KEY_LINES}-----END {label}-----\nafter\n");
        let expected =
            format!("key:\n-----BEGIN {label}-----\n[REDACTED]\n-----END {label}-----\nafter\n");
        check(&text, &expected);
        check(&text.replace('\n', "\r\n"), &expected);
    }
    let headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A1B\n\n";
    let text = format!(
        "-----BEGIN RSA PRIVATE KEY-----\n{headers}{KEY_LINES}-----END RSA PRIVATE KEY-----\n"
    );
    let shown = lines(&Redaction::default(), [text.as_bytes()]).concat();
    assert!(!shown.contains("AES") && !shown.contains("MII"), "{shown}");
}

#[test]
fn a_private_key_in_one_line_of_json_is_hidden() {
    let key = KEY_LINES.replace('\n', "\\n");
    let text = format!(
        "{{\"key\": \"-----BEGIN PRIVATE KEY-----\\n{key}-----END PRIVATE KEY-----\\n\", \"id\": 1}}\n"
    );
    let expected = "{\"key\": \"-----BEGIN PRIVATE KEY-----[REDACTED]-----END PRIVATE KEY-----\\n\", \"id\": 1}\n";
    check(&text, expected);
}

#[test]
fn a_private_key_with_a_line_end_anywhere_is_hidden() {
    let block =
        format!("-----BEGIN RSA PRIVATE KEY-----\n{KEY_LINES}-----END RSA PRIVATE KEY-----\n");
    for place in 0..=block.len() {
        let (a, b) = block.split_at(place);
        let shown = lines(
            &Redaction::default(),
            [format!("{a}\n{b}done\n").as_bytes()],
        )
        .concat();
        let passed =
            windows("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj").find(|part| shown.contains(part));
        assert_eq!(passed, None, "split at {place}: {shown}");
        assert!(shown.ends_with("done"), "split at {place}: {shown}");
    }
}

#[test]
fn a_key_block_that_never_ends_does_not_hide_the_rest_of_the_log() {
    let text = format!(
        "-----BEGIN PRIVATE KEY-----\n{KEY_LINES}and then the tests ran\nok (3 of 3)\nok\n"
    );
    let whole = lines(&Redaction::default(), [text.as_bytes()]);
    assert_eq!(
        whole,
        [
            "-----BEGIN PRIVATE KEY-----",
            "[REDACTED]",
            "then the tests ran",
            "ok (3 of 3)",
            "ok"
        ]
    );
    check_same("-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkq\n-----END CERTIFICATE-----\n");
    check_same("expected -----BEGIN PRIVATE KEY-----. Got nothing\n");
}
