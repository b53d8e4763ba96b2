//! How many connections are open, and how many may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The count of open connections. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    inner: Arc<ConnectionsInner>,
}

#[derive(Debug)]
struct ConnectionsInner {
    max: usize,
    open: AtomicUsize,
    refused: AtomicU64,
}

/// Counts one connection until it is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    connections: Connections,
}

/// Numbers for metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ConnectionCounts {
    /// Connections that are open.
    pub(crate) open: u64,
    /// Connections refused because there were too many.
    pub(crate) refused: u64,
}

impl Connections {
    pub(super) fn new(max: usize) -> Self {
        Self {
            inner: Arc::new(ConnectionsInner {
                max,
                open: AtomicUsize::new(0),
                refused: AtomicU64::new(0),
            }),
        }
    }

    /// A permit for one more connection; `None` if the limit is reached.
    pub(super) fn permit(&self) -> Option<ConnectionPermit> {
        let ConnectionsInner { max, open, refused } = &*self.inner;
        let one_more = |open: usize| (open < *max).then_some(open + 1);
        let counted = open.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        if counted.is_err() {
            refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(ConnectionPermit {
            connections: self.clone(),
        })
    }

    pub(crate) fn counts(&self) -> ConnectionCounts {
        ConnectionCounts {
            open: self.inner.open.load(Ordering::Relaxed) as u64,
            refused: self.inner.refused.load(Ordering::Relaxed),
        }
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
        let first = connections.permit().unwrap();
        let _second = connections.permit().unwrap();
        assert!(connections.permit().is_none());
        drop(first);
        assert!(connections.permit().is_some());
        let counts = connections.counts();
        assert_eq!((counts.open, counts.refused), (1, 1));
    }
}
