//! Lines in over HTTP: one worker at full speed, as `joblog run` sends, beside the same program straight on that Redis;
//! then very many workers with a viewer each, and a flood beside them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::window::{Window, as_f64};
use crate::accounting::{peak, resident};
use crate::bench::{Bench, OWNER};
use crate::clock::now_ns;
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::line;
use crate::load::process::Load;
use crate::say;
use crate::server::Server;
use crate::worker::Workers;

const CASE: &str = "ingest";

/// How often each worker sends.
const PERIOD: Duration = Duration::from_millis(250);

/// How many lines each of many workers sends at a time.
const BATCH: u64 = 5;

/// How many lines the flood sends at a time: it would be 80,000 a second, and one job may append 20,000.
const FLOOD: u64 = 5_000;

/// One run.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    full_speed(bench, figures)?;
    many_workers(bench, figures)
}

/// One worker, three ways.
fn full_speed(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let lines = bench.either(600_000_u64, 40_000);
    let folder = TempDir::new().map_err(BenchError::io("make a folder"))?;
    let file = folder.path().join("build.log");
    let text: String = (1..=lines).map(|n| line::text(n, 0) + "\n").collect();
    std::fs::write(&file, text).map_err(BenchError::io("write the worker's output"))?;
    let redis = bench.redis()?;
    let key = bench.key()?;
    let on_redis = bench.ingest(&key, Some(redis.address), true)?;
    let embedded = bench.ingest(&key, None, true)?;
    let mut rate = |what: &str, to: To<'_>| -> Result<f64, BenchError> {
        say::progress(format_args!("  one worker: {what}"));
        // The start of the program, and the end of its job, are not the worker's speed.
        let nothing = worker(bench, &to, Path::new("/dev/null"))?;
        let all = worker(bench, &to, &file)?;
        let rate = as_f64(lines) / all.saturating_sub(nothing).as_secs_f64().max(0.001);
        let figure = format!("one worker, {what}");
        figures.add(CASE, &figure, "lines/s", Reach::Told, rate);
        Ok(rate)
    };
    let straight = rate("straight on Redis", To::Redis(redis.address))?;
    let api = rate(
        "through the API on Redis",
        To::Api(on_redis.address, &key.key),
    )?;
    let disk = rate(
        "through the API, embedded",
        To::Api(embedded.address, &key.key),
    )?;
    let mut judged = |figure, value| figures.add(CASE, figure, "", Reach::AtLeast(0.5), value);
    judged("through the API on Redis, over straight", api / straight);
    judged("through the API, embedded, over straight", disk / straight);
    Ok(())
}

/// Where a worker writes to.
enum To<'a> {
    Redis(SocketAddr),
    Api(SocketAddr, &'a str),
}

/// Runs `joblog run` on a file's lines; how long it takes until all of them are in the log.
fn worker(bench: &Bench, to: &To<'_>, file: &Path) -> Result<Duration, BenchError> {
    let mut command = Command::new(&bench.programs.joblog);
    command.env_clear().env("JOBLOG_USER", OWNER);
    command.args(["run", "--progress", "off"]);
    match to {
        To::Redis(address) => command.args(["--redis", &format!("redis://{address}")]),
        To::Api(address, key) => {
            command.env("JOBLOG_KEY", key);
            command.args(["--url", &format!("http://{address}")])
        }
    };
    let job = format!("ingest-{}", now_ns());
    command.args(["--job", &job, "--", "/bin/cat"]).arg(file);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let began = now_ns();
    let output = command.stderr(Stdio::piped()).output();
    let output = output.map_err(BenchError::io("run joblog"))?;
    if output.status.success() {
        return Ok(Duration::from_nanos(now_ns().saturating_sub(began)));
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(BenchError::peer("joblog", said))
}

/// Very many workers at a steady rate, with a viewer each, and then a flood beside them.
fn many_workers(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let count = bench.either(1_000_usize, 100);
    let redis = bench.redis()?;
    let key = bench.key()?;
    let server = bench.ingest(&key, Some(redis.address), false)?;
    let workers = |prefix, count, batch| Workers {
        server: server.address,
        key: key.key.clone(),
        prefix,
        count,
        batch,
    };
    let many = workers("many-", count, BATCH);
    many.create_jobs(OWNER)?;
    let before = resident(&server.processes())?;
    let viewers = bench.viewers(&server, count, ("many-{i}", ""), 1)?;
    let mut load = Load::viewers(viewers, &bench.stop)?;
    say::progress(format_args!("  {count} workers, a viewer each"));
    let running = many.start(PERIOD, 1);
    bench.stop.pause(Duration::from_secs(2))?;
    let calm = Window::measure(bench, &mut load, &[&server.processes()], bench.window())?;
    say::progress("  a flood beside them");
    let flood = workers("flood-", 1, FLOOD);
    flood.create_jobs(OWNER)?;
    let flood = flood.start(PERIOD / 4, 1);
    bench.stop.pause(Duration::from_secs(1))?;
    let flooded = Window::measure(bench, &mut load, &[], bench.window())?;
    flood.finish()?;
    let sent = running.finish()?;
    load.all_delivered("log-api", sent.rounds * BATCH + 1, Duration::from_secs(20))?;
    report(
        &server,
        (before, count),
        (&calm, &flooded),
        sent.late,
        figures,
    )
}

fn report(
    server: &Server,
    (before, count): (u64, usize),
    (calm, flooded): (&Window, &Window),
    late: f64,
    figures: &mut Figures,
) -> Result<(), BenchError> {
    let connections = 2 * u64::try_from(count).unwrap_or(1);
    let memory = peak(&server.processes())?.saturating_sub(before);
    let cpu = calm.cpu.first().copied().unwrap_or_default();
    let mut told = |figure, unit, value| figures.add(CASE, figure, unit, Reach::Told, value);
    told(
        "many workers: p50 from append to viewer",
        "ms",
        calm.report.p50_us / 1e3,
    );
    told(
        "many workers: the service",
        "% of a core",
        100.0 * cpu.as_secs_f64() / calm.report.seconds,
    );
    told(
        "many workers: the load behind its time at the end",
        "s",
        late,
    );
    told("with a flood: p99", "ms", flooded.report.p99_us / 1e3);
    let mut judged = |figure, unit, bar, value| {
        figures.add(CASE, figure, unit, Reach::AtMost(bar), value);
    };
    judged(
        "many workers: p99 from append to viewer",
        "ms",
        50.0,
        calm.report.p99_us / 1e3,
    );
    judged(
        "memory a connection, bodies in flight included",
        "KiB",
        64.0,
        as_f64(memory) / as_f64(connections) / 1024.0,
    );
    judged(
        "p99 beside a flood, over that without",
        "",
        2.0,
        flooded.report.p99_us / calm.report.p99_us,
    );
    Ok(())
}
