//! Checks the form and the header of a token: everything that can be checked without a key.
//!
//! These are steps 2 to 5 of the crate's documentation. They use neither the network nor
//! cryptography, so each token of a flood of garbage costs a parse of at most 8 KiB.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::json::{self, Object};
use crate::{KeyId, Rejection};

/// Longest token that is accepted, in bytes. Clerk's own tokens fit into a cookie of 4 KiB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The prefixes of opaque credentials of other classes: API keys, OAuth access tokens, machine
/// tokens in both spellings.
const MACHINE_PREFIXES: [&str; 4] = ["ak_", "oat_", "mt_", "m2m_"];

/// The prefix of the subject of a machine token that is a JWT.
const MACHINE_SUBJECT_PREFIX: &str = "mch_";

/// `typ` of OAuth access tokens that are JWTs (RFC 9068, section 2.1).
const OAUTH_TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];

/// `cat` of session tokens, and the value that says nothing about the class. The tokens of JWT
/// templates and of machines have other values (`jwtCategories.ts` of Clerk's JavaScript SDK).
const SESSION_CATEGORIES: [&str; 2] = ["cl_B7d4PD111AAA", "cl_I7d4PD111III"];

/// A token that has the form of a session token. Nothing in it may be trusted yet.
pub(crate) struct UnverifiedToken<'a> {
    /// The signed bytes: the first two segments with the dot between them.
    pub(crate) signing_input: &'a [u8],
    pub(crate) signature: Vec<u8>,
    pub(crate) key_id: KeyId,
    /// The header `oiat`, if it is a whole number.
    pub(crate) claims_assembled_at: Option<u64>,
    /// The payload; `None` if it is not an object, or has a duplicate key. Like everything about
    /// claims, that is reported only after the signature has been verified.
    pub(crate) payload: Option<Object>,
}

impl<'a> UnverifiedToken<'a> {
    pub(crate) fn parse(token: &'a str) -> Result<Self, Rejection> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::TokenTooLarge);
        }
        if MACHINE_PREFIXES
            .iter()
            .any(|prefix| token.starts_with(prefix))
        {
            return Err(Rejection::TypeMismatch);
        }
        let segments = Segments::split(token)?;
        let header =
            json::parse_object(&decode(segments.header)?).ok_or(Rejection::TokenInvalid)?;
        let payload = decode(segments.payload)?;
        let signature = decode(segments.signature)?;
        let key_id = validate_header(&header)?;
        let payload = json::parse_object(&payload);
        if payload.as_ref().is_some_and(has_machine_subject) {
            return Err(Rejection::TypeMismatch);
        }
        Ok(Self {
            signing_input: segments.signing_input.as_bytes(),
            signature,
            key_id,
            claims_assembled_at: header.get("oiat").and_then(Value::as_u64),
            payload,
        })
    }
}

/// The claims of a token, unverified. Use them to choose between two tokens, and for nothing else.
pub(crate) fn peek(token: &[u8]) -> Option<Object> {
    let payload = token.split(|&byte| byte == b'.').nth(1)?;
    json::parse_object(&URL_SAFE_NO_PAD.decode(payload).ok()?)
}

struct Segments<'a> {
    signing_input: &'a str,
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
}

impl<'a> Segments<'a> {
    /// Splits a token into exactly three segments, none of them empty.
    fn split(token: &'a str) -> Result<Self, Rejection> {
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Rejection::TokenInvalid)?;
        let (header, payload) = signing_input
            .split_once('.')
            .ok_or(Rejection::TokenInvalid)?;
        let segments = [header, payload, signature];
        if segments
            .iter()
            .any(|segment| segment.is_empty() || segment.contains('.'))
        {
            return Err(Rejection::TokenInvalid);
        }
        Ok(Self {
            signing_input,
            header,
            payload,
            signature,
        })
    }
}

/// Decodes strict base64url (RFC 7515, section 2): no padding, no other character, no unused bits
/// at the end.
fn decode(segment: &str) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| Rejection::TokenInvalid)
}

/// Step 5. Unknown members are ignored, so also the URLs and keys that a token may contain (`jku`,
/// `x5u`, `jwk`, `x5c`).
fn validate_header(header: &Object) -> Result<KeyId, Rejection> {
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(Rejection::InvalidAlgorithm);
    }
    // No critical extension is supported (RFC 7515, section 4.1.11), and `b64` needs `crit` (RFC
    // 7797).
    if header.contains_key("crit") || header.contains_key("b64") {
        return Err(Rejection::TokenInvalid);
    }
    match header.get("typ").map(Value::as_str) {
        None | Some(Some("JWT")) => {}
        Some(Some(typ)) if OAUTH_TYPES.contains(&typ) => return Err(Rejection::TypeMismatch),
        Some(_) => return Err(Rejection::TokenInvalid),
    }
    match header.get("cat").map(Value::as_str) {
        None => {}
        Some(Some(category)) if SESSION_CATEGORIES.contains(&category) => {}
        Some(_) => return Err(Rejection::TypeMismatch),
    }
    header
        .get("kid")
        .and_then(Value::as_str)
        .and_then(|kid| KeyId::parse(kid).ok())
        .ok_or(Rejection::KeyMismatch)
}

/// Whether the unverified `sub` is a machine's. This can only refuse a token, never accept one.
fn has_machine_subject(payload: &Object) -> bool {
    payload
        .get("sub")
        .and_then(Value::as_str)
        .is_some_and(|subject| subject.starts_with(MACHINE_SUBJECT_PREFIX))
}
