//! The texts to look for, for one secret.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};

use super::decode::{Decoded, Writings};

/// The minimum length of a text to look for, in bytes. Shorter texts appear in many lines by chance.
pub(crate) const MIN_LEN: usize = 4;

/// The texts to look for as they are: the secret itself, its hexadecimal digits, and its base64 at the three offsets that
/// it can have inside a longer text.
pub(super) fn plain(secret: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::from([visible(secret).into_bytes()]);
    // A file ends with a line end, and a tool that encodes it encodes that too.
    forms.extend((0..3).flat_map(|offset| base64_inside(secret.as_bytes(), offset)));
    forms.extend([hex(secret, false), hex(secret, true)]);
    forms.retain(|form| form.len() >= MIN_LEN);
    forms
}

/// The texts to look for in a decoded text.
pub(super) fn decoded(secret: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    let mut decoder = Decoded::default();
    for bits in 0..8_u8 {
        let writings = Writings {
            backslash: bits & 1 != 0,
            percent: bits & 2 != 0,
            entity: bits & 4 != 0,
        };
        decoder.decode(secret, writings);
        forms.insert(decoder.bytes.clone());
    }
    // `\xe4` and `%E4`: the character is written as one byte of Latin-1.
    if !secret.is_ascii() && secret.chars().all(|c| c <= '\u{ff}') {
        decoder.decode(
            secret,
            Writings {
                backslash: false,
                percent: false,
                entity: false,
            },
        );
        let text = String::from_utf8_lossy(&decoder.bytes).into_owned();
        forms.insert(text.chars().filter_map(|c| u8::try_from(c).ok()).collect());
    }
    forms.retain(|form| form.len() >= MIN_LEN);
    forms
}

/// What the terminal filter leaves of a text. Line ends stay.
fn visible(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\t' | '\n'))
        .collect()
}

fn hex(text: &str, upper: bool) -> Vec<u8> {
    let mut digits = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        // Writing to a string does not fail.
        let _ = if upper {
            write!(digits, "{byte:02X}")
        } else {
            write!(digits, "{byte:02x}")
        };
    }
    digits.into_bytes()
}

/// The base64 of a text that starts `offset` bytes (modulo three) after the beginning of the encoded bytes. Only the
/// characters that do not depend on the bytes before and after the text, in both alphabets.
fn base64_inside(text: &[u8], offset: usize) -> [Vec<u8>; 2] {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(text);
    // Each character holds six bits. The first characters hold bits of the bytes before the text, and the last one of the
    // bytes after it.
    let first = (offset * 8).div_ceil(6);
    let whole = bytes.len() * 8 / 6;
    [&BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD].map(|alphabet| {
        let encoded = alphabet.encode(&bytes);
        encoded
            .as_bytes()
            .get(first..whole)
            .unwrap_or_default()
            .to_vec()
    })
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;

    use super::*;

    #[test]
    fn base64_of_a_longer_text_contains_one_of_the_forms() {
        let secret = "s3cr3t/+?é!";
        let forms = plain(secret);
        for before in 0..7 {
            for after in 0..7 {
                let whole = format!("{}{secret}{}", "u".repeat(before), "v".repeat(after));
                let encoded = BASE64_STANDARD.encode(&whole);
                let has =
                    |form: &&Vec<u8>| encoded.as_bytes().windows(form.len()).any(|w| w == **form);
                let found = forms.iter().filter(has).map(Vec::len).max();
                assert!(
                    found >= Some(secret.len() * 8 / 6 - 2),
                    "{before} before, {after} after"
                );
            }
        }
    }

    #[test]
    fn most_secrets_have_one_decoded_form() {
        assert_eq!(
            decoded("it's-a-Secret9"),
            BTreeSet::from([b"its-a-Secret9".to_vec()])
        );
        assert_eq!(decoded("a%41\\nb&lt;c").len(), 8);
        assert_eq!(decoded("'\"$a").len(), 0, "too short");
    }
}
