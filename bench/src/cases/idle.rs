//! Very many idle viewers: resident memory, before and after a replay, and what stays when they have left.

use std::time::Duration;

use super::figure_names;
use super::window::{Window, as_f64};
use crate::accounting::resident;
use crate::bench::{Bench, create_jobs, fill};
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::process::Load;
use crate::resp::Client;
use crate::say;
use crate::server::Server;

const CASE: &str = figure_names::IDLE;

/// What a line of 80 bytes is on the wire: its id, its event and its JSON, as `docs/API.md` shows them.
const FRAME_BYTES: u64 = 240;

/// 256 KiB of them.
const REPLAYED_LINES: u64 = 256 * 1024 / FRAME_BYTES;

/// One run: a process for idle viewers, and one for viewers that replay 256 KiB and then idle.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let redis = bench.redis()?;
    let mut client = Client::connect(redis.address)?;
    create_jobs(
        &mut client,
        ["idle", "replay"].map(str::to_owned).into_iter(),
    )?;
    fill(&mut client, "replay", REPLAYED_LINES)?;
    say::progress("  idle from the beginning");
    from_the_beginning(bench, &redis, figures)?;
    say::progress("  after a replay of 256 KiB each");
    after_a_replay(bench, &redis, figures)
}

fn from_the_beginning(
    bench: &Bench,
    redis: &Server,
    figures: &mut Figures,
) -> Result<(), BenchError> {
    let server = bench.log_api(redis.address)?;
    let base = warmed_up(bench, &server)?;
    let kernel = kernel_memory()?;
    let viewers = bench.viewers(&server, count(bench), ("idle", ""), 1)?;
    let mut load = Load::viewers(viewers, &bench.stop)?;
    let (window, grown) = settled(bench, &server, &mut load)?;
    let kernel = kib_each(bench, kernel_memory()?, kernel);
    let each = kib_each(bench, grown, base);
    figures.add(
        CASE,
        figure_names::VIEWER.1,
        "KiB",
        Reach::AtMost(12.5),
        each,
    );
    figures.add(CASE, figure_names::SOCKETS.1, "KiB", Reach::Told, kernel);
    // A heartbeat is one read at its viewer.
    let cpu = window
        .cpu
        .first()
        .copied()
        .unwrap_or_default()
        .as_secs_f64();
    let heartbeat = cpu * 1e6 / as_f64(window.report.reads.max(1));
    figures.add(
        CASE,
        figure_names::HEARTBEAT.1,
        "µs",
        Reach::Told,
        heartbeat,
    );
    Ok(())
}

fn after_a_replay(bench: &Bench, redis: &Server, figures: &mut Figures) -> Result<(), BenchError> {
    let server = bench.log_api(redis.address)?;
    let fresh = resident(&server.processes())?;
    let base = warmed_up(bench, &server)?;
    let viewers = bench.viewers(&server, count(bench), ("replay", "?from=start"), 1)?;
    let mut load = Load::viewers(viewers, &bench.stop)?;
    let report = load.all_delivered("log-api", REPLAYED_LINES + 1, Duration::from_secs(120))?;
    let (_, grown) = settled(bench, &server, &mut load)?;
    drop(load);
    bench.stop.pause(Duration::from_secs(60))?;
    let left = resident(&server.processes())?;

    let mut told = |figure, unit, value| figures.add(CASE, figure, unit, Reach::Told, value);
    told(
        "the replay, bytes to each",
        "KiB",
        kib_each(bench, report.bytes, 0),
    );
    told(figure_names::FRESH.1, "MiB", as_f64(fresh) / 1_048_576.0);
    told("a minute after all left", "MiB", as_f64(left) / 1_048_576.0);
    let each = kib_each(bench, grown, base);
    figures.add(
        CASE,
        "resident memory a viewer, after the replay",
        "KiB",
        Reach::AtMost(18.0),
        each,
    );
    let figure = "resident memory a minute after all left, over a fresh process";
    figures.add(
        CASE,
        figure,
        "",
        Reach::AtMost(1.3),
        as_f64(left) / as_f64(fresh),
    );
    Ok(())
}

/// A while in which each viewer gets a heartbeat and nothing else, and what the process has then.
fn settled(bench: &Bench, server: &Server, load: &mut Load) -> Result<(Window, u64), BenchError> {
    let length = Duration::from_secs(bench.either(28, 25));
    let window = Window::measure(bench, load, &[&server.processes()], length)?;
    window.report.check("log-api")?;
    Ok((window, resident(&server.processes())?))
}

/// What the kernel keeps in its own structures, sockets among them: of the whole machine, which should be quiet.
fn kernel_memory() -> Result<u64, BenchError> {
    let text =
        std::fs::read_to_string("/proc/meminfo").map_err(BenchError::io("read /proc/meminfo"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Slab:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.unwrap_or(0) * 1024)
}

const fn count(bench: &Bench) -> usize {
    bench.either(10_000, 1_000)
}

/// What a process has after its first viewers: everything that is made once is there.
fn warmed_up(bench: &Bench, server: &Server) -> Result<u64, BenchError> {
    drop(Load::viewers(
        bench.viewers(server, 50, ("idle", ""), 1)?,
        &bench.stop,
    )?);
    bench.stop.pause(Duration::from_secs(2))?;
    resident(&server.processes())
}

fn kib_each(bench: &Bench, bytes: u64, base: u64) -> f64 {
    let viewers = u64::try_from(count(bench)).unwrap_or(u64::MAX);
    as_f64(bytes.saturating_sub(base)) / 1024.0 / as_f64(viewers)
}
