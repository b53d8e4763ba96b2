//! A search over a whole log.
//!
//! The lines are read batch by batch and matched on a thread for blocking work, while the next batch is being read: live
//! streams share the workers' threads, and an expression over 1 MB lines would hold them up.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{Stream, try_unfold};
use log_domain::{EntryId, Line, ReadLimit};
use log_wire::{SearchEnd, SearchEndReason, SearchEvent, SearchProgress};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::pattern::Pattern;
use super::reader::{Interrupted, LogReader};

/// How much is read and matched at once. Some batches of this size are in memory.
pub(crate) const READ: ReadLimit = ReadLimit {
    lines: 4000,
    bytes: 512 * 1024,
};

/// How long a search may take. The client goes on with `after_id`.
const LONGEST: Duration = Duration::from_secs(30);

/// After this long without a match, the client is told how far the search is.
const PROGRESS_PERIOD: Duration = Duration::from_millis(500);

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct SearchRequest {
    pub(crate) pattern: Pattern,
    pub(crate) after: EntryId,
    /// The most lines to find.
    pub(crate) limit: u64,
}

/// A search under way.
struct Search {
    reader: LogReader,
    /// What was read and is matched next.
    lines: Option<Vec<Line>>,
    pattern: Arc<Pattern>,
    limit: u64,
    progress: SearchProgress,
    deadline: Instant,
    told_at: Instant,
    is_over: bool,
    /// One of the searches that may be under way.
    _place: OwnedSemaphorePermit,
}

/// The answer of a search.
pub(crate) fn body(
    reader: LogReader,
    request: SearchRequest,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Interrupted>> {
    let now = Instant::now();
    let search = Search {
        lines: Some(Vec::new()),
        pattern: Arc::new(request.pattern),
        limit: request.limit,
        progress: SearchProgress {
            scanned_to: reader.position(),
            lines: 0,
            matches: 0,
        },
        reader,
        deadline: now + LONGEST,
        told_at: now,
        is_over: false,
        _place: place,
    };
    try_unfold(search, |mut search| async move {
        loop {
            if search.is_over {
                return Ok(None);
            }
            let out = search.step().await?;
            if !out.is_empty() {
                return Ok(Some((Bytes::from(out), search)));
            }
        }
    })
}

impl Search {
    /// Matches what was read, reads on meanwhile, and returns what there is to say.
    async fn step(&mut self) -> Result<Vec<u8>, Interrupted> {
        let mut out = Vec::new();
        let Some(lines) = self.lines.take() else {
            self.end(&mut out, SearchEndReason::End);
            return Ok(out);
        };
        let scan = Scan {
            pattern: Arc::clone(&self.pattern),
            left: self.limit - self.progress.matches,
            deadline: self.deadline,
            progress: self.progress,
            stopped: None,
            out,
        };
        let (scanned, next) =
            tokio::join!(spawn_blocking(move || scan.run(&lines)), self.reader.next());
        // A search that panicked or was cancelled is broken off like one that cannot read.
        let scanned = scanned.map_err(|_| Interrupted::Withdrawn)?;
        self.progress = scanned.progress;
        out = scanned.out;
        if let Some(reason) = scanned.stopped {
            self.end(&mut out, reason);
            return Ok(out);
        }
        self.lines = next?;
        if self.told_at.elapsed() >= PROGRESS_PERIOD {
            SearchEvent::Progress(self.progress).write(&mut out);
        }
        if !out.is_empty() {
            self.told_at = Instant::now();
        }
        Ok(out)
    }

    fn end(&mut self, out: &mut Vec<u8>, reason: SearchEndReason) {
        self.is_over = true;
        SearchEvent::End(SearchEnd {
            reason,
            progress: self.progress,
        })
        .write(out);
    }
}

/// The matching of one batch.
struct Scan {
    pattern: Arc<Pattern>,
    /// How many more lines may be found.
    left: u64,
    deadline: Instant,
    progress: SearchProgress,
    stopped: Option<SearchEndReason>,
    out: Vec<u8>,
}

impl Scan {
    fn run(mut self, lines: &[Line]) -> Self {
        for line in lines {
            if Instant::now() >= self.deadline {
                self.stopped = Some(SearchEndReason::Time);
                break;
            }
            self.progress.scanned_to = line.id;
            self.progress.lines += 1;
            let Some(found) = self.pattern.find(line) else {
                continue;
            };
            SearchEvent::Match(found).write(&mut self.out);
            self.progress.matches += 1;
            self.left -= 1;
            if self.left == 0 {
                self.stopped = Some(SearchEndReason::Limit);
                break;
            }
        }
        self
    }
}
