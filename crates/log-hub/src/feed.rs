//! What the viewers of one job share: the ring, the end, and who waits.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Context;

use log_domain::{EntryId, JobEnd, JobId};
use slab::Slab;
use tokio::sync::Notify;

use crate::backlog::{Backlog, Batch};
use crate::ring::{Horizon, Ring};
use crate::thread_waker::Waiting;

/// One watched job. Owned by the registry and by its viewers; its upstream task holds it too, until it ends.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) job: JobId,
    /// A std mutex: it is held for a look and a few pushes, never across an await.
    state: Mutex<FeedState>,
    /// One read of the store at a time for viewers of this job that catch up; waiters are served in order.
    pub(crate) catch_up: tokio::sync::Mutex<()>,
    /// Tells the upstream task that the last viewer has left.
    pub(crate) deserted: Notify,
    /// Tells the upstream task that a viewer knows the log to be lost.
    pub(crate) lost: Notify,
}

#[derive(Debug)]
pub(crate) struct FeedState {
    pub(crate) ring: Ring,
    pub(crate) backlog: Backlog,
    /// Set once, when the log has ended; nothing is pushed afterwards.
    pub(crate) end: Option<End>,
    /// The store refused to be read; every viewer is broken off.
    pub(crate) broken: bool,
    /// Grows with every push and every tick: a viewer that waits for the feed compares it.
    pub(crate) version: u64,
    viewers: Slab<Seat>,
}

/// Where a log has ended, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End {
    pub(crate) status: JobEnd,
    pub(crate) position: EntryId,
}

/// What the feed keeps of one viewer, from its joining to its drop.
#[derive(Debug, Default)]
struct Seat {
    /// Set while the viewer waits.
    waiting: Option<Waiting>,
    /// The viewer waits to read the store again, so every tick wakes it.
    wants_tick: bool,
    /// The hub's tick at which the viewer last had output.
    last_output: u64,
    heartbeat_due: bool,
    break_off: bool,
}

/// What a viewer that has nothing to send is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idle {
    /// Wait; the waker is registered.
    Wait,
    Heartbeat,
    BreakOff,
}

impl Feed {
    pub(crate) fn new(job: JobId, position: EntryId, ring_bytes: usize) -> Self {
        Self {
            job,
            state: Mutex::new(FeedState {
                ring: Ring::new(position, ring_bytes),
                backlog: Backlog::new(ring_bytes),
                end: None,
                broken: false,
                version: 0,
                viewers: Slab::new(),
            }),
            catch_up: tokio::sync::Mutex::default(),
            deserted: Notify::new(),
            lost: Notify::new(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, FeedState> {
        // Nothing panics while it holds the lock; if something did, the ring is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes every viewer that waits.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut FeedState)) {
        let waiting = {
            let mut state = self.lock();
            change(&mut state);
            state.version += 1;
            state.take_waiting()
        };
        Waiting::wake_all(waiting);
    }

    /// At a tick: marks the viewers that have been silent since `silent_since`, and wakes them and those that wait for the store.
    pub(crate) fn tick(&self, tick: u64, silent_since: Option<u64>) {
        let waiting: Vec<_> = {
            let mut state = self.lock();
            state.version += 1;
            state.backlog.age(tick);
            let seats = state.viewers.iter_mut();
            seats
                .filter_map(|(_, seat)| seat.tick(silent_since))
                .collect()
        };
        Waiting::wake_all(waiting);
    }

    /// Takes note of where the log ends, see [`Ring::note_end`].
    pub(crate) fn note_end(&self, horizon: Horizon, known: Option<EntryId>, last_id: EntryId) {
        // The feed reads again even where nothing changed since it last did: only then may viewers join it.
        if self.lock().ring.note_end(horizon, known, last_id) {
            self.lost.notify_one();
        }
    }

    /// The seats that are taken now.
    pub(crate) fn seats(&self) -> Vec<usize> {
        self.lock().viewers.iter().map(|(key, _)| key).collect()
    }

    /// Tells one viewer to break off. A seat that was given up meanwhile is no matter.
    pub(crate) fn break_off(&self, key: usize) {
        let waiting = {
            let mut state = self.lock();
            state.viewers.get_mut(key).and_then(|seat| {
                seat.break_off = true;
                seat.waiting.take()
            })
        };
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }

    pub(crate) fn leave(&self, key: usize) {
        let (seat, deserted) = {
            let mut state = self.lock();
            (state.viewers.try_remove(key), state.viewers.is_empty())
        };
        if deserted {
            self.deserted.notify_one();
        }
        // Not under the lock: a waker may be the last that holds a task, with a viewer in it.
        drop(seat);
    }
}

impl FeedState {
    pub(crate) fn join(&mut self, tick: u64) -> usize {
        self.viewers.insert(Seat {
            last_output: tick,
            ..Seat::default()
        })
    }

    /// What was read lately after a position, where it is as good as what the store has now.
    pub(crate) fn known(&self, after: EntryId) -> Option<&Batch> {
        if self.ring.is_lost() {
            return None;
        }
        let batch = self.backlog.find(after, self.ring.stretch())?;
        let belongs = self.end.is_none_or(|end| batch.position <= end.position);
        belongs.then_some(batch)
    }

    /// Keeps a batch for those who come to the same position.
    pub(crate) fn keep(&mut self, batch: Batch) {
        if !self.ring.is_lost() && batch.stretch == self.ring.stretch() {
            self.backlog.keep(batch);
        }
    }

    pub(crate) fn is_deserted(&self) -> bool {
        self.viewers.is_empty()
    }

    /// Notes that a viewer has output now.
    pub(crate) fn had_output(&mut self, key: usize, tick: u64) {
        if let Some(seat) = self.viewers.get_mut(key) {
            seat.last_output = tick;
            seat.heartbeat_due = false;
        }
    }

    /// Whether the viewer is to break off, whatever it has to send.
    pub(crate) fn must_break_off(&self, key: usize) -> bool {
        self.broken || self.viewers.get(key).is_some_and(|seat| seat.break_off)
    }

    /// What a viewer does that has nothing to send; registers its waker where it waits.
    /// With `wants_tick` the next tick wakes it even where nothing else happens.
    pub(crate) fn idle(&mut self, key: usize, cx: &Context<'_>, wants_tick: bool) -> Idle {
        let broken = self.broken;
        let Some(seat) = self.viewers.get_mut(key) else {
            return Idle::BreakOff;
        };
        if broken || seat.break_off {
            return Idle::BreakOff;
        }
        if std::mem::take(&mut seat.heartbeat_due) {
            return Idle::Heartbeat;
        }
        seat.wants_tick = wants_tick;
        match &mut seat.waiting {
            Some(waiting) => waiting.renew(cx),
            empty => *empty = Some(Waiting::here(cx)),
        }
        Idle::Wait
    }

    fn take_waiting(&mut self) -> Vec<Waiting> {
        self.viewers
            .iter_mut()
            .filter_map(|(_, seat)| seat.waiting.take())
            .collect()
    }
}

impl Seat {
    /// The waker of a viewer that this tick concerns.
    fn tick(&mut self, silent_since: Option<u64>) -> Option<Waiting> {
        let silent = silent_since.is_some_and(|since| self.last_output <= since);
        if self.waiting.is_some() && silent {
            self.heartbeat_due = true;
        }
        if self.heartbeat_due || self.wants_tick {
            self.waiting.take()
        } else {
            None
        }
    }
}
