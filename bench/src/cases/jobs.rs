//! Very many jobs at once, a viewer each: what watching costs Redis, and how late lines are. The same on a cluster.

use std::time::Duration;

use super::figure_names;
use super::window::{Window, as_f64};
use crate::accounting::Cpu;
use crate::bench::{Bench, create_jobs};
use crate::clock::now_ns;
use crate::cluster::Cluster;
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::process::Load;
use crate::load::tally::Report;
use crate::producer::{Producer, Sink};
use crate::resp::{Client, job_key, log_key};
use crate::say;
use crate::server::Server;

const CASE: &str = figure_names::JOBS;
const CLUSTER: &str = "10,000 watched jobs on a cluster, 1,000 lines/s";
const RATE: u64 = 1_000;

/// The jobs of one Redis.
struct Share<'a> {
    redis: &'a Server,
    jobs: Vec<String>,
}

/// One run: the appends alone, then with viewers, then all of them to one job.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let redis = bench.redis()?;
    let shares = [all_on(bench, &redis)?];
    let mut client = Client::connect(redis.address)?;
    create_jobs(&mut client, ["bench".to_owned()].into_iter())?;
    say::progress("  the appends alone");
    let alone = 100.0 * appends_alone(bench, &shares)?;
    let server = bench.log_api(redis.address)?;
    say::progress("  a viewer each");
    let many = a_viewer_each(bench, &shares, &server)?;
    say::progress("  one job, at the same rate");
    let one = one_job(bench, &redis, &server)?;

    let watched = percent(&many, 0);
    let (p50, p99) = (many.report.p50_us, many.report.p99_us);
    let mut told = |figure, unit, value| figures.add(CASE, figure, unit, Reach::Told, value);
    told(figure_names::REDIS_ALONE.1, "%", alone);
    told(figure_names::REDIS_WATCHED.1, "%", watched);
    told(figure_names::SERVING.1, "%", percent(&many, 1));
    told("p50", "µs", p50);
    told("p99", "µs", p99);
    told("one job: p99", "µs", one.p99_us);
    let mut judged = |figure, bar, value| figures.add(CASE, figure, "", Reach::AtMost(bar), value);
    judged(
        "Redis CPU, over the same appends with no reader",
        2.0,
        watched / alone,
    );
    judged("p99, over one job at the same rate", 5.0, p99 / one.p99_us);
    Ok(())
}

/// One run: a viewer each on one Redis, and then on a cluster of three masters.
pub(crate) fn run_on_a_cluster(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let (one_alone, one) = on_one_redis(bench)?;
    say::progress("  on a cluster of three masters");
    let cluster = Cluster::start(bench)?;
    let jobs = names(bench);
    for (redis, jobs) in cluster.owned(&jobs, job_key)? {
        create_jobs(&mut Client::connect(redis.address)?, jobs.into_iter())?;
    }
    let owned = cluster.owned(&jobs, log_key)?.into_iter();
    let shares: Vec<_> = owned.map(|(redis, jobs)| Share { redis, jobs }).collect();
    let three_alone = 100.0 * appends_alone(bench, &shares)?;
    let server = bench.log_api_at(&cluster.url())?;
    let three = a_viewer_each(bench, &shares, &server)?;

    let mut told = |figure, unit, value| figures.add(CLUSTER, figure, unit, Reach::Told, value);
    told("one Redis, appends alone: share of a core", "%", one_alone);
    told(
        "three masters, appends alone: shares together",
        "%",
        three_alone,
    );
    told("one Redis, watched: share of a core", "%", percent(&one, 0));
    told(
        "three masters, watched: shares together",
        "%",
        percent(&three, 0),
    );
    told("one Redis, log-api: share of a core", "%", percent(&one, 1));
    told(
        "three masters, log-api: share of a core",
        "%",
        percent(&three, 1),
    );
    told("one Redis: p99", "µs", one.report.p99_us);
    told("three masters: p99", "µs", three.report.p99_us);
    let ratio = percent(&three, 0) / percent(&one, 0);
    let figure = "Redis CPU of three masters, over one Redis";
    figures.add(CLUSTER, figure, "", Reach::AtMost(1.3), ratio);
    Ok(())
}

/// The appends alone, in percent of a core, and then a viewer each.
fn on_one_redis(bench: &Bench) -> Result<(f64, Window), BenchError> {
    say::progress("  on one Redis");
    let redis = bench.redis()?;
    let shares = [all_on(bench, &redis)?];
    let alone = 100.0 * appends_alone(bench, &shares)?;
    let server = bench.log_api(redis.address)?;
    Ok((alone, a_viewer_each(bench, &shares, &server)?))
}

/// The jobs, made on one Redis.
fn all_on<'a>(bench: &Bench, redis: &'a Server) -> Result<Share<'a>, BenchError> {
    let jobs = names(bench);
    create_jobs(&mut Client::connect(redis.address)?, jobs.iter().cloned())?;
    Ok(Share { redis, jobs })
}

fn names(bench: &Bench) -> Vec<String> {
    let jobs = bench.either(10_000, 1_000);
    (0..jobs).map(|job| format!("bench-{job}")).collect()
}

/// How much of a core a group of processes took, in percent.
fn percent(window: &Window, group: usize) -> f64 {
    let cpu = window.cpu.get(group).copied().unwrap_or_default();
    100.0 * cpu.as_secs_f64() / window.report.seconds
}

/// `rounds` lines to each job, all together at [`RATE`]; the next line of each has the number `first`.
fn append(shares: &[Share<'_>], first: u64, rounds: u64) -> Vec<Producer> {
    let all = job_count(shares);
    let start = |share: &Share<'_>| {
        let sink = Sink::jobs(share.redis.address, &share.jobs, first);
        let jobs = count(share.jobs.len());
        Producer::start(sink, RATE * jobs / all, rounds * jobs)
    };
    shares.iter().map(start).collect()
}

/// A line to each job with no reader. Redis's share of a core.
fn appends_alone(bench: &Bench, shares: &[Share<'_>]) -> Result<f64, BenchError> {
    let processes = processes(shares);
    let producers = append(shares, 1, 1);
    bench.stop.pause(Duration::from_millis(500))?;
    let (before, began) = (Cpu::for_processes(&processes)?, now_ns());
    all_appended(bench, &producers)?;
    let used = Cpu::for_processes(&processes)?.since(&before).as_secs_f64();
    let took = as_f64(now_ns() - began) / 1e9;
    finish(producers)?;
    Ok(used / took)
}

/// Two more lines to each job, with a viewer each. The CPU time is Redis's, then the service's.
fn a_viewer_each(
    bench: &Bench,
    shares: &[Share<'_>],
    server: &Server,
) -> Result<Window, BenchError> {
    let jobs = job_count(shares);
    let viewers = usize::try_from(jobs).unwrap_or(usize::MAX);
    let viewers = bench.viewers(server, viewers, ("bench-{i}", ""), 2)?;
    let mut load = Load::viewers(viewers, &bench.stop)?;
    let producers = append(shares, 2, 2);
    bench.stop.pause(Duration::from_secs(1))?;
    let length = Duration::from_secs(2 * jobs / RATE).saturating_sub(Duration::from_millis(1_500));
    let groups: [&[u32]; 2] = [&processes(shares), &server.processes()];
    let window = Window::measure(bench, &mut load, &groups, length)?;
    all_appended(bench, &producers)?;
    finish(producers)?;
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

fn all_appended(bench: &Bench, producers: &[Producer]) -> Result<(), BenchError> {
    bench
        .stop
        .until("the appends", Duration::from_secs(60), || {
            Ok(producers.iter().all(Producer::is_done))
        })
}

fn finish(producers: Vec<Producer>) -> Result<(), BenchError> {
    producers
        .into_iter()
        .try_for_each(|producer| producer.finish().map(|_| ()))
}

fn processes(shares: &[Share<'_>]) -> Vec<u32> {
    let each = shares.iter().map(|share| share.redis.processes());
    each.collect::<Vec<_>>().concat()
}

fn job_count(shares: &[Share<'_>]) -> u64 {
    shares.iter().map(|share| count(share.jobs.len())).sum()
}

fn count(jobs: usize) -> u64 {
    u64::try_from(jobs).unwrap_or(u64::MAX)
}
