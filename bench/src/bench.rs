//! What every case works with: the programs, the settings of the run, and the servers started as they are deployed.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use auth::mint::Issuer;
use tempfile::TempDir;

use crate::clock::Stop;
use crate::error::BenchError;
use crate::load::Viewers;
use crate::resp::{Client, job_key, log_key};
use crate::server::Server;

/// Whose jobs they are.
pub(crate) const OWNER: &str = "user_bench";

/// The front end that the tokens are for.
const FRONT_END: &str = "http://localhost:3000";

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// `log-api`, as it is deployed.
    pub(crate) log_api: PathBuf,
    /// `joblog`.
    pub(crate) joblog: PathBuf,
    /// `redis-server`.
    pub(crate) redis_server: PathBuf,
    /// `durable-streams-server`.
    pub(crate) durable_streams: PathBuf,
    /// `nginx`.
    pub(crate) nginx: PathBuf,
    /// nginx's nchan module.
    pub(crate) nchan: PathBuf,
}

/// An API key, and its entry for the service.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// The secret.
    pub(crate) key: String,
    entry: String,
}

/// One invocation.
pub(crate) struct Bench {
    /// Where the programs are.
    pub(crate) programs: Programs,
    /// Asked wherever something waits.
    pub(crate) stop: Stop,
    /// Small and short: to see that it works, not for figures.
    pub(crate) quick: bool,
    /// Signs the viewers' tokens.
    issuer: Issuer,
}

impl Bench {
    /// Makes an issuer, which takes a moment.
    pub(crate) fn new(programs: Programs, stop: Stop, quick: bool) -> Result<Self, BenchError> {
        Ok(Self {
            programs,
            stop,
            quick,
            issuer: Issuer::generate()?,
        })
    }

    /// A number for real figures, and one for a quick look.
    pub(crate) const fn either<T: Copy>(&self, real: T, quick: T) -> T {
        if self.quick { quick } else { real }
    }

    /// The length of a window in which something is measured.
    pub(crate) const fn window(&self) -> Duration {
        Duration::from_secs(self.either(10, 3))
    }

    /// A Redis of its own, in memory only.
    pub(crate) fn redis(&self) -> Result<Server, BenchError> {
        self.redis_with(Vec::new())
    }

    /// The same with further options.
    pub(crate) fn redis_with(&self, options: Vec<String>) -> Result<Server, BenchError> {
        Server::start("redis-server", &self.stop, |address, folder| {
            let mut command = Command::new(&self.programs.redis_server);
            command.current_dir(folder.path());
            command.args(["--bind", "127.0.0.1", "--port", &address.port().to_string()]);
            command.args(["--save", "", "--appendonly", "no"]);
            command.args(options);
            Ok(command)
        })
    }

    /// The service on that Redis, as it is deployed: the release binary, its defaults, authentication on. Only the
    /// limit of streams a user is off, because all jobs here are one user's.
    pub(crate) fn log_api(&self, redis: SocketAddr) -> Result<Server, BenchError> {
        self.log_api_at(&format!("redis://{redis}"))
    }

    /// The same, where `REDIS_URL` is to name more than one server.
    pub(crate) fn log_api_at(&self, url: &str) -> Result<Server, BenchError> {
        self.service(|command, _| {
            command.env("REDIS_URL", url);
            command.env("LOG_API_MAX_STREAMS_PER_USER", "0");
        })
    }

    fn service(&self, settings: impl FnOnce(&mut Command, &TempDir)) -> Result<Server, BenchError> {
        let mut server = Server::start("log-api", &self.stop, |address, folder| {
            let mut command = Command::new(&self.programs.log_api);
            command.arg("serve").current_dir(folder.path()).env_clear();
            command.env("LOG_API_BIND", address.to_string());
            command.env("CLERK_PUBLISHABLE_KEY", self.issuer.publishable_key());
            command.env("CLERK_JWT_KEY", self.issuer.public_pem()?);
            command.env("CLERK_AUTHORIZED_PARTIES", FRONT_END);
            settings(&mut command, folder);
            Ok(command)
        })?;
        let (stop, address) = (self.stop.clone(), server.address);
        stop.until("log-api's readiness", Duration::from_secs(20), || {
            server.check()?;
            Ok(crate::http::status(address, "GET /readyz HTTP/1.1\r\nHost: b\r\n\r\n")? == 200)
        })?;
        Ok(server)
    }

    /// An API key that may create jobs and write to them.
    pub(crate) fn key(&self) -> Result<Key, BenchError> {
        let mut command = Command::new(&self.programs.log_api);
        command.args(["keys", "new", "--name", "bench"]);
        for scope in ["jobs:create", "jobs:status", "logs:append"] {
            command.args(["--scope", scope]);
        }
        let output = command.env_clear().output();
        let output = output.map_err(BenchError::io("make an API key"))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut lines = printed.lines().map(str::to_owned);
        match (lines.next(), lines.next()) {
            (Some(key), Some(entry)) => Ok(Key { key, entry }),
            _ => Err(BenchError::peer("log-api", "it makes no key")),
        }
    }

    /// The service for workers with this key, on a Redis or with the embedded store. At full speed, one job may append
    /// as much as it can.
    pub(crate) fn ingest(
        &self,
        key: &Key,
        redis: Option<SocketAddr>,
        full_speed: bool,
    ) -> Result<Server, BenchError> {
        self.service(|command, folder| {
            command.env("LOG_API_KEYS", &key.entry);
            command.env("LOG_API_TOKEN_SECRET", "0123456789abcdef0123456789abcdef");
            command.env("LOG_API_MAX_STREAMS_PER_USER", "0");
            if full_speed {
                command.env("LOG_API_APPEND_LINES_PER_SEC", "0");
                command.env("LOG_API_APPEND_BYTES_PER_SEC", "0");
            } else {
                // What is kept of the logs for viewers has a bound of its own. Here it would hide what a connection costs.
                command.env("LOG_API_FEEDS_BYTES", "16777216");
            }
            match redis {
                Some(redis) => command.env("REDIS_URL", format!("redis://{redis}")),
                None => command
                    .args(["--store", "embedded", "--data"])
                    .arg(folder.path()),
            };
        })
    }

    /// A request for one of the service's routes, with a token that is fresh.
    pub(crate) fn request(&self, path: &str) -> Result<String, BenchError> {
        let life = Duration::from_secs(540);
        let token = self
            .issuer
            .session_token(OWNER, FRONT_END, SystemTime::now(), life)?;
        // As a browser sends it, give or take a header.
        Ok(format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate, br\r\n\
             Accept-Language: en\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nOrigin: {FRONT_END}\r\n\
             Authorization: Bearer {token}\r\n\r\n"
        ))
    }

    /// Viewers of the job `job`, which may hold `{i}`; `query` begins with `?`, or is empty.
    pub(crate) fn viewers(
        &self,
        server: &Server,
        count: usize,
        (job, query): (&str, &str),
        first: u64,
    ) -> Result<Viewers, BenchError> {
        Ok(Viewers {
            server: server.address,
            count,
            request: self.request(&format!("/api/jobs/{job}/logs/stream{query}"))?,
            first,
            reads: true,
        })
    }
}

/// Creates jobs of ours that run.
pub(crate) fn create_jobs(
    redis: &mut Client,
    jobs: impl Iterator<Item = String>,
) -> Result<(), BenchError> {
    redis.pipeline(jobs.map(|job| {
        let key = job_key(&job);
        let words = ["HSET", &key, "user_id", OWNER, "status", "code"];
        crate::resp::command(&words.map(str::as_bytes))
    }))
}

/// Fills a job's log with this many lines.
pub(crate) fn fill(redis: &mut Client, job: &str, lines: u64) -> Result<(), BenchError> {
    fill_with(redis, job, 1..=lines, |_| crate::line::LINE_BYTES)
}

/// Appends the lines of these numbers, each with a text of a size.
pub(crate) fn fill_with(
    redis: &mut Client,
    job: &str,
    numbers: RangeInclusive<u64>,
    size: impl Fn(u64) -> usize,
) -> Result<(), BenchError> {
    let key = log_key(job);
    redis.pipeline(numbers.map(|number| {
        let text = crate::line::text_of(number, crate::clock::now_ns(), size(number));
        crate::resp::append(&key, &text)
    }))
}
