//! One open stream: who reads it, until when its reader need not be checked again, and what it was told.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use log_domain::JobId;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::lease::LeaseOptions;
use super::principal::Principal;

/// What a stream is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StreamSignal {
    /// Go on.
    Continue,
    /// End cleanly with `reauth`.
    Reauth,
    /// Break off at once: access was withdrawn.
    BreakOff,
}

/// One open stream.
pub(super) struct OpenStream {
    pub(super) job: JobId,
    pub(super) who: Principal,
    lease: Mutex<Lease>,
    signal: AtomicU8,
    /// Wakes the stream's task.
    waker: AtomicWaker,
}

#[derive(Clone, Copy)]
struct Lease {
    ends: Instant,
    /// Whether the reader reads the job as a member of its organisation, as of the last check.
    shared: bool,
}

impl OpenStream {
    /// A stream with a first lease. `shared`: whether the job is read as the organisation's.
    pub(super) fn new(who: Principal, job: &JobId, shared: bool, options: &LeaseOptions) -> Self {
        Self {
            job: job.clone(),
            who,
            lease: Mutex::new(Lease {
                ends: options.end_from(Instant::now()),
                shared,
            }),
            signal: AtomicU8::new(0),
            waker: AtomicWaker::new(),
        }
    }

    /// Whether its lease has ended and it was not told to end.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.lease.lock().ends <= now && self.signal() == StreamSignal::Continue
    }

    /// Whether the job is read as the organisation's, as of the last check.
    pub(super) fn is_shared(&self) -> bool {
        self.lease.lock().shared
    }

    /// Starts a new lease now. `shared`: whether the job is read as the organisation's.
    pub(super) fn extend_lease(&self, options: &LeaseOptions, shared: bool) {
        *self.lease.lock() = Lease {
            ends: options.end_from(Instant::now()),
            shared,
        };
    }

    /// What the stream is told to do now.
    pub(super) fn signal(&self) -> StreamSignal {
        match self.signal.load(Ordering::Acquire) {
            0 => StreamSignal::Continue,
            1 => StreamSignal::Reauth,
            _ => StreamSignal::BreakOff,
        }
    }

    /// Tells the stream to end, and returns whether this is new to it. `BreakOff` overrides `Reauth`.
    pub(super) fn send(&self, signal: StreamSignal) -> bool {
        let number = signal as u8;
        let is_new = self.signal.fetch_max(number, Ordering::AcqRel) < number;
        self.waker.wake();
        is_new
    }

    /// What the stream is told to do now. `waker` is woken when that changes.
    pub(super) fn poll_signal(&self, waker: &Waker) -> StreamSignal {
        // Registered before the value is read, so that a change between the two wakes it.
        self.waker.register(waker);
        self.signal()
    }
}

/// Does not show who reads.
impl fmt::Debug for OpenStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStream")
            .field("signal", &self.signal())
            .finish_non_exhaustive()
    }
}
