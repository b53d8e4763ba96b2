//! The claim of a writer: its job belongs to it while it works, and others see when its process is gone.
//!
//! A task renews the claim. If the process dies, nobody renews it any more, the lease lapses, and whoever serves the job ends
//! it as lost. An outage of the store ends nothing: the next renewal takes the claim up again.

use std::sync::Arc;
use std::time::Duration;

use log_domain::JobId;
use log_store::{ClaimError, RunClaims, RunId, StoreError};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::options::RetryOptions;

/// How long a claim is valid after its last renewal.
pub const LEASE: Duration = Duration::from_secs(60);

/// How often a claim is renewed. Two renewals may be late before the lease lapses.
const RENEW_EVERY: Duration = Duration::from_secs(15);

/// A claimed job. Dropping it ends the renewals, and not the claim.
#[derive(Debug)]
pub(crate) struct RunClaim {
    pub(crate) run: RunId,
    pub(crate) claims: SharedClaims,
    /// Renews the claim.
    _keeper: AbortOnDropHandle<()>,
}

/// The store's claims.
#[derive(Clone)]
pub(crate) struct SharedClaims(pub(crate) Arc<dyn RunClaims>);

impl std::fmt::Debug for SharedClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedClaims")
    }
}

impl RunClaim {
    /// Claims a job for a new run, and renews the claim from then on. While the store cannot be reached, this tries again.
    pub(crate) async fn new(
        claims: Arc<dyn RunClaims>,
        job: &JobId,
        retry: &RetryOptions,
        runtime: &Handle,
    ) -> Result<Self, ClaimError> {
        let run = RunId::from(fastrand::u128(..));
        let mut pauses = retry.pauses();
        let deadline = Instant::now() + retry.give_up_after;
        loop {
            // Whatever became of an earlier attempt: it was for the same run.
            match claims.claim(job, &run, LEASE).await {
                Ok(()) => break,
                Err(ClaimError::Store(error)) if error.is_retryable() => {
                    let pause = pauses.next().unwrap_or(retry.max_backoff);
                    if Instant::now() + pause > deadline {
                        return Err(error.into());
                    }
                    sleep(pause).await;
                }
                Err(error) => return Err(error),
            }
        }
        let keeper = keep(Arc::clone(&claims), job.clone(), run.clone(), *retry);
        Ok(Self {
            run,
            claims: SharedClaims(claims),
            _keeper: AbortOnDropHandle::new(runtime.spawn(keeper)),
        })
    }
}

/// Renews a claim until the job does not belong to the run any more.
async fn keep(claims: Arc<dyn RunClaims>, job: JobId, run: RunId, retry: RetryOptions) {
    let mut pauses = None;
    loop {
        let pause = match &mut pauses {
            None => RENEW_EVERY,
            Some(pauses) => Iterator::next(pauses).unwrap_or(retry.max_backoff),
        };
        sleep(pause).await;
        match claims.claim(&job, &run, LEASE).await {
            Ok(()) => pauses = None,
            // Often, so that the claim is renewed at once when the store is back: before anybody can take this worker for
            // lost.
            Err(ClaimError::Store(StoreError::Unavailable(_))) => {
                pauses.get_or_insert_with(|| retry.pauses());
            }
            Err(ClaimError::Store(error)) => {
                warn!(%job, %error, "the claim of the job cannot be renewed");
                pauses = None;
            }
            // The end of the run tells the user.
            Err(error) => {
                warn!(%job, %error, "the job does not belong to this run any more");
                return;
            }
        }
    }
}
