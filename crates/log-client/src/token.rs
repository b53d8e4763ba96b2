//! Where the client gets its tokens.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::error::TokenError;

type TokenFuture = Pin<Box<dyn Future<Output = Result<String, TokenError>> + Send>>;

/// Gives the token for each connection. Cheap to clone.
#[derive(Clone, Default)]
pub struct TokenSource(Kind);

#[derive(Clone, Default)]
enum Kind {
    #[default]
    None,
    Fixed(Arc<str>),
    Fresh(Arc<dyn Fn() -> TokenFuture + Send + Sync>),
}

impl TokenSource {
    /// No token, for a server behind a proxy that adds one.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The same token for every connection. White space around it is removed.
    #[must_use]
    pub fn fixed(token: &str) -> Self {
        Self(Kind::Fixed(token.trim().into()))
    }

    /// A new token for every connection. Use this if a log can last longer than a token.
    ///
    /// ```
    /// use log_client::TokenSource;
    ///
    /// async fn session_token() -> Result<String, std::io::Error> {
    ///     Ok("eyJ…".to_owned())
    /// }
    /// let tokens = TokenSource::fresh(session_token);
    /// ```
    #[must_use]
    pub fn fresh<F, M, E>(make: F) -> Self
    where
        F: Fn() -> M + Send + Sync + 'static,
        M: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let make = move || -> TokenFuture {
            let made = make();
            Box::pin(async move { made.await.map_err(TokenError::new) })
        };
        Self(Kind::Fresh(Arc::new(make)))
    }

    /// Whether the next token may differ from the last one.
    pub(crate) const fn is_fresh(&self) -> bool {
        matches!(self.0, Kind::Fresh(_))
    }

    pub(crate) async fn get(&self) -> Result<Option<String>, TokenError> {
        match &self.0 {
            Kind::None => Ok(None),
            Kind::Fixed(token) => Ok(Some(token.as_ref().to_owned())),
            Kind::Fresh(make) => make().await.map(|token| Some(token.trim().to_owned())),
        }
    }
}

/// Never shows a token.
impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::None => "TokenSource::none",
            Kind::Fixed(_) => "TokenSource::fixed(..)",
            Kind::Fresh(_) => "TokenSource::fresh(..)",
        })
    }
}
