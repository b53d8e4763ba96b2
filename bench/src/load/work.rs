//! A load process: what it was told to do, until its input ends.

use std::io::BufRead as _;

use crate::error::BenchError;
use crate::load::{Answer, Spec, block, control, pages, relay, viewers};

/// Runs a load process until its input ends.
pub(crate) fn run() -> Result<(), BenchError> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    read.map_err(BenchError::io("read what to do"))?;
    let ended = match serde_json::from_str(&line)? {
        Spec::Viewers(viewers) => viewers::run(&viewers),
        Spec::Block { redis, key } => block::run(redis, &key),
        Spec::Relay { listen, redis, key } => relay::run(listen, redis, &key),
        Spec::Pages {
            server,
            requests,
            answers,
            connections,
        } => pages::run(server, &requests, answers, connections),
    };
    if let Err(error) = &ended {
        control::tell(&Answer::Failed(error.to_string()))?;
    }
    ended
}
