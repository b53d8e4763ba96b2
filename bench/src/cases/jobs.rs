//! Very many jobs at once, a viewer each: what watching costs Redis, and how late lines are.

use std::time::Duration;

use super::figure_names;
use super::window::{Window, as_f64};
use crate::accounting::Cpu;
use crate::bench::{Bench, create_jobs};
use crate::clock::now_ns;
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::process::Load;
use crate::load::tally::Report;
use crate::producer::{Producer, Sink};
use crate::resp::Client;
use crate::say;
use crate::server::Server;

const CASE: &str = figure_names::JOBS;
const RATE: u64 = 1_000;

/// One run: the appends alone, then with viewers, then all of them to one job.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let jobs = bench.either(10_000_usize, 1_000);
    let redis = bench.redis()?;
    let mut client = Client::connect(redis.address)?;
    create_jobs(&mut client, (0..jobs).map(|job| format!("bench-{job}")))?;
    create_jobs(&mut client, ["bench".to_owned()].into_iter())?;
    say::progress("  the appends alone");
    let alone = 100.0 * appends_alone(bench, &redis, jobs)?;
    let server = bench.log_api(redis.address)?;
    say::progress("  a viewer each");
    let many = a_viewer_each(bench, &redis, &server, jobs)?;
    say::progress("  one job, at the same rate");
    let one = one_job(bench, &redis, &server)?;

    let share = |group: usize| {
        let cpu = many.cpu.get(group).copied().unwrap_or_default();
        100.0 * cpu.as_secs_f64() / many.report.seconds
    };
    let (p50, p99) = (many.report.p50_us, many.report.p99_us);
    let mut told = |figure, unit, value| figures.add(CASE, figure, unit, Reach::Told, value);
    told(figure_names::REDIS_ALONE.1, "%", alone);
    told(figure_names::REDIS_WATCHED.1, "%", share(0));
    told(figure_names::SERVING.1, "%", share(1));
    told("p50", "µs", p50);
    told("p99", "µs", p99);
    told("one job: p99", "µs", one.p99_us);
    let mut judged = |figure, bar, value| figures.add(CASE, figure, "", Reach::AtMost(bar), value);
    judged(
        "Redis CPU, over the same appends with no reader",
        2.0,
        share(0) / alone,
    );
    judged("p99, over one job at the same rate", 5.0, p99 / one.p99_us);
    Ok(())
}

/// A line to each job with no reader. Redis's share of a core.
fn appends_alone(bench: &Bench, redis: &Server, jobs: usize) -> Result<f64, BenchError> {
    let processes = redis.processes();
    let sink = Sink::jobs(redis.address, "bench-", count(jobs), 1);
    let producer = Producer::start(sink, RATE, count(jobs));
    bench.stop.pause(Duration::from_millis(500))?;
    let (before, began) = (Cpu::for_processes(&processes)?, now_ns());
    all_appended(bench, &producer)?;
    let used = Cpu::for_processes(&processes)?.since(&before).as_secs_f64();
    let took = as_f64(now_ns() - began) / 1e9;
    producer.finish()?;
    Ok(used / took)
}

/// Two more lines to each job, with a viewer each. The CPU time is Redis's, then the service's.
fn a_viewer_each(
    bench: &Bench,
    redis: &Server,
    server: &Server,
    jobs: usize,
) -> Result<Window, BenchError> {
    let viewers = bench.viewers(server, jobs, ("bench-{i}", ""), 2)?;
    let mut load = Load::viewers(viewers, &bench.stop)?;
    let sink = Sink::jobs(redis.address, "bench-", count(jobs), 2);
    let producer = Producer::start(sink, RATE, 2 * count(jobs));
    bench.stop.pause(Duration::from_secs(1))?;
    let length =
        Duration::from_secs(2 * count(jobs) / RATE).saturating_sub(Duration::from_millis(1_500));
    let groups: [&[u32]; 2] = [&redis.processes(), &server.processes()];
    let window = Window::measure(bench, &mut load, &groups, length)?;
    all_appended(bench, &producer)?;
    producer.finish()?;
    load.all_delivered("log-api", 4, Duration::from_secs(20))?;
    Ok(window)
}

/// The same rate on one job, with one viewer.
fn one_job(bench: &Bench, redis: &Server, server: &Server) -> Result<Report, BenchError> {
    let viewer = bench.viewers(server, 1, ("bench", ""), 1)?;
    let mut viewer = Load::viewers(viewer, &bench.stop)?;
    let producer = Producer::start(Sink::job(redis.address, "bench", 1), RATE, u64::MAX);
    bench.stop.pause(Duration::from_secs(1))?;
    let report = Window::measure(bench, &mut viewer, &[], bench.window())?.report;
    let sent = producer.finish()?;
    viewer.all_delivered("log-api", sent + 1, Duration::from_secs(10))?;
    Ok(report)
}

fn all_appended(bench: &Bench, producer: &Producer) -> Result<(), BenchError> {
    bench
        .stop
        .until("the appends", Duration::from_secs(60), || {
            Ok(producer.is_done())
        })
}

fn count(jobs: usize) -> u64 {
    u64::try_from(jobs).unwrap_or(u64::MAX)
}
