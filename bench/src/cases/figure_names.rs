//! Figures that more is worked out from, as (case, figure): the cases and the plan use the same names.

/// A process that serves nobody, in MiB.
pub(crate) const FRESH: (&str, &str) = (IDLE, "a fresh process");
/// Resident memory a viewer, in KiB.
pub(crate) const VIEWER: (&str, &str) = (IDLE, "resident memory a viewer");
/// Kernel memory a connection on loopback, in KiB.
pub(crate) const SOCKETS: (&str, &str) = (IDLE, "kernel memory a connection, both ends");
/// CPU time a heartbeat, in microseconds.
pub(crate) const HEARTBEAT: (&str, &str) = (IDLE, "CPU a heartbeat");
/// CPU time a delivered line, in nanoseconds.
pub(crate) const DELIVERED: (&str, &str) = (FAN_OUT, "log-api: CPU a line");
/// Bytes a delivered line.
pub(crate) const BYTES: (&str, &str) = (FAN_OUT, "log-api: bytes a line");
/// The service's share of a core, in percent, with a viewer a job.
pub(crate) const SERVING: (&str, &str) = (JOBS, "log-api: share of a core");
/// Redis's share of a core, in percent, with no reader.
pub(crate) const REDIS_ALONE: (&str, &str) = (JOBS, "Redis, appends alone: share of a core");
/// Redis's share of a core, in percent, with a reader.
pub(crate) const REDIS_WATCHED: (&str, &str) = (JOBS, "Redis, watched: share of a core");
/// Lines a second in that case.
pub(crate) const JOBS_RATE: f64 = 1_000.0;

/// The case of idle viewers.
pub(crate) const IDLE: &str = "10,000 idle viewers";
/// The case of many viewers of one job.
pub(crate) const FAN_OUT: &str = "fan-out: 1,000 viewers, 100 lines/s";
/// The case of many jobs.
pub(crate) const JOBS: &str = "10,000 watched jobs, 1,000 lines/s";
