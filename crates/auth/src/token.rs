//! A token's form and header: everything that can be refused without a key.
//!
//! Steps 2 to 5 of the pipeline in the crate's documentation. Nothing here touches the network or
//! cryptography, so a flood of rubbish costs a parse of at most 8 KiB each.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::json::{self, Object};
use crate::{KeyId, Rejection};

/// Longest token that is looked at, in bytes. Clerk's own stay below a cookie's 4 KiB.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Opaque credentials of other classes: API keys, OAuth access tokens, machine tokens in both
/// spellings.
const MACHINE_PREFIXES: [&str; 4] = ["ak_", "oat_", "mt_", "m2m_"];

/// Subjects of machine tokens that are JWTs.
const MACHINE_SUBJECT_PREFIX: &str = "mch_";

/// `typ` of OAuth access tokens that are JWTs (RFC 9068, section 2.1).
const OAUTH_TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];

/// `cat` of session tokens, and the one that says nothing about the class. Templates' and machines'
/// tokens have others (`jwtCategories.ts` of Clerk's JavaScript SDK).
const SESSION_CATEGORIES: [&str; 2] = ["cl_B7d4PD111AAA", "cl_I7d4PD111III"];

/// A token that has the form of a session token. Nothing in it is true yet.
pub(crate) struct UnverifiedToken<'a> {
    /// What the signature is over: the first two segments, with the dot between.
    pub(crate) signing_input: &'a [u8],
    pub(crate) signature: Vec<u8>,
    pub(crate) key_id: KeyId,
    /// The header `oiat`, where it is a whole number.
    pub(crate) claims_assembled_at: Option<u64>,
    /// The payload; `None` where it is no object without duplicate keys. That is told only once the
    /// signature holds, like everything about claims.
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
        let key_id = judge_header(&header)?;
        let payload = json::parse_object(&payload);
        if payload.as_ref().is_some_and(is_of_a_machine) {
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

/// What a token says about itself, unverified: good for choosing between two, and for nothing else.
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
    /// Exactly three segments, none empty.
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

/// Strict base64url (RFC 7515, section 2): no padding, no other character, no bits left over at the
/// end.
fn decode(segment: &str) -> Result<Vec<u8>, Rejection> {
    URL_SAFE_NO_PAD
        .decode(segment)
        .map_err(|_| Rejection::TokenInvalid)
}

/// Step 5. Unknown members are ignored, and with them every address or key a token brings along
/// (`jku`, `x5u`, `jwk`, `x5c`).
fn judge_header(header: &Object) -> Result<KeyId, Rejection> {
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(Rejection::InvalidAlgorithm);
    }
    // Nothing critical is understood here (RFC 7515, section 4.1.11), and `b64` needs `crit` (RFC
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

/// A look at an unverified claim, which can only refuse.
fn is_of_a_machine(payload: &Object) -> bool {
    payload
        .get("sub")
        .and_then(Value::as_str)
        .is_some_and(|subject| subject.starts_with(MACHINE_SUBJECT_PREFIX))
}
