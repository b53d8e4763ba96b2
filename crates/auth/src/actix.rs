//! Extractors for actix-web: [`Auth`] for routes that need a signed-in user, [`OptionalAuth`] for
//! routes that do not.
//!
//! They are arguments of a handler, not a middleware with a list of paths. So a route that is added
//! later, or that matches other paths than expected, is not left open by mistake.
//!
//! ```
//! # use std::sync::Arc;
//! use actix_web::{App, HttpServer, get, web};
//! use auth::actix::Auth;
//! # use auth::{StaticKeys, Verifier, mint::Issuer};
//!
//! #[get("/me")]
//! async fn me(auth: Auth) -> String {
//!     auth.user_id().to_owned()
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let instance = Issuer::generate()?;
//! let verifier = Verifier::builder(Arc::new(StaticKeys::from_jwks(&instance.jwks_json())?))
//!     .issuers([instance.issuer()])
//!     .authorized_parties(["https://app.example.com"])
//!     .build()?;
//! let verifier = web::Data::new(verifier);
//! let server = HttpServer::new(move || App::new().app_data(verifier.clone()).service(me));
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError, web};

use crate::rejection::problem;
use crate::{Rejection, RejectionKind, RequestHead, Session, Verifier};

/// The session of a request. A handler with this argument runs only if the request has a valid
/// token.
///
/// The app must have a [`Verifier`] as `web::Data<Verifier>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth(Session);

/// The session of a request, or `None` if the request has no credentials. Bad credentials are refused
/// here too: a user whose token has expired is not anonymous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionalAuth(Option<Session>);

/// Why an extractor refused a request. As a response it has the status, the challenge and the
/// `Retry-After` of its [`Rejection`], and a body of constant text:
/// `{"status":401,"reason":"token-expired","detail":"The token has expired"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// The request was refused.
    Rejected(Rejection),
    /// The app has no `web::Data<Verifier>`. This is a mistake of the app, answered with 500.
    NoVerifier,
}

impl Auth {
    /// The session.
    #[must_use]
    pub fn into_inner(self) -> Session {
        self.0
    }
}

impl Deref for Auth {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.0
    }
}

impl OptionalAuth {
    /// The session, if there is one.
    #[must_use]
    pub const fn session(&self) -> Option<&Session> {
        self.0.as_ref()
    }

    /// The session, if there is one.
    #[must_use]
    pub fn into_inner(self) -> Option<Session> {
        self.0
    }
}

impl FromRequest for Auth {
    type Error = AuthError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AuthError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { authenticate(&request).await.map(Self) })
    }
}

impl FromRequest for OptionalAuth {
    type Error = AuthError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, AuthError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match authenticate(&request).await {
                Ok(session) => Ok(Self(Some(session))),
                Err(AuthError::Rejected(Rejection::SessionTokenMissing)) => Ok(Self(None)),
                Err(error) => Err(error),
            }
        })
    }
}

async fn authenticate(request: &HttpRequest) -> Result<Session, AuthError> {
    let verifier = request
        .app_data::<web::Data<Verifier>>()
        .ok_or(AuthError::NoVerifier)?;
    verifier
        .authenticate(request)
        .await
        .map_err(AuthError::Rejected)
}

impl RequestHead for HttpRequest {
    fn method(&self) -> &str {
        Self::method(self).as_str()
    }

    fn values<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a [u8]> {
        self.headers().get_all(name).map(HeaderValue::as_bytes)
    }
}

impl AuthError {
    /// The name of the reason that clients see.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.reason(),
            Self::NoVerifier => "internal",
        }
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => rejection.fmt(formatter),
            Self::NoVerifier => formatter.write_str("Something went wrong on our side"),
        }
    }
}

impl std::error::Error for AuthError {}

impl ResponseError for AuthError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Rejected(rejection) => StatusCode::from_u16(rejection.kind().status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            Self::NoVerifier => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Self::Rejected(rejection) = self {
            if let Some(challenge) = rejection.challenge() {
                response.insert_header((header::WWW_AUTHENTICATE, challenge));
            }
            if let RejectionKind::Unavailable { retry_after } = rejection.kind() {
                response.insert_header((header::RETRY_AFTER, retry_after.as_secs()));
            }
        }
        let body = problem(status.as_u16(), self.reason(), &self.to_string());
        response.content_type("application/problem+json").body(body)
    }
}
