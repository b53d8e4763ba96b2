//! Time-outs and pauses of a client.

use std::time::Duration;

/// How long a client waits, and how often it tries again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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

impl ClientOptions {
    /// Sets [`ClientOptions::connect_timeout`].
    #[must_use]
    pub const fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Sets [`ClientOptions::response_timeout`].
    #[must_use]
    pub const fn response_timeout(mut self, response_timeout: Duration) -> Self {
        self.response_timeout = response_timeout;
        self
    }

    /// Sets [`ClientOptions::idle_timeout`].
    #[must_use]
    pub const fn idle_timeout(mut self, idle_timeout: Duration) -> Self {
        self.idle_timeout = idle_timeout;
        self
    }

    /// Sets [`ClientOptions::initial_backoff`].
    #[must_use]
    pub const fn initial_backoff(mut self, initial_backoff: Duration) -> Self {
        self.initial_backoff = initial_backoff;
        self
    }

    /// Sets [`ClientOptions::max_backoff`].
    #[must_use]
    pub const fn max_backoff(mut self, max_backoff: Duration) -> Self {
        self.max_backoff = max_backoff;
        self
    }

    /// Sets [`ClientOptions::give_up_after`].
    #[must_use]
    pub fn give_up_after(mut self, give_up_after: impl Into<Option<Duration>>) -> Self {
        self.give_up_after = give_up_after.into();
        self
    }
}
