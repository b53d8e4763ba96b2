//! What all servers of a store have in common.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fred::types::config::Config;

use super::options::WatchMode;
use super::registry::Registry;

/// What all nodes of a store have in common.
#[derive(Clone)]
pub(super) struct NodeOptions {
    /// How to connect, apart from the server's address.
    pub(super) config: Config,
    pub(super) deadline: Duration,
    pub(super) mode: WatchMode,
    pub(super) poll_interval: Duration,
    pub(super) registry: Arc<Registry>,
    /// Whether a replica is refused: the Sentinels have named a primary.
    pub(super) must_be_primary: bool,
}

impl fmt::Debug for NodeOptions {
    /// Leaves out the configuration: it has the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeOptions")
            .field("deadline", &self.deadline)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}
