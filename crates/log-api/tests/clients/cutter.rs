//! A proxy that cuts its first connection one byte into an event, its second one two bytes into it, and so on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};

/// About as many as the event has bytes.
const CUTS: usize = 100;

pub(crate) struct Cutter {
    pub(crate) addr: SocketAddr,
    cuts: Arc<AtomicUsize>,
}

impl Cutter {
    /// In front of a server; the event begins with this text.
    pub(crate) async fn start(server: SocketAddr, event: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let cuts = Arc::new(AtomicUsize::new(0));
        let counted = cuts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(connection(client, server, event, counted.clone()));
            }
        });
        Self { addr, cuts }
    }

    /// How many connections were cut.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

async fn connection(client: TcpStream, server: SocketAddr, event: &str, cuts: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = TcpStream::connect(server).await.unwrap().into_split();
    tokio::spawn(async move { copy(&mut from_client, &mut to_server).await });
    let (mut seen, mut sent) = (Vec::new(), 0);
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = from_server.read(&mut piece).await {
        seen.extend_from_slice(&piece[..count]);
        let done = cuts.load(Ordering::Relaxed);
        let begin = seen
            .windows(event.len())
            .position(|window| window == event.as_bytes());
        let cut = begin.map(|begin| begin + 1 + done);
        let cut = cut.filter(|cut| done < CUTS && seen.len() >= *cut);
        let up_to = cut.unwrap_or(seen.len()).max(sent);
        if to_client.write_all(&seen[sent..up_to]).await.is_err() {
            return;
        }
        sent = up_to;
        if cut.is_some() {
            cuts.fetch_add(1, Ordering::Relaxed);
            return;
        }
    }
}
