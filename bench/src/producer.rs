//! A producer: lines at a steady rate over one connection, pipelined where the server can, so that a slow answer does
//! not slow the load.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::{now_ns, pause};
use crate::error::BenchError;
use crate::load::Protocol;
use crate::{http, line, resp};

/// Where the lines go.
pub(crate) struct Sink {
    /// The server that takes them.
    pub(crate) server: SocketAddr,
    /// How it answers.
    pub(crate) protocol: Protocol,
    /// Whether it takes requests before it has answered those before.
    pub(crate) pipelined: bool,
    /// The request that appends the k-th line (from 0) at this time.
    pub(crate) request: Box<dyn Fn(u64, u64) -> Vec<u8> + Send>,
}

impl Sink {
    /// One job's log on a Redis, whose next line has the number `first`.
    pub(crate) fn job(redis: SocketAddr, job: &str, first: u64) -> Self {
        let key = resp::log_key(job);
        Self {
            server: redis,
            protocol: Protocol::Redis,
            pipelined: true,
            request: Box::new(move |k, now| resp::append(&key, &line::text(first + k, now))),
        }
    }

    /// The logs of these jobs in turn, whose next lines have the number `first`.
    pub(crate) fn jobs(redis: SocketAddr, jobs: &[String], first: u64) -> Self {
        let keys: Vec<String> = jobs.iter().map(|job| resp::log_key(job)).collect();
        Self {
            server: redis,
            protocol: Protocol::Redis,
            pipelined: true,
            request: Box::new(move |k, now| {
                let place = usize::try_from(k).unwrap_or(usize::MAX);
                let key = &keys[place % keys.len()];
                let round = u64::try_from(place / keys.len()).unwrap_or(u64::MAX);
                resp::append(key, &line::text(first + round, now))
            }),
        }
    }
}

/// A running producer. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Producer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<u64, BenchError>>>,
}

impl Producer {
    /// Appends `rate` lines a second from now on, at most `total`.
    pub(crate) fn start(sink: Sink, rate: u64, total: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || produce(&sink, rate, total, &told));
        Self {
            stop,
            thread: Some(thread),
        }
    }

    /// Stops it; how many lines it has appended. An error if one was refused or the rate was not kept.
    pub(crate) fn finish(mut self) -> Result<u64, BenchError> {
        self.stop.store(true, Ordering::Relaxed);
        self.joined()
    }

    /// Whether it has appended all that it was to.
    pub(crate) fn is_done(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    fn joined(&mut self) -> Result<u64, BenchError> {
        let Some(thread) = self.thread.take() else {
            return Ok(0);
        };
        thread
            .join()
            .unwrap_or_else(|_| Err(BenchError::peer("producer", "its thread panicked")))
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Whoever drops it has an error of its own to tell.
        let _ = self.joined();
    }
}

fn produce(sink: &Sink, rate: u64, total: u64, stop: &AtomicBool) -> Result<u64, BenchError> {
    let mut socket =
        TcpStream::connect(sink.server).map_err(BenchError::io("connect a producer"))?;
    socket
        .set_nodelay(true)
        .map_err(BenchError::io("set a socket up"))?;
    socket
        .set_write_timeout(Some(Duration::from_secs(20)))
        .map_err(BenchError::io("set a socket up"))?;
    let answered = Arc::new(AtomicU64::new(0));
    let reader = {
        let replies = socket
            .try_clone()
            .map_err(BenchError::io("share a socket"))?;
        replies
            .set_read_timeout(Some(Duration::from_secs(20)))
            .map_err(BenchError::io("set a socket up"))?;
        let (answered, protocol) = (Arc::clone(&answered), sink.protocol);
        std::thread::spawn(move || count_answers(replies, protocol, &answered))
    };
    let began = now_ns();
    let (mut sent, mut late) = (0, 0);
    while sent < total && !stop.load(Ordering::Relaxed) && !reader.is_finished() {
        let due = began + sent * 1_000_000_000 / rate.max(1);
        let now = now_ns();
        if due > now {
            pause(Duration::from_nanos((due - now).min(20_000_000)));
            continue;
        }
        if !sink.pipelined && answered.load(Ordering::Relaxed) < sent {
            pause(Duration::from_micros(50));
            continue;
        }
        late = now - due;
        socket
            .write_all(&(sink.request)(sent, now))
            .map_err(BenchError::io("append a line"))?;
        sent += 1;
    }
    // The last answers; then the reader is let go.
    for _ in 0..2_000 {
        if answered.load(Ordering::Relaxed) >= sent || reader.is_finished() {
            break;
        }
        pause(Duration::from_millis(10));
    }
    let _ = socket.shutdown(std::net::Shutdown::Both);
    let ended = reader
        .join()
        .unwrap_or_else(|_| Err(BenchError::peer("producer", "its thread panicked")));
    let answered = answered.load(Ordering::Relaxed);
    if answered < sent {
        // That the connection was closed is our own doing by now; anything else is the reason.
        if let Err(error @ BenchError::Peer { .. }) = ended {
            return Err(error);
        }
        return Err(BenchError::peer(
            "producer",
            format!("20 s after the last line, {answered} of {sent} were answered"),
        ));
    }
    if late > 2_000_000_000 {
        return Err(BenchError::peer(
            "producer",
            format!("it could not append {rate} lines a second"),
        ));
    }
    Ok(sent)
}

fn count_answers(
    socket: TcpStream,
    protocol: Protocol,
    answered: &AtomicU64,
) -> Result<(), BenchError> {
    let mut from = BufReader::with_capacity(64 * 1024, socket);
    loop {
        let said = match protocol {
            Protocol::Redis => match resp::read_reply(&mut from) {
                Ok(resp::Reply::Error(said)) => Some(said),
                Ok(resp::Reply::Text(_) | resp::Reply::Array(_) | resp::Reply::Null) => None,
                Err(source) => return Err(BenchError::io("read the answer to an append")(source)),
            },
            Protocol::Http => match http::read_answer(&mut from) {
                Ok(status) => (status >= 300).then(|| format!("status {status}")),
                Err(source) => return Err(BenchError::io("read the answer to an append")(source)),
            },
        };
        if let Some(said) = said {
            return Err(BenchError::peer(
                "server",
                format!("it refused a line: {said}"),
            ));
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
