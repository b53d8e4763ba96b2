//! What a connection is for.

use std::sync::Arc;

use super::options::WatchMode;
use super::registry::Registry;

/// What a link is for.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// Everything that nobody waits for a change of.
    Commands,
    /// Reads that block until there is something.
    Ahead,
    /// Reads that arm: what changes afterwards is flagged in the registry.
    Tail {
        /// Where changes are flagged.
        registry: Arc<Registry>,
        /// How changes are noticed.
        watch: WatchMode,
    },
}
