//! The one list of the open streams of this process: how many there are, who reads each, until when its reader need not
//! be checked again, and whether it was told to end.
//!
//! A limit refuses new streams; streams already open are not affected. Streams are counted exactly: [`StreamPermit`]
//! takes a place before the stream is opened, and gives it back when it is dropped. Telling a stream to end sets a value
//! in its entry and wakes its task.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

use log_domain::JobId;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::lease::LeaseOptions;
use super::open_stream::{OpenStream, StreamSignal};
use super::principal::Principal;
use super::stream_table::{StreamLimits, StreamTable};
use crate::error::ApiError;

/// Numbers about streams, for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccessStats {
    /// Streams that are open.
    pub open: u64,
    /// Streams refused by a limit.
    pub refused: u64,
    /// Streams broken off because access was withdrawn.
    pub withdrawn: u64,
    /// Streams ended so that their clients come back with a fresh token.
    pub reauthenticated: u64,
}

/// All open streams.
#[derive(Debug, Default)]
pub(super) struct OpenStreams {
    limits: StreamLimits,
    table: Mutex<StreamTable>,
    /// Told when the last stream closes.
    empty: Notify,
    refused: AtomicU64,
    withdrawn: AtomicU64,
    reauthenticated: AtomicU64,
}

/// The counted place of one stream, with its lease. Given back on drop.
#[must_use = "a permit that is dropped is given back"]
pub(crate) struct StreamPermit {
    streams: Arc<OpenStreams>,
    number: u64,
    stream: Arc<OpenStream>,
}

impl OpenStreams {
    pub(super) fn new(limits: StreamLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Adds a stream with a first lease.
    ///
    /// # Errors
    /// 429 if the user or the job has as many streams as allowed, 503 if the process has.
    pub(super) fn open(
        self: &Arc<Self>,
        who: Principal,
        job: &JobId,
        shared: bool,
        lease: &LeaseOptions,
    ) -> Result<StreamPermit, ApiError> {
        let stream = Arc::new(OpenStream::new(who, job, shared, lease));
        let added = self.table.lock().add(&self.limits, &stream);
        match added {
            Ok(number) => Ok(StreamPermit {
                streams: Arc::clone(self),
                number,
                stream,
            }),
            Err(code) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(ApiError::Code(code))
            }
        }
    }

    /// The streams whose leases have ended, grouped by job.
    pub(super) fn due(&self, now: Instant) -> HashMap<JobId, Vec<Arc<OpenStream>>> {
        let mut due: HashMap<_, Vec<_>> = HashMap::new();
        for stream in self.table.lock().streams() {
            if stream.is_due(now) {
                let streams = due.entry(stream.job.clone()).or_default();
                streams.push(Arc::clone(stream));
            }
        }
        due
    }

    /// Breaks off the streams for which `withdrawn` returns true. It is given the reader, and whether the job is read as
    /// the organisation's.
    pub(super) fn break_off_where(&self, withdrawn: impl Fn(&Principal, bool) -> bool) {
        let streams: Vec<_> = self.table.lock().streams().cloned().collect();
        for stream in streams {
            if withdrawn(&stream.who, stream.is_shared()) {
                self.break_off(&stream);
            }
        }
    }

    /// Breaks a stream off.
    pub(super) fn break_off(&self, stream: &OpenStream) {
        if stream.send(StreamSignal::BreakOff) {
            self.withdrawn.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Ends a stream with `reauth`.
    pub(super) fn end_with_reauth(&self, stream: &OpenStream) {
        if stream.send(StreamSignal::Reauth) {
            self.reauthenticated.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns when no stream is open.
    pub(super) async fn all_closed(&self) {
        loop {
            // Created before the check, so that it also sees a stream that closes right after the check.
            let empty = self.empty.notified();
            if self.table.lock().is_empty() {
                return;
            }
            empty.await;
        }
    }

    pub(super) fn stats(&self) -> AccessStats {
        AccessStats {
            open: self.table.lock().len() as u64,
            refused: self.refused.load(Ordering::Relaxed),
            withdrawn: self.withdrawn.load(Ordering::Relaxed),
            reauthenticated: self.reauthenticated.load(Ordering::Relaxed),
        }
    }
}

impl StreamPermit {
    /// What the stream is told to do now.
    #[cfg(test)]
    pub(super) fn signal(&self) -> StreamSignal {
        self.stream.signal()
    }

    /// What the stream is told to do now. `waker` is woken when that changes.
    pub(crate) fn poll_signal(&self, waker: &Waker) -> StreamSignal {
        self.stream.poll_signal(waker)
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut table = self.streams.table.lock();
        table.remove(self.number);
        let is_empty = table.is_empty();
        drop(table);
        if is_empty {
            self.streams.empty.notify_waiters();
        }
    }
}

/// Does not show who reads.
impl fmt::Debug for StreamPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamPermit")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use futures_util::FutureExt as _;
    use log_wire::ErrorCode;

    use super::super::principal::tests::reader;
    use super::*;

    fn streams(per_user: usize, per_job: usize, total: usize) -> Arc<OpenStreams> {
        Arc::new(OpenStreams::new(StreamLimits {
            per_user: NonZero::new(per_user),
            per_job: NonZero::new(per_job),
            total: NonZero::new(total),
        }))
    }

    fn open(streams: &Arc<OpenStreams>, user: &str, job: &str) -> Result<StreamPermit, ErrorCode> {
        let job = job.parse().unwrap();
        streams
            .open(reader(user), &job, false, &LeaseOptions::default())
            .map_err(|error| error.code())
    }

    #[test]
    fn each_limit_refuses_new_streams_by_its_own_code() {
        let streams = streams(2, 3, 4);
        let _held = [("a", "1"), ("a", "1"), ("b", "1"), ("b", "2")]
            .map(|(user, job)| open(&streams, user, job).unwrap());
        let refused = |user, job| open(&streams, user, job).unwrap_err();
        assert_eq!(refused("a", "2"), ErrorCode::TooManyStreams);
        assert_eq!(refused("c", "1"), ErrorCode::TooManyViewers);
        assert_eq!(refused("c", "2"), ErrorCode::AtCapacity);
        assert_eq!(streams.stats().refused, 3);
    }

    #[test]
    fn a_permit_that_is_given_back_is_free_at_once_and_leaves_nothing_behind() {
        let streams = streams(1, 1, 1);
        for _ in 0..3 {
            let held = open(&streams, "a", "1").unwrap();
            assert!(open(&streams, "a", "1").is_err());
            drop(held);
        }
        assert!(streams.table.lock().holds_nothing());
    }

    #[test]
    fn zero_is_no_limit() {
        let streams = streams(0, 0, 0);
        let held: Vec<_> = (0..30_000).map(|_| open(&streams, "a", "1")).collect();
        assert!(held.iter().all(Result::is_ok));
    }

    #[test]
    fn streams_are_counted_exactly_from_many_threads() {
        let streams = streams(0, 0, 50);
        let opened = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (streams, opened) = (&streams, &opened);
                scope.spawn(move || {
                    for _ in 0..1000 {
                        let held: Vec<_> = (0..10)
                            .filter_map(|_| open(streams, &n.to_string(), "1").ok())
                            .collect();
                        let now = streams.stats().open;
                        assert!(now <= 50 && now >= held.len() as u64);
                        opened.fetch_add(held.len() as u64, Ordering::Relaxed);
                    }
                });
            }
        });
        let stats = streams.stats();
        assert_eq!(stats.open, 0);
        assert_eq!(opened.into_inner() + stats.refused, 80_000);
    }

    #[test]
    fn a_stream_is_told_once_and_breaking_off_comes_before_reauth() {
        let streams = streams(0, 0, 0);
        let permit = open(&streams, "a", "1").unwrap();
        streams.end_with_reauth(&permit.stream);
        assert_eq!(permit.signal(), StreamSignal::Reauth);
        for _ in 0..2 {
            streams.break_off_where(|_, _| true);
            streams.end_with_reauth(&permit.stream);
        }
        assert_eq!(permit.signal(), StreamSignal::BreakOff);
        let stats = streams.stats();
        assert_eq!((stats.withdrawn, stats.reauthenticated), (1, 1));
    }

    #[test]
    fn all_closed_waits_for_the_last_stream() {
        let streams = streams(0, 0, 0);
        let [first, last] = ["1", "2"].map(|job| open(&streams, "a", job).unwrap());
        let mut closed = Box::pin(streams.all_closed());
        drop(first);
        assert!(closed.as_mut().now_or_never().is_none());
        drop(last);
        assert!(closed.now_or_never().is_some());
    }
}
