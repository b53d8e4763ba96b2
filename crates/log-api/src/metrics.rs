//! Prometheus metrics, on a listener of their own.
//!
//! Gauges are read when they are scraped; nothing is counted twice, and nothing runs between scrapes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App, HttpResponse, HttpServer, web};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::connections::Connections;
use crate::state::AppState;

/// What a scrape reads.
#[derive(Clone)]
pub struct Metrics {
    parts: AppState,
    store: Arc<dyn Fn() -> StoreGauges + Send + Sync>,
    /// The connections of the API's listener, once it is there.
    connections: Option<Connections>,
}

/// What a store tells of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreGauges {
    /// Whether the store can be reached at the moment.
    pub connected: bool,
    /// Watched logs and jobs.
    pub watched: u64,
    /// How often everything watched was read again: after a reconnect, a lag, or a flush.
    pub resyncs: u64,
}

impl Metrics {
    /// Metrics of these parts; `store` is asked at each scrape.
    #[must_use]
    pub fn new(parts: AppState, store: impl Fn() -> StoreGauges + Send + Sync + 'static) -> Self {
        Self {
            parts,
            store: Arc::new(store),
            connections: None,
        }
    }

    /// The same with the connections of a listener.
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
        self.register_limits(&mut registry);
        self.register_access(&mut registry);
        self.register_store(&mut registry);
        self.register_keys(&mut registry);
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }

    fn register_hub(&self, registry: &mut Registry) {
        let hub = self.parts.hub.stats();
        gauge(registry, "viewers", "Open live streams", hub.viewers);
        gauge(
            registry,
            "feeds",
            "Watched jobs, those that linger included",
            hub.feeds,
        );
        counter(
            registry,
            "lines",
            "Lines read from live logs, once each",
            hub.lines,
        );
        counter(registry, "gaps", "Gaps told to viewers", hub.gaps);
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

    fn register_access(&self, registry: &mut Registry) {
        let access = self.parts.access.stats();
        counter(
            registry,
            "streams_withdrawn",
            "Streams broken off because access was withdrawn",
            access.withdrawn,
        );
        counter(
            registry,
            "streams_reauthenticated",
            "Streams ended for their clients to come back with a fresh token",
            access.reauthenticated,
        );
    }

    fn register_limits(&self, registry: &mut Registry) {
        let refused = self.parts.limits.refused();
        counter(
            registry,
            "streams_refused",
            "Streams refused by a limit",
            refused,
        );
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
        let keys = self.parts.verifier.key_health();
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

/// Binds `/metrics`; one thread is plenty.
pub(crate) fn serve(metrics: Metrics, bind: SocketAddr) -> io::Result<(Server, SocketAddr)> {
    let server = HttpServer::new(move || {
        let metrics = metrics.clone();
        App::new().route(
            "/metrics",
            web::get().to(move || std::future::ready(scrape(&metrics))),
        )
    })
    .workers(1)
    .disable_signals()
    .shutdown_timeout(1)
    .bind(bind)?;
    let addr = server.addrs().first().copied().unwrap_or(bind);
    Ok((server.run(), addr))
}

fn scrape(metrics: &Metrics) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(metrics.text())
}
