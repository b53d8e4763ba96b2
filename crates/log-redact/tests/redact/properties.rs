//! Properties of redaction: what holds for any text.

use std::sync::LazyLock;
use std::time::Duration;

use log_redact::Redaction;
use proptest::prelude::*;

use crate::support::{JWT, knowing, lines, slow_lines, windows};

const SECRET: &str = "Xq7/vR+2mZ k9é&w";

static KNOWING: LazyLock<Redaction> = LazyLock::new(|| knowing([SECRET]));

/// A text that is a secret, alone on its line.
fn secret_line() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just(JWT),
        Just(SECRET),
        Just("ghp_16C7e42F292c6912E7710c838347Ae178B4a"),
        Just("glpat-x9Jm2Kq4Lw8Zr5Tn7Vb1"),
        Just("sk_live_4eC39HqLyjWDarjtT1zdp7dc"),
        Just("xoxb-2468013579-8642097531-QwErTyUiOpAsDfGh"),
        Just("-----BEGIN PRIVATE KEY-----"),
        Just("{\"token\":\"abc"),
        Just("password='abc"),
        Just("postgres://app:pw"),
        Just("postgres://app:pw@db"),
        Just("DB_PASSWORD=abc"),
        Just("Authorization: Bearer abc"),
        Just("://a:"),
        Just("token:"),
    ]
}

/// Lines without key material: words, numbers, and everything that builds print around them.
fn ordinary_line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,12}( [a-z]{1,12}){0,6}[.!?]?",
        "[A-Z]{2,12}",
        "[0-9]{1,9}",
        "[a-z/]{1,20}\\.rs:[0-9]{1,4}: [a-z ]{0,20}",
        "\\[[0-9]{1,3}/[0-9]{1,3}\\] [A-Z][a-z ]{0,20}",
        "[a-z]{1,8}@[0-9]\\.[0-9]\\.[0-9]",
        "[a-z]{1,8}: [a-z0-9 ]{0,12}\"?",
        "[ \"':@#=,;{}()-]{0,6}[a-z]{0,4}[ \"':@#=,;{}()-]{0,6}",
        "[0-9a-f]{40}",
        Just(String::new()),
    ]
}

/// Text in which the beginnings of secrets are frequent.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("\n".to_owned()),
        1 => Just("\x1b[31m".to_owned()),
        3 => "[a-z0-9=:@/\"' .é-]{1,5}",
        1 => Just("Xq7/vR+2mZ".to_owned()),
        1 => Just(" k9é&w".to_owned()),
        1 => Just("password=".to_owned()),
        1 => Just("\"token\": \"".to_owned()),
        1 => Just("--token ".to_owned()),
        1 => Just("ghp_16C7e42F292c6912E771".to_owned()),
        1 => Just("://a:b".to_owned()),
        1 => Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        1 => Just("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".to_owned()),
        1 => Just("\\u002b%2b&amp;'\\''".to_owned()),
        1 => Just("<password>".to_owned()),
        1 => Just("</".to_owned()),
        1 => Just("token=".to_owned()),
        2 => Just("\"\"\"".to_owned()),
        1 => Just("\\\\\"".to_owned()),
        1 => Just("\\\"".to_owned()),
        1 => Just("'b'".to_owned()),
        1 => Just("&quot;".to_owned()),
        1 => Just("%3D".to_owned()),
        1 => Just(" -> ".to_owned()),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn ordinary_lines_after_a_secret_are_unchanged(
        secret in secret_line(),
        after in proptest::collection::vec(ordinary_line(), 0..20),
    ) {
        let redaction = &*KNOWING;
        let alone: Vec<String> = after.iter().flat_map(|line| lines(redaction, &format!("{line}\n"))).collect();
        let text = format!("{secret}\n{}", after.iter().map(|line| format!("{line}\n")).collect::<String>());
        let shown = lines(redaction, &text);
        prop_assert_eq!(&shown[1..], &alone[..]);
        prop_assert_eq!(&slow_lines(redaction, &text)[1..], &alone[..]);
    }

    #[test]
    fn a_line_comes_out_for_each_line_and_time_changes_nothing(text in text()) {
        let redaction = &*KNOWING;
        let at_once = lines(redaction, &text);
        prop_assert_eq!(slow_lines(redaction, &text).len(), at_once.len());
    }

    #[test]
    fn colours_come_out_and_do_not_change_what_is_hidden(text in text()) {
        let redaction = &*KNOWING;
        let bare = text.replace("\x1b[31m", "");
        let shown = lines(redaction, &text).join("\n");
        let expected = lines(redaction, &bare).join("\n");
        let shown_bare = shown.replace("\x1b[31m", "");
        prop_assert_eq!(shown_bare.trim_end_matches('\n'), expected.trim_end_matches('\n'));
        prop_assert_eq!(shown.matches("\x1b[31m").count(), text.matches("\x1b[31m").count());
    }

    #[test]
    fn no_registered_secret_is_shown(before in "[ -~]{0,20}", after in "[ -~]{0,20}") {
        let redaction = &*KNOWING;
        let shown = lines(redaction, &format!("{before}{SECRET}{after}")).concat();
        let expected = windows(SECRET).filter(|part| before.contains(part) || after.contains(part)).count();
        let passed = windows(SECRET).filter(|part| shown.contains(part)).count();
        prop_assert!(passed <= expected, "{}", shown);
    }

    #[test]
    fn any_secret_is_hidden_in_any_mixture_of_writings(
        secret in "[a-zA-Z0-9][a-zA-Z0-9 '\"<>=+/$äß-]{4,22}[a-zA-Z0-9]",
        choices in proptest::collection::vec(0..8_u8, 24),
    ) {
        let core: String = secret.chars().filter(|c| !"'\"\\$".contains(*c)).collect();
        prop_assume!(core.len() >= 6);
        let mut builder = Redaction::builder().registered_only();
        prop_assume!(builder.add(&secret).is_ok());
        let redaction = builder.build().unwrap();
        let written: String = secret.chars().zip(&choices).map(|(character, choice)| write(character, *choice)).collect();
        let shown = redaction.line(&format!("<{written}>")).into_owned();
        let shown = shown.replace(['\\', '\'', '"', '$'], "");
        prop_assert_eq!(shown, "<[REDACTED]>", "{}", written);
    }

    #[test]
    fn any_text_at_all_can_be_redacted(text in "\\PC{0,200}", open in any::<bool>()) {
        let mut redactor = KNOWING.redactor();
        let mut count = 0;
        if open {
            let _ = redactor.open_line(text.clone());
        }
        redactor.push(text, |_| count += 1);
        redactor.finish(|_| count += 1);
        prop_assert_eq!(count, 1);
    }
}

/// One of the writings of a character.
fn write(character: char, choice: u8) -> String {
    let bytes = |prefix: &str| {
        let mut buffer = [0; 4];
        let text = character.encode_utf8(&mut buffer);
        text.bytes()
            .map(|byte| format!("{prefix}{byte:02x}"))
            .collect::<String>()
    };
    let is_letter = character.is_ascii_alphanumeric();
    match choice {
        0 => format!("\\u{:04x}", u32::from(character)),
        1 => bytes("\\x"),
        2 => bytes("%").to_uppercase(),
        3 => format!("&#{};", u32::from(character)),
        4 => format!("&#x{:X};", u32::from(character)),
        5 if !is_letter => format!("\\{character}"),
        6 => format!("'\"'\"'{character}"),
        _ => character.to_string(),
    }
}

/// Texts that are the worst case for an implementation that looks at the rest of the line again and again.
const HARD: &[&str] = &[
    "sk-",
    "eyJa.",
    "://a:b",
    "x://a:b",
    "password=\"",
    "password='",
    "a=",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----",
    "Xq7/vR+2mZ k",
    "token = ",
    "=\\\"",
    "authorization: x ",
    "cookie: ",
    "<password>",
    "token: (",
    "\\\\",
    "%25",
    "&amp;",
    "password: `",
    "LS0tLS1CRUdJTi",
    "Bearer ",
    "Basic aaaa",
    "a",
    "\\u002b",
    "--token ",
    "token=(",
    "pass;",
    ";pwd=",
    "key_",
    "\"password\" \"value\": ",
    "auth=\"x ",
    "-pass pass:",
    "a:b@tcp(",
    "curl -u ",
    "password=a&",
    "Q~",
    "%25252",
    "&amp;amp;",
    "pass:",
    "-pass pass:",
    "\"",
    "'",
    "`",
    "'\"",
    "=\"\\\"",
    "password='\"",
    "password&quot;:&quot;",
    "&quot;",
    "token%3D",
    "%22",
    "\\u0026amp",
    "%5Cu0026",
    "%%",
    "|'^`",
    "::add-mask::",
    "echo a|chpasswd ",
    "secret --from-literal=a",
    ":thin:a/b",
    "secrets set a=b ",
    "http -a a:b ",
    "name=token::",
    "(secret=",
    "token = token -> ",
    "Private-Lines: ",
    "é=",
    "\\\\\\\\",
    "token=\\\\\\",
    "'docker', 'login', '-p', '",
    "'--token', '",
    "htpasswd -b a ",
    "password is hunter2 ",
    "password for a: ",
    "key is ",
    "authorization: [ '",
    "secret_key\">",
    "token,ParameterValue=",
    "sk_",
    "SKghp_",
];

/// How long it takes to hide secrets in a line of this length.
#[expect(
    clippy::disallowed_types,
    reason = "the crate has no runtime, and the bound is far from what is measured"
)]
fn time_for(piece: &str, len: usize) -> Duration {
    static REDACTION: LazyLock<Redaction> = LazyLock::new(|| {
        knowing([
            SECRET,
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        ])
    });
    let line = piece.repeat(len / piece.len());
    let started = std::time::Instant::now();
    assert!(!REDACTION.line(&line).is_empty());
    started.elapsed()
}

/// A line of eight times the length may take eight times the time, and not 64 times. What other programs of the machine take
/// is noise, so one good measurement of five is enough.
fn check_linear<'a>(pieces: impl IntoIterator<Item = &'a str>, len: usize) {
    let slow = pieces.into_iter().filter(|piece| {
        let is_linear = || {
            let (short, long) = (time_for(piece, len / 8), time_for(piece, len));
            long <= 24 * short + Duration::from_millis(200)
        };
        !(0..5).any(|_| is_linear())
    });
    assert_eq!(slow.collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn the_work_is_linear_in_the_line() {
    check_linear(HARD.iter().copied(), 128 * 1024);
}

#[test]
fn a_line_of_a_megabyte_takes_no_more_than_its_share() {
    let pieces = [
        "'\"",
        "pass:",
        "password='\"",
        "%25252",
        "&amp;amp;",
        "\\u0026amp",
    ];
    check_linear(pieces, 1024 * 1024);
}
