//! A real Chromium that follows a log by `EventSource`s, on pages that proxies serve.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::programs::Program;
use crate::proxy::{Extras, Kind, Proxy};

/// A page reports after three minutes, whatever it has seen until then.
const PATIENCE: Duration = Duration::from_secs(200);

/// How an `EventSource` can show who it is.
pub(crate) const WAYS: [&str; 2] = ["cookie", "ticket"];

/// What a page of Chromium does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Following<'a> {
    /// The job that it follows.
    pub(crate) job: &'a str,
    /// Where it begins, as the stream is asked: `from=start`.
    pub(crate) begin: &'a str,
    /// How many sources it has.
    pub(crate) count: usize,
    /// One of [`WAYS`].
    pub(crate) way: &'a str,
    /// Who it is.
    pub(crate) token: &'a str,
}

impl<'a> Following<'a> {
    /// One source, from the first line of a job.
    pub(crate) fn one(job: &'a str, way: &'a str, token: &'a str) -> Self {
        let begin = "from=start";
        Self {
            job,
            begin,
            count: 1,
            way,
            token,
        }
    }
}

/// Follows a job of a server with a page behind nginx, which begins anew where a source has ended for good. Returns what
/// each source has got, and each answer that made it begin anew or stop.
pub(crate) async fn follow(server: SocketAddr, following: Following<'_>) -> Vec<Vec<Value>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let page = page();
    let extras = Extras {
        token: None,
        page: Some((&page, listener.local_addr().unwrap())),
    };
    let proxy = Proxy::start(Kind::NginxKept, &[server], extras).await;
    let Following {
        job,
        begin,
        count,
        way,
        token,
    } = following;
    let begin = begin.replace('=', "%3D");
    let query = format!("anew=1&job={job}&begin={begin}&count={count}&{way}={token}");
    let _browser = Chromium::open(&[format!("https://{}/page?{query}", proxy.addr)]);
    let mut seen = vec![Vec::new(); count];
    for mut line in Report::on(listener).arrives().await {
        let source = line.as_object_mut().unwrap().remove("source").unwrap();
        let source = usize::try_from(source.as_u64().unwrap()).unwrap();
        seen[source].push(line);
    }
    seen
}

/// The page with the sources.
pub(crate) fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/page.html")
}

/// A Chromium that shows some pages beside each other. It ends when this is dropped.
pub(crate) struct Chromium {
    _program: Program,
    _profile: TempDir,
}

impl Chromium {
    pub(crate) fn open(addresses: &[String]) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let shown = match addresses {
            [one] => one.clone(),
            several => frames(several, profile.path()),
        };
        let mut command = Command::new("chromium");
        command
            .args(["--headless=new", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--no-first-run"])
            .args(["--ignore-certificate-errors", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(shown);
        Self {
            _program: Program::start("chromium", &mut command),
            _profile: profile,
        }
    }
}

/// A page with these pages in frames. They get no cookies.
fn frames(addresses: &[String], folder: &Path) -> String {
    let frames = addresses.iter().fold(String::new(), |mut all, address| {
        let _ = writeln!(
            all,
            "<iframe src=\"{}\"></iframe>",
            address.replace('&', "&amp;")
        );
        all
    });
    let file = folder.join("frames.html");
    std::fs::write(&file, format!("<!doctype html>\n{frames}")).unwrap();
    format!("file://{}", file.display())
}

/// What a page sends to `/report` when all its sources have ended.
pub(crate) struct Report(JoinHandle<Vec<Value>>);

impl Report {
    /// Waits for the one report that comes to this listener.
    pub(crate) fn on(listener: TcpListener) -> Self {
        Self(tokio::spawn(reported(listener)))
    }

    pub(crate) async fn arrives(self) -> Vec<Value> {
        let report = timeout(PATIENCE, self.0).await;
        report.expect("the page reports in time").unwrap()
    }
}

/// The report. Somebody else may try this port, who knew another server there.
async fn reported(listener: TcpListener) -> Vec<Value> {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(report) = timeout(PATIENCE, read_report(stream)).await.unwrap() {
            return report;
        }
    }
}

async fn read_report(stream: TcpStream) -> std::io::Result<Vec<Value>> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let report = serde_json::from_slice(&body)?;
    let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    stream.get_mut().write_all(answer).await?;
    Ok(report)
}
