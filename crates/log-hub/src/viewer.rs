//! One viewer: a position in a log, and how it gets on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use log_domain::{EntryId, Line};
use log_store::{Onward, ReadError};
use log_wire::sse;

use crate::feed::{End, Feed, FeedState, Idle};
use crate::hub::Shared;
use crate::ring::Taken;
use crate::stats::Counters;

/// A client that is broken off comes back after this long, spread so that not all do at once.
const RETRY_MS: std::ops::Range<u64> = 1_000..5_000;

type Read = Pin<Box<dyn Future<Output = Result<Onward, ReadError>> + Send>>;

/// Follows one job's log from a position on. It does nothing unless it is asked; dropping it leaves nothing behind.
pub struct Viewer {
    shared: Arc<Shared>,
    feed: Arc<Feed>,
    /// The seat in the feed, given up on drop.
    key: usize,
    /// Everything up to here has been handed out.
    position: EntryId,
    /// Whether the position came from the store, not from a client: then no line can be missing before it.
    trusted: bool,
    place: Place,
    /// Whether a line or a gap was handed out.
    delivered: bool,
    finished: bool,
}

/// Where a viewer gets its next lines from.
enum Place {
    /// From the ring: the segment of this ordinal.
    Ring(u64),
    /// Not known yet: from the ring if the position can join it, else from the store.
    Seeking,
    /// From the store; a read is under way.
    Reading(Read),
    /// The store had nothing after the position, or failed, and the ring cannot be joined: until the feed's version
    /// changes.
    Waiting(u64),
}

/// What a viewer hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Whole SSE frames; more may follow.
    Frames(Bytes),
    /// The last frames: the log has ended and every line was handed out. End the body cleanly.
    Done(Bytes),
    /// A `retry:` field, after which the body must be **broken off**, not ended: the job goes on elsewhere.
    BrokenOff(Bytes),
}

impl Viewer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        feed: Arc<Feed>,
        key: usize,
        position: EntryId,
        trusted: bool,
    ) -> Self {
        Counters::add(&shared.counters.viewers, 1);
        Self {
            shared,
            feed,
            key,
            position,
            trusted,
            place: Place::Seeking,
            delivered: false,
            finished: false,
        }
    }

    /// The id of the last line handed out, or where the viewer began.
    #[must_use]
    pub fn position(&self) -> EntryId {
        self.position
    }

    /// Whether a line or a gap was handed out since the viewer was opened: an end without any tells a client that
    /// came back that it has everything.
    #[must_use]
    pub fn has_delivered(&self) -> bool {
        self.delivered
    }

    /// The next thing to send. Waits where there is nothing; cancel-safe.
    pub async fn next(&mut self) -> Next {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next thing to send: everything the feed has after the position in one piece, or a batch from the store.
    /// After [`Next::Done`] and [`Next::BrokenOff`] there is nothing more, for ever.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if self.finished {
            return Poll::Pending;
        }
        let next = ready!(self.poll_place(cx));
        self.feed.lock().had_output(self.key, self.shared.now());
        self.finished = !matches!(next, Next::Frames(_));
        Poll::Ready(next)
    }

    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            match &mut self.place {
                Place::Ring(ordinal) => {
                    let ordinal = *ordinal;
                    if let Some(poll) = self.poll_ring(ordinal, cx) {
                        return poll;
                    }
                }
                Place::Seeking => self.seek(),
                Place::Reading(read) => match read.as_mut().poll(cx) {
                    Poll::Ready(result) => {
                        if let Some(next) = self.after_read(result) {
                            return Poll::Ready(next);
                        }
                    }
                    Poll::Pending => return self.idle(cx, false),
                },
                Place::Waiting(version) => {
                    if self.feed.lock().version == *version {
                        return self.idle(cx, true);
                    }
                    self.place = Place::Seeking;
                }
            }
        }
    }

    /// `None` where the viewer has fallen out of the ring and must look elsewhere.
    fn poll_ring(&mut self, ordinal: u64, cx: &Context<'_>) -> Option<Poll<Next>> {
        let feed = self.feed.clone();
        let mut state = feed.lock();
        if state.must_break_off(self.key) {
            return Some(Poll::Ready(break_off()));
        }
        match state.ring.take(ordinal, self.position) {
            Taken::Frames {
                frames,
                position,
                next,
            } => {
                self.position = position;
                self.delivered = true;
                self.place = Place::Ring(next);
                Some(Poll::Ready(Next::Frames(frames)))
            }
            Taken::Gap { gap, next } => {
                self.place = Place::Ring(next);
                // A viewer that has read ahead of the feed may have the line after the gap already.
                let has_it = gap.first_id.is_some_and(|first| self.position >= first);
                (!has_it).then(|| {
                    Poll::Ready(self.tell_gap(log_domain::Gap {
                        after_id: self.position,
                        resume_after: gap.first_id.map_or(gap.resume_after, |_| self.position),
                        ..gap
                    }))
                })
            }
            Taken::Nothing { next } => {
                self.place = Place::Ring(next);
                Some(match state.end {
                    Some(end) => Poll::Ready(done(end)),
                    None => self.wait(&mut state, cx, false),
                })
            }
            Taken::Evicted => {
                self.place = Place::Seeking;
                None
            }
        }
    }

    /// Joins the ring if that misses nothing, else begins a read of the store.
    fn seek(&mut self) {
        let ordinal = {
            let state = self.feed.lock();
            let joined = state.ring.join(self.position);
            // A position from a client may be one that this log never had.
            joined.filter(|_| self.trusted || self.position <= state.ring.tip())
        };
        self.place = match ordinal {
            Some(ordinal) => Place::Ring(ordinal),
            None => Place::Reading(self.read()),
        };
    }

    fn read(&self) -> Read {
        let (shared, job, after) = (self.shared.clone(), self.feed.job.clone(), self.position);
        Box::pin(async move {
            // The semaphore is never closed; without it a read would only be unpaced.
            let _permit = shared.catch_up.acquire().await.ok();
            Counters::add(&shared.counters.catch_up_reads, 1);
            shared.store.read_on(&job, after, shared.options.read).await
        })
    }

    fn after_read(&mut self, result: Result<Onward, ReadError>) -> Option<Next> {
        let (end, version) = {
            let state = self.feed.lock();
            (state.end, state.version)
        };
        let read = match result {
            Ok(read) => read,
            Err(error) => return self.after_failed_read(&error, version),
        };
        self.trusted = true;
        let mut frames = Vec::new();
        if let Some(gap) = read.gap(self.position) {
            Counters::add(&self.shared.counters.gaps, 1);
            sse::write_gap(&mut frames, &gap);
            self.position = gap.resume_after;
        }
        let lines = up_to(&read.lines, end);
        for line in lines {
            sse::write_log(&mut frames, line);
            self.position = line.id;
        }
        self.delivered |= !frames.is_empty();
        let cut = lines.len() < read.lines.len();
        if let Some(end) = end.filter(|_| cut || !read.more) {
            sse::write_done(&mut frames, end.status, end.position);
            return Some(Next::Done(frames.into()));
        }
        // With more in the store, or the ring in reach, go on; else only the feed can bring news.
        let in_reach = read.more || self.feed.lock().ring.join(self.position).is_some();
        self.place = if in_reach {
            Place::Seeking
        } else {
            Place::Waiting(version)
        };
        (!frames.is_empty()).then(|| Next::Frames(frames.into()))
    }

    fn after_failed_read(&mut self, error: &ReadError, version: u64) -> Option<Next> {
        Counters::add(&self.shared.counters.failed_reads, 1);
        if error.is_retryable() {
            self.place = Place::Waiting(version);
            return None;
        }
        tracing::error!(job = %self.feed.job, %error, "the store refuses; a stream is broken off");
        Some(break_off())
    }

    fn tell_gap(&mut self, gap: log_domain::Gap) -> Next {
        Counters::add(&self.shared.counters.gaps, 1);
        self.position = gap.resume_after;
        self.delivered = true;
        let mut frame = Vec::new();
        sse::write_gap(&mut frame, &gap);
        Next::Frames(frame.into())
    }

    fn idle(&self, cx: &Context<'_>, wants_tick: bool) -> Poll<Next> {
        self.wait(&mut self.feed.lock(), cx, wants_tick)
    }

    fn wait(&self, state: &mut FeedState, cx: &Context<'_>, wants_tick: bool) -> Poll<Next> {
        match state.idle(self.key, cx, wants_tick) {
            Idle::Wait => Poll::Pending,
            Idle::BreakOff => Poll::Ready(break_off()),
            Idle::Heartbeat => {
                let mut frame = Vec::new();
                sse::write_heartbeat(&mut frame, self.position);
                Poll::Ready(Next::Frames(frame.into()))
            }
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        Counters::sub(&self.shared.counters.viewers, 1);
        self.feed.leave(self.key);
    }
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Viewer");
        debug
            .field("job", &self.feed.job)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// The lines that belong to a log that has ended at a position.
fn up_to(lines: &[Line], end: Option<End>) -> &[Line] {
    let Some(end) = end else { return lines };
    &lines[..lines.partition_point(|line| line.id <= end.position)]
}

fn done(end: End) -> Next {
    let mut frame = Vec::new();
    sse::write_done(&mut frame, end.status, end.position);
    Next::Done(frame.into())
}

fn break_off() -> Next {
    let mut frame = Vec::new();
    sse::write_retry(&mut frame, Duration::from_millis(fastrand::u64(RETRY_MS)));
    Next::BrokenOff(frame.into())
}
