//! The running service: its listeners, and how it stops.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::{App, rt, web};
use log_hub::ThreadWaker;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::config::ServerSettings;
use crate::http::{configure, unknown_route};
use crate::metrics::{Metrics, MetricsListener};
use crate::net;
use crate::state::{AppState, CLOSING};
use crate::supervise::Tasks;

/// Streams are broken off over at most this time, so that clients do not all come back at once.
const MAX_DRAIN_WINDOW: Duration = Duration::from_secs(5);

/// A bound service that has not run yet.
pub struct Application {
    server: Server,
    metrics: Option<(MetricsListener, SocketAddr)>,
    addr: SocketAddr,
    state: AppState,
    settings: ServerSettings,
}

impl Application {
    /// Binds the listeners.
    ///
    /// # Errors
    /// An address cannot be bound; the error names it.
    pub fn bind(state: AppState, settings: ServerSettings, metrics: Metrics) -> io::Result<Self> {
        Self::bind_with(state, settings, metrics, |_| {})
    }

    /// Binds the listeners of a service that has further routes.
    ///
    /// # Errors
    /// An address cannot be bound; the error names it.
    pub fn bind_with(
        state: AppState,
        settings: ServerSettings,
        metrics: Metrics,
        further: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let routes = state.clone();
        let app = move || {
            // One on each worker thread: the streams of a worker stay on it.
            rt::spawn(ThreadWaker::new());
            App::new()
                .configure(|config| configure(config, &routes))
                .configure(further.clone())
                .default_service(web::to(unknown_route))
        };
        let bound = net::bind(app, &settings)
            .map_err(|error| cannot_bind(settings.bind, "LOG_API_BIND or --bind", &error))?;
        let metrics = metrics.with_connections(bound.connections);
        let metrics = settings.metrics_bind.map(|bind| {
            let listener = MetricsListener::bind(metrics, bind)
                .map_err(|error| cannot_bind(bind, "LOG_API_METRICS_BIND", &error))?;
            let addr = listener.addr()?;
            Ok::<_, io::Error>((listener, addr))
        });
        Ok(Self {
            server: bound.server,
            metrics: metrics.transpose()?,
            addr: bound.addr,
            state,
            settings,
        })
    }

    /// Where the API listens. If port 0 was asked for, this is the real port.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where metrics are served, if they are served.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, addr)| *addr)
    }

    /// Serves until `stop` is ready. Then it shuts down within the configured time, whatever clients do: readiness fails at
    /// once while it still listens and takes streams, then it listens no more, streams are broken off over a short window,
    /// and the rest is closed.
    ///
    /// # Errors
    /// A listener failed.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self {
            server,
            metrics,
            state,
            settings,
            ..
        } = self;
        let (tasks, stop_metrics) = (Tasks::new(Handle::current()), CancellationToken::new());
        if let Some((listener, _)) = metrics {
            listener.serve(&tasks, stop_metrics.clone());
        }
        let handle = server.handle();
        let mut running = tokio::spawn(server);
        let clean = tokio::select! {
            ended = &mut running => return ended.map_err(io::Error::other)?,
            () = stop => shut_down(&state, &settings, &handle).await,
        };
        if !clean {
            // Dropping the server ends its threads, and everything on them.
            running.abort();
            let _ = running.await;
        }
        stop_metrics.cancel();
        tasks.done().await;
        tracing::info!(clean, "stopped");
        Ok(())
    }
}

/// Returns whether everything closed in time. What did not is cut off by the caller.
async fn shut_down(state: &AppState, settings: &ServerSettings, handle: &ServerHandle) -> bool {
    let deadline = Instant::now() + settings.shutdown;
    let (delay, window) = delay_and_window(settings);
    state.health.drain();
    tracing::info!(
        delay_s = delay.as_secs_f32(),
        window_s = window.as_secs_f32(),
        "draining"
    );
    sleep(delay).await;
    // Closes the listener and the connections that nobody uses. First this, or the clients of the streams that are broken off
    // come back here.
    let stopped = handle.stop(true);
    state.break_streams_off(window).await;
    // The last moments are for cutting off what does not close.
    let graceful = deadline - (settings.shutdown / 10).min(Duration::from_millis(500));
    let closed = async {
        state.access.streams_closed().await;
        // Other answers get a little longer.
        timeout(CLOSING, stopped).await.is_ok()
    };
    timeout_at(graceful, closed).await.unwrap_or(false)
}

/// The delay before the drain, and the window of the drain. Both fit into a short shutdown too.
fn delay_and_window(settings: &ServerSettings) -> (Duration, Duration) {
    let total = settings.shutdown;
    let delay = settings.drain_delay.min(total / 3);
    let window = (total - delay)
        .saturating_sub(CLOSING)
        .max(total / 5)
        .min(MAX_DRAIN_WINDOW);
    (delay, window)
}

fn cannot_bind(addr: SocketAddr, setting: &str, error: &io::Error) -> io::Error {
    let text = format!("cannot listen on {addr}: {error}; choose another address with {setting}");
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn settings(shutdown: u64, delay: u64) -> ServerSettings {
        let env = std::collections::HashMap::from([
            ("CLERK_PUBLISHABLE_KEY", "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k"),
            ("CLERK_AUTHORIZED_PARTIES", "https://app.example.com"),
        ]);
        let server = Settings::read(&env, None).unwrap().server;
        let (shutdown, drain_delay) = (Duration::from_secs(shutdown), Duration::from_secs(delay));
        ServerSettings {
            shutdown,
            drain_delay,
            ..server
        }
    }

    #[test]
    fn the_delay_and_the_window_fit_into_any_shutdown() {
        assert_eq!(
            delay_and_window(&settings(30, 2)),
            (Duration::from_secs(2), MAX_DRAIN_WINDOW)
        );
        for (shutdown, delay) in [(1, 0), (1, 600), (2, 2), (5, 2), (10, 10)] {
            let (delay, window) = delay_and_window(&settings(shutdown, delay));
            assert!(delay + window < Duration::from_secs(shutdown), "{shutdown}");
        }
    }
}
