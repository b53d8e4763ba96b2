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

/// One run: Redis alone, then the service.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let redis = bench.redis()?;
    let mut client = Client::connect(redis.address)?;
    create_jobs(&mut client, ["bench".to_owned()].into_iter())?;
    fill(&mut client, "bench", 5_000)?;
    let server = bench.log_api(redis.address)?;
    say::progress("  Redis");
    let key = log_key("bench");
    let question = command(&["XREVRANGE", &key, "+", "-", "COUNT", "101"].map(str::as_bytes));
    let question = String::from_utf8_lossy(&question).into_owned();
    let bare = rate(bench, redis.address, question, Protocol::Redis)?;
    say::progress("  log-api");
    let request = bench.request("/api/jobs/bench/logs?limit=100")?;
    let ours = rate(bench, server.address, request, Protocol::Http)?;
    figures.add(
        CASE,
        "Redis, XREVRANGE … COUNT 101",
        "1/s",
        Reach::Told,
        bare,
    );
    figures.add(CASE, "log-api", "1/s", Reach::Told, ours);
    figures.add(
        CASE,
        "requests/s over Redis's own",
        "",
        Reach::AtLeast(0.5),
        ours / bare,
    );
    Ok(())
}

fn rate(
    bench: &Bench,
    server: SocketAddr,
    request: String,
    answers: Protocol,
) -> Result<f64, BenchError> {
    let spec = Spec::Pages {
        server,
        request,
        answers,
        connections: 16,
    };
    let mut load = Load::start(&spec, &bench.stop)?;
    bench.stop.pause(std::time::Duration::from_secs(1))?;
    let window = Window::measure(bench, &mut load, &[], bench.window() / 2)?;
    Ok(as_f64(window.report.answers) / window.report.seconds)
}
