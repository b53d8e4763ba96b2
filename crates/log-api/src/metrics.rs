//! Prometheus metrics, on a listener of their own.
//!
//! Values are read at each scrape. Nothing runs between scrapes.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::net::Connections;
use crate::state::AppState;
use crate::supervise::{TaskEnd, Tasks};

/// What a scrape reads.
#[derive(Clone)]
pub struct Metrics {
    state: AppState,
    store: Arc<dyn Fn() -> StoreGauges + Send + Sync>,
    /// The connections of the API's listener, once that exists.
    connections: Option<Connections>,
}

/// What a store reports about itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreGauges {
    /// Whether the store can be reached now.
    pub connected: bool,
    /// How many of the 16,384 slots of a Redis cluster are served. One server has all of them, or none.
    pub slots_served: u64,
    /// Watched logs and jobs.
    pub watched: u64,
    /// How often everything watched was read again: after a reconnect, a lag, or a flush.
    pub resyncs: u64,
}

impl Metrics {
    /// Metrics of this state. `store` is called at each scrape.
    #[must_use]
    pub fn new(state: AppState, store: impl Fn() -> StoreGauges + Send + Sync + 'static) -> Self {
        Self {
            state,
            store: Arc::new(store),
            connections: None,
        }
    }

    /// Shows this state instead.
    pub(crate) fn set_state(&mut self, state: AppState) {
        self.state = state;
    }

    /// Adds the connections of a listener.
    pub(crate) fn with_connections(self, connections: Connections) -> Self {
        let connections = Some(connections);
        Self {
            connections,
            ..self
        }
    }

    /// The text that Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut registry = Registry::with_prefix("log_api");
        self.register_hub(&mut registry);
        self.register_streams(&mut registry);
        self.register_writes(&mut registry);
        self.register_connections(&mut registry);
        self.register_store(&mut registry);
        self.register_keys(&mut registry);
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }

    fn register_hub(&self, registry: &mut Registry) {
        let hub = self.state.hub.stats();
        gauge(registry, "viewers", "Open live streams", hub.viewers);
        gauge(
            registry,
            "feeds",
            "Watched jobs, those that linger included",
            hub.feeds,
        );
        gauge(
            registry,
            "feeds_kept_bytes",
            "Bytes of lines that are kept for viewers of watched jobs",
            hub.kept_bytes,
        );
        counter(
            registry,
            "lines",
            "Lines read from live logs, once each",
            hub.lines,
        );
        counter(registry, "gaps", "Gaps sent to viewers", hub.gaps);
        counter(
            registry,
            "catch_up_reads",
            "Reads for viewers that catch up",
            hub.catch_up_reads,
        );
        counter(
            registry,
            "failed_reads",
            "Reads for live streams that failed",
            hub.failed_reads,
        );
    }

    fn register_streams(&self, registry: &mut Registry) {
        let streams = self.state.access.stats();
        counter(
            registry,
            "streams_refused",
            "Streams refused by a limit",
            streams.refused,
        );
        counter(
            registry,
            "streams_withdrawn",
            "Streams broken off because access was withdrawn",
            streams.withdrawn,
        );
        counter(
            registry,
            "streams_reauthenticated",
            "Streams ended for their clients to come back with a fresh token",
            streams.reauthenticated,
        );
    }

    fn register_writes(&self, registry: &mut Registry) {
        let Some(writes) = &self.state.writes else {
            return;
        };
        counter(
            registry,
            "write_credentials_refused",
            "API keys and append tokens that were refused",
            writes.gate.failures.total(),
        );
    }

    fn register_connections(&self, registry: &mut Registry) {
        let Some(connections) = &self.connections else {
            return;
        };
        let counts = connections.counts();
        gauge(registry, "connections", "Open connections", counts.open);
        counter(
            registry,
            "connections_refused",
            "Connections refused because there were too many",
            counts.refused,
        );
    }

    fn register_store(&self, registry: &mut Registry) {
        let store = (self.store)();
        gauge(
            registry,
            "store_connected",
            "1 while the store can be reached",
            store.connected.into(),
        );
        gauge(
            registry,
            "store_slots_served",
            "How many of the 16384 slots of a Redis cluster are served; one server has all, or none",
            store.slots_served,
        );
        gauge(
            registry,
            "store_watched",
            "Watched logs and jobs",
            store.watched,
        );
        counter(
            registry,
            "store_resyncs",
            "Times everything watched was read again",
            store.resyncs,
        );
    }

    fn register_keys(&self, registry: &mut Registry) {
        let keys = self.state.verifier.key_health();
        let age = keys.age.map_or(f64::NAN, |age| age.as_secs_f64());
        registry.register(
            "key_set_age_seconds",
            "Time since the key set was fetched",
            ConstGauge::new(age),
        );
        gauge(
            registry,
            "key_set_ready",
            "1 while tokens can be verified",
            keys.ready.into(),
        );
        counter(
            registry,
            "key_set_refreshes",
            "Key sets fetched",
            keys.refreshes,
        );
        counter(
            registry,
            "key_set_failed_refreshes",
            "Fetches that failed",
            keys.failed_refreshes,
        );
    }
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    registry.register(name, help, ConstGauge::new(value));
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, ConstCounter::new(value));
}

/// The listener of `/metrics`, which does not serve yet.
pub(crate) struct MetricsListener {
    metrics: Metrics,
    socket: TcpListener,
}

impl MetricsListener {
    /// Binds `/metrics`.
    pub(crate) fn bind(metrics: Metrics, addr: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(addr)?;
        Ok(Self { metrics, socket })
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop`. If the server ends before, it is started again.
    pub(crate) fn serve(self, tasks: &Tasks, stop: CancellationToken) {
        tasks.supervise_until_done("metrics server", move || {
            let server = self.server();
            let stop = stop.clone();
            async move {
                let mut server = match server {
                    Ok(server) => server,
                    Err(error) => {
                        tracing::error!(%error, "metrics cannot be served");
                        return TaskEnd::Unexpected;
                    }
                };
                let handle = server.handle();
                tokio::select! {
                    ended = &mut server => {
                        tracing::error!(?ended, "the metrics server ended");
                        TaskEnd::Unexpected
                    }
                    () = stop.cancelled() => {
                        let (_, _) = tokio::join!(handle.stop(false), server);
                        TaskEnd::Done
                    }
                }
            }
        });
    }

    /// One thread is enough for scrapes.
    fn server(&self) -> io::Result<Server> {
        let metrics = self.metrics.clone();
        let app = move || {
            let metrics = metrics.clone();
            App::new().route(
                "/metrics",
                web::get().to(move || std::future::ready(scrape(&metrics))),
            )
        };
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .shutdown_timeout(1)
            .listen(self.socket.try_clone()?)?;
        Ok(server.run())
    }
}

fn scrape(metrics: &Metrics) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(metrics.text())
}
