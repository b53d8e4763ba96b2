//! Workers that append over HTTP: many connections, each sending a batch at its own times.

use std::io::{BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::json;

use crate::clock::{now_ns, pause};
use crate::error::BenchError;
use crate::{http, line};

/// Who appends to what.
#[derive(Clone, Debug)]
pub(crate) struct Workers {
    /// The service.
    pub(crate) server: SocketAddr,
    /// An API key.
    pub(crate) key: String,
    /// What the jobs' ids begin with; worker `i` writes to job `{prefix}{i}`.
    pub(crate) prefix: &'static str,
    /// How many workers.
    pub(crate) count: usize,
    /// How many lines each batch has.
    pub(crate) batch: u64,
}

/// Workers that run. Dropping it stops them.
#[derive(Debug)]
pub(crate) struct Running {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Sent, BenchError>>>,
}

/// What workers did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// How many batches each of them has sent.
    pub(crate) rounds: u64,
    /// How late the last one was, in seconds: near a second, the rate was not kept.
    pub(crate) late: f64,
}

impl Workers {
    /// Creates a job of `owner` for each.
    pub(crate) fn create_jobs(&self, owner: &str) -> Result<(), BenchError> {
        let body = json!({"user_id": owner, "status": "starting"}).to_string();
        let mut connection = Connection::open(self.server)?;
        for job in 0..self.count {
            let request = self.request("PUT", job, "", &body);
            connection.send(&request)?;
            connection.answer()?;
        }
        Ok(())
    }

    /// Sends a batch of each worker every `period`, spread evenly over it. The first line of each has the number `first`.
    pub(crate) fn start(self, period: Duration, first: u64) -> Running {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || self.run(period, first, &told));
        Running {
            stop,
            thread: Some(thread),
        }
    }

    fn run(&self, period: Duration, first: u64, stop: &AtomicBool) -> Result<Sent, BenchError> {
        let mut connections = Vec::with_capacity(self.count);
        for _ in 0..self.count {
            connections.push(Connection::open(self.server)?);
        }
        let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let count = u64::try_from(self.count).unwrap_or(1);
        let began = now_ns();
        let mut sent = Sent::default();
        while !stop.load(Ordering::Relaxed) {
            for (worker, connection) in (0..).zip(&mut connections) {
                let due = began + sent.rounds * period + worker * period / count;
                let now = now_ns();
                if due > now {
                    pause(Duration::from_nanos(due - now));
                }
                // The answer to its last batch came long ago, or this is late.
                if sent.rounds > 0 && connection.answer()? {
                    connection.appended += self.batch;
                }
                // What was refused is sent again: the next line has the number that the service waits for.
                let number = first + connection.appended;
                connection.send(&self.batch(worker, number))?;
                sent.late = Duration::from_nanos(now_ns().saturating_sub(due)).as_secs_f64();
            }
            sent.rounds += 1;
        }
        for connection in &mut connections {
            connection.answer()?;
        }
        Ok(sent)
    }

    /// A batch whose first line has this number, as a worker sends it.
    fn batch(&self, worker: u64, number: u64) -> Vec<u8> {
        let now = now_ns();
        let mut body = String::new();
        for number in number..number + self.batch {
            body += &json!({"text": line::text(number, now), "source": "stdout"}).to_string();
            body.push('\n');
        }
        let headers = format!(
            "Content-Type: application/x-ndjson\r\nLog-Producer: w\r\nLog-Line: {}\r\n",
            number - 1
        );
        self.request(
            "POST",
            usize::try_from(worker).unwrap_or(0),
            &headers,
            &body,
        )
    }

    fn request(&self, method: &str, job: usize, headers: &str, body: &str) -> Vec<u8> {
        let (prefix, key, length) = (self.prefix, &self.key, body.len());
        format!(
            "{method} /api/jobs/{prefix}{job}/logs HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {key}\r\n{headers}\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

impl Running {
    /// Stops them; what they did.
    pub(crate) fn finish(mut self) -> Result<Sent, BenchError> {
        self.stop.store(true, Ordering::Relaxed);
        self.joined()
    }

    fn joined(&mut self) -> Result<Sent, BenchError> {
        let Some(thread) = self.thread.take() else {
            return Ok(Sent::default());
        };
        thread
            .join()
            .unwrap_or_else(|_| Err(BenchError::peer("workers", "their thread panicked")))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Whoever drops it has an error of its own to tell.
        let _ = self.joined();
    }
}

/// A worker's connection, which stays open.
struct Connection {
    stream: BufReader<TcpStream>,
    /// How many lines the service has taken.
    appended: u64,
}

impl Connection {
    fn open(server: SocketAddr) -> Result<Self, BenchError> {
        let open = || -> std::io::Result<TcpStream> {
            let socket = TcpStream::connect(server)?;
            socket.set_nodelay(true)?;
            socket.set_read_timeout(Some(Duration::from_secs(20)))?;
            socket.set_write_timeout(Some(Duration::from_secs(20)))?;
            Ok(socket)
        };
        let socket = open().map_err(BenchError::io("connect a worker"))?;
        let stream = BufReader::with_capacity(1024, socket);
        Ok(Self {
            stream,
            appended: 0,
        })
    }

    fn send(&mut self, request: &[u8]) -> Result<(), BenchError> {
        let sent = self.stream.get_mut().write_all(request);
        sent.map_err(BenchError::io("append a batch"))
    }

    /// Whether the service has taken it. If not, it has told this worker to come back.
    fn answer(&mut self) -> Result<bool, BenchError> {
        let status = http::read_answer(&mut self.stream);
        match status.map_err(BenchError::io("read the answer to a batch"))? {
            200 | 201 => Ok(true),
            429 => Ok(false),
            other => Err(BenchError::peer("log-api", format!("it answers {other}"))),
        }
    }
}
