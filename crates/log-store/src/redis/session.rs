//! One session of a connection: a client that is connected and set up, as those see it who send commands.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::ClientLike;
use fred::types::Value;
use fred::types::config::Options;
use tokio_util::task::TaskTracker;

use super::batcher::Batcher;
use super::fault::Fault;

/// How long a server may leave a `PING` unanswered, and how long connecting may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How often a read may follow a cluster's redirections. Not for writes: fred counts a redirection as an attempt.
const READ_ATTEMPTS: u32 = 3;

/// How changes are noticed on a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeDetection {
    /// Not at all: nothing is watched over this session.
    None,
    /// The server pushes changes of what was read.
    Tracking,
    /// What is watched is read again and again.
    Polling,
}

/// A session. Cheap to clone. Its commands fail at once when the connection is gone.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Counts the sessions of a connection, from 1.
    pub(super) number: u64,
    pub(super) change_detection: ChangeDetection,
    pub(super) client: Client,
    /// Sends the queries of watches in batches. `None` in a cluster, where a batch would go to several nodes.
    batcher: Option<Arc<Batcher<TailQuery, TailReply>>>,
}

impl Session {
    /// A session of a connected client. With `tasks`, queries of watches are sent in batches.
    pub(super) fn new(
        number: u64,
        change_detection: ChangeDetection,
        client: Client,
        tasks: Option<TaskTracker>,
    ) -> Self {
        Self {
            number,
            change_detection,
            client,
            batcher: tasks.map(|tasks| Arc::new(Batcher::new(tasks))),
        }
    }

    /// For reads.
    pub(super) fn reads(&self) -> WithOptions<Client> {
        self.client.with_options(&options(READ_ATTEMPTS))
    }

    /// For writes.
    pub(super) fn writes(&self) -> WithOptions<Client> {
        self.client.with_options(&options(1))
    }

    /// Sends the queries of watches in batches.
    pub(super) const fn batcher(&self) -> Option<&Arc<Batcher<TailQuery, TailReply>>> {
        self.batcher.as_ref()
    }

    /// Returns when everything sent so far was answered, or the session is lost. A connection answers in order.
    pub(super) async fn wait_until_caught_up(&self) {
        let client = &self.client;
        if !client.is_clustered() {
            client.ping::<()>(None).await.ok();
            return;
        }
        for node in client.active_connections() {
            client.with_cluster_node(node).ping::<()>(None).await.ok();
        }
    }

    /// Whether the server is a cluster, where all keys of one command must be in one slot.
    pub(super) fn is_cluster(&self) -> bool {
        self.client.is_clustered()
    }
}

fn options(max_attempts: u32) -> Options {
    Options {
        max_attempts: Some(max_attempts),
        fail_fast: true,
        ..Options::default()
    }
}

/// A query for the lines of one log in a range, and for its bounds.
#[derive(Debug)]
pub(super) struct TailQuery {
    pub(super) key: String,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) count: u64,
}

/// The entries, and then what `XINFO STREAM` says.
pub(super) type TailReply = Result<(Value, Result<Value, Error>), Fault>;

/// There was no answer within [`PATIENCE`].
pub(super) fn timed_out() -> Error {
    Error::new(ErrorKind::Timeout, "Redis does not answer")
}
