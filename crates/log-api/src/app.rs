//! The running service: its listeners, and how it stops.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::{
    Path, Server, ServerHandle, Service as _, ServiceRequest, ServiceResponse, Url,
};
use actix_web::http::Uri;
use actix_web::http::header::HeaderMap;
use actix_web::{App, rt, web};
use futures_util::TryFutureExt as _;
use log_hub::ThreadWaker;
use tokio::time::{Instant, sleep, timeout_at};

use crate::config::ServerSettings;
use crate::connections::{self, Connections};
use crate::metrics::{self, Metrics};
use crate::routes::{configure, unknown_route};
use crate::state::AppState;

/// The longest time over which streams are broken off: long enough that clients do not all come back at once.
const MAX_DRAIN_WINDOW: Duration = Duration::from_secs(5);

/// Kept back for connections to close after the drain.
const CLOSING: Duration = Duration::from_secs(2);

/// A bound service that has not run yet.
pub struct Application {
    server: Server,
    metrics: Option<(Server, SocketAddr)>,
    addr: SocketAddr,
    connections: Connections,
    parts: AppState,
    settings: ServerSettings,
}

impl Application {
    /// Binds the listeners.
    ///
    /// # Errors
    /// An address cannot be bound; the error names it.
    pub fn bind(parts: AppState, settings: ServerSettings, metrics: Metrics) -> io::Result<Self> {
        Self::bind_with(parts, settings, metrics, |_| {})
    }

    /// Binds the listeners of a service that has further routes. Their handlers must not keep a request beyond its
    /// answer: it is emptied then, which panics where somebody else holds it.
    ///
    /// # Errors
    /// An address cannot be bound; the error names it.
    pub fn bind_with(
        parts: AppState,
        settings: ServerSettings,
        metrics: Metrics,
        further: impl Fn(&mut web::ServiceConfig) + Copy + Send + 'static,
    ) -> io::Result<Self> {
        let routes = parts.clone();
        let app = move || {
            // Once on each worker, whose viewers stay there.
            rt::spawn(ThreadWaker::new());
            App::new()
                .configure(|config| configure(config, &routes))
                .configure(further)
                .default_service(web::to(unknown_route))
                // The last one, so that it is the first to have the request and the last to let it go.
                .wrap_fn(|request, routes| routes.call(request).map_ok(emptied))
        };
        let bound = connections::bind(app, &settings, CLOSING)
            .map_err(|error| cannot_bind(settings.bind, "LOG_API_BIND or --bind", &error))?;
        let metrics = metrics.with_connections(bound.connections.clone());
        let metrics = settings.metrics_bind.map(|bind| {
            metrics::serve(metrics, bind)
                .map_err(|error| cannot_bind(bind, "LOG_API_METRICS_BIND", &error))
        });
        Ok(Self {
            server: bound.server,
            metrics: metrics.transpose()?,
            addr: bound.addr,
            connections: bound.connections,
            parts,
            settings,
        })
    }

    /// Where the API listens; the port is the real one where port 0 was asked for.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where metrics are served, if they are.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|(_, addr)| *addr)
    }

    /// Serves until `stop` is ready, then drains: readiness turns at once while it still listens, streams are broken
    /// off over a short window, and the rest is closed. Ends within the configured time, whatever clients do.
    ///
    /// # Errors
    /// A listener failed.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self {
            server,
            metrics,
            connections,
            parts,
            settings,
            ..
        } = self;
        let handle = server.handle();
        let metrics_handle = metrics.as_ref().map(|(server, _)| server.handle());
        let running = tokio::spawn(server);
        if let Some((server, _)) = metrics {
            tokio::spawn(server);
        }
        let stopped = tokio::select! {
            ended = running => return ended.map_err(io::Error::other)?,
            () = stop => shut_down(&parts, &settings, &connections, &handle).await,
        };
        if let Some(handle) = metrics_handle {
            handle.stop(false).await;
        }
        tracing::info!(clean = stopped, "stopped");
        Ok(())
    }
}

/// An answer whose request holds nothing any more. A worker of actix keeps the last 128 requests to use them again, and with
/// each its headers and the buffer it was read into, 15 KiB: more than the streams themselves have cost.
fn emptied<B>(answer: ServiceResponse<B>) -> ServiceResponse<B> {
    let (request, answer) = answer.into_parts();
    let mut request = ServiceRequest::from_request(request);
    *request.match_info_mut() = Path::new(Url::default());
    let head = request.head_mut();
    head.headers = HeaderMap::new();
    head.uri = Uri::default();
    request.into_response(answer)
}

/// Whether everything closed in time; what had not is cut.
async fn shut_down(
    parts: &AppState,
    settings: &ServerSettings,
    connections: &Connections,
    handle: &ServerHandle,
) -> bool {
    let deadline = Instant::now() + settings.shutdown;
    let (delay, window) = share_of(settings);
    parts.health.drain();
    tracing::info!(
        delay_s = delay.as_secs_f32(),
        window_s = window.as_secs_f32(),
        "draining"
    );
    sleep(delay).await;
    parts.hub.drain(window).await;
    // The last moments are for cutting what does not close.
    let graceful = deadline - (settings.shutdown / 10).min(Duration::from_millis(500));
    let closed = async {
        // The server does not know of them any more, and would end them with its threads.
        connections.streams_ended().await;
        handle.stop(true).await;
    };
    let clean = timeout_at(graceful, closed).await.is_ok();
    if !clean {
        let _ = timeout_at(deadline, handle.stop(false)).await;
    }
    clean
}

/// The delay before the drain and the drain's window, so that both fit into a short shutdown too.
fn share_of(settings: &ServerSettings) -> (Duration, Duration) {
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
            share_of(&settings(30, 2)),
            (Duration::from_secs(2), MAX_DRAIN_WINDOW)
        );
        for (shutdown, delay) in [(1, 0), (1, 600), (2, 2), (5, 2), (10, 10)] {
            let (delay, window) = share_of(&settings(shutdown, delay));
            assert!(delay + window < Duration::from_secs(shutdown), "{shutdown}");
        }
    }
}
