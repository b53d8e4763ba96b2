//! The encodings in which tools print a secret.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

/// The minimum length of a text to look for, in bytes. Shorter texts appear in many lines by chance.
pub(super) const MIN_LEN: usize = 4;

/// The minimum length of a line of a multi-line secret that is also looked for alone.
const MIN_LINE_LEN: usize = 8;

/// All texts to look for, for one secret: the secret itself, each of its longer lines, URL-encoded, JSON-escaped, and in
/// base64 at the three offsets that it can have inside a longer text.
///
/// Line ends are removed, because secrets are also found across line ends.
pub(super) fn encodings(secret: &str) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for form in [secret, secret.trim()] {
        texts.insert(form.to_owned());
        texts.extend(url_encoded(form));
        texts.extend(json_escaped(form));
        texts.extend((0..3).flat_map(|offset| base64_inside(form.as_bytes(), offset)));
    }
    let lines = secret.lines().map(str::trim);
    texts.extend(
        lines
            .filter(|line| line.len() >= MIN_LINE_LEN)
            .map(str::to_owned),
    );
    let texts = texts.iter().map(|text| visible(text));
    texts.filter(|text| text.len() >= MIN_LEN).collect()
}

/// What the terminal filter leaves of a text.
fn visible(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || *c == '\t')
        .collect()
}

/// The encodings of `encodeURIComponent`, `encodeURI`, Python's `quote`, and HTML forms, each with upper-case and
/// lower-case digits.
fn url_encoded(text: &str) -> Vec<String> {
    let mut encodings = Vec::new();
    for unescaped in ["-_.~", "-_.~/", "-_.!~*'()", "-_.!~*'();/?:@&=+$,#", "-_.*"] {
        for space in ["%20", "+"] {
            let upper = percent_encoded(text, unescaped, space);
            encodings.push(with_lower_case_digits(&upper));
            encodings.push(upper);
        }
    }
    encodings
}

fn percent_encoded(text: &str, unescaped: &str, space: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push_str(space),
            b if b.is_ascii_alphanumeric() || unescaped.as_bytes().contains(&b) => {
                out.push(char::from(b));
            }
            b => push_hex(&mut out, "%", b),
        }
    }
    out
}

fn push_hex(out: &mut String, prefix: &str, byte: u8) {
    // Writing to a string does not fail.
    let _ = write!(out, "{prefix}{byte:02X}");
}

/// Makes the digits of each `%XX` lower-case. A `%` of the text itself is encoded, so two digits follow each `%`.
fn with_lower_case_digits(encoded: &str) -> String {
    let mut digits = 0_u8;
    let lower = |c: char| {
        if c == '%' {
            digits = 3;
        }
        let is_digit = digits > 0;
        digits = digits.saturating_sub(u8::from(is_digit));
        if is_digit { c.to_ascii_lowercase() } else { c }
    };
    encoded.chars().map(lower).collect()
}

/// The encodings of JSON: only what must be escaped; with `\/`; ASCII only; safe for HTML, as Go writes it.
fn json_escaped(text: &str) -> Vec<String> {
    let extra_escapes: [fn(char) -> bool; 3] = [
        |_| false,
        |c| !c.is_ascii(),
        |c| matches!(c, '&' | '<' | '>' | '\u{2028}' | '\u{2029}'),
    ];
    let escaped = extra_escapes.map(|also| escape(text, also));
    let slashed = escaped.clone().map(|text| text.replace('/', "\\/"));
    escaped.into_iter().chain(slashed).collect()
}

fn escape(text: &str, also: fn(char) -> bool) -> String {
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' || also(c) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a string does not fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// The base64 of a text that starts `offset` bytes (modulo three) after the beginning of the encoded bytes. Only the
/// characters that do not depend on the bytes before and after the text, in both alphabets.
fn base64_inside(text: &[u8], offset: usize) -> [String; 2] {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(text);
    // Each character holds six bits. The first characters hold bits of the bytes before the text, and the last one of the
    // bytes after it.
    let first = (offset * 8).div_ceil(6);
    let whole = bytes.len() * 8 / 6;
    [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD].map(|alphabet| {
        let encoded = alphabet.encode(&bytes);
        encoded.get(first..whole).unwrap_or_default().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    #[test]
    fn a_plain_secret_gives_itself_and_three_base64_texts() {
        let texts: Vec<_> = encodings("hunter2hunter2").into_iter().collect();
        let expected = [
            "aHVudGVyMmh1bnRlcj",
            "h1bnRlcjJodW50ZXIy",
            "hunter2hunter2",
            "odW50ZXIyaHVudGVyM",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn base64_of_a_longer_text_contains_one_of_the_texts() {
        let secret = "s3cr3t/+?é!";
        let texts = encodings(secret);
        for before in 0..7 {
            for after in 0..7 {
                let whole = format!("{}{secret}{}", "u".repeat(before), "v".repeat(after));
                let encoded = BASE64_STANDARD.encode(&whole);
                let found = texts
                    .iter()
                    .filter(|text| encoded.contains(*text))
                    .max_by_key(|text| text.len());
                let found = found.unwrap_or_else(|| panic!("{before} before, {after} after"));
                assert!(found.len() >= secret.len() * 8 / 6 - 2, "{found}");
            }
        }
    }

    #[test]
    fn a_secret_in_a_url_is_found_in_each_encoding() {
        let texts = encodings("a b/ü&c~");
        for text in [
            "a%20b%2F%C3%BC%26c~",
            "a%20b%2f%c3%bc%26c~",
            "a+b%2F%C3%BC%26c~",
            "a+b%2F%C3%BC%26c%7E",
            "a%20b/%C3%BC%26c~",
            "a%20b/%C3%BC&c~",
        ] {
            assert!(texts.contains(text), "{text} is not in {texts:#?}");
        }
    }

    #[test]
    fn a_secret_in_json_is_found_in_each_encoding() {
        let texts = encodings("a\"b\\c/ü<\nd");
        for text in [
            "a\\\"b\\\\c/ü<\\nd",
            "a\\\"b\\\\c\\/ü<\\nd",
            "a\\\"b\\\\c/\\u00fc<\\nd",
            "a\\\"b\\\\c/ü\\u003c\\nd",
        ] {
            assert!(texts.contains(text), "{text} is not in {texts:#?}");
        }
    }

    #[test]
    fn a_multi_line_secret_is_found_as_a_whole_and_line_by_line() {
        let texts = encodings("first line\nsecond line\nshort\n");
        for text in ["first linesecond lineshort", "first line", "second line"] {
            assert!(texts.contains(text), "{text} is not in {texts:#?}");
        }
        assert!(!texts.contains("short"), "a short line appears anywhere");
    }
}
