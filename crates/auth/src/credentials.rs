//! Finds the token of a request: in the `Authorization` header or in the session cookie.
//!
//! Independent of any web framework: a request is anything that implements
//! [`RequestHead`](crate::RequestHead).

mod bearer;
mod cookies;
mod origin;

pub use self::bearer::bearer;

use self::bearer::Authorization;
use self::cookies::SessionCookies;
use crate::{PublishableKey, Rejection, RequestHead};

/// A token that has not been verified yet, and where it was found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    pub(crate) token: &'a str,
    pub(crate) source: CredentialSource,
}

/// Where in a request a token was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialSource {
    /// The header `Authorization: Bearer`.
    Bearer,
    /// The session cookie. Browsers send it without being asked by the page.
    Cookie,
}

/// Finds the token of a request in the places that a verifier accepts.
#[derive(Clone, Debug, Default)]
pub(crate) struct CredentialFinder {
    /// If `None`, cookies are not read.
    cookies: Option<SessionCookies>,
}

impl CredentialFinder {
    /// Also accepts the session cookies of the instance with this key.
    pub(crate) fn with_session_cookies(key: &PublishableKey) -> Self {
        Self {
            cookies: Some(SessionCookies::new(key)),
        }
    }

    /// The one token of a request. `issuers` and `origins` are the verifier's own.
    ///
    /// If the request has a bearer token, good or bad, its cookies are not read.
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
                    source: CredentialSource::Bearer,
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
        if !origin::is_read_by_own_page(head, origins) {
            return Err(Rejection::CookieCrossSite);
        }
        Ok(Credentials {
            token,
            source: CredentialSource::Cookie,
        })
    }
}

impl<'a> Credentials<'a> {
    /// Where the token was found.
    #[must_use]
    pub const fn source(&self) -> CredentialSource {
        self.source
    }

    /// The token. Do not log it.
    #[must_use]
    pub const fn token(&self) -> &'a str {
        self.token
    }
}

/// Does not show the token.
impl std::fmt::Debug for Credentials<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
