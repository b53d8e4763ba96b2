//! A search over a whole log.
//!
//! Two sections of the log are searched side by side: while one waits for the store, the other one's lines are decoded and
//! matched. The second begins a little ahead of the first. What it finds is kept until the first has come there, so the client
//! gets everything in the order of the log; when much is kept, only the first goes on. Where more lines lie between the two
//! than was expected, the second comes to its end, and another one begins between them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use log_domain::{EntryId, JobId};
use log_store::{LogStore, StoreError};
use log_wire::{SearchEnd, SearchEndReason, SearchEvent, SearchProgress};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::pattern::Pattern;
use super::reader::Interrupted;
use super::section::{Scanned, Section, Source};
use crate::access::{StreamPermit, StreamSignal};

/// How long a search may take. The client goes on with `after_id`.
const LONGEST: Duration = Duration::from_secs(30);

/// After this long without a match, the client is told how far the search is.
const PROGRESS_PERIOD: Duration = Duration::from_millis(500);

/// How many bytes the matches of later sections may have.
const MAX_KEPT: usize = 1024 * 1024;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct SearchRequest {
    pub(crate) pattern: Pattern,
    pub(crate) after: EntryId,
    /// The most lines to find.
    pub(crate) limit: u64,
}

/// A search under way.
pub(crate) struct Search {
    first: Section,
    /// The sections behind the first, in order, and what they have found. At most one has not come to its end.
    later: VecDeque<(Section, Scanned)>,
    limit: u64,
    progress: SearchProgress,
    said_at: Instant,
    is_over: bool,
    /// The counted place of the request, and the lease of its reader.
    permit: StreamPermit,
    /// One of the searches that may be under way.
    _one_of_few: OwnedSemaphorePermit,
}

impl Search {
    /// A search of the lines that the log has now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn open(
        store: Arc<dyn LogStore>,
        job: JobId,
        request: SearchRequest,
        permit: StreamPermit,
        one_of_few: OwnedSemaphorePermit,
    ) -> Result<Self, StoreError> {
        let bounds = store.bounds(&job).await?;
        let now = Instant::now();
        let source = Arc::new(Source {
            store,
            job,
            pattern: request.pattern,
            deadline: now + LONGEST,
        });
        Ok(Self {
            first: Section::new(source, request.after, bounds.last_id),
            later: VecDeque::new(),
            limit: request.limit,
            progress: SearchProgress {
                scanned_to: request.after,
                lines: 0,
                matches: 0,
            },
            said_at: now,
            is_over: false,
            permit,
            _one_of_few: one_of_few,
        })
    }

    /// The answer.
    pub(crate) fn body(self) -> impl Stream<Item = Result<Bytes, Interrupted>> {
        try_unfold(self, |mut search| async move {
            while !search.is_over {
                let out = search.step().await?;
                if !out.is_empty() {
                    return Ok(Some((Bytes::from(out), search)));
                }
            }
            Ok(None)
        })
    }

    /// Goes on until there is a batch, and returns what there is to say.
    async fn step(&mut self) -> Result<Vec<u8>, Interrupted> {
        if self.permit.poll_signal(Waker::noop()) != StreamSignal::Continue {
            return Err(Interrupted::Withdrawn);
        }
        if let Some(scanned) = poll_fn(|cx| self.poll_batch(cx)).await {
            let out = self.take(scanned?);
            self.split();
            return Ok(out);
        }
        match self.later.pop_front() {
            Some((section, kept)) => {
                self.first = section;
                Ok(self.take(kept))
            }
            None => Ok(self.end(Vec::new(), SearchEndReason::End)),
        }
    }

    /// The next batch of the first section. A later one is searched meanwhile.
    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Scanned, Interrupted>>> {
        if let ready @ Poll::Ready(_) = self.first.poll_next(cx) {
            return ready;
        }
        let mut room = MAX_KEPT.saturating_sub(self.kept());
        let running = self
            .later
            .iter_mut()
            .find(|(section, _)| !section.is_done());
        let Some((section, kept)) = running else {
            return Poll::Pending;
        };
        while room > 0 {
            match section.poll_next(cx) {
                Poll::Ready(Some(Ok(scanned))) => {
                    room = room.saturating_sub(scanned.out.len());
                    kept.append(scanned);
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    /// Searches a part of what the first section has left beside it, unless a section is searched beside it already.
    fn split(&mut self) {
        let is_one_running = self.later.iter().any(|(section, _)| !section.is_done());
        if is_one_running || self.kept() >= MAX_KEPT {
            return;
        }
        if let Some(section) = self.first.split() {
            self.later.push_front((section, Scanned::default()));
        }
    }

    /// How many bytes the matches of later sections have.
    fn kept(&self) -> usize {
        self.later.iter().map(|(_, kept)| kept.out.len()).sum()
    }

    /// Takes what the next lines gave, and returns what there is to say of it.
    fn take(&mut self, mut scanned: Scanned) -> Vec<u8> {
        let is_limit = scanned.limit(self.limit - self.progress.matches);
        self.progress.scanned_to = scanned.scanned_to.unwrap_or(self.progress.scanned_to);
        self.progress.lines += scanned.lines;
        self.progress.matches += scanned.matches();
        let mut out = scanned.out;
        if is_limit {
            return self.end(out, SearchEndReason::Limit);
        }
        if scanned.is_out_of_time {
            return self.end(out, SearchEndReason::Time);
        }
        if self.said_at.elapsed() >= PROGRESS_PERIOD {
            SearchEvent::Progress(self.progress).write(&mut out);
        }
        if !out.is_empty() {
            self.said_at = Instant::now();
        }
        out
    }

    fn end(&mut self, mut out: Vec<u8>, reason: SearchEndReason) -> Vec<u8> {
        self.is_over = true;
        SearchEvent::End(SearchEnd {
            reason,
            progress: self.progress,
        })
        .write(&mut out);
        out
    }
}
