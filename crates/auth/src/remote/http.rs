//! Fetches a key set over HTTPS.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{ACCEPT, CACHE_CONTROL, HeaderMap};
use reqwest::{Client, StatusCode, Url, redirect};
use thiserror::Error;

use super::fetch::{Fetch, FetchError, Fetched};
use crate::config_error::ConfigError;

/// Largest document that is read, in bytes. Clerk's documents have about 600.
pub const MAX_JWKS_BYTES: usize = 256 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Fetches a key set over HTTPS:
///
/// - certificates are checked against the system's roots;
/// - redirects are not followed, and the status must be 200;
/// - at most [`MAX_JWKS_BYTES`] are read;
/// - connecting may take 2 s, the whole fetch 5 s.
#[derive(Clone, Debug)]
pub struct HttpFetch {
    client: Client,
    url: Url,
}

#[derive(Debug, Error)]
enum HttpError {
    #[error("the server answered {0}")]
    Status(StatusCode),
    #[error("the answer is larger than 256 KiB")]
    TooLarge,
    #[error("no answer")]
    Transport(#[source] reqwest::Error),
}

impl HttpFetch {
    /// Takes the URL to fetch from.
    ///
    /// # Errors
    ///
    /// - [`ConfigError`] if the URL is not `https`. Plain `http` is accepted for a loopback address
    ///   only, where nobody can read the traffic.
    /// - [`ConfigError`] if the URL has a user or a fragment.
    /// - [`ConfigError`] if there are no root certificates for TLS.
    pub fn new(jwks_url: &str) -> Result<Self, ConfigError> {
        let refuse = |problem: String| ConfigError::new("jwks_url", problem);
        let url = Url::parse(jwks_url).map_err(|error| refuse(error.to_string()))?;
        let is_https = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&url) => false,
            _ => {
                let problem = "it must be https; plain http is for a loopback address only";
                return Err(refuse(problem.to_owned()));
            }
        };
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.fragment().is_some() {
            return Err(refuse("it must have no user and no fragment".to_owned()));
        }
        let client = Client::builder()
            .user_agent(concat!("auth/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // There is one request in five minutes: an idle connection would be closed by then.
            .pool_max_idle_per_host(0);
        let client = if is_https {
            client.https_only(true)
        } else {
            // On one machine there is no proxy, and no certificate is needed.
            client.no_proxy().tls_certs_only([])
        };
        let client = client
            .build()
            .map_err(|error| refuse(format!("no HTTPS client can be made: {error}")))?;
        Ok(Self { client, url })
    }

    async fn get(&self) -> Result<Fetched, HttpError> {
        let request = self.client.get(self.url.clone());
        let mut response = request
            .header(ACCEPT, "application/json")
            .send()
            .await
            .map_err(transport)?;
        if response.status() != StatusCode::OK {
            return Err(HttpError::Status(response.status()));
        }
        let max_age = max_age(response.headers());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(transport)? {
            // The bytes are counted as they arrive: a `Content-Length` may be wrong or missing.
            if body.len() + chunk.len() > MAX_JWKS_BYTES {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched { body, max_age })
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn fetch(&self) -> Result<Fetched, FetchError> {
        self.get().await.map_err(FetchError::new)
    }
}

/// Removes the URL from the error: its query may contain a secret.
fn transport(error: reqwest::Error) -> HttpError {
    HttpError::Transport(error.without_url())
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
                || host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
        }
        None => false,
    }
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok())
        .map(Duration::from_secs)
}
