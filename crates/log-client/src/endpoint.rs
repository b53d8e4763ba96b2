//! The API that a client talks to: its address, its tokens, and how one request is sent.

use std::time::Duration;

use log_domain::JobId;
use log_wire::ErrorCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Method, Response, StatusCode, Url, redirect};
use tokio::time::timeout;

use crate::error::{BuildError, ClientError, Problem, RequestError, TokenError, TransientError};
use crate::options::ClientOptions;
use crate::token::TokenSource;

/// How many bytes of an error response are read at most.
const MAX_PROBLEM_BYTES: usize = 64 * 1024;

/// How long the body of an error response may take at most.
const PROBLEM_TIMEOUT: Duration = Duration::from_secs(5);

/// The error code of a wrong URL path, as opposed to a missing job.
const NO_ROUTE: &str = ErrorCode::RouteNotFound.as_str();

#[derive(Debug)]
pub(crate) struct Endpoint {
    http: reqwest::Client,
    base_url: Url,
    pub(crate) token: TokenSource,
    pub(crate) options: ClientOptions,
}

impl Endpoint {
    pub(crate) fn new(
        url: &str,
        token: TokenSource,
        options: ClientOptions,
        http: reqwest::Client,
    ) -> Result<Self, BuildError> {
        let base_url = parse_base_url(url)?;
        Ok(Self {
            http,
            base_url,
            token,
            options,
        })
    }

    /// The URL of a job's log, and of what is below it.
    pub(crate) fn logs_url(&self, job: &JobId, below: &[&str]) -> Url {
        logs_url(&self.base_url, job, below)
    }

    /// Sends a GET request with a token, and returns the response if it is a success.
    pub(crate) async fn get(&self, url: Url, headers: HeaderMap) -> Result<Response, RequestError> {
        self.send(Method::GET, url, headers, Vec::new()).await
    }

    /// Sends a request with a token, and returns the response if it is a success.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        mut headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response, RequestError> {
        let token = self.token.get().await;
        let token = token.map_err(|e| RequestError::transient(TransientError::Token(e)))?;
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, authorization(&token)?);
        }
        let mut request = self.http.request(method, url).headers(headers);
        if !body.is_empty() {
            request = request.body(body);
        }
        let sent = request.send();
        let response = timeout(self.options.response_timeout, sent)
            .await
            .map_err(|_| self.timed_out())?
            .map_err(RequestError::unreachable)?;
        // Only a client of the host's follows redirects.
        if response.url().origin() != self.base_url.origin() {
            let reason = "it redirects to another server".to_owned();
            return Err(RequestError::not_the_api(reason));
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let patience = self.options.response_timeout.min(PROBLEM_TIMEOUT);
        Err(error_from_response(response, patience).await)
    }

    /// Reads the body of a response.
    pub(crate) async fn read_body(&self, response: Response) -> Result<Vec<u8>, RequestError> {
        let body = timeout(self.options.response_timeout, response.bytes())
            .await
            .map_err(|_| self.timed_out())?
            .map_err(RequestError::unreachable)?;
        Ok(body.into())
    }

    fn timed_out(&self) -> RequestError {
        RequestError::transient(TransientError::Idle(self.options.response_timeout))
    }
}

/// The client for HTTP of a client that was given none.
pub(crate) fn http_client(
    options: &ClientOptions,
    ca: &[u8],
) -> Result<reqwest::Client, BuildError> {
    let tls = |error: reqwest::Error| BuildError::Tls(error.into());
    let certificates = Certificate::from_pem_bundle(ca).map_err(tls)?;
    let mut http = reqwest::Client::builder();
    if !certificates.is_empty() {
        http = http.tls_certs_merge(certificates);
    }
    http.connect_timeout(options.connect_timeout)
        // The token must not go to another server that a redirect names.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("log-client/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(tls)
}

/// Checks the media type of a response.
pub(crate) fn expect_media_type(response: &Response, expected: &str) -> Result<(), RequestError> {
    let found = response.headers().get(CONTENT_TYPE);
    let found = found.and_then(|value| value.to_str().ok()).unwrap_or("");
    if found.starts_with(expected) {
        return Ok(());
    }
    let found = found.escape_debug();
    let reason = format!("its response is `{found}`, not `{expected}`");
    Err(RequestError::not_the_api(reason))
}

fn authorization(token: &str) -> Result<HeaderValue, RequestError> {
    let value = HeaderValue::try_from(format!("Bearer {token}"));
    let mut value = value.map_err(|_| {
        let error = TokenError::new("it contains characters that a token cannot have");
        RequestError::Final(ClientError::Token(error))
    })?;
    value.set_sensitive(true);
    Ok(value)
}

async fn error_from_response(mut response: Response, patience: Duration) -> RequestError {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_PROBLEM_BYTES {
                break;
            }
        }
    };
    // The status alone is enough. A body that is late or broken only costs the details.
    let _ = timeout(patience, read).await;
    let mut problem = Problem::from_response(status.as_u16(), &body);
    problem.retry_after = retry_after;
    let is_transient = status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY
        );
    if is_transient {
        return RequestError::Transient {
            error: TransientError::Unavailable(problem),
            retry_after,
        };
    }
    RequestError::Final(match status {
        StatusCode::UNAUTHORIZED => ClientError::Unauthenticated(problem),
        // A wrong path in the URL is a 404 as well, and does not mean that the job is missing.
        StatusCode::NOT_FOUND if problem.code.as_deref() == Some(NO_ROUTE) => {
            ClientError::Refused(problem)
        }
        StatusCode::NOT_FOUND => ClientError::NotFound(problem),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => ClientError::Invalid(problem),
        _ => ClientError::Refused(problem),
    })
}

/// `Retry-After` in seconds. The API never sends a date, so a date is ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse();
    seconds.ok().map(Duration::from_secs)
}

fn logs_url(base: &Url, job: &JobId, below: &[&str]) -> Url {
    let mut url = base.clone();
    // The only error is a URL without a host, which `parse_base_url` has refused.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty()
            .extend(["api", "jobs", job.as_str(), "logs"])
            .extend(below);
    }
    url
}

fn parse_base_url(text: &str) -> Result<Url, BuildError> {
    let refuse = |reason: &str| BuildError::Url {
        url: text.to_owned(),
        reason: reason.to_owned(),
    };
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BuildError::Url {
            url: "…".to_owned(),
            reason: "it must not contain a user or a password".to_owned(),
        });
    }
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refuse("it must begin with https:// or http://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it must not contain a query or a fragment"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_before_the_api_is_kept_and_an_id_stays_one_segment() {
        for base in ["https://a.example/logs", "https://a.example/logs/"] {
            let job: JobId = "build-1".parse().unwrap();
            let base = Url::parse(base).unwrap();
            let url = logs_url(&base, &job, &[]);
            assert_eq!(url.as_str(), "https://a.example/logs/api/jobs/build-1/logs");
            let url = logs_url(&base, &job, &["stream"]);
            assert!(url.as_str().ends_with("/build-1/logs/stream"), "{url}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        let header = |value: &'static str| {
            HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))])
        };
        assert_eq!(retry_after(&header("7")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&header("Wed, 21 Oct 2015 07:28:00 GMT")), None);
    }

    #[test]
    fn a_url_that_cannot_be_an_api_is_refused_and_its_password_is_not_repeated() {
        for (url, reason) in [
            ("localhost:8080", "begin with https"),
            ("redis://localhost", "begin with https"),
            ("https://a.example?x=1", "a query"),
            ("nonsense", "relative URL"),
        ] {
            let error = parse_base_url(url).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let error = parse_base_url("https://ann:s3cret@a.example").unwrap_err();
        let error = error.to_string();
        assert!(
            !error.contains("s3cret") && error.contains("a user"),
            "{error}"
        );
    }
}
