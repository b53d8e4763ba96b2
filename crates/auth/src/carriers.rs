//! What a token comes in: the one credential of a request, found under the rules of its carrier.
//!
//! Framework-free: a request is anything that is a [`RequestHead`].

mod bearer;
mod cookies;
mod origin;

pub use self::bearer::bearer;

use self::bearer::Authorization;
use self::cookies::SessionCookies;
use crate::{PublishableKey, Rejection};

/// The part of a request that says who asks, as a framework has it.
///
/// ```
/// struct Head(Vec<(&'static str, &'static [u8])>);
///
/// impl auth::RequestHead for Head {
///     fn method(&self) -> &str {
///         "GET"
///     }
///
///     fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
///         let values = self.0.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
///         values.map(|(_, value)| *value)
///     }
/// }
/// ```
pub trait RequestHead {
    /// The method, as it came.
    fn method(&self) -> &str;

    /// The values of all fields of this name, in their order. The name is given in lower case;
    /// field names are case-insensitive.
    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]>;
}

/// A token that has not been looked at yet, and what it came in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    pub(crate) token: &'a str,
    pub(crate) carrier: Carrier,
}

/// What a token came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// `Authorization: Bearer`.
    Bearer,
    /// The session cookie, which a browser sends whether the page wants it or not.
    Cookie,
}

/// Where a verifier's tokens may come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carriers {
    /// `None`: cookies are not read.
    cookies: Option<SessionCookies>,
}

impl Carriers {
    pub(crate) fn with_cookies_of(key: &PublishableKey) -> Self {
        Self {
            cookies: Some(SessionCookies::of(key)),
        }
    }

    /// The one credential of a request. `issuers` and `origins` are the verifier's own.
    ///
    /// A bearer token, good or bad, is the last word: a cookie is looked at only where there is
    /// none.
    pub(crate) fn find<'a>(
        &self,
        head: &'a impl RequestHead,
        issuers: &[String],
        origins: &[String],
    ) -> Result<Credentials<'a>, Rejection> {
        match bearer::read(head.values("authorization"))? {
            Authorization::Bearer(token) => {
                return Ok(Credentials {
                    token,
                    carrier: Carrier::Bearer,
                });
            }
            Authorization::EmptyBearer => return Err(Rejection::SessionTokenMissing),
            Authorization::None => {}
        }
        let cookies = self
            .cookies
            .as_ref()
            .ok_or(Rejection::SessionTokenMissing)?;
        let token = cookies.find(head.values("cookie"), issuers)?;
        if !origin::is_our_own_page_reading(head, origins) {
            return Err(Rejection::CookieCrossSite);
        }
        Ok(Credentials {
            token,
            carrier: Carrier::Cookie,
        })
    }
}

impl<'a> Credentials<'a> {
    /// What the token came in.
    #[must_use]
    pub const fn carrier(&self) -> Carrier {
        self.carrier
    }

    /// The token. Do not log it.
    #[must_use]
    pub const fn token(&self) -> &'a str {
        self.token
    }
}

/// Shows no token.
impl std::fmt::Debug for Credentials<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("carrier", &self.carrier)
            .finish_non_exhaustive()
    }
}
