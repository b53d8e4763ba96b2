//! One viewer: a position in a log, and how it moves on.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use log_domain::{EntryId, FoundGap, JobEnd, JobId};
use log_store::{StoreError, TailRead};
use log_wire::sse;
use tokio::time::{Instant, timeout_at};

use crate::catch_up::{self, CatchUpRead, Found};
use crate::cursor::Cursor;
use crate::feed::{Feed, FeedState};
use crate::inner::HubInner;
use crate::join_point::JoinPoint;
use crate::next::{Next, break_off, done};
use crate::recent_batches::RecentBatch;
use crate::registry::JoinedFeed;
use crate::ring::RingRead;
use crate::stats::Counters;
use crate::viewer_slot::IdleAction;

/// Follows one job's log from a position on. It does nothing unless it is asked. Dropping it leaves nothing behind.
pub struct Viewer {
    hub: Arc<HubInner>,
    feed: Arc<Feed>,
    /// Its slot in the feed, given back on drop.
    slot: usize,
    cursor: Cursor,
    /// The generation of the ring in which the store has confirmed the position. `None` where only the client says that
    /// the log has this position.
    confirmed: Option<u64>,
    state: ViewerState,
    /// What was taken to learn whether the log is complete, and the position before it.
    first: Option<Box<(EntryId, Next)>>,
    finished: bool,
}

/// Where a viewer gets its next lines from.
enum ViewerState {
    /// From the ring: the segment of this ordinal.
    InRing(u64),
    /// Not known yet: from the ring if the position can join it, else from the store.
    Seeking,
    /// From the store. A read is under way.
    Reading(CatchUpRead, JoinPoint),
    /// Waits until the feed's version is another. The store had nothing more, or failed, and the ring cannot be joined:
    /// the feed has not read so far, or does not know yet that the log is lost.
    Waiting(u64),
}

impl Viewer {
    /// A viewer that has no position yet.
    pub(crate) fn new(hub: Arc<HubInner>, joined: JoinedFeed) -> Self {
        Counters::add(&hub.counters.viewers, 1);
        let JoinedFeed { feed, slot } = joined;
        Self {
            hub,
            feed,
            slot,
            cursor: Cursor::new(),
            confirmed: None,
            state: ViewerState::Seeking,
            first: None,
            finished: false,
        }
    }

    /// Begins after a position that the log may never have had.
    pub(crate) fn start_at(&mut self, position: EntryId) {
        self.cursor.move_to(position);
    }

    /// Begins at the end of the log, which a read has found after the feed looked like this.
    pub(crate) fn start_at_end(&mut self, join_point: JoinPoint, last_id: EntryId) {
        self.cursor.move_to(last_id);
        self.confirm(join_point, last_id);
        self.join_or_wait(join_point.version);
    }

    /// Breaks off as soon as it is asked.
    pub(crate) fn break_off(&self) {
        self.feed.break_off(self.slot);
    }

    /// What the feed looks like, for a read that is about to begin.
    pub(crate) fn join_point(&self) -> JoinPoint {
        JoinPoint::new(&self.feed.lock())
    }

    pub(crate) fn job(&self) -> &JobId {
        &self.feed.job
    }

    /// The id of the last line handed out, or where the viewer began.
    #[must_use]
    pub fn position(&self) -> EntryId {
        let before = self.first.as_ref().map(|first| first.0);
        before.unwrap_or_else(|| self.cursor.position())
    }

    /// How the job has ended, as soon as the feed knows.
    pub(crate) fn end(&self) -> Option<JobEnd> {
        self.feed.lock().end.as_ref().map(|end| end.job_end.clone())
    }

    /// Whether a log that has ended has anything after the position. Keeps what it has taken for [`Viewer::poll_next`].
    /// While the store is away, that is not known; then it has, after `patience`.
    pub(crate) async fn has_more(&mut self, patience: Duration) -> bool {
        let position = self.position();
        let until = Instant::now() + patience;
        let first = loop {
            match timeout_at(until, self.next()).await {
                Err(_) => return true,
                Ok(Next::Done(_)) if !self.cursor.has_delivered() => return false,
                // A heartbeat is no news.
                Ok(Next::Frames(_)) if !self.cursor.has_delivered() => {}
                Ok(first) => break first,
            }
        };
        self.first = Some(Box::new((position, first)));
        true
    }

    /// Whether it has lines of the store to read before it gets new ones.
    #[must_use]
    pub fn catches_up(&self) -> bool {
        matches!(self.state, ViewerState::Seeking | ViewerState::Reading(..))
    }

    /// The next thing to send. Waits where there is nothing. Cancel-safe.
    pub async fn next(&mut self) -> Next {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next thing to send: what the feed has after the position, or a batch from the store.
    ///
    /// Once asked, a viewer should be asked again when it wakes, or be dropped: while it reads the store, it may hold its
    /// job's turn, and one of the turns that all viewers share ([`crate::HubOptions::catch_up_reads`]).
    /// After [`Next::Done`] and [`Next::BrokenOff`] nothing more comes.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(first.1);
        }
        if self.finished {
            return Poll::Pending;
        }
        let next = ready!(self.poll_state(cx));
        self.finished = !matches!(next, Next::Frames(_));
        Poll::Ready(next)
    }

    fn poll_state(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        loop {
            let next = match &mut self.state {
                ViewerState::InRing(ordinal) => {
                    let ordinal = *ordinal;
                    self.poll_ring(ordinal, cx)
                }
                ViewerState::Seeking => self.seek(),
                ViewerState::Reading(read, join_point) => {
                    let join_point = *join_point;
                    match read.as_mut().poll(cx) {
                        Poll::Ready(found) => self.after_read(join_point, found).map(Poll::Ready),
                        Poll::Pending => Some(self.wait(&mut self.feed.lock(), cx, false)),
                    }
                }
                ViewerState::Waiting(version) => {
                    let version = *version;
                    self.poll_waiting(version, cx)
                }
            };
            if let Some(poll) = next {
                return poll;
            }
        }
    }

    /// Takes what the ring has. `None` where the viewer must look elsewhere.
    fn poll_ring(&mut self, ordinal: u64, cx: &Context<'_>) -> Option<Poll<Next>> {
        let mut state = self.feed.lock();
        if state.must_break_off(self.slot) {
            return Some(Poll::Ready(break_off(self.position())));
        }
        match state.ring.read(ordinal, self.cursor.read_up_to()) {
            RingRead::Frames(chunk) => {
                state.had_output(self.slot, self.hub.now());
                state.wants(self.slot, Some(chunk.next));
                drop(state);
                self.state = ViewerState::InRing(chunk.next);
                self.cursor.deliver_up_to(chunk.position);
                Some(Poll::Ready(Next::Frames(chunk.frames)))
            }
            RingRead::Gap { found, next } if found.gap.after_id == self.cursor.read_up_to() => {
                state.had_output(self.slot, self.hub.now());
                state.wants(self.slot, Some(next));
                drop(state);
                self.state = ViewerState::InRing(next);
                self.confirmed = Some(next);
                let mut frame = Vec::new();
                self.write_gap(found, &mut frame);
                Some(Poll::Ready(Next::Frames(frame.into())))
            }
            RingRead::Nothing { next } => {
                state.wants(self.slot, Some(next));
                self.state = ViewerState::InRing(next);
                Some(match &state.end {
                    Some(end) => Poll::Ready(done(end, self.cursor.read_up_to())),
                    None => self.wait(&mut state, cx, false),
                })
            }
            // A gap after another position than the viewer's own need not be one for this viewer: it asks the store.
            RingRead::Gap { .. } | RingRead::Evicted => {
                state.wants(self.slot, None);
                self.state = ViewerState::Seeking;
                None
            }
        }
    }

    /// Joins the ring if that misses nothing, takes what another viewer has read lately, or begins a read of the store.
    fn seek(&mut self) -> Option<Poll<Next>> {
        let mut state = self.feed.lock();
        // Also between two reads, or a viewer that has far to go would hold up a drain.
        if state.must_break_off(self.slot) {
            return Some(Poll::Ready(break_off(self.position())));
        }
        let position = self.cursor.read_up_to();
        if let Some(ordinal) = state.ring.join(position, self.confirmed) {
            self.confirmed = Some(state.ring.generation());
            state.wants(self.slot, Some(ordinal));
            self.state = ViewerState::InRing(ordinal);
            return None;
        }
        if let Some(batch) = state.recent_batch(position).cloned() {
            drop(state);
            return Some(Poll::Ready(self.hand_out(batch)));
        }
        let join_point = JoinPoint::new(&state);
        drop(state);
        let read = catch_up::read(self.hub.clone(), self.feed.clone(), position);
        self.state = ViewerState::Reading(read, join_point);
        None
    }

    fn poll_waiting(&mut self, version: u64, cx: &Context<'_>) -> Option<Poll<Next>> {
        let mut state = self.feed.lock();
        if state.version == version {
            // Compared and registered under one lock: no change in between can be missed.
            return Some(self.wait(&mut state, cx, true));
        }
        self.state = ViewerState::Seeking;
        None
    }

    /// Hands out what another viewer has read lately.
    fn hand_out(&mut self, batch: RecentBatch) -> Next {
        self.had_output();
        self.confirmed = Some(batch.generation);
        self.cursor.deliver_up_to(batch.position);
        self.state = ViewerState::Seeking;
        Next::Frames(batch.frames)
    }

    fn after_read(
        &mut self,
        join_point: JoinPoint,
        found: Result<Found, StoreError>,
    ) -> Option<Next> {
        match found {
            Ok(Found::InStore(read)) => self.after_store_read(join_point, &read),
            Ok(Found::InFeed(batch)) => Some(self.hand_out(batch)),
            Err(error) => self.after_failed_read(&error, join_point.version),
        }
    }

    fn after_store_read(&mut self, join_point: JoinPoint, read: &TailRead) -> Option<Next> {
        let after = self.cursor.read_up_to();
        let last_id = read.bounds.last_id;
        self.confirm(join_point, last_id);
        let end = self.feed.lock().end.clone();
        let mut frames = Vec::new();
        if let Some(found) = self.cursor.unreported_gap(read) {
            self.write_gap(found, &mut frames);
        }
        let end_position = end.as_ref().map(|end| end.position);
        let is_complete = self.cursor.write_lines(read, end_position, &mut frames);
        // A slow viewer holds on to this for long, so it must not be larger than needed.
        frames.shrink_to_fit();
        // A read from before the end may have missed lines that belong to the log, or be of a log that was lost.
        if let Some(end) = end.filter(|_| join_point.has_ended && is_complete) {
            let position = self.cursor.read_up_to().max(end.position.min(last_id));
            sse::write_done(&mut frames, &end.job_end, position);
            return Some(Next::Done(frames.into()));
        }
        let frames = Bytes::from(frames);
        if read.more {
            self.state = ViewerState::Seeking;
            if !read.lines.is_empty() && read.gap(after).is_none() && end_position.is_none() {
                self.share(after, &frames, join_point);
            }
        } else {
            self.join_or_wait(join_point.version);
        }
        if frames.is_empty() {
            return None;
        }
        self.had_output();
        Some(Next::Frames(frames))
    }

    /// Keeps a batch in the feed for viewers that come to the same position.
    fn share(&self, after: EntryId, frames: &Bytes, join_point: JoinPoint) {
        self.feed.lock().keep_batch(RecentBatch {
            after,
            frames: frames.clone(),
            position: self.cursor.read_up_to(),
            generation: join_point.ring.generation,
            tick: self.hub.now(),
        });
    }

    fn after_failed_read(&mut self, error: &StoreError, version: u64) -> Option<Next> {
        Counters::add(&self.hub.counters.failed_reads, 1);
        // The feed will say that the log is gone.
        let is_gone = matches!(error, StoreError::NotALog(_));
        if error.is_retryable() || is_gone {
            self.state = ViewerState::Waiting(version);
            return None;
        }
        tracing::error!(job = %self.feed.job, %error, "the store refuses to read a log; one of its streams is broken off");
        Some(break_off(self.position()))
    }

    /// The store has confirmed the position by a read that found the log to end at `last_id`.
    fn confirm(&mut self, join_point: JoinPoint, last_id: EntryId) {
        let generation = join_point.ring.generation;
        let position = self.cursor.read_up_to();
        let confirmed = (self.confirmed == Some(generation)).then_some(position);
        self.feed.note_last_id(join_point.ring, confirmed, last_id);
        self.confirmed = Some(generation);
    }

    /// With nothing more in the store: joins the ring, or waits until the feed has another version than before the read.
    fn join_or_wait(&mut self, version: u64) {
        let position = self.cursor.read_up_to();
        let mut state = self.feed.lock();
        let joined = state.ring.join(position, self.confirmed);
        state.wants(self.slot, joined);
        drop(state);
        self.state = joined.map_or(ViewerState::Waiting(version), ViewerState::InRing);
    }

    fn write_gap(&mut self, found: FoundGap, frames: &mut Vec<u8>) {
        Counters::add(&self.hub.counters.gaps, 1);
        self.cursor.write_gap(found, frames);
    }

    fn had_output(&self) {
        self.feed.lock().had_output(self.slot, self.hub.now());
    }

    fn wait(&self, state: &mut FeedState, cx: &Context<'_>, wants_tick: bool) -> Poll<Next> {
        match state.idle(self.slot, cx, wants_tick) {
            IdleAction::Wait => Poll::Pending,
            IdleAction::BreakOff => Poll::Ready(break_off(self.position())),
            IdleAction::SendHeartbeat => {
                state.had_output(self.slot, self.hub.now());
                let mut frame = Vec::new();
                sse::write_heartbeat(&mut frame, self.cursor.position());
                Poll::Ready(Next::Frames(frame.into()))
            }
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        Counters::sub(&self.hub.counters.viewers, 1);
        self.feed.leave(self.slot);
    }
}

impl fmt::Debug for Viewer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Viewer")
            .field("job", &self.feed.job)
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}
