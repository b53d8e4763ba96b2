//! The cases: what each one sets up, measures and has to reach.

mod fan_out;
mod feeds;
pub(crate) mod figure_names;
mod growth;
mod idle;
mod ingest;
mod jobs;
mod one;
mod pages;
mod replay;
mod sizes;
mod slow;
mod window;

use crate::bench::Bench;
use crate::error::BenchError;
use crate::figures::Figures;

/// One case.
pub(crate) struct Case {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// What it is, in one line.
    pub(crate) about: &'static str,
    /// How long one run takes, in seconds.
    pub(crate) seconds: u32,
    /// One run.
    pub(crate) run: fn(&Bench, &mut Figures) -> Result<(), BenchError>,
}

/// What `scale` runs: the service alone.
pub(crate) const SCALE: [Case; 11] = [
    Case {
        name: "idle",
        about: "10,000 idle viewers: memory, before and after a replay, and after they left",
        seconds: 160,
        run: idle::run,
    },
    Case {
        name: "one",
        about: "one viewer, 200 lines/s: delay over a bare client in XREAD BLOCK",
        seconds: 40,
        run: one::run,
    },
    Case {
        name: "jobs",
        about: "10,000 watched jobs, one viewer each, 1,000 lines/s over them",
        seconds: 60,
        run: jobs::run,
    },
    Case {
        name: "cluster",
        about: "the same jobs on a cluster of three masters: Redis's CPU over that of one",
        seconds: 90,
        run: jobs::run_on_a_cluster,
    },
    Case {
        name: "slow",
        about: "100 viewers that read nothing beside 100 that do, 60,000 lines",
        seconds: 70,
        run: slow::run,
    },
    Case {
        name: "replay",
        about: "200 viewers replay 50,000 lines each while 200 follow live",
        seconds: 60,
        run: replay::run,
    },
    Case {
        name: "pages",
        about: "REST pages of 100 on 16 connections, over XREVRANGE on the same Redis",
        seconds: 25,
        run: pages::run,
    },
    Case {
        name: "sizes",
        about: "lines from 31 bytes to 1 MB: replay, Redis's output, pages over lines of 5 MB",
        seconds: 60,
        run: sizes::run,
    },
    Case {
        name: "feeds",
        about: "10,000 watched jobs of 2 MB each, one viewer each: memory",
        seconds: 300,
        run: feeds::run,
    },
    Case {
        name: "growth",
        about: "Redis commands and connections at 10, 1,000 and 10,000 viewers",
        seconds: 60,
        run: growth::run,
    },
    Case {
        name: "ingest",
        about: "lines in over HTTP: a worker beside one on Redis; 1,000 workers, a viewer each, and a flood",
        seconds: 60,
        run: ingest::run,
    },
];

/// What `peers` runs: the service beside others, on the same load.
pub(crate) const PEERS: [Case; 2] = [
    Case {
        name: "fan-out",
        about: "1,000 viewers of one job, 100 lines/s, over durable-streams and nchan",
        seconds: 60,
        run: fan_out::moderate,
    },
    Case {
        name: "fan-out-fast",
        about: "1,000 viewers of one job, 2,000 lines/s, over durable-streams",
        seconds: 50,
        run: fan_out::fast,
    },
];
