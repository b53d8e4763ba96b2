//! The whole log, page by page.

use log_domain::{EntryId, Gap, JobId, Line};
use tokio::time::{Instant, sleep};

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::{ClientError, Failure, Trouble};
use crate::request;

/// The next lines of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// Set where lines between the last page and this one are gone, or may be: the log was trimmed meanwhile.
    pub gap: Option<Gap>,
    /// The lines, oldest first.
    pub lines: Vec<Line>,
}

/// Reads the lines after a position, oldest first.
#[derive(Debug)]
pub struct History {
    client: Client,
    job: JobId,
    after: EntryId,
    /// The last line that was handed out. The next page is asked for from it on: where it is gone, so may others be.
    seen: Option<EntryId>,
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
            seen: None,
            finished: false,
            backoff,
            since: None,
            trouble: None,
        }
    }

    /// The next page; `None` after the last one. While the server is away it tries again and again.
    /// Cancel-safe: a page that was not handed out is asked for again.
    ///
    /// # Errors
    /// The answer is final, or the trouble lasted longer than [`crate::ClientOptions::give_up`].
    pub async fn next(&mut self) -> Result<Option<HistoryPage>, ClientError> {
        if self.finished {
            return Ok(None);
        }
        loop {
            let from = self.seen.and_then(EntryId::previous);
            match request::page(&self.client, &self.job, from.unwrap_or(self.after)).await {
                Ok(page) => {
                    self.backoff.reset();
                    self.since = None;
                    self.trouble = None;
                    let next = go_on(self.seen, page.lines);
                    // A page without lines that promises more would never end.
                    self.finished = !page.has_more || next.lines.is_empty();
                    self.seen = next.lines.last().map(|line| line.id).or(self.seen);
                    return Ok(Some(next));
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

/// What is new in the lines from the one on that was `seen` last.
fn go_on(seen: Option<EntryId>, mut lines: Vec<Line>) -> HistoryPage {
    let first_id = lines.first().map(|line| line.id);
    let gap = match seen {
        Some(seen) if first_id == Some(seen) => {
            lines.remove(0);
            None
        }
        Some(seen) => Some(Gap {
            after_id: seen,
            first_id,
            resume_after: seen,
        }),
        None => None,
    };
    HistoryPage { gap, lines }
}
