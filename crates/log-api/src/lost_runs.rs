//! The background task that ends the jobs of lost workers, so that nobody waits for a build that will never end.
//!
//! Every process of the service looks. For each look, that is one question to the store, and one more for each claim whose
//! lease has ended since. One of the processes ends a job.

use std::sync::Arc;
use std::time::Duration;

use log_store::{LostRuns, RunClaims};
use tokio::time::{MissedTickBehavior, interval};

use crate::supervise::Tasks;

/// How often to look.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a claim has to stay lapsed. A worker renews its claim within 2 s after an outage.
const CONFIRM: Duration = Duration::from_secs(10);

/// Looks for lost workers as long as the tasks run.
pub(crate) fn watch(tasks: &Tasks, claims: Arc<dyn RunClaims>) {
    tasks.supervise("lost runs", move || {
        look_again_and_again(Arc::clone(&claims))
    });
}

async fn look_again_and_again(claims: Arc<dyn RunClaims>) {
    let mut runs = LostRuns::new(claims, CONFIRM);
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        match runs.look().await {
            Ok(ended) => {
                for job in ended {
                    tracing::warn!(%job, "the worker of a job was lost, and the job has failed");
                }
            }
            // An outage is told by those who read. What Redis does not allow was told at the start.
            Err(error) => tracing::debug!(%error, "cannot look for lost workers"),
        }
    }
}
