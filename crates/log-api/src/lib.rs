//! log-api.
