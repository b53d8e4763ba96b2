//! Reads the whole log page by page.

use std::sync::Arc;

use log_domain::{EntryId, Gap, JobId, Line};
use tokio::time::sleep;

use crate::endpoint::Endpoint;
use crate::error::{ClientError, RequestError, TransientError};
use crate::request;
use crate::retry::Retries;

/// The next lines of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryPage {
    /// Set if lines between the last page and this one may be missing because the log was trimmed meanwhile.
    pub gap: Option<Gap>,
    /// The lines, oldest first.
    pub lines: Vec<Line>,
}

/// Reads the lines after a position, oldest first. See `Client::history`.
#[derive(Debug)]
pub struct History {
    endpoint: Arc<Endpoint>,
    job: JobId,
    after: EntryId,
    /// The last line of the last page. The next page starts with this line: if it is gone, other lines may be gone too.
    last_line: Option<EntryId>,
    /// Whether the caller has the last page.
    finished: bool,
    retries: Retries,
    last_error: Option<TransientError>,
}

impl History {
    pub(crate) fn new(endpoint: Arc<Endpoint>, job: JobId, after: EntryId) -> Self {
        let retries = Retries::new(&endpoint.options);
        Self {
            endpoint,
            job,
            after,
            last_line: None,
            finished: false,
            retries,
            last_error: None,
        }
    }

    /// The next page. `None` after the last one. If the server cannot be reached, this tries again and again.
    /// Cancel-safe: if the future is dropped, the next call asks for the same page.
    ///
    /// # Errors
    /// The server's answer is final, or nothing succeeded for longer than [`crate::ClientOptions::give_up_after`].
    pub async fn next(&mut self) -> Result<Option<HistoryPage>, ClientError> {
        if self.finished {
            return Ok(None);
        }
        loop {
            let from = self.last_line.and_then(EntryId::previous);
            let from = from.unwrap_or(self.after);
            let (error, retry_after) =
                match request::read_page(&self.endpoint, &self.job, from).await {
                    Ok(page) => return Ok(Some(self.accept(page))),
                    Err(RequestError::Final(error)) => return Err(error),
                    Err(RequestError::Transient {
                        error: TransientError::Token(error),
                        ..
                    }) => return Err(ClientError::Token(error)),
                    Err(RequestError::Transient { error, retry_after }) => (error, retry_after),
                };
            let (error, pause) = self.retries.failed(error, retry_after)?;
            self.last_error = Some(error);
            sleep(pause).await;
        }
    }

    /// Why the next page has not come yet, if there is an error.
    #[must_use]
    pub const fn last_error(&self) -> Option<&TransientError> {
        self.last_error.as_ref()
    }

    fn accept(&mut self, page: request::Page) -> HistoryPage {
        self.retries.succeeded();
        self.last_error = None;
        let next = continue_after(self.last_line, page.lines);
        // A page without lines that promises more would never end.
        self.finished = !page.has_more || next.lines.is_empty();
        self.last_line = next.lines.last().map(|line| line.id).or(self.last_line);
        next
    }
}

/// The lines after `last_line`, from a page that starts with it. A page that starts with another line has a gap.
fn continue_after(last_line: Option<EntryId>, mut lines: Vec<Line>) -> HistoryPage {
    let first_id = lines.first().map(|line| line.id);
    let gap = match last_line {
        Some(last_line) if first_id == Some(last_line) => {
            lines.remove(0);
            None
        }
        Some(last_line) => Some(Gap {
            after_id: last_line,
            first_id,
            resume_after: last_line,
        }),
        None => None,
    };
    HistoryPage { gap, lines }
}
