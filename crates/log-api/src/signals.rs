//! When to stop: SIGTERM or Ctrl-C; a second one ends the process at once.

use tokio::signal::unix::{SignalKind, signal};

/// Ready at the first signal.
pub(crate) async fn stop() {
    one().await;
    tokio::spawn(async {
        one().await;
        tracing::warn!("a second signal: exiting at once");
        std::process::exit(1);
    });
}

async fn one() {
    let (Ok(mut term), Ok(mut interrupt)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        // Without signals the process can only be killed; that is no reason not to serve.
        tracing::error!("signals cannot be received; stop the service by SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
}
