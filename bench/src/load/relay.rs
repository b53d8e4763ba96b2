//! The barest relay there can be between Redis and one viewer: `XREAD BLOCK`, and a write for each reply, on one thread. It
//! checks nobody, encodes nothing, misses what is trimmed; it is as near to a bare client as a process in between can be.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};

use crate::error::BenchError;
use crate::load::Answer;
use crate::load::block::{entries, id, newest_id};
use crate::load::control;
use crate::resp::{Client, Reply};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

/// Serves one viewer until the input ends.
pub(crate) fn run(listen: SocketAddr, redis: SocketAddr, key: &str) -> Result<(), BenchError> {
    let listener = TcpListener::bind(listen).map_err(BenchError::io("listen"))?;
    let _commands = control::commands(|| {});
    control::tell(&Answer::Ready)?;
    let (mut viewer, _) = listener.accept().map_err(BenchError::io("accept"))?;
    viewer
        .set_nodelay(true)
        .map_err(BenchError::io("set a socket up"))?;
    let request = BufReader::new(&viewer).lines();
    for line in request {
        if line.map_err(BenchError::io("read a request"))?.is_empty() {
            break;
        }
    }
    let mut client = Client::connect(redis)?;
    let mut last = newest_id(&mut client, key)?;
    viewer
        .write_all(HEAD.as_bytes())
        .map_err(BenchError::io("answer"))?;
    loop {
        let reply = client.call(&[
            "XREAD", "COUNT", "500", "BLOCK", "100", "STREAMS", key, &last,
        ])?;
        let mut frames = Vec::new();
        for entry in entries(&reply) {
            last = id(entry);
            frames.extend_from_slice(b"data: ");
            let fields = entry.array().get(1).map_or(&[][..], Reply::array);
            for field in fields {
                frames.extend_from_slice(field.text());
                frames.push(b' ');
            }
            frames.extend_from_slice(b"\n\n");
        }
        viewer
            .write_all(&frames)
            .map_err(BenchError::io("send to the viewer"))?;
    }
}
