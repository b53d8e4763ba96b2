//! The two terminals of the README, as somebody types them who has no Redis: the commands are read from it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use log_domain::Source;
use log_wire::sse::Event;
use tempfile::TempDir;
use test_support::{Chromium, HttpClient, SseReader};

use crate::page::Page;

const README: &str = include_str!("../../../../README.md");

/// What is made: it says something, goes on for a while, and ends.
const MAKEFILE: &str = "all:\n\t@echo compiling; echo a warning >&2; sleep 3; echo linked\n";

/// A machine with nothing on its PATH but what `make` needs.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for program in ["make", "sh", "sleep"] {
            let found = Command::new("sh")
                .args(["-c", &format!("command -v {program}")])
                .output()
                .unwrap();
            let path = String::from_utf8(found.stdout).unwrap();
            assert!(
                found.status.success(),
                "`{program}` on the PATH; Debian: apt-get install make"
            );
            std::os::unix::fs::symlink(path.trim(), folder.path().join(program)).unwrap();
        }
        std::fs::write(folder.path().join("Makefile"), MAKEFILE).unwrap();
        Self { folder }
    }

    /// A terminal in which these words are typed.
    fn terminal(&self, program: &Path, words: &[String]) -> Terminal {
        let mut child = Command::new(program)
            .args(words)
            .env_clear()
            .env("PATH", self.folder.path())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, printed) = channel();
        let out = child.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Terminal { child, printed }
    }
}

/// A running command, and what it prints. Killed on drop.
struct Terminal {
    child: Child,
    printed: Receiver<String>,
}

impl Terminal {
    /// The next line that it prints with this text.
    fn line_with(&self, text: &str) -> String {
        loop {
            let line = self.printed.recv_timeout(Duration::from_secs(30));
            let line = line.unwrap_or_else(|_| panic!("it does not print {text}"));
            if line.contains(text) {
                return line;
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The words of the command in the README with this text, behind those that build and start it.
fn typed(text: &str) -> Vec<String> {
    let mut lines = README
        .lines()
        .filter(|line| line.starts_with("cargo run --release "));
    let line = lines
        .find(|line| line.contains(text))
        .expect("the command is in the README");
    let (_, words) = line.split_once(" -- ").unwrap();
    words.split(' ').map(str::to_owned).collect()
}

/// `joblog`, which is built beside the service.
fn joblog() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_log-api")).with_file_name("joblog");
    assert!(path.exists(), "first: cargo build -p log-cli");
    path
}

#[tokio::test]
async fn the_two_terminals_of_the_readme_show_a_build_without_a_redis_and_without_settings() {
    let machine = Machine::new();
    // Other tests may have the usual port.
    let serve = [
        typed("serve --dev"),
        vec!["--bind".into(), "127.0.0.1:0".into()],
    ]
    .concat();
    let first = machine.terminal(Path::new(env!("CARGO_BIN_EXE_log-api")), &serve);
    let listening = first.line_with("Listening on http://");
    let address = listening.split("http://").nth(1).unwrap();
    let address: SocketAddr = address.split(',').next().unwrap().parse().unwrap();
    let run = typed("run --url").into_iter();
    let run: Vec<_> = run
        .map(|word| word.replace("127.0.0.1:8080", &address.to_string()))
        .collect();
    let mut second = machine.terminal(&joblog(), &run);
    let page_address = first.line_with("#code=");

    let browser = Chromium::new().await;
    browser.open(&page_address).await;
    let page = Page { browser };
    page.until("log?.dataset.state === 'ended'").await;
    let shown = page.text("texts().join('\\n')").await;
    for line in ["compiling", "a warning", "linked"] {
        assert!(shown.lines().any(|text| text == line), "{line}: {shown}");
    }
    assert!(second.child.wait().unwrap().success());
    second.line_with("compiling");
    second.line_with("linked");

    // And what curl gets, behind the next code.
    let again = first.line_with("#code=");
    let (job, code) = again
        .split_once("/jobs/")
        .unwrap()
        .1
        .split_once("#code=")
        .unwrap();
    let visitor = HttpClient::new(address);
    let door = visitor.request("POST", &format!("/jobs/{job}/code"));
    let token = door.body(code).send().await.json()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let stream = format!("/api/jobs/{job}/logs/stream?from=start");
    let mut stream = SseReader::open(visitor.with_bearer(&token).get(&stream)).await;
    let events = stream.rest(Duration::from_secs(30)).await;
    let texts: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Log(line) if line.source != Some(Source::System) => line.text.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(texts, ["compiling", "a warning", "linked"]);
    assert!(
        matches!(events.last(), Some(Event::Done { .. })),
        "{events:?}"
    );
}
