//! REST pages, over what Redis itself gives to the same question.

use std::net::SocketAddr;

use super::window::{Window, as_f64};
use crate::bench::{Bench, create_jobs, fill};
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::process::Load;
use crate::load::{Protocol, Spec};
use crate::resp::{Client, command, log_key};
use crate::say;

const CASE: &str = "REST, a page of 100, 16 connections";

const CONNECTIONS: usize = 16;

/// One run: Redis alone, then the service, asked for one job's page and for a job's each.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let redis = bench.redis()?;
    let mut client = Client::connect(redis.address)?;
    let jobs: Vec<_> = (0..CONNECTIONS).map(|n| format!("bench-{n}")).collect();
    create_jobs(&mut client, jobs.iter().cloned())?;
    for job in &jobs {
        fill(&mut client, job, 5_000)?;
    }
    let server = bench.log_api(redis.address)?;
    say::progress("  Redis");
    let key = log_key("bench-0");
    let question = command(&["XREVRANGE", &key, "+", "-", "COUNT", "101"].map(str::as_bytes));
    let question = String::from_utf8_lossy(&question).into_owned();
    let bare = rate(bench, redis.address, &[question], Protocol::Redis)?;
    say::progress("  log-api");
    let requests = jobs
        .iter()
        .map(|job| bench.request(&format!("/api/jobs/{job}/logs?limit=100")));
    let requests = requests.collect::<Result<Vec<_>, _>>()?;
    let ours = rate(bench, server.address, &requests[..1], Protocol::Http)?;
    let each = rate(bench, server.address, &requests, Protocol::Http)?;
    let told = |figures: &mut Figures, figure, unit, value| {
        figures.add(CASE, figure, unit, Reach::Told, value);
    };
    told(figures, "Redis, XREVRANGE … COUNT 101", "1/s", bare);
    told(figures, "log-api, one job", "1/s", ours);
    figures.add(
        CASE,
        "requests/s over Redis's own",
        "",
        // Each request reads the store: most of its cost is to parse the reply and to write it as JSON.
        Reach::AtLeast(0.2),
        ours / bare,
    );
    told(figures, "log-api, a job each", "1/s", each);
    told(figures, "a job each, over Redis's own", "", each / bare);
    Ok(())
}

fn rate(
    bench: &Bench,
    server: SocketAddr,
    requests: &[String],
    answers: Protocol,
) -> Result<f64, BenchError> {
    let spec = Spec::Pages {
        server,
        requests: requests.to_vec(),
        answers,
        connections: CONNECTIONS,
    };
    let mut load = Load::start(&spec, &bench.stop)?;
    bench.stop.pause(std::time::Duration::from_secs(1))?;
    let window = Window::measure(bench, &mut load, &[], bench.window() / 2)?;
    Ok(as_f64(window.report.answers) / window.report.seconds)
}
