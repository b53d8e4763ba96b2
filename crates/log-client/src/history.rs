//! The whole log, page by page.

use log_domain::{EntryId, JobId, Line};
use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::{ClientError, Failure, Trouble};
use crate::request;

/// Reads the lines after a position, oldest first.
#[derive(Debug)]
pub struct History {
    client: Client,
    job: JobId,
    after: EntryId,
    /// Whether the last page has been handed out.
    finished: bool,
    backoff: Backoff,
    /// Since when no page has come.
    since: Option<Instant>,
    trouble: Option<Trouble>,
}

impl History {
    pub(crate) fn new(client: Client, job: JobId, after: EntryId) -> Self {
        let options = &client.inner.options;
        let backoff = Backoff::new(options.first_pause, options.longest_pause);
        Self {
            client,
            job,
            after,
            finished: false,
            backoff,
            since: None,
            trouble: None,
        }
    }

    /// The lines of the next page; `None` after the last one. While the server is away it tries again and again.
    /// Cancel-safe: a page that was not handed out is asked for again.
    ///
    /// # Errors
    /// The answer is final, or the trouble lasted longer than [`crate::ClientOptions::give_up`].
    pub async fn next(&mut self) -> Result<Option<Vec<Line>>, ClientError> {
        if self.finished {
            return Ok(None);
        }
        loop {
            match request::page(&self.client, &self.job, self.after).await {
                Ok(page) => {
                    self.backoff.reset();
                    self.since = None;
                    self.trouble = None;
                    // A page without lines that promises more would never end.
                    self.finished = !page.has_more || page.lines.is_empty();
                    self.after = page.lines.last().map_or(self.after, |line| line.id);
                    return Ok(Some(page.lines));
                }
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(Trouble::Token(error), _)) => {
                    return Err(ClientError::Token(error));
                }
                Err(Failure::Passing(trouble, hint)) => {
                    let pause = self.backoff.pause(hint);
                    let since = *self.since.get_or_insert_with(Instant::now);
                    let limit = self.client.inner.options.give_up;
                    if limit.is_some_and(|limit| since.elapsed() + pause > limit) {
                        let after = since.elapsed();
                        return Err(ClientError::GaveUp { trouble, after });
                    }
                    self.trouble = Some(trouble);
                    sleep(pause).await;
                }
            }
        }
    }

    /// Why the page that is being asked for has not come yet.
    #[must_use]
    pub const fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }
}
