//! The stores that a writer needs.

use std::fmt;
use std::sync::Arc;

use log_store::{JobWrites, LogAppend, LogStore};

/// Where a writer writes to. A store that has all three traits converts: `Stores::from(Arc::new(store))`.
#[derive(Clone)]
pub struct Stores {
    /// Appends the lines.
    pub append: Arc<dyn LogAppend>,
    /// Reads lines back when the answer to an append was lost.
    pub log: Arc<dyn LogStore>,
    /// Keeps the jobs.
    pub jobs: Arc<dyn JobWrites>,
}

impl<S: LogAppend + LogStore + JobWrites> From<Arc<S>> for Stores {
    fn from(store: Arc<S>) -> Self {
        Self {
            append: Arc::clone(&store) as Arc<dyn LogAppend>,
            log: Arc::clone(&store) as Arc<dyn LogStore>,
            jobs: store,
        }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stores { .. }")
    }
}
