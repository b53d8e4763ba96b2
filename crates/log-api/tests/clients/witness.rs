//! Something between a client and a server that notes when a stream was asked for, and what the answer was.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// A request for a stream and the head of its answer.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) asked: Instant,
    pub(crate) answered: Instant,
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
}

#[derive(Clone)]
pub(crate) struct Witness {
    pub(crate) addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Witness {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let witness = Self {
            addr,
            seen: Arc::default(),
        };
        let seen = witness.seen.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                // When the stream was asked for whose answer has not come yet.
                let asked = Arc::new(Mutex::new(None));
                tokio::spawn(requests(from_client, to_server, asked.clone()));
                tokio::spawn(answers(from_server, to_client, asked, seen.clone()));
            }
        });
        witness
    }

    /// What was asked for so far, in the order of the answers.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }
}

/// A head comes in one piece: it is short, and both sides send it at once.
async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: Arc<Mutex<Option<Instant>>>,
) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let text = String::from_utf8_lossy(&piece[..count]);
        let line = text.lines().next().unwrap_or_default();
        if line.starts_with("GET ") && line.contains("/stream") {
            *asked.lock() = Some(Instant::now());
        }
        if to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: Arc<Mutex<Option<Instant>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let text = String::from_utf8_lossy(&piece[..count]).to_ascii_lowercase();
        if text.starts_with("http/1.1 ")
            && let Some(asked) = asked.lock().take()
        {
            let status = text["http/1.1 ".len()..].get(..3);
            let header = |line: &str| Some(line.strip_prefix("retry-after: ")?.trim().parse());
            let retry_after = text.lines().find_map(header);
            seen.lock().push(Seen {
                asked,
                answered: Instant::now(),
                status: status.unwrap().parse().unwrap(),
                retry_after: retry_after.map(|seconds| Duration::from_secs(seconds.unwrap())),
            });
        }
        if to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}
