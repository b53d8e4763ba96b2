//! log-writer.
