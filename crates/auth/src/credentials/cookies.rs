//! Finds the session cookie among a request's cookies.

use serde_json::Value;

use crate::json::Object;
use crate::token::{MAX_TOKEN_BYTES, peek};
use crate::{PublishableKey, Rejection};

/// The name of the session cookie that every version of Clerk's front end writes.
const SESSION: &str = "__session";

/// The names of one instance's session cookie.
#[derive(Clone, Debug)]
pub(super) struct SessionCookies {
    /// `__session_` and the suffix that belongs to the publishable key. A browser can be signed in
    /// to several instances on one host; only this cookie is certainly of our instance.
    suffixed: String,
}

/// The values of the two cookies, if the request has them.
#[derive(Default)]
struct Found<'a> {
    plain: Option<&'a [u8]>,
    suffixed: Option<&'a [u8]>,
}

impl SessionCookies {
    pub(super) fn new(key: &PublishableKey) -> Self {
        Self {
            suffixed: format!("{SESSION}_{}", key.cookie_suffix()),
        }
    }

    /// The session token in the values of all `Cookie` fields.
    pub(super) fn find<'a>(
        &self,
        values: impl Iterator<Item = &'a [u8]>,
        issuers: &[String],
    ) -> Result<&'a str, Rejection> {
        let found = self.read(values, issuers);
        let token = match (found.plain, found.suffixed) {
            (None, None) => return Err(Rejection::SessionTokenMissing),
            (Some(token), None) | (None, Some(token)) => token,
            (Some(plain), Some(suffixed)) if is_ours_and_newer(plain, suffixed, issuers) => plain,
            (Some(_), Some(suffixed)) => suffixed,
        };
        // A token is ASCII. Everything else about it is checked when it is verified.
        str::from_utf8(token).map_err(|_| Rejection::TokenInvalid)
    }

    /// Reads the pairs of RFC 6265, section 4.2.1. Cookies with other names are ignored, even
    /// malformed ones. If one of our names occurs twice, another path or a parent domain has set the
    /// second one. Then the better one counts: a page cannot mend its cookies, and an `EventSource`
    /// would end for good if the request were refused.
    fn read<'a>(&self, values: impl Iterator<Item = &'a [u8]>, issuers: &[String]) -> Found<'a> {
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
            // Clerk's front end empties the cookie if it cannot delete it.
            if value.is_empty() {
                continue;
            }
            if slot.is_none_or(|known| is_better(value, known, issuers)) {
                *slot = Some(value);
            }
        }
        found
    }
}

/// Whether the cookie without a suffix belongs to this instance and is the newer of the two: an
/// older version of Clerk's front end writes only that one.
fn is_ours_and_newer(plain: &[u8], suffixed: &[u8], issuers: &[String]) -> bool {
    if plain.len() > MAX_TOKEN_BYTES || suffixed.len() > MAX_TOKEN_BYTES {
        return false;
    }
    let (plain, suffixed) = (Claimed::by(plain, issuers), Claimed::by(suffixed, issuers));
    plain.is_ours && plain.issued_at > suffixed.issued_at
}

/// Whether one value of a cookie is better than another value of the same cookie. This is Clerk's
/// rule for its two cookies: one of this instance before one of another, then the newer one.
fn is_better(value: &[u8], known: &[u8], issuers: &[String]) -> bool {
    value != known && Claimed::by(value, issuers) > Claimed::by(known, issuers)
}

/// What a token claims. The claims are not verified; they only decide which token is.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Claimed {
    is_ours: bool,
    issued_at: Option<u64>,
}

impl Claimed {
    fn by(token: &[u8], issuers: &[String]) -> Self {
        let small = token.len() <= MAX_TOKEN_BYTES;
        let claims = small.then(|| peek(token)).flatten();
        let claim = |name| claims.as_ref().and_then(|claims: &Object| claims.get(name));
        Self {
            is_ours: claim("iss")
                .and_then(Value::as_str)
                .is_some_and(|issuer| issuers.iter().any(|known| known == issuer)),
            issued_at: claim("iat").and_then(Value::as_u64),
        }
    }
}
