//! Background tasks: they end with their owner, and one that ends earlier is logged.

use tokio_util::task::AbortOnDropHandle;

/// Runs a task that must not end before its owner drops the handle.
pub(super) fn spawn_background(
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let ended = AbortOnDropHandle::new(tokio::spawn(task)).await;
        tracing::error!(
            name,
            ?ended,
            "a background task of the Redis store has ended"
        );
    }))
}
