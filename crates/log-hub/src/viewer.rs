//! One viewer: a position in a log, and how it gets on.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use log_domain::{EntryId, FoundGap, Gap, GapTracker, JobId};
use log_store::{StoreError, TailRead};
use log_wire::sse;

use crate::backlog::Batch;
use crate::catch_up::{self, Found, Read};
use crate::feed::{End, Feed, FeedState, Idle};
use crate::next::{Next, break_off, done};
use crate::registry::Joined;
use crate::ring::{Horizon, Taken};
use crate::shared::Shared;
use crate::stats::Counters;

/// Follows one job's log from a position on. It does nothing unless it is asked; dropping it leaves nothing behind.
pub struct Viewer {
    shared: Arc<Shared>,
    feed: Arc<Feed>,
    /// The seat in the feed, given up on drop.
    key: usize,
    /// Where it reads on: everything up to here has been handed out, or is known to be gone.
    at: EntryId,
    /// The same as the client knows it: where it began, or the last line or gap handed out.
    position: EntryId,
    /// The stretch of the ring in which the store has confirmed the position. `None` where a client claims it.
    confirmed: Option<u64>,
    /// The gap handed out last.
    gaps: GapTracker,
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
    Reading(Read, Begun),
    /// The store had nothing more, or failed, and the ring cannot be joined, because the feed has not read so far or
    /// does not know yet that the log is lost: until the feed's version is another.
    Waiting(u64),
}

/// What the feed looked like before a read began. The read knows of nothing that came later.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    horizon: Horizon,
    version: u64,
    ended: bool,
}

impl Begun {
    fn now(state: &FeedState) -> Self {
        Self {
            horizon: state.ring.horizon(),
            version: state.version,
            ended: state.end.is_some(),
        }
    }
}

impl Viewer {
    /// A viewer whose beginning is open yet.
    pub(crate) fn new(shared: Arc<Shared>, joined: Joined) -> Self {
        Counters::add(&shared.counters.viewers, 1);
        let Joined { feed, key } = joined;
        Self {
            shared,
            feed,
            key,
            at: EntryId::ZERO,
            position: EntryId::ZERO,
            confirmed: None,
            gaps: GapTracker::default(),
            place: Place::Seeking,
            delivered: false,
            finished: false,
        }
    }

    /// Begins after a position that the log may never have had.
    pub(crate) fn claim(&mut self, position: EntryId) {
        self.advance(position);
    }

    /// Begins at the end of the log, as a read found it before which the feed looked like this.
    pub(crate) fn confirm(&mut self, begun: Begun, last_id: EntryId) {
        self.advance(last_id);
        self.note_end(begun, last_id);
        self.settle(begun.version);
    }

    /// What the feed looks like, for a read that is about to begin.
    pub(crate) fn begun(&self) -> Begun {
        Begun::now(&self.feed.lock())
    }

    pub(crate) fn job(&self) -> &JobId {
        &self.feed.job
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

    /// Whether it has lines of the store to read before it gets what is new.
    #[must_use]
    pub fn catches_up(&self) -> bool {
        matches!(self.place, Place::Seeking | Place::Reading(..))
    }

    /// The next thing to send. Waits where there is nothing; cancel-safe.
    pub async fn next(&mut self) -> Next {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next thing to send: the next piece that the feed has after the position, or a batch from the store.
    ///
    /// A viewer that was asked should be asked again when it wakes, or be dropped: while it reads the store it may hold
    /// its job's turn, and one of those that all viewers share ([`crate::HubOptions::catch_up_reads`]).
    /// After [`Next::Done`] and [`Next::BrokenOff`] there is nothing more, for ever.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if self.finished {
            return Poll::Pending;
        }
        let next = ready!(self.poll_place(cx));
        self.finished = !matches!(next, Next::Frames(_));
        Poll::Ready(next)
    }

    fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            let next = match &mut self.place {
                Place::Ring(ordinal) => {
                    let ordinal = *ordinal;
                    self.poll_ring(ordinal, cx)
                }
                Place::Seeking => self.seek(),
                Place::Reading(read, begun) => {
                    let begun = *begun;
                    match read.as_mut().poll(cx) {
                        Poll::Ready(result) => self.after_read(begun, result).map(Poll::Ready),
                        Poll::Pending => Some(self.wait(&mut self.feed.lock(), cx, false)),
                    }
                }
                Place::Waiting(version) => {
                    let version = *version;
                    self.poll_waiting(version, cx)
                }
            };
            if let Some(poll) = next {
                return poll;
            }
        }
    }

    /// `None` where the viewer must look elsewhere.
    fn poll_ring(&mut self, ordinal: u64, cx: &Context<'_>) -> Option<Poll<Next>> {
        let mut state = self.feed.lock();
        if state.must_break_off(self.key) {
            return Some(Poll::Ready(break_off()));
        }
        match state.ring.take(ordinal, self.at) {
            Taken::Frames {
                frames,
                position,
                next,
            } => {
                self.place = Place::Ring(next);
                state.had_output(self.key, self.shared.now());
                drop(state);
                self.advance(position);
                self.delivered = true;
                Some(Poll::Ready(Next::Frames(frames)))
            }
            Taken::Gap { missing, next } if missing.gap.after_id == self.at => {
                state.had_output(self.key, self.shared.now());
                drop(state);
                self.place = Place::Ring(next);
                self.confirmed = Some(next);
                let mut frame = Vec::new();
                self.tell(missing, &mut frame);
                Some(Poll::Ready(Next::Frames(frame.into())))
            }
            Taken::Nothing { next } => {
                self.place = Place::Ring(next);
                Some(match state.end {
                    Some(end) => Poll::Ready(done(end, self.at.max(end.position))),
                    None => self.wait(&mut state, cx, false),
                })
            }
            // A gap at another position than the viewer's own need not be one for it: the store is asked.
            Taken::Gap { .. } | Taken::Evicted => {
                self.place = Place::Seeking;
                None
            }
        }
    }

    /// Joins the ring if that misses nothing, else begins a read of the store.
    fn seek(&mut self) -> Option<Poll<Next>> {
        let state = self.feed.lock();
        // Also between two reads, or a viewer that has far to go would hold up a drain.
        if state.must_break_off(self.key) {
            return Some(Poll::Ready(break_off()));
        }
        if let Some(ordinal) = state.ring.join(self.at, self.confirmed) {
            self.confirmed = Some(state.ring.stretch());
            self.place = Place::Ring(ordinal);
            return None;
        }
        if let Some(batch) = state.known(self.at).cloned() {
            drop(state);
            return Some(Poll::Ready(self.after_known(batch)));
        }
        let begun = Begun::now(&state);
        drop(state);
        let read = catch_up::read(self.shared.clone(), self.feed.clone(), self.at);
        self.place = Place::Reading(read, begun);
        None
    }

    fn poll_waiting(&mut self, version: u64, cx: &Context<'_>) -> Option<Poll<Next>> {
        let mut state = self.feed.lock();
        if state.version == version {
            // Under the same lock as the look, or a change between the two would wake nobody.
            return Some(self.wait(&mut state, cx, true));
        }
        self.place = Place::Seeking;
        None
    }

    /// Hands out what another viewer has read lately.
    fn after_known(&mut self, batch: Batch) -> Next {
        self.feed.lock().had_output(self.key, self.shared.now());
        self.confirmed = Some(batch.stretch);
        self.advance(batch.position);
        self.delivered = true;
        self.place = Place::Seeking;
        Next::Frames(batch.frames)
    }

    fn after_read(&mut self, begun: Begun, result: Result<Found, StoreError>) -> Option<Next> {
        let read = match result {
            Ok(Found::Read(read)) => read,
            Ok(Found::Known(batch)) => return Some(self.after_known(batch)),
            Err(error) => return self.after_failed_read(&error, begun.version),
        };
        let after = self.at;
        let last_id = read.bounds.last_id;
        self.note_end(begun, last_id);
        let end = self.feed.lock().end;
        let mut frames = Vec::new();
        let complete = self.take_in(&read, end, &mut frames);
        // A slow viewer holds on to this, so it takes what it needs and not twice that.
        frames.shrink_to_fit();
        // A read from before the end may have missed lines that belong to the log, or be of a log that was lost.
        if let Some(end) = end.filter(|_| begun.ended && complete) {
            let at = self.at.max(end.position.min(last_id));
            sse::write_done(&mut frames, end.status, at);
            return Some(Next::Done(frames.into()));
        }
        let frames = Bytes::from(frames);
        if read.more {
            self.place = Place::Seeking;
            if !read.lines.is_empty() && read.gap(after).is_none() && end.is_none() {
                self.feed.lock().keep(Batch {
                    after,
                    frames: frames.clone(),
                    position: self.at,
                    stretch: begun.horizon.stretch,
                    tick: self.shared.now(),
                });
            }
        } else {
            self.settle(begun.version);
        }
        if frames.is_empty() {
            return None;
        }
        self.feed.lock().had_output(self.key, self.shared.now());
        Some(Next::Frames(frames))
    }

    /// Encodes what a read has found of a log that may have ended; says whether that is all there is up to its end.
    fn take_in(&mut self, read: &TailRead, end: Option<End>, frames: &mut Vec<u8>) -> bool {
        if let Some(missing) = self.gaps.unreported(self.at, &read.lines, &read.bounds) {
            self.tell(missing, frames);
        }
        let lines = catch_up::up_to(&read.lines, end);
        for line in lines {
            sse::write_log(frames, line);
            self.advance(line.id);
        }
        self.delivered |= !lines.is_empty();
        if read.lines.is_empty() {
            // The last lines of the log may be gone, and the client may have been told.
            self.at = self.at.max(read.bounds.last_id);
        }
        lines.len() < read.lines.len() || !read.more
    }

    /// The store has confirmed the position by a read that found the log to end at `last_id`.
    fn note_end(&mut self, begun: Begun, last_id: EntryId) {
        let stretch = begun.horizon.stretch;
        let known = (self.confirmed == Some(stretch)).then_some(self.at);
        self.feed.note_end(begun.horizon, known, last_id);
        self.confirmed = Some(stretch);
    }

    /// With nothing more in the store: joins the ring, or waits until the feed is another than before the read.
    fn settle(&mut self, version: u64) {
        let joined = self.feed.lock().ring.join(self.at, self.confirmed);
        self.place = joined.map_or(Place::Waiting(version), Place::Ring);
    }

    fn after_failed_read(&mut self, error: &StoreError, version: u64) -> Option<Next> {
        Counters::add(&self.shared.counters.failed_reads, 1);
        if error.is_retryable() {
            self.place = Place::Waiting(version);
            return None;
        }
        tracing::error!(job = %self.feed.job, %error, "the store refuses; a stream is broken off");
        Some(break_off())
    }

    fn tell(&mut self, missing: FoundGap, frames: &mut Vec<u8>) {
        Counters::add(&self.shared.counters.gaps, 1);
        self.gaps.mark_reported(missing);
        let gap = Gap {
            after_id: self.position,
            ..missing.gap
        };
        sse::write_gap(frames, &gap);
        self.advance(gap.resume_after);
        self.delivered = true;
    }

    fn advance(&mut self, position: EntryId) {
        self.at = position;
        self.position = position;
    }

    fn wait(&self, state: &mut FeedState, cx: &Context<'_>, wants_tick: bool) -> Poll<Next> {
        match state.idle(self.key, cx, wants_tick) {
            Idle::Wait => Poll::Pending,
            Idle::BreakOff => Poll::Ready(break_off()),
            Idle::Heartbeat => {
                state.had_output(self.key, self.shared.now());
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
            .field("position", &self.at)
            .finish_non_exhaustive()
    }
}
