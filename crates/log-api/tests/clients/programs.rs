//! Client programs of other people, run as processes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::support::{ANN, ISSUER, ORIGIN};

/// A token of Ann's that outlives a test. Ten minutes is the longest that the server accepts.
pub(crate) fn long_token() -> String {
    let life = Duration::from_secs(600);
    ISSUER
        .session_token(ANN, ORIGIN, SystemTime::now(), life)
        .unwrap()
}

/// The libraries that `clients.py`, `clients.mjs` and the program in `rust` follow a stream with.
pub(crate) const LIBRARIES: [&str; 8] = [
    "httpx-sse",
    "requests-sse",
    "sseclient-py",
    "niquests",
    "aiohttp-sse-client2",
    "fetch",
    "eventsource-client",
    "reqwest-eventsource",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Python with the libraries of `requirements.txt`, where `cargo xtask test --full` has put it.
pub(crate) fn python() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-clients/bin/python")
}

/// The program in `rust`, where `cargo xtask test --full` has built it.
pub(crate) fn rust() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-clients/debug/rust-clients")
}

/// A client that runs. Killed on drop.
pub(crate) struct Program {
    child: Child,
    pub(crate) out: Lines<BufReader<ChildStdout>>,
    name: String,
}

impl Program {
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.kill_on_drop(true).spawn();
        let mut child =
            child.unwrap_or_else(|error| panic!("{name}: {error}; see `cargo xtask test --full`"));
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        Self {
            child,
            out,
            name: name.to_owned(),
        }
    }

    /// Follows a stream with a library.
    pub(crate) fn follow(library: &str, url: &str, token: &str) -> Self {
        let mut command = match library {
            "eventsource-client" | "reqwest-eventsource" => Command::new(rust()),
            _ if library == "fetch" || library.starts_with("event-source") => {
                let mut node = Command::new("node");
                node.args(["--no-warnings", "--experimental-eventsource"]);
                node.arg(folder().join("clients.mjs"));
                node
            }
            _ => {
                let mut python = Command::new(python());
                python.arg(folder().join("clients.py"));
                python
            }
        };
        Self::start(library, command.args([library, url, token]))
    }

    /// Everything that it prints until it ends by itself.
    pub(crate) async fn finish(mut self, within: Duration) -> (Vec<Value>, bool) {
        let errors = tokio::spawn(text(self.child.stderr.take().unwrap()));
        let reading = async {
            let mut printed = Vec::new();
            while let Some(line) = self.out.next_line().await.unwrap() {
                printed.push(serde_json::from_str(&line).unwrap());
            }
            (printed, self.child.wait().await.unwrap().success())
        };
        let Ok((printed, success)) = timeout(within, reading).await else {
            let _ = self.child.kill().await;
            panic!("{} does not end: {}", self.name, errors.await.unwrap());
        };
        if !success {
            println!("{}: {}", self.name, errors.await.unwrap());
        }
        (printed, success)
    }

    /// How it ends, whatever it prints until then.
    pub(crate) async fn status(mut self, within: Duration) -> std::process::ExitStatus {
        let ending = async {
            while let Ok(Some(_)) = self.out.next_line().await {}
            self.child.wait().await.unwrap()
        };
        let ended = timeout(within, ending).await;
        ended.unwrap_or_else(|_| panic!("{} does not end", self.name))
    }
}

async fn text(stream: impl AsyncRead + Unpin) -> String {
    let (mut lines, mut text) = (BufReader::new(stream).lines(), String::new());
    while let Ok(Some(line)) = lines.next_line().await {
        text += &line;
        text.push('\n');
    }
    text
}
