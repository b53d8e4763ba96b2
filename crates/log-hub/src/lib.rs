//! log-hub.
