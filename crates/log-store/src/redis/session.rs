//! One session of a connection: a client that is connected and set up, as those see it who send commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fred::clients::Client;
use fred::error::{Error, ErrorKind};
use fred::types::Value;
use tokio_util::sync::CancellationToken;

use super::batcher::Batcher;
use super::fault::Fault;
use super::token::TokenCommand;

/// How long a server may leave a heartbeat unanswered, and how long connecting may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

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
    /// No other session of this process has it.
    pub(super) unique: u64,
    pub(super) change_detection: ChangeDetection,
    pub(super) client: Client,
    /// Whether each command goes with an `ASKING`: its slot moves to this node.
    pub(super) asks: bool,
    /// How the server says a text back.
    pub(super) token_command: TokenCommand,
    /// Whether this user may run transactions.
    pub(super) has_transactions: bool,
    /// Whether logs are read by `XREAD`, as far as is known: until the server refuses it.
    pub(super) reads_by_name: Arc<AtomicBool>,
    /// The text of the next token.
    tokens: Arc<AtomicU64>,
    /// Ends the session when it is cancelled.
    ended: CancellationToken,
    /// Sends the queries of watches in batches.
    batcher: Option<Arc<Batcher<TailQuery, TailReply>>>,
}

impl Session {
    /// A session of a connected client. With a batcher, queries of watches are sent in batches.
    pub(super) fn new(
        number: u64,
        change_detection: ChangeDetection,
        client: Client,
        token_command: TokenCommand,
        has_transactions: bool,
        batcher: Option<Batcher<TailQuery, TailReply>>,
    ) -> Self {
        static SESSIONS: AtomicU64 = AtomicU64::new(0);
        Self {
            number,
            unique: SESSIONS.fetch_add(1, Ordering::Relaxed),
            change_detection,
            client,
            asks: false,
            token_command,
            has_transactions,
            reads_by_name: Arc::new(AtomicBool::new(true)),
            tokens: Arc::default(),
            ended: CancellationToken::new(),
            batcher: batcher.map(Arc::new),
        }
    }

    /// This session for keys whose slot moves to its node.
    pub(super) fn asking(&self) -> Self {
        Self {
            asks: true,
            batcher: None,
            ..self.clone()
        }
    }

    /// Sends the queries of watches in batches.
    pub(super) const fn batcher(&self) -> Option<&Arc<Batcher<TailQuery, TailReply>>> {
        self.batcher.as_ref()
    }

    /// Ends the session: its replies can no longer be trusted, or its server is no longer the right one.
    pub(super) fn end(&self) {
        self.ended.cancel();
    }

    /// Returns when somebody has ended the session.
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// What no earlier token of this session said.
    pub(super) fn next_token(&self) -> String {
        self.tokens.fetch_add(1, Ordering::Relaxed).to_string()
    }

    /// Returns when everything sent so far was answered, or the session is lost. A connection answers in order.
    pub(super) async fn wait_until_caught_up(&self) {
        if let Err(Fault::Garbled(_)) = self.ping().await {
            self.end();
        }
    }
}

/// A query for the lines of one log after an id, and for its bounds.
#[derive(Debug)]
pub(super) struct TailQuery {
    pub(super) key: String,
    pub(super) after: String,
    pub(super) count: u64,
}

/// The entries, and then what `XINFO STREAM` says.
pub(super) type TailReply = Result<(Value, Result<Value, Error>), Fault>;

/// There was no answer within [`PATIENCE`].
pub(super) fn timed_out() -> Error {
    Error::new(ErrorKind::Timeout, "Redis does not answer")
}
