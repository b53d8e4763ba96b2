//! What the viewers of one job share: the ring, the end, and who waits.

use std::task::Context;

use log_domain::{EntryId, JobEnd, JobId};
use parking_lot::{Mutex, MutexGuard};
use slab::Slab;
use tokio::sync::Notify;

use crate::budget::Share;
use crate::recent_batches::{RecentBatch, RecentBatches};
use crate::ring::{Ring, RingSnapshot};
use crate::viewer_slot::{IdleAction, ViewerSlot};
use crate::waiter::Waiter;

/// One watched job. The registry and the viewers own it; its upstream task holds it too, until that ends.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) job: JobId,
    /// Held for a look and a few pushes: nothing is encoded or read under it.
    state: Mutex<FeedState>,
    /// One read of the store at a time for viewers of this job that catch up. Waiters are served in order.
    pub(crate) catch_up: tokio::sync::Mutex<()>,
    /// Tells the upstream task that the last viewer has left.
    pub(crate) deserted: Notify,
    /// Tells the upstream task that a viewer knows that the log was lost.
    pub(crate) lost: Notify,
}

#[derive(Debug)]
pub(crate) struct FeedState {
    pub(crate) ring: Ring,
    pub(crate) recent: RecentBatches,
    /// Set once, when the log has ended. Nothing is pushed afterwards.
    pub(crate) end: Option<FeedEnd>,
    /// The store refuses to be read: every viewer is broken off.
    pub(crate) broken: bool,
    /// Grows with every push and every tick. A viewer that waits for the feed compares it.
    pub(crate) version: u64,
    /// The upstream task has ended for want of viewers: nobody can join any more.
    closed: bool,
    viewers: Slab<ViewerSlot>,
    /// What the ring and the recent batches take of the hub's budget.
    share: Share,
}

/// Where a log has ended, and how.
#[derive(Debug, Clone)]
pub(crate) struct FeedEnd {
    pub(crate) job_end: JobEnd,
    pub(crate) position: EntryId,
}

impl Feed {
    /// A feed that begins at a position, with bounded memory for its ring, and as much again for its recent batches.
    pub(crate) fn new(job: JobId, position: EntryId, max_bytes: usize, share: Share) -> Self {
        Self {
            job,
            state: Mutex::new(FeedState {
                ring: Ring::new(position, max_bytes),
                recent: RecentBatches::new(max_bytes),
                end: None,
                broken: false,
                version: 0,
                closed: false,
                viewers: Slab::new(),
                share,
            }),
            catch_up: tokio::sync::Mutex::default(),
            deserted: Notify::new(),
            lost: Notify::new(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, FeedState> {
        self.state.lock()
    }

    /// Changes the state and wakes every viewer that waits.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut FeedState)) {
        let waiters: Vec<_> = {
            let mut state = self.lock();
            state.forget_passed();
            change(&mut state);
            state.keep_to_budget();
            state.version += 1;
            let slots = state.viewers.iter_mut();
            slots.filter_map(|(_, slot)| slot.take_waiter()).collect()
        };
        Waiter::wake_all(waiters);
    }

    /// At a tick: wakes the viewers that have been silent since `silent_since`, and those that wait for the store.
    pub(crate) fn tick(&self, tick: u64, silent_since: Option<u64>) {
        let waiters: Vec<_> = {
            let mut state = self.lock();
            state.version += 1;
            state.recent.forget_old(tick);
            state.forget_passed();
            state.keep_to_budget();
            let slots = state.viewers.iter_mut();
            slots
                .filter_map(|(_, slot)| slot.tick(silent_since))
                .collect()
        };
        Waiter::wake_all(waiters);
    }

    /// Notes where a read of the store has found the log to end, see [`Ring::note_last_id`].
    pub(crate) fn note_last_id(
        &self,
        before: RingSnapshot,
        confirmed: Option<EntryId>,
        last_id: EntryId,
    ) {
        // The upstream task reads again even where nothing has changed since: viewers may join the ring only then.
        if self.lock().ring.note_last_id(before, confirmed, last_id) {
            self.lost.notify_one();
        }
    }

    /// The slots that are taken now.
    pub(crate) fn slots(&self) -> Vec<usize> {
        self.lock().viewers.iter().map(|(slot, _)| slot).collect()
    }

    /// Tells one viewer to break off, unless it has left.
    pub(crate) fn break_off(&self, slot: usize) {
        let waiter = {
            let mut state = self.lock();
            state.viewers.get_mut(slot).and_then(ViewerSlot::break_off)
        };
        Waiter::wake_all(waiter);
    }

    /// Gives a slot back.
    pub(crate) fn leave(&self, slot: usize) {
        let (left, is_deserted) = {
            let mut state = self.lock();
            (state.viewers.try_remove(slot), state.viewers.is_empty())
        };
        if is_deserted {
            self.deserted.notify_one();
        }
        // Not under the lock: a waker may be the last owner of a task, with a viewer in it.
        drop(left);
    }
}

impl FeedState {
    /// Takes a slot for a viewer; `None` where the feed is closed.
    pub(crate) fn join(&mut self, tick: u64) -> Option<usize> {
        (!self.closed).then(|| self.viewers.insert(ViewerSlot::new(tick)))
    }

    /// Closes the feed if it has no viewers, and says whether it did.
    pub(crate) fn close_if_deserted(&mut self) -> bool {
        self.closed |= self.is_deserted();
        self.closed
    }

    pub(crate) fn is_deserted(&self) -> bool {
        self.viewers.is_empty()
    }

    /// What was read lately after a position, where the store would give the same now.
    pub(crate) fn recent_batch(&self, after: EntryId) -> Option<&RecentBatch> {
        if self.ring.is_lost() {
            return None;
        }
        let batch = self.recent.find(after, self.ring.generation())?;
        let belongs_to_log = self
            .end
            .as_ref()
            .is_none_or(|end| batch.position <= end.position);
        belongs_to_log.then_some(batch)
    }

    /// Keeps a batch for those who come to the same position.
    pub(crate) fn keep_batch(&mut self, batch: RecentBatch) {
        let is_over = self.share.is_over(self.memory() + batch.frames.len());
        if !is_over && !self.ring.is_lost() && batch.generation == self.ring.generation() {
            self.recent.keep(batch);
            self.share.set(self.memory());
        }
    }

    /// Notes which segment of the ring a viewer wants next, or that it is not in the ring.
    pub(crate) fn wants(&mut self, slot: usize, ordinal: Option<u64>) {
        if let Some(slot) = self.viewers.get_mut(slot) {
            slot.wants = ordinal;
        }
        // With many viewers, that is done at the next push or tick.
        if self.viewers.len() == 1 {
            self.forget_passed();
            self.share.set(self.memory());
        }
    }

    /// Forgets what all viewers of the ring have passed, except a tail.
    fn forget_passed(&mut self) {
        let wanted = self.viewers.iter().filter_map(|(_, slot)| slot.wants);
        self.ring.forget_before(wanted.min(), self.share.tail());
    }

    /// Keeps only the tail where all feeds together keep too much, and says what is kept.
    fn keep_to_budget(&mut self) {
        if self.share.is_over(self.memory()) {
            self.recent.clear();
            self.ring.keep_newest(self.share.tail());
        }
        self.share.set(self.memory());
    }

    fn memory(&self) -> usize {
        self.ring.memory() + self.recent.bytes()
    }

    /// Notes that a viewer has output at this tick.
    pub(crate) fn had_output(&mut self, slot: usize, tick: u64) {
        if let Some(slot) = self.viewers.get_mut(slot) {
            slot.had_output(tick);
        }
    }

    /// Whether a viewer is to break off, whatever it has to send.
    pub(crate) fn must_break_off(&self, slot: usize) -> bool {
        let slot = self.viewers.get(slot);
        self.broken || slot.is_some_and(ViewerSlot::must_break_off)
    }

    /// What a viewer that has nothing to send is to do, see [`ViewerSlot::idle`].
    pub(crate) fn idle(&mut self, slot: usize, cx: &Context<'_>, wants_tick: bool) -> IdleAction {
        match self.viewers.get_mut(slot) {
            Some(slot) if !self.broken => slot.idle(cx, wants_tick),
            _ => IdleAction::BreakOff,
        }
    }
}
