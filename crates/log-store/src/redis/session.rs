//! A connection that can be used, as those see it who ask something over it.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::ClientLike;
use fred::types::Value;
use fred::types::config::Options;

use super::fault::Fault;
use super::gather::Gather;

/// How long a server may leave a `PING` unanswered, and how long making a connection may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// How often a command may follow a cluster's redirections. Not for writes: fred counts a redirection as an attempt.
const READ_ATTEMPTS: u32 = 3;

/// How changes are noticed on a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noticed {
    /// Not at all: a session for commands.
    Never,
    /// The server pushes.
    ByTracking,
    /// We ask.
    ByPolling,
}

/// A connection that can be used, cheap to clone. Commands on it fail at once when it is gone.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// Counts the sessions of a link, from 1.
    pub(super) number: u64,
    /// How changes are noticed.
    pub(super) noticed: Noticed,
    pub(super) client: Client,
    /// Where reads that wait for a change gather. Not in a cluster: a batch goes to one node.
    gather: Option<Arc<Gather<Look, Looked>>>,
}

impl Session {
    /// A session of a client that is connected, whose looks at logs gather where it `gathers`.
    pub(super) fn new(number: u64, noticed: Noticed, client: Client, gathers: bool) -> Self {
        Self {
            number,
            noticed,
            client,
            gather: gathers.then(Arc::default),
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

    /// Where looks at logs gather, to go out together.
    pub(super) fn gather(&self) -> Option<&Arc<Gather<Look, Looked>>> {
        self.gather.as_ref()
    }

    /// Returns when everything sent so far was answered, or the session is lost: a connection answers in order.
    pub(super) async fn has_caught_up(&self) {
        let client = &self.client;
        if !client.is_clustered() {
            client.ping::<()>(None).await.ok();
            return;
        }
        for node in client.active_connections() {
            client.with_cluster_node(node).ping::<()>(None).await.ok();
        }
    }

    /// Whether it is a cluster, where a command's keys must share a slot.
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

/// What is asked of one log.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) key: String,
    pub(super) low: String,
    pub(super) high: String,
    pub(super) count: u64,
}

/// The entries, and what Redis says of the log after them.
pub(super) type Looked = Result<(Value, Result<Value, Error>), Fault>;

/// What became of a question that had no answer within [`PATIENCE`].
pub(super) fn timed_out() -> Error {
    Error::new(ErrorKind::Timeout, "Redis does not answer")
}
