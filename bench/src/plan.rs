//! From measured constants to what very many viewers need, on paper: the formula of `docs/SCALING.md`, worked out.

use std::fmt::Write as _;
use std::path::Path;

use crate::cases::figure_names as names;
use crate::error::BenchError;
use crate::figures::{Figures, short};

/// How full a core may be on average, so that a burst finds room.
const FULL: f64 = 0.6;

/// Cores of a process.
const CORES: f64 = 4.0;

/// Viewers that one process takes by default (`LOG_API_MAX_STREAMS`).
const PLACES: f64 = 20_000.0;

/// Seconds between heartbeats.
const HEARTBEAT: f64 = 20.0;

/// What was measured.
#[derive(Clone, Copy, Debug)]
struct Constants {
    /// MiB of a process that serves nobody.
    fresh: f64,
    /// KiB resident a viewer.
    viewer: f64,
    /// KiB of kernel memory a connection, the server's end.
    socket: f64,
    /// CPU nanoseconds a delivered line, many viewers on one job.
    delivered: f64,
    /// CPU microseconds a line that is read, encoded and delivered to its first viewer.
    appended: f64,
    /// CPU microseconds a heartbeat.
    heartbeat: f64,
    /// Bytes a delivered line, framing included.
    bytes: f64,
    /// CPU microseconds of Redis an append.
    append: f64,
    /// CPU microseconds of Redis that one watching process adds to an append.
    watched: f64,
}

/// What one mix of viewers needs.
#[derive(Clone, Copy, Debug)]
struct Need {
    delivered: f64,
    cores: f64,
    processes: f64,
    gib: f64,
    redis_cores: f64,
    gbit: f64,
}

/// The constants and the table, from the results in a folder.
pub(crate) fn plan(folder: &Path) -> Result<String, BenchError> {
    let scale = Figures::read(&folder.join("scale.json"))?;
    let peers = Figures::read(&folder.join("peers.json"))?;
    let constants = Constants {
        fresh: scale.median(names::FRESH)?,
        viewer: scale.median(names::VIEWER)?,
        socket: scale.median(names::SOCKETS)? / 2.0,
        delivered: peers.median(names::DELIVERED)?,
        appended: scale.median(names::SERVING)? * 10_000.0 / names::JOBS_RATE,
        heartbeat: scale.median(names::HEARTBEAT)?,
        bytes: peers.median(names::BYTES)?,
        append: scale.median(names::REDIS_ALONE)? * 10_000.0 / names::JOBS_RATE,
        watched: (scale.median(names::REDIS_WATCHED)? - scale.median(names::REDIS_ALONE)?)
            * 10_000.0
            / names::JOBS_RATE,
    };
    Ok(table(&constants))
}

fn table(constants: &Constants) -> String {
    let mut out = String::from("| | measured | |\n|---|---|---|\n");
    for (sign, value, unit, what) in constants.listed() {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| `{sign}` | {} {unit} | {what} |", short(value));
    }
    let full = FULL * 100.0;
    let _ = writeln!(
        out,
        "\nOne million viewers; processes of {CORES} cores, {full:.0} % full, with {PLACES} viewers at most; viewers of a job meet on one:\n"
    );
    out.push_str(
        "| jobs | lines/s a job | lines/s delivered | cores | processes | memory, GiB | Redis cores | network, Gbit/s |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (jobs, lines) in [(1e6, 0.1), (1e5, 1.0), (1e4, 10.0), (100.0, 100.0)] {
        let need = constants.need(1e6, jobs, lines);
        let cells = [
            need.delivered,
            need.cores,
            need.processes,
            need.gib,
            need.redis_cores,
            need.gbit,
        ];
        let cells = cells.map(short).join(" | ");
        let _ = writeln!(out, "| {jobs} | {lines} | {cells} |");
    }
    out
}

impl Constants {
    /// Each with its sign in the formula, its unit, and what it is.
    const fn listed(&self) -> [(&'static str, f64, &'static str, &'static str); 9] {
        [
            ("M₀", self.fresh, "MiB", "a process that serves nobody"),
            ("m", self.viewer, "KiB", "resident memory a viewer"),
            (
                "k",
                self.socket,
                "KiB",
                "kernel memory a connection, the server's end",
            ),
            (
                "c",
                self.delivered,
                "ns",
                "CPU a line delivered, 1,000 viewers on one job",
            ),
            (
                "e",
                self.appended,
                "µs",
                "CPU a line read, encoded and delivered to its first viewer",
            ),
            ("h", self.heartbeat, "µs", "CPU a heartbeat"),
            (
                "b",
                self.bytes,
                "bytes",
                "a delivered line of 80 bytes, framing included",
            ),
            ("x", self.append, "µs", "Redis CPU an append"),
            (
                "r",
                self.watched,
                "µs",
                "Redis CPU that a watching process adds to an append",
            ),
        ]
    }

    /// For `viewers` spread evenly over `jobs`, each of which writes `lines` a second; viewers of a job meet on one
    /// process.
    fn need(&self, viewers: f64, jobs: f64, lines: f64) -> Need {
        let appended = jobs * lines;
        let delivered = viewers * lines;
        let busy = delivered * self.delivered / 1e9
            + appended * self.appended / 1e6
            + viewers / HEARTBEAT * self.heartbeat / 1e6;
        let cores = busy / FULL;
        let processes = (cores / CORES).max(viewers / PLACES).ceil();
        let gib =
            processes * self.fresh / 1_024.0 + viewers * (self.viewer + self.socket) / 1_048_576.0;
        Need {
            delivered,
            cores,
            processes,
            gib,
            redis_cores: appended * (self.append + self.watched) / 1e6 / FULL,
            gbit: delivered * self.bytes * 8.0 / 1e9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Constants = Constants {
        fresh: 10.0,
        viewer: 12.0,
        socket: 4.0,
        delivered: 1_000.0,
        appended: 50.0,
        heartbeat: 10.0,
        bytes: 250.0,
        append: 10.0,
        watched: 10.0,
    };

    #[test]
    fn places_decide_where_little_is_written() {
        let need = ROUND.need(1e6, 1e4, 0.1);
        assert!((need.processes - 50.0).abs() < 0.1, "{need:?}");
        assert!((need.gib - 15.75).abs() < 0.1, "{need:?}");
    }

    #[test]
    fn cores_decide_where_much_is_written() {
        let need = ROUND.need(1e6, 100.0, 100.0);
        // 100 million lines a second at a microsecond each.
        assert!((need.cores - 168.0).abs() < 1.0, "{need:?}");
        assert!((need.processes - 42.0).abs() < 9.0, "{need:?}");
        assert!((need.gbit - 200.0).abs() < 1.0, "{need:?}");
    }
}
