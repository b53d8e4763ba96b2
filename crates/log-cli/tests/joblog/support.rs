//! The process under test, and its job in Redis.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use test_support::{RedisServer, Value};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

pub(crate) const ANN: &str = "user_ann";

/// Longer than any wait of these tests takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }
}

/// `joblog` with nothing in its environment except `PATH`.
#[expect(
    clippy::disallowed_methods,
    reason = "joblog needs the PATH of the tests to find commands"
)]
pub(crate) fn joblog(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_joblog"));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Runs a command until it ends.
pub(crate) async fn ended(mut command: Command) -> Ended {
    end_of(command.spawn().unwrap()).await
}

pub(crate) async fn end_of(child: Child) -> Ended {
    let output = timeout(SOON, child.wait_with_output()).await;
    let output = output.expect("the process ends by itself").unwrap();
    Ended {
        code: output.status.code(),
        out: output.stdout,
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Reads one line of a running process.
pub(crate) async fn first_line(child: &mut Child) -> String {
    // One byte at a time, so that the following lines can be read later.
    let out = child.stdout.as_mut().unwrap();
    let mut line = Vec::new();
    let read = async {
        loop {
            match out.read_u8().await.unwrap() {
                b'\n' => break,
                byte => line.push(byte),
            }
        }
    };
    timeout(SOON, read).await.expect("a line comes");
    String::from_utf8(line).unwrap()
}

/// Waits until a running process prints a text to standard error.
pub(crate) async fn says(child: &mut Child, part: &str) {
    let err = child.stderr.as_mut().unwrap();
    let mut lines = BufReader::with_capacity(1, err).lines();
    let wait = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(part) {
                return;
            }
        }
        panic!("it ended and did not print `{part}`");
    };
    timeout(SOON, wait).await.expect("the text is printed");
}

/// A job in Redis. `new` and `on` do not create it there.
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) redis: Arc<RedisServer>,
}

impl Job {
    pub(crate) async fn new() -> Self {
        Self::on(RedisServer::shared().await)
    }

    pub(crate) fn on(redis: Arc<RedisServer>) -> Self {
        Self {
            id: format!("{:032x}", fastrand::u128(..)),
            redis,
        }
    }

    /// A job with this status, which belongs to Ann.
    pub(crate) async fn with_status(status: &str) -> Self {
        let job = Self::new().await;
        job.command(&["HSET", &job.key(), "status", status, "user_id", ANN])
            .await;
        job
    }

    pub(crate) fn key(&self) -> String {
        format!("job:{}", self.id)
    }

    pub(crate) async fn command(&self, command: &[&str]) -> Value {
        self.redis.command(command).await
    }

    /// `joblog` with this job and its Redis in the environment.
    pub(crate) fn joblog(&self, arguments: &[&str]) -> Command {
        let mut command = joblog(arguments);
        command
            .env("JOBLOG_REDIS_URL", self.redis.url())
            .env("JOBLOG_JOB", &self.id);
        command
    }

    /// `joblog run` with a shell script, and Ann as the owner.
    pub(crate) fn run(&self, options: &[&str], script: &str) -> Command {
        let mut command = self.joblog(&["run", "--user", ANN]);
        command.args(options).args(["--", "sh", "-c", script]);
        command
    }

    pub(crate) async fn status(&self) -> String {
        self.command(&["HGET", &self.key(), "status"]).await.text()
    }

    pub(crate) async fn set_status(&self, status: &str) {
        self.command(&["HSET", &self.key(), "status", status]).await;
    }

    /// Appends a line, and returns its id.
    pub(crate) async fn append(&self, id: &str, source: &str, text: &str) -> String {
        let logs = format!("{}:logs", self.key());
        let fields = ["source", source, "text", text];
        let command = [&["XADD", &logs, id], &fields[..]].concat();
        self.command(&command).await.text()
    }

    /// The source and text of all lines in Redis.
    pub(crate) async fn log(&self) -> Vec<(String, String)> {
        let sources = self.field("source").await.into_iter();
        sources.zip(self.field("text").await).collect()
    }

    /// One field of all lines in Redis. A missing one is empty.
    pub(crate) async fn field(&self, name: &str) -> Vec<String> {
        let logs = format!("{}:logs", self.key());
        let entries = self.command(&["XRANGE", &logs, "-", "+"]).await.array();
        let value = |entry: Value| {
            let [_, fields] = <[_; 2]>::try_from(entry.array()).unwrap();
            let fields: Vec<_> = fields.array().iter().map(Value::text).collect();
            let pair = fields.chunks(2).find(|pair| pair[0] == name);
            pair.map(|pair| pair[1].clone()).unwrap_or_default()
        };
        entries.into_iter().map(value).collect()
    }

    /// The texts of the command's lines in Redis, without `system` lines.
    pub(crate) async fn texts(&self) -> Vec<String> {
        let log = self.log().await.into_iter();
        log.filter(|(source, _)| source != "system")
            .map(|(_, text)| text)
            .collect()
    }
}

/// `line 0`, `line 1`, …
pub(crate) fn numbered(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("line {n}")).collect()
}

/// A script that prints numbered lines, with a pause after every `pause_every` lines.
pub(crate) fn counting(lines: usize, pause_every: usize, pause: &str) -> String {
    format!(
        "i=0; while [ $i -lt {lines} ]; do echo line $i; i=$((i+1)); [ $((i%{pause_every})) -eq 0 ] && sleep {pause}; done; exit 0"
    )
}
