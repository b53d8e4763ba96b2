//! The text of an API key: `jlk_<8 id>_<43 secret>_<6 check>`.
//!
//! The beginning lets scanners of source code find a key that was checked in. The check finds a typing mistake before the
//! key is looked up. The secret has 256 random bits, so a plain SHA-256 of the key is a safe thing to keep: there is
//! nothing to guess.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::fill;
use flate2::Crc;

/// What every API key begins with.
pub(super) const PREFIX: &str = "jlk_";

const ID_LEN: usize = 8;
const SECRET_LEN: usize = 43;
const CHECK_LEN: usize = 6;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The SHA-256 of a key, which is all that is kept of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest(pub(super) [u8; 32]);

impl KeyDigest {
    /// The digest of a key's text. `None` if the text is no key: its form or its check is wrong.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        let (checked, check) = key.rsplit_once('_')?;
        let mut parts = checked.strip_prefix(PREFIX)?.split('_');
        let (id, secret) = (parts.next()?, parts.next()?);
        let is_base62 = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric());
        let has_form = parts.next().is_none()
            && (id.len(), secret.len(), check.len()) == (ID_LEN, SECRET_LEN, CHECK_LEN)
            && [id, secret, check].into_iter().all(is_base62);
        (has_form && check == check_of(checked)).then(|| Self::of_text(key))
    }

    fn of_text(key: &str) -> Self {
        let whole = digest(&SHA256, key.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(whole.as_ref());
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// 64 hexadecimal digits, as in the configuration.
impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Not even the digest is printed.
impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

/// Makes a key. `None` if the system has no random numbers.
#[must_use]
pub fn generate() -> Option<String> {
    let checked = format!("{PREFIX}{}_{}", random(ID_LEN)?, random(SECRET_LEN)?);
    let check = check_of(&checked);
    Some(format!("{checked}_{check}"))
}

/// So many random digits in base 62.
fn random(digits: usize) -> Option<String> {
    let mut text = String::with_capacity(digits);
    let mut bytes = [0_u8; 64];
    while text.len() < digits {
        fill(&mut bytes).ok()?;
        // 248 is the greatest multiple of 62 in a byte: above it, some digits would be more likely than others.
        let fair = bytes.iter().filter(|byte| **byte < 248);
        let new = fair.map(|byte| char::from(BASE62[usize::from(byte % 62)]));
        let missing = digits - text.len();
        text.extend(new.take(missing));
    }
    Some(text)
}

/// The CRC-32 of a text, in base 62.
fn check_of(text: &str) -> String {
    let mut crc = Crc::new();
    crc.update(text.as_bytes());
    let mut rest = crc.sum();
    let mut digits = [b'0'; CHECK_LEN];
    for digit in digits.iter_mut().rev() {
        // Below 62 in every case.
        *digit = BASE62[usize::try_from(rest % 62).unwrap_or_default()];
        rest /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_form_that_scanners_look_for_and_is_never_the_same() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(one, other);
        let lengths: Vec<_> = one.split('_').map(str::len).collect();
        assert_eq!(lengths, [3, 8, 43, 6]);
        assert!(KeyDigest::from_key(&one).is_some());
    }

    #[test]
    fn a_mistyped_key_is_found_by_its_check() {
        let key = generate().unwrap();
        for at in 0..key.len() {
            let mut wrong = key.clone().into_bytes();
            wrong[at] = if wrong[at] == b'a' { b'b' } else { b'a' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(KeyDigest::from_key(&wrong).is_none(), "{at}");
            assert!(KeyDigest::from_key(&key[..at]).is_none(), "{at}");
        }
        assert!(KeyDigest::from_key(&format!("{key} ")).is_none());
    }

    #[test]
    fn a_digest_reads_back_and_is_not_printed() {
        let digest = KeyDigest::from_key(&generate().unwrap()).unwrap();
        assert_eq!(KeyDigest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(format!("{digest:?}"), "KeyDigest(…)");
        for wrong in ["", "00", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            assert!(KeyDigest::from_hex(wrong).is_none(), "{wrong}");
        }
    }
}
