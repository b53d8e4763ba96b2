//! Which connections are open, and how one is ended from outside.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::sleep;

/// How often a process that stops looks whether its streams have ended.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// All open connections of the API. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    max: usize,
    /// Each connection by the number of its socket, from its acceptance to its close. Both ends hold it: the
    /// connection takes itself out, the watchdog ends it.
    open: Mutex<HashMap<u64, Arc<Switch>>>,
    /// How many of them are streams.
    streams: AtomicU64,
    refused: AtomicU64,
    given_up: AtomicU64,
}

/// Ends one connection from outside.
#[derive(Debug, Default)]
pub(super) struct Switch {
    off: AtomicBool,
    /// The connection's task.
    task: AtomicWaker,
}

/// The place of one connection, given back on drop.
#[derive(Debug)]
pub(super) struct Place {
    connections: Connections,
    socket: u64,
    pub(super) switch: Arc<Switch>,
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
    /// Given up because the client was gone without a word, or had not read anything for long.
    pub(crate) given_up: u64,
}

impl Connections {
    pub(super) fn new(max: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                max,
                open: Mutex::default(),
                streams: AtomicU64::new(0),
                refused: AtomicU64::new(0),
                given_up: AtomicU64::new(0),
            }),
        }
    }

    /// Takes a place for a connection; `None` where there is none left.
    pub(super) fn take(&self, socket: impl AsFd) -> io::Result<Option<Place>> {
        // The kernel's number of the socket: its table of connections names it so too.
        let socket = rustix::fs::fstat(socket)?.st_ino;
        let switch = Arc::new(Switch::default());
        let mut open = self.open();
        if open.len() >= self.shared.max {
            drop(open);
            self.shared.refused.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        }
        open.insert(socket, Arc::clone(&switch));
        Ok(Some(Place {
            connections: self.clone(),
            socket,
            switch,
        }))
    }

    /// Whether a socket is one of ours, and open.
    pub(super) fn has(&self, socket: u64) -> bool {
        self.open().contains_key(&socket)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open().is_empty()
    }

    /// Ends a connection. One that has closed meanwhile is no matter.
    pub(super) fn give_up(&self, socket: u64) {
        let switch = self.open().get(&socket).cloned();
        if let Some(switch) = switch {
            self.shared.given_up.fetch_add(1, Ordering::Relaxed);
            switch.turn_off();
        }
    }

    /// Returns when no stream is open any more.
    pub(crate) async fn streams_ended(&self) {
        while self.shared.streams.load(Ordering::Acquire) > 0 {
            sleep(LOOK_AGAIN).await;
        }
    }

    pub(crate) fn counts(&self) -> ConnectionCounts {
        ConnectionCounts {
            open: self.open().len() as u64,
            refused: self.shared.refused.load(Ordering::Relaxed),
            given_up: self.shared.given_up.load(Ordering::Relaxed),
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Switch>>> {
        // The map is whole after every statement that changes it.
        let open = self.shared.open.lock();
        open.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Switch {
    fn turn_off(&self) {
        self.off.store(true, Ordering::Release);
        self.task.wake();
    }

    pub(super) fn is_off(&self) -> bool {
        self.off.load(Ordering::Acquire)
    }

    /// Wakes this task when it is turned off.
    pub(super) fn wakes(&self, task: &std::task::Waker) {
        self.task.register(task);
    }
}

impl Place {
    /// Counts the connection as a stream.
    pub(super) fn streaming(&self) -> Streaming {
        let connections = self.connections.clone();
        connections.shared.streams.fetch_add(1, Ordering::AcqRel);
        Streaming(connections)
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.shared.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.remove(&self.socket);
        // What ten thousand needed is given back when they have left.
        if open.len() < open.capacity() / 8 {
            let twice = open.len() * 2;
            open.shrink_to(twice);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn the_newcomer_is_refused_and_a_place_that_is_given_back_is_free() {
        let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let connections = Connections::new(2);
        let first = connections.take(&sockets[0]).unwrap().unwrap();
        let _second = connections.take(&sockets[1]).unwrap().unwrap();
        assert!(connections.take(&sockets[2]).unwrap().is_none());
        drop(first);
        assert!(connections.take(&sockets[2]).unwrap().is_some());
        let counts = connections.counts();
        assert_eq!((counts.open, counts.refused), (1, 1));
    }

    #[test]
    fn only_the_connection_that_is_given_up_is_turned_off() {
        let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let connections = Connections::new(2);
        let [first, second] = [0, 1].map(|n| connections.take(&sockets[n]).unwrap().unwrap());
        connections.give_up(first.socket);
        assert!(first.switch.is_off() && !second.switch.is_off());
    }
}
