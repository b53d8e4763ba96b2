//! A storm of replays beside viewers who follow live: the live ones must not notice.

use std::time::Duration;

use super::window::{Window, as_f64};
use crate::bench::{Bench, create_jobs, fill};
use crate::clock::now_ns;
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::process::Load;
use crate::producer::{Producer, Sink};
use crate::resp::Client;
use crate::say;

const CASE: &str = "200 replay 50,000 lines each, 200 follow live";

/// One run: the live ones alone, then with the storm, all of it on one job.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let lines = bench.either(50_000, 5_000);
    let redis = bench.redis()?;
    let mut client = Client::connect(redis.address)?;
    create_jobs(&mut client, ["bench".to_owned()].into_iter())?;
    fill(&mut client, "bench", lines)?;
    let server = bench.log_api(redis.address)?;
    let live = bench.viewers(&server, 200, ("bench", ""), lines + 1)?;
    let mut live = Load::viewers(live, &bench.stop)?;
    let producer = Producer::start(Sink::job(redis.address, "bench", lines + 1), 100, u64::MAX);
    bench.stop.pause(Duration::from_secs(1))?;
    say::progress("  live ones alone");
    let alone = Window::measure(bench, &mut live, &[], bench.window())?.report;

    say::progress("  with the replays");
    live.mark()?;
    let began = now_ns();
    let replays = bench.viewers(&server, 200, ("bench", "?from=start"), 1)?;
    let mut replays = Load::viewers(replays, &bench.stop)?;
    replays.all_delivered("log-api, replays", lines + 1, Duration::from_secs(180))?;
    let took = as_f64(now_ns() - began) / 1e9;
    let beside = live.report()?;
    let sent = producer.finish()?;
    for load in [&mut live, &mut replays] {
        load.all_delivered("log-api", lines + sent + 1, Duration::from_secs(20))?;
    }
    figures.add(CASE, "the replays took", "s", Reach::Told, took);
    figures.add(
        CASE,
        "replayed lines",
        "1/s",
        Reach::Told,
        as_f64(200 * lines) / took,
    );
    figures.add(
        CASE,
        "live ones alone: p99",
        "µs",
        Reach::Told,
        alone.p99_us,
    );
    figures.add(
        CASE,
        "live ones beside replays: p99",
        "µs",
        Reach::Told,
        beside.p99_us,
    );
    figures.add(
        CASE,
        "the live ones' p99, over that without replays",
        "",
        Reach::AtMost(2.0),
        beside.p99_us / alone.p99_us,
    );
    Ok(())
}
