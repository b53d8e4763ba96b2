//! Lines of any size: how fast one viewer replays them, what Redis sends for that, and what very long lines cost others.

use std::time::Duration;

use super::window::as_f64;
use crate::accounting::peak;
use crate::bench::{Bench, create_jobs, fill_with};
use crate::clock::now_ns;
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::http::status;
use crate::load::process::Load;
use crate::resp::{Client, log_key};
use crate::say;
use crate::server::Server;

const CASE: &str = "lines from 31 bytes to 1 MB";

/// The shortest line that carries its number, and then by orders of magnitude.
const SIZES: [usize; 6] = [31, 100, 1_000, 10_000, 100_000, 1_000_000];

/// What the others are compared with.
const USUAL: usize = 1_000;

/// What a replay has shown.
struct Replay {
    /// MB a second at the viewer.
    speed: f64,
    /// Redis's output over what the viewer got.
    output: f64,
}

/// One run: a replay of each size, one of mixed sizes, and pages over lines of 5 MB.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let redis = bench.redis()?;
    let mut client = Client::connect(redis.address)?;
    let server = bench.log_api(redis.address)?;
    let mut speeds = Vec::new();
    for size in SIZES {
        say::progress(format!("  lines of {size} bytes"));
        let job = format!("bench-{size}");
        let replay = replay(bench, &mut client, &server, &job, |_| size)?;
        let name = format!("{size} bytes: replayed");
        figures.add(CASE, &name, "MB/s", Reach::Told, replay.speed);
        let name = format!("{size} bytes: Redis's output over the viewer's");
        figures.add(CASE, &name, "", Reach::AtMost(2.0), replay.output);
        speeds.push((size, replay.speed));
    }
    let usual = speeds.iter().find(|(size, _)| *size == USUAL);
    let usual = usual.map_or(f64::NAN, |(_, speed)| *speed);
    for (size, speed) in speeds.iter().filter(|(size, _)| *size > USUAL) {
        let name = format!("{size} bytes: MB/s over that of lines of 1 KB");
        figures.add(CASE, &name, "", Reach::AtLeast(0.8), speed / usual);
    }
    say::progress("  mixed lines");
    let mixed = |number: u64| {
        // The same each time, and spread over all sizes.
        let index = usize::try_from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61);
        SIZES[index.unwrap_or(0) % SIZES.len()]
    };
    let mixed = replay(bench, &mut client, &server, "bench-mixed", mixed)?;
    let name = "mixed: Redis's output over the viewer's";
    figures.add(CASE, name, "", Reach::AtMost(2.5), mixed.output);
    say::progress("  pages over lines of 5 MB");
    long_pages(bench, &mut client, &server, figures)
}

/// Fills a log, and lets one viewer read it from its start.
fn replay(
    bench: &Bench,
    client: &mut Client,
    server: &Server,
    job: &str,
    size: impl Fn(u64) -> usize,
) -> Result<Replay, BenchError> {
    let bytes = bench.either(128_000_000_usize, 16_000_000);
    create_jobs(client, [job.to_owned()].into_iter())?;
    let (mut lines, mut filled) = (0_u64, 0);
    while filled < bytes && lines < bench.either(200_000, 20_000) {
        lines += 1;
        filled += size(lines);
    }
    fill_with(client, job, 1..=lines, size)?;
    let before = client.info("stats", "total_net_output_bytes")?;
    let viewers = bench.viewers(server, 1, (job, "?from=start"), 1)?;
    let mut viewer = Load::viewers(viewers, &bench.stop)?;
    let report = viewer.all_delivered("log-api", lines + 1, Duration::from_secs(120))?;
    let sent = client.info("stats", "total_net_output_bytes")? - before;
    drop(viewer);
    client.call(&["UNLINK", &log_key(job)])?;
    Ok(Replay {
        speed: as_f64(report.bytes) / report.until_last / 1e6,
        output: sent / as_f64(report.bytes),
    })
}

/// Pages over forty lines of 5 MB, once with the bytes in the text and once in a field that nobody knows, while somebody
/// else reads short lines.
fn long_pages(
    bench: &Bench,
    client: &mut Client,
    server: &Server,
    figures: &mut Figures,
) -> Result<(), BenchError> {
    let jobs = [("bench-text", "text"), ("bench-foreign", "trace")];
    let short = "bench-short".to_owned();
    create_jobs(
        client,
        jobs.iter()
            .map(|(job, _)| (*job).to_owned())
            .chain([short.clone()]),
    )?;
    fill_with(client, &short, 1..=500, |_| 80)?;
    for (job, field) in jobs {
        let script = format!(
            "for _ = 1, 40 do redis.call('XADD', KEYS[1], '*', '{field}', string.rep('x', 5000000)) end"
        );
        client.call(&["EVAL", &script, "1", &log_key(job)])?;
    }
    let page = |job: &str| bench.request(&format!("/api/jobs/{job}/logs?limit=100"));
    let (others, address) = (page(&short)?, server.address);
    status(address, &others)?;
    let before = peak(&server.processes())?;
    let requests = jobs.map(|(job, _)| page(job));
    let reader = std::thread::spawn(move || -> Result<(), BenchError> {
        for request in requests {
            let request = request?;
            for _ in 0..5 {
                let answered = status(address, &request)?;
                if answered != 200 {
                    let said = format!("status {answered} for a page of long lines");
                    return Err(BenchError::peer("log-api", said));
                }
            }
        }
        Ok(())
    });
    let mut slowest = 0;
    while !reader.is_finished() {
        let began = now_ns();
        status(address, &others)?;
        slowest = slowest.max(now_ns() - began);
    }
    reader
        .join()
        .unwrap_or_else(|_| Err(BenchError::peer("reader", "its thread panicked")))?;
    let grown = peak(&server.processes())? - before;
    figures.add(
        CASE,
        "pages over lines of 5 MB: growth of the peak of memory",
        "MiB",
        Reach::AtMost(64.0),
        as_f64(grown) / 1_048_576.0,
    );
    figures.add(
        CASE,
        "the slowest page of somebody else meanwhile",
        "ms",
        Reach::AtMost(500.0),
        as_f64(slowest) / 1e6,
    );
    Ok(())
}
