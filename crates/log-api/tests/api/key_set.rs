//! A Clerk instance's key set, served on loopback, behind a network that can break.

use std::net::SocketAddr;
use std::time::Duration;

use test_support::TcpProxy;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{Api, ISSUER};

/// Serves the key set of [`ISSUER`] until it is dropped.
pub(crate) struct KeySetServer {
    /// The network before the key set, which tests break.
    pub(crate) network: TcpProxy,
    task: JoinHandle<()>,
}

impl KeySetServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(client));
            }
        });
        Self {
            network: TcpProxy::start(address).await,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/.well-known/jwks.json", self.network.address())
    }

    /// A `log-api` that fetches its keys from here.
    pub(crate) async fn api(&self, redis_url: &str, settings: &[(&str, &str)]) -> Api {
        let url = self.url();
        let keys = [("CLERK_JWT_KEY", ""), ("CLERK_JWKS_URL", url.as_str())];
        Api::start(redis_url, &[&keys, settings].concat()).await
    }
}

async fn answer(mut client: TcpStream) -> Option<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut piece = [0; 1024];
        let read = tokio::time::timeout(Duration::from_secs(30), client.read(&mut piece));
        match read.await {
            Ok(Ok(read)) if read > 0 => request.extend(&piece[..read]),
            _ => return None,
        }
    }
    let keys = ISSUER.jwks_json();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        keys.len()
    );
    client
        .write_all((head + keys.as_str()).as_bytes())
        .await
        .ok()
}

impl Drop for KeySetServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
