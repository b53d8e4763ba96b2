//! The session cookie among a request's cookies.

use serde_json::Value;

use crate::token::{MAX_TOKEN_BYTES, peek};
use crate::{PublishableKey, Rejection};

/// The session cookie, as every version of Clerk's front end writes it.
const SESSION: &str = "__session";

/// The names of one instance's session cookie.
#[derive(Clone, Debug)]
pub(super) struct SessionCookies {
    /// `__session_` and the suffix that belongs to the publishable key: several instances can be
    /// signed in to on one host, and only this cookie is surely ours.
    suffixed: String,
}

/// The two cookies, as far as they are there.
#[derive(Default)]
struct Found<'a> {
    plain: Option<&'a [u8]>,
    suffixed: Option<&'a [u8]>,
}

impl SessionCookies {
    pub(super) fn of(key: &PublishableKey) -> Self {
        Self {
            suffixed: format!("{SESSION}_{}", key.cookie_suffix()),
        }
    }

    /// The session token among the values of all `Cookie` fields.
    pub(super) fn find<'a>(
        &self,
        values: impl Iterator<Item = &'a [u8]>,
        issuers: &[String],
    ) -> Result<&'a str, Rejection> {
        let found = self.read(values)?;
        let token = match (found.plain, found.suffixed) {
            (None, None) => return Err(Rejection::SessionTokenMissing),
            (Some(token), None) | (None, Some(token)) => token,
            (Some(plain), Some(suffixed)) if is_ours_and_newer(plain, suffixed, issuers) => plain,
            (Some(_), Some(suffixed)) => suffixed,
        };
        // Anything but ASCII is no token; what is wrong with the rest, verification says.
        str::from_utf8(token).map_err(|_| Rejection::TokenInvalid)
    }

    /// Reads the pairs of RFC 6265, section 4.2.1. Cookies of others are passed over, however odd:
    /// they are not ours to judge. A name of ours that occurs twice is: somebody else, on another
    /// path or a parent domain, has set the second, and nobody can say which one that is.
    fn read<'a>(&self, values: impl Iterator<Item = &'a [u8]>) -> Result<Found<'a>, Rejection> {
        let mut found = Found::default();
        for pair in values.flat_map(|value| value.split(|&byte| byte == b';')) {
            let mut parts = pair.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
            let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
                continue;
            };
            let slot = match name {
                name if name == SESSION.as_bytes() => &mut found.plain,
                name if name == self.suffixed.as_bytes() => &mut found.suffixed,
                _ => continue,
            };
            // Clerk's front end empties the cookie where it cannot take it away.
            if value.is_empty() {
                continue;
            }
            if slot.replace(value).is_some() {
                return Err(Rejection::MalformedCredentials);
            }
        }
        Ok(found)
    }
}

/// Whether the cookie without a suffix is this instance's too, and the newer one: an older version
/// of Clerk's front end writes no other. What the tokens say about themselves decides only which
/// of them is verified.
fn is_ours_and_newer(plain: &[u8], suffixed: &[u8], issuers: &[String]) -> bool {
    if plain.len() > MAX_TOKEN_BYTES || suffixed.len() > MAX_TOKEN_BYTES {
        return false;
    }
    let Some(plain) = peek(plain) else {
        return false;
    };
    let is_ours = plain
        .get("iss")
        .and_then(Value::as_str)
        .is_some_and(|issuer| issuers.iter().any(|known| known == issuer));
    let issued_at = |claims: &crate::json::Object| claims.get("iat").and_then(Value::as_u64);
    is_ours && issued_at(&plain) > peek(suffixed).as_ref().and_then(issued_at)
}
