//! The streams of this process: who reads each, until when, and whether it is to end.
//!
//! A seat is a few words; ending a stream is setting one of them and waking it to look.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use futures_util::task::AtomicWaker;
use log_domain::JobId;
use tokio::time::Instant;

use super::AccessStats;
use super::lease::LeaseOptions;
use super::principal::Principal;

/// What a stream is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Go on.
    GoOn,
    /// End cleanly with `reauth`.
    Reauth,
    /// Break off at once: access was withdrawn.
    BreakOff,
}

/// All seats that are taken.
#[derive(Debug, Default)]
pub(super) struct Seats {
    /// By their numbers.
    taken: Mutex<HashMap<u64, Arc<Stream>>>,
    next: AtomicU64,
    withdrawn: AtomicU64,
    reauthenticated: AtomicU64,
}

/// One stream, from its opening to the drop of it.
pub(super) struct Stream {
    id: u64,
    pub(super) job: JobId,
    pub(super) who: Principal,
    /// Until when nobody looks at who reads.
    held: Mutex<Held>,
    call: AtomicU8,
    /// Wakes the stream.
    waker: AtomicWaker,
}

#[derive(Clone)]
struct Held {
    until: Instant,
    /// Whether the job is read as the organisation's: it was not the reader's own when it was last looked at.
    shares: bool,
}

/// A seat, given back on drop.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    stream: Arc<Stream>,
}

impl Seats {
    pub(super) fn take(
        self: &Arc<Self>,
        who: Principal,
        job: &JobId,
        shares: bool,
        lease: &LeaseOptions,
    ) -> Seat {
        let now = Instant::now();
        let stream = Arc::new(Stream {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            job: job.clone(),
            who,
            held: Mutex::new(Held {
                until: lease.end_from(now),
                shares,
            }),
            call: AtomicU8::new(0),
            waker: AtomicWaker::new(),
        });
        self.taken().insert(stream.id, Arc::clone(&stream));
        Seat {
            seats: Arc::clone(self),
            stream,
        }
    }

    /// The streams whose leases are over, by their jobs.
    pub(super) fn due(&self, now: Instant) -> HashMap<JobId, Vec<Arc<Stream>>> {
        let mut due: HashMap<_, Vec<_>> = HashMap::new();
        for stream in self.taken().values() {
            if stream.held().until <= now && stream.called() == Call::GoOn {
                let streams = due.entry(stream.job.clone()).or_default();
                streams.push(Arc::clone(stream));
            }
        }
        due
    }

    /// Breaks off the streams of whom `ended` says so; it is also told whether the job is another's.
    pub(super) fn end_where(&self, ended: impl Fn(&Principal, bool) -> bool) {
        let taken: Vec<_> = self.taken().values().cloned().collect();
        for stream in taken {
            let held = stream.held().clone();
            if ended(&stream.who, held.shares) {
                self.break_off(&stream);
            }
        }
    }

    /// Breaks a stream off.
    pub(super) fn break_off(&self, stream: &Stream) {
        if stream.call(Call::BreakOff) {
            self.withdrawn.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends a stream with `reauth`.
    pub(super) fn reauthenticate(&self, stream: &Stream) {
        if stream.call(Call::Reauth) {
            self.reauthenticated.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn stats(&self) -> AccessStats {
        AccessStats {
            seats: self.taken().len() as u64,
            withdrawn: self.withdrawn.load(Ordering::Relaxed),
            reauthenticated: self.reauthenticated.load(Ordering::Relaxed),
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<u64, Arc<Stream>>> {
        // Nothing panics while it holds the lock.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// Gives another lease.
    pub(super) fn renew(&self, lease: &LeaseOptions, shares: bool) {
        let mut held = self.held();
        held.until = lease.end_from(Instant::now());
        held.shares = shares;
    }

    fn called(&self) -> Call {
        match self.call.load(Ordering::Acquire) {
            0 => Call::GoOn,
            1 => Call::Reauth,
            _ => Call::BreakOff,
        }
    }

    /// Tells the stream to end; whether that is news. What breaks off comes before what ends cleanly.
    fn call(&self, call: Call) -> bool {
        let number = match call {
            Call::GoOn => 0,
            Call::Reauth => 1,
            Call::BreakOff => 2,
        };
        let news = self.call.fetch_max(number, Ordering::AcqRel) < number;
        self.waker.wake();
        news
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// What the stream is told now; it is woken when it is told something else.
    pub(crate) fn call_or_wake(&self, waker: &Waker) -> Call {
        // First the waker, then the look: a call between the two wakes it.
        self.stream.waker.register(waker);
        self.stream.called()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.remove(&self.stream.id);
        // What ten thousand needed is given back when they have left.
        if taken.len() < taken.capacity() / 8 {
            let twice = taken.len() * 2;
            taken.shrink_to(twice);
        }
    }
}

/// Shows neither the id nor who reads.
impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat")
            .field("call", &self.stream.called())
            .finish_non_exhaustive()
    }
}

/// Shows neither the id nor who reads.
impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}
