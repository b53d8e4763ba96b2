//! A client: where the API is, with what token it is asked, and how patiently.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobId, Start};
use reqwest::{Url, redirect};

use crate::error::{BuildError, ClientError, Failure};
use crate::event::Ending;
use crate::follow::Follow;
use crate::history::History;
use crate::request;
use crate::token::TokenSource;

/// How patient a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOptions {
    /// How long a connection may take: 5 s.
    pub connect: Duration,
    /// How long the head of an answer may take, and a whole page: 30 s.
    pub answer: Duration,
    /// How long an open stream may be silent before it counts as broken: 35 s. The server sends a heartbeat before 25 s
    /// have passed.
    pub silence: Duration,
    /// The first pause before a new attempt, doubled for each further one: 500 ms.
    pub first_pause: Duration,
    /// The longest pause, unless the server asks for a longer one: 10 s.
    pub longest_pause: Duration,
    /// After how long without any success to give up; never by default.
    pub give_up: Option<Duration>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            silence: Duration::from_secs(35),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            give_up: None,
        }
    }
}

/// Makes a [`Client`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct ClientBuilder {
    url: String,
    token: TokenSource,
    options: ClientOptions,
}

impl ClientBuilder {
    /// Where tokens come from; nowhere by default.
    pub fn token(mut self, token: TokenSource) -> Self {
        self.token = token;
        self
    }

    /// How patient the client is.
    pub fn options(mut self, options: ClientOptions) -> Self {
        self.options = options;
        self
    }

    /// After how long without any success to give up.
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.options.give_up = Some(time);
        self
    }

    /// Makes the client. It asks nobody yet.
    ///
    /// # Errors
    /// The address cannot be one of an API, or there is no TLS to be had.
    pub fn build(self) -> Result<Client, BuildError> {
        let base = base(&self.url)?;
        let http = reqwest::Client::builder()
            .connect_timeout(self.options.connect)
            // A token is not for whoever a redirect names.
            .redirect(redirect::Policy::none())
            .user_agent(concat!("log-client/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(BuildError::Tls)?;
        Ok(Client {
            inner: Arc::new(Inner {
                http,
                base,
                token: self.token,
                options: self.options,
            }),
        })
    }
}

/// Asks one API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) base: Url,
    pub(crate) token: TokenSource,
    pub(crate) options: ClientOptions,
}

impl Client {
    /// Begins a client of the API at an address, `https://logs.example.com` say; what stands before `/api` in a path
    /// of its own belongs to it.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            url: url.into(),
            token: TokenSource::none(),
            options: ClientOptions::default(),
        }
    }

    /// Follows a job's log. Asks nobody before the first [`Follow::next`].
    #[must_use]
    pub fn follow(&self, job: &JobId, start: Start) -> Follow {
        Follow::new(self.clone(), job.clone(), start)
    }

    /// Reads a job's history after a position, oldest lines first; `0-0` is all of it.
    #[must_use]
    pub fn history(&self, job: &JobId, after: EntryId) -> History {
        History::new(self.clone(), job.clone(), after)
    }

    /// The id of the newest line below a bound, or of all; `None` where there is none. One attempt.
    ///
    /// # Errors
    /// The answer is final, or [`ClientError::GaveUp`] at the first trouble.
    pub async fn newest_before(
        &self,
        job: &JobId,
        before: Option<EntryId>,
    ) -> Result<Option<EntryId>, ClientError> {
        let newest = request::newest(self, job, before).await;
        newest.map_err(given_up_at_once)
    }

    /// Asks whether a job has ended, and how; `None` where it has not. One attempt, which takes some 300 ms for a job that
    /// has ended, and up to `patience` for one that has not: the API tells it only by a stream that goes on.
    ///
    /// # Errors
    /// The answer is final, or [`ClientError::GaveUp`] at the first trouble.
    pub async fn ending(
        &self,
        job: &JobId,
        patience: Duration,
    ) -> Result<Option<Ending>, ClientError> {
        let ending = request::ending(self, job, patience).await;
        ending.map_err(given_up_at_once)
    }
}

fn given_up_at_once(failure: Failure) -> ClientError {
    match failure {
        Failure::Final(error) => error,
        Failure::Passing(trouble, _) => ClientError::GaveUp {
            trouble,
            after: Duration::ZERO,
        },
    }
}

fn base(text: &str) -> Result<Url, BuildError> {
    let refuse = |reason: &str| BuildError::Url {
        url: text.to_owned(),
        reason: reason.to_owned(),
    };
    let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BuildError::Url {
            url: "…".to_owned(),
            reason: "it must have no user and no password".to_owned(),
        });
    }
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refuse("it must begin with https:// or http://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("it must have no query and no fragment"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_cannot_be_an_api_is_refused_and_a_password_is_not_repeated() {
        for (url, reason) in [
            ("localhost:8080", "begin with https"),
            ("redis://localhost", "begin with https"),
            ("https://a.example?x=1", "no query"),
            ("nonsense", "relative URL"),
        ] {
            let error = Client::builder(url).build().unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        let error = Client::builder("https://ann:s3cret@a.example").build();
        let error = error.unwrap_err().to_string();
        assert!(
            !error.contains("s3cret") && error.contains("no user"),
            "{error}"
        );
    }
}
