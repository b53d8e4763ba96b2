//! Ends the job of a lost worker, where no service does it.

use std::sync::Arc;
use std::time::Duration;

use log_domain::JobId;
use log_store::redis::RedisStore;
use log_store::{LostRuns, RunState};
use tokio::time::sleep;

use crate::exit::Failure;
use crate::redis;
use crate::terminal::Terminal;

/// How long a lapsed claim is watched before its worker counts as lost. A worker that lives renews its claim at least this
/// often after an outage.
pub(crate) const CONFIRM: Duration = Duration::from_secs(10);

/// What looks at the claims of a store.
pub(crate) fn watcher(store: &RedisStore) -> LostRuns {
    LostRuns::new(Arc::new(store.clone()), CONFIRM)
}

/// Looks at the claim of a job. If it has lapsed, this looks again after a while, and ends the job if its worker was lost.
pub(crate) async fn end_if_lost(
    store: &RedisStore,
    job: &JobId,
    patience: Duration,
    terminal: &mut Terminal,
) -> Result<RunState, Failure> {
    let mut watcher = watcher(store);
    loop {
        let look = async || watcher.look_at(job).await;
        match redis::read(patience, terminal, look).await? {
            RunState::Lapsed => sleep(CONFIRM).await,
            state @ (RunState::Fine | RunState::Lost) => return Ok(state),
        }
    }
}
