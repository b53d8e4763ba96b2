//! Where the log of a run goes.

use std::sync::Arc;

use log_domain::JobStatus;
use log_store::redis::RedisStore;

use crate::api_store::ApiStore;

/// Redis, or the API.
pub(super) enum Destination {
    Redis(Arc<RedisStore>),
    Api(Arc<ApiStore>),
}

impl Destination {
    /// What users know it by.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Redis(_) => "Redis",
            Self::Api(_) => "the API",
        }
    }

    /// Whether it could be reached lately.
    pub(super) fn can_be_reached(&self) -> bool {
        match self {
            Self::Redis(store) => store.state().connected,
            Self::Api(store) => !store.last_answer().is_away,
        }
    }

    /// The final status of the job, if somebody else has ended it. On Redis, nobody can: the run has claimed it.
    pub(super) fn ended_by_others(&self) -> Option<JobStatus> {
        match self {
            Self::Redis(_) => None,
            Self::Api(store) => store.last_answer().status.filter(JobStatus::is_terminal),
        }
    }
}
