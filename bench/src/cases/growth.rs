//! What Redis notices of the number of viewers: nothing.

use std::time::Duration;

use super::window::as_f64;
use crate::bench::{Bench, create_jobs};
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::process::Load;
use crate::producer::{Producer, Sink};
use crate::resp::{Client, Reply};
use crate::say;

const CASE: &str = "viewers grow 10 → 1,000 → 10,000";
const RATE: u64 = 20;

/// One run.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let mut seen = Vec::new();
    for count in [10_usize, 1_000, bench.either(10_000, 2_000)] {
        say::progress(format_args!("  {count} viewers"));
        let (commands, connections) = follow(bench, count)?;
        figures.add(
            CASE,
            &format!("{count} viewers: Redis commands a second"),
            "",
            Reach::Told,
            commands,
        );
        figures.add(
            CASE,
            &format!("{count} viewers: Redis connections"),
            "",
            Reach::Told,
            connections,
        );
        seen.push((commands, connections));
    }
    if let ([(commands, connections), ..], Some((most_commands, most_connections))) =
        (seen.as_slice(), seen.last())
    {
        // The sweep and the count of lines in the window may differ by a little.
        figures.add(
            CASE,
            "Redis commands, 10,000 over 10",
            "",
            Reach::AtMost(1.1),
            most_commands / commands,
        );
        figures.add(
            CASE,
            "Redis connections, 10,000 over 10",
            "",
            Reach::AtMost(1.0),
            most_connections / connections,
        );
    }
    Ok(())
}

/// Commands a second and connections, the producer's and our own left out.
fn follow(bench: &Bench, count: usize) -> Result<(f64, f64), BenchError> {
    let redis = bench.redis()?;
    let mut client = Client::connect(redis.address)?;
    create_jobs(&mut client, ["bench".to_owned()].into_iter())?;
    let server = bench.log_api(redis.address)?;
    let mut load = Load::viewers(
        bench.viewers(&server, count, ("bench", ""), 1)?,
        &bench.stop,
    )?;
    let producer = Producer::start(Sink::job(redis.address, "bench", 1), RATE, u64::MAX);
    bench.stop.pause(Duration::from_secs(2))?;
    let length = bench.window();
    let before = commands(&mut client)?;
    bench.stop.pause(length)?;
    let after = commands(&mut client)?;
    let connections = client.info("clients", "connected_clients")? - 2.0;
    let sent = producer.finish()?;
    load.all_delivered("log-api", sent + 1, Duration::from_secs(20))?;
    Ok((as_f64(after - before) / length.as_secs_f64(), connections))
}

/// Commands so far that were not appends and not questions of this kind.
fn commands(client: &mut Client) -> Result<u64, BenchError> {
    let reply = client.call(&["INFO", "commandstats"])?;
    let Reply::Text(text) = reply else {
        return Ok(0);
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let calls = text.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        let calls = rest.split(',').next()?.parse::<u64>().ok()?;
        (!matches!(name, "xadd" | "info")).then_some(calls)
    });
    Ok(calls.sum())
}
