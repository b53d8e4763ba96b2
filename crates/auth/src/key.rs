//! One RSA public key, and the id of a key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rsa::PublicKey;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use thiserror::Error;

/// Longest key id, in bytes. Clerk's ids are `ins_` and 27 characters.
const MAX_KEY_ID_BYTES: usize = 128;

/// Allowed sizes of a modulus, in bits: RFC 7518, section 3.3 requires at least 2048, the
/// cryptographic library supports at most 8192.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Longest public exponent that the cryptographic library supports, in bits.
const MAX_EXPONENT_BITS: usize = 33;

/// A valid key id (`kid`): 1 to 128 of `A–Z a–z 0–9 _ -`.
///
/// It is only used to look up a key, never in a path or a query. Clerk uses the instance's id, so
/// `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyId(Box<str>);

/// A text that is not a [`KeyId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a key id is 1 to 128 of A-Z a-z 0-9 _ -")]
pub struct ParseKeyIdError;

impl KeyId {
    /// Checks the form.
    ///
    /// # Errors
    ///
    /// If the text is empty, is longer than 128 bytes or has another character.
    pub fn parse(id: &str) -> Result<Self, ParseKeyIdError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=MAX_KEY_ID_BYTES).contains(&id.len()) && id.bytes().all(is_plain) {
            Ok(Self(id.into()))
        } else {
            Err(ParseKeyIdError)
        }
    }

    /// The id as text. Do not log it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyId(..)")
    }
}

/// Why an RSA public key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnusableKey {
    /// The text is not a PEM of a public key, with or without its first and last line.
    #[error("it is neither a PEM public key nor bare base64 of one")]
    Encoding,
    /// The text holds something else than an RSA public key.
    #[error("it is not an RSA public key")]
    NotRsa,
    /// The modulus is even, or does not have 2048 to 8192 bits.
    #[error("its modulus is not an odd number of 2048 to 8192 bits")]
    Modulus,
    /// The exponent is even, below 3 or out of range.
    #[error("its exponent is not an odd number from 3")]
    Exponent,
}

/// An RSA public key that verifies RS256 signatures. It is checked once, when it is read. Cheap to
/// clone.
#[derive(Clone)]
pub struct VerifyingKey(Arc<KeyData>);

struct KeyData {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
    /// The same key as the cryptographic library wants it.
    parsed: ParsedPublicKey,
}

impl VerifyingKey {
    /// Reads a public key as Clerk's dashboard shows it: a PEM (`PUBLIC KEY` or `RSA PUBLIC KEY`),
    /// or only the base64 inside it. Line breaks may be real ones, the two characters `\n`, or
    /// missing.
    ///
    /// # Errors
    ///
    /// [`UnusableKey`] that says which rule is broken. A private key is refused.
    pub fn from_pem(pem: &str) -> Result<Self, UnusableKey> {
        let pem = pem.replace(r"\n", "\n");
        let base64: String = strip_armour(&pem)?.split_whitespace().collect();
        let der = STANDARD
            .decode(base64)
            .ok()
            .filter(|der| !der.is_empty())
            .ok_or(UnusableKey::Encoding)?;
        let key = PublicKey::from_der(&der).map_err(|_| UnusableKey::NotRsa)?;
        let components = RsaPublicKeyComponents::<Vec<u8>>::from(&key);
        Self::from_components(&components.n, &components.e)
    }

    /// Reads the members `n` and `e` of a JWK (RFC 7518, section 6.3.1).
    pub(crate) fn from_jwk_members(modulus: &str, exponent: &str) -> Result<Self, UnusableKey> {
        let decode = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_| UnusableKey::Encoding)
        };
        Self::from_components(&decode(modulus)?, &decode(exponent)?)
    }

    /// Checks the numbers, so that the error says which of them is wrong.
    fn from_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, UnusableKey> {
        let modulus = without_leading_zeros(modulus);
        let exponent = without_leading_zeros(exponent);
        if !is_odd(modulus) || !MODULUS_BITS.contains(&bits(modulus)) {
            return Err(UnusableKey::Modulus);
        }
        if !is_odd(exponent) || exponent == [1] || bits(exponent) > MAX_EXPONENT_BITS {
            return Err(UnusableKey::Exponent);
        }
        let components = RsaPublicKeyComponents {
            n: modulus,
            e: exponent,
        };
        let parsed = components
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| UnusableKey::NotRsa)?;
        Ok(Self(Arc::new(KeyData {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
            parsed,
        })))
    }

    /// Whether this is the RS256 signature of these bytes.
    pub(crate) fn verifies(&self, signing_input: &[u8], signature: &[u8]) -> bool {
        (self.0.parsed).verify_sig(signing_input, signature).is_ok()
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.modulus == other.0.modulus && self.0.exponent == other.0.exponent
    }
}

impl Eq for VerifyingKey {}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("VerifyingKey(..)")
    }
}

/// The text between the first and the last line of a PEM; the whole text if it has no such lines.
fn strip_armour(pem: &str) -> Result<&str, UnusableKey> {
    let pem = pem.trim();
    if !pem.starts_with("-----") {
        return Ok(pem);
    }
    ["PUBLIC KEY", "RSA PUBLIC KEY"]
        .iter()
        .find_map(|label| {
            pem.strip_prefix(&format!("-----BEGIN {label}-----"))?
                .strip_suffix(&format!("-----END {label}-----"))
        })
        .ok_or(UnusableKey::Encoding)
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    number.split_at(zeros).1
}

/// Whether a number without leading zeros is odd. No bytes at all mean zero.
fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte % 2 == 1)
}

/// The length of a number without leading zeros, in bits.
fn bits(number: &[u8]) -> usize {
    let missing = number
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    (number.len() * 8).saturating_sub(missing)
}
