//! The keys that one server serves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use fred::types::config::Server;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::batcher::{CLUSTER_PAUSE, PAUSE};
use super::slot_map::SlotMap;

/// The keys that one server serves.
#[derive(Debug, Clone)]
pub(super) enum Share {
    /// All of them.
    Everything,
    /// The slots whose master it is.
    Slots(Arc<SlotShare>),
}

/// The slots of one node of a cluster.
#[derive(Debug)]
pub(super) struct SlotShare {
    pub(super) server: Server,
    pub(super) map: watch::Receiver<Arc<SlotMap>>,
    /// Slots that move to this node: keys of them were read here already, so that it tells their changes.
    pub(super) arriving: Mutex<BTreeSet<u16>>,
}

impl Share {
    /// For how long reads of watches are collected here.
    pub(super) const fn batch_pause(&self) -> Duration {
        match self {
            Self::Everything => PAUSE,
            Self::Slots(_) => CLUSTER_PAUSE,
        }
    }

    /// Whether keys of a slot are served by this server.
    pub(super) fn contains(&self, slot: u16) -> bool {
        match self {
            Self::Everything => true,
            Self::Slots(share) => {
                let master = share.map.borrow().master(slot).cloned();
                let is_master = master.is_some_and(|master| *master == share.server);
                is_master || share.arriving.lock().contains(&slot)
            }
        }
    }
}
