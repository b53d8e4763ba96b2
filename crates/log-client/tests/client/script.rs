//! A server that answers each connection with the next part of a script, and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use log_client::{Client, ClientBuilder, ClientOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One answer, after which the connection is closed.
pub(crate) enum Part {
    /// These bytes.
    Answer(String),
    /// A stream of these bytes that is ended properly.
    Stream(&'static str),
    /// A stream of these bytes that is broken off.
    Broken(&'static str),
    /// A stream of these bytes that stays open and silent.
    Open(&'static str),
}

/// An answer with a status line, headers and a body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Part {
    let length = body.len();
    Part::Answer(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))
}

/// The running script.
pub(crate) struct Script {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    pub(crate) async fn play(parts: impl IntoIterator<Item = Part>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        let parts: Vec<_> = parts.into_iter().collect();
        tokio::spawn(async move {
            let mut open = Vec::new();
            for part in parts {
                let (mut client, _) = listener.accept().await.unwrap();
                let head = head(&mut client).await;
                kept.lock().unwrap().push(head);
                if let Some(client) = play(part, client).await {
                    open.push(client);
                }
            }
            // Whoever comes now waits for ever.
            std::future::pending::<()>().await;
        });
        Self { address, asked }
    }

    /// The heads of the requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// A header of a request.
    pub(crate) fn header(&self, request: usize, name: &str) -> Option<String> {
        let asked = self.asked();
        asked[request].lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    }

    /// A client that tries soon.
    pub(crate) fn builder(&self) -> ClientBuilder {
        let options = ClientOptions {
            first_pause: Duration::from_millis(20),
            longest_pause: Duration::from_millis(100),
            ..ClientOptions::default()
        };
        Client::builder(format!("http://{}", self.address)).options(options)
    }
}

async fn head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Returns a connection that is to stay open.
async fn play(part: Part, mut client: TcpStream) -> Option<TcpStream> {
    let stream = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n",
            body.len()
        )
    };
    let (bytes, stays) = match part {
        Part::Answer(bytes) => (bytes, false),
        Part::Stream(body) => (stream(body) + "0\r\n\r\n", false),
        Part::Broken(body) => (stream(body), false),
        Part::Open(body) => (stream(body), true),
    };
    client.write_all(bytes.as_bytes()).await.unwrap();
    client.flush().await.unwrap();
    stays.then_some(client)
}
