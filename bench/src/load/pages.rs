//! The same request again and again on each connection: a thread for each, which waits for its answer before it asks again.

use std::io::{BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::BenchError;
use crate::load::control::{self, Command};
use crate::load::tally::Tally;
use crate::load::{Answer, Protocol};
use crate::resp::{Reply, read_reply};

/// Asks until the input ends.
pub(crate) fn run(
    server: SocketAddr,
    requests: &[String],
    protocol: Protocol,
    connections: usize,
) -> Result<(), BenchError> {
    let answers = Arc::new(AtomicU64::new(0));
    for request in requests.iter().cycle().take(connections) {
        let (request, answers) = (request.clone(), Arc::clone(&answers));
        let mut socket = TcpStream::connect(server).map_err(BenchError::io("connect"))?;
        socket
            .set_nodelay(true)
            .map_err(BenchError::io("set a socket up"))?;
        std::thread::spawn(move || {
            if let Err(error) = ask(&mut socket, &request, protocol, &answers) {
                // The other side sees it, and ends this process.
                let _ = control::tell(&Answer::Failed(error.to_string()));
            }
        });
    }
    let (sender, wake) = std::sync::mpsc::channel();
    let commands = control::commands(move || {
        let _ = sender.send(());
    });
    let mut tally = Tally::new()?;
    control::tell(&Answer::Ready)?;
    let mut before = 0;
    while wake.recv().is_ok() {
        for command in commands.try_iter() {
            let now = answers.load(Ordering::Relaxed);
            match command {
                Command::Mark => {
                    tally.mark();
                    before = now;
                }
                Command::Report => {
                    tally.answers = now - before;
                    control::tell(&Answer::Report(Box::new(tally.report(0, 0))))?;
                }
            }
        }
    }
    Ok(())
}

fn ask(
    socket: &mut TcpStream,
    request: &str,
    protocol: Protocol,
    answers: &AtomicU64,
) -> Result<(), BenchError> {
    let mut buffer = vec![0; 256 * 1024];
    let exact = first_answer(socket, request, protocol)?;
    loop {
        socket
            .write_all(request.as_bytes())
            .map_err(BenchError::io("ask"))?;
        // The page does not change, so the length of a Redis reply does not either; this side then costs both
        // servers the same.
        let length = match exact {
            Some(length) => length,
            None => http_answer(socket, &mut buffer)?,
        };
        if exact.is_some() {
            let room = buffer
                .get_mut(..length)
                .ok_or_else(|| BenchError::peer("server", "its answer is too long"))?;
            socket
                .read_exact(room)
                .map_err(BenchError::io("read an answer"))?;
        }
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// Asks once, and makes sure that the answer is a page. The length of a Redis reply.
fn first_answer(
    socket: &mut TcpStream,
    request: &str,
    protocol: Protocol,
) -> Result<Option<usize>, BenchError> {
    if protocol == Protocol::Http {
        return Ok(None);
    }
    socket
        .write_all(request.as_bytes())
        .map_err(BenchError::io("ask"))?;
    let mut counted = BufReader::new(Counted {
        from: socket,
        bytes: 0,
    });
    let reply = read_reply(&mut counted).map_err(BenchError::io("read a reply"))?;
    if reply.array().is_empty() || matches!(reply, Reply::Error(_)) {
        return Err(BenchError::peer("redis-server", "its reply is no page"));
    }
    Ok(Some(counted.get_ref().bytes))
}

/// Reads one answer; the bytes of it that were read.
fn http_answer(socket: &mut TcpStream, buffer: &mut [u8]) -> Result<usize, BenchError> {
    let mut have = 0;
    loop {
        let room = buffer.get_mut(have..).unwrap_or_default();
        let length = socket
            .read(room)
            .map_err(BenchError::io("read an answer"))?;
        if length == 0 {
            return Err(BenchError::peer(
                "server",
                "it closed the connection, or its answer is too long",
            ));
        }
        have += length;
        let answer = buffer.get(..have).unwrap_or_default();
        let Some(end) = memchr::memmem::find(answer, b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default());
        if !head.starts_with("HTTP/1.1 200") {
            let line = head.lines().next().unwrap_or_default();
            return Err(BenchError::peer("server", format!("it answered `{line}`")));
        }
        let length = head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let length =
            length.ok_or_else(|| BenchError::peer("server", "its answer has no length"))?;
        if have >= end + 4 + length {
            return Ok(have);
        }
    }
}

/// Counts what is read.
struct Counted<'a> {
    from: &'a mut TcpStream,
    bytes: usize,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.from.read(buffer)?;
        self.bytes += length;
        Ok(length)
    }
}
