//! One viewer: the delay of a line through the service, over that of a bare client in `XREAD BLOCK` on the same Redis, and
//! through the barest relay, which says how much of it any process in between costs.

use std::net::SocketAddr;
use std::time::Duration;

use super::window::Window;
use crate::bench::{Bench, create_jobs};
use crate::error::BenchError;
use crate::figures::{Figures, Reach};
use crate::load::process::Load;
use crate::load::{Spec, Viewers};
use crate::producer::{Producer, Sink};
use crate::resp::{Client, log_key};
use crate::say;
use crate::server::free_address;

const CASE: &str = "one viewer, 200 lines/s";

/// One run, on the lines of one stream.
pub(crate) fn run(bench: &Bench, figures: &mut Figures) -> Result<(), BenchError> {
    let server = bench.redis()?;
    let redis = server.address;
    create_jobs(
        &mut Client::connect(redis)?,
        ["bench".to_owned()].into_iter(),
    )?;
    let key = log_key("bench");
    let mut lines = Lines {
        bench,
        redis,
        first: 1,
    };

    say::progress("  XREAD BLOCK");
    let block = Spec::Block {
        redis,
        key: key.clone(),
    };
    let bare = Load::start(&block, &bench.stop)?;
    let bare = lines.delays("bare XREAD BLOCK", bare, figures)?;

    say::progress("  the barest relay");
    let listen = free_address()?;
    let relay = Spec::Relay { listen, redis, key };
    let relay = Load::start(&relay, &bench.stop)?;
    let viewer = Viewers {
        server: listen,
        count: 1,
        request: "GET / HTTP/1.1\r\nHost: b\r\n\r\n".to_owned(),
        first: lines.first,
        reads: true,
    };
    let viewer = Load::viewers(viewer, &bench.stop)?;
    let least = lines.delays("the barest relay", viewer, figures)?;
    // It would read on beside what is measured next.
    drop(relay);

    say::progress("  log-api");
    let api = bench.log_api(redis)?;
    let viewer = bench.viewers(&api, 1, ("bench", ""), lines.first)?;
    let viewer = Load::viewers(viewer, &bench.stop)?;
    let ours = lines.delays("log-api", viewer, figures)?;

    let mut ratio = |figure, reach, value| figures.add(CASE, figure, "", reach, value);
    ratio(
        "the barest relay: p50 over XREAD BLOCK",
        Reach::Told,
        least / bare,
    );
    ratio(
        "p50 from XADD to viewer, over XREAD BLOCK",
        Reach::AtMost(4.0),
        ours / bare,
    );
    Ok(())
}

/// The lines of the stream.
struct Lines<'a> {
    bench: &'a Bench,
    redis: SocketAddr,
    /// The number of the next one.
    first: u64,
}

impl Lines<'_> {
    /// Appends lines for a while, all of which this load must get; their p50, in microseconds.
    fn delays(
        &mut self,
        name: &str,
        mut load: Load,
        figures: &mut Figures,
    ) -> Result<f64, BenchError> {
        let sink = Sink::job(self.redis, "bench", self.first);
        let producer = Producer::start(sink, 200, u64::MAX);
        self.bench.stop.pause(Duration::from_secs(1))?;
        let window = Window::measure(self.bench, &mut load, &[], self.bench.window())?;
        self.first += producer.finish()?;
        load.all_delivered(name, self.first, Duration::from_secs(10))?;
        let (p50, p99) = (window.report.p50_us, window.report.p99_us);
        let mut told = |figure: String, value| figures.add(CASE, &figure, "µs", Reach::Told, value);
        told(format!("{name}: p50"), p50);
        told(format!("{name}: p99"), p99);
        Ok(p50)
    }
}
