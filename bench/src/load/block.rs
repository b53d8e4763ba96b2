//! The barest client there can be: one stream, `XREAD BLOCK`, a connection of its own.

use std::net::SocketAddr;

use crate::clock::now_ns;
use crate::error::BenchError;
use crate::line;
use crate::load::Answer;
use crate::load::control::{self, Command};
use crate::load::tally::Tally;
use crate::resp::{Client, Reply};

/// Follows the stream from its end until the input ends.
pub(crate) fn run(redis: SocketAddr, key: &str) -> Result<(), BenchError> {
    let mut client = Client::connect(redis)?;
    let mut last = newest_id(&mut client, key)?;
    let commands = control::commands(|| {});
    let mut tally = Tally::new()?;
    let mut next = 0;
    control::tell(&Answer::Ready)?;
    loop {
        let reply = client.call(&[
            "XREAD", "COUNT", "500", "BLOCK", "100", "STREAMS", key, &last,
        ])?;
        let now = now_ns();
        tally.reads += 1;
        for entry in entries(&reply) {
            last = id(entry);
            let fields = entry.array().get(1).map_or(&[][..], Reply::array);
            for token in fields
                .iter()
                .filter_map(|field| field.text().get(..line::TOKEN_BYTES))
            {
                if let Some((number, at)) = line::parse(token) {
                    // It joins in the middle; its first line is the first that counts.
                    let expected = if next == 0 { number } else { next };
                    next = tally.line(expected, number, at, now);
                }
            }
        }
        for command in commands.try_iter() {
            match command {
                Command::Mark => tally.mark(),
                Command::Report => control::tell(&Answer::Report(Box::new(tally.report(1, next))))?,
            }
        }
    }
}

/// Where a stream ends.
pub(super) fn newest_id(client: &mut Client, key: &str) -> Result<String, BenchError> {
    let newest = client.call(&["XREVRANGE", key, "+", "-", "COUNT", "1"])?;
    Ok(newest.array().first().map_or_else(|| "0-0".to_owned(), id))
}

/// The entries of a reply to `XREAD`.
pub(super) fn entries(reply: &Reply) -> impl Iterator<Item = &Reply> {
    let streams = reply.array().iter();
    streams.flat_map(|stream| stream.array().get(1).map_or(&[][..], Reply::array))
}

pub(super) fn id(entry: &Reply) -> String {
    let id = entry.array().first().map_or(&[][..], Reply::text);
    String::from_utf8_lossy(id).into_owned()
}
