//! When to stop: SIGTERM or Ctrl-C; a second one ends the process at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens for signals from now on; the future is ready at the first. Called before anybody is told that the service
/// is there: until then, a signal ends the process as if it were killed.
pub(crate) fn stop() -> impl Future<Output = ()> {
    let signals = Signals::listen();
    async {
        let Ok(mut signals) = signals else {
            // Without signals the process can only be killed; that is no reason not to serve.
            tracing::error!("signals cannot be received; stop the service by SIGKILL");
            return std::future::pending().await;
        };
        signals.next().await;
        tokio::spawn(async move {
            signals.next().await;
            tracing::warn!("a second signal: exiting at once");
            std::process::exit(1);
        });
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
