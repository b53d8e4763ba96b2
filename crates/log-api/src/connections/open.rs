//! How many connections are open, and how many there may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::sleep;

/// How often a process that stops looks whether its streams have ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The open connections of the API. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    inner: Arc<ConnectionsInner>,
}

#[derive(Debug)]
struct ConnectionsInner {
    max: usize,
    open: AtomicUsize,
    /// How many of them are streams.
    streams: AtomicU64,
    refused: AtomicU64,
}

/// Counts one connection until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    connections: Connections,
}

/// Counts a stream until it is dropped.
#[derive(Debug)]
pub(super) struct Streaming(Connections);

/// What is counted, for metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ConnectionCounts {
    /// Open now.
    pub(crate) open: u64,
    /// Refused because there were too many.
    pub(crate) refused: u64,
}

impl Connections {
    pub(super) fn new(max: usize) -> Self {
        Self {
            inner: Arc::new(ConnectionsInner {
                max,
                open: AtomicUsize::new(0),
                streams: AtomicU64::new(0),
                refused: AtomicU64::new(0),
            }),
        }
    }

    /// A permit for a connection; `None` if the limit is reached.
    pub(super) fn take(&self) -> Option<ConnectionPermit> {
        let one_more = |open: usize| (open < self.inner.max).then_some(open + 1);
        let taken = self
            .inner
            .open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        if taken.is_err() {
            self.inner.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(ConnectionPermit {
            connections: self.clone(),
        })
    }

    /// Returns when no stream is open any more.
    pub(crate) async fn streams_ended(&self) {
        while self.inner.streams.load(Ordering::Acquire) > 0 {
            sleep(LOOK_AGAIN).await;
        }
    }

    pub(crate) fn counts(&self) -> ConnectionCounts {
        ConnectionCounts {
            open: self.inner.open.load(Ordering::Relaxed) as u64,
            refused: self.inner.refused.load(Ordering::Relaxed),
        }
    }
}

impl ConnectionPermit {
    /// Counts the connection as a stream.
    pub(super) fn streaming(&self) -> Streaming {
        let connections = self.connections.clone();
        connections.inner.streams.fetch_add(1, Ordering::AcqRel);
        Streaming(connections)
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.inner.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.connections.inner.open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_beyond_the_limit_is_refused_until_another_one_closes() {
        let connections = Connections::new(2);
        let first = connections.take().unwrap();
        let _second = connections.take().unwrap();
        assert!(connections.take().is_none());
        drop(first);
        assert!(connections.take().is_some());
        let counts = connections.counts();
        assert_eq!((counts.open, counts.refused), (1, 1));
    }
}
