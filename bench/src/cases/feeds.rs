//! Very many watched jobs that all print a lot: what the process keeps for them.

use std::time::Duration;

use super::window::as_f64;
use crate::accounting::resident;
use crate::bench::{Bench, create_jobs, fill_with};
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::process::Load;
use crate::resp::{Client, log_key};
use crate::say;

const CASE: &str = "10,000 watched jobs of 2 MB each";

/// The budget of all feeds, `LOG_API_FEEDS_BYTES`, and what the process may take beside it, in MiB.
const REACH: f64 = 256.0 + 64.0;

/// The length of a line.
const LINE: usize = 2_000;

/// The lines of a job, and how many of them come at a time.
const LINES: u64 = 1_000;
const BURST: u64 = 20;

/// One run: every job gets a burst, each of its viewers gets that, and so on. What was delivered is trimmed, because all
/// of it would be 20 GB.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let jobs = bench.either(10_000_usize, 500);
    let redis = bench.redis()?;
    let mut client = Client::connect(redis.address)?;
    let names: Vec<String> = (0..jobs).map(|job| format!("bench-{job}")).collect();
    create_jobs(&mut client, names.iter().cloned())?;
    let server = bench.log_api(redis.address)?;
    let viewers = bench.viewers(&server, jobs, ("bench-{i}", ""), 1)?;
    let mut load = Load::viewers(viewers, &bench.stop)?;
    let processes = server.processes();
    let idle = resident(&processes)?;
    let mut highest = idle;
    for first in (1..=LINES).step_by(usize::try_from(BURST).unwrap_or(1)) {
        let next = first + BURST;
        say::progress(format!("  lines from {first} on"));
        for some in names.chunks(100) {
            for job in some {
                fill_with(&mut client, job, first..=next - 1, |_| LINE)?;
            }
            highest = highest.max(resident(&processes)?);
        }
        load.all_delivered("log-api", next, Duration::from_secs(60))?;
        highest = highest.max(resident(&processes)?);
        client.pipeline(names.iter().map(|job| {
            let key = log_key(job);
            let words = ["XTRIM", &key, "MAXLEN", "0"];
            crate::resp::command(&words.map(str::as_bytes))
        }))?;
    }
    let mib = |bytes| as_f64(bytes) / 1_048_576.0;
    figures.add(
        CASE,
        "resident memory before the lines",
        "MiB",
        Reach::Told,
        mib(idle),
    );
    figures.add(
        CASE,
        "resident memory at most",
        "MiB",
        Reach::AtMost(REACH),
        mib(highest),
    );
    Ok(())
}
