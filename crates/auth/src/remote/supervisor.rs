//! Restarts a background task that panics.

use std::error::Error;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long to wait before a restart, so that a task that panics at once does not use a whole core.
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// Runs the task that `start` makes. If it panics, that is logged and it is started again. Returns
/// when the task returns. Dropping this future ends the task.
pub(super) async fn restart_on_panic<Task>(mut start: impl FnMut() -> Task)
where
    Task: Future<Output = ()> + Send + 'static,
{
    loop {
        let mut tasks = JoinSet::new();
        tasks.spawn(start());
        match tasks.join_next().await {
            Some(Err(error)) if error.is_panic() => {
                tracing::error!(
                    error = &error as &dyn Error,
                    "the task that refreshes the key set has panicked and is started again"
                );
                sleep(RESTART_DELAY).await;
            }
            Some(Ok(()) | Err(_)) | None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_until_it_returns() {
        let starts = Arc::new(AtomicUsize::new(0));
        restart_on_panic(|| {
            let starts = Arc::clone(&starts);
            async move {
                let earlier = starts.fetch_add(1, Ordering::SeqCst);
                assert!(earlier >= 2, "this panic is part of the test");
            }
        })
        .await;
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }
}
