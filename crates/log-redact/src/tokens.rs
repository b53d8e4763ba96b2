//! Tokens with a known beginning, and base64 of a private key.

use std::ops::Range;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::kinds::{Alphabet, Kind, Marked, Proof};

/// The token whose prefix begins at a place, if it is one, and the place behind the characters that were looked at. `None`
/// if no token can begin there. `is_open` says that the line has not ended: then a token may be half there.
pub(crate) fn token(
    line: &str,
    start: usize,
    kind: &Kind,
    is_open: bool,
) -> Option<(Option<Range<usize>>, usize)> {
    let after = line.get(start..)?.strip_prefix(kind.prefix)?;
    let is_strict = kind.proof == Proof::Digit;
    if !starts_word(line, start, is_strict) {
        return None;
    }
    let len = after.bytes().take_while(|b| kind.alphabet.has(*b)).count();
    let run_end = start + kind.prefix.len() + len;
    if is_open && run_end == line.len() && len > 0 {
        return Some((Some(start..run_end), run_end));
    }
    let run = after[..len].trim_end_matches(['.', '-']);
    let end = start + kind.prefix.len() + run.len();
    // `sk-ssh-ed25519@openssh.com` is an algorithm.
    let is_token = kind.accepts(run.as_bytes()) && !line[end..].starts_with("@openssh.com");
    Some((is_token.then_some(start..end), run_end))
}

/// The token around a text, if it is one.
pub(crate) fn marked_token(line: &str, start: usize, kind: &Marked) -> Option<Range<usize>> {
    let after = line.get(start..)?.strip_prefix(kind.mark)?;
    let (alphabet, least, most) = kind.before;
    let bytes = line.as_bytes();
    let run = bytes[..start].iter().rev().take(most + 1);
    let run = run.take_while(|b| alphabet.has(**b)).count();
    let is_whole = |len: &usize| {
        let begin = start - len;
        // The letter of a written-out line end is none of the token.
        let is_escape =
            bytes[..begin].ends_with(b"\\") && matches!(bytes[begin], b'n' | b'r' | b't');
        (run == *len && !is_escape) || ends_with_escape(&bytes[..begin])
    };
    let before = (least..=run.min(most)).rev().find(is_whole)?;
    let (alphabet, least, most) = kind.after;
    let bytes = after.bytes().take(most + 3);
    let len = bytes.take_while(|b| alphabet.has(*b)).count();
    // The end of a sentence is none of the token.
    let behind = after[..len].trim_end_matches('.').len();
    let is_token = (least..=most).contains(&behind);
    is_token.then(|| start - before..start + kind.mark.len() + behind)
}

/// The base64 of a private key that begins at a place (`LS0tLS1CRUdJTi…`), if it is one, and the place behind the base64.
/// That of a certificate is none.
pub(crate) fn encoded_key(line: &str, start: usize) -> (Option<Range<usize>>, usize) {
    let rest = &line[start..];
    let len = rest.bytes().take_while(|b| is_base64(*b)).count();
    // The label is in the first 64 bytes, which are 88 characters.
    let head = &rest[..88.min(len / 4 * 4)];
    let mut text = [0; 66];
    let decoded = LENIENT.decode_slice(head, &mut text).unwrap_or(0);
    let is_key = text[..decoded].windows(11).any(|w| w == b"PRIVATE KEY");
    (is_key.then_some(start..start + len), start + len)
}

/// The base64 of `user:password` that begins a text, as in a `Basic` header. `None` if it is no such thing.
pub(crate) fn encoded_login(text: &str) -> Option<usize> {
    let len = text.bytes().take_while(|b| is_base64(*b)).count();
    if len < 6 {
        return None;
    }
    let decoded = LENIENT.decode(&text[..len]).ok()?;
    let is_text = decoded
        .iter()
        .all(|b| (0x20..0x7f).contains(b) || *b >= 0x80);
    (is_text && decoded.contains(&b':')).then_some(len)
}

/// Base64 with or without padding, and with any bits behind the last byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Whether a byte is in the standard alphabet of base64.
pub(crate) const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Whether a word begins at a place. A written-out control character (`\n`, `%20`, `\u001b`) before it is none of its
/// letters. `strict` says that `_`, `-` and `.` before it are.
pub(crate) fn starts_word(line: &str, at: usize, strict: bool) -> bool {
    let before = &line.as_bytes()[..at];
    let Some(last) = before.last() else {
        return true;
    };
    let is_inside = last.is_ascii_alphanumeric() || (strict && matches!(last, b'_' | b'-' | b'.'));
    !is_inside || ends_with_escape(before)
}

fn ends_with_escape(text: &[u8]) -> bool {
    let hex = |from: usize| text[text.len() - from..].iter().all(u8::is_ascii_hexdigit);
    let ends =
        |len: usize, begin: &[u8]| text.len() >= len && text[text.len() - len..].starts_with(begin);
    (ends(2, b"\\") && matches!(text.last(), Some(b'n' | b'r' | b't')))
        || (ends(3, b"%") && hex(2))
        || (ends(4, b"\\x") && hex(2))
        || (ends(6, b"\\u") && hex(4))
}

/// Whether an alphabet can hold all of a text. Wrapped tokens go on in lines of their alphabet.
pub(crate) fn is_all(alphabet: Alphabet, text: &str) -> bool {
    text.bytes().all(|byte| alphabet.has(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_a_private_key_is_told_from_that_of_a_certificate() {
        let encode = |text: &str| base64::prelude::BASE64_STANDARD.encode(text);
        let key = encode("-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ==\n");
        assert_eq!(
            encoded_key(&format!("x: {key}"), 3).0,
            Some(3..3 + key.len())
        );
        let certificate = encode("-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQ==\n");
        assert_eq!(encoded_key(&certificate, 0).0, None);
        assert_eq!(encoded_key("LS0tLS1CRUdJTi", 0).0, None);
    }

    #[test]
    fn base64_of_a_login_is_told_from_a_word() {
        assert_eq!(encoded_login("YW5uOmh1bnRlcjI= x"), Some(16));
        assert_eq!(encoded_login("authentication"), None);
        assert_eq!(encoded_login("realm=x"), None);
    }

    #[test]
    fn a_written_out_line_end_is_no_letter() {
        for before in [
            "", " ", "a ", "\\n", "x\\r\\n", "%20", "\\u001b", "\\x0a", "=",
        ] {
            assert!(
                starts_word(&format!("{before}x"), before.len(), false),
                "{before}"
            );
        }
        for before in ["a", "n", "20", "x0a"] {
            assert!(
                !starts_word(&format!("{before}x"), before.len(), false),
                "{before}"
            );
        }
    }
}
