//! The client: made by a builder, and the start of every operation.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{EntryId, JobId, Numbering, Start};
use log_wire::{
    AppendedBody, CreateBody, CreatedBody, NewLineBody, StatusBody, StepBody, SteppedBody,
};

use crate::endpoint::{Endpoint, http_client};
use crate::error::{BuildError, ClientError, RequestError};
use crate::event::Ending;
use crate::follow::Follow;
use crate::history::History;
use crate::options::ClientOptions;
use crate::request;
use crate::token::TokenSource;
use crate::write;

/// Builds a [`Client`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    url: String,
    token: TokenSource,
    options: ClientOptions,
    /// Further root certificates, in PEM form.
    ca: Vec<u8>,
    http: Option<reqwest::Client>,
}

impl ClientBuilder {
    /// Sets where tokens come from. By default requests carry no token.
    pub fn token(mut self, token: TokenSource) -> Self {
        self.token = token;
        self
    }

    /// Sets all time-outs and pauses.
    pub fn options(mut self, options: ClientOptions) -> Self {
        self.options = options;
        self
    }

    /// Gives up after this time without any success.
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.options.give_up_after = Some(time);
        self
    }

    /// Accepts servers whose certificate comes from one of these authorities too: certificates in PEM form.
    pub fn ca_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca = pem.into();
        self
    }

    /// Sends all requests by this client, for example one that goes through a proxy, or shares its connections with the rest
    /// of the program. Then [`ClientOptions::connect_timeout`] and [`ClientBuilder::ca_certificates`] are not used: they are
    /// that client's business. It should have no time-out for a whole request, which would cut a stream off, and should
    /// follow no redirects: an answer from another server is refused.
    pub fn http_client(mut self, http: reqwest::Client) -> Self {
        self.http = Some(http);
        self
    }

    /// Builds the client. This sends no request.
    ///
    /// # Errors
    /// The URL cannot be the address of an API, or TLS cannot be set up.
    pub fn build(self) -> Result<Client, BuildError> {
        let http = match self.http {
            Some(http) => http,
            None => http_client(&self.options, &self.ca)?,
        };
        let endpoint = Endpoint::new(&self.url, self.token, self.options, http)?;
        Ok(Client {
            endpoint: Arc::new(endpoint),
        })
    }
}

/// A client of one API. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Arc<Endpoint>,
}

impl Client {
    /// Starts a builder for a client of the API at a URL, for example `https://logs.example.com`. If the API is served
    /// below a path, the URL contains that path, without `/api`.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            url: url.into(),
            token: TokenSource::none(),
            options: ClientOptions::default(),
            ca: Vec::new(),
            http: None,
        }
    }

    /// Follows a job's log. Nothing is sent before the first call of [`Follow::next`].
    #[must_use]
    pub fn follow(&self, job: &JobId, start: Start) -> Follow {
        Follow::new(Arc::clone(&self.endpoint), job.clone(), start)
    }

    /// Reads a job's history after a position, oldest lines first. After `0-0` means the whole log.
    #[must_use]
    pub fn history(&self, job: &JobId, after: EntryId) -> History {
        History::new(Arc::clone(&self.endpoint), job.clone(), after)
    }

    /// Appends lines, by one attempt. With a numbering, the same call can be made again after any error that may pass:
    /// each line is appended once.
    ///
    /// # Errors
    /// The server's answer is final, or [`ClientError::GaveUp`] for an error that may pass.
    pub async fn append(
        &self,
        job: &JobId,
        numbering: Option<&Numbering>,
        lines: &[NewLineBody],
    ) -> Result<AppendedBody, ClientError> {
        let appended = write::append(&self.endpoint, job, numbering, lines).await;
        appended.map_err(RequestError::into_client_error)
    }

    /// Creates a job, by one attempt. The answer has the append token of its worker.
    ///
    /// # Errors
    /// As [`Client::append`].
    pub async fn create(&self, job: &JobId, new: &CreateBody) -> Result<CreatedBody, ClientError> {
        let created = write::create(&self.endpoint, job, new).await;
        created.map_err(RequestError::into_client_error)
    }

    /// Changes the status of a job, by one attempt.
    ///
    /// # Errors
    /// As [`Client::append`].
    pub async fn step(&self, job: &JobId, step: &StepBody) -> Result<SteppedBody, ClientError> {
        let stepped = write::step(&self.endpoint, job, step).await;
        stepped.map_err(RequestError::into_client_error)
    }

    /// Reads the id of the newest line, or of the newest line below a bound. `None` if there is no such line. This makes
    /// one attempt.
    ///
    /// # Errors
    /// The server's answer is final, or [`ClientError::GaveUp`] for an error that may pass.
    pub async fn newest_before(
        &self,
        job: &JobId,
        before: Option<EntryId>,
    ) -> Result<Option<EntryId>, ClientError> {
        let newest = request::read_newest_id(&self.endpoint, job, before).await;
        newest.map_err(RequestError::into_client_error)
    }

    /// Reads after which line the last `lines` lines of the log begin. `None` if the log has no other lines. This makes one
    /// attempt for each page.
    ///
    /// # Errors
    /// The server's answer is final, or [`ClientError::GaveUp`] for an error that may pass.
    pub async fn before_last(
        &self,
        job: &JobId,
        lines: usize,
    ) -> Result<Option<EntryId>, ClientError> {
        let found = request::read_before_last(&self.endpoint, job, lines).await;
        found.map_err(RequestError::into_client_error)
    }

    /// Reads where the job is in its life. This makes one attempt.
    ///
    /// # Errors
    /// The server's answer is final, or [`ClientError::GaveUp`] for an error that may pass.
    pub async fn status(&self, job: &JobId) -> Result<StatusBody, ClientError> {
        let status = request::read_status(&self.endpoint, job).await;
        status.map_err(RequestError::into_client_error)
    }

    /// Reads how a job has ended. `None` if it has not ended. This makes one attempt.
    ///
    /// It opens a stream, which ends or goes on. So this takes about 300 ms for a job that has ended, and up to `patience`
    /// for one that has not. [`Client::status`] answers at once.
    ///
    /// # Errors
    /// The server's answer is final, or [`ClientError::GaveUp`] for an error that may pass.
    pub async fn ending(
        &self,
        job: &JobId,
        patience: Duration,
    ) -> Result<Option<Ending>, ClientError> {
        let ending = request::read_ending(&self.endpoint, job, patience).await;
        ending.map_err(RequestError::into_client_error)
    }
}
