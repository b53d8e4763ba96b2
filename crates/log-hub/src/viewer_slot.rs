//! What a feed keeps of one viewer.

use std::task::Context;

use crate::waiter::Waiter;

/// One for each viewer of a feed, from the moment it joins until it is dropped.
#[derive(Debug, Default)]
pub(crate) struct ViewerSlot {
    /// Set while the viewer waits.
    waiter: Option<Waiter>,
    /// The viewer waits to read the store again, so every tick wakes it.
    wants_tick: bool,
    /// The segment of the ring that the viewer wants next; `None` while it is not in the ring.
    pub(crate) wants: Option<u64>,
    /// The hub's tick at which the viewer last had output.
    last_output: u64,
    heartbeat_due: bool,
    break_off: bool,
}

/// What a viewer that has nothing to send is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdleAction {
    /// Wait; its waker is registered.
    Wait,
    SendHeartbeat,
    BreakOff,
}

impl ViewerSlot {
    pub(crate) fn new(tick: u64) -> Self {
        Self {
            last_output: tick,
            ..Self::default()
        }
    }

    /// Notes that the viewer has output at this tick.
    pub(crate) fn had_output(&mut self, tick: u64) {
        self.last_output = tick;
        self.heartbeat_due = false;
    }

    pub(crate) fn must_break_off(&self) -> bool {
        self.break_off
    }

    /// What a viewer that has nothing to send is to do. Registers its waker where it waits; with `wants_tick` the next
    /// tick wakes it even where nothing else happens.
    pub(crate) fn idle(&mut self, cx: &Context<'_>, wants_tick: bool) -> IdleAction {
        if self.break_off {
            return IdleAction::BreakOff;
        }
        if std::mem::take(&mut self.heartbeat_due) {
            return IdleAction::SendHeartbeat;
        }
        self.wants_tick = wants_tick;
        match &mut self.waiter {
            Some(waiter) => waiter.renew(cx),
            empty => *empty = Some(Waiter::new(cx)),
        }
        IdleAction::Wait
    }

    /// Tells the viewer to break off. The caller wakes it.
    pub(crate) fn break_off(&mut self) -> Option<Waiter> {
        self.break_off = true;
        self.waiter.take()
    }

    /// The viewer, if it waits. The caller wakes it.
    pub(crate) fn take_waiter(&mut self) -> Option<Waiter> {
        self.waiter.take()
    }

    /// The viewer, if it waits and this tick concerns it: it has been silent since `silent_since`, or it wants the tick.
    pub(crate) fn tick(&mut self, silent_since: Option<u64>) -> Option<Waiter> {
        let is_silent = silent_since.is_some_and(|since| self.last_output <= since);
        if self.waiter.is_some() && is_silent {
            self.heartbeat_due = true;
        }
        if self.heartbeat_due || self.wants_tick {
            self.waiter.take()
        } else {
            None
        }
    }
}
