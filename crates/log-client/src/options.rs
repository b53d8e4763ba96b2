//! Time-outs and pauses of a client.

use std::time::Duration;

/// How long a client waits, and how often it tries again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOptions {
    /// Longest time to open a TCP and TLS connection: 5 s.
    pub connect_timeout: Duration,
    /// Longest wait for the head of a response, and for a whole page: 30 s.
    pub response_timeout: Duration,
    /// How long an open stream may send nothing before it counts as broken: 35 s. The server sends a heartbeat at least
    /// every 25 s.
    pub idle_timeout: Duration,
    /// The pause before the first retry: 500 ms. Each further pause is twice as long.
    pub initial_backoff: Duration,
    /// The longest pause, unless the server asks for a longer one: 10 s.
    pub max_backoff: Duration,
    /// Give up after this time without any success. By default a client never gives up.
    pub give_up_after: Option<Duration>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(35),
            initial_backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(10),
            give_up_after: None,
        }
    }
}
