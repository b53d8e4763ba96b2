//! Servers that come back at the same address, as an orchestrator restarts them.

use std::net::SocketAddr;
use std::time::Duration;

use test_support::{RedisServer, free_address};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support::Api;

/// How long a server takes for a stop, at most.
const SHUTDOWN: &str = "4";

/// A server at a fixed address.
pub(crate) struct Server {
    api: Option<Api>,
    pub(crate) addr: SocketAddr,
    redis_url: String,
}

impl Server {
    pub(crate) async fn start(redis: &RedisServer) -> Self {
        let mut server = Self {
            api: None,
            addr: free_address(),
            redis_url: redis.url(),
        };
        server.start_again().await;
        server
    }

    async fn start_again(&mut self) {
        let addr = self.addr.to_string();
        let settings = [
            ("LOG_API_BIND", addr.as_str()),
            ("LOG_API_SHUTDOWN_SECS", SHUTDOWN),
            ("LOG_API_DRAIN_DELAY_SECS", "1"),
        ];
        self.api = Some(Api::start(&self.redis_url, &settings).await);
    }

    pub(crate) fn api(&self) -> &Api {
        self.api.as_ref().unwrap()
    }

    /// Kills it, as a crash does, and starts it again.
    pub(crate) async fn crash(&mut self) {
        drop(self.api.take());
        self.start_again().await;
    }

    /// Stops it gracefully. The next process starts as soon as this one does not listen any more. Returns how long nobody
    /// listened.
    pub(crate) async fn restart(&mut self) -> Duration {
        let mut old = self.api.take().unwrap();
        old.terminate();
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(self.addr).await.is_ok() {
            assert!(Instant::now() < deadline, "it still listens: {}", old.log());
            sleep(Duration::from_millis(20)).await;
        }
        let closed = Instant::now();
        self.start_again().await;
        let away = closed.elapsed();
        let status = old.ended(Duration::from_secs(20)).await;
        assert_eq!(status.code(), Some(0), "{}", old.log());
        away
    }
}
