//! Viewers that read nothing, beside viewers that do: what the slow cost, and whom.

use std::time::Duration;

use super::window::as_f64;
use crate::accounting::resident;
use crate::bench::{Bench, create_jobs};
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::Viewers;
use crate::load::process::Load;
use crate::load::tally::Report;
use crate::producer::{Producer, Sink};
use crate::resp::Client;
use crate::say;

const CASE: &str = "100 slow viewers beside 100 fast ones";
const RATE: u64 = 2_000;

/// One run: without the slow ones, then with them.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    say::progress("  without slow ones");
    let (without, _) = follow(bench, 0)?;
    say::progress("  with slow ones");
    let (with, growth) = follow(bench, 100)?;
    figures.add(
        CASE,
        "fast ones without slow ones: p99",
        "µs",
        Reach::Told,
        without.p99_us,
    );
    figures.add(CASE, "fast ones: p99", "µs", Reach::Told, with.p99_us);
    figures.add(
        CASE,
        "growth of resident memory",
        "MiB",
        Reach::AtMost(16.0),
        growth,
    );
    figures.add(
        CASE,
        "the fast ones' p99, over that without slow ones",
        "",
        Reach::AtMost(1.5),
        with.p99_us / without.p99_us,
    );
    Ok(())
}

/// What the fast ones got, and by how many MiB the server grew at most.
fn follow(bench: &Bench, slow: usize) -> Result<(Report, f64), BenchError> {
    let lines = bench.either(60_000, 6_000);
    let redis = bench.redis()?;
    create_jobs(
        &mut Client::connect(redis.address)?,
        ["bench".to_owned()].into_iter(),
    )?;
    let server = bench.log_api(redis.address)?;
    let viewers = bench.viewers(&server, 100, ("bench", ""), 1)?;
    let slow_ones = Viewers {
        count: slow,
        reads: false,
        ..viewers.clone()
    };
    let mut fast = Load::viewers(viewers, &bench.stop)?;
    let _slow = Load::viewers(slow_ones, &bench.stop)?;
    let before = resident(&server.processes())?;
    let producer = Producer::start(Sink::job(redis.address, "bench", 1), RATE, lines);
    fast.mark()?;
    let mut highest = before;
    bench
        .stop
        .until("the appends", Duration::from_secs(120), || {
            highest = highest.max(resident(&server.processes())?);
            Ok(producer.is_done())
        })?;
    let sent = producer.finish()?;
    let report = fast.all_delivered("log-api", sent + 1, Duration::from_secs(30))?;
    highest = highest.max(resident(&server.processes())?);
    Ok((report, as_f64(highest - before) / 1_048_576.0))
}
