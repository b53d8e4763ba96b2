//! 1,000 viewers of one job: ours, with Redis in its path and authentication on, beside servers that have neither.

use std::time::Duration;

use super::figure_names;
use super::window::{Window, as_f64};
use crate::bench::{Bench, create_jobs};
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::process::Load;
use crate::peers::Peer;
use crate::producer::{Producer, Sink};
use crate::resp::Client;
use crate::say;

/// 100 lines a second.
pub(crate) fn moderate(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    const CASE: &str = figure_names::FAN_OUT;
    let (ours, durable) = both(bench, figures, CASE, 100)?;
    let nchan = peer(bench, Peer::Nchan, 100)?;
    tell(figures, CASE, Peer::Nchan.name(), &nchan);
    let mut judged = |figure, bar, value| figures.add(CASE, figure, "", Reach::AtMost(bar), value);
    judged(CPU, 0.9, ours.ns_per_line(0) / durable.ns_per_line(0));
    judged(
        "server CPU a line, over nchan",
        1.0,
        ours.ns_per_line(0) / nchan.ns_per_line(0),
    );
    p99(figures, CASE, &ours, &durable);
    Ok(())
}

/// 2,000 lines a second.
pub(crate) fn fast(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    const CASE: &str = "fan-out: 1,000 viewers, 2,000 lines/s";
    let (ours, durable) = both(bench, figures, CASE, 2_000)?;
    let mut judged = |figure, bar, value| figures.add(CASE, figure, "", Reach::AtMost(bar), value);
    judged(CPU, 0.6, ours.ns_per_line(0) / durable.ns_per_line(0));
    p99(figures, CASE, &ours, &durable);
    Ok(())
}

const CPU: &str = "server CPU a line, over durable-streams";
const P99_LIMIT: &str = "p99 from append to viewer";
const P99: &str = "p99 from append to viewer, over durable-streams";

/// The p99 is bounded by itself: the wake-ups of one thread are paced on purpose, so it is not compared to be beaten.
fn p99(figures: &mut Figures, case: &'static str, ours: &Window, durable: &Window) {
    let ours = ours.report.p99_us;
    figures.add(case, P99_LIMIT, "µs", Reach::AtMost(25_000.0), ours);
    let ratio = ours / durable.report.p99_us;
    figures.add(case, P99, "", Reach::Told, ratio);
}

/// Ours and durable-streams.
fn both(
    bench: &Bench,
    figures: &mut Figures,
    case: &'static str,
    rate: u64,
) -> Result<(Window, Window), BenchError> {
    let ours = ours(bench, rate)?;
    tell(figures, case, "log-api", &ours);
    let redis = ours.ns_per_line(1);
    figures.add(
        case,
        "log-api's Redis: CPU a line",
        "ns",
        Reach::Told,
        redis,
    );
    let durable = peer(bench, Peer::DurableStreams, rate)?;
    tell(figures, case, Peer::DurableStreams.name(), &durable);
    Ok((ours, durable))
}

fn tell(figures: &mut Figures, case: &'static str, who: &str, window: &Window) {
    let report = &window.report;
    let mut told = |figure: &str, unit, value| {
        figures.add(case, &format!("{who}: {figure}"), unit, Reach::Told, value);
    };
    told("CPU a line", "ns", window.ns_per_line(0));
    told("p50", "µs", report.p50_us);
    told("p99", "µs", report.p99_us);
    told(
        "lines a read",
        "",
        as_f64(report.lines) / as_f64(report.reads.max(1)),
    );
    told(
        "bytes a line",
        "",
        as_f64(report.bytes) / as_f64(report.lines.max(1)),
    );
    told(
        "the viewers' own share of a core",
        "%",
        window.load_percent(),
    );
}

fn ours(bench: &Bench, rate: u64) -> Result<Window, BenchError> {
    say::progress("  log-api");
    let redis = bench.redis()?;
    create_jobs(
        &mut Client::connect(redis.address)?,
        ["bench".to_owned()].into_iter(),
    )?;
    let server = bench.log_api(redis.address)?;
    let viewers = bench.viewers(&server, viewers(bench), ("bench", ""), 1)?;
    let load = Load::viewers(viewers, &bench.stop)?;
    let sink = Sink::job(redis.address, "bench", 1);
    follow(
        bench,
        "log-api",
        load,
        sink,
        rate,
        &[&server.processes(), &redis.processes()],
    )
}

fn peer(bench: &Bench, peer: Peer, rate: u64) -> Result<Window, BenchError> {
    say::progress(format_args!("  {}", peer.name()));
    let server = peer.start(bench)?;
    let load = Load::viewers(peer.viewers(&server, viewers(bench)), &bench.stop)?;
    follow(
        bench,
        peer.name(),
        load,
        peer.sink(&server),
        rate,
        &[&server.processes()],
    )
}

const fn viewers(bench: &Bench) -> usize {
    bench.either(1_000, 200)
}

/// Two seconds to warm up, then the window; in the end every viewer must have every line.
fn follow(
    bench: &Bench,
    who: &str,
    mut load: Load,
    sink: Sink,
    rate: u64,
    groups: &[&[u32]],
) -> Result<Window, BenchError> {
    let producer = Producer::start(sink, rate, u64::MAX);
    bench.stop.pause(Duration::from_secs(2))?;
    let window = Window::measure(bench, &mut load, groups, bench.window())?;
    let sent = producer.finish()?;
    load.all_delivered(who, sent + 1, Duration::from_secs(60))?;
    Ok(window)
}
