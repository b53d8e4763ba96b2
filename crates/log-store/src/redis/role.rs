//! What a connection is for.

use std::sync::Arc;

use super::options::WatchMode;
use super::registry::Registry;
use super::share::Share;

/// What a connection is for.
#[derive(Debug, Clone)]
pub(super) enum Role {
    /// Everything but the reads of watches.
    Commands,
    /// The reads of watches. A later change of what was read is flagged in the registry.
    Watching {
        /// Where changes are flagged.
        registry: Arc<Registry>,
        /// What the server serves: flagged when its connection is new.
        share: Share,
        /// How changes are noticed.
        mode: WatchMode,
    },
}
