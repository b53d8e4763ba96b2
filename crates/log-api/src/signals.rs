//! Signals that stop the process: SIGTERM, and SIGINT (Ctrl-C).
//!
//! - The first one starts an orderly stop.
//! - A second one ends the process at once, with exit code 1.
//! - Other signals are left alone: SIGHUP, for one, ends the process, unless it was started with `nohup`.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Starts to listen for signals. The future is ready when the first one comes.
///
/// Call it before the service says that it is there: until then, a signal ends the process without an orderly stop.
pub(crate) fn stop() -> impl Future<Output = ()> {
    let signals = StopSignals::listen();
    async {
        let mut signals = match signals {
            Ok(signals) => signals,
            Err(error) => {
                // The service can still serve.
                tracing::error!(%error, "cannot listen for signals; only SIGKILL can stop this process");
                return std::future::pending().await;
            }
        };
        signals.next().await;
        // Nobody waits for this task: it ends with the process, or ends the process.
        tokio::spawn(async move {
            signals.next().await;
            tracing::warn!("a second signal: the process ends at once");
            std::process::exit(1);
        });
    }
}

struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
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
