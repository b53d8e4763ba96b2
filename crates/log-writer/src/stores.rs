//! The stores that a writer needs.

use std::fmt;
use std::sync::Arc;

use log_domain::ProducerName;
use log_store::{JobWrites, LogAppend, LogStore, NumberedAppend};

use crate::by_number::{ByNumber, NothingToRead};

/// Where a writer writes to. A store that has all three traits converts: `Stores::from(Arc::new(store))`. If jobs are kept
/// elsewhere, or not at all: [`Stores::lines_only`].
#[derive(Clone)]
pub struct Stores {
    /// Appends the lines.
    pub append: Arc<dyn LogAppend>,
    /// Reads lines back when the answer to an append was lost.
    pub log: Arc<dyn LogStore>,
    /// Keeps the jobs. With `None` a writer changes no job: it only ends the log.
    pub jobs: Option<Arc<dyn JobWrites>>,
}

impl Stores {
    /// A store of lines. The status of the job is the caller's business.
    pub fn lines_only<S: LogAppend + LogStore>(store: Arc<S>) -> Self {
        Self {
            append: Arc::clone(&store) as Arc<dyn LogAppend>,
            log: store,
            jobs: None,
        }
    }

    /// A store that knows lines by their numbers, for a worker that cannot read the log: over HTTP. An append without an
    /// answer is sent again under the same numbers. `producer` is a name that no other writer of the job uses. The status of
    /// the job is the caller's business, unless [`Stores::with_jobs`] follows.
    pub fn numbered(append: Arc<dyn NumberedAppend>, producer: ProducerName) -> Self {
        Self {
            append: Arc::new(ByNumber::new(append, producer)),
            log: Arc::new(NothingToRead),
            jobs: None,
        }
    }

    /// The same stores, with one that keeps the jobs.
    #[must_use]
    pub fn with_jobs(self, jobs: Arc<dyn JobWrites>) -> Self {
        Self {
            jobs: Some(jobs),
            ..self
        }
    }
}

impl<S: LogAppend + LogStore + JobWrites> From<Arc<S>> for Stores {
    fn from(store: Arc<S>) -> Self {
        Self {
            append: Arc::clone(&store) as Arc<dyn LogAppend>,
            log: Arc::clone(&store) as Arc<dyn LogStore>,
            jobs: Some(store),
        }
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stores { .. }")
    }
}
