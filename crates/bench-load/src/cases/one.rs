//! One viewer: the delay of a line through the service, over that of a bare client in `XREAD BLOCK` on the same Redis.

use std::time::Duration;

use super::window::Window;
use crate::bench::{Bench, create_jobs};
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::Spec;
use crate::load::process::Load;
use crate::producer::{Producer, Sink};
use crate::resp::{Client, log_key};

const CASE: &str = "one viewer, 200 lines/s";

/// One run: first the bare client, then the viewer, on the same lines' stream.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let redis = bench.redis()?;
    create_jobs(
        &mut Client::connect(redis.address)?,
        ["bench".to_owned()].into_iter(),
    )?;
    let server = bench.log_api(redis.address)?;
    let block = Spec::Block {
        redis: redis.address,
        key: log_key("bench"),
    };
    let mut bare = Load::start(&block, &bench.stop)?;
    let sent = {
        let producer = Producer::start(Sink::job(redis.address, "bench", 1), 200, u64::MAX);
        bench.stop.pause(Duration::from_secs(1))?;
        let bare = Window::measure(bench, &mut bare, &[], bench.window())?.report;
        figures.add(
            CASE,
            "bare XREAD BLOCK: p50",
            "µs",
            Reach::Told,
            bare.p50_us,
        );
        figures.add(
            CASE,
            "bare XREAD BLOCK: p99",
            "µs",
            Reach::Told,
            bare.p99_us,
        );
        (producer.finish()?, bare.p50_us)
    };
    drop(bare);
    let (sent, bare_p50) = sent;
    let viewer = bench.viewers(&server, 1, ("bench", ""), sent + 1)?;
    let mut viewer = Load::viewers(viewer, &bench.stop)?;
    let producer = Producer::start(Sink::job(redis.address, "bench", sent + 1), 200, u64::MAX);
    bench.stop.pause(Duration::from_secs(1))?;
    let ours = Window::measure(bench, &mut viewer, &[], bench.window())?.report;
    let more = producer.finish()?;
    viewer.all_delivered("log-api", sent + more + 1, Duration::from_secs(10))?;
    figures.add(CASE, "log-api: p50", "µs", Reach::Told, ours.p50_us);
    figures.add(CASE, "log-api: p99", "µs", Reach::Told, ours.p99_us);
    figures.add(
        CASE,
        "p50 from XADD to viewer, over XREAD BLOCK",
        "",
        Reach::AtMost(1.5),
        ours.p50_us / bare_p50,
    );
    Ok(())
}
